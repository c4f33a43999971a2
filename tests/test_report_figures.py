"""The figures of a report, on data in which the answer was planted."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from conftest import write_jsonl
from rmboost.errors import InputError
from rmboost.records import DISAGREES
from rmboost.report.catalogue import Limit
from rmboost.report.charts import _apart, curves
from rmboost.report.contamination import _strings
from rmboost.report.estimates import Figure
from rmboost.report.report import Report, examine

WORDS = [f"{first}{middle}{last}" for first in "bdfgklmnpr" for middle in "aeiou" for last in "lmnrst"]


def text(random: Random, words: int) -> str:
    return " ".join(random.choices(WORDS, k=words))


def pair(random: Random, number: int, **changes: Any) -> dict[str, Any]:
    """A pair of which nothing tells the sides apart but chance."""
    return {
        "prompt": f"Question {number} about {text(random, 12)}",
        "chosen": text(random, 30),
        "rejected": text(random, 30),
        **changes,
    }


def report(folder: Path, rows: list[dict[str, Any]], *against: Path, **options: Any) -> Report:
    return examine(write_jsonl(folder / "pairs.jsonl", rows), against, size=0, **options)


def value(found: Report, name: str) -> float:
    figure = found.figures[name]
    assert figure.value is not None, figure.why
    return figure.value


def test_longer_wins_counts_ties_apart_and_by_label(tmp_path: Path) -> None:
    random = Random(1)
    rows = []
    for number in range(100):
        longer = 40 if number < 70 else 30 if number < 80 else 20  # 70 longer, 10 ties, 20 shorter
        label = "better" if number % 2 else "worse"
        rows.append(pair(random, number, chosen=text(random, longer), label=label))
    found = report(tmp_path, rows)
    assert value(found, "longer_wins") == pytest.approx(70 / 90)
    assert value(found, "shorter_wins") == pytest.approx(20 / 90)
    assert value(found, "longer_wins.better") == pytest.approx(35 / 45)
    assert {rule.name: rule.ties for rule in found.baselines}["longer_wins"] == 10
    assert found.figures["longer_wins"].low == pytest.approx(0.681, abs=0.001)  # Wilson, 70 of 90


def test_cohens_d_and_ratio_are_those_of_the_lengths(tmp_path: Path) -> None:
    random = Random(2)
    rows = [
        pair(random, n, chosen=text(random, 40 + 5 * (n % 3)), rejected=text(random, 20 + 5 * (n % 3)))
        for n in range(60)
    ]
    found = report(tmp_path, rows)
    chosen, rejected = np.array([40, 45, 50]), np.array([20, 25, 30])
    spread = sqrt((chosen.var() + rejected.var()) / 2)
    assert value(found, "length_d") == pytest.approx(20 / spread)
    assert value(found, "length_ratio") == pytest.approx(float(np.exp(np.log(chosen / rejected).mean())))


@pytest.mark.parametrize(
    ("name", "winner", "loser"),
    [
        ("sentences_wins", "One. Two. Three.", "One two three"),
        ("markdown_wins", "- one\n- two\n\n**three**", "one two three"),
        ("likeness_wins", "why is the sky so blue", "it is for no reason at all"),
    ],
)
def test_rules_that_read_nothing(tmp_path: Path, name: str, winner: str, loser: str) -> None:
    rows = [
        {"prompt": f"{n}: why is the sky so blue?", "chosen": a, "rejected": b}
        for n in range(40)
        for a, b in [(winner, loser) if n % 4 else (loser, winner)]
    ]
    assert value(report(tmp_path, rows), name) == pytest.approx(0.75)


def test_second_wins_where_the_file_says_which_is_second(tmp_path: Path) -> None:
    random = Random(3)
    rows = [pair(random, n, rmboost={"second": "chosen" if n < 30 else "rejected"}) for n in range(40)]
    rows += [pair(random, n) for n in range(40, 50)]
    found = report(tmp_path, rows)
    assert value(found, "second_wins") == pytest.approx(0.75)
    assert found.figures["second_wins"].n == 40
    assert {rule.name: rule.ties for rule in found.baselines}["second_wins"] == 10


def test_a_leaking_word_is_found_among_the_strongest(tmp_path: Path) -> None:
    random = Random(4)
    rows = []
    for n in range(300):
        made = pair(random, n, rmboost={"second": "chosen" if n % 2 else "rejected"})
        made["chosen"] += " improved" if random.random() < 0.8 else ""
        side = "chosen" if n % 2 else "rejected"
        made[side] += " revised" if random.random() < 0.9 else ""
        rows.append(made)
    found = report(tmp_path, rows)
    of_label, of_order = found.probes
    assert value(found, "probe_auc") > 0.8
    assert of_label.words_here[0].word == "improved"
    assert of_label.words_here[0].there == 0
    assert value(found, "probe_second_auc") > 0.85
    assert of_order.words_here[0].word == "revised"
    assert found.verdict.level == "bad"
    assert "telling words" in found.verdict.headline


def test_a_probe_finds_nothing_where_nothing_is(tmp_path: Path) -> None:
    random = Random(5)
    figure = report(tmp_path, [pair(random, n) for n in range(300)]).figures["probe_auc"]
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < 0.5 < figure.high


def test_duplicates_are_counted_exact_near_and_across_prompts(tmp_path: Path) -> None:
    random = Random(6)
    rows = [pair(random, n) for n in range(60)]
    stock = text(random, 80)
    for n in range(6):
        rows[n]["rejected"] = f"{stock} {n}"  # near, under different prompts
    rows[10]["prompt"] = rows[11]["prompt"]  # the same
    long = text(random, 60)
    rows[20]["prompt"], rows[21]["prompt"] = f"{long} one", f"{long} two"  # near
    rows[30]["chosen"] = rows[30]["rejected"]  # a pair without a difference
    found = report(tmp_path, rows)
    assert found.prompts.repeated == 1
    assert (found.prompts.texts, found.prompts.near) == (59, 2)
    assert found.responses.near == 6
    assert value(found, "identical_pairs") == pytest.approx(1 / 60)
    assert value(found, "repeated_prompts") == pytest.approx(1 / 60)


def test_contamination_finds_runs_of_words_and_the_rows_that_have_them(tmp_path: Path) -> None:
    random = Random(7)
    benchmark = [text(random, 20) for _ in range(10)]
    against = write_jsonl(tmp_path / "bench.jsonl", [{"q": each, "meta": {"deep": ["short"]}} for each in benchmark])
    rows = [pair(random, n) for n in range(50)]
    rows[0]["prompt"] = f"Please say: {benchmark[3]}"  # 20 words
    rows[1]["prompt"] = f"And now {' '.join(benchmark[4].split()[:9])} or so"  # 9 words
    rows[2]["chosen"] = benchmark[5].upper() + "!"  # case and points do not count
    found = report(tmp_path, rows, against)
    assert value(found, "contaminated_prompts_8") == pytest.approx(2 / 50)
    assert value(found, "contaminated_prompts_13") == pytest.approx(1 / 50)
    assert value(found, "contaminated_responses_13") == pytest.approx(1 / 50)
    assert {overlap.n: (overlap.rows, overlap.total) for overlap in found.overlaps} == {8: (3, 10), 13: (2, 10)}
    assert found.verdict.level == "bad"


@pytest.mark.parametrize(("content", "says"), [("", "holds no text"), ("[1, 2]\n{", "not a JSON array")])
def test_a_file_to_compare_with_must_hold_text(tmp_path: Path, content: str, says: str) -> None:
    against = tmp_path / "bench.jsonl"
    against.write_text(content)
    with pytest.raises(InputError, match=says):
        report(tmp_path, [pair(Random(0), 0)], against)


def test_label_noise_by_label_and_aspect_ties_not_counted_as_wrong(tmp_path: Path) -> None:
    random = Random(8)
    winners = {
        "better": ["rejected"] * 4 + ["chosen"] * 12 + ["tie"] * 4,
        "worse": ["chosen"] * 18 + ["unreadable"] * 2,
    }
    rows = [
        pair(random, n, label=label, aspect="tone", judge={"winner": winner, "model": "made-up"})
        for label, all_winners in winners.items()
        for n, winner in enumerate(all_winners)
    ]
    rows += [pair(random, 100 + n, label="better", judge={"winner": None}) for n in range(10)]
    found = report(tmp_path, rows)
    assert value(found, "label_noise") == pytest.approx(4 / 38)
    assert value(found, "label_noise.better") == pytest.approx(4 / 20)
    assert value(found, "label_noise.worse") == 0
    assert value(found, "label_noise_decided") == pytest.approx(4 / 34)
    assert value(found, "judged_share") == pytest.approx(40 / 50)
    assert found.noise["aspect", "tone"].share.n == 38
    assert found.figures["label_noise_corrected"].why == "no gold data given"


def test_label_noise_is_freed_of_the_judges_mistakes(tmp_path: Path) -> None:
    random = Random(9)
    gold = [pair(random, n, judge={"winner": "rejected" if n < 20 else "chosen"}) for n in range(200)]
    rows = [pair(random, n, judge={"winner": "rejected" if n < 28 else "chosen"}) for n in range(200)]
    found = report(tmp_path, rows, gold=write_jsonl(tmp_path / "gold.jsonl", gold))
    assert value(found, "label_noise") == pytest.approx(0.14)
    assert value(found, "label_noise_corrected") == pytest.approx(0.05)  # 0.14 = 0.9 q + 0.1 (1 - q)


@pytest.mark.parametrize(("policy", "wrong"), [("drop", 60 / 780), ("flip", 140 / 1000)])
def test_a_judge_that_chose_the_pairs_does_not_make_them_right(tmp_path: Path, policy: str, wrong: float) -> None:
    """What it left it cannot contradict: label noise freed of its mistakes was 0 (0–0)."""
    random = Random(13)
    verdicts = ["chosen"] * 580 + ["tie"] * 200 + ["rejected"] * 220
    rows = [pair(random, n, label="worse", judge={"winner": said}) for n, said in enumerate(verdicts)]
    gold = [pair(random, n, judge={"winner": "chosen"}) for n in range(140)]
    gold += [pair(random, n, judge={"winner": "rejected" if n < 160 else "tie"}) for n in range(140, 200)]
    if policy == "drop":
        rows, lost = rows[:780], rows[780:]
        run_of(tmp_path, [reject(row) for row in lost])
    for row in rows[780:]:
        row["judge"] = {"winner": "chosen", "flipped": True}
    found = report(tmp_path, rows, gold=write_jsonl(tmp_path / "gold.jsonl", gold))
    assert (value(found, "label_noise"), value(found, "label_noise_decided")) == (0, 0)
    assert found.figures["label_noise"].why == "the judge left no pair that it contradicts"
    assert value(found, "label_noise_corrected") == pytest.approx(wrong)
    assert found.noise["label", "worse"].corrected.value == pytest.approx(wrong)
    assert Limit.parse("label_noise_corrected>0.05").broken(found.figures)
    assert f"Of the labels that the judge left, {100 * wrong:.1f} % (" in found.verdict.headline
    alone = report(tmp_path, rows)
    assert alone.figures["label_noise_corrected"].why == "no gold data given"
    assert alone.verdict.headline.endswith(" How often the labels are wrong was not measured.")
    assert {one.level for one in alone.verdict.findings if one.figure.startswith("label_noise")} == {"missing"}


def reject(row: dict[str, Any]) -> dict[str, Any]:
    """A pair that the judge dropped."""
    return {
        **{name: row.get(name) for name in ("prompt", "label", "aspect")},
        "id": row["prompt"],
        "reason": DISAGREES,
        "first": row["chosen"],
        "second": row["rejected"],
    }


def run_of(folder: Path, rejects: list[dict[str, Any]]) -> None:
    """The folder of the run that wrote the pairs, and these rejects."""
    (folder / "pairs.run").mkdir(exist_ok=True)
    write_jsonl(folder / "pairs.run" / "rejects.jsonl", rejects)
    manifest = {"status": "finished", "settings": {}, "input": {"count": 100}}
    (folder / "pairs.run" / "manifest.json").write_text(json.dumps(manifest))


def test_pairs_that_the_judge_dropped_are_of_their_prompts(tmp_path: Path) -> None:
    """Each counted as of a prompt of its own, so that the interval was too narrow."""
    random = Random(14)
    rows = [
        pair(random, 0, prompt=f"Question {n % 40}", judge={"winner": "rejected" if n % 40 < 8 else "chosen"})
        for n in range(200)
    ]
    rows.append(pair(random, 999, judge={"winner": None}))  # one that was not judged: those that were are a sample
    flagged = report(tmp_path, rows)
    kept = [row for n, row in enumerate(rows) if row["judge"]["winner"] != "rejected" or n < 4]
    run_of(tmp_path, [reject(row) for row in rows if row not in kept])
    found = report(tmp_path, kept)
    assert len(kept) < len(rows)
    for name in ("label_noise", "judge_ties"):
        assert found.figures[name] == flagged.figures[name]
    assert (found.figures["label_noise"].high or 0) > 0.33


def test_length_limits_of_trainers(tmp_path: Path) -> None:
    long, short = "abc " * 1100, "abc " * 20  # 4 characters are taken for a token
    rows = [{"prompt": f"{n}", "chosen": long, "rejected": long + "more"} for n in range(10)]
    rows += [{"prompt": f"{n}", "chosen": short, "rejected": "other"} for n in range(10, 40)]
    found = report(tmp_path, rows)
    for name in ("too_long_512", "too_long_1024", "equal_after_512", "equal_after_1024"):
        assert value(found, name) == 0.25
    assert found.verdict.level != "bad" or "limits" not in found.verdict.headline.split(".")[0]


def test_diversity_falls_where_all_say_the_same(tmp_path: Path) -> None:
    random = Random(10)
    rows = [pair(random, n, rejected="it is all the same to me " * 10 + str(n)) for n in range(100)]
    chosen, rejected = report(tmp_path, rows).diversity[:2]
    assert (chosen.distinct[2].value or 0) > 0.9 > 0.1 > (rejected.distinct[2].value or 1)
    assert (rejected.self_similarity.value or 0) > 0.5 > (chosen.self_similarity.value or 1)


def test_answers_of_one_word_have_no_runs_of_words(tmp_path: Path) -> None:
    rows = [{"prompt": f"Is {number} even?", "chosen": f"yes{number}", "rejected": "no"} for number in range(2_100)]
    chosen, _ = report(tmp_path, rows).diversity[:2]
    assert chosen.distinct[1].value == 1
    assert (chosen.distinct[2].value, chosen.distinct[2].why) == (None, "no response has 2 words")


def test_a_single_pair_is_reported_without_a_word_too_much(tmp_path: Path) -> None:
    found = report(tmp_path, [{"prompt": "", "chosen": "", "rejected": ""}])
    assert found.figures["identical_pairs"].value == 1
    assert found.figures["length_d"].value is None
    assert found.figures["probe_auc"].value is None
    json.dumps({name: figure.as_json() for name, figure in found.figures.items()}, allow_nan=False)


@pytest.mark.filterwarnings("error")
def test_a_word_in_every_text_takes_no_place_among_the_telling_ones(tmp_path: Path) -> None:
    random = Random(6)
    rows = [
        pair(random, n, chosen=f"so it is {text(random, 9)}", rejected=f"so it was {text(random, 9)}")
        for n in range(49)
    ]
    words = [word.word for word in report(tmp_path, rows).probes[0].words_here]
    assert "is" in words
    assert "so" not in words


def test_noise_freed_of_mistakes_knows_which_pairs_are_of_one_prompt(tmp_path: Path) -> None:
    random = Random(8)

    def judged(prompt: int, wrong: bool) -> dict[str, Any]:
        return pair(random, 0, prompt=f"Question {prompt}", judge={"winner": "rejected" if wrong else "chosen"})

    gold = write_jsonl(tmp_path / "gold.jsonl", [judged(n, n % 20 == 0) for n in range(400)])
    widths = []
    for prompts in (200, 10):  # of 10 prompts the labels of two are wrong, of all their twenty pairs
        rows = [judged(n % prompts, n % prompts < prompts // 5) for n in range(200)]
        freed = report(tmp_path, rows, gold=gold).figures["label_noise_corrected"]
        assert freed.low is not None and freed.high is not None
        widths.append(freed.high - freed.low)
    assert widths[1] > 3 * widths[0]


def test_sides_that_are_alike_are_different_texts_and_each_has_its_near_duplicates(tmp_path: Path) -> None:
    """Sides that differ in a word were taken for one text; of answers under two prompts, half could be missed."""
    random = Random(9)
    rows = []
    for n in range(60):
        words = text(random, 120).split()
        for copy in range(2 if n < 20 else 1):
            sides = {side: " ".join([*words[:place], "other", *words[place:]]) for side, place in SIDES[copy]}
            rows.append(pair(random, 100 * copy + n, **sides))
    found = report(tmp_path, rows)
    assert (found.responses.texts, found.responses.repeated, found.responses.near) == (160, 0, 80)


SIDES = ((("chosen", 30), ("rejected", 50)), (("chosen", 70), ("rejected", 90)))


def test_a_run_of_words_counts_once_a_text(tmp_path: Path) -> None:
    run = "one two three four five six seven eight"
    against = write_jsonl(tmp_path / "test.jsonl", [{"text": run}])
    random = Random(10)
    rows = [pair(random, n, chosen=f"{run} {text(random, 5)} {run}") for n in range(3)]
    [eight] = [overlap for overlap in report(tmp_path, rows, against).overlaps if overlap.n == 8]
    assert eight.examples == ((run, 3),)


def test_diversity_is_that_of_the_whole_file_and_not_of_its_head(tmp_path: Path) -> None:
    """The first 500 responses, and the first 2,000 words, were all that it saw."""
    random = Random(12)
    one = text(random, 12)
    rows = [pair(random, n, chosen=one if n < 500 else text(random, 12), aspect="tone") for n in range(1_500)]
    for found in (report(tmp_path, some) for some in (rows, rows[::-1])):
        assert value(found, "self_similarity") == pytest.approx(1 / 9 + 8 / 9 * 0.035, abs=0.05)
        assert value(found, "distinct_3") == pytest.approx(2 / 3, abs=0.1)
        assert found.diversity[2].distinct[3].value == pytest.approx(5 / 6, abs=0.1), "both sides, by turns"
    assert report(tmp_path, rows).diversity == report(tmp_path, rows).diversity


def test_self_similarity_does_not_fall_with_the_number_of_responses(tmp_path: Path) -> None:
    random = Random(11)
    weights = [1 / (place + 1) for place in range(len(WORDS))]
    rows = [pair(random, n, chosen=" ".join(random.choices(WORDS, weights, k=60))) for n in range(400)]
    few, many = (value(report(tmp_path, some), "self_similarity") for some in (rows[:40], rows))
    assert many == pytest.approx(few, rel=0.05)


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ({32, 64, 128, 154, 169, 185}, [185, 154, 128, 64, 32]),
        ({10}, [10]),
        ({1, 10, 100, 1000}, [1000, 100, 10, 1]),
        (set(), []),
    ],
)
def test_no_number_of_an_axis_is_written_over_another(numbers: set[int], shown: list[int]) -> None:
    assert _apart(numbers) == shown


def test_texts_to_hold_pairs_against_are_found_in_lists_and_objects_but_in_no_great_depth() -> None:
    deep: list[Any] = ["deep"]
    for _ in range(5000):
        deep = [deep]
    assert [*_strings({"a": ["b", {"c": "d"}, deep, 7]})] == ["b", "d"]


def test_a_curve_whose_name_begins_with_a_low_line_is_in_the_legend() -> None:
    points = [(10, Figure(0.5, 0.4, 0.6, 10)), (100, Figure(0.6, 0.5, 0.7, 100))]
    drawn = curves({"_mine": points, "others": points, "a_b": points}, "accuracy", 0.5)
    assert [name in drawn for name in (">_mine<", ">others<", ">a_b<")] == [True] * 3
