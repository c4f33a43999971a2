"""Verification: a judge looks at pairs whose label is given, at all of them or at a random sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from heapq import nsmallest
from operator import neg, not_
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from rmboost.ask import Ask
from rmboost.aspects import AspectSet
from rmboost.checks import Check
from rmboost.judges import Judge, JudgeOptions, Verdict
from rmboost.records import DISAGREES, Drop, Job, Pair, stable_hash
from rmboost.registry import Component

_ALL = 1 << 63


class Verification(Component):
    """Which pairs a judge looks at, and what becomes of those whose label it contradicts."""

    sample: str | None = Field(default=None, coerce_numbers_to_str=True)
    """``all``, a number of jobs, or a percentage of them, such as ``10%``; none: no pair is judged"""
    policy: Literal["flag", "drop", "flip"] = "flag"
    """of a pair whose label is contradicted: keep it, reject it, or exchange its sides"""
    judge: JudgeOptions = Field(default_factory=lambda: {"name": "pairwise"})
    """name of the judge, and its options"""
    about: Literal["overall", "aspects"] = "overall"
    """which response is better as a whole, or on the aspects that the pair was written for"""
    aspects: str | None = None
    """the set that defines these aspects; none: the method's own, else ``general``"""
    gold: Path | None = None
    """what ``rmboost judge --gold`` wrote with the same judge: its mistakes there are taken out of the label noise"""

    @field_validator("sample")
    @classmethod
    def _is_a_sample(cls, value: str | None) -> str | None:
        if value is not None:
            size_of(value)
        return value


def size_of(text: str) -> tuple[str, float]:
    """What ``all``, ``200`` and ``10%`` stand for: ``count`` or ``share``, and its number. Raises ValueError."""
    if text == "all":
        return "share", 1.0
    number, percent, rest = text.partition("%")
    try:
        size = float(number) / 100 if percent else int(number)
    except ValueError:
        size = -1
    if rest or not size > 0 or (percent and size > 1):  # nan is not
        raise ValueError(f"{text!r} is neither all, nor a number of pairs, nor a percentage such as 10%")
    return "share" if percent else "count", size


@dataclass(frozen=True, slots=True)
class Sample:
    """Jobs drawn by a hash of their keys: those below ``bound``. It grows with its size and loses none."""

    bound: int
    seed: int

    @classmethod
    def draw(cls, text: str, jobs: Iterable[Job], seed: int) -> Sample:
        """The sample that ``text`` asks for; ``jobs`` are looked at only where a number of them is asked for."""
        kind, size = size_of(text)
        if kind == "share":
            return cls(int(size * _ALL), seed)
        lowest = nsmallest(int(size), (_place(job, seed) for job in jobs))
        return cls(lowest[-1] + 1, seed)

    @property
    def share(self) -> str:
        """The share of all possible jobs below the bound, in so many digits that it tells samples apart."""
        return f"{self.bound / _ALL:.15f}"

    def __contains__(self, job: Job) -> bool:
        return _place(job, self.seed) < self.bound


def _place(job: Job, seed: int) -> int:
    return stable_hash(seed, "verify", job.key)


class Verify(Check):
    """Has the judge compare the two responses, and keeps the verdict as evidence, or drops the pair by ``policy``.

    aspects: the set in which the names of a pair's aspects are looked up; none: the judge is asked about the whole.
    """

    on_fail: Literal["retry", "drop", "flag"] = "drop"
    judge: Judge
    policy: Literal["flag", "drop", "flip"] = "flag"
    aspects: AspectSet | None = None

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:
        known = self.aspects.names if self.aspects else ()
        asked = [self.aspects[name] for name in pair.aspects if self.aspects and name in known]
        verdict = await self.judge.compare(pair.prompt, pair.chosen.text, pair.rejected.text, ask, asked)
        if verdict.winner != "second" or self.policy == "flag":
            return replace(pair, evidence={**pair.evidence, "judge": evidence(verdict)})
        if self.policy == "flip":
            turned = {**_turned(pair.evidence), "judge": evidence(verdict.exchanged) | {"flipped": True}}
            return replace(pair, chosen=pair.rejected, rejected=pair.chosen, evidence=turned)
        detail = f"{verdict.model} prefers the rejected response: p_chosen {verdict.p_first:.2f}"
        return Drop(DISAGREES, detail, pair.second.call)


def _turned(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a method noted of a pair whose sides are exchanged since: what is said of a side stays with its text."""
    return {**found, **{_OTHER.get(name, name): turn(found[name]) for name, turn in _OF_SIDES.items() if name in found}}


def _complement(p: float) -> float:
    return round(1 - p, 6)


_OF_SIDES: Mapping[str, Callable[[Any], Any]] = {
    "p_chosen": _complement,
    "p_shown_first": _complement,
    "p_shown_second": _complement,
    "confidence": _complement,
    "margin": neg,
    "chosen_scores": dict,
    "rejected_scores": dict,
    "exchanged": not_,
}
"""What of a method's evidence is said of chosen or rejected, and what becomes of it as they are exchanged."""
_OTHER = {
    "p_shown_first": "p_shown_second",
    "p_shown_second": "p_shown_first",
    "chosen_scores": "rejected_scores",
    "rejected_scores": "chosen_scores",
}


def evidence(verdict: Verdict) -> dict[str, Any]:
    """A verdict on (chosen, rejected) as JSON."""
    names = {"first": "chosen", "second": "rejected"}
    shown = (verdict.p_first, *verdict.shown)
    p_chosen, first, second = (None if p is None else round(p, 6) for p in shown)
    found: dict[str, Any] = {
        "winner": names.get(verdict.winner, verdict.winner),
        "p_chosen": p_chosen,
        "p_shown_first": first,
        "p_shown_second": second,
        "orders_agree": verdict.orders_agree,
        "votes": verdict.votes,
        "model": verdict.model or None,
        "flipped": False,
        "soft": verdict.soft,
        "tokens": {"prompt": verdict.usage.prompt_tokens, "completion": verdict.usage.completion_tokens},
    }
    if verdict.problem:
        found["problem"] = verdict.problem
    if verdict.members:
        found |= {"agreement": verdict.agreement, "members": [evidence(member) for member in verdict.members]}
    return found


_COLUMN = ("winner", "p_chosen", "p_shown_first", "p_shown_second", "orders_agree", "votes", "model", "flipped")


def column(found: Mapping[str, Any]) -> dict[str, Any]:
    """The column ``judge`` of a row, from the pair's evidence: the same keys in every row, null where none judged."""
    judged = found.get("judge") or {}
    return {name: judged.get(name) for name in _COLUMN}
