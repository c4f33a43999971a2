"""What carries a request to an endpoint and brings its reply back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rmboost.errors import Trouble

CONNECT_SECONDS = 30.0
"""The longest that a connection may take to open."""
IDLE_SECONDS = 4.0
"""A connection idle for so long is not used again: uvicorn closes it after 5, and a request must not meet that."""
MOST_BYTES = 64 * 2**20
"""The longest reply, packed or not, that is read: no answer of a model comes near it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP reply; the names of its headers are in lower case, or found in any."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class TransportError(Exception):
    """No reply came."""

    def __init__(self, message: str, kind: Trouble = "broken") -> None:
        super().__init__(message)
        self.kind = kind


class Transport(Protocol):
    """Connections to one address, kept open between requests; of the event loop that they were opened in."""

    async def exchange(self, method: str, path: str, body: bytes = b"") -> Reply:
        """The reply to a request for what lies under the address. Raises TransportError."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
