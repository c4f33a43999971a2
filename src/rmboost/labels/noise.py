"""Label noise: how often a judge contradicts labels, with intervals, and freed of the judge's own mistakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any, Literal

from rmboost.amounts import number
from rmboost.intervals import CONFIDENCE, Share, effective, share

_DRAWS = 2000
Policy = Literal["flag", "drop", "flip"]


@dataclass(frozen=True, slots=True)
class Marks:
    """How verdicts stand to labels: they agree (``right``), contradict, tie, or could not be read.

    weight: how many independent verdicts one is worth, where some are about the same prompt.
    """

    right: int = 0
    wrong: int = 0
    tie: int = 0
    unreadable: int = 0
    weight: float = 1.0

    @property
    def read(self) -> int:
        return self.right + self.wrong + self.tie

    @property
    def legible(self) -> float:
        """The share of the verdicts that could be read."""
        return self.read / (self.read + self.unreadable)

    @property
    def worth(self) -> float:
        """How many independent verdicts those that could be read are worth."""
        return self.weight * self.read

    def __add__(self, other: Marks) -> Marks:
        counts = [getattr(self, name) + getattr(other, name) for name in _COUNTS]
        read = self.read + other.read
        return replace(Marks(*counts), weight=(self.worth + other.worth) / read if read else 1.0)


_COUNTS = ("right", "wrong", "tie", "unreadable")
_KIND = {"chosen": "right", "rejected": "wrong", "tie": "tie", "unreadable": "unreadable"}


def marks(winners: Iterable[str | None]) -> Marks:
    """Counts over the winners of verdicts: ``chosen``, ``rejected``, ``tie``, ``unreadable``; None was not judged."""
    counts = Counter(_KIND[winner] for winner in winners if winner is not None)
    return Marks(**counts)


def marks_by_prompt(winners: Iterable[tuple[str | None, Hashable]]) -> Marks:
    """The same, each with its prompt: verdicts on one prompt may be alike, and are then worth less."""
    judged = [(winner, prompt) for winner, prompt in winners if winner is not None]
    found = marks(winner for winner, _ in judged)
    sides = [(winner == "rejected", prompt) for winner, prompt in judged if winner != "unreadable"]
    return replace(found, weight=effective(sides) / found.read) if found.read else found


@dataclass(frozen=True, slots=True)
class Corrected:
    """What share of the labels is wrong, once the mistakes that the judge makes on gold data are taken out."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Noise:
    """Label noise of some pairs. ``contradicted``: the share of the read verdicts that contradict the label."""

    marks: Marks
    contradicted: Share
    corrected: Corrected | None = None

    def __str__(self) -> str:
        """``12.5 % (8.1–18.8, n=144), 20 ties, 3 unreadable; corrected 6.0 % (1.2–13.0)``."""
        more = [number(self.marks.tie, "tie")] if self.marks.tie else []
        more += [f"{self.marks.unreadable} unreadable"] if self.marks.unreadable else []
        plain = ", ".join([str(self.contradicted), *more])
        if not self.corrected:
            return plain
        value, low, high = (
            f"{100 * part:.1f}" for part in (self.corrected.value, self.corrected.low, self.corrected.high)
        )
        return f"{plain}; freed of the judge's mistakes {value} % ({low}–{high})"

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **self.contradicted.dump(),
            **{name: getattr(self.marks, name) for name in _COUNTS},
            "corrected": asdict(self.corrected) if self.corrected else None,
        }


def noise(found: Marks, gold: Marks | None = None) -> Noise:
    """The label noise that these marks show; corrected where the judge's marks on gold data are given."""
    plain = share(found.wrong, found.read, cases=found.worth)
    return Noise(found, plain, corrected(found, gold) if gold else None)


def corrected(found: Marks, gold: Marks, policy: Policy = "flag") -> Corrected | None:
    """The share of wrong labels q, from c = (1 - q) e + q a; None where the judge knows no better than a coin.

    c: share of verdicts that contradict a label; a and e: share of gold labels that the judge agrees with, and
    contradicts. Of a wrong label it says what it says of a right one with the sides exchanged. This is the estimator of
    Rogan and Gladen (1978) for a test with known errors. The interval is that of q over draws from the Jeffreys
    posteriors of c, a and e, so that a small gold set makes it wide. It rests on the judge erring on these pairs as it
    does on gold pairs, and on gold labels being right.

    policy: what became of the pairs that it contradicts; the share is that of the labels as they are since, in these
    very pairs: which of the wrong ones it happened to miss is drawn, too.
    """
    if not found.read or not gold.read or gold.right <= gold.wrong:
        return None
    random = Random(f"{found} {gold}")
    draws = [_draw(found, gold, policy, random) for _ in range(_DRAWS)]
    cut = round((1 - CONFIDENCE) / 2 * _DRAWS)
    known = (found.wrong / found.read, gold.right / gold.read, gold.wrong / gold.read)
    value = _wrong_share(*known, policy, found)
    low, high = (sorted(draw[end] for draw in draws) for end in (0, 1))
    return Corrected(value[0], low[cut], high[-1 - cut])


def _draw(found: Marks, gold: Marks, policy: Policy, random: Random) -> tuple[float, float]:
    contradicted = random.betavariate(found.weight * found.wrong + 0.5, found.weight * (found.read - found.wrong) + 0.5)
    counts = (gold.right, gold.wrong, gold.tie)
    right, wrong, tie = (random.gammavariate(gold.weight * count + 0.5, 1.0) for count in counts)
    read = right + wrong + tie
    return _wrong_share(contradicted, right / read, wrong / read, policy, found, random)


def _wrong_share(
    contradicted: float, right: float, wrong: float, policy: Policy, found: Marks, random: Random | None = None
) -> tuple[float, float]:
    """The least and the most that q can be, within 0 and 1: anything where the judge is no better than a coin."""
    if right <= wrong:
        return 0.0, 1.0
    share = min(1.0, max(0.0, (contradicted - wrong) / (right - wrong)))
    left = share if policy == "flag" else _left(share, right, wrong, policy, found, random)
    return left, left


def _left(
    share: float, right: float, wrong: float, policy: Policy, found: Marks, random: Random | None = None
) -> float:
    """What becomes of a share of wrong labels: the judge misses some, and says no to right ones.

    Pairs on which it cannot be read stay as they are. random: how many it was of each is drawn; none: what to expect.
    """
    no, seen = found.wrong, found.legible
    rest = found.read + found.unreadable - no
    missed = _part(share * (1 - seen * right), (1 - share) * (1 - seen * wrong), found.weight * rest, random)
    if policy == "drop":
        return missed
    blamed = _part((1 - share) * wrong, share * right, found.weight * no, random)
    return (missed * rest + blamed * no) / (rest + no)


def _part(these: float, others: float, cases: float, random: Random | None) -> float:
    """The share of these among both, 0 of nothing; as so many cases come out by chance, if that is asked for.

    Drawn from the beta distribution that has the mean and the variance of a binomial share.
    """
    part = these / (these + others) if these + others else 0.0
    if random is None or cases <= 1 or part in (0, 1):
        return part
    return random.betavariate(part * (cases - 1), (1 - part) * (cases - 1))


def by_group(verdicts: Mapping[str, int], gold: Marks | None = None) -> dict[str, dict[str, Noise]]:
    """Noise by ``total``, ``label`` and ``aspect``, from counts of ``label/aspect/winner``."""
    groups: dict[tuple[str, str], Marks] = {}
    for key, count in verdicts.items():
        label, _, rest = key.partition("/")
        aspect, _, winner = rest.rpartition("/")  # an aspect of somebody's file may hold a slash
        for group in (("total", "all"), ("label", label), ("aspect", aspect)):
            if group[1]:
                groups[group] = groups.get(group, Marks()) + Marks(**{_KIND[winner]: count})
    found: dict[str, dict[str, Noise]] = {}
    for kind, name in sorted(groups, key=lambda group: (("total", "label", "aspect").index(group[0]), group[1])):
        found.setdefault(kind, {})[name] = noise(groups[kind, name], gold)
    return found
