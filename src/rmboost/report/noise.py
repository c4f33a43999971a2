"""Label noise: how often a judge contradicts the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmboost.noise import Marks, corrected
from rmboost.report.estimates import Figure, Mask, missing, proportion
from rmboost.report.table import CHOSEN, NONE, REJECTED, TIE, UNREADABLE, Table

_NO_GOLD = "no gold data given"


@dataclass(frozen=True)
class Noise:
    """The share of the verdicts that prefer the rejected response; a tie does not, and unreadable ones do not count.

    decided: the same without the ties. corrected: the share of labels that are wrong, once the judge's own mistakes on
    gold data are taken out.
    """

    share: Figure
    decided: Figure
    corrected: Figure
    ties: int
    unreadable: int


def noise(table: Table, gold: Marks | None = None) -> dict[tuple[str, str], Noise]:
    """In total (under ``("", "")``), by ``("label", name)`` and by ``("aspect", name)``."""
    everything = np.ones(len(table), bool)
    groups = {("", ""): everything}
    for kind, names in (("label", table.labels), ("aspect", table.aspects)):
        groups |= {(kind, name): table.places(kind) == place for name, place in _places(names)}
    judged = table.places("verdict") != NONE
    return {
        group: _noise(table, mask, gold) for group, mask in groups.items() if group == ("", "") or (mask & judged).any()
    }


def _places(names: Sequence[str]) -> list[tuple[str, int]]:
    """Names in the order of the alphabet, each with its place."""
    return sorted((name, place) for place, name in enumerate(names) if name)


def _noise(table: Table, mask: Mask, gold: Marks | None) -> Noise:
    verdicts, prompts = table.places("verdict")[mask], table.places("prompt")[mask]
    counts = np.bincount(verdicts, minlength=UNREADABLE + 1)
    found = Marks(*(int(counts[kind]) for kind in (CHOSEN, REJECTED, TIE, UNREADABLE)))
    read = (verdicts != NONE) & (verdicts != UNREADABLE)
    share = proportion(verdicts[read] == REJECTED, prompts[read])
    if not found.read:
        share = missing("no verdict can be read" if found.unreadable else "no pair was judged", 0)
    decided = (verdicts == CHOSEN) | (verdicts == REJECTED)
    sure = proportion(verdicts[decided] == REJECTED, prompts[decided])
    if not decided.any():
        sure = missing("no verdict decides", 0)
    return Noise(share, sure, _corrected(found, gold), found.tie, found.unreadable)


def _corrected(found: Marks, gold: Marks | None) -> Figure:
    if not gold:
        return missing(_NO_GOLD)
    freed = corrected(found, gold)
    if not freed:
        return missing("no pair was judged" if not found.read else "on gold data the judge is no better than a coin")
    return Figure(freed.value, freed.low, freed.high, found.read)
