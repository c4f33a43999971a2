"""Shares with Wilson intervals, against published values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmboost.intervals import share


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_published_intervals(count: int, total: int, low: float, high: float) -> None:
    found = share(count, total)
    assert [found.low, found.high] == pytest.approx([low, high], abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_share_lies_within_its_interval(case: tuple[int, int]) -> None:
    found = share(*case)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert share(*case, confidence=0.99).low <= found.low


def test_nothing_counted_says_nothing() -> None:
    found = share(0, 0)
    assert (found.low, found.high, str(found)) == (0, 1, "– (n=0)")
    assert str(share(1, 8)) == "12.5 % (2.2–47.1, n=8)"
    with pytest.raises(ValueError, match="3 of 2"):
        share(3, 2)
