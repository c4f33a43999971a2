"""Ask: the one way to a model. Journal, limits and retries are here and nowhere else.

ask -> journal (answered already? return it) -> limit -> retry -> backend -> journal -> answer
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from rmboost import parsing
from rmboost.backends import Backend
from rmboost.errors import ReplyError, TransientError
from rmboost.journal import Entry, Journal
from rmboost.records import Drop, Job, Request, Response, Usage, canonical_json, stable_hash
from rmboost.templates import Templates


class Ask(Protocol):
    """All that a method, a judge or a check knows of models."""

    async def __call__(self, role: str, template: str, /, **values: Any) -> Response:
        """Render the template, have the role's model answer, and return its response.

        Raises ReplyError (cut, filtered) and BackendError.
        """
        ...


class Stopped(Exception):
    """No new call is made any more: the run was asked to stop."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits in a role: a backend of some kind, and how its answers are sampled."""

    kind: str
    backend: Backend
    sampling: Mapping[str, Any]


@dataclass
class Meter:
    """What this process has asked so far, for the progress line."""

    asked: int = 0
    replayed: int = 0
    in_flight: int = 0
    usage: Usage = field(default_factory=Usage)
    retries: Counter[str] = field(default_factory=Counter)


class Client:
    """Answers the calls of all jobs of a run.

    seats: who answers for each role. limit: calls in flight at once. tries: how often one call is sent at most.
    """

    def __init__(
        self, seats: Mapping[str, Seat], journal: Journal, templates: Templates, *, limit: int, tries: int
    ) -> None:
        self.seats = seats
        self.journal = journal
        self.templates = templates
        self.meter = Meter()
        self.limit = limit
        self._stop = asyncio.Event()
        self._slots = asyncio.Semaphore(limit)
        self._checked: dict[Backend, asyncio.Task[str]] = {}
        self._retrying = AsyncRetrying(
            retry=retry_if_exception_type(TransientError),
            stop=stop_after_attempt(tries),
            wait=_wait,
            sleep=self._sleep,
            before_sleep=self._count_retry,
            reraise=True,
        )

    def stop(self) -> None:
        """Make no new call: calls in flight are still answered and kept, others raise Stopped."""
        self._stop.set()
        for check in self._checked.values():
            check.cancel()  # it may be fetching a gigabyte of weights

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    async def close(self) -> None:
        """Close every backend."""
        for backend in {seat.backend for seat in self.seats.values()}:
            await backend.close()

    def for_job(self, job: Job, drops: tuple[Drop, ...] = ()) -> Ask:
        """``ask`` for one try at a job; each earlier drop draws the call it blamed, and those after it, anew."""
        return _JobAsk(self, job, drops)

    async def answer(self, role: str, job: Job, call: int, request: Request) -> Response:
        """The answer to a call of a job: from the journal, or from the backend and then in the journal."""
        seat = self.seats[role]
        key = call_key(job, call, seat, request)
        if known := self.journal.get(key):
            self.meter.replayed += 1
            return known
        response, seconds = await self._send_until_answered(seat.backend, request)
        self.meter.asked += 1
        self.meter.usage += response.usage
        await self.journal.put(Entry(key, job.key, call, role, response, seconds, job.spec))
        return response

    async def _send_until_answered(self, backend: Backend, request: Request) -> tuple[Response, float]:
        retrying: AsyncRetrying = self._retrying.copy()
        answered: tuple[Response, float] = await retrying(self._send, backend, request)
        return answered

    async def _send(self, backend: Backend, request: Request) -> tuple[Response, float]:
        """One request in one slot; a call that waits for its next try holds none."""
        async with self._slots:
            if self.stopping:
                raise Stopped
            await self._check_once(backend)
            self.meter.in_flight += 1
            started = time.perf_counter()
            try:
                return await backend.complete(request), time.perf_counter() - started
            finally:
                self.meter.in_flight -= 1

    async def _check_once(self, backend: Backend) -> None:
        """Before the first call to a backend, and only if there is one, make sure that it would answer."""
        if backend not in self._checked:
            self._checked[backend] = asyncio.create_task(backend.check())
        try:
            await asyncio.shield(self._checked[backend])
        except asyncio.CancelledError:
            if self.stopping:
                raise Stopped from None
            raise

    async def _sleep(self, seconds: float) -> None:
        """Wait before the next try, or until the run is asked to stop."""
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    def _count_retry(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.meter.retries[str(error)] += 1


class _JobAsk:
    """``ask`` for one try at one job: numbers its calls, and gives each its seed."""

    def __init__(self, client: Client, job: Job, drops: tuple[Drop, ...]) -> None:
        self._client = client
        self._job = job
        self._drops = drops
        self._calls = 0

    async def __call__(self, role: str, template: str, /, **values: Any) -> Response:
        call = self._calls
        self._calls += 1
        draw = sum(drop.call <= call for drop in self._drops)
        messages = self._client.templates.render(template, **values)
        seed = stable_hash(self._job.seed, self._job.key, call, draw) % 2**31
        request = Request(messages, seed, self._client.seats[role].sampling)
        response = await self._client.answer(role, self._job, call, request)
        return _usable(replace(response, call=call, draw=draw, template=template))


def call_key(job: Job, call: int, seat: Seat, request: Request) -> bytes:
    """The identity of a call: a hash of everything that could change its answer, not of where it is sent."""
    parts = (
        job.key,
        call,
        seat.kind,
        seat.backend.model,
        request.messages,
        dict(request.sampling),
        request.seed,
        request.logprobs,
    )
    return hashlib.blake2b(canonical_json(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()


_WHOLE = ("stop", "eos", "eos_token", "end_turn", "stop_sequence")
"""Finish reasons of a whole answer; servers spell them differently."""


def _usable(response: Response) -> Response:
    """The response, unless it was cut: half a text is a failure, not an answer."""
    if response.finish_reason in _WHOLE:
        return replace(response, text=parsing.without_thinking(response.text))
    if response.finish_reason == "content_filter":
        raise ReplyError("filtered", "the server's content filter cut the answer", response)
    if response.finish_reason in ("length", "model_length", "max_tokens"):
        raise ReplyError("truncated", "the answer was cut at the token limit", response)
    raise ReplyError("unfinished", f"the answer ended by {response.finish_reason!r}", response)


def _wait(state: RetryCallState) -> float:
    """Seconds until the next try: what the server asked for, else doubling from 1 to 60 with jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TransientError) and error.retry_after is not None:
        return error.retry_after
    return _backoff(state)


_backoff = wait_random_exponential(multiplier=1, max=60)
