"""Label noise: what is counted, its intervals, and what is left when the judge's own mistakes are taken out."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmboost.labels.noise import Marks, Policy, by_group, corrected, marks, marks_by_prompt, noise

GOOD_JUDGE = Marks(right=900, wrong=60, tie=40)


def test_ties_count_as_read_and_what_is_unreadable_or_not_judged_does_not() -> None:
    found = marks(["chosen"] * 6 + ["rejected"] * 2 + ["tie"] * 2 + ["unreadable", None, None])
    assert found == Marks(6, 2, 2, 1)
    measured = noise(found)
    assert (measured.contradicted.count, measured.contradicted.total) == (2, 10)
    assert str(measured) == "20.0 % (5.7–51.0, n=10), 2 ties, 1 unreadable"


def test_nothing_judged_is_no_noise_and_no_number() -> None:
    measured = noise(Marks(unreadable=3), GOOD_JUDGE)
    assert str(measured) == "– (n=0), 3 unreadable"
    assert measured.dump()["share"] is None
    assert measured.corrected is None


@pytest.mark.parametrize("wrong_share", [0.0, 0.1, 0.3])
def test_the_judges_own_mistakes_are_taken_out(wrong_share: float) -> None:
    """A judge that is right in 80 %, wrong in 10 %, ties in 10 %, on data with a known share of wrong labels."""
    random, verdicts = Random(1), []
    for _ in range(4000):
        said = random.choices(["chosen", "rejected", "tie"], [0.8, 0.1, 0.1])[0]
        turned = {"chosen": "rejected", "rejected": "chosen", "tie": "tie"}
        verdicts.append(turned[said] if random.random() < wrong_share else said)
    found = marks(verdicts)
    freed = corrected(found, Marks(right=800, wrong=100, tie=100))
    assert freed is not None
    assert freed.low <= wrong_share <= freed.high
    assert freed.value == pytest.approx(wrong_share, abs=0.03)
    if wrong_share < 0.2:
        assert noise(found).contradicted.value > wrong_share + 0.03, "as counted it is more"


def test_a_small_gold_set_makes_a_wide_interval() -> None:
    found = Marks(right=150, wrong=50)
    large, small = corrected(found, Marks(900, 100)), corrected(found, Marks(9, 1))
    assert large is not None and small is not None
    assert small.high - small.low > 1.5 * (large.high - large.low)


@pytest.mark.parametrize("gold", [Marks(5, 5), Marks(2, 8), Marks(unreadable=9)])
def test_a_judge_no_better_than_a_coin_corrects_nothing(gold: Marks) -> None:
    assert corrected(Marks(80, 20), gold) is None


@pytest.mark.parametrize(("found", "gold"), [(Marks(10, 90), Marks(6, 5)), (Marks(5, 95), Marks(30, 27, 43))])
def test_a_judge_that_may_be_a_coin_makes_nothing_certain(found: Marks, gold: Marks) -> None:
    """Where gold data cannot tell it from a coin, q may be anything; this said 100 % (100–100)."""
    freed = corrected(found, gold)
    assert freed is not None
    assert (freed.low, freed.high) == (0, 1)


@pytest.mark.parametrize(
    ("policy", "unreadable", "wrong"),
    [
        ("flag", 0, 200 / 1000),
        ("drop", 0, 60 / 780),
        ("flip", 0, 140 / 1000),
        ("drop", 500, (60 + 100) / 1280),
        ("flip", 500, (140 + 100) / 1500),
    ],
)
def test_what_a_judge_leaves_is_not_free_of_wrong_labels(policy: Policy, unreadable: int, wrong: float) -> None:
    """It misses wrong labels, and says no to right ones: of 1,000 that it reads a fifth is wrong, as of the others."""
    freed = corrected(Marks(580, 220, 200, unreadable), Marks(140, 20, 40), policy=policy)
    assert freed is not None
    assert freed.value == pytest.approx(wrong)
    assert freed.low < wrong < freed.high


@pytest.mark.parametrize("policy", ["drop", "flip"])
def test_a_judge_that_makes_no_mistakes_leaves_none(policy: Policy) -> None:
    for found in (Marks(800, 200), Marks(0, 200)):
        freed = corrected(found, Marks(400), policy=policy)
        assert freed is not None
        assert 0 == freed.value <= freed.low <= freed.high


@pytest.mark.parametrize("gold_pairs", [200, 4000])
@pytest.mark.parametrize("policy", ["drop", "flip"])
def test_the_interval_of_what_is_left_holds_it(policy: Policy, gold_pairs: int) -> None:
    """Draws of a file and of gold data, and the share of wrong labels that the judge left in this very file."""
    random, held = Random(3), 0

    def says(wrong: bool) -> str:
        return random.choices(["rejected", "chosen", "tie"], [0.7, 0.1, 0.2] if wrong else [0.1, 0.7, 0.2])[0]

    def is_left(cases: list[tuple[bool, str]]) -> float:
        if policy == "flip":
            return sum(wrong is not (said == "rejected") for wrong, said in cases) / len(cases)
        kept = [wrong for wrong, said in cases if said != "rejected"]
        return sum(kept) / len(kept)

    for _ in range(60):
        cases = [(wrong, says(wrong)) for wrong in (random.random() < 0.2 for _ in range(400))]
        gold = marks(says(False) for _ in range(gold_pairs))
        freed = corrected(marks(said for _, said in cases), gold, policy=policy)
        held += freed is not None and freed.low <= is_left(cases) <= freed.high
    assert held >= 54


@pytest.mark.parametrize("thin", ["found", "gold"])
def test_verdicts_that_are_worth_less_make_a_wider_interval(thin: str) -> None:
    given = {"found": Marks(150, 50), "gold": Marks(180, 20)}
    less = given | {thin: replace(given[thin], weight=0.1)}
    whole, part = (corrected(each["found"], each["gold"]) for each in (given, less))
    assert whole is not None and part is not None
    assert part.value == whole.value
    assert part.high - part.low > 1.4 * (whole.high - whole.low)


def test_verdicts_on_one_prompt_are_worth_less() -> None:
    found = marks_by_prompt([("rejected" if n < 3 else "chosen", n) for n in range(12) for _ in range(5)])
    assert found.worth == pytest.approx(11)
    assert noise(found).contradicted.high > noise(replace(found, weight=1.0)).contradicted.high + 0.1
    total = found + Marks(40)
    assert total.read == 100
    assert total.worth == pytest.approx(51)
    assert marks_by_prompt([]) == Marks()


def test_the_same_counts_give_the_same_interval() -> None:
    assert corrected(Marks(80, 20), GOOD_JUDGE) == corrected(Marks(80, 20), GOOD_JUDGE)
    assert str(noise(Marks(80, 20), GOOD_JUDGE)).startswith("20.0 % (13.3–28.9, n=100); freed of the judge's mistakes")


COUNTS = st.builds(Marks, st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))


@settings(max_examples=25, deadline=None)
@given(found=COUNTS, gold=COUNTS)
def test_whatever_the_counts_shares_stay_in_their_bounds(found: Marks, gold: Marks) -> None:
    freed = corrected(found, gold)
    assert freed is None or 0 <= freed.low <= freed.high <= 1
    assert freed is None or 0 <= freed.value <= 1


def test_noise_in_total_by_label_and_by_aspect() -> None:
    counts = {"better/honesty/chosen": 3, "better/honesty/rejected": 1, "worse/clarity/tie": 2, "worse//chosen": 4}
    groups = by_group(counts)
    assert list(groups) == ["total", "label", "aspect"]
    assert groups["total"]["all"].marks == Marks(7, 1, 2)
    assert {name: each.marks for name, each in groups["label"].items()} == {
        "better": Marks(3, 1),
        "worse": Marks(4, 0, 2),
    }
    assert {name: each.marks for name, each in groups["aspect"].items()} == {
        "clarity": Marks(tie=2),
        "honesty": Marks(3, 1),
    }
    assert by_group({}) == {}


def test_an_aspect_of_somebodys_file_may_hold_a_slash() -> None:
    groups = by_group({"better/harm/help/chosen": 2, "/a/b/c/rejected": 1})
    assert {name: each.marks for name, each in groups["aspect"].items()} == {
        "a/b/c": Marks(wrong=1),
        "harm/help": Marks(right=2),
    }
    assert {name: each.marks for name, each in groups["label"].items()} == {"better": Marks(right=2)}
