"""Intervals around shares that were counted on a sample."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import expm1, floor, inf, pi, sqrt, tan
from statistics import NormalDist

CONFIDENCE = 0.95
"""Of every interval: how often it holds the true value."""
_Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total``, with the interval that holds the true share."""

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else float("nan")

    def dump(self) -> dict[str, float | int | None]:
        """As JSON; ``share`` is null where nothing was counted."""
        value = self.value if self.total else None
        return {"share": value, "low": self.low, "high": self.high, "count": self.count, "total": self.total}

    def __str__(self) -> str:
        """``12.5 % (8.1–18.8, n=144)``."""
        if not self.total:
            return "– (n=0)"
        return f"{100 * self.value:.1f} % ({100 * self.low:.1f}–{100 * self.high:.1f}, n={self.total})"


def share(count: int, total: int, cases: float | None = None) -> Share:
    """A share with its Wilson score interval (Wilson 1927), which holds for few cases and for shares near 0 and 1.

    cases: how many independent ones the total is worth, where that is less.
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no share")
    if not total:
        return Share(0, 0, 0.0, 1.0)
    return Share(count, total, *wilson(count / total, cases or total))


def wilson(value: float, cases: float) -> tuple[float, float]:
    """Low and high of the Wilson score interval around a share of so many cases, which need not be a whole number."""
    middle = (value + _Z * _Z / (2 * cases)) / (1 + _Z * _Z / cases)
    half = _Z * sqrt(value * (1 - value) / cases + _Z * _Z / (4 * cases * cases)) / (1 + _Z * _Z / cases)
    return (0.0 if value == 0 else middle - half), (1.0 if value == 1 else middle + half)


def clustered(cases: Iterable[tuple[bool, Hashable]]) -> Share:
    """The share of cases that are so, each with the name of its group: cases of one group may be alike."""
    cases = list(cases)
    return share(sum(yes for yes, _ in cases), len(cases), cases=effective(cases))


def effective(cases: Iterable[tuple[bool, Hashable]]) -> float:
    """How many independent cases these are worth, each with the name of its group."""
    groups: dict[Hashable, list[int]] = {}
    for yes, group in cases:
        found = groups.setdefault(group, [0, 0])
        found[0] += yes
        found[1] += 1
    return worth([count for count, _ in groups.values()], [size for _, size in groups.values()]) if groups else 0.0


def worth(counts: Sequence[float], sizes: Sequence[int]) -> float:
    """How many independent cases the cases of some groups are worth, where ``counts`` of their ``sizes`` are so.

    The number of cases over the design effect (Kish 1965): the variance of the share when whole groups are drawn, over
    that when cases are drawn. A large group draws the share to itself, so what it differs by is taken as from the share
    of the others (Bell and McCaffrey 2002), and groups count as so many equal ones as they are worth. Few of them
    tell little of that variance, so that the quantile of Student's t stands in for the normal one (Korn and Graubard
    1998); but groups that are each all of one kind are worth about a case each.
    """
    groups, cases = len(sizes), sum(sizes)
    value, equal = sum(counts) / cases, cases * cases / sum(size * size for size in sizes)
    if groups in (1, cases) or value in (0, 1):
        return equal
    apart = ((count - value * size) / (1 - size / cases) for count, size in zip(counts, sizes, strict=True))
    squares = sum(each * each for each in apart) * (groups - 1) / groups
    known = min(cases, value * (1 - value) * cases * cases / squares) if squares else cases
    return max(min(known, equal), known * (student(inf) / student(equal - 1)) ** 2)


def student(freedom: float) -> float:
    """The two-sided 95 % quantile of Student's t, within 1 % (Wallace 1959); fractions of freedom are left out."""
    whole = max(1, floor(min(freedom, 1e6)))
    if whole == 1:
        return tan(pi * CONFIDENCE / 2)
    return sqrt(whole * expm1(_Z * _Z * (whole - 5 / 6) / (whole - 2 / 3 + 0.1 / whole) ** 2))
