"""Intervals around shares that were counted on a sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``total``, with the interval that holds the true share with the wanted confidence."""

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


def share(count: int, total: int, confidence: float = 0.95) -> Share:
    """A share with its Wilson score interval (Wilson 1927), which holds for few cases and for shares near 0 and 1."""
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no share")
    if not total:
        return Share(0, 0, 0.0, 1.0)
    return Share(count, total, *wilson(count / total, total, confidence))


def wilson(value: float, cases: float, confidence: float = 0.95) -> tuple[float, float]:
    """Low and high of the Wilson score interval around a share of so many cases, which need not be a whole number."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (value + z * z / (2 * cases)) / (1 + z * z / cases)
    half = z * sqrt(value * (1 - value) / cases + z * z / (4 * cases * cases)) / (1 + z * z / cases)
    return (0.0 if value == 0 else middle - half), (1.0 if value == 1 else middle + half)
