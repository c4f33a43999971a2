"""A judge against people: agreement, flips, position bias, and how length goes with them."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from conftest import write_jsonl
from rmboost.judges import Verdict
from rmboost.labels.gold import Judged, agreement, marks_of, of_file
from rmboost.labels.verification import column, evidence

PROMPTS = count()


def judged(
    ahead: float | None, behind: float | None, chosen: int = 10, rejected: int = 10, prompt: int | None = None
) -> Judged:
    """A pair of which the judge finds the chosen response better with this probability, shown first and second."""
    verdict = column({"judge": evidence(Verdict((ahead, behind), 2, True, "j"))})
    return Judged(verdict, chosen, rejected, next(PROMPTS) if prompt is None else prompt)


RIGHT, WRONG, FIRST, SECOND, BROKEN = (0.9, 0.8), (0.1, 0.2), (0.9, 0.3), (0.2, 0.7), (None, 0.9)


def test_agreement_ties_flips_and_what_could_not_be_read() -> None:
    found = agreement(judged(*each) for each in (RIGHT, RIGHT, RIGHT, WRONG, FIRST, SECOND, BROKEN))
    assert found is not None
    assert (found.agreement.count, found.agreement.total) == (3, 4)
    assert (found.ties.count, found.ties.total) == (2, 6)
    assert (found.flips.count, found.flips.total) == (2, 6)
    assert (found.unreadable.count, found.unreadable.total) == (1, 7)


def test_the_lean_counts_the_weak_preferences_that_make_a_tie() -> None:
    found = agreement(judged(*each) for each in (FIRST, SECOND, (0.6, 0.4), BROKEN))
    assert found is not None
    assert (found.agreement.total, found.ties.count) == (0, 3)
    assert (found.lean.count, found.lean.total) == (1, 2), "0.6 and 0.45 decide, 0.5 does not"


@pytest.mark.parametrize(
    ("pairs", "same", "first"),
    [
        ([FIRST] * 3 + [SECOND] + [RIGHT] * 4, (4, 8), (3, 4)),
        ([RIGHT, WRONG], (0, 2), (0, 0)),
        ([(0.9, 0.5), (0.5, 0.5)], (0, 2), (0, 0)),
    ],
)
def test_position_bias_is_one_place_winning_in_both_orders(
    pairs: list[tuple[float, float]], same: tuple[int, int], first: tuple[int, int]
) -> None:
    found = agreement(judged(*each) for each in pairs)
    assert found is not None
    assert (found.same_place.count, found.same_place.total) == same
    assert (found.first_place.count, found.first_place.total) == first


def test_agreement_by_length_shows_a_judge_that_goes_by_it() -> None:
    longer = [judged(*RIGHT, 20, 10)] * 3
    shorter = [judged(*WRONG, 10, 20), judged(*RIGHT, 10, 20)]
    found = agreement([*longer, *shorter, judged(*RIGHT, 100, 91), judged(*RIGHT, 0, 0)])
    assert found is not None
    assert {length: (each.count, each.total) for length, each in found.by_length.items()} == {
        "chosen longer": (3, 3),
        "chosen shorter": (1, 2),
        "about as long": (2, 2),
    }
    assert found.dump()["by_length"]["chosen shorter"]["share"] == 0.5


def test_without_a_verdict_there_is_nothing_to_say() -> None:
    assert agreement([]) is None
    assert agreement([Judged(column({}), 1, 1, 0)]) is None
    broken = agreement([judged(*BROKEN)])
    assert broken is not None
    assert broken.dump()["agreement"]["share"] is None


def test_pairs_of_one_prompt_are_no_independent_witnesses() -> None:
    """Ten pairs on each of six prompts, all right or all wrong, are worth six pairs."""
    alone = agreement(judged(*(WRONG if n == 0 else RIGHT)) for n in range(6))
    together = agreement(judged(*(WRONG if n == 0 else RIGHT), prompt=n) for n in range(6) for _ in range(10))
    assert alone is not None and together is not None
    assert together.agreement.value == alone.agreement.value
    for name in ("agreement", "lean"):
        one, many = getattr(alone, name), getattr(together, name)
        assert many.high - many.low > 0.95 * (one.high - one.low)
    assert together.by_length["about as long"].low < 0.5


def test_marks_of_a_file_know_prompts_and_labels_that_were_exchanged(tmp_path: Path) -> None:
    def row(prompt: int, winner: str, flipped: bool = False) -> dict[str, object]:
        said = {"winner": winner, "flipped": flipped}
        return {"prompt": f"Why {prompt}?", "chosen": "so", "rejected": "thus", "judge": said}

    rows = [row(n, "rejected" if n < 2 else "chosen") for n in range(10) for _ in range(8)]
    found = marks_of(write_jsonl(tmp_path / "gold.jsonl", rows))
    assert (found.right, found.wrong) == (64, 16)
    assert found.worth == pytest.approx(9)
    exchanged = marks_of(write_jsonl(tmp_path / "flipped.jsonl", [row(0, "chosen", flipped=True), row(1, "chosen")]))
    assert (exchanged.right, exchanged.wrong, exchanged.worth) == (1, 1, 2)


def test_words_of_a_text_without_spaces_are_its_characters(tmp_path: Path) -> None:
    """Every Chinese response was one word, so all pairs were about as long."""
    verdict = column({"judge": evidence(Verdict(RIGHT, 2, True, "j"))})
    sides = {"chosen": "天空之所以是蓝色的是因为空气散射蓝光", "rejected": "因为大海"}
    found = of_file(write_jsonl(tmp_path / "gold.jsonl", [{"prompt": "为什么", **sides, "judge": verdict}]))
    assert found is not None
    assert list(found.by_length) == ["chosen longer"]
