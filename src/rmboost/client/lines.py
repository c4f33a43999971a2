"""Lines: the ways to a model. One endpoint has a line; a model served at several addresses has several."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from rmboost.backends import Backend
from rmboost.errors import EndpointError, TransientError
from rmboost.pace import Pace

_STRIKES = 3
"""Failures in a row to reach an endpoint until it counts as dead, where there is another."""
_REST_SECONDS = 15.0
_DEADLY = ("unreachable", "timeout", "broken", "overloaded")
"""What a dead server's calls end with; a gateway in front of one answers 500, 502 or 503."""


@dataclass(eq=False)
class Line:
    """A backend, the pace of requests to it, and whether it is there. weight: its share of the work."""

    backend: Backend
    pace: Pace
    weight: float = 1.0
    strikes: int = 0
    dead_until: float = 0.0
    served: bool = False
    """whether it has ever answered"""
    missing: bool = False
    """whether nobody was there when it was last looked for"""
    _check: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def load(self) -> tuple[bool, float]:
        """Whether it is full; and how busy it is, by its weight while it has room, by its limit once it is full."""
        busy, limit = self.pace.busy + 1, self.pace.limit
        return busy > limit, busy / (limit if busy > limit else self.weight)

    def begin_check(self) -> asyncio.Task[None]:
        """Begin to look whether a request would be answered, unless that has begun."""
        if self._check is None:
            self._check = asyncio.create_task(self.backend.check())
            self._check.add_done_callback(_looked_at)
        return self._check

    async def check(self) -> None:
        """Before the first request, and only if there is one, make sure that it would be answered."""
        check = self.begin_check()
        if not check.done():
            await asyncio.shield(check)
        check.result()

    def cancel_check(self) -> None:
        """It may be fetching a gigabyte of weights."""
        if self._check:
            self._check.cancel()

    def answered(self) -> None:
        """It is there; but one that asked to be left alone for longer stays so, whatever was still under way."""
        self.strikes, self.served = 0, True
        if self.dead_until and self.dead_until <= monotonic() + _REST_SECONDS:
            self.dead_until = 0.0

    def struck(self, error: BaseException) -> bool:
        """It could not be reached, or is of no use, perhaps; True when it counts as dead from now on, and is tried
        again later."""
        self.strikes += isinstance(error, EndpointError) or getattr(error, "kind", "") in _DEADLY
        if self.strikes < _STRIKES and not isinstance(error, EndpointError):
            return False
        self.strikes, self.dead_until = 0, monotonic() + _REST_SECONDS
        self._check = None
        return True


def _looked_at(check: asyncio.Task[None]) -> None:
    """What a check finds is raised where somebody waits for it; asyncio need not complain where nobody does."""
    if not check.cancelled():
        check.exception()


def choose(lines: Sequence[Line], used: Line | None) -> Line:
    """The line that a job used before, while it lives, so that its prefix stays in that server's cache; else the least
    busy one. With all dead, the one that rests the least."""
    now = monotonic()
    living = [line for line in lines if line.dead_until <= now]
    if used in living:
        return used
    return min(living, key=lambda line: line.load) if living else min(lines, key=lambda line: line.dead_until)


def before(lines: Sequence[Line], role: str, places: Mapping[str, Line]) -> Line | None:
    """Where the job asked in this role before, or else in another that the same servers answer for."""
    if len(lines) == 1 or role in places:
        return places.get(role)
    return next((line for line in places.values() if line in lines), None)


def without_another(ways: Iterable[Sequence[Line]]) -> list[Line]:
    """Those lines that are a model's only one, each once: nobody stands in for them."""
    return list(dict.fromkeys(lines[0] for lines in ways if len(lines) == 1))


def leave_out(line: Line, lines: Sequence[Line], seconds: float, patience: float) -> bool:
    """A line that asks to be left alone for so long counts as dead; whether another is to be had within patience."""
    now = monotonic()
    line.dead_until = now + seconds
    return any(other.dead_until <= now + patience for other in lines)


async def reach(line: Line, lines: Sequence[Line]) -> None:
    """Make sure that a line leads somewhere. Raises EndpointError, or TransientError where another of the lines may."""
    try:
        await line.check()
    except EndpointError as error:
        line.missing = error.unreachable
        if error.unreachable and any(each.served or not each.missing for each in lines):
            raise TransientError(error.message, error.hint, kind="unreachable") from None
        raise


async def reach_all(lines: Sequence[Line]) -> None:
    """Make sure that all of them lead somewhere; they are looked at side by side. Raises EndpointError."""
    for line in lines:
        line.begin_check()
    for line in lines:
        await line.check()


async def close(lines: Sequence[Line]) -> None:
    """Close every backend."""
    for line in lines:
        line.cancel_check()
        with suppress(TransientError):
            await line.backend.close()
