"""Overlap: how much of what one method made another made as well, and whether both say the same of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from rmboost.intervals import Share, clustered
from rmboost.rewards import TextPair

Sides = Mapping[str, Mapping[str, frozenset[str]]]
"""By prompt and response: ``chosen``, ``rejected`` or both."""


def overlap(made: Mapping[str, Iterable[TextPair]]) -> dict[str, dict[str, Any]]:
    """By method and other method, as JSON: prompts that both have, and of the method's responses to these the share
    that the other has too; of these shared ones the share that both choose, or both reject.
    """
    sides = {name: _sides(pairs) for name, pairs in made.items()}
    return {name: {other: _between(sides[name], sides[other]) for other in sides if other != name} for name in sides}


def shared(made: Mapping[str, Iterable[TextPair]], name: str) -> Share:
    """The share of a method's responses that any other method has too."""
    sides = {each: _sides(pairs) for each, pairs in made.items()}
    others = [found for each, found in sides.items() if each != name]
    answers = [(prompt, response) for prompt, responses in sides[name].items() for response in responses]
    return clustered((any(a in other.get(p, {}) for other in others), p) for p, a in answers)


def _sides(pairs: Iterable[TextPair]) -> Sides:
    found: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for pair in pairs:
        responses = found[pair.prompt]
        for side, text in (("chosen", pair.chosen), ("rejected", pair.rejected)):
            responses[text] = responses.get(text, frozenset()) | {side}
    return found


def _between(one: Sides, other: Sides) -> dict[str, Any]:
    prompts = [prompt for prompt in one if prompt in other]  # in their order, by which the last digits go
    answers = [(prompt, response) for prompt in prompts for response in one[prompt]]
    both = [(prompt, response) for prompt, response in answers if response in other[prompt]]
    return {
        "prompts": len(prompts),
        "responses": clustered((response in other[prompt], prompt) for prompt, response in answers).dump(),
        "same_side": clustered(
            (one[prompt][response] == other[prompt][response], prompt) for prompt, response in both
        ).dump(),
    }
