"""Pairs to look at: some of all, those that a judge disagrees with, and some rejects of every reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rmboost.inspection.evidence import finite, shown
from rmboost.inspection.excerpt import excerpt
from rmboost.inspection.words import Part, compare
from rmboost.preferences import Row
from rmboost.report.table import Chunk
from rmboost.reservoir import Reservoir
from rmboost.texts import count

_DISAGREEING = 20
_A_REASON = 5
_PROMPT_ROOM, _RESPONSE_ROOM = 1_500, 4_000  # characters


@dataclass(frozen=True)
class Side:
    """A response: its text in parts, with what only this side has marked."""

    name: str
    words: int
    second: bool
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Example:
    """A row as it is shown. judge: ``agrees``, ``disagrees``, ``tie``, ``unreadable``, or "" when it was not asked."""

    line: int
    id: str
    label: str
    aspects: tuple[str, ...]
    reason: str
    detail: str
    judge: str
    p_chosen: float | None
    evidence: tuple[tuple[str, str], ...]
    prompt: tuple[tuple[str, tuple[Part, ...]], ...]
    sides: tuple[Side, Side]
    alike: bool

    def color(self, place: int) -> str:
        """``c`` as for chosen or ``r`` as for rejected; of a reject, the second response is the one to look at."""
        return "cr"[place] if not self.reason else "rc"[place]


class Gallery:
    """Draws rows to show while a file passes."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self._seed = seed
        self._pairs: Reservoir[Row] = Reservoir(size, seed)
        self._disagreeing: Reservoir[Row] = Reservoir(min(size, _DISAGREEING), seed)
        self._rejects: dict[str, Reservoir[Row]] = {}

    def see(self, chunk: Chunk) -> None:
        """See ``Watcher``."""
        for row in chunk.rows:
            self._pairs.offer(row)
            if row.judge.get("winner") == "rejected":
                self._disagreeing.offer(row)

    def offer_reject(self, row: Row) -> None:
        """One more reject."""
        size = min(self._pairs.size, _A_REASON)
        self._rejects.setdefault(row.reason, Reservoir(size, self._seed)).offer(row)

    def examples(self) -> list[Example]:
        """The rows drawn, pairs before rejects, each in the order of its file."""
        pairs = {row.line: row for row in (*self._pairs.items, *self._disagreeing.items)}
        rejects = {row.line: row for drawn in self._rejects.values() for row in drawn.items}
        return [_example(rows[line]) for rows in (pairs, rejects) for line in sorted(rows)]


def _example(row: Row) -> Example:
    left, right = row.texts
    compared = compare(left, right)
    parts = (compared.left, compared.right)
    if compared.little_in_common or not (left and right):
        parts = (Part(left),), (Part(right),)
    winner = str(row.judge.get("winner", ""))
    return Example(
        line=row.line,
        id=row.id,
        label=row.label,
        aspects=row.aspects,
        reason=row.reason,
        detail=str(row.data.get("detail") or row.data.get("error") or "") if row.reason else "",
        judge={"chosen": "agrees", "rejected": "disagrees"}.get(winner, winner),
        p_chosen=finite(row.judge.get("p_chosen")),
        evidence=tuple(shown(row)),
        prompt=tuple((role, excerpt([Part(text)], _PROMPT_ROOM)) for role, text in row.prompt),
        sides=_sides(row, parts),
        alike=left == right,
    )


def _sides(row: Row, parts: tuple[Iterable[Part], ...]) -> tuple[Side, Side]:
    one, other = (
        Side(name, count(text), row.second == name or name == "second", excerpt(tuple(each), _RESPONSE_ROOM))
        for name, text, each in zip(row.sides, row.texts, parts, strict=True)
    )
    return one, other
