"""The tail: answers that wait for their commit, where a kill does not reach them.

A commit brings many answers to disk at once, and is waited for in company (``writer.py``). Until it is done they stand
in a file beside the journal, in the hands of the system, which outlives the process. A power cut may take them.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from zlib import crc32

from rmboost.records import canonical_json

_HEAD = struct.Struct("<III")
"""Before each row: control sum of what follows, bytes of the text, bytes of all else."""
_TEXT = 5
"""The place of the text in a row of ``calls``. It stands there as it is: most of a row is text, and JSON is dear."""


class Tail:
    """Two files that take turns: while the answers in one are committed, new ones go to the other.

    journal: the file that they stand beside, and that they are meant for.
    """

    def __init__(self, journal: Path) -> None:
        self._paths = [journal.with_suffix(f".tail-{number}") for number in (1, 2)]
        self._files: list[IO[bytes]] = []
        self._turn, self._closed = 0, False

    def left(self) -> Iterator[tuple[Any, ...]]:
        """Rows of ``calls`` that a killed process did not commit, as far as they are whole. Raises OSError."""
        for path in self._paths:
            if path.exists():
                yield from _rows(memoryview(path.read_bytes()))

    def append(self, row: Sequence[Any]) -> None:
        """Hand a row over to the system. Where it takes none, the commit will tell why."""
        if self._closed:
            return
        with suppress(OSError):
            if not self._files:
                self._files = [path.open("ab", buffering=0) for path in self._paths]
            _write(self._files[self._turn], _record(row))

    def turn(self) -> None:
        """What came so far is about to be committed; what comes now is not."""
        self._turn = 1 - self._turn

    def committed(self) -> None:
        """What came before the turn is on disk. Where it stays here as well, it is taken in once more."""
        if self._files:
            with suppress(OSError):
                self._files[1 - self._turn].truncate(0)

    def remove(self) -> None:
        """All that stood here is committed. Where the files stay, the same holds."""
        for path in self._paths:
            with suppress(OSError):
                path.unlink()

    def close(self, *, keep: bool = False) -> None:
        """Remove the files, if they were written; keep: leave them for the next run."""
        for file in self._files:
            file.close()
        if self._files and not keep:
            self.remove()
        self._files, self._closed = [], True


def _write(file: IO[bytes], record: bytes) -> None:
    """All of it or nothing: what comes after half a record would be lost with it."""
    if (taken := file.write(record)) < len(record):
        file.truncate(file.tell() - taken)


def _record(row: Sequence[Any]) -> bytes:
    key, *others = row
    text: bytes = others.pop(_TEXT - 1).encode("utf-8", "surrogatepass")
    rest = canonical_json([key.hex(), *others])
    return _HEAD.pack(crc32(rest, crc32(text)), len(text), len(rest)) + text + rest


def _rows(records: memoryview) -> Iterator[tuple[Any, ...]]:
    """Up to the first record that is not as it was written."""
    while len(records) >= _HEAD.size:
        control, middle, end = _HEAD.unpack_from(records)
        content, records = records[_HEAD.size : _HEAD.size + middle + end], records[_HEAD.size + middle + end :]
        if not end or len(content) < middle + end or crc32(content) != control:
            return
        key, *others = json.loads(_text(content[middle:]))
        others.insert(_TEXT - 1, _text(content[:middle]))
        yield (bytes.fromhex(key), *others)


def _text(content: memoryview) -> str:
    return str(content, "utf-8", "surrogatepass")
