"""Rounds: the jobs of a run, settled; and where pairs of a target were lost, further jobs in their place.

The first round is as many jobs as pairs are wanted, by the plan. When all of a round are settled, each cell is ordered
again as often as it lost a pair, of the jobs that come next in the input; and so on, until nothing is lacking or no job
is left. What is dealt follows from outcomes alone and is noted before it begins, so it does not matter in which
order answers come in, nor where a run is killed. A job that failed counts as one that will be kept: it is asked again
by the same command.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any

from rmboost.amounts import are, number
from rmboost.client.client import Client
from rmboost.records import Job, Kept, Outcome, Spec
from rmboost.run import roles
from rmboost.run.engine import Engine
from rmboost.run.fingerprint import run_of
from rmboost.run.forecast import jobs_left
from rmboost.run.listener import Listener
from rmboost.run.plan import Plan
from rmboost.run.recipe import Recipe
from rmboost.run.replan import Course, order_more
from rmboost.run.replay import Answers, Replay
from rmboost.run.settle import settler
from rmboost.run.store import Store
from rmboost.run.tally import Tally

_TICK_SECONDS = 1.0
_SHOWN_SECONDS = 0.1
"""Progress is told no more often: nobody reads faster, and a slow terminal would keep the run waiting."""
_CELLS_NAMED = 6
_FRUITLESS = 50
"""Jobs without a pair that end a run which has none at all; one that will keep a tenth is ended once in 200 times."""
log = logging.getLogger("rmboost")


def lacking(plan: Plan, target: int | None, tally: Tally) -> Counter[Spec | None]:
    """How many pairs of each cell are missing to the target; nothing without one."""
    wanted = plan.wanted(target) if target else Counter[Spec | None]()
    return +Counter({spec: count - tally.held(spec) for spec, count in wanted.items()})


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do this in the meantime. What it raises ends the whole at once, and is raised."""
    whole, task, inside = asyncio.current_task(), asyncio.create_task(work), True
    assert whole is not None

    def end_all(_: asyncio.Task[None]) -> None:
        if inside:  # it is told a moment later, when the whole may have ended by itself
            whole.cancel()

    task.add_done_callback(end_all)
    try:
        yield
    finally:
        inside = False
        task.cancel()
        if task.done() and not task.cancelled():
            task.result()


class Rounds:
    """Settles all jobs of a run whose store is open. ``course`` grows where there is a target."""

    def __init__(self, recipe: Recipe, course: Course, store: Store, client: Client, listener: Listener) -> None:
        self.course = course
        self._recipe, self._store, self._client, self._listener = recipe, store, client, listener
        self._told = float("-inf")
        self._rejected_before = store.tally.rejected.total()

    @property
    def lacking(self) -> Counter[Spec | None]:
        """Pairs that are missing to the target, by what was ordered."""
        return lacking(self.course.plan, self._recipe.config.target, self._store.tally)

    @property
    def left(self) -> int:
        """How many jobs are still to come, as far as the share kept so far tells."""
        tally, available = self._store.tally, self._recipe.available
        if (target := self._recipe.config.target) is None:
            return available - tally.settled
        return min(jobs_left(target, tally.kept, tally.settled), available - tally.settled)

    async def run(self, pilot: int | None = None) -> str:
        """Settle what is left, or so many jobs; the status: finished, stopped, or unchanged if there was nothing."""
        if not self._has_more():
            return self._ended("unchanged")
        about = {"settled": self._store.tally.settled, "models": roles.models(self._recipe.config)}
        log.info("started", extra={"jobs": self.course.jobs, **about})
        async with AsyncExitStack() as at_the_end:  # each of these, whatever becomes of the ones before
            at_the_end.push_async_callback(self._client.close)
            at_the_end.callback(self._store.checkpoint, closed=True)
            at_the_end.callback(self._tell_the_last)
            await at_the_end.enter_async_context(_beside(self._tell_time()))
            return await self._run(pilot)

    async def _run(self, pilot: int | None) -> str:
        end = None if pilot is None else max(self._store.tally.settled, pilot)
        if pilot and self._store.tally.settled >= pilot:
            await self._play_again(pilot)
        while self._has_more():
            upto = min(self.course.jobs, end or self.course.jobs)
            if not await self._settle(upto):
                return "stopped"
            if upto < self.course.jobs:
                self._client.halt.no_new_jobs("pilot", f"the first {end} jobs are done, as many as were to be")
                return "stopped"
        return self._ended("finished")

    def _has_more(self) -> bool:
        """Whether a job is left to settle, if need be of a further round, which begins with this."""
        if self._store.tally.settled < self.course.jobs:
            return True
        if not (missing := self.lacking) or self.course.jobs == self._recipe.available:
            return False
        further = order_more(self._recipe, self.course, missing, self._known)
        self._store.go_on(run_of(self._recipe.settings, self._recipe.survey.form, further.order), further.state)
        self.course = further
        return True

    @cached_property
    def _known(self) -> Mapping[str, Spec]:
        """What earlier runs ordered of jobs that are still to come; this one orders each once, so it may be kept."""
        return self._store.journal.specs()

    async def _play_again(self, jobs: int) -> None:
        """Settle the first jobs once more, by the journal: a forecast is made from their calls."""
        answers = Answers(self._store.journal.path, goes_on=False)
        try:
            replay = Replay(self._recipe, answers)
            replay.client.traced = self._client.traced
            for job in islice(self._jobs(), jobs):
                await replay.outcome(job)
        finally:
            await answers.close()

    async def _settle(self, end: int) -> bool:
        """The jobs of this round up to number ``end``; whether they were all settled."""
        start = self._store.tally.settled

        def deliver(outcome: Outcome) -> None:
            line = self._store.add(outcome, self._recipe.row(outcome))
            if self._listener.wants_rows and isinstance(outcome, Kept):
                self._listener.row(line)
            self._stop_if_fruitless()
            self._tell_progress()

        jobs = islice(self._jobs(start), end - start)
        return await Engine(settler(self._recipe, self._client), deliver, self._client, end - start).run(jobs)

    def _stop_if_fruitless(self) -> None:
        """Where every reply is unreadable, or a check refuses all, the list need not be paid for to see it."""
        tally, halt = self._store.tally, self._client.halt
        tried = tally.rejected.total() - self._rejected_before
        enough = max(_FRUITLESS, self._recipe.config.max_failures)
        if tally.kept or tried < enough or halt.jobs or tally.settled == self.course.jobs:
            return
        if self._client.meter.asked:  # what the journal answers costs nothing
            why = ", ".join(f"{reason} {count}" for reason, count in tally.rejected.most_common(3))
            self._client.stop("failures", f"not one of {tally.settled} jobs has made a pair: {why}")

    def _jobs(self, start: int = 0) -> Iterator[Job]:
        """The jobs as they are planned by now. For all else the recipe stays the same, with what it has looked up."""
        return replace(self._recipe, plan=self.course.plan).jobs(start)

    async def _tell_time(self) -> None:
        """Progress once a second while calls are under way or wait: a slow model settles a job only now and then."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self._client.look_at_the_clock()
            self._store.refuse_meddling()
            self._tell_of_waiting()
            if self._client.busy:
                self._tell_progress()

    def _tell_of_waiting(self) -> None:
        """Why nothing begins any more, where calls under way keep the run from ending."""
        halt = self._client.halt
        if halt.calls and not halt.told:
            halt.told = True
            why = halt.reason and f"{halt.reason}; "
            self._listener.notice(f"stopping: {why}waiting for the calls in flight (Ctrl-C leaves now)")

    def _tell_the_last(self) -> None:
        if self._store.tally.settled < self.course.jobs:
            self._tell_progress(last=True)

    def _tell_progress(self, *, last: bool = False) -> None:
        """Now and then; always of the last job, or of the last one before a stop."""
        now, tally, jobs = time.monotonic(), self._store.tally, self.course.jobs
        if last or now - self._told >= _SHOWN_SECONDS or tally.settled == jobs:
            self._told = now
            self._listener.progress(tally, self._client.reading(), jobs)

    def _ended(self, status: str) -> str:
        """The status of a run with no job left: one that lacks pairs is stopped, for want of prompts."""
        if not (missing := self.lacking):
            return status
        self._client.halt.no_new_jobs("prompts", self._used_up(missing))
        return "stopped"

    def _used_up(self, missing: Counter[Spec | None]) -> str:
        """Which pairs are missing, and what would bring them."""
        config, kept = self._recipe.config, self._store.tally.kept
        tried, lacks = f"{self._recipe.extent} {are(self._recipe.available)} used up", missing.total()
        found = f"{tried}, and {lacks} of {number(config.target or 0, 'pair')} {are(lacks)} missing"
        named = ", ".join(f"{spec.name} {count}" for spec, count in missing.most_common(_CELLS_NAMED) if spec)
        more = f" and {len(missing) - _CELLS_NAMED} more" if len(missing) > _CELLS_NAMED else ""
        if not kept:
            return f"{found}; not one was kept, so look at the rejects"
        needed = self._store.tally.settled + jobs_left(config.target or 0, kept, self._store.tally.settled)
        enough = max(config.repetitions + 1, -(-needed // self._recipe.survey.count))
        return f"{found}{f' ({named}{more})' if named else ''}; more prompts, or --repetitions {enough}, may bring them"
