"""A few rows of a file of any size, drawn evenly in one pass."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rmboost.amounts import number
from rmboost.errors import InputError
from rmboost.inspection.evidence import suspicion
from rmboost.inspection.scan import Scan, Wanted, base_id
from rmboost.preferences import Row
from rmboost.reservoir import Reservoir
from rmboost.visible import one_line


@dataclass(frozen=True, slots=True)
class Sample:
    """``rows`` in file order, out of ``matched`` that were wanted and ``total`` in the file called ``name``.

    ``rejects``: the rows are rejects, and ``reasons`` counts the wanted ones. ``torn``: the last line was cut off
    and left out. remark: why there is no row, where that is good news.
    """

    rows: tuple[Row, ...]
    name: str
    total: int
    matched: int
    rejects: bool
    reasons: Counter[str]
    torn: bool
    remark: str = ""


def sample(
    source: Path | BinaryIO, n: int = 3, seed: int = 0, wanted: Wanted | None = None, suspect: bool = False
) -> Sample:
    """``n`` of the wanted rows, each equally likely; the same ones for the same file and seed.

    suspect: those that most speaks against, the worst first, and only such (see ``inspection.evidence``).

    Memory holds ``n`` rows, whatever the size of the file. Raises InputError for a file that cannot be read,
    when nothing in it is wanted, and for the beginning of an id that several prompts share.
    """
    scan = Scan(source, wanted)
    drawn = _Drawing(n, seed, scan.wanted.id, suspect)
    for row in scan:
        drawn.offer(row)
    remark = _all_is_well(scan, suspect) if not drawn.rows.offered else ""
    if not remark and not drawn.rows.offered and (scan.total or not scan.rejects):
        if not (suspect and scan.matched):
            raise scan.found_nothing()
        raise _nothing_suspect(scan)
    if len(drawn.prompts) > 1:
        raise InputError(
            f"{scan.name}: several ids begin with {scan.wanted.id!r}",
            f"give more of one of them: {', '.join(map(one_line, sorted(drawn.prompts)))}",
        )
    rows = tuple(drawn.rows.items if suspect else sorted(drawn.rows.items, key=lambda row: row.line))
    return Sample(rows, scan.name, scan.total, drawn.rows.offered, scan.rejects, drawn.reasons, scan.torn, remark)


def _nothing_suspect(scan: Scan) -> InputError:
    asking = "" if scan.rejects else f"; `{scan.judging}` asks a judge"
    return InputError(
        f"{scan.name}: nothing is known against any of these {number(scan.matched, 'row')}",
        f"verdicts of a judge and flags of checks would be{asking}",
    )


def _all_is_well(scan: Scan, suspect: bool) -> str:
    """What is said where a judge has looked and found nothing; empty where that is not why no row is shown."""
    if not scan.judged:
        return ""
    looked = f"a judge has looked at {scan.judged:,} of {scan.total:,}"
    if suspect and scan.matched:
        pairs = number(scan.matched, "reject" if scan.rejects else "pair")
        return f"nothing speaks against any of these {pairs}; {looked}"
    return f"no label is contradicted; {looked}" if scan.wanted == Wanted(disagree=True) else ""


class _Worst:
    """The ``size`` rows that most speaks against, of all offered that anything does; the worst first."""

    def __init__(self, size: int) -> None:
        self.size, self.offered = size, 0
        self._heap: list[tuple[float, int, Row]] = []

    def offer(self, row: Row) -> None:
        """One more row; of rows that are as bad, the first in the file is kept."""
        if weight := suspicion(row):
            self.offered += 1
            heapq.heappush(self._heap, (weight, -row.line, row))
            if len(self._heap) > self.size:
                heapq.heappop(self._heap)

    @property
    def items(self) -> list[Row]:
        """The worst first."""
        return [row for _, _, row in sorted(self._heap, reverse=True)]


class _Drawing:
    """Once a row has the very ``id`` that is asked for, rows whose ids only begin with it no longer count."""

    def __init__(self, n: int, seed: int, id: str, suspect: bool) -> None:
        self.n, self.seed, self.id, self.suspect = n, seed, id, suspect
        self.exact = False
        self._empty()

    def offer(self, row: Row) -> None:
        exact = bool(self.id) and self.id in (row.id, base_id(row.id))
        if exact and not self.exact:
            self.exact = True
            self._empty()
        if exact == self.exact:
            self._take(row)

    def _empty(self) -> None:
        self.rows: Reservoir[Row] | _Worst = _Worst(self.n) if self.suspect else Reservoir(self.n, self.seed)
        self.reasons: Counter[str] = Counter()
        self.prompts: set[str] = set()

    def _take(self, row: Row) -> None:
        self.rows.offer(row)
        if row.reason:
            self.reasons[row.reason] += 1
        if self.id and len(self.prompts) < 4:
            self.prompts.add(base_id(row.id))
