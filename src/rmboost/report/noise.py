"""Label noise: how often a judge contradicts the label.

A sample that was judged stands for the rest of the file. So where there is a rest, pairs that were dropped or exchanged
because of the judge count as contradicted; in a file of which all was judged, it contradicts none that is left. Then
that says nothing of how many labels are wrong, but what it contradicted before does, together with gold data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rmboost.labels.noise import Marks, Policy, corrected
from rmboost.report.estimates import Figure, Ints, Mask, independent, missing, proportion
from rmboost.report.table import CHOSEN, EXCHANGED, NONE, REJECTED, TIE, UNREADABLE, Table

_NO_GOLD = "no gold data given"
_APART = "the gold pairs were judged as a whole, or these were, and the others on their aspects"
SIEVED = "the judge left no pair that it contradicts"
Dropped = Mapping[tuple[str, str], Sequence[int]]
"""By label and aspect the prompts, as hashes, of pairs that are not there because the judge contradicted them."""


@dataclass(frozen=True)
class Noise:
    """The share of the verdicts that prefer the rejected response; a tie does not, and unreadable ones do not count.

    decided: the same without the ties. Both have SIEVED beside them where it can contradict none. corrected: the share
    of labels that are wrong, once the judge's own mistakes on gold data are taken out.
    """

    share: Figure
    decided: Figure
    corrected: Figure
    ties: int
    unreadable: int


def noise(table: Table, gold: Marks | None = None, dropped: Dropped | None = None) -> dict[tuple[str, str], Noise]:
    """In total (under ``("", "")``), by ``("label", name)`` and by ``("aspect", name)``."""
    verdicts, prompts, lost = table.places("verdict"), _prompts(table), _by_group(dropped or {})
    judged, policy = verdicts != NONE, _policy(verdicts, dropped or {})
    groups = {("", ""): np.ones(len(table), bool)}
    for kind, names in (("label", table.labels), ("aspect", table.aspects)):
        groups |= {(kind, name): table.places(kind) == place for name, place in _places(names)}
    return {
        group: _noise(verdicts[mask], prompts[mask], lost[group], policy, gold)
        for group, mask in groups.items()
        if group == ("", "") or (mask & judged).any() or (lost[group] and policy == "flag")
    }


def all_verdicts(table: Table, dropped: Dropped) -> tuple[Ints, Ints]:
    """The verdicts behind ``noise`` in total, each with its prompt."""
    verdicts, prompts = table.places("verdict"), _prompts(table)
    judged, lost = verdicts != NONE, _by_group(dropped)["", ""]
    return _with_dropped(verdicts[judged], prompts[judged], lost if _policy(verdicts, dropped) == "flag" else ())


def _prompts(table: Table) -> Ints:
    return table.prompts[table.places("prompt")]


def _policy(verdicts: Ints, dropped: Dropped) -> Policy:
    """What became of all pairs that the judge contradicts; of a sample, the rest is as it was."""
    if (verdicts == NONE).any():
        return "flag"
    return "flip" if (verdicts == EXCHANGED).any() else "drop" if dropped else "flag"


def _with_dropped(verdicts: Ints, prompts: Ints, lost: Sequence[int]) -> tuple[Ints, Ints]:
    """With contradicted ones more, of these prompts."""
    return np.append(verdicts, np.full(len(lost), REJECTED)), np.append(prompts, np.array(lost, np.int64))


def _by_group(dropped: Dropped) -> Mapping[tuple[str, str], list[int]]:
    found = defaultdict[tuple[str, str], list[int]](list)
    for (label, aspect), prompts in dropped.items():
        for group in (("", ""), ("label", label), ("aspect", aspect)):
            found[group] += prompts
    return found


def _places(names: Sequence[str]) -> list[tuple[str, int]]:
    """Names in the order of the alphabet, each with its place."""
    return sorted((name, place) for place, name in enumerate(names) if name)


def _noise(verdicts: Ints, prompts: Ints, lost: Sequence[int], policy: Policy, gold: Marks | None) -> Noise:
    before = _with_dropped(np.where(verdicts == EXCHANGED, REJECTED, verdicts), prompts, lost)
    freed = _corrected(_marks(*before), gold, policy)
    if policy == "flag":
        return replace(_shares(*before), corrected=freed)
    left = _shares(np.where(verdicts == EXCHANGED, CHOSEN, verdicts), prompts)
    share, decided = (replace(figure, why=figure.why or SIEVED) for figure in (left.share, left.decided))
    return replace(left, share=share, decided=decided, corrected=freed)


def _shares(verdicts: Ints, prompts: Ints) -> Noise:
    """What is told by the verdicts alone."""
    found, read = _marks(verdicts, prompts), _read(verdicts)
    share = proportion(verdicts[read] == REJECTED, prompts[read])
    if not found.read:
        share = missing("no verdict can be read" if found.unreadable else "no pair was judged", 0)
    decided = (verdicts == CHOSEN) | (verdicts == REJECTED)
    sure = proportion(verdicts[decided] == REJECTED, prompts[decided])
    if not decided.any():
        sure = missing("no verdict decides", 0)
    return Noise(share, sure, missing(_NO_GOLD), found.tie, found.unreadable)


def _marks(verdicts: Ints, prompts: Ints) -> Marks:
    counts, read = np.bincount(verdicts, minlength=UNREADABLE + 1), _read(verdicts)
    found = Marks(*(int(counts[kind]) for kind in (CHOSEN, REJECTED, TIE, UNREADABLE)))
    weight = independent(verdicts[read] == REJECTED, prompts[read]) / found.read if found.read else 1.0
    return replace(found, weight=weight)


def _read(verdicts: Ints) -> Mask:
    return np.asarray((verdicts != NONE) & (verdicts != UNREADABLE))


def _corrected(found: Marks, gold: Marks | None, policy: Policy) -> Figure:
    if not gold:
        return missing(_NO_GOLD)
    if not gold.read:
        return missing(_APART)
    freed = corrected(found, gold, policy=policy)
    if not freed:
        return missing("no pair was judged" if not found.read else "on gold data the judge is no better than a coin")
    return Figure(freed.value, freed.low, freed.high, found.read)
