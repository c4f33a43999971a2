"""Pairs in which length gives the label away: a reward model learns `longer is better` before anything else."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from rmboost.ask import Ask
from rmboost.checks import Check
from rmboost.records import Drop, Pair
from rmboost.texts import is_unspaced, words

_SLACK = 2
"""Words by which a short response may always miss its target."""


class Length(Check):
    """Drops a pair of which one response is many times as long as the other, or the second misses what was ordered.

    max_ratio: longer to shorter, in characters; looked at from ``min_length`` characters of the longer one on, as a
    word against a sentence is no fault. tolerance: the share by which the second may be longer or shorter than the
    target, where the method ordered one (``method.match_length``).
    """

    max_ratio: float = Field(default=8, gt=1)
    min_length: PositiveInt = 400
    tolerance: float = Field(default=0.25, gt=0)

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        if fault := self._miss(pair) or self._lopsided(pair):
            return Drop("length", fault, pair.second.call)
        return pair

    def _miss(self, pair: Pair) -> str:
        """By how much the second response misses the target, if there is one."""
        if "target_words" not in pair.evidence:
            return ""
        count, target, unit = len(words(pair.second.text)), pair.evidence["target_words"], "words"
        if is_unspaced(pair.first.text):
            count, target, unit = len(pair.second.text), len(pair.first.text), "characters"
        if abs(count - target) <= max(_SLACK, self.tolerance * target):
            return ""
        return f"{count} {unit}, {target} were ordered, give or take {self.tolerance:.0%}"

    def _lopsided(self, pair: Pair) -> str:
        first, second = len(pair.first.text), len(pair.second.text)
        if max(first, second) < self.min_length or max(first, second) <= self.max_ratio * min(first, second):
            return ""
        return f"the first response has {first} characters, the second {second}: more than {self.max_ratio:g} to 1"
