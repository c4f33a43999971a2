"""The plan: balance by design."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmboost.records import Label, Spec
from rmboost.run.plan import Plan


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


def test_weights_shift_the_shares_and_every_prefix_follows() -> None:
    plan = Plan(cells(3), 0, {"worse": 2, "aspect0": 3})
    specs = [plan.spec(index) for index in range(60)]
    labels = Counter(spec.label for spec in specs if spec)
    assert (labels["better"], labels["worse"]) == (20, 40)
    assert Counter(spec.aspects[0] for spec in specs if spec) == {"aspect0": 36, "aspect1": 12, "aspect2": 12}
    for end in range(3, 60, 3):
        assert Counter(spec.label for spec in specs[:end] if spec)["better"] == end // 3


@given(
    seed=st.integers(),
    kept=st.lists(st.one_of(st.none(), st.sampled_from([*cells(3), Spec("better", ("gone",))])), max_size=80),
)
def test_jobs_keep_their_cells_and_the_free_ones_balance_the_whole(seed: int, kept: list[Spec | None]) -> None:
    plan = Plan(cells(3), seed).keeping(kept)
    specs = [plan.spec(index) for index in range(len(kept))]
    assert all(now == had for now, had in zip(specs, kept, strict=True) if had in cells(3))
    assert set(specs) <= set(cells(3))
    before = Counter(spec.label for spec in kept if spec in cells(3) and spec)
    after = Counter(spec.label for spec in specs if spec)
    free = len(kept) - before.total()
    tilt = abs(before["better"] - before["worse"])
    assert abs(after["better"] - after["worse"]) <= max(tilt - free, 1)
    assert specs == [Plan(cells(3), seed).keeping(kept).spec(index) for index in range(len(kept))]


def test_free_jobs_alone_are_balanced_over_the_cells() -> None:
    plan = Plan(cells(6), 5).keeping([None] * 120)
    assert Counter(plan.spec(index) for index in range(120)) == dict.fromkeys(cells(6), 10)


def test_no_cells_no_orders() -> None:
    assert Plan((), seed=0).spec(5) is None


@pytest.mark.parametrize("index", [0, 7, 1_000_000])
def test_any_place_can_be_asked_for_directly(index: int) -> None:
    assert Plan(cells(4), seed=0).spec(index) in cells(4)
