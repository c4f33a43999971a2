"""The one way to a model. Journal, limits and retries are here and nowhere else.

ask -> journal (answered already? return it) -> limit -> retry -> backend -> journal -> answer
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from rmboost.amounts import duration
from rmboost.backends import unwanted
from rmboost.budget import Budget, Ceilings, Spent
from rmboost.client import lines
from rmboost.client.call import Call, Seat, call_key
from rmboost.client.halt import Cause, Halt, Stopped
from rmboost.client.lines import Line
from rmboost.client.meter import Meter
from rmboost.client.retries import Retries
from rmboost.client.worth import Worth
from rmboost.errors import BackendError, EndpointError, TransientError
from rmboost.journal import Entry, Journal
from rmboost.records import Job, Request, Response
from rmboost.templates import Templates

log = logging.getLogger("rmboost")
log.addHandler(logging.NullHandler())  # else Python shows warnings where nobody asked for a log


class Client:
    """Answers the calls of all jobs of a run.

    seats: who answers for each role. tries: how often one call is sent at most, refusals (429) not counted: these are
    waited out for up to ``patience`` seconds. max_failures: calls given up in a row until the run is stopped.
    calls_of_a_job: how many each job takes, so that none is begun that a ceiling would cut off. proven: roles
    that gave whole answers before, as pairs show.
    """

    def __init__(
        self,
        seats: Mapping[str, Seat],
        journal: Journal,
        templates: Templates,
        *,
        tries: int,
        budget: Budget | None = None,
        patience: float = 600,
        max_failures: int = 20,
        calls_of_a_job: int = 2,
        proven: Iterable[str] = (),
    ) -> None:
        self.seats = seats
        self.journal = journal
        self.templates = templates
        self.budget = budget or Budget(Ceilings(), Spent())
        self.meter = Meter()
        self.halt = Halt()
        self._resting: Counter[str] = Counter()
        """calls that wait until they may ask again, by job"""
        self.traced: set[bytes] | None = None
        """keys of all calls that were answered, also by the journal, where somebody wants to know (a pilot does)"""
        self.wake: Callable[[], None] = lambda: None
        """called when there may be room for another job"""
        self._tries, self._patience, self._max_failures = tries, patience, max_failures
        self._calls_of_a_job = calls_of_a_job
        self._failures: Counter[str] = Counter()
        """calls given up in a row, by role"""
        self._answered = {*proven}
        """roles that were answered: what is refused them for ever after that is a prompt's fault"""
        self._worth = Worth(max_failures, self._answered)
        self._lines = list(dict.fromkeys(line for seat in seats.values() for line in seat.lines))
        self._needed = lines.without_another(seat.lines for seat in seats.values())
        self._last_limit: int | None = None
        self._used_up = ""
        """the ceiling that the next call to be paid would break, in words"""

    @property
    def limit(self) -> int:
        """Calls that may be under way at once, as things are now; after a stop, as they were then.

        One where nobody is asked, as for pairs that are there already: a job takes a turn all the same.
        """
        return self._last_limit or sum(line.pace.limit for line in self._lines) or 1

    def reading(self) -> Meter:
        """The meter as it stands now."""
        remarks = tuple(line.backend.remark for line in self._lines if line.backend.remark)
        return replace(self.meter, limit=self.limit, cost=self.budget.spent.cost, remarks=remarks)

    @property
    def resting(self) -> int:
        """Jobs that wait until they may ask again, or for an answer to be written: others may have their slots."""
        return len(self._resting) + self.journal.waiting

    @property
    def busy(self) -> bool:
        """Whether a call is under way, or would be if it might."""
        return bool(self._resting) or any(line.pace.busy for line in self._lines)

    def budget_is_full(self, jobs: int) -> bool:
        """Whether another job beside these could break a ceiling; with none, one begins: the journal may answer it."""
        if self.halt.jobs or (self.budget.unknown and jobs):
            return True  # the first answer tells what one costs
        reason = self.budget.reached(self._calls_of_a_job * (jobs + 1) - 1)
        if reason and not jobs:
            self._used_up = reason  # for good: what is spent only grows
            if self.budget.late:
                self.halt.no_new_jobs("ceiling", reason)
        return bool(reason and jobs) or self.halt.jobs

    def look_at_the_clock(self) -> None:
        """Stop when the deadline is over, also where every call waits to be sent."""
        if not self.halt.calls and (reason := self.budget.late):
            self.stop("ceiling", reason)

    def stop(self, cause: Cause = "signal", reason: str = "") -> None:
        """Make no new call: calls in flight are still answered and kept, others raise Stopped."""
        self.halt.no_new_calls(cause, reason)
        self._last_limit = self.limit  # a pace that has given up lets everybody in
        for line in self._lines:
            line.cancel_check()
            line.pace.give_up()

    async def close(self) -> None:
        """Close every backend."""
        await lines.close(self._lines)

    async def answer(self, role: str, job: Job, call: int, request: Request, places: dict[str, Line]) -> Response:
        """The answer to a call of a job: from the journal, or from the backend and then in the journal."""
        seat = self.seats[role]
        asked = Call(call_key(job, call, seat, request), job, call, role, seat, request)
        if self.traced is not None:
            self.traced.add(asked.key)
        if known := await self._on_record(asked):
            return known
        try:
            return await self._send_until_answered(asked, places)
        except BackendError as error:
            if not isinstance(error, EndpointError):
                self._give_up(asked, error)
            raise

    async def _on_record(self, call: Call) -> Response | None:
        """What the journal holds; else what another run's does, put here at its price. Raises Stopped."""
        known = self.journal.get(call.key)
        if not known and (lent := self.journal.lent(call.key, call.job, call.number, call.role)):
            self._stop_at_a_ceiling(self.meter.in_flight)
            self.budget.spent.add(lent.response.usage, call.seat.price)  # before the next one looks
            await self.journal.put(lent)
            known = lent.response
        if known:
            self.meter.replayed += 1
            self._answered.add(call.role)
            self._worth.flaw(call.role, known)
        return known

    async def _send_until_answered(self, call: Call, places: dict[str, Line]) -> Response:
        """Send it, and send it again as long as there is hope. Raises BackendError and Stopped."""
        retries = Retries(self._tries, self._patience)
        while True:
            line = places[call.role] = lines.choose(call.seat.lines, lines.before(call.seat.lines, call.role, places))
            try:
                return await self._send(call, line)
            except TransientError as error:
                if (error.retry_after or 0.0) > self._patience:
                    self._leave_out(line, call.seat, error)
                    continue
                pause = retries.pause(error)
                if retries.over:
                    raise
                self.meter.retries[error.kind] += 1
                self.meter.trouble.setdefault(error.kind, str(error))
                log.warning("sent again in %.1f s: %s", pause, error, extra={"kind": error.kind})
                await self._rest(pause, error.kind, call.job)

    async def _send(self, call: Call, line: Line) -> Response:
        """One request in one slot, which is held until no kill can take the answer: it costs no more than the slots."""
        number = await line.pace.enter()
        self.meter.in_flight += 1
        try:
            await self._may_ask(line, call.seat)
            self._worth.sent(call.role, call.key)
            started = time.perf_counter()
            response = await line.backend.complete(call.request)
            seconds = time.perf_counter() - started
            entry = Entry(call.key, call.job.key, call.number, call.role, response, seconds, call.job.spec)
            waiting = self.journal.waiting
            written = self.journal.put(entry)  # from here on it is no call in flight
            self._count(response, call)
        except BaseException as error:
            line.pace.failed(number, error)
            self._worth.lost(call.role, call.key)
            if len(call.seat.lines) > 1 and line.struck(error):
                log.warning("%s is left out for a while: %s", line.backend, error)
            raise
        finally:
            self.meter.in_flight -= 1
        line.pace.answered(response)
        line.answered()
        if self.journal.waiting > waiting:
            self.wake()
        await written
        return response

    async def _may_ask(self, line: Line, seat: Seat) -> None:
        """Raises Stopped when no call is made any more, EndpointError when the line leads nowhere."""
        self._stop_at_a_ceiling(self.meter.in_flight - 1)
        try:
            if self._needed:  # before the first request of all: its answer is paid in vain if another role has no model
                await lines.reach_all(self._needed)
                self._needed = []
            await lines.reach(line, seat.lines)
        except asyncio.CancelledError:
            if self.halt.calls:
                raise Stopped from None
            raise

    def _stop_at_a_ceiling(self, under_way: int) -> None:
        """Raises Stopped where one more call beside these would break a ceiling, or no call is made any more."""
        if not self.halt.calls and (reason := self._used_up or self.budget.reached(under_way)):
            self.stop("ceiling", reason)
        if self.halt.calls:
            raise Stopped

    async def _rest(self, seconds: float, kind: str, job: Job) -> None:
        """Wait without a slot; another job may have it."""
        self._resting[job.key] += 1
        self.meter.waiting[kind] += 1
        self.wake()
        try:
            await self.halt.sleep(seconds)
        finally:
            if left := self._resting.pop(job.key) - 1:
                self._resting[job.key] = left
            self.meter.waiting[kind] -= 1

    def _count(self, response: Response, call: Call) -> None:
        self._failures[call.role] = 0
        self._answered.add(call.role)
        self.meter.asked += 1
        self.meter.usage += response.usage
        self.budget.spent.add(response.usage, call.seat.price)
        reason = self._worth.paid(call.role, call.key, call.request, response, call.seat.settings)
        if reason and not self.halt.calls:
            self.stop("failures", reason)

    def _leave_out(self, line: Line, seat: Seat, error: TransientError) -> None:
        """An endpoint that asks for hours is left alone for them. Raises EndpointError where no other stands in."""
        seconds = error.retry_after or 0.0
        said = error.message if str(line.backend) in error.message else f"{line.backend} {error.message}"
        until = f"{said}: asks to come back in {duration(seconds)}"
        if not lines.leave_out(line, seat.lines, seconds, self._patience):
            raise EndpointError(until, "the same command goes on from here then") from None
        log.warning("%s is left out until then: %s", line.backend, until)

    def _give_up(self, call: Call, error: BackendError) -> None:
        """It is the prompt's fault, or counts: many in a row of a role end the run. Raises EndpointError, Stopped."""
        self.journal.note_refusal(call.key, error)
        log.warning("given up: %s", error, extra={"job": call.job.key, "role": call.role})
        if not isinstance(error, TransientError) and call.role in self._answered:
            return
        if error.unwanted:  # by the first call as by all others
            same = ((each.settings, each.sampling) for each in self.seats.values() if each.lines == call.seat.lines)
            raise EndpointError(error.message, unwanted.hint(error, same)) from None
        self._failures[call.role] += 1
        if self._failures[call.role] >= self._max_failures and not self.halt.calls:
            self.stop("failures", f"{self._failures[call.role]} calls in a row were given up, the last: {error}")
            raise Stopped from None
