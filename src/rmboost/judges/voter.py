"""One question to a judging model, asked until it is answered: by log-probabilities at once, else by votes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from pydantic import Field, NonNegativeInt, PositiveInt

from rmboost.ask import Ask
from rmboost.errors import BackendError, EndpointError, ReplyError, TransientError
from rmboost.judges import TemplateFolder
from rmboost.records import Response, Usage
from rmboost.registry import Component

Read = Callable[[Response], tuple[float, float | None]]
"""What a reply says as a number, and the same by its log-probabilities, if it has them. Raises ReplyError."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What came of one question. ``value``: None when too few replies could be read, for the reason in ``problem``."""

    value: float | None
    votes: int
    soft: bool
    model: str
    usage: Usage
    problem: str


class Voter(Component):
    """Options of whoever asks a model for a verdict or a score."""

    role: str = "judge"
    """who is asked"""
    reasoning: bool = False
    """let the model think aloud before it answers"""
    logprobs: NonNegativeInt = Field(default=20, le=20)
    """how many of the likeliest tokens are wanted; 0: count votes also where the server could tell probabilities"""
    votes: PositiveInt = 3
    """how often it is asked, with another seed each time, where the server tells no probabilities"""
    tries: PositiveInt = 3
    """how many replies may be unreadable until there is no verdict"""
    templates: TemplateFolder = "judge"
    """the folder of ``prompts/`` that has the questions; ``rlaif`` and ``west-of-n`` have one of their own"""

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.role,)

    @property
    def folders(self) -> tuple[str, ...]:
        return (self.templates,)

    async def put(self, ask: Ask, question: str, read: Read, **values: Any) -> Ballot:
        """Ask one question. However often it is asked again, it stays one call of its job, drawn anew each time.

        Raises TransientError and EndpointError.
        """
        template = f"{self.templates}/{question}"
        last: Response | None = None
        votes: list[float] = []
        usage, model, problems = Usage(), "", [""]
        while len(votes) < self.votes and len(problems) <= self.tries:
            try:
                last = await ask(self.role, template, logprobs=self.logprobs, again=last, **values)
                vote, soft = read(last)
                usage, model = usage + last.usage, last.model
                if soft is not None:
                    return Ballot(soft, 1, True, model, usage, problems[-1])
                votes.append(vote)
            except ReplyError as error:
                last, usage = error.response, usage + error.response.usage
                problems.append(error.detail if error.reason == "unreadable" else str(error))
            except BackendError as error:
                if isinstance(error, TransientError | EndpointError):
                    raise
                return Ballot(None, 0, False, model, usage, str(error))  # too long for this judge, for example
        value = fmean(votes) if len(votes) == self.votes else None  # those read between others are no fair sample
        return Ballot(value, len(votes), False, model, usage, problems[-1])
