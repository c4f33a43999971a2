"""Figures with intervals. Pairs of one prompt are not independent: the intervals know which pairs belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rmboost.intervals import student, wilson, worth

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

RESAMPLES = 300
SEED = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, the 95 % interval around it where there is one, and the number of cases it rests on.

    value: None where there was nothing to measure; ``why`` says what is missing. With a value, it says why that is what
    it had to be. few: because there are too few cases,
    so that nothing is known, bad or good.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    why: str = ""
    few: bool = False

    def mapped(self, function: Callable[[float], float], n: int) -> Figure:
        """The same on another scale, over ``n`` cases."""
        value, low, high = (None if each is None else function(each) for each in (self.value, self.low, self.high))
        return Figure(value, low, high, n, self.why)

    def as_json(self) -> dict[str, Any]:
        """What there is of it."""
        found = {"low": self.low, "high": self.high, "n": self.n, "why": self.why or None}
        return {"value": self.value, **{name: value for name, value in found.items() if value is not None}}


def missing(why: str, n: int | None = None) -> Figure:
    """A figure that could not be measured, and why."""
    return Figure(None, n=n, why=why)


def too_few(why: str, n: int) -> Figure:
    """A figure that could not be measured on so few cases."""
    return Figure(None, n=n, why=why, few=True)


def proportion(yes: Mask, groups: Ints) -> Figure:
    """The share of ``yes``, with the Wilson interval of as many independent cases as these are worth.

    Cases of one group may be alike: see ``intervals.worth``.
    """
    if not len(yes):
        return missing("nothing to count", n=0)
    value = float(yes.mean())
    return Figure(value, *wilson(value, independent(yes, groups)), len(yes))


def independent(yes: Mask, groups: Ints) -> float:
    """How many independent cases these are worth."""
    _, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    return worth(np.bincount(group, weights=yes).tolist(), size.tolist())


def resampled(statistic: Callable[[Floats], Floats], groups: Ints, wider: float = 1.0) -> list[Figure]:
    """Some statistics of all cases as figures, each with the 95 % interval over bootstrap draws of whole groups.

    statistic: takes a weight for each case, how often its group was drawn, and gives an array of figures, nan for one
    that cannot be told. The percentiles of the draws are moved away from the figure, since those of few groups lie too
    close (Hesterberg 2015, section 4.1.3): by a tenth for 20 groups, ninefold for 2. One group has no interval.
    wider: so many times more, for what the draws do not show.
    """
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    random = np.random.default_rng(SEED)
    draws = (np.bincount(random.integers(count, size=count), minlength=count) for _ in range(RESAMPLES))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = statistic(np.ones(len(group)))
        drawn = np.array([statistic(draw[group].astype(float)) for draw in draws])
    return [_estimate(float(value), ends, count, wider) for value, ends in zip(values, drawn.T, strict=True)]


def _estimate(value: float, drawn: Floats, groups: int, wider: float) -> Figure:
    if np.isnan(value):
        return missing("")
    known = drawn[~np.isnan(drawn)]
    if groups == 1 or not len(known):
        return Figure(value)
    stretch = wider * student(groups - 1) / student(inf) * sqrt(groups / (groups - 1))
    low, high = (value + stretch * (float(end) - value) for end in np.percentile(known, (2.5, 97.5)))
    return Figure(value, low, high)


def difference(one: Figure, other: Figure) -> Figure:
    """How much larger the first figure is, with an interval from those of both (Newcombe 1998, method 10).

    The same square-and-add rule serves means and areas, whose intervals are only less exact.
    """
    if one.value is None or other.value is None:
        return missing("measured in one of the files only")
    apart = one.value - other.value
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return Figure(apart)
    low = sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Figure(apart, apart - low, apart + high)
