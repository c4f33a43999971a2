"""Loops: a block of words that a model says over and over."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rmboost.texts import is_unspaced, words

_NUMBERING = re.compile(r"^[ \t]*\d+[.)] ", re.MULTILINE)
_SAYS_SOMETHING = re.compile(r"[^\W\d_]|[\u2600-\u27bf\U0001f000-\U0001faff]")
"""A letter or an emoji: rules, tables and zeros go on and on and are no loops."""
_GRAM = 4
"""Words that are looked at together: shorter ones come back by themselves in any text."""
_LEAST_FOR_LOOK = 12
"""Words that must be repeated for `_comes_back` to miss no loop."""


def loop(text: str, least: int) -> str:
    """The block of words that is said three times or more in a row, if the repeats have ``least`` words.

    In scripts without spaces it is characters, and twice as many.
    """
    if "\n" in text and "\n2" in text:
        text = _NUMBERING.sub("", text)
    every, space = words(text), " "
    if is_unspaced(text):
        every, space, least = "".join(every), "", 2 * least
    return _find(every, least, space) if least < _LEAST_FOR_LOOK or _comes_back(every) else ""


def _comes_back(every: Sequence[str]) -> bool:
    """Is anything said twice, perhaps? The first, fourth and fifth of five words tell, from every second place on.

    No loop escapes. Its words come back after two periods, an even number of words, so that even places meet even ones;
    at that distance six words in a row are the same when 12 are at the distance of one, and five of them begin at an
    even place.
    """
    threes = set(zip(every[::2], every[3::2], every[4::2], strict=False))
    return len(threes) < (len(every) - 3) // 2


def _find(every: Sequence[str], least: int, space: str) -> str:
    """The block, joined again and cut to 80 characters."""
    grams = list(zip(*(every[start:] for start in range(_GRAM)), strict=False))
    if len(grams) - len(set(grams)) + _GRAM <= least:
        return ""
    seen: dict[tuple[str, ...], int] = {}
    run = period = 0
    for place, gram in enumerate(grams):
        distance = place - seen.get(gram, place)
        run = run + 1 if distance and distance == period else 1
        period = distance
        seen[gram] = place
        if period and run + _GRAM - 1 >= max(least, 2 * period):
            block = space.join(every[place - period + 1 : place + 1])
            if _SAYS_SOMETHING.search(block):
                return block[:80]
            run = 0
    return ""
