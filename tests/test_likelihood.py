"""From tokens to probabilities: which place is the verdict's, which tokens count, and what a 1 before a 0 means."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmboost.judges import likelihood
from rmboost.records import Response

Place = Mapping[str, float]


def place(**tokens: float) -> Place:
    """Tokens with their probabilities, the written one first; ``_A`` stands for a token with a space before it."""
    return {token.replace("_", " "): log(p) for token, p in tokens.items()}


def reply(text: str, *top: Place) -> Response:
    return Response(text, "m", top=top)


@pytest.mark.parametrize(
    ("top", "p"),
    [
        (place(A=0.8, B=0.2), 0.8),
        (place(A=0.4, B=0.1, the=0.5), 0.8),
        (place(A=0.3, _A=0.3, a=0.1, _B=0.2, B=0.1), 0.7),
        ({"A": log(0.5), "**B": log(0.25), "ĠB": log(0.15), "▁B": log(0.1)}, 0.5),
        (place(A=0.9), 1.0),
    ],
)
def test_the_tokens_of_both_letters_are_added_up_whatever_stands_around_them(top: Place, p: float) -> None:
    assert likelihood.option_a(reply("A", top), 0) == pytest.approx(p)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A", ["A"]),
        ("Response A.", ["Response", " A", "."]),
        ("**A**", ["**", "A", "**"]),
        ("A", ["<think>", "B", "</think>", "\n\n", "A"]),
        ("A", ["A", "<|im_end|>"]),
        ("A\n", ["A", "\n", "</s>", "<pad>"]),
        ("It is clear.\n<verdict>A</verdict>", ["<", "ver", "dict", ">A", "</", "verdict", ">"]),
    ],
)
def test_the_place_of_the_verdict_is_found_from_the_end_of_the_text(text: str, tokens: list[str]) -> None:
    top = [{token: log(0.9), "nothing": log(0.1)} for token in tokens]
    holder = max(number for number, token in enumerate(tokens) if "A" in token)
    top[holder] = {tokens[holder]: log(0.6), "B": log(0.2)}
    assert likelihood.option_a(reply(text, *top), text.rindex("A")) == pytest.approx(0.75)


@pytest.mark.parametrize(
    "top",
    [(), (place(C=1.0),), (place(A=0.9, B=0.1), place(C=1.0), place(D=1.0), place(E=1.0))],
    ids=["none were given", "no letter", "another text"],
)
def test_without_them_nothing_is_guessed(top: tuple[Place, ...]) -> None:
    assert likelihood.option_a(reply("A", *top), 0) is None


def test_tokens_that_do_not_hold_the_place_tell_nothing() -> None:
    assert likelihood.option_a(reply("A because of a long reason", place(reason=1.0)), 0) is None


DIGITS = {"1": 0.1, "2": 0.2, "3": 0.3, "4": 0.4}


@pytest.mark.parametrize(
    ("text", "top", "high", "score"),
    [
        ("4", (place(**{"4": 0.5, "5": 0.5}),), 5, 4.5),
        ("4", (place(**{"4": 0.5, "_5": 0.25, "9": 0.25}),), 5, 4 * 2 / 3 + 5 / 3),
        ("10", (place(**{"10": 0.5, "8": 0.5}),), 10, 9.0),
        ("1", (place(**{"1": 0.5, "3": 0.5}),), 10, 2.0),
        ("10", (place(**{"1": 0.5, "8": 0.5}), place(**{"0": 1.0})), 10, 9.0),
        ("10", (place(**{"1": 0.8, "9": 0.2}), place(**{"0": 0.75, "<end>": 0.25})), 10, 10 * 0.6 + 0.2 + 9 * 0.2),
        ("1", (place(**{"1": 0.9, "2": 0.1}), place(**{"<end>": 0.9, "0": 0.1})), 10, 0.81 + 0.9 + 0.2),
        ("9", (place(**{"9": 0.6, "1": 0.4}),), 10, 9.4),
        ("2", (place(**{"2": 0.6, "1": 0.4}),), 10, 1.6),
        ("9", (place(**{"9": 0.6, "1": 0.2, "10": 0.2}),), 10, 5.4 + 0.2 + 2.0),
        ("0", (place(**{"0": 0.5, "5": 0.5}),), 5, 2.5),
    ],
    ids=[
        "mean",
        "off the scale",
        "ten is a token",
        "one alone",
        "ten is two tokens",
        "ten or one",
        "one or ten",
        "an unseen ten",
        "an unseen one",
        "one and ten are seen",
        "from nought",
    ],
)
def test_the_expected_score(text: str, top: tuple[Place, ...], high: int, score: float) -> None:
    low = 0 if text == "0" else 1
    assert likelihood.expected(reply(text, *top), 0, low, high) == pytest.approx(score)


@pytest.mark.parametrize(
    ("top", "score"),
    [
        ((place(**{"1": 0.9, "9": 0.1}), place(**{"0": 1.0})), 9.9),
        ((place(**{"1": 0.8, "9": 0.2}), place(**{"0": 0.5, "<end>": 0.5})), 10 * 2 / 3 + 9 / 3),
        ((place(**{"1": 0.5, "10": 0.3, "9": 0.2}), place(**{"0": 1.0})), 9.6),
    ],
    ids=["two tokens", "or a one, which is off the scale", "one token"],
)
def test_a_ten_on_a_scale_without_a_one(top: tuple[Place, ...], score: float) -> None:
    assert likelihood.expected(reply("10", *top), 0, 2, 10) == pytest.approx(score)


def test_a_short_scale_without_a_one() -> None:
    for number, score in (("3", 3.5), ("1", 4.0)):
        top = place(**{number: 0.5, "4": 0.5})
        assert likelihood.expected(reply(number, top), 0, 2, 5) == pytest.approx(score)


def test_a_next_token_of_no_weight_leaves_the_one_a_one() -> None:
    assert likelihood.expected(reply("1", {"1": -0.1}, {"<end>": -9999.0}), 0, 1, 10) == 1


def test_a_token_of_more_digits_than_python_reads_is_no_number() -> None:
    assert likelihood.expected(reply("4", {"4": -0.1, "4" * 5000: -0.1}), 0, 1, 5) == 4


@given(st.dictionaries(st.text(max_size=4), st.floats(-30, 0), min_size=1, max_size=20), st.integers(2, 10))
def test_whatever_the_tokens_are_the_results_stay_in_their_bounds(top: dict[str, float], high: int) -> None:
    answer = reply(next(iter(top)), top, top)
    for offset in range(len(answer.text)):
        p = likelihood.option_a(answer, offset)
        score = likelihood.expected(answer, offset, 1, high)
        assert p is None or 0 <= p <= 1
        assert score is None or 0.999 <= score <= high + 0.001
