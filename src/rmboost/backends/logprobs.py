"""Log-probabilities over the OpenAI protocol: how they are asked for, how they come back, and who has none to give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from rmboost.errors import BackendError, TransientError

_LADDER = (5, 0)
"""What is asked for after a refusal: some endpoints give five tokens a place at most, some models none."""
_KEPT = 16
"""Places that are kept, counted from the end: a verdict is short, and what was thought aloud before it is not."""


class Offer:
    """How many tokens a place an endpoint gives; ``most`` goes down the ladder as it refuses."""

    def __init__(self) -> None:
        self.most = 20  # OpenAI's own limit, and vLLM's unless it is started with another

    def refuse(self, wanted: int) -> None:
        """Ask for less than this from now on."""
        self.most = min(self.most, next(step for step in _LADDER if step < wanted))


def parameters(top: int) -> dict[str, Any]:
    """What a request says that wants the ``top`` likeliest tokens at each place."""
    return {"logprobs": True, "top_logprobs": top} if top else {}


def is_about(error: BackendError) -> bool:
    """Whether a request was refused because it asked for log-probabilities; OpenAI does so as if the key were wrong."""
    said = (error.said or error.message).lower().replace("_", "").replace(" ", "")
    return not isinstance(error, TransientError) and "logprob" in said


def read(found: Any) -> tuple[Mapping[str, float], ...]:
    """The last places of an answer, in each the token that was written and after it the likeliest others.

    Empty for anything but the protocol's own form: a judge then counts votes.
    """
    if not found:
        return ()
    try:
        places = _LogProbs.model_validate(found).content or []
    except ValidationError:
        return ()
    return tuple(
        {place.token: place.logprob} | {other.token: other.logprob for other in place.top_logprobs or ()}
        for place in places[-_KEPT:]
    )


class _Token(BaseModel):
    token: str
    logprob: float = Field(le=0.01)  # NaN is not, and would be a verdict made up


class _Place(_Token):
    top_logprobs: list[_Token] | None = None


class _LogProbs(BaseModel):
    content: list[_Place] | None = None
