"""The length check: lopsided pairs, and second responses that miss the length that was ordered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from check_cases import blamed, check, pair, verdict
from conftest import Shell, read_jsonl
from rmboost.records import Drop, Pair

PROMPT = "Tell me about the tower."
SENTENCE = "The tower is made of iron and was built for a fair. "
CHINESE = "这座塔由铁制成，是为了一次博览会而建的。"


def ordered(first: str, second: str, words: int) -> Pair:
    return replace(pair(PROMPT, first, second), evidence={"target_words": words})


@pytest.mark.parametrize(("first", "second"), [(10, 1), (1, 10), (50, 5), (5, 50)])
def test_a_lopsided_pair_is_dropped_with_the_figures(first: int, second: int) -> None:
    dropped = verdict(check("length"), pair(PROMPT, SENTENCE * first, SENTENCE * second))
    assert isinstance(dropped, Drop)
    assert (dropped.reason, dropped.call) == ("length", 1)
    assert f"the first response has {52 * first} characters, the second {52 * second}" in dropped.detail


@pytest.mark.parametrize(("first", "second"), [(10, 2), (1, 1), (7, 1), (1, 7)])
def test_a_wide_band_is_left_alone(first: int, second: int) -> None:
    assert blamed("length", pair(PROMPT, SENTENCE * first, SENTENCE * second)) is None


def test_a_word_against_a_sentence_is_no_fault() -> None:
    assert blamed("length", pair(PROMPT, "Iron.", SENTENCE)) is None
    assert blamed("length", pair(PROMPT, "Iron.", SENTENCE), min_length=20) == ("length", 1)


def test_the_band_can_be_set() -> None:
    twice = pair(PROMPT, SENTENCE * 10, SENTENCE * 20)
    assert blamed("length", twice) is None
    assert blamed("length", twice, max_ratio=1.5) == ("length", 1)


@pytest.mark.parametrize("count", [75, 76, 100, 124, 125])
def test_what_comes_near_the_order_is_kept(count: int) -> None:
    assert blamed("length", ordered("word " * 100, "word " * count, 100)) is None


@pytest.mark.parametrize("count", [20, 60, 74, 126, 300])
def test_what_misses_the_order_by_more_than_a_quarter_is_drawn_again(count: int) -> None:
    assert blamed("length", ordered("word " * 100, "word " * count, 100)) == ("length", 1)
    assert blamed("length", ordered("word " * 100, "word " * count, 100), tolerance=4) is None


def test_two_words_are_always_within_reach_and_chinese_is_counted_in_characters() -> None:
    assert blamed("length", ordered("Iron.", "It is iron.", 1)) is None
    assert blamed("length", ordered(CHINESE * 3, CHINESE * 3 + "很高。", 3)) is None
    assert blamed("length", ordered(CHINESE * 3, CHINESE * 5, 3)) == ("length", 1)


def test_a_run_that_orders_the_length_keeps_no_pair_that_misses_it(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    out = tmp_path / "o.jsonl"
    done = rmboost("generate", prompts, "-o", out, "--model", "fake", "--set", "method.match_length=true")
    assert done.code == 0, done.err
    rejects = read_jsonl(tmp_path / "o.run" / "rejects.jsonl")
    for row in read_jsonl(out):
        first, second = (len(row[row["rmboost"][which]].split()) for which in ("first", "second"))
        assert abs(first - second) <= max(2, 0.25 * first)
    assert {each["reason"] for row in rejects for each in row["attempts"]} <= {"length"}
    assert all(row["first"] and row["second"] for row in rejects)
