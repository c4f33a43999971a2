"""Backends: what answers a request. The contract and the catalogue.

To add one: a file here with a subclass of Backend, a line in CATALOGUE.
"""

from __future__ import annotations

from abc import abstractmethod

from rmboost.records import Request, Response
from rmboost.registry import Component

CATALOGUE = {
    "openai": "rmboost.backends.openai:OpenAIBackend",
    "local": "rmboost.backends.local:LocalBackend",
    "fake": "rmboost.backends.fake:FakeBackend",
}


class Backend(Component):
    """One model behind one door. Its fields say which; connections open at the first request."""

    model: str

    @property
    def remark(self) -> str:
        """What a person should know of it, once it is at work; empty for nothing."""
        return ""

    @abstractmethod
    async def complete(self, request: Request) -> Response:
        """Answer one request, once: retries are the client's.

        Raises TransientError (try again), BackendError (this request never) or EndpointError (no request at all).
        """

    @property
    def room(self) -> int | None:
        """How many requests it answers at once, where that is known; None: as many as it is sent."""
        return None

    @property
    def one_by_one(self) -> bool:
        """Whether the calls of one job should follow each other, so that what they share is read once."""
        return False

    async def check(self) -> None:
        """Find out, without paying, whether it would answer.

        Raises EndpointError when it is certain that no request can be answered.
        """

    async def close(self) -> None:
        """Release connections and processes."""
