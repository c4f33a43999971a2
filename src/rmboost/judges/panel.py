"""Several judges on the same two responses, such as models of different families.

Verga et al., Replacing Judges with Juries, arXiv 2404.18796: a panel of smaller models of disjoint families judges with
less bias towards any of them than one large model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any, Literal

from pydantic import Field, field_validator

from rmboost.ask import Ask
from rmboost.aspects import Aspect
from rmboost.errors import ConfigError
from rmboost.judges import Judge, TemplateFolder, Verdict, judge
from rmboost.records import Prompt, Usage
from rmboost.together import together


class Panel(Judge):
    """Asks several judges at once. Those whose replies could not be read have no say."""

    members: tuple[dict[str, Any], ...] = Field(min_length=2)
    """judges with their options, such as ``{name: pairwise, role: llama}``; a role by itself is a pairwise judge"""
    rule: Literal["mean", "majority"] = "mean"
    """the mean of their probabilities, or the share of members that prefer a response"""
    templates: TemplateFolder = "judge"
    """the folder of ``prompts/`` that has the questions of those members who name none"""

    @field_validator("members", mode="before")
    @classmethod
    def _a_role_is_short_for_pairwise(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValueError("a list of roles, or of judges with their options")
        return [{"name": "pairwise", "role": item} if isinstance(item, str) else item for item in value]

    @field_validator("members")
    @classmethod
    def _are_judges(cls, value: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for each in value:
            try:
                judge(each)
            except ConfigError as error:
                raise ValueError(error.message) from None
        return value

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(role for member in self._judges for role in member.roles))

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(folder for member in self._judges for folder in member.folders))

    async def compare(
        self, prompt: Prompt, first: str, second: str, ask: Ask, aspects: Sequence[Aspect] = ()
    ) -> Verdict:
        verdicts = await together(*(each.compare(prompt, first, second, ask, aspects) for each in self._judges))
        read = [verdict for verdict in verdicts if verdict.winner != "unreadable"]
        return Verdict(
            (self._weigh(verdict.shown[0] for verdict in read), self._weigh(verdict.shown[1] for verdict in read)),
            sum(verdict.votes for verdict in verdicts),
            self.rule == "mean" and bool(read) and all(verdict.soft for verdict in read),
            " + ".join(dict.fromkeys(verdict.model for verdict in verdicts if verdict.model)),
            sum((verdict.usage for verdict in verdicts), Usage()),
            next((verdict.problem for verdict in verdicts if verdict.problem), ""),
            tuple(verdicts),
        )

    @property
    def _judges(self) -> Sequence[Judge]:
        return [judge(member, templates=self.templates) for member in self.members]

    def _weigh(self, probabilities: Iterable[float | None]) -> float | None:
        """What the members say together of one order; by majority, one without a preference counts half."""
        said = [p for p in probabilities if p is not None]
        if self.rule == "majority":
            said = [1.0 if p > 0.5 else 0.5 if p == 0.5 else 0.0 for p in said]
        return fmean(said) if said else None
