"""The study: what is trained on what, and how sure the figures are."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmboost.errors import InputError
from rmboost.intervals import share
from rmboost.rewards import Answer, Reward, RewardModel, Rows, TextPair, load
from rmboost.rewards.accuracy import accuracy, difference, interval
from rmboost.rewards.study import Study

SEEN: list[tuple[list[Answer], list[Answer], set[Answer]]] = []
"""What the parrot was given, training by training: chosen, rejected, and what it had to score."""


class Parrot(RewardModel):
    """Prefers what it saw chosen, to what it saw rejected; knows nothing else. Keeps what it is given."""

    def read(self, answers: Sequence[Answer]) -> Rows:
        rows = np.empty(len(answers), dtype=object)
        rows[:] = answers
        return rows

    def fit(self, chosen: Rows, rejected: Rows, seed: int) -> Reward:  # noqa: ARG002 - the contract's
        liked, disliked = {each[1] for each in chosen}, {each[1] for each in rejected}
        SEEN.append(([*chosen], [*rejected], set()))
        scored = SEEN[-1][2]

        def reward(rows: Rows) -> np.ndarray:
            scored.update(rows)
            return np.array([(row[1] in liked) - (row[1] in disliked) for row in rows], dtype=float)

        return reward


@pytest.fixture(autouse=True)
def _forget() -> None:
    SEEN.clear()


def preferences(prompts: Sequence[str], chosen: str = "good", rejected: str = "bad") -> list[TextPair]:
    return [TextPair(prompt, chosen, rejected) for prompt in prompts]


HUMAN = preferences([f"h{number // 3}" for number in range(30)])
"""Ten prompts, three pairs each."""
OTHER = preferences([f"o{number}" for number in range(12)])


def test_other_prompts_are_trained_on_once_a_seed() -> None:
    found = Study(Parrot(), {"other": OTHER, "human": HUMAN}).evaluate(["other"], "human", seeds=[0, 1])
    assert (found.as_json()["by_seed"], found.pairs) == ([1, 1], 12)
    assert [len(chosen) for chosen, _, _ in SEEN] == [12, 12]
    assert found.as_json()["groups"] == 10


def test_the_same_prompts_are_never_in_both() -> None:
    found = Study(Parrot(), {"human": HUMAN}).evaluate(["human"], "human", seeds=[0])
    assert (found.value, found.pairs, len(SEEN)) == (1, 24, 5)
    held_out = [{prompt for prompt, _ in scored} for _, _, scored in SEEN]
    for (chosen, _, _), prompts in zip(SEEN, held_out, strict=True):
        assert len(prompts) == 2
        assert not prompts & {prompt for prompt, _ in chosen}
    assert set.union(*held_out) == {pair.prompt for pair in HUMAN}


@pytest.mark.parametrize("more", [[], HUMAN[15:18], OTHER, [*OTHER, *HUMAN[9:20]]])
def test_the_folds_are_the_same_whatever_other_sets_there_are(more: list[TextPair]) -> None:
    """The numbers of the units follow the order of all sets, so that another method changed the figures of the rest."""
    for sets in ({"human": HUMAN}, {"more": more, "human": HUMAN}):
        Study(Parrot(), sets).evaluate(["human"], "human", seeds=[0])
    alone, beside = ([scored for _, _, scored in SEEN[start : start + 5]] for start in (0, 5))
    assert alone == beside


def test_real_and_synthetic_together() -> None:
    synthetic = [*OTHER, *preferences(["h0", "h1"], "fine", "poor")]
    found = Study(Parrot(), {"syn": synthetic, "human": HUMAN}).evaluate(["human", "syn"], "human", seeds=[0])
    assert len(SEEN) == 5
    assert found.pairs == round((5 * (24 + 14) - 2) / 5)


def test_a_group_is_kept_together_over_prompts_and_sets() -> None:
    human = [TextPair("p1", "a", "b", "g"), TextPair("p2", "c", "d", "g"), TextPair("p9", "e", "f")]
    synthetic = [TextPair(" p2 \n", "x", "y", "other name"), TextPair("p3", "x", "z", "other name")]
    study = Study(Parrot(), {"human": human, "syn": [*synthetic, TextPair("p4", "u", "v")]})
    study.evaluate(["syn"], "human", seeds=[0])
    for chosen, _, scored in SEEN:
        if ("p1", "a") in scored:
            assert [prompt for prompt, _ in chosen] == ["p4"]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "x", "y", "z"])), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_no_prompt_and_no_group_leaks(drawn: list[tuple[str, str]]) -> None:
    SEEN.clear()
    sets = {"train": [TextPair(p, f"{p}{g}", "n", g) for p, g in drawn], "test": [TextPair("a", "ax", "n", "x")]}
    study = Study(Parrot(), {**sets, "free": [TextPair("free", "1", "2")]})
    study.evaluate(["train", "free"], "test", seeds=[0])
    for chosen, _, _ in SEEN:
        assert not {answer for answer in chosen if answer[0] == "a" or answer[1].endswith("x")}


def test_size_draws_pairs_by_the_seed_and_a_small_draw_begins_a_large_one() -> None:
    study = Study(Parrot(), {"other": OTHER, "human": HUMAN})
    for size, seed in ((4, 0), (8, 0), (4, 1)):
        study.evaluate(["other"], "human", seeds=[seed], size=size)
    four, eight, otherwise = (chosen for chosen, _, _ in SEEN)
    assert (len(four), four, len(otherwise)) == (4, eight[:4], 4)
    assert four != otherwise


def test_random_labels_turn_about_half_of_the_pairs() -> None:
    study = Study(Parrot(), {"other": preferences([f"o{n}" for n in range(400)]), "human": HUMAN})
    study.evaluate(["other"], "human", seeds=[0], shuffled=True)
    ((chosen, _, _),) = SEEN
    assert 160 < sum(text == "good" for _, text in chosen) < 240


def test_random_labels_teach_nothing() -> None:
    random = Random(0)
    texts = [[f"{random.random()} {random.random()}" for _ in range(2)] for _ in range(300)]
    pairs = [TextPair(f"p{place}", f"truly {a}", f"maybe {b}") for place, (a, b) in enumerate(texts)]
    study = Study(load("ngrams"), {"pairs": pairs})
    assert study.evaluate(["pairs"], "pairs", seeds=[0]).value > 0.95
    shuffled = study.evaluate(["pairs"], "pairs", seeds=range(8), shuffled=True)
    assert shuffled.value == pytest.approx(0.5, abs=0.25)
    assert shuffled.low < 0.5 < shuffled.high


def test_ties_are_half_right() -> None:
    human = [TextPair("p", "good", "bad"), TextPair("q", "same", "same"), TextPair("r", "no", "idea")]
    found = Study(Parrot(), {"other": OTHER, "human": human}).evaluate(["other"], "human", seeds=[0])
    assert found.credits.tolist() == [[1, 0.5, 0.5]]


def test_a_sum_in_another_order_is_no_preference() -> None:
    margins = np.array([[0.1 + 0.2 - 0.3, 1e-3, -1e-3]])
    assert accuracy(margins, np.arange(3), 1).credits.tolist() == [[0.5, 1, 0]]


@pytest.mark.parametrize(
    ("train", "test", "problem"),
    [
        (HUMAN, [], "test has no pairs to test on"),
        ([], HUMAN, "train has no pair on a prompt that test does not have"),
        (HUMAN[:3], HUMAN[:3], "train has no pair on a prompt that test does not have"),
    ],
)
def test_nothing_to_learn_from(train: list[TextPair], test: list[TextPair], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Study(Parrot(), {"train": train, "test": test}).evaluate(["train"], "test")


def test_the_interval_of_independent_pairs_is_that_of_a_share() -> None:
    values = np.repeat([[1.0, 0.0]], [140, 60], axis=1)
    wanted = share(140, 200)
    for seeds in (1, 3):
        found = interval(np.repeat(values, seeds, axis=0), np.arange(200))
        assert found == pytest.approx((wanted.low, wanted.high), abs=0.015)
    assert interval(values, np.arange(200)) == interval(values, np.arange(200))


def test_pairs_of_one_prompt_are_one_witness() -> None:
    few = interval(np.repeat([[1.0, 0.0]], [14, 6], axis=1), np.arange(20))
    copied = interval(np.repeat([[1.0, 0.0]], [140, 60], axis=1), np.arange(200) // 10)
    assert copied == pytest.approx(few, abs=0.02)
    assert interval(np.ones((2, 9)), np.zeros(9, dtype=int)) == (0, 1)


def test_trainings_that_disagree_widen_the_interval() -> None:
    always = np.repeat([[1.0, 0.0]], [140, 60], axis=1)
    low, high = interval(np.concatenate([always, 1 - always] * 10), np.arange(200))
    assert (low, high) == pytest.approx((0.4, 0.6), abs=0.03)
    few = interval(np.concatenate([always, 1 - always]), np.arange(200))
    assert few[0] < 0.1 and few[1] > 0.9, "two trainings tell next to nothing of a third"


@pytest.mark.parametrize(("seeds", "prompts", "stray"), [(3, 200, 0.05), (3, 60, 0.0), (3, 5, 0.02), (1, 60, 0.0)])
def test_intervals_hold_the_truth_with_few_trainings_and_few_prompts(seeds: int, prompts: int, stray: float) -> None:
    """Trainings that stray by five points, three of them: the interval held the truth in 81 of 100 cases before."""
    random, units, held = np.random.default_rng(prompts), np.repeat(np.arange(prompts), 4), 0
    for _ in range(200):
        shares = 0.55 + 0.1 * random.normal(size=prompts)[units] + stray * random.normal(size=(seeds, 1))
        low, high = interval((random.random(len(units)) < shares).astype(float), units)
        held += low <= 0.55 <= high
    assert held >= 0.89 * 200


@pytest.mark.parametrize(("right", "low", "high"), [(1.0, 0.72, 1.0), (0.0, 0.0, 0.28)])
def test_all_right_in_ten_pairs_is_not_all_right(right: float, low: float, high: float) -> None:
    assert interval(np.full((3, 10), right), np.arange(10)) == pytest.approx((low, high), abs=0.01)


def test_two_that_agree_on_some_prompts_need_not_agree_on_all() -> None:
    same = accuracy(np.ones((3, 50)), np.arange(50), 1)
    value, low, high = difference(same, same)
    assert (value, low, high) == pytest.approx((0, -0.04, 0.04), abs=0.001)
    one, other = (accuracy(np.full((3, 5), sign), np.zeros(5, dtype=int), 1) for sign in (1.0, -1.0))
    assert difference(one, other) == (1, -1, 1), "one prompt says nothing of others"


def test_a_difference_is_taken_pair_by_pair() -> None:
    units = np.arange(100)
    better = accuracy(np.repeat([[1.0, -1.0]], [80, 20], axis=1), units, 1)
    worse = accuracy(np.repeat([[1.0, -1.0]], [70, 30], axis=1), units, 1)
    value, low, high = difference(better, worse)
    assert value == pytest.approx(0.1)
    assert 0.03 < low < 0.1 < high < 0.18
    assert worse.low < better.low < worse.high  # although their own intervals overlap
    with pytest.raises(ValueError, match="the same test pairs"):
        difference(better, accuracy(np.ones((1, 50)), np.arange(50), 1))


def test_as_a_person_reads_it() -> None:
    assert str(accuracy(np.ones((2, 10)), np.arange(10), 5)) == "100.0 (72.2–100.0)"
