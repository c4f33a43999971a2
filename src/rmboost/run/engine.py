"""The engine: many jobs at once, outcomes in input order. The only place where jobs run beside each other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Protocol

from rmboost.client.halt import Cause, Halt, Stopped
from rmboost.errors import RMBoostError, StoreError
from rmboost.records import Job, Outcome

LOOKAHEAD = 8
LEAST_LOOKAHEAD = 1024
"""How many jobs may be settled ahead of the slowest one, in multiples of the calls under way, and at least: memory
stays flat, and one answer that does not come holds nobody up for long."""
AHEAD = 2


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
