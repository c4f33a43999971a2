"""Trials: trained once, remembered by all that they follow from; and what the signal makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rmboost import rewards
from rmboost.compare.overlap import overlap, shared
from rmboost.compare.trials import Trial, Trials
from rmboost.errors import InputError
from rmboost.rewards import TextPair
from rmboost.rewards.accuracy import difference

MADE = [TextPair(f"q{n}", f"good {n}", f"bad {n}") for n in range(12)]
HUMAN = [TextPair(f"h{n}", f"good {n}", f"bad {n}") for n in range(10)]
OWN = Trial("ngrams", ("made",), "human")


def trials(file: Path, said: list[str], made: list[TextPair] = MADE, seeds: int = 2) -> Trials:
    models = {"ngrams": rewards.load("ngrams")}
    return Trials(models, {"made": made, "human": HUMAN}, ["human"], seeds, file, said.append)


def test_a_trial_is_carried_out_once(tmp_path: Path) -> None:
    said: list[str] = []
    first = trials(tmp_path / "t", said).accuracy(OWN)
    assert first.value > 0.9
    assert said == ["ngrams: reading 22 pairs", f"{OWN}: {first}"]
    again = trials(tmp_path / "t", said).accuracy(OWN)
    assert len(said) == 2
    assert (again.credits == first.credits).all()
    assert again.as_json() == first.as_json()


@pytest.mark.parametrize(
    "trial",
    [
        Trial("ngrams", ("made",), "human", 4),
        Trial("ngrams", ("made", "human"), "human"),
        Trial("ngrams", ("human",), "human"),
        Trial("ngrams", ("human",), "human", random=True),
    ],
    ids=str,
)
def test_another_trial_is_another(tmp_path: Path, trial: Trial) -> None:
    said: list[str] = []
    kept = trials(tmp_path / "t", said)
    kept.accuracy(OWN)
    kept.accuracy(trial)
    assert [line.partition(": ")[2].partition(":")[0] for line in said[1:]] == [
        str(each).partition(": ")[2] for each in (OWN, trial)
    ]


def test_other_pairs_and_other_seeds_are_worked_out_anew(tmp_path: Path) -> None:
    said: list[str] = []
    trials(tmp_path / "t", said).accuracy(OWN)
    trials(tmp_path / "t", said, made=MADE[:-1]).accuracy(OWN)
    trials(tmp_path / "t", said, seeds=3).accuracy(OWN)
    assert len(said) == 6


def test_what_is_remembered_can_be_set_beside_what_is_worked_out_beside_other_pairs(tmp_path: Path) -> None:
    alone, mix = Trial("ngrams", ("human",), "human"), Trial("ngrams", ("made", "human"), "human")
    trials(tmp_path / "t", []).accuracy(alone)
    said: list[str] = []
    now = trials(tmp_path / "t", said, made=MADE[:-1])
    value, low, high = difference(now.accuracy(mix), now.accuracy(alone))
    assert low <= value <= high
    assert len(said) == 2, "only the mix was worked out"


def test_what_another_set_links_is_worked_out_anew_and_the_rest_is_not(tmp_path: Path) -> None:
    alone, mix = Trial("ngrams", ("human",), "human"), Trial("ngrams", ("made", "human"), "human")
    linking = [TextPair(f"h{n}", f"good {n}", f"bad {n}", "one group") for n in range(2)]
    said: list[str] = []
    trials(tmp_path / "t", said).accuracy(alone)
    for made in (linking, [*linking, TextPair("q", "good", "bad", "another")]):
        now = trials(tmp_path / "t", said, made)
        difference(now.accuracy(mix), now.accuracy(alone))
    assert sum("tested on" in line for line in said) == 4, "alone once more, the mix twice"


def test_what_was_cut_into_other_folds_is_worked_out_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    for way in (1, 2):
        monkeypatch.setattr("rmboost.compare.trials._CUT", way)
        trials(tmp_path / "t", said).accuracy(OWN)
    assert len(said) == 4


def test_a_line_that_was_cut_off_is_worked_out_again(tmp_path: Path) -> None:
    said: list[str] = []
    first = trials(tmp_path / "t", said).accuracy(OWN)
    text = (tmp_path / "t").read_text()
    (tmp_path / "t").write_text(text[: len(text) // 2])
    trials(tmp_path / "t", said).accuracy(OWN)
    assert len(said) == 4
    assert trials(tmp_path / "t", said).accuracy(OWN).as_json() == first.as_json()
    assert len(said) == 4


def test_nothing_left_to_train_on_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        trials(tmp_path / "t", [], made=[]).accuracy(OWN)


def test_overlap_counts_responses_to_the_same_prompt() -> None:
    made = {
        "one": [TextPair("p", "a", "b"), TextPair("q", "c", "d")],
        "other": [TextPair("p", "b", "x"), TextPair("q", "c", "y"), TextPair("r", "a", "b")],
    }
    found = overlap(made)["one"]["other"]
    assert found["prompts"] == 2
    assert (found["responses"]["count"], found["responses"]["total"]) == (2, 4)
    assert (found["same_side"]["count"], found["same_side"]["total"]) == (1, 2), (
        "b is chosen in one, rejected in the other"
    )
    assert (shared(made, "one").count, shared(made, "other").count) == (2, 2)


def test_an_overlap_of_few_prompts_is_known_as_such() -> None:
    """Of two prompts the responses to one are shared: the interval is that of two prompts, not of forty responses."""
    same = [TextPair("p", f"chosen {n}", f"rejected {n}") for n in range(10)]
    other = [TextPair("q", f"chosen {n}", f"rejected {n}") for n in range(10)]
    elsewhere = [TextPair("q", "neither", "nor")]
    found = shared({"one": [*same, *other], "other": [*same, *elsewhere]}, "one")
    assert (found.count, found.total) == (20, 40)
    assert found.high - found.low > 0.7
