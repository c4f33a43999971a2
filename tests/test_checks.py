"""What holds for every check: fast on ordinary texts and on hostile ones, and the phrases they use are sound."""

from __future__ import annotations

import re
import time

import pytest

from check_cases import blamed, check, pair, verdict
from rmboost.checks import CATALOGUE, phrases
from rmboost.checks.code import spans, without
from rmboost.config import DEFAULT_CHECKS
from rmboost.records import Drop, Pair

KINDS = ("task", "edit", "asks_for_edit", "refusal", "apology", "asks_for_voice")
HOSTILE = {
    "one letter": "x" * 100_000,
    "spaces": " " * 100_000 + "x",
    "lines": "\n" * 100_000 + "x",
    "backticks": "`" * 100_000,
    "fences": "```\n" * 25_000,
    "brackets": "[" * 100_000,
    "braces": "{ " * 50_000,
    "stars": "*" * 100_000 + "x",
    "open tags": "<response" * 11_000,
    "words": "lorem ipsum dolor " * 6_000,
    "numbers": " ".join(map(str, range(20_000))),
    "one script": "".join(chr(0x4E00 + place % 20_000) for place in range(100_000)),
    "beginnings of leaks": "here is a this response is worse i made the " * 2_500,
    "beginnings of refusals": "i'm sorry but i " * 6_000,
}


def test_every_check_of_the_catalogue_runs_by_default() -> None:
    assert set(DEFAULT_CHECKS) == set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_text_makes_a_check_slow(name: str, text: str) -> None:
    started = time.process_time()
    for hostile in (pair("Why?", "A plain answer.", text), pair(text, text, f"{text} y")):
        assert isinstance(verdict(check(name), hostile), Pair | Drop)
    assert time.process_time() - started < 3  # 100 kB take a tenth of a second; what is quadratic takes minutes


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_check_leaves_a_good_pair_as_it_is(name: str) -> None:
    good = pair("Why do cats purr?", "They are at ease or want to calm down.", "They do it when they are hungry.")
    kept = verdict(check(name), good)
    assert isinstance(kept, Pair)
    assert (kept.prompt, kept.chosen, kept.rejected) == (good.prompt, good.chosen, good.rejected)


@pytest.mark.parametrize("kind", KINDS)
def test_phrases_are_filled_and_compile(kind: str) -> None:
    every, _ = phrases._phrases(kind)
    assert every
    for phrase in every:
        assert not re.search(r"(?<![?])<[a-z]\w*>", phrase.pattern), phrase.pattern
        assert all(word == word.lower() for word in phrase.words)
        re.compile(phrase.pattern)


def test_a_phrase_that_is_found_has_one_of_its_words() -> None:
    """A word list that leaves a word out would hide the pattern; matches of real leaks show that none does."""
    text = phrases.plain("Here is a worse version. I made the answer less complete. As requested, a flawed response.")
    every = {bit for phrase in phrases._phrases("task")[0] if (bit := phrase.find(text))}
    assert every == set(phrases.found("task", text))
    assert len(every) >= 3


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
