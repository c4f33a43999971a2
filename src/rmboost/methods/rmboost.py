"""RMBoost: decide the label, then have the second response written to fit it.

Shen et al., RMBoost: Reward Model Training With Preference-Conditional Multi-Aspect Synthetic Data Generation,
arXiv 2407.16008, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt, model_validator
from rapidfuzz import fuzz

from rmboost import aspects, parsing, texts
from rmboost.ask import Ask
from rmboost.aspects import AspectSet, Demo
from rmboost.errors import ConfigError, ReplyError
from rmboost.methods import Method
from rmboost.records import Job, Label, Pair, Response, Spec, stable_hash

_LABELS: tuple[Label, Label] = ("better", "worse")
_COPY = 75.0
"""Characters, in percent, that a reply may share with a worked example: small models answer with the example itself."""


class RMBoost(Method):
    """Sample a response, draw label and aspects, have the response edited to be better or worse on them.

    style: ``plan`` (think about the aspects, then write; for capable models), ``direct`` (worked examples as chat
    turns, then the edit alone; for small ones), ``auto`` (direct for the embedded models, else plan).
    aspects: a shipped set or a YAML file. aspects_per_pair: how many a pair is edited on; ``auto``: the model picks.
    demos: how many worked examples the ``direct`` style shows. contrast: for ``better``, which small models cannot do
    by editing (docs/yield.md), let the weaker drafter write the first response and the responder answer afresh.
    match_length: order the second response at the length of the first; the check ``length`` has a miss drawn again.
    """

    style: Literal["auto", "plan", "direct"] = "auto"
    aspects: str = "general"
    aspects_per_pair: PositiveInt | Literal["auto"] = 1
    demos: NonNegativeInt = 3
    contrast: bool = False
    match_length: bool = False

    @model_validator(mode="after")
    def _small_models_neither_plan_nor_pick(self) -> RMBoost:
        if self.style == "direct" and self.aspects_per_pair == "auto":
            raise ValueError("aspects_per_pair auto needs style plan, where the model says what it picks")
        if self.style == "plan" and self.contrast:
            raise ValueError("contrast needs style direct")
        return self

    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        spec = self._spec(job)
        contrasted = self.contrast and spec.label == "better"
        first = await ask("drafter" if contrasted else "responder", "respond", prompt=job.prompt)
        values = self._values(job, spec, first)
        if contrasted:
            reply = await ask("responder", "rmboost/contrast-better", **values)
        else:
            reply = await ask("rewriter", f"rmboost/{self.style}-{spec.label}", **values)
        second, names, plan = self._read(reply, spec, values["demos"])
        chosen, rejected = (second, first) if spec.label == "better" else (first, second)
        evidence: dict[str, Any] = {"contrast": True} if contrasted else {}
        if self.match_length:
            evidence["target_words"] = len(texts.words(first.text))
        return Pair(job.prompt, chosen, rejected, "rmboost", spec.label, names, plan, evidence)

    @property
    def writers(self) -> tuple[str, ...]:
        return ("responder", "rewriter", *(["drafter"] if self.contrast else []))

    def cells(self) -> Sequence[Spec]:
        primaries = [()] if self.aspects_per_pair == "auto" else [(name,) for name in self._set.names]
        return [Spec(label, primary) for primary in primaries for label in _LABELS]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._set.names)

    def data(self) -> Mapping[str, str]:
        return {"aspects": f"{stable_hash(self._set.model_dump()):x}"}

    @cached_property
    def _set(self) -> AspectSet:
        found, wanted = aspects.load(self.aspects), self.aspects_per_pair
        most = len(found.names)
        if wanted != "auto" and wanted > most:
            raise ConfigError(f"method.aspects_per_pair: {wanted}, and {self.aspects} has {most}", f"{most} at most")
        return found

    def _spec(self, job: Job) -> Spec:
        """The plan's cell, with as many further aspects as a pair is to have."""
        assert job.spec is not None  # cells() is never empty
        if self.aspects_per_pair == "auto" or self.aspects_per_pair == len(job.spec.aspects):
            return job.spec
        others = [name for name in self._set.names if name not in job.spec.aspects]
        more = job.random("aspects").sample(others, self.aspects_per_pair - 1)
        return replace(job.spec, aspects=(*job.spec.aspects, *more))

    def _values(self, job: Job, spec: Spec, first: Response) -> dict[str, Any]:
        """What the templates are given."""
        names = spec.aspects or self._set.names
        direct = self.style == "direct"
        return {
            "prompt": job.prompt,
            "first": first.text,
            "label": spec.label,
            "aspects": [self._set[name] for name in names],
            "pick": not spec.aspects,
            "length": texts.length(first.text),
            "match_length": self.match_length,
            "demos": self._set.pick_demos(names[0], spec.label, self.demos, job.random("demos")) if direct else (),
        }

    def _read(self, reply: Response, spec: Spec, demos: Sequence[Demo]) -> tuple[Response, tuple[str, ...], str]:
        """The second response, the aspects it was edited on, and the plan that came with it."""
        if self.style == "direct":
            _refuse_copy(reply, demos)
            return reply, spec.aspects, ""
        text, plan = parsing.tagged(reply, "response")
        names = spec.aspects or parsing.names(
            reply, parsing.tagged(replace(reply, text=plan), "aspects")[0], self._set.names
        )
        return replace(reply, text=text), names, plan


def _refuse_copy(reply: Response, demos: Sequence[Demo]) -> None:
    """Raises ReplyError("demo-copy") for a reply that is one of the worked examples and no answer to the prompt."""
    for demo in demos:
        if max(fuzz.ratio(reply.text, demo.first), fuzz.ratio(reply.text, demo.second)) > _COPY:
            raise ReplyError("demo-copy", f"the reply is the worked example on {demo.prompt!r}", reply)
