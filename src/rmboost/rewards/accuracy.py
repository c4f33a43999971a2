"""How often a reward model prefers what people prefer, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class Accuracy:
    """What a test found.

    credits: a row for each seed, a column for each test pair: 1 if the chosen response got the higher reward, ½ for a
    tie, else 0. units: the number of each test pair's group. pairs: how many were trained on, on average. low, high:
    the 95 % interval, 0 to 1.
    """

    credits: NDArray[np.float64]
    units: NDArray[np.int64]
    pairs: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """0 to 1; a coin's is one half."""
        return float(self.credits.mean())

    def __str__(self) -> str:
        """``62.1 (58.0–66.3)``, in percent."""
        return f"{100 * self.value:.1f} ({100 * self.low:.1f}–{100 * self.high:.1f})"

    def as_json(self) -> dict[str, Any]:
        """Figures alone."""
        return {
            "accuracy": self.value,
            "low": self.low,
            "high": self.high,
            "by_seed": self.credits.mean(axis=1).tolist(),
            "trained_on": self.pairs,
            "tested_on": len(self.units),
            "groups": len(np.unique(self.units)),
        }


def accuracy(margins: NDArray[np.float64], units: NDArray[np.int64], pairs: int) -> Accuracy:
    """From the margins, chosen above rejected: a row for each seed, a column for each test pair."""
    # rounded, since a sum may end in other digits when it is added up in another order: that is a tie
    credits = (1 + np.sign(np.round(margins, 9))) / 2
    units = numbered(units)
    return Accuracy(credits, units, pairs, *interval(credits, units))


def numbered(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same groups, numbered as they come from 0 on: a test then has the same units beside whatever other sets."""
    _, first, places = np.unique(units, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[places]


def difference(one: Accuracy, other: Accuracy) -> tuple[float, float, float]:
    """How much more often ``one`` is right than ``other``, on the same test pairs and seeds; with its interval."""
    if one.credits.shape != other.credits.shape or not np.array_equal(one.units, other.units):
        raise ValueError("accuracies can be compared on the same test pairs and seeds only")
    return one.value - other.value, *interval(one.credits - other.credits, one.units)


def interval(values: NDArray[np.float64], units: NDArray[np.int64], confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the mean of values, seeds × test pairs: a percentile bootstrap that draws units and seeds anew.

    Pairs on one prompt share its answers, and all pairs of a seed share one training: neither are independent
    witnesses. So whole rows and whole units are drawn (Owen, *The pigeonhole bootstrap*, 2007). One unit alone says
    nothing of others: its interval is all that the mean can be.
    """
    _, columns = np.unique(units, return_inverse=True)
    sums = np.array([np.bincount(columns, row) for row in values])
    counts = np.bincount(columns)
    if len(counts) < 2:
        return (-1.0 if values.min() < 0 else 0.0), 1.0
    random = np.random.default_rng(0)
    drawn = random.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), _RESAMPLES)
    seeds = random.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), _RESAMPLES) / len(sums)
    means = (seeds @ sums * drawn).sum(axis=1) / (drawn @ counts)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
