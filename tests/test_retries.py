"""Retries: how long a call waits until it is sent again, and when it is given up; on a clock of the test's own."""

from __future__ import annotations

import pytest

from rmboost.client.retries import Retries
from rmboost.errors import TransientError


def refused(retry_after: float | None = None) -> TransientError:
    return TransientError("busy", retry_after=retry_after, kind="refused")


def pauses(error: TransientError, count: int) -> list[float]:
    retries = Retries(tries=count + 1, patience=1e9, clock=lambda: 0.0)
    return [retries.pause(error) for _ in range(count)]


def longest(error: TransientError, count: int) -> list[float]:
    """The longest of many pauses after each try."""
    return [max(column) for column in zip(*(pauses(error, count) for _ in range(300)), strict=True)]


@pytest.mark.parametrize("error", [refused(), TransientError("broken")], ids=["refused", "broken"])
def test_where_the_server_does_not_say_pauses_double_from_1_to_60(error: TransientError) -> None:
    assert longest(error, 8) == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], rel=0.05)


@pytest.mark.parametrize("error", [refused(7), TransientError("busy", retry_after=7, kind="overloaded")])
def test_what_the_server_asks_for_is_obeyed(error: TransientError) -> None:
    assert pauses(error, 5) == [7] * 5


def test_who_refuses_and_says_now_is_believed_three_times() -> None:
    assert longest(refused(0), 7) == pytest.approx([0, 0, 0, 1, 2, 4, 8], rel=0.05)
    assert pauses(TransientError("broken", retry_after=0), 5) == [0] * 5, "such tries have an end"


def test_tries_have_an_end_and_refusals_are_none() -> None:
    retries = Retries(tries=2, patience=100, clock=lambda: 0.0)
    for error, over in [(refused(1), False), (TransientError("broken"), False), (refused(1), False)]:
        retries.pause(error)
        assert retries.over is over
    retries.pause(TransientError("broken"))
    assert retries.over


def test_patience_ends_from_the_first_refusal_on_with_the_time_in_the_queue() -> None:
    retries = Retries(tries=6, patience=100, clock=iter((1000.0, 1050.0, 1098.0, 1099.5)).__next__)
    for over in (False, False, False, True):
        retries.pause(refused(1))
        assert retries.over is over


def test_a_request_that_takes_long_to_fail_costs_a_try_and_no_patience() -> None:
    retries = Retries(tries=6, patience=100, clock=iter((600.0, 1200.0, 1800.0)).__next__)
    for _ in range(3):
        retries.pause(TransientError("silence", retry_after=1, kind="timeout"))
        assert not retries.over
