"""Amounts as a person reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Shell, write_jsonl
from rmboost.amounts import are, duration, money, number


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.6, "1 min"), (185, "3 min 5 s"), (7322, "2 h 2 min"), (4e6, "1,111 h 6 min")],
)
def test_durations_are_said_in_two_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("cost", "words"), [(0, "0.0000"), (0.00312, "0.0031"), (1, "1.00"), (1234.5, "1,234.50")])
def test_money_below_one_has_four_digits(cost: float, words: str) -> None:
    assert money(cost) == words


def test_one_is_singular() -> None:
    assert [number(n, "pair") for n in (0, 1, 1200)] == ["0 pairs", "1 pair", "1,200 pairs"]
    assert [are(n) for n in (0, 1, 2)] == ["are", "is", "are"]


def test_a_run_of_one_prompt_is_told_in_the_singular(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "Why is the sky blue?"}])
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--repetitions", "2")
    said = rmboost(*command, "--target", "2", "--set", "checks=[{name: similarity, max_similarity: 0.01}]").err
    assert "1 prompts" not in said
    assert "1 prompt × 2 are used up" in said
    done = rmboost("generate", prompts, "-o", tmp_path / "one.jsonl", "--model", "fake")
    assert "of 1 prompt\n" in done.err


def test_one_line_that_cannot_be_used_is_the_only_one(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"question": "Why?"}])
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--skip-bad-lines")
    assert f"the only line cannot be used: {prompts}, line 1" in done.err
