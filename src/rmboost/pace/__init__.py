"""The pace at one endpoint: how many requests are under way at once, and how fast new ones go out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from time import monotonic

from rmboost.errors import TransientError
from rmboost.pace.climb import Climb
from rmboost.pace.rate import Bucket, Refusals
from rmboost.records import Quota, Response

_FULL = 0.95
"""The share of the slots from which on all count as taken."""
_LEAVING = 8
"""So many answers, and a quarter of the slots, may leave before others enter, and the slots still count as taken."""
_IN_A_ROW = 10
"""So many refusals without an answer between, or as many as may be under way: Retry-After is meant for all requests.
Fewer are meant for themselves: to rest at each edge of the rate would leave a third of it unused."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user sets: calls at once (none: found out), requests and tokens a minute (none: no limit); and for how
    many seconds the endpoint may ask to be left alone."""

    concurrency: int | None = None
    rpm: float | None = None
    tpm: float | None = None
    patience: float = inf

    def of(self, weight: float) -> Limits:
        """Those of an endpoint that is to do so many times the work."""
        concurrency = max(1, round(self.concurrency * weight)) if self.concurrency else None
        rpm, tpm = self.rpm and self.rpm * weight, self.tpm and self.tpm * weight
        return Limits(concurrency, rpm, tpm, self.patience)


class Pace:
    """A queue in front of one endpoint, first come first served.

    A request enters, goes out, and leaves; one that waits to be sent again is outside, so a paused slot is no busy
    slot. room: how many the endpoint answers at once, where that is known.
    """

    def __init__(self, limits: Limits, room: int | None = None, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        now = clock()
        self._fixed, self._patience = limits.concurrency or room, limits.patience
        self._climb = Climb(now)
        self._refusals = Refusals(now)
        self._requests = Bucket(limits.rpm / 60, now) if limits.rpm else None
        self._tokens = Bucket(limits.tpm / 60, now, burst=60) if limits.tpm else None
        self._capped = Bucket(1, now)
        self._rest_until = 0.0
        """the endpoint asks for it, by what is left of its quota or by Retry-After"""
        self._refused_in_a_row = 0
        """requests that the endpoint asked to send later, without an answer between them"""
        self._mean_tokens = 1000.0
        self._waiting: deque[asyncio.Future[int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self.in_flight = 0
        self._below = 0
        """answers since nearly all slots were taken: those of one commit leave together, before others can enter"""
        self._given_up = False

    @property
    def limit(self) -> int:
        """How many may be under way at once, as things are now."""
        return 1_000_000 if self._given_up else self._fixed or self._climb.limit

    @property
    def busy(self) -> int:
        """Requests under way, and those that want to be."""
        return self.in_flight + len(self._waiting)

    async def enter(self) -> int:
        """Wait for a slot and for the rate; returns the request's number, to leave with.

        Raises TransientError as soon as the endpoint is to be left alone for longer than the user's patience.
        """
        if not self._waiting and self.in_flight < self.limit and not self._wait():
            return self._go()
        turn: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._serve()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and not turn.exception():
                self._release()
            raise

    def give_up(self) -> None:
        """Let all go at once that wait, as none of them will ask any more."""
        self._given_up = True
        self._serve()

    def answered(self, response: Response) -> None:
        """The request was answered: it leaves."""
        now, used = self._clock(), response.usage.prompt_tokens + response.usage.completion_tokens
        self._refused_in_a_row = 0
        self._below += 1
        if not self._fixed:
            full = self._below <= _LEAVING + self.limit // 4 and self._refusals.cap == inf
            self._climb.answered(now, full=full)
        if self._tokens:
            self._tokens.take(used - self._mean_tokens, now)
            self._mean_tokens = 0.9 * self._mean_tokens + 0.1 * used
        if response.quota:
            self._heed(response.quota, now)
        self._release()

    def failed(self, number: int, error: BaseException) -> None:
        """The request was refused or went wrong: it leaves."""
        now = self._clock()
        if isinstance(error, TransientError):
            if error.kind == "refused":
                self._refusals.refused(number, now, error.retry_after)
            elif error.kind in ("overloaded", "timeout") and not self._fixed:
                self._climb.overloaded(now)
            if error.retry_after and error.kind in ("refused", "overloaded"):
                self._obey(error.kind, error.retry_after, now)
            if error.quota:
                self._heed(error.quota, now)
        self._release()

    def _obey(self, kind: str, retry_after: float, now: float) -> None:
        """What is asked of one call holds for all when nothing gets through; one answer between, and it does not."""
        self._refused_in_a_row += 1
        if kind == "overloaded" and self._refused_in_a_row > 1:
            self._rest_until = max(self._rest_until, now + retry_after)
        elif kind == "refused" and self._refused_in_a_row >= min(_IN_A_ROW, self.limit):
            self._refusals.pause(now)

    def _heed(self, quota: Quota, now: float) -> None:
        """What the endpoint says is left; requests under way may have used it up already."""
        if quota.requests is not None and quota.requests <= 0:
            self._rest_until = max(self._rest_until, now + quota.requests_reset)
        if quota.tokens is not None and quota.tokens < self._mean_tokens:
            self._rest_until = max(self._rest_until, now + quota.tokens_reset)

    def _wait(self) -> float:
        """Seconds until the rate lets another one go."""
        if self._given_up:
            return 0.0
        now = self._clock()
        return max(self._rest(now), *(bucket.wait(now) for bucket in self._buckets()), 0.0)

    def _rest(self, now: float) -> float:
        """Seconds for which the endpoint is to be left alone."""
        return max(0.0, self._refusals.paused_until - now, self._rest_until - now)

    def _buckets(self) -> list[Bucket]:
        buckets = [bucket for bucket in (self._requests, self._tokens) if bucket]
        if self._refusals.cap < inf:
            self._capped.per_second = self._refusals.cap
            buckets.append(self._capped)
        return buckets

    def _go(self) -> int:
        now = self._clock()
        for bucket in self._buckets():
            bucket.take(self._mean_tokens if bucket is self._tokens else 1.0, now)
        self.in_flight += 1
        if self.in_flight >= _FULL * self.limit:
            self._below = 0
        return self._refusals.sent(now)

    def _release(self) -> None:
        self.in_flight -= 1
        self._serve()

    def _serve(self) -> None:
        """Let go whom slots and rate allow; come back when the rate allows more."""
        while self._waiting and self.in_flight < self.limit:
            if seconds := self._wait():
                if (rest := self._rest(self._clock())) > self._patience:
                    self._turn_away(rest)
                else:
                    self._come_back(seconds)
                return
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(self._go())

    def _turn_away(self, seconds: float) -> None:
        while self._waiting:
            if not (turn := self._waiting.popleft()).done():
                turn.set_exception(TransientError("accepts no more", retry_after=seconds, kind="refused"))

    def _come_back(self, seconds: float) -> None:
        if self._timer is None or self._timer.cancelled() or self._timer.when() < asyncio.get_running_loop().time():
            self._timer = asyncio.get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._serve()
