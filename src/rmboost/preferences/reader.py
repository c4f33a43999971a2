"""Rows out of a file, one at a time, whatever it is packed in."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from rmboost.errors import InputError
from rmboost.preferences import tables
from rmboost.preferences.row import HINT, PAIR, Row, parse
from rmboost.sources.files import check_text, nearest

MAKES_ONE = "`rmboost generate prompts.jsonl -o pairs.jsonl` makes one"
"""For the pairs that a command is about; not for those that it compares them with."""
_BOM = b"\xef\xbb\xbf"
_ONE_A_LINE = "one object a line: jq -c . FILE > lines.jsonl"
_LONGEST = 2**28
"""Bytes of a line: a packed file of a few kB may hold one that no memory has room for."""
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"


class Preferences:
    """The rows of a file, in its order, as often as it is iterated (a stream: once).

    ``torn``: the last line was cut off, as in a file that a run is writing, and left out. ``unit``: what the numbers of
    rows count, ``line`` or ``row``, known with the first. Raises InputError, with file and line, for what cannot be
    read. Memory holds a row, or a batch of a table, or the whole of a JSON array.
    if_missing: a hint for a file that is not there, nor one of a name like it.
    """

    def __init__(self, source: Path | BinaryIO, if_missing: str = MAKES_ONE) -> None:
        self.source, self._if_missing = source, if_missing
        self.name = str(source) if isinstance(source, Path) else "stdin"
        self.torn = False
        self.unit = "line"

    def __iter__(self) -> Iterator[Row]:
        for line, data in self.objects():
            yield parse(data, line, f"{self.name}, {self.unit} {line}")

    def pairs(self) -> Iterator[Row]:
        """The rows of a file that is to hold pairs alone. Raises InputError for a reject as well."""
        for row in self:
            if row.sides != PAIR:
                problem = f"{self.name}, {self.unit} {row.line}: a reject, and no pair"
                raise InputError(problem, "name the pairs, which lie beside the run's folder")
            yield row

    def objects(self) -> Iterator[tuple[int, Any]]:
        """What the lines hold, pairs or not, with their numbers."""
        self.torn = False
        try:
            yield from self._objects()
        except (OSError, EOFError, zlib.error) as error:
            raise _unreadable(self.name, error, self._if_missing) from None

    def _objects(self) -> Iterator[tuple[int, Any]]:
        if not isinstance(self.source, Path):
            return self._json(self.source)
        head = _head(self.source)
        if self.source.is_dir() or head.startswith(_PARQUET):
            self.unit = "row"
            return tables.parquet(self.source) if head else tables.arrow(self.source)
        if not head.startswith(_GZIP):
            check_text(self.name, head)
        if self.source.suffix.lower() == ".csv" and head:
            return tables.comma_separated(self.source)
        return self._json(gzip.open(self.source) if head.startswith(_GZIP) else self.source.open("rb"))

    def _json(self, stream: Any) -> Iterator[tuple[int, Any]]:
        with stream if stream is not self.source else nullcontext():
            first = stream.readline(_LONGEST)
            if first.removeprefix(_BOM).lstrip().startswith(b"["):
                self.unit = "row"
                yield from enumerate(self._array(first.removeprefix(_BOM) + stream.read()), start=1)
                return
            yield from self._line(1, first)
            for number, line in enumerate(iter(partial(stream.readline, _LONGEST), b""), start=2):
                yield from self._line(number, line)

    def _line(self, number: int, line: bytes) -> Iterator[tuple[int, Any]]:
        if len(line) == _LONGEST:
            raise InputError(f"{self.name}, line {number}: longer than {_LONGEST >> 20} MB", HINT)
        line = line.removeprefix(_BOM)  # not only of line 1: files that were put together with `cat` have more
        if not line or line.isspace():
            return
        try:
            yield number, json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            if line.lstrip().startswith(b"{") and not line.endswith(b"\n"):
                self.torn = True
                return
            hint = _ONE_A_LINE if line.strip() == b"{" else HINT
            raise InputError(f"{self.name}, line {number}: not JSON ({_why(error)})", hint) from None

    def _array(self, text: bytes) -> list[Any]:
        try:
            found: list[Any] = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self.name}: not a JSON array ({_why(error)})", HINT) from None
        return found


def _head(path: Path) -> bytes:
    """The first bytes of a file; none of a pipe, which would miss them later."""
    if path.exists() and not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(8)


def no_such_file(name: str, hint: str = MAKES_ONE) -> InputError:
    """The error for a file that is not there, with a hint at what is, else with this one."""
    return InputError(f"{name}: no such file", nearest(Path(name)) or hint)


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start + 1}"
    return "nested too deeply" if isinstance(error, RecursionError) else "a number of more than 4,300 digits"


def _unreadable(name: str, error: Exception, if_missing: str) -> InputError:
    if isinstance(error, FileNotFoundError):
        return no_such_file(name, if_missing)
    return InputError(f"{name}: cannot be read ({getattr(error, 'strerror', None) or error})")
