"""Ask: all that a method, a judge or a check knows of models."""

from __future__ import annotations

from typing import Any, Protocol

from rmboost.records import Response


class Ask(Protocol):
    """Has a role's model answer. What stands behind it in a run is ``rmboost.client.jobask``."""

    async def __call__(
        self, role: str, template: str, /, *, logprobs: int = 0, again: Response | None = None, **values: Any
    ) -> Response:
        """Render the template, have the role's model answer, and return its response.

        logprobs: how many of the likeliest tokens are wanted at each place, where the server offers them. again: an
        earlier response that is to be drawn once more, with another seed; the call keeps its number.
        Raises ReplyError (cut, filtered) and BackendError.
        """
        ...
