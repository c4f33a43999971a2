"""Shares with Wilson intervals, against published values."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmboost.intervals import clustered, share, student, worth


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (20, 20, 0.8389, 1.0000),  # as of none of 20, the other way round
    ],
)
def test_published_intervals(count: int, total: int, low: float, high: float) -> None:
    found = share(count, total)
    assert [found.low, found.high] == pytest.approx([low, high], abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_share_lies_within_its_interval(case: tuple[int, int]) -> None:
    found = share(*case)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_nothing_counted_says_nothing() -> None:
    found = share(0, 0)
    assert (found.low, found.high, str(found)) == (0, 1, "– (n=0)")
    assert str(share(1, 8)) == "12.5 % (2.2–47.1, n=8)"
    with pytest.raises(ValueError, match="3 of 2"):
        share(3, 2)


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706), (2, 4.303), (2.9, 4.303), (3, 3.182), (9, 2.262), (30, 2.042), (1e6, 1.960)]
)
def test_students_t_against_its_tables(freedom: float, quantile: float) -> None:
    assert student(freedom) == pytest.approx(quantile, rel=0.01)


@pytest.mark.parametrize(
    ("counts", "sizes", "cases"),
    [
        ([1, 0, 1], [1, 1, 1], 3),  # nothing belongs together
        ([60], [100], 1),  # one group says nothing of others
        ([20, 20], [20, 20], 2),  # all are so: nothing to estimate it from
        ([20, 0, 20, 0], [20] * 4, 3),  # each group is all of one kind; the mean itself took one
        ([10] * 4, [20] * 4, 80 * (1.95996 / 3.182) ** 2),  # groups are alike, but four of them prove little
        ([10] * 400, [20] * 400, 8000 * (1.95996 / 1.96595) ** 2),
    ],
)
def test_how_many_independent_cases_groups_are_worth(counts: list[int], sizes: list[int], cases: float) -> None:
    assert worth(counts, sizes) == pytest.approx(cases, rel=0.015)


@pytest.mark.parametrize(("groups", "mean"), [(2, 0.5), (3, 0.9), (5, 0.5), (20, 0.5)])
def test_few_groups_of_many_cases_have_intervals_that_hold_the_truth(groups: int, mean: float) -> None:
    """Shares differ from group to group; 20 cases each. Of 2 to 5 groups, one interval in 4 to 10 missed before."""
    random, held = Random(groups), 0
    for _ in range(300):
        shares = [random.betavariate(mean, 1 - mean) for _ in range(groups)]  # cases of a group correlate by a half
        found = clustered((random.random() < p, group) for group, p in enumerate(shares) for _ in range(20))
        held += found.low <= mean <= found.high
    assert held >= 0.92 * 300


@pytest.mark.parametrize("groups", [30, 200])
def test_one_group_with_half_of_the_cases_makes_the_interval_wide(groups: int) -> None:
    """Such as a stock prompt. It makes the mean itself, so its residual is small: 2 to 3 in 10 missed before."""
    random, held = Random(groups), 0
    for _ in range(200):
        sizes = [5 * (groups - 1), *[5] * (groups - 1)]
        shares = [random.betavariate(0.5, 0.5) for _ in sizes]
        cases = zip(shares, sizes, strict=True)
        found = clustered((random.random() < p, group) for group, (p, size) in enumerate(cases) for _ in range(size))
        held += found.low <= 0.5 <= found.high
    assert held >= 0.93 * 200


def test_a_clustered_share_of_nothing_and_of_cases_that_stand_alone() -> None:
    assert clustered([]) == share(0, 0)
    assert clustered((place < 3, place) for place in range(10)) == share(3, 10)
    assert clustered((place < 3, "same") for place in range(10)).low < 0.05
