"""Counts by label and aspect."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rmboost.report.origin import Rejects
from rmboost.report.table import Table

_SHOWN = 40  # aspects


@dataclass(frozen=True)
class Cells:
    """Pairs by (label, aspect), and rejects beside them. ``more`` aspects have fewer pairs and are not listed."""

    labels: list[str]
    aspects: list[str]
    more: int
    kept: Counter[tuple[str, str]]
    rejects: Counter[tuple[str, str]]

    def of_label(self, label: str) -> int:
        """Pairs with this label."""
        return sum(count for (name, _), count in self.kept.items() if name == label)

    def of_aspect(self, aspect: str) -> int:
        """Pairs on this aspect."""
        return sum(count for (_, name), count in self.kept.items() if name == aspect)

    def rejected(self, aspect: str) -> int:
        """Rejects on this aspect."""
        return sum(count for (_, name), count in self.rejects.items() if name == aspect)


def cells(table: Table, rejects: Rejects) -> Cells:
    """Count them. No labels and aspects are listed where the file names none."""
    places = Counter(zip(table.places("label").tolist(), table.places("aspect").tolist(), strict=True))
    kept = Counter({(table.labels[label], table.aspects[aspect]): n for (label, aspect), n in places.items()})
    every = kept + rejects.cells
    labels = sorted({label for label, _ in every}, key=lambda label: (not label, label))
    by_aspect: Counter[str] = Counter()
    for (_, aspect), count in every.items():
        by_aspect[aspect] += count
    if set(every) == {("", "")}:
        return Cells([], [], 0, kept, rejects.cells)
    aspects = sorted(by_aspect, key=lambda aspect: (-by_aspect[aspect], aspect))
    return Cells(labels, aspects[:_SHOWN], len(aspects[_SHOWN:]), kept, rejects.cells)
