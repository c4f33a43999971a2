"""What holds for every check: fast on ordinary texts and on hostile ones, and the phrases they use are sound."""

from __future__ import annotations

import importlib
import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check_cases import HOSTILE, blamed, check, pair, verdict
from rmboost.checks import CATALOGUE, loops, phrases
from rmboost.checks.code import spans, without
from rmboost.checks.phrases import Phrasebook
from rmboost.config import DEFAULT_CHECKS
from rmboost.records import Drop, Pair

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))
benchmark = importlib.import_module("checks")
HELD_OUT = {"form": (0.95, 0.9), "leak": (0.95, 0.9), "refusal": (0.95, 0.9)}
"""Precision and recall on cases that no check was tuned on, where they are under 0.95: they may only rise."""


def test_every_check_of_the_catalogue_runs_by_default() -> None:
    assert set(DEFAULT_CHECKS) == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_makes_a_check_slow(name: str, text: str) -> None:
    started = time.process_time()
    for hostile in (pair("Why?", "A plain answer.", text, "completeness"), pair(text, text, f"{text} y")):
        assert isinstance(verdict(check(name), hostile), Pair | Drop)
    assert time.process_time() - started < 3  # 100 kB take a tenth of a second; what is quadratic takes minutes


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_check_leaves_a_good_pair_as_it_is(name: str) -> None:
    good = pair("Why do cats purr?", "They are at ease or want to calm down.", "They do it when they are hungry.")
    kept = verdict(check(name), good)
    assert isinstance(kept, Pair)
    assert (kept.prompt, kept.chosen, kept.rejected) == (good.prompt, good.chosen, good.rejected)


@pytest.mark.parametrize("kind", sorted(Phrasebook.model_fields.keys() - {"parts"}))
def test_phrases_are_filled_and_compile(kind: str) -> None:
    every = [phrase for each, phrase in phrases._catalogue().phrases if each == kind]
    assert every
    for phrase in every:
        assert not re.search(r"(?<![?])<\w+>", phrase.pattern), phrase.pattern
        assert all(word and word == word.lower() for group in phrase.words for word in group), phrase.words
        re.compile(phrase.pattern)


def test_the_words_of_a_phrase_never_hide_what_its_pattern_finds() -> None:
    """On all labelled texts the patterns that are tried find what all patterns would."""
    for name in DEFAULT_CHECKS:
        for case in (*benchmark.read_cases(name, "tuned"), *benchmark.read_cases(name, "held_out")):
            for text in (case.pair.first.text, case.pair.second.text, case.pair.prompt.text):
                read = phrases.read(text)
                for kind, phrase in phrases._catalogue().phrases:
                    assert not phrase.find(read.plain) or phrase in read.tried.get(kind, ()), phrase


def test_half_a_character_is_no_reason_to_stop() -> None:
    assert phrases.read("Here is \ud83d a worse version.").plain == "here is ? a worse version."


def test_what_rows_depend_on_is_hashed() -> None:
    assert {"phrases/de", "phrases/en"} <= check("leak").data().keys()
    assert check("echo").data() == {}


@pytest.mark.parametrize("name", DEFAULT_CHECKS)
def test_precision_and_recall_do_not_fall(name: str) -> None:
    tuned, held_out = (benchmark.score(benchmark.read_cases(name, which)) for which in benchmark.SETS)
    assert min(tuned.precision, tuned.recall) >= 0.95
    assert (held_out.precision, held_out.recall) >= HELD_OUT.get(name, (0.95, 0.95))


@given(every=st.lists(st.sampled_from(["egg", "boil", "it", "a"]), max_size=100))
def test_no_loop_escapes_the_quick_look(every: list[str]) -> None:
    assert not loops._find(every, 12, " ") or loops._comes_back(every)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Use `a` and `b`.", "a\nb"),
        ("```py\na = 1\n```\ntext", "a = 1\n"),
        ("```py\na = 1", "a = 1"),
        ("x = 1\ny = f(x)", "x = 1\ny = f(x)"),
        ("Just words, if you like:\nand more (of them)", ""),
        ("while the moon sleeps\nfor you I wait\nwith my heart", ""),
        ("", ""),
    ],
)
def test_where_the_code_is(text: str, code: str) -> None:
    assert spans(text) == code


def test_a_text_without_its_code() -> None:
    assert without("Use `a`:\n```py\nb\n```\ndone").split() == ["Use", ":", "done"]


def test_the_first_response_is_blamed_before_the_second() -> None:
    assert blamed("form", pair("Why?", "", "")) == ("empty", 0)
