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
    z, p = NormalDist().inv_cdf(0.5 + confidence / 2), count / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(p * (1 - p) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    low, high = (0.0 if not count else middle - half), (1.0 if count == total else middle + half)
    return Share(count, total, low, high)
