"""A fair sample of a stream whose length is not known."""

from __future__ import annotations

from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


class Reservoir(Generic[T]):
    """``size`` of all items offered, each equally likely; the same ones for the same seed and stream (algorithm R)."""

    def __init__(self, size: int, seed: int = 0) -> None:
        self.size, self.offered = size, 0
        self.items: list[T] = []
        self._random = Random(seed)

    def offer(self, item: T) -> None:
        """One more item: the k-th takes a place with probability size / k."""
        self.offered += 1
        if len(self.items) < self.size:
            self.items.append(item)
        elif (place := self._random.randrange(self.offered)) < self.size:
            self.items[place] = item
