"""Label noise: how often a judge contradicts the label."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rmboost.report.estimates import Figure, Mask, missing, proportion
from rmboost.report.table import CHOSEN, NONE, REJECTED, TIE, UNREADABLE, Table


@dataclass(frozen=True)
class Noise:
    """The share of decided verdicts that prefer the rejected response; ties and unreadable verdicts apart."""

    share: Figure
    ties: int
    unreadable: int


def noise(table: Table) -> dict[tuple[str, str], Noise]:
    """In total (under ``("", "")``), by ``("label", name)`` and by ``("aspect", name)``."""
    everything = np.ones(len(table), bool)
    groups = {("", ""): everything}
    for kind, names in (("label", table.labels), ("aspect", table.aspects)):
        groups |= {(kind, name): table.places(kind) == place for place, name in enumerate(names) if name}
    judged = table.places("verdict") != NONE
    return {group: _noise(table, mask) for group, mask in groups.items() if group == ("", "") or (mask & judged).any()}


def _noise(table: Table, mask: Mask) -> Noise:
    verdicts, prompts = table.places("verdict")[mask], table.places("prompt")[mask]
    decided = (verdicts == CHOSEN) | (verdicts == REJECTED)
    share = proportion(verdicts[decided] == REJECTED, prompts[decided])
    if not decided.any():
        share = missing("no pair was judged" if not (verdicts != NONE).any() else "no verdict decides", 0)
    return Noise(share, int((verdicts == TIE).sum()), int((verdicts == UNREADABLE).sum()))
