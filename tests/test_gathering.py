"""Answers that come close together are taken in one turn of the loop; signals and other threads wait for nothing."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from rmboost import gathering
from rmboost.gathering import Arrivals, GatheringLoop, PatientSelector
from rmboost.together import run

HOUR = 3600.0


@pytest.fixture
def pipes() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    pairs = [socket.socketpair() for _ in range(3)]
    yield pairs
    for end in (end for pair in pairs for end in pair):
        end.close()


def watching(pipes: list[tuple[socket.socket, socket.socket]]) -> PatientSelector:
    selector = PatientSelector()
    for number, (end, _) in enumerate(pipes):
        selector.register(end, selectors.EVENT_READ, number)
    return selector


def heard(selector: PatientSelector, timeout: float | None) -> list[int]:
    return sorted(key.data for key, _ in selector.select(timeout))


def test_sockets_are_left_until_patience_is_over_and_then_heard_together(
    pipes: list[tuple[socket.socket, socket.socket]],
) -> None:
    with closing(watching(pipes)) as selector:
        selector.patience = HOUR
        assert heard(selector, 0) == [], "the first look of all"
        for _, end in pipes[1:]:
            end.send(b"!")
        assert heard(selector, 0) == heard(selector, 0.001) == []
        selector.patience = 0.01
        assert heard(selector, HOUR) == [1, 2]


def test_the_first_file_is_heard_at_once_and_alone(pipes: list[tuple[socket.socket, socket.socket]]) -> None:
    with closing(watching(pipes)) as selector:
        selector.patience = HOUR
        heard(selector, 0)
        for _, end in pipes:
            end.send(b"!")
        assert heard(selector, None) == [0]


def test_without_patience_it_is_any_selector(pipes: list[tuple[socket.socket, socket.socket]]) -> None:
    with closing(watching(pipes)) as selector:
        assert heard(selector, 0) == []
        pipes[2][1].send(b"!")
        assert heard(selector, None) == [2]


def arriving(gap: float, took: float, count: int = 1000) -> float:
    arrivals = Arrivals(0.0)
    for number in range(count):
        arrivals.note(took, gap * number)
    return arrivals.patience


@pytest.mark.parametrize(
    ("gap", "took", "patience"),
    [
        pytest.param(0.002, 0.5, 0.03, id="256 at once, half a second"),
        pytest.param(0.0002, 0.05, 0.003, id="256 at once, a twentieth of one"),
        pytest.param(0.01, 20.0, 0.03, id="2,000 at once, 20 s: no longer for it"),
        pytest.param(0.125, 0.5, 0.0, id="4 at once"),
        pytest.param(30.0, 30.0, 0.0, id="one at a time"),
    ],
)
def test_how_long_answers_gather_goes_by_how_long_they_take_and_how_thick_they_come(
    gap: float, took: float, patience: float
) -> None:
    assert arriving(gap, took) == pytest.approx(patience, rel=0.01)


def test_the_first_answers_are_not_kept_waiting() -> None:
    assert arriving(0.002, 0.5, count=10) == 0


def test_a_run_has_a_loop_that_gathers_and_threads_and_timers_are_heard_in_it() -> None:
    async def scene() -> bool:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, GatheringLoop)
        loop.sockets.patience = HOUR
        await asyncio.sleep(0.001)
        told = asyncio.Event()
        threading.Timer(0.001, loop.call_soon_threadsafe, [told.set]).start()
        return await asyncio.wait_for(told.wait(), 60)

    assert run(scene())


def test_another_loop_need_not_know() -> None:
    async def scene() -> None:
        gathering.answered(0.5)

    asyncio.run(scene())
