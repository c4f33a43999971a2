"""RLCD: the same prompt under two matched instructions, one for a quality and one against it.

Yang et al., RLCD: Reinforcement Learning from Contrastive Distillation for Language Model Alignment, arXiv 2307.12950,
section 3; ``rescore`` is its variant RLCD-Rescore.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from pydantic import Field, model_validator
from rapidfuzz import fuzz

from rmboost import judges, sets
from rmboost.ask import Ask
from rmboost.aspects import Aspect
from rmboost.errors import ReplyError
from rmboost.judges import Judge, JudgeOptions
from rmboost.methods import Method
from rmboost.records import Job, Label, Pair, Response, Spec, stable_hash
from rmboost.registry import Component
from rmboost.sets import Name, Parts
from rmboost.texts import plain
from rmboost.together import together

_LABELS: tuple[Label, Label] = ("better", "worse")
_COPY = 85.0
"""Characters of an instruction, in percent, that may stand in an answer one after the other."""


class Affix(Component):
    """Two instructions that look alike and ask for opposite things."""

    positive: str = Field(min_length=1)
    negative: str = Field(min_length=1)

    @model_validator(mode="after")
    def _is_a_contrast(self) -> Affix:
        if self.positive == self.negative:
            raise ValueError("positive and negative are the same, so nothing tells the answers apart")
        return self


class Quality(Component):
    """What the answers are to differ in: a name for the rows, a definition for the judge, and ways to ask for it."""

    name: Name
    definition: str
    affixes: tuple[Affix, ...] = Field(min_length=1)

    @property
    def as_aspect(self) -> Aspect:
        """As a judge is asked about it."""
        return Aspect(
            name=self.name,
            definition=self.definition,
            better=self.affixes[0].positive,
            worse=self.affixes[0].negative,
        )


class AffixSet(Component):
    """The file of ``configs/affixes/``."""

    description: str
    qualities: Parts[Quality]


class RLCD(Method):
    """Send the prompt twice, with an affix for a quality and with one against it; the answer to the former is chosen.

    The plan spreads the qualities, and which of the two answers is written first; the wording is drawn by the job.
    affixes: a shipped set of ``configs/affixes/`` or a YAML file. rescore: let the judge say which answer is chosen,
    asked about the quality that the affixes are about.
    """

    affixes: str = "general"
    rescore: bool = False
    judge: JudgeOptions = Field(default_factory=lambda: {"name": "pairwise"})

    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        assert job.spec is not None  # cells() is never empty
        spec, quality = job.spec, self._qualities[job.spec.aspects[0]]
        affix = job.random("affix").choice(quality.affixes)
        better = spec.label == "better"
        own, other = (affix.negative, affix.positive) if better else (affix.positive, affix.negative)
        first, second = await together(
            ask("responder", "rlcd/respond", prompt=job.prompt, affix=own, opposite=other),
            ask("responder", "rlcd/respond", prompt=job.prompt, affix=other, opposite=own),
        )
        for response in (first, second):
            _refuse_affix(response, affix)
        chosen, rejected = (second, first) if better else (first, second)
        evidence = {"affix": affix.model_dump()}
        pair = Pair(job.prompt, chosen, rejected, "rlcd", spec.label, spec.aspects, evidence=evidence)
        judge = self.labeller
        return await _rescored(pair, judge, quality, ask) if judge else pair

    @property
    def labeller(self) -> Judge | None:
        judge = judges.judge(self.judge)  # also where it has no say, for mistakes in its options
        return judge if self.rescore else None

    def cells(self) -> Sequence[Spec]:
        return [Spec(label, (name,)) for name in self._qualities for label in _LABELS]

    def data(self) -> Mapping[str, str]:
        return {"affixes": f"{stable_hash(self._set.model_dump()):x}"}

    @cached_property
    def _set(self) -> AffixSet:
        return sets.load(AffixSet, "affix", "affixes", self.affixes)

    @cached_property
    def _qualities(self) -> Mapping[str, Quality]:
        return {quality.name: quality for quality in self._set.qualities}


async def _rescored(pair: Pair, judge: Judge, quality: Quality, ask: Ask) -> Pair:
    """The pair as the judge would have it. By construction it has no label any more: ``exchanged`` says so.

    Raises ReplyError where the judge cannot be read, which draws its calls again, and where it prefers neither,
    which draws the answers again.
    """
    verdict = await judge.compare(pair.prompt, pair.chosen.text, pair.rejected.text, ask, [quality.as_aspect])
    p = verdict.p_first
    if p is None:
        reply = replace(pair.second, text="", call=pair.second.call + 1)
        raise ReplyError("unreadable", verdict.problem, reply)
    if p == 0.5:
        raise ReplyError("tie", f"{verdict.model} prefers neither on {quality.name}", pair.first)
    chosen, rejected = (pair.chosen, pair.rejected) if p > 0.5 else (pair.rejected, pair.chosen)
    said = (verdict if p > 0.5 else verdict.exchanged).soft_label
    found = {**pair.evidence, **said, "exchanged": p < 0.5}
    return replace(pair, chosen=chosen, rejected=rejected, label=None, evidence=found)


def _refuse_affix(response: Response, affix: Affix) -> None:
    """Raises ReplyError("affix-copy") for an answer that repeats its instruction: that would tell the label."""
    for instruction in (affix.positive, affix.negative):
        said = fuzz.partial_ratio(plain(instruction), plain(response.text))
        if said > _COPY and len(response.text) >= len(instruction):  # else it is the shorter one that is looked for
            raise ReplyError("affix-copy", f"the answer repeats the instruction {instruction!r}", response)
