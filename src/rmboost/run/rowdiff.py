"""A file of rows beside the rows that it should hold: which lines differ and in what, which are missing or too many."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rmboost.visible import one_line

_SHOWN = 20
Identity = tuple[str, int] | None


class RowDiff:
    """Is given the rows that should be there, one after the other, and reads the file along with them.

    size: only so many bytes of the file count; None: all. differences: the first of them in words, of ``count`` in all.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        self.path = path
        self.rows = 0
        self.count = 0
        self.differences: list[str] = []
        self._wanted = hashlib.sha256()
        self._found = hashlib.sha256()
        self._lines = _lines(path, size)
        self._number = 0
        self._line: bytes | None = None
        self._rest: Counter[Identity] | None = None
        self._size = size
        self._advance()

    @property
    def sha256(self) -> tuple[str, str]:
        """Of the rows that should be there, and of those that are."""
        return self._wanted.hexdigest(), self._found.hexdigest()

    def expect(self, wanted: bytes) -> None:
        """The next row that should be there."""
        self.rows += 1
        self._wanted.update(wanted)
        if self._line is not None and wanted != self._line:
            self._pass_over_to(_identity(wanted))
        if self._line is None or _identity(self._line) != _identity(wanted):
            self._note(f"the row of {_name(wanted)} is missing{self._before()}")
            return
        if wanted != self._line:
            self._note(f"line {self._number} ({_name(wanted)}): {_difference(self._line, wanted)}")
        self._advance()

    def waits(self, row_id: str, repetition: int) -> bool:
        """Whether the next row says that this job got no answer: one may have come since."""
        line = self._line or b""
        return _identity(line) == (row_id, repetition) and _row(line).get("kind") == "failed"

    def take(self, row_id: str, repetition: int) -> None:
        """The next row is what it is, if it is of this job: nothing is known of it."""
        if self._line is not None and _identity(self._line) == (row_id, repetition):
            self.rows += 1
            self._wanted.update(self._line)
            self._advance()

    def end(self) -> None:
        """No more rows should be there."""
        while self._line is not None:
            self._note(f"line {self._number} ({_name(self._line)}) should not be here")
            self._advance()

    def _pass_over_to(self, wanted: Identity) -> None:
        """Skip lines that should not be here, if the wanted one comes after them."""
        if self._rest is None:
            lines = list(_identities(self.path, self._size))
            self._rest = Counter(lines[self._number - 1 :])
        while self._line is not None and self._rest[wanted] > 0 and _identity(self._line) != wanted:
            self._note(f"line {self._number} ({_name(self._line)}) should not be here")
            self._advance()

    def _advance(self) -> None:
        if self._line is not None and self._rest is not None:
            self._rest[_identity(self._line)] -= 1
        self._line = next(self._lines, None)
        if self._line is not None:
            self._number += 1
            self._found.update(self._line)

    def _before(self) -> str:
        return f" before line {self._number}" if self._line is not None else " at the end"

    def _note(self, what: str) -> None:
        self.count += 1
        if len(self.differences) < _SHOWN:
            self.differences.append(f"{self.path.name}: {what}")


def _lines(path: Path, size: int | None) -> Iterator[bytes]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        left = path.stat().st_size if size is None else size
        while left > 0 and (line := file.readline(left)):
            left -= len(line)
            yield line


def _identities(path: Path, size: int | None) -> Iterator[Identity]:
    return map(_identity, _lines(path, size))


def _identity(line: bytes) -> Identity:
    """Which job a row is of; None for what is no row."""
    row = _row(line)
    about = row.get("rmboost")
    repetition = about.get("repetition", 0) if isinstance(about, dict) else row.get("repetition", 0)
    return (str(row["id"]), repetition) if "id" in row else None


def _row(line: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _name(line: bytes) -> str:
    row = _row(line)
    return f"id {one_line(str(row['id']))}" if "id" in row else "no row at all"


def _difference(found: bytes, wanted: bytes) -> str:
    """The fields that are not the same, with the beginnings of what they hold."""
    old, new = dict(_flat(_row(found))), dict(_flat(_row(wanted)))
    names = [name for name in {**new, **old} if old.get(name) != new.get(name)]
    if not names:
        return "the same in other bytes (spaces, or the order of fields)"
    said = f"{names[0]} is {_shown(old, names[0])}, the answers give {_shown(new, names[0])}"
    return said + (f"; {', '.join(names[1:])} as well" if names[1:] else "")


def _shown(row: Mapping[str, Any], name: str) -> str:
    return one_line(json.dumps(row[name], ensure_ascii=False)) if name in row else "not there"


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict) and value and prefix.count(".") < 3:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{one_line(name)}", value
