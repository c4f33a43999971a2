"""One pass over a file of rows: which are wanted, and what there is to want."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rmboost.errors import InputError
from rmboost.inspection.rows import HINT, REJECT, Row, parse
from rmboost.inspection.visible import one_line

_REPETITION = re.compile(r"#\d+$")
_BOM = b"\xef\xbb\xbf"
_NAMES_KEPT = 200  # a foreign file may name another aspect in every row; messages need no more than these


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows to take: those that have all of what is set here. ``id`` may be the beginning of one."""

    aspect: str = ""
    label: str = ""
    id: str = ""
    reason: str = ""

    def takes(self, row: Row) -> bool:
        """Whether the row is one of these."""
        return (
            (not self.aspect or self.aspect in row.aspects)
            and (not self.label or self.label == row.label)
            and (not self.reason or self.reason == row.reason)
            and row.id.startswith(self.id)
        )

    def __str__(self) -> str:
        fields = ("aspect", "label", "id", "reason")
        return " and ".join(f"{name} {value!r}" for name in fields if (value := getattr(self, name)))


class Scan:
    """The wanted rows of a file, one at a time, in its order; counts as it goes.

    ``total`` rows are in the file and ``matched`` are wanted; ``torn``: the last line was cut off, as in a file
    that a run is writing, and left out. Raises InputError, with file and line, for what cannot be read.
    """

    def __init__(self, source: Path | BinaryIO, wanted: Wanted | None = None) -> None:
        self.source = source
        self.wanted = wanted or Wanted()
        self.name = str(source) if isinstance(source, Path) else "stdin"
        self.total = self.matched = 0
        self.torn = False
        self.rejects = self.name.endswith("rejects.jsonl")
        self._seen: dict[str, Counter[str]] = {name: Counter() for name in ("aspect", "label", "reason")}
        self._ids: list[str] = []

    def __iter__(self) -> Iterator[Row]:
        for number, line in enumerate(self._lines(), start=1):
            if line.isspace() or (row := self._row(number, line)) is None:
                continue
            self._count(row)
            if self.wanted.takes(row):
                self.matched += 1
                yield row

    def found_nothing(self) -> InputError:
        """Why no row came: the file is empty, or has none of these, and what it has instead."""
        if not self.total:
            still = "no complete row yet" if self.torn else "no rows"
            return InputError(f"{self.name}: {still} in the file", HINT)
        kind = "reject" if self.rejects else "pair"
        message = f"{self.name}: none of the {self.total:,} {kind}s has {self.wanted}"
        asked = [name for name in self._seen if getattr(self.wanted, name)]
        hints = [f"{name}s in the file: {_listed(self._seen[name])}" for name in asked]
        if self.wanted.id:
            hints.append(f"ids look like {', '.join(self._ids)}" if self._ids else "the rows have no ids")
        return InputError(message, "; ".join(hints))

    def _lines(self) -> Iterator[bytes]:
        try:
            opened = self.source.open("rb") if isinstance(self.source, Path) else nullcontext(self.source)
            with opened as stream:
                first = stream.readline()
                yield first[len(_BOM) :] if first.startswith(_BOM) else first
                yield from stream
        except OSError as error:
            raise _unreadable(self.name, error) from None

    def _row(self, number: int, line: bytes) -> Row | None:
        where = f"{self.name}, line {number}"
        if not line:
            return None
        try:
            data: Any = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            if line.lstrip().startswith(b"{") and not line.endswith(b"\n"):
                self.torn = True
                return None
            raise InputError(f"{where}: not JSON ({_why(error)})", HINT) from None
        return parse(data, number, where)

    def _count(self, row: Row) -> None:
        self.total += 1
        self.rejects = row.sides == REJECT
        for name, values in (("aspect", row.aspects), ("label", (row.label,)), ("reason", (row.reason,))):
            seen = self._seen[name]
            seen.update(value for value in values if value and (value in seen or len(seen) < _NAMES_KEPT))
        if row.id and len(self._ids) < 3:
            self._ids.append(one_line(row.id))


def base_id(row_id: str) -> str:
    """The prompt's id: the row's without its ``#repetition``."""
    return _REPETITION.sub("", row_id)


def rejects_of(path: Path) -> Path:
    """Where the run that writes ``path`` keeps its rejects; a file of rejects is its own answer.

    Raises InputError when there is none.
    """
    if path.name == "rejects.jsonl":
        return path
    beside = path.with_name(f"{path.stem}.run") / "rejects.jsonl"
    if not beside.exists():
        raise InputError(
            f"no rejects beside {path}: {beside} is not there",
            "the folder of the run that wrote the pairs has them; that file can be named, too",
        )
    return beside


def _listed(counts: Counter[str]) -> str:
    shown = ", ".join(f"{one_line(name)} ({n:,})" for name, n in counts.most_common(12))
    return (shown or "none") + (", …" if len(counts) > 12 else "")


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start + 1}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _unreadable(name: str, error: OSError) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(f"{name}: no such file", "`rmboost generate prompts.jsonl -o pairs.jsonl` makes one")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{name} is a folder", f"name a file in it, such as {name.rstrip('/')}/pairs.jsonl")
    return InputError(f"{name}: cannot be read ({error.strerror})")
