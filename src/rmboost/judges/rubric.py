"""How good one response is, as a number, aspect by aspect.

Lee et al., direct RLAIF, arXiv 2309.00267, section 2.3: the expected score over the tokens of the numbers. One question
an aspect is how Cui et al., UltraFeedback, arXiv 2310.01377, have responses rated; they show four of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import Field, model_validator

from rmboost.ask import Ask
from rmboost.aspects import Aspect
from rmboost.errors import ReplyError
from rmboost.judges import Scorer, Scores, likelihood
from rmboost.judges.voter import Ballot, Voter
from rmboost.parsing import tagged
from rmboost.records import Prompt, Response, Usage
from rmboost.together import together

_NUMBER = re.compile(
    r"[\W_]*(?:(?:the|final|overall|total|sum|score|rating|answer|is|boxed|text)[\W_]+)*"
    r"(?<![-\u2212.,])(?<![-\u2212.,]_)(\d{1,2})(?:\.0)?"
    r"(?:[\s*_(]*(?:/|out of)[\s*_]*(\d{1,2}))?(?:[\W_]+points?)?(?:[^\w%]|_)*",
    re.IGNORECASE,
)
"""A number alone, or in words that say no more than that it is the score; never one behind a minus or a point."""
_LAST_LINE = re.compile(
    r"[\W_]*(?:(?:the|final|overall|total|sum)[\W_]+)*(?:score|rating|sum)(?![^\W_])[^\n]*\Z", re.IGNORECASE
)
"""``Score: 3``, as the paper of Self-Rewarding has it; small models end so whatever tags they are asked for."""
_OVERALL = "overall"


class Rubric(Voter, Scorer):
    """Asks for a number, once for each aspect, or once for the whole."""

    low: int = Field(default=1, ge=0, le=9)
    """the worst score"""
    high: int = Field(default=5, ge=1, le=10)
    """the best score"""

    @model_validator(mode="after")
    def _is_a_scale(self) -> Rubric:
        if self.low >= self.high:
            raise ValueError(f"{self.low} to {self.high} is no scale")
        return self

    async def score(self, prompt: Prompt, response: str, ask: Ask, aspects: Sequence[Aspect] = ()) -> Scores:
        values = {"prompt": prompt, "response": response, "low": self.low, "high": self.high}
        questions: dict[str, Aspect | None] = {aspect.name: aspect for aspect in aspects} or {_OVERALL: None}
        ballots: list[Ballot] = await together(
            *(self.put(ask, self._question, self._read, aspect=aspect, **values) for aspect in questions.values())
        )
        return Scores(
            dict(zip(questions, (ballot.value for ballot in ballots), strict=True)),
            all(ballot.soft for ballot in ballots),
            next((ballot.model for ballot in ballots if ballot.model), ""),
            sum((ballot.usage for ballot in ballots), Usage()),
            next((ballot.problem for ballot in ballots if ballot.problem), ""),
        )

    @property
    def span(self) -> float:
        return self.high - self.low

    @property
    def _question(self) -> str:
        return "rubric-reason" if self.reasoning else "rubric"

    def _read(self, reply: Response) -> tuple[float, float | None]:
        """The number, and the one that is expected by its probabilities."""
        text, start = _rated(reply) if self.reasoning else (reply.text, 0)
        match = _NUMBER.fullmatch(text)
        if not match or not self.low <= int(match[1]) <= self.high or match[2] not in (None, str(self.high)):
            raise ReplyError("unreadable", f"{text[:80]!r} is no number from {self.low} to {self.high}", reply)
        offset = reply.text.index(text, start) + match.start(1)
        return float(match[1]), likelihood.expected(reply, offset, self.low, self.high)


def _rated(reply: Response) -> tuple[str, int]:
    """The text that holds the number after the reasons, and where to look for it. Raises ReplyError."""
    start = reply.text.rstrip().rfind("\n") + 1
    if "score>" not in reply.text and _LAST_LINE.match(last := reply.text[start:].strip()):
        return last, start
    text, _ = tagged(reply, "score")
    return text, reply.text.rindex("<score>") + len("<score>")
