"""A JSON Lines file that is only ever appended to, and knows the sha256 of what it holds."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from rmboost.errors import StoreError, way_out

_CHUNK = 1 << 20


class RowFile:
    """Rows on disk; ``size`` bytes of them are good."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        self._known = ""
        self._file: IO[bytes] | None = None

    @property
    def sha256(self) -> str:
        return self._known or self._hash.hexdigest()

    @property
    def is_open(self) -> bool:
        """Whether rows can be appended."""
        return self._file is not None

    @property
    def length(self) -> int:
        """Bytes of the file as it is; of what is no file, 0."""
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def changed(self) -> int:
        """When the file was last written to, in nanoseconds by the system's clock: only good to see whether it was."""
        return self.path.stat().st_mtime_ns if self.path.is_file() else 0

    def adopt(self, size: int, sha256: str) -> None:
        """Take the file to hold this, unread; nothing will be appended."""
        self.size, self._known = size, sha256

    def open_at(self, size: int, sha256: str, *, cut: bool = True) -> bool:
        """Keep the first ``size`` bytes, if they have that hash, and append after them. False: they have not.

        cut: drop what comes after them; else ``cut`` is to be called before the first row is appended.
        """
        self.close()
        self.size, self._hash, self._known = 0, hashlib.sha256(), ""
        if size and not (self.path.is_file() and self._read(size) and self.sha256 == sha256):
            self.size, self._hash = 0, hashlib.sha256()
            return False
        try:
            self._file = self.path.open("r+b" if self.path.exists() else "w+b", buffering=0)
        except OSError as error:
            raise self._unwritten(error) from None
        if cut:
            self.cut()
        self._file.seek(size)
        return True

    def cut(self) -> None:
        """Drop what comes after the bytes that are good."""
        if self._file and self.length != self.size:  # not when it is: that would count as writing to it
            self._file.truncate(self.size)

    def append(self, row: Mapping[str, Any]) -> bytes:
        """Write one row and hand it to the operating system, so that a reader sees it; returns the line."""
        assert self._file is not None
        line = encode(row)
        self.refuse_meddling()
        try:
            _write_whole(self._file, line)
        except OSError as error:
            self._file.truncate(self.size)
            raise self._unwritten(error) from None
        self._hash.update(line)
        self.size += len(line)
        return line

    def refuse_meddling(self) -> None:
        """Raises StoreError where the file is removed, replaced or cut by others while rows are written to it."""
        if not self._file:
            return
        state = os.fstat(self._file.fileno())
        if not state.st_nlink or state.st_size < self.size:
            done = "cut" if state.st_nlink else "removed or replaced"
            hint = "the same command writes its rows again; answered calls cost nothing"
            raise StoreError(f"{self.path} was {done} while the run wrote it", hint)

    def flush(self) -> None:
        """Bring all rows to disk."""
        if self._file:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._unwritten(error) from None

    def close(self) -> None:
        """Bring all rows to disk and close."""
        try:
            self.flush()
        finally:
            if self._file:
                self._file.close()
                self._file = None

    def _unwritten(self, error: OSError) -> StoreError:
        return StoreError(f"{self.path} cannot be written: {error.strerror}", way_out(error))

    def _read(self, size: int) -> bool:
        with self.path.open("rb") as file:
            while self.size < size and (chunk := file.read(min(_CHUNK, size - self.size))):
                self._hash.update(chunk)
                self.size += len(chunk)
        return self.size == size


def encode(row: Mapping[str, Any]) -> bytes:
    """The line of a row."""
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _write_whole(file: IO[bytes], line: bytes) -> None:
    """Unbuffered, so that a full disk is met here and not when the file is closed."""
    rest = memoryview(line)
    while rest:
        rest = rest[file.write(rest) :]
