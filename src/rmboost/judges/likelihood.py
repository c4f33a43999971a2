"""From the log-probabilities of a reply's tokens to the probability of a verdict, and to an expected score.

Lee et al., RLAIF, arXiv 2309.00267: the softmax over the tokens of the two options (section 2.1), and the expected
score over the tokens of the numbers (section 2.3, direct RLAIF).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import exp

from rmboost.records import Response

_ENDS = 2
"""Tokens after the text that a server may count in, such as the one that ends the turn."""


def option_a(response: Response, offset: int) -> float | None:
    """The probability of A against B where a letter stands in the text; None without log-probabilities."""
    place = _place(response, offset)
    if place is None:
        return None
    mass: defaultdict[str, float] = defaultdict(float)
    for token, logprob in response.top[place].items():
        mass[_bare(token).upper()] += exp(logprob)
    both = mass["A"] + mass["B"]
    return mass["A"] / both if both else None


def expected(response: Response, offset: int, low: int, high: int) -> float | None:
    """The mean of the numbers from low to high, as likely as they are where one stands in the text; None without."""
    place = _place(response, offset)
    if place is None:
        return None
    mass: defaultdict[int, float] = defaultdict(float)
    for token, logprob in response.top[place].items():
        if len(bare := _bare(token)) <= 2 and bare.isdecimal() and (low <= int(bare) <= high or bare == "1"):
            mass[int(bare)] += exp(logprob)
    if high >= 10 and mass[1] and not mass[10]:
        ten = mass[1] * _share_of_ten(response, place, mass)
        mass[10], mass[1] = ten, mass[1] - ten
    if not low <= 1 <= high:
        mass.pop(1, None)  # it was there as the beginning of 10
    total = sum(mass.values())
    return sum(number * weight for number, weight in mass.items()) / total if total else None


def _share_of_ten(response: Response, place: int, mass: Mapping[int, float]) -> float:
    """How much of what a 1 weighs belongs to 10, for models that write 10 as two tokens.

    Where the 1 was written, the next place tells. Where another number was, it cannot be seen: then it goes to that
    end of the scale whose neighbour is likelier, as scores have one peak.
    """
    if _bare(next(iter(response.top[place]))) != "1":
        return float(mass.get(9, 0.0) > mass.get(2, 0.0))
    if place + 1 == len(response.top):
        return 0.0
    after = response.top[place + 1]
    total = sum(map(exp, after.values()))
    return sum(exp(logprob) for token, logprob in after.items() if token.startswith("0")) / total if total else 0.0


def _place(response: Response, offset: int) -> int | None:
    """Which of the places with log-probabilities holds this character of the text.

    They are the last ones of the answer, and are laid along the text from its end. None where they do not fit: then
    the tokens are not those of the text, and nothing is guessed.
    """
    tokens = [next(iter(place)) for place in response.top]
    text = response.text.rstrip()
    for count in range(len(tokens), max(0, len(tokens) - _ENDS - 1), -1):
        written = "".join(tokens[:count]).rstrip()
        if text.endswith(written) or written.endswith(text):
            return _holder(tokens[:count], offset - (len(text) - len(written)))
    return None


def _holder(tokens: list[str], offset: int) -> int | None:
    """The token in which the character at this offset of their text stands."""
    end = 0
    for place, token in enumerate(tokens):
        end += len(token)
        if 0 <= offset < end:
            return place
    return None


def _bare(token: str) -> str:
    """A token without spaces, marks and the signs that vocabularies write for a space."""
    return "".join(char for char in token.replace("Ġ", "") if char.isalnum())
