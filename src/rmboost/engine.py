"""The engine: many jobs at once, outcomes in input order. The only place where things run concurrently."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from typing import Any

from rmboost.checks import Check
from rmboost.client import Ask, Client, Stopped
from rmboost.errors import BackendError, EndpointError, ReplyError
from rmboost.methods import Method
from rmboost.records import Drop, Dropped, Failed, Job, Kept, Outcome, Pair

LOOKAHEAD = 8
"""How many jobs may be settled ahead of the slowest one, in multiples of the jobs in progress: memory stays flat."""


async def settle(job: Job, method: Method, checks: Sequence[Check], client: Client, draws: int) -> Outcome:
    """Make a pair and check it; what is refused is drawn again, up to ``draws`` times, then dropped with its reasons.

    Raises EndpointError (nothing can be answered) and Stopped.
    """
    drops: tuple[Drop, ...] = ()
    pair: Pair | None = None
    while len(drops) < draws and not (drops and drops[-1].final):
        ask = client.for_job(job, drops)
        try:
            pair = await method.make_pair(job, ask)
            verdict = await _examine(pair, checks, ask)
        except ReplyError as error:
            pair, verdict = None, Drop(error.reason, error.detail, error.response.call, error.response.text)
        except EndpointError:
            client.stop()  # no new call; answers already under way are waited for and kept
            raise
        except BackendError as error:
            return Failed(job, str(error))
        if isinstance(verdict, Pair):
            return Kept(job, verdict, drops)
        drops += (verdict,)
    return Dropped(job, drops, pair)


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


class Engine:
    """Keeps ``width`` jobs in progress and hands on their outcomes in the order of the jobs."""

    def __init__(
        self,
        settle: Callable[[Job], Coroutine[Any, Any, Outcome]],
        deliver: Callable[[Outcome], None],
        width: int,
    ) -> None:
        self._settle = settle
        self._deliver = deliver
        self._width = width
        self._window: deque[asyncio.Task[Outcome]] = deque()
        self._in_progress = 0
        self._broken: BaseException | None = None
        self._wake = asyncio.Event()

    async def run(self, jobs: Iterator[Job]) -> bool:
        """Settle all jobs. False: stopped before the last, with no call in flight. Raises what a job raises."""
        try:
            finished = await self._run(jobs)
        except EndpointError:
            await asyncio.gather(*self._window, return_exceptions=True)
            raise
        except BaseException:
            for task in self._window:
                task.cancel()
            await asyncio.gather(*self._window, return_exceptions=True)
            raise
        await asyncio.gather(*self._window, return_exceptions=True)
        if self._broken:
            raise self._broken
        return finished

    async def _run(self, jobs: Iterator[Job]) -> bool:
        more = True
        while more or self._window:
            more = more and self._fill(jobs)
            if self._window:
                await self._wake.wait()
                self._wake.clear()
            if not self._drain():
                return False
        return True

    def _fill(self, jobs: Iterator[Job]) -> bool:
        """Start jobs up to the width; False when there are no more."""
        while self._in_progress < self._width and len(self._window) < self._width * LOOKAHEAD:
            job = next(jobs, None)
            if job is None:
                return False
            task = asyncio.create_task(self._settle(job))
            task.add_done_callback(self._note_done)
            self._in_progress += 1
            self._window.append(task)
        return True

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
            if task.exception():
                return False
            self._deliver(task.result())
        return True
