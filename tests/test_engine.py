"""The engine: many jobs at once, outcomes in input order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmboost.client.halt import Cause, Halt, Stopped
from rmboost.errors import ConfigError, EndpointError, InputError, RMBoostError, StoreError
from rmboost.records import Failed, Job, Outcome, Prompt
from rmboost.run.engine import AHEAD, LEAST_LOOKAHEAD, LOOKAHEAD, Engine


class Room:
    """A client that has room for so many calls."""

    def __init__(self, limit: int) -> None:
        self.limit, self.resting, self.halt = limit, 0, Halt()
        self.wake: Callable[[], None] = lambda: None

    def budget_is_full(self, jobs: int) -> bool:
        return self.halt.jobs or jobs > 1000

    def stop(self, cause: Cause) -> None:
        self.halt.no_new_calls(cause, "")


def jobs(count: int, taken: list[int] | None = None) -> Iterator[Job]:
    for index in range(count):
        if taken is not None:
            taken.append(index)
        yield Job(Prompt(str(index), ()), index)


@settings(deadline=None)
@given(order=st.permutations(range(12)), width=st.integers(1, 12))
def test_outcomes_come_in_input_order_whatever_finishes_first(order: list[int], width: int) -> None:
    delivered: list[int] = []

    async def scene() -> bool:
        async def settle(job: Job) -> Outcome:
            for _ in range(order[job.index]):
                await asyncio.sleep(0)
            return Failed(job, "")

        return await Engine(settle, lambda outcome: delivered.append(outcome.job.index), Room(width), 12).run(jobs(12))

    assert asyncio.run(scene())
    assert delivered == list(range(12))


def test_no_more_jobs_in_progress_than_the_width_and_memory_stays_flat() -> None:
    taken: list[int] = []
    busy, most = 0, 0

    async def scene() -> None:
        head = asyncio.Event()

        async def settle(job: Job) -> Outcome:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            if job.index == 0:
                await head.wait()
            await asyncio.sleep(0)
            busy -= 1
            if len(taken) == LEAST_LOOKAHEAD:
                head.set()
            return Failed(job, "")

        await Engine(settle, lambda _: None, Room(3), 2000).run(jobs(2000, taken))

    asyncio.run(asyncio.wait_for(scene(), 10))
    assert most <= (1 + AHEAD) * 3, "the last jobs begin together, those before them one for each slot"
    assert len(taken) == 2000, "a slow first job holds up the others only for a while"


def test_jobs_that_all_rest_let_others_begin_but_not_without_end() -> None:
    async def scene() -> int:
        room, taken, go_on = Room(3), list[int](), asyncio.Event()

        async def settle(job: Job) -> Outcome:
            room.resting += 1
            room.wake()
            await go_on.wait()
            room.resting -= 1
            return Failed(job, "")

        run = asyncio.create_task(Engine(settle, lambda _: None, room, 200).run(jobs(200, taken)))
        for _ in range(100):
            await asyncio.sleep(0)
        begun = len(taken)
        go_on.set()
        await run
        return begun

    assert asyncio.run(scene()) == 3 * LOOKAHEAD


@pytest.mark.parametrize("error", [EndpointError, ConfigError, InputError])
def test_what_ends_a_run_ends_it_once_answers_under_way_are_in(error: type[RMBoostError]) -> None:
    ended: list[int] = []

    async def scene() -> None:
        async def settle(job: Job) -> Outcome:
            if job.index == 2:
                raise error("wrong key")
            for _ in range(20):
                await asyncio.sleep(0)
            ended.append(job.index)
            return Failed(job, "")

        await Engine(settle, lambda _: None, Room(4), 100).run(jobs(100))

    with pytest.raises(error, match="wrong key"):
        asyncio.run(asyncio.wait_for(scene(), 10))
    assert ended == [0, 1, 3]


def test_a_person_who_will_not_wait_for_answers_is_told_the_error_all_the_same() -> None:
    async def scene() -> None:
        room = Room(2)

        async def settle(job: Job) -> Outcome:
            if job.index == 1:
                raise ConfigError("a template")
            await asyncio.Event().wait()
            return Failed(job, "")

        running = asyncio.create_task(Engine(settle, lambda _: None, room, 2).run(jobs(2)))
        while not room.halt.calls:
            await asyncio.sleep(0)
        running.cancel()
        await running

    with pytest.raises(ConfigError, match="a template"):
        asyncio.run(asyncio.wait_for(scene(), 10))


def test_the_error_of_a_last_job_is_raised_also_where_it_ends_in_the_tick_of_another() -> None:
    async def scene() -> bool:
        gates = [asyncio.Event(), asyncio.Event()]

        async def settle(job: Job) -> Outcome:
            await gates[job.index].wait()
            if job.index == 0:
                return Failed(job, "")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            raise ZeroDivisionError("a bug")

        running = asyncio.create_task(Engine(settle, lambda _: None, Room(2), 2).run(jobs(2)))
        for _ in range(5):
            await asyncio.sleep(0)
        gates[1].set()
        gates[0].set()
        return await running

    with pytest.raises(ZeroDivisionError, match="a bug"):
        asyncio.run(asyncio.wait_for(scene(), 10))


def test_answers_under_way_are_kept_when_nobody_reads_the_rows_any_more() -> None:
    answered: list[int] = []

    async def scene() -> None:
        async def settle(job: Job) -> Outcome:
            for _ in range(20 * job.index):
                await asyncio.sleep(0)
            answered.append(job.index)
            return Failed(job, "")

        def deliver(_: Outcome) -> None:
            raise BrokenPipeError

        await Engine(settle, deliver, Room(2), 100).run(jobs(100))

    with pytest.raises(BrokenPipeError):
        asyncio.run(asyncio.wait_for(scene(), 10))
    assert answered == [0, 1]


@pytest.mark.parametrize("error", [ZeroDivisionError("a bug"), StoreError("no room")])
def test_a_bug_or_a_full_disk_ends_the_run_at_once_and_leaves_nothing_running(error: Exception) -> None:
    ended: list[int] = []

    async def scene() -> None:
        async def settle(job: Job) -> Outcome:
            if job.index == 2:
                raise error
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(job.index)
            return Failed(job, "")

        await Engine(settle, lambda _: None, Room(4), 100).run(jobs(100))

    with pytest.raises(type(error), match=str(error)):
        asyncio.run(asyncio.wait_for(scene(), 10))
    assert ended == [0, 1, 3]


def test_a_stopped_job_ends_the_run_before_it() -> None:
    delivered: list[int] = []

    async def scene() -> bool:
        async def settle(job: Job) -> Outcome:
            if job.index >= 5:
                raise Stopped
            return Failed(job, "")

        return await Engine(settle, lambda outcome: delivered.append(outcome.job.index), Room(3), 100).run(jobs(100))

    assert not asyncio.run(scene())
    assert delivered == [0, 1, 2, 3, 4]


def test_no_jobs() -> None:
    async def settle(job: Job) -> Outcome:
        raise AssertionError(job)

    async def scene() -> bool:
        return await Engine(settle, lambda _: None, Room(3), 0).run(jobs(0))

    assert asyncio.run(scene())


def test_a_persons_word_to_stop_counts_before_what_stopped_it_already() -> None:
    halt = Halt()
    halt.no_new_jobs("ceiling", "max_calls 9 leaves no room for more")
    halt.no_new_jobs("failures", "20 in a row")
    assert (halt.cause, halt.reason, halt.calls) == ("ceiling", "max_calls 9 leaves no room for more", False)
    halt.no_new_calls("signal", "stopped by a signal")
    halt.no_new_jobs("ceiling", "max_calls 9 leaves no room for more")
    assert (halt.cause, halt.reason, halt.calls) == ("signal", "stopped by a signal", True)
