"""The plan: which label and aspects each job gets, by design and not by luck.

Cells (label × aspects) are laid out in shuffled blocks over the input order, as block randomisation does in clinical
trials. After every block the counts are exactly as they should be, and within a block they never stray far: labels
alternate, and each aspect comes once before any comes twice.

Blocks go by a job's place in the input. Where the input changes between two runs, a job that was asked something keeps
what it had, or its answer would be paid for again; the others then get what is most due (``keeping``).

Where so many pairs are to be kept, the blocks say how many of them are of each cell (``wanted``), and what was lost of
a cell is ordered again of the jobs that come next (``dealing``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import prod
from random import Random

from rmboost.records import Spec, stable_hash


@dataclass(frozen=True)
class Plan:
    """The spec of every job, by its index in the input; the same for the same cells, seed and weights.

    weights: how often a label or aspect is ordered for each time that one without a weight is, by name.
    assigned: numbers of the cells of the first jobs, where they do not go by blocks.
    """

    cells: Sequence[Spec]
    seed: int
    weights: Mapping[str, int] = field(default_factory=dict)
    assigned: Sequence[int] = ()

    @property
    def rule(self) -> str:
        """What the blocks follow from."""
        return f"{stable_hash([(cell.label, *cell.aspects) for cell in self.cells], self.seed, dict(self.weights)):x}"

    def spec(self, index: int) -> Spec | None:
        """What is ordered for the job at this place; None when the method orders nothing."""
        if not self.cells:
            return None
        if index < len(self.assigned):
            return self.cells[self.assigned[index]]
        block, place = divmod(index, self.block_size)
        return self._block(block)[place]

    @property
    def block_size(self) -> int:
        """Jobs after which the counts are exactly as they should be."""
        return sum(self._shares)

    def keeping(self, kept: Sequence[Spec | None]) -> Plan:
        """This plan over as many jobs as ``kept`` names, each with the cell it had; None: the job is free.

        Free jobs get, in their order, the cell whose label, then whose aspect, is furthest behind its share; ties
        fall by a draw from the seed. A spec that is no cell of this plan counts as free.
        """
        numbers = {cell: number for number, cell in enumerate(self.cells)}
        given = [numbers.get(spec) if spec else None for spec in kept]
        counts, random = _Counts(self.cells, self._shares), Random(stable_hash(self.seed, "plan", "keeping"))
        for number in given:
            if number is not None:
                counts.add(number)

        def most_due() -> int:
            cells = random.sample(range(len(self.cells)), len(self.cells))
            return counts.add(min(cells, key=counts.behind))

        return replace(self, assigned=[most_due() if number is None else number for number in given])

    def wanted(self, pairs: int) -> Counter[Spec | None]:
        """How many of so many pairs are to be of each cell: as in whole blocks, and the beginning of the next."""
        if not self.cells:
            return Counter({None: pairs})
        blocks, rest = divmod(pairs, self.block_size)
        whole = {cell: blocks * share for cell, share in zip(self.cells, self._shares, strict=True)}
        return Counter[Spec | None](whole) + Counter(self._block(blocks)[:rest])

    def dealing(self, lacking: Mapping[Spec | None, int], kept: Sequence[Spec | None], start: int = 0) -> Plan:
        """This plan, with cells that are lacking for the jobs from number ``start`` on; shuffled by the seed.

        kept: of each of these jobs what it had, which it keeps where that is lacking; None: nothing. There are no
        more jobs than are lacking.
        """
        if not self.cells:
            return self
        numbers, left = {cell: number for number, cell in enumerate(self.cells)}, Counter(lacking)
        given: list[int | None] = []
        for spec in kept:
            keeps = spec is not None and left[spec] > 0
            left[spec] -= keeps
            given.append(numbers[spec] if keeps and spec else None)
        rest = [number for cell, number in numbers.items() for _ in range(left[cell])]
        Random(stable_hash(self.seed, "plan", "dealing", start)).shuffle(rest)
        before = [numbers[spec] for index in range(start) if (spec := self.spec(index))]
        return replace(self, assigned=before + [rest.pop() if number is None else number for number in given])

    @cached_property
    def _shares(self) -> list[int]:
        """How often each cell comes in a block."""
        return [prod(self.weights.get(name, 1) for name in (cell.label, *cell.aspects)) for cell in self.cells]

    @cached_property
    def _block(self) -> Callable[[int], tuple[Spec, ...]]:
        return lru_cache(maxsize=8)(self._lay_block)

    def _lay_block(self, number: int) -> tuple[Spec, ...]:
        """All cells as often as they should come, in an order in which every prefix is as balanced as it can be."""
        random = Random(stable_hash(self.seed, "plan", number))
        cells = [cell for cell, share in enumerate(self._shares) for _ in range(share)]
        left, counts, block = random.sample(cells, len(cells)), _Counts(self.cells, self._shares), []
        while left:
            due = min(left, key=counts.behind)  # the first of equals, which lie as shuffled
            left.remove(due)
            block.append(self.cells[counts.add(due)])
        return tuple(block)


class _Counts:
    """How often labels, aspects and cells came, measured by the share that is theirs. Cells go by number."""

    def __init__(self, cells: Sequence[Spec], shares: Sequence[int]) -> None:
        kinds: dict[object, int] = {}
        self._kinds = [
            tuple(kinds.setdefault(kind, len(kinds)) for kind in (cell.label, cell.aspects, cell)) for cell in cells
        ]
        self._share = [0] * len(kinds)
        for of_cell, share in zip(self._kinds, shares, strict=True):
            for kind in of_cell:
                self._share[kind] += share
        self._came = [0] * len(kinds)

    def add(self, cell: int) -> int:
        """Count one more of this cell, and return it."""
        for kind in self._kinds[cell]:
            self._came[kind] += 1
        return cell

    def behind(self, cell: int) -> tuple[float, ...]:
        """Small for a cell that is due: by its label, then its aspects, then both together."""
        label, aspects, both = self._kinds[cell]
        came, share = self._came, self._share
        return came[label] / share[label], came[aspects] / share[aspects], came[both] / share[both]
