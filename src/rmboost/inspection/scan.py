"""One pass over a file of rows: which are wanted, and what there is to want."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import BinaryIO

from rmboost.claim import free, run_folder
from rmboost.errors import InputError
from rmboost.preferences import REJECT, Preferences, Row
from rmboost.preferences.row import HINT
from rmboost.visible import one_line

_REPETITION = re.compile(r"#\d+$")
_NAMES_KEPT = 200  # a foreign file may name another aspect in every row; messages need no more than these


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows to take: those that have all of what is set here. ``id`` may be the beginning of one."""

    aspect: str = ""
    label: str = ""
    id: str = ""
    reason: str = ""
    disagree: bool = False
    """a judge contradicts the label"""

    def takes(self, row: Row) -> bool:
        """Whether the row is one of these."""
        return (
            (not self.aspect or self.aspect in row.aspects)
            and (not self.label or self.label == row.label)
            and (not self.reason or self.reason == row.reason)
            and (not self.disagree or row.judge.get("winner") == "rejected")
            and row.id.startswith(self.id)
        )

    def __str__(self) -> str:
        fields = ("aspect", "label", "id", "reason")
        said = [f"{name} {value!r}" for name in fields if (value := getattr(self, name))]
        return " and ".join([*said, *(["a judge against its label"] if self.disagree else [])])


class Scan:
    """The wanted rows of a file, one at a time, in its order; counts as it goes.

    ``total`` rows are in the file and ``matched`` are wanted; ``torn``: the last line was cut off, as in a file
    that a run is writing, and left out. Raises InputError, with file and line, for what cannot be read.
    """

    def __init__(self, source: Path | BinaryIO, wanted: Wanted | None = None) -> None:
        self._file = Preferences(source)
        self.wanted = wanted or Wanted()
        self.name = self._file.name
        self.total = self.matched = 0
        self.rejects = self.name.endswith("rejects.jsonl")
        self._seen: dict[str, Counter[str]] = {name: Counter() for name in ("aspect", "label", "reason", "verdict")}
        self._ids: list[str] = []

    def __iter__(self) -> Iterator[Row]:
        for row in self._file:
            self._need_one_kind(row)
            self._count(row)
            if self.wanted.takes(row):
                self.matched += 1
                yield row

    @property
    def torn(self) -> bool:
        """Whether the last line was cut off."""
        return self._file.torn

    @property
    def judging(self) -> str:
        """The command that has a judge look at this file."""
        output = Path("judged.jsonl")
        if Path(self.name).absolute() == output.absolute():
            output = free(output)
        return f"rmboost judge {'FILE' if self.name == 'stdin' else quote(self.name)} -o {output}"

    @property
    def judged(self) -> int:
        """How many rows of the file hold a verdict of a judge."""
        return self._seen["verdict"].total()

    def found_nothing(self) -> InputError:
        """Why no row came: the file is empty, or has none of these, and what it has instead."""
        if not self.total:
            still = "no complete row yet" if self.torn else "no rows"
            return InputError(f"{self.name}: {still} in the file", HINT)
        kind = "reject" if self.rejects else "pair"
        none = f"the only {kind} does not have" if self.total == 1 else f"none of the {self.total:,} {kind}s has"
        message = f"{self.name}: {none} {self.wanted}"
        asked = [name for name in self._seen if getattr(self.wanted, name, False)]
        asked += ["verdict"] if self.wanted.disagree else []
        hints = [f"{name}s in the file: {_listed(self._seen[name])}" for name in asked]
        if self.wanted.disagree and not self._seen["verdict"] and not self.rejects:
            hints.append(f"`{self.judging}` asks one")
        if self.wanted.id:
            hints.append(f"ids look like {', '.join(self._ids)}" if self._ids else "the rows have no ids")
        return InputError(message, "; ".join(hints))

    def _need_one_kind(self, row: Row) -> None:
        if self.total and self.rejects != (row.sides == REJECT):
            what = "a pair among rejects" if self.rejects else "a reject among pairs"
            raise InputError(f"{self.name}, {self._file.unit} {row.line}: {what}", "give each a file of its own")

    def _count(self, row: Row) -> None:
        self.total += 1
        self.rejects = row.sides == REJECT
        told = {
            "aspect": row.aspects,
            "label": (row.label,),
            "reason": (row.reason,),
            "verdict": (str(row.judge.get("winner", "")),),
        }
        for name, values in told.items():
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
    beside = run_folder(path) / "rejects.jsonl"
    if not beside.exists():
        raise InputError(
            f"no rejects beside {path}: {beside} is not there",
            "the folder of the run that wrote the pairs has them; that file can be named, too",
        )
    return beside


def _listed(counts: Counter[str]) -> str:
    shown = ", ".join(f"{one_line(name)} ({n:,})" for name, n in counts.most_common(12))
    return (shown or "none") + (", …" if len(counts) > 12 else "")
