"""The rows of a preference file that have the highest of some number, such as the margin of their scores.

Pace et al., West-of-N, arXiv 2401.12086, section 4: of all pairs, those over a quantile of confidence are kept.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import Any

from rmboost.errors import InputError
from rmboost.inspection.evidence import evidence, finite
from rmboost.labels.verification import size_of
from rmboost.preferences import Preferences, Row
from rmboost.preferences.row import HINT
from rmboost.registry import suggest
from rmboost.visible import one_line

_SCORES = (
    *(("score_chosen", "score_rejected"), ("chosen_score", "rejected_score")),
    *(("chosen-rating", "rejected-rating"), ("chosen_rating", "rejected_rating")),
    *(("rating_chosen", "rating_rejected"), ("chosen_avg_rating", "rejected_avg_rating")),
)
"""What others call the scores whose difference is the margin."""
_NAMES_KEPT = 200
_DEEPEST = 50  # nobody names a number that lies deeper
_WRITTEN = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Selection:
    """Of ``total`` rows, the ``kept`` ones whose number ``by`` is ``bound`` or more; ``lacking`` have none."""

    by: str
    bound: float
    total: int
    kept: int
    lacking: int

    def rows(self, file: Preferences) -> Iterator[Row]:
        """The rows that are kept, in the order of the file; none of those that were written since it was read."""
        for row in islice(file, self.total):
            number = numbers(row).get(self.by)
            if number is not None and number >= self.bound:
                yield row


def highest(file: Preferences, by: str, keep: str) -> Selection:
    """Those with the highest numbers: ``all`` that have one, a number of rows, or a percentage such as ``50%``.

    More where several have the lowest that is kept. Raises InputError, and ValueError for what is no size.
    """
    kind, size = size_of(keep)
    found, total = _numbers_of(file, by)
    ranked = sorted(found, reverse=True)
    wanted = max(1, ceil(round(size * len(found), 6))) if kind == "share" else int(size)
    return _selection(by, ranked[min(wanted, len(found)) - 1], found, total)


def from_bound(file: Preferences, by: str, bound: float) -> Selection:
    """Those with this number or more. Raises InputError, also where there is none."""
    found, total = _numbers_of(file, by)
    if not max(found) >= bound:  # nan is not
        raise InputError(f"{file.name}: no pair has {by} {bound:g} or more", f"the highest is {max(found):g}")
    return _selection(by, bound, found, total)


def numbers(row: Row) -> Mapping[str, float]:
    """What a row has in numbers, by name: its columns, ``judge.p_chosen`` for what is in one, and its evidence."""
    found = {**dict(_numbers(evidence(row))), **dict(_numbers(row.data))}
    for chosen, rejected in _SCORES:
        if chosen in found and rejected in found:
            found.setdefault("margin", found[chosen] - found[rejected])
    return found


def _numbers(values: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            if depth < _DEEPEST:
                yield from _numbers(value, f"{prefix}{name}.", depth + 1)
        elif (number := _number(value)) is not None:
            yield f"{prefix}{name}", number


def _number(value: Any) -> float | None:
    """As a float, which the bound will be too; also of a text, as tables such as CSV hold it."""
    if isinstance(value, str):
        return float(value) if _WRITTEN.fullmatch(value) else None
    return finite(value)


def _numbers_of(file: Preferences, by: str) -> tuple[array[float], int]:
    """The number of each row that has it, and how many rows there are. Raises InputError where none has it."""
    found, total = array("d"), 0
    known: dict[str, None] = {}
    for row in file.pairs():
        total += 1
        here = numbers(row)
        if len(known) < _NAMES_KEPT:
            known.update(dict.fromkeys(here))
        if by in here:
            found.append(here[by])
    if not total:
        raise InputError(f"{file.name}: no rows in the file", HINT)
    if not found:
        none = f"{file.name}: none of the {total:,} pairs has a number {by!r}"
        raise InputError(none, one_line(suggest(by, known), 400) or "the rows have no numbers")
    return found, total


def _selection(by: str, bound: float, found: array[float], total: int) -> Selection:
    return Selection(by, bound, total, sum(number >= bound for number in found), total - len(found))
