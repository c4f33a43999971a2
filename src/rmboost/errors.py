"""Every error rmboost raises on purpose.

RMBoostError
 ├─ ConfigError         a setting is wrong; found before the first call
 ├─ InputError          a file that is read, of prompts or pairs, is wrong, or a row of it
 ├─ StoreError          the run's files cannot be used as they are
 ├─ BackendError        this request cannot be answered: its job fails, the run goes on
 │   ├─ TransientError      the same request may be answered later: it is retried
 │   └─ EndpointError       no request can be answered (wrong key, model, address): the run stops
 └─ ReplyError          the model answered with something unusable: drawn again (unless it is final), then a reject

What is not in this tree is a bug, and shows as a traceback.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rmboost.records import Quota, Response

Trouble = Literal["refused", "overloaded", "timeout", "unreachable", "broken", "unreadable"]
"""What a request came to in place of an answer, for now: a short name to count by."""


class RMBoostError(Exception):
    """What happened and where; ``hint`` says what to type next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(RMBoostError):
    """A setting is wrong."""


class InputError(RMBoostError):
    """A file that is read, of prompts or pairs, or a row of it, cannot be used."""


class StoreError(RMBoostError):
    """The output or its run folder cannot be used as it is."""


class BackendError(RMBoostError):
    """A request that this backend will never answer (too long, refused by the server's filter).

    said: the server's words in full, for nobody's eyes. unwanted: the parameter that it was refused for, if for one.
    """

    def __init__(self, message: str, hint: str = "", *, said: str = "") -> None:
        super().__init__(message, hint)
        self.said = said
        self.unwanted = ""


class TransientError(BackendError):
    """A request that may be answered when tried again; ``retry_after`` in seconds, if the server said.

    quota: what the server says is left of its limits.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        retry_after: float | None = None,
        *,
        kind: Trouble = "broken",
        quota: Quota | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after
        self.kind = kind
        self.quota = quota


class EndpointError(BackendError):
    """The endpoint answers no request at all: a wrong key, model or address. unreachable: nobody is there."""

    def __init__(self, message: str, hint: str = "", *, unreachable: bool = False) -> None:
        super().__init__(message, hint)
        self.unreachable = unreachable


class ReplyError(RMBoostError):
    """A reply that cannot be used; ``reason`` is a short name that rejects are counted by. final: nor would another."""

    def __init__(self, reason: str, detail: str, response: Response, *, final: bool = False) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.response = response
        self.final = final


def way_out(error: OSError) -> str:
    """The hint for a file that could not be written: room, where that is what lacks."""
    return f"{'make room' if lacks_room(error) else 'see that it can be written'}, then run the same command again"


def lacks_room(error: OSError) -> bool:
    """Whether the disk, or what somebody may use of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
