"""Judges compare two responses, scorers rate one. The contracts and the catalogues.

Neither knows which response is called chosen: a method may ask before there is a label, a check after.
To add one: a file here with a subclass of Judge or Scorer, a line in its catalogue, a template in ``prompts/judge/``.
A method may have the same questions in a folder of its own, so that they can be changed for its labels alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from rmboost.ask import Ask
from rmboost.aspects import Aspect
from rmboost.records import Prompt, Usage
from rmboost.registry import Component, build, load, named

CATALOGUE = {
    "pairwise": "rmboost.judges.pairwise:Pairwise",
    "panel": "rmboost.judges.panel:Panel",
}
SCORERS = {"rubric": "rmboost.judges.rubric:Rubric"}

JudgeOptions = Annotated[dict[str, Any], named("pairwise")]
"""A field for the name of a judge and its options."""
ScorerOptions = Annotated[dict[str, Any], named("rubric")]
"""The same of a scorer."""


def _plain(folder: str) -> str:
    """The folder as it begins the names of its templates: ``strict``, also where ``./strict/`` was typed."""
    plain = "/".join(part for part in folder.split("/") if part not in ("", "."))
    if not plain:
        raise ValueError(f"{folder!r} names no folder within prompts/")
    return plain


TemplateFolder = Annotated[str, AfterValidator(_plain)]
"""A field for a folder of templates."""

Winner = Literal["first", "second", "tie", "unreadable"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of two responses is better, asked in both orders.

    shown: the probability that the first response is better, when it was shown first, and when it was shown second;
    None where too few replies could be read. votes: replies that were read. soft: the probabilities are the model's
    own, by its log-probabilities, and not shares of votes. usage: tokens of all calls. problem: why a reply could not
    be read. members: the verdicts behind that of a panel.
    """

    shown: tuple[float | None, float | None]
    votes: int
    soft: bool
    model: str
    usage: Usage = field(default_factory=Usage)
    problem: str = ""
    members: tuple[Verdict, ...] = ()

    @property
    def p_first(self) -> float | None:
        """The probability that the first is better: the mean of both orders; None when one of them is missing."""
        ahead, behind = self.shown
        return None if ahead is None or behind is None else (ahead + behind) / 2

    @property
    def orders_agree(self) -> bool | None:
        """Whether both orders prefer the same response, or both none."""
        ahead, behind = self.shown
        return None if ahead is None or behind is None else _side(ahead) == _side(behind)

    @property
    def winner(self) -> Winner:
        """The response that is better in both orders. Orders that disagree make a tie, never a coin."""
        ahead, behind = self.shown
        if ahead is None or behind is None:
            return "unreadable"
        return _side(ahead) if _side(ahead) == _side(behind) else "tie"

    @property
    def exchanged(self) -> Verdict:
        """The same verdict with the responses called the other way round."""
        ahead, behind = (None if p is None else 1 - p for p in self.shown)
        return replace(self, shown=(behind, ahead), members=tuple(member.exchanged for member in self.members))

    @property
    def soft_label(self) -> dict[str, Any]:
        """A verdict on (chosen, rejected) as the label of a pair: how likely it is right, and how far to trust that."""
        p_chosen, first, second = (None if p is None else round(p, 6) for p in (self.p_first, *self.shown))
        return {
            "p_chosen": p_chosen,
            "p_shown_first": first,
            "p_shown_second": second,
            "orders_agree": self.orders_agree,
            "soft": self.soft,
            "votes": self.votes,
            "labelled_by": self.model,
        }

    @property
    def agreement(self) -> float | None:
        """The share of a panel's members that say what the panel says; None without members that could be read."""
        read: list[Winner] = [member.winner for member in self.members if member.winner != "unreadable"]
        return read.count(self.winner) / len(read) if read else None


def _side(p_first: float) -> Winner:
    return "tie" if p_first == 0.5 else "first" if p_first > 0.5 else "second"


@dataclass(frozen=True, slots=True)
class Scores:
    """How good one response is, by aspect (``overall`` where no aspect was asked about).

    values: None where too few replies could be read. soft, usage, problem: as in a Verdict.
    """

    values: Mapping[str, float | None]
    soft: bool
    model: str
    usage: Usage = field(default_factory=Usage)
    problem: str = ""

    @property
    def mean(self) -> float | None:
        """The mean over the aspects; None when one of them is missing, since the rest is another measure."""
        read = [value for value in self.values.values() if value is not None]
        return fmean(read) if read and len(read) == len(self.values) else None


class Judge(Component):
    """One way to say which of two responses is better."""

    @abstractmethod
    async def compare(
        self, prompt: Prompt, first: str, second: str, ask: Ask, aspects: Sequence[Aspect] = ()
    ) -> Verdict:
        """The verdict on two responses to a prompt, on these aspects or overall.

        A reply that cannot be read is asked for again, and then makes the verdict ``unreadable``; it is never raised.
        Several may be awaited at once: the numbers of their calls depend on the order of creation alone.
        Raises TransientError and EndpointError.
        """

    @property
    @abstractmethod
    def roles(self) -> tuple[str, ...]:
        """The roles that are asked."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of templates that it asks with."""
        return ("judge",)


class Scorer(Component):
    """One way to say how good a response is."""

    @abstractmethod
    async def score(self, prompt: Prompt, response: str, ask: Ask, aspects: Sequence[Aspect] = ()) -> Scores:
        """The scores of a response to a prompt, on these aspects or overall; else as ``Judge.compare``."""

    @property
    @abstractmethod
    def span(self) -> float:
        """From the worst score to the best."""

    @property
    @abstractmethod
    def roles(self) -> tuple[str, ...]:
        """The roles that are asked."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of templates that it asks with."""
        return ("judge",)


def judge(given: str | Mapping[str, Any], **defaults: Any) -> Judge:
    """The judge of a name, or of a mapping with ``name`` and options, over these defaults. Raises ConfigError."""
    return build("judge", CATALOGUE, Judge, given, defaults)


def have(option: str) -> bool:
    """Whether some judge has an option of this name."""
    return any(option in load(entry).model_fields for entry in CATALOGUE.values())


def scorer(given: str | Mapping[str, Any], **defaults: Any) -> Scorer:
    """The scorer of a name, or of a mapping with ``name`` and options, over these defaults. Raises ConfigError."""
    return build("scorer", SCORERS, Scorer, given, defaults)
