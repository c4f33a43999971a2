"""The plan: which label and aspects each job gets, by design and not by luck.

Cells (label × aspects) are laid out in shuffled blocks over the input order, as block randomisation does in clinical
trials. After every block the counts are exactly balanced, and within a block they never stray far: labels
alternate, and each aspect comes once before any comes twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from random import Random

from rmboost.records import Spec, stable_hash


class Plan:
    """The spec of every job, by its index in the input; the same for the same cells and seed."""

    def __init__(self, cells: Sequence[Spec], seed: int) -> None:
        self._cells = tuple(cells)
        self._seed = seed
        self._block = lru_cache(maxsize=8)(self._lay_block)

    def spec(self, index: int) -> Spec | None:
        """What is ordered for the job at this place; None when the method orders nothing."""
        if not self._cells:
            return None
        block, place = divmod(index, len(self._cells))
        return self._block(block)[place]

    def _lay_block(self, number: int) -> tuple[Spec, ...]:
        """All cells once, in an order in which every prefix is as balanced as it can be."""
        random = Random(stable_hash(self._seed, "plan", number))
        left = random.sample(self._cells, len(self._cells))
        return tuple(_take_most_due(left) for _ in self._cells)


def _take_most_due(left: list[Spec]) -> Spec:
    """Remove and return the cell whose label, then whose aspect, has most still to come; ties fall as shuffled."""
    labels = Counter(cell.label for cell in left)
    aspects = Counter(cell.aspects for cell in left)
    due = max(left, key=lambda cell: (labels[cell.label], aspects[cell.aspects]))
    left.remove(due)
    return due
