"""The engine: many jobs at once, outcomes in input order. The only place where jobs run beside each other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

from rmboost.ask import Ask
from rmboost.checks import Check
from rmboost.client.client import Client
from rmboost.client.halt import Cause, Halt, Stopped
from rmboost.client.jobask import JobAsk
from rmboost.errors import BackendError, ConfigError, EndpointError, ReplyError, RMBoostError, StoreError
from rmboost.methods import Method
from rmboost.records import Drop, Dropped, Failed, Job, Kept, Outcome, Pair
from rmboost.run.recipe import Recipe
from rmboost.visible import one_line

LOOKAHEAD = 8
LEAST_LOOKAHEAD = 1024
"""How many jobs may be settled ahead of the slowest one, in multiples of the calls under way, and at least: memory
stays flat, and one answer that does not come holds nobody up for long."""
AHEAD = 2


async def settle(job: Job, method: Method, checks: Sequence[Check], client: Client, draws: int) -> Outcome:
    """Make a pair and check it; what is refused is drawn again, up to ``draws`` times, then dropped with its reasons.

    Raises EndpointError (nothing can be answered) and Stopped.
    """
    drops: tuple[Drop, ...] = ()
    pair: Pair | None = None
    ask = JobAsk(client, job)
    while len(drops) < draws and not (drops and drops[-1].final):
        if drops:
            ask.again(drops[-1].call)
        try:
            pair = await method.make_pair(job, ask)
            verdict = await _examine(pair, checks, ask)
        except ReplyError as error:
            reply = error.response
            pair, verdict = None, Drop(error.reason, error.detail, reply.call, reply.text, error.final)
        except EndpointError:
            client.stop("failures")  # at once: a slot that is free now is not for one more request
            raise
        except BackendError as error:
            return Failed(job, str(error))
        if isinstance(verdict, Pair):
            return Kept(job, verdict, drops)
        drops += (verdict,)
    return Dropped(job, drops, pair)


def settler(recipe: Recipe, client: Client) -> Callable[[Job], Coroutine[Any, Any, Outcome]]:
    """How each job of a run is settled; the same when its rows are made once more, to prove them."""

    async def make(job: Job) -> Outcome:
        try:
            return await settle(job, recipe.method, recipe.checks_of(job), client, recipe.config.draws)
        except ConfigError as error:  # a template that does not fit this prompt, though it fitted the first
            client.stop("failures")
            about = f"prompt {job.prompt.id} ({one_line(job.prompt.text, 40)})"
            raise ConfigError(f"{about}: {error.message}", error.hint) from None

    return make


async def _examine(pair: Pair, checks: Sequence[Check], ask: Ask) -> Pair | Drop:
    """The pair with the evidence of every check, or the first drop."""
    for check in checks:
        verdict = await check.run(pair, ask)
        if isinstance(verdict, Pair):
            pair = verdict
        elif check.on_fail == "flag":
            pair = _flagged(pair, verdict)
        else:
            return replace(verdict, final=check.on_fail == "drop")
    return pair


def _flagged(pair: Pair, drop: Drop) -> Pair:
    flags = [*pair.evidence.get("flags", ()), f"{drop.reason}: {drop.detail}"]
    return replace(pair, evidence={**pair.evidence, "flags": flags})


class Slots(Protocol):
    """What the engine must know of a client."""

    halt: Halt
    wake: Callable[[], None]

    @property
    def limit(self) -> int:
        """Calls that may be under way at once, as things are now."""
        ...

    @property
    def resting(self) -> int:
        """Jobs that need no slot at the moment."""
        ...

    def budget_is_full(self, jobs: int) -> bool:
        """Whether another job beside these would break a ceiling."""
        ...

    def stop(self, cause: Cause) -> None:
        """Make no new call; answers under way come in."""
        ...


class Engine:
    """Keeps the slots of a client filled with jobs, and hands on their outcomes in the order of the jobs.

    Each job is carried to its end before a new one begins; but the last AHEAD × limit jobs begin together, so that
    no job is left with two calls in a row when the list is empty (benchmarks/order.py).
    """

    def __init__(
        self,
        settle: Callable[[Job], Coroutine[Any, Any, Outcome]],
        deliver: Callable[[Outcome], None],
        client: Slots,
        total: int,
    ) -> None:
        self._settle = settle
        self._deliver = deliver
        self._client = client
        self._left = total
        self._window: deque[asyncio.Task[Outcome]] = deque()
        self._in_progress = 0
        self._broken: BaseException | None = None
        self._wake = asyncio.Event()

    async def run(self, jobs: Iterator[Job]) -> bool:
        """Settle all jobs. False: stopped before the last, with no call in flight. Raises what a job raises."""
        self._client.wake = self._wake.set
        try:
            finished = await self._run(jobs)
        except (RMBoostError, OSError) as error:  # the system's: nobody reads the rows any more
            await self._end_by(error)
            raise
        except BaseException:
            await self._cancel()
            raise
        await asyncio.gather(*self._window, return_exceptions=True)
        if self._broken:
            raise self._broken
        return finished and not (self._client.halt.jobs and self._left)

    async def _end_by(self, error: RMBoostError | OSError) -> None:
        """Answers under way are paid: they are waited for and kept, where they can be kept, and a person lets them."""
        self._client.stop("failures")
        if isinstance(error, StoreError):
            return await self._cancel()
        try:
            await asyncio.gather(*self._window, return_exceptions=True)
        except asyncio.CancelledError:
            raise error from None

    async def _cancel(self) -> None:
        for task in self._window:
            task.cancel()
        await asyncio.gather(*self._window, return_exceptions=True)

    async def _run(self, jobs: Iterator[Job]) -> bool:
        more = True
        while more or self._window:
            more = more and self._fill(jobs)
            if self._window or self._in_progress:  # a job that has just ended may not be counted off yet
                await self._wake.wait()
                self._wake.clear()
            if not self._drain():
                return False
        return True

    def _fill(self, jobs: Iterator[Job]) -> bool:
        """Start as many jobs as there is room for; False when there are no more to start."""
        while not self._client.halt.jobs:
            if not self._has_room():
                return True
            if (job := next(jobs, None)) is None:
                return False
            task = asyncio.create_task(self._settle(job))
            task.add_done_callback(self._note_done)
            self._left -= 1
            self._in_progress += 1
            self._window.append(task)
        return False

    def _has_room(self) -> bool:
        limit = self._client.limit
        full = self._in_progress >= limit * LOOKAHEAD or len(self._window) >= max(limit * LOOKAHEAD, LEAST_LOOKAHEAD)
        if full or self._client.budget_is_full(self._in_progress):
            return False
        return self._in_progress - self._client.resting < limit or self._left <= AHEAD * limit

    def _note_done(self, task: asyncio.Task[Outcome]) -> None:
        self._in_progress -= 1
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, Stopped):
            self._broken = self._broken or error

    def _drain(self) -> bool:
        """Deliver what is settled at the head of the window; False at a job that was stopped."""
        if self._broken:
            raise self._broken
        while self._window and self._window[0].done():
            task = self._window.popleft()
            if isinstance(error := task.exception(), Stopped):
                return False
            if error:  # which the task has not told yet
                raise error
            self._deliver(task.result())
        return True
