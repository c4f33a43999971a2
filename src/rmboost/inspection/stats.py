"""Figures over a whole file: what a reward model could learn from it that has nothing to do with quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

from rmboost.inspection.scan import Scan, Wanted
from rmboost.preferences import PAIR, Row
from rmboost.texts import count

NEAR = 0.95  # the share of characters in common, in order, from which two texts are nearly the same
_COMPARED = 100_000
"""Characters of each text that are compared: time grows with the square of it, and 5 MB would take a minute."""
QUANTILES = {"min": 0.0, "p10": 0.1, "median": 0.5, "p90": 0.9, "max": 1.0}


@dataclass(slots=True)
class Share:
    """How often something is so, of the times it is so or not; ``ties``, neither, are counted apart."""

    yes: int = 0
    no: int = 0
    ties: int = 0

    @property
    def n(self) -> int:
        """The times that count."""
        return self.yes + self.no

    @property
    def share(self) -> float | None:
        """0 to 1; None when nothing counts."""
        return self.yes / self.n if self.n else None

    def add(self, sign: int) -> None:
        """One more time: yes (1), no (-1), or a tie (0)."""
        self.yes += sign > 0
        self.no += sign < 0
        self.ties += sign == 0

    def as_json(self) -> dict[str, Any]:
        """The share with what it is a share of."""
        return {"share": self.share, "n": self.n, "ties": self.ties}


@dataclass(slots=True)
class Figures:
    """What ``measure`` counts. Lengths are in words; memory grows with distinct values, not with rows.

    ``cells``: rows by (label, primary aspect), "" where the file has none. ``words``: by side, how many texts have
    so many words. ``longer``: whether the longer response is the chosen one; ``longer_by_label``: the same, apart.
    ``second``: whether the second-written response is the chosen one, where the file says which that is.
    ``near_identical`` counts identical pairs, too. Of rejects, only ``cells`` and ``reasons`` are counted.
    """

    name: str
    total: int = 0
    rows: int = 0
    torn: bool = False
    rejects: bool = False
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    words: dict[str, Counter[int]] = field(default_factory=lambda: {side: Counter() for side in PAIR})
    longer: Share = field(default_factory=Share)
    longer_by_label: dict[str, Share] = field(default_factory=dict)
    second: Share = field(default_factory=Share)
    identical: int = 0
    near_identical: int = 0

    def labels(self) -> Counter[str]:
        """Rows by label."""
        return _summed(self.cells, 0)

    def aspects(self) -> Counter[str]:
        """Rows by primary aspect."""
        return _summed(self.cells, 1)

    def as_json(self) -> dict[str, Any]:
        """Everything as one JSON object; a missing label or aspect is null."""
        counts = {
            "rows": self.rows,
            "labels": [{"label": label or None, "rows": n} for label, n in self.labels().items()],
            "aspects": [{"aspect": aspect or None, "rows": n} for aspect, n in self.aspects().items()],
            "cells": [{"label": c[0] or None, "aspect": c[1] or None, "rows": n} for c, n in self.cells.items()],
        }
        if self.rejects:
            return {"file": self.name, **counts, "reasons": dict(self.reasons.most_common())}
        return {
            "file": self.name,
            **counts,
            "words": {side: distribution(self.words[side]) for side in PAIR},
            "longer_is_chosen": self.longer.as_json(),
            "longer_is_chosen_by_label": {k: share.as_json() for k, share in sorted(self.longer_by_label.items())},
            "second_is_chosen": {"share": self.second.share, "n": self.second.n},
            "identical": self.identical,
            "near_identical": self.near_identical,
        }


def measure(source: Path | BinaryIO, wanted: Wanted | None = None) -> Figures:
    """Figures over the wanted rows, in one pass.

    Raises InputError for a file that cannot be read and when nothing in it is wanted.
    """
    scan = Scan(source, wanted)
    figures = Figures(scan.name)
    for row in scan:
        figures.cells[row.label, row.aspect] += 1
        if scan.rejects:
            figures.reasons[row.reason] += 1
        else:
            _add(figures, row)
    if not scan.matched and (scan.total or not scan.rejects):
        raise scan.found_nothing()
    figures.rows, figures.total = scan.matched, scan.total
    figures.torn, figures.rejects = scan.torn, scan.rejects
    return figures


def quantile(counts: Mapping[int, int], share: float) -> int:
    """The smallest value that at least this share of all values do not exceed; ``counts`` is not empty."""
    rank = max(1, ceil(share * sum(counts.values())))
    for value in sorted(counts):
        rank -= counts[value]
        if rank <= 0:
            return value
    return max(counts)


def distribution(counts: Mapping[int, int]) -> dict[str, float]:
    """Quantiles and mean of the values; empty when there are none."""
    if not counts:
        return {}
    mean = sum(value * n for value, n in counts.items()) / sum(counts.values())
    return {name: quantile(counts, share) for name, share in QUANTILES.items()} | {"mean": round(mean, 2)}


def _add(figures: Figures, row: Row) -> None:
    from rapidfuzz.distance import Indel

    lengths = [count(text) for text in row.texts]
    for side, length in zip(PAIR, lengths, strict=True):
        figures.words[side][length] += 1
    figures.longer.add(lengths[0] - lengths[1])
    if row.label:
        figures.longer_by_label.setdefault(row.label, Share()).add(lengths[0] - lengths[1])
    if row.second:
        figures.second.add(1 if row.second == "chosen" else -1)
    left, right = row.texts
    figures.identical += left == right
    left, right = left[:_COMPARED], right[:_COMPARED]
    figures.near_identical += Indel.normalized_similarity(left, right, score_cutoff=NEAR) > 0


def _summed(cells: Counter[tuple[str, str]], axis: int) -> Counter[str]:
    total: Counter[str] = Counter()
    for cell, n in cells.items():
        total[cell[axis]] += n
    return total
