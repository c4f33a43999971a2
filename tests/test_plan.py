"""The plan: balance by design."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmboost.plan import Plan
from rmboost.records import Label, Spec


def cells(aspects: int) -> list[Spec]:
    labels: tuple[Label, Label] = ("better", "worse")
    return [Spec(label, (f"aspect{number}",)) for number in range(aspects) for label in labels]


@given(aspects=st.integers(1, 9), seed=st.integers(), blocks=st.integers(1, 4))
def test_whole_blocks_are_exactly_balanced(aspects: int, seed: int, blocks: int) -> None:
    plan = Plan(cells(aspects), seed)
    counts = Counter(plan.spec(index) for index in range(2 * aspects * blocks))
    assert counts == dict.fromkeys(cells(aspects), blocks)


@given(aspects=st.integers(1, 9), seed=st.integers(), jobs=st.integers(1, 60))
def test_no_prefix_strays_far(aspects: int, seed: int, jobs: int) -> None:
    plan = Plan(cells(aspects), seed)
    specs = [plan.spec(index) for index in range(jobs)]
    labels = Counter(spec.label for spec in specs if spec)
    spread = Counter(spec.aspects for spec in specs if spec)
    assert abs(labels["better"] - labels["worse"]) <= 1
    assert max(spread.values()) - (min(spread.values()) if len(spread) == aspects else 0) <= 2


def test_each_aspect_comes_once_before_any_comes_twice() -> None:
    plan = Plan(cells(6), seed=3)
    assert len({spec.aspects for index in range(6) if (spec := plan.spec(index))}) == 6


def test_the_seed_decides_and_nothing_else() -> None:
    def order(seed: int) -> list[Spec | None]:
        return [Plan(cells(4), seed).spec(index) for index in range(16)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1)[:8] != order(1)[8:], "each block has an order of its own"


def test_no_cells_no_orders() -> None:
    assert Plan((), seed=0).spec(5) is None


@pytest.mark.parametrize("index", [0, 7, 1_000_000])
def test_any_place_can_be_asked_for_directly(index: int) -> None:
    assert Plan(cells(4), seed=0).spec(index) in cells(4)
