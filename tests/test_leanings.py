"""What chosen responses have more of: counted where the responses differ, and shown where it is more than chance."""

from __future__ import annotations

from rmboost.compare.leanings import leanings, telling
from rmboost.rewards import TextPair
from rmboost.rewards.form import FEATURES

LONG, SHORT = "It is a large and very old bird.", "It is a bird."


def pairs(chosen_is_long: int, rejected_is_long: int, alike: int = 0) -> list[TextPair]:
    return [
        *(TextPair(f"What is it? {n}", LONG, SHORT) for n in range(chosen_is_long)),
        *(TextPair(f"What is that? {n}", SHORT, LONG) for n in range(rejected_is_long)),
        *(TextPair(f"What was it? {n}", SHORT, SHORT) for n in range(alike)),
    ]


def test_shares_are_of_the_pairs_that_differ() -> None:
    found = leanings({"made": pairs(18, 2, alike=7), "human": pairs(10, 10)})
    assert set(found) == set(FEATURES)
    assert (found["words, log"]["made"]["count"], found["words, log"]["made"]["total"]) == (18, 20)
    assert found["words, log"]["human"]["share"] == 0.5
    assert found["has code"] == {}, "nobody differs in it"


def test_few_pairs_say_nothing() -> None:
    assert leanings({"made": pairs(9, 0), "none": []})["words, log"] == {}


def test_what_leans_beyond_chance_is_told_the_farthest_first() -> None:
    sides = {"little": (0.52, 0.7), "perhaps": (0.49, 0.9), "down": (0.1, 0.3), "up": (0.6, 0.9)}
    found = {name: {"made": {"low": low, "high": high}} for name, (low, high) in sides.items()}
    assert telling({**found, "nobody differs": {}}) == ["down", "up", "little"]
    assert "words, log" in telling(leanings({"made": pairs(40, 0)}))
    assert telling(leanings({"made": pairs(11, 9)})) == []
