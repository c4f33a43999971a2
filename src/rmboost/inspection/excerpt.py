"""Long texts cut to what fits a screen: long stretches without a difference first, then the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from rmboost.inspection.words import Part

_LINE = 40  # what a line break costs, in characters: a screen is filled by lines as well
_CONTEXT = 200


def excerpt(parts: Sequence[Part], room: int) -> tuple[Part, ...]:
    """The parts, with some marked ``omitted`` where the text takes more than ``room`` characters.

    What is the same on both sides, far from a difference, goes first. Put together, the parts are still the text.
    """
    if sum(map(_cost, parts)) <= room:
        return tuple(parts)
    if len(parts) > 1:
        parts = [piece for part in parts for piece in _folded(part)]
    return tuple(part for part in _cut(parts, room) if part.text)


def _folded(part: Part) -> Iterator[Part]:
    head, tail = _head(part.text, _CONTEXT), _head(part.text[::-1], _CONTEXT)
    if part.mark != "same" or len(part.text) - head - tail < _CONTEXT:
        yield part
        return
    yield Part(part.text[:head])
    yield Part(part.text[head : len(part.text) - tail], "omitted")
    yield Part(part.text[len(part.text) - tail :])


def _cut(parts: Sequence[Part], room: int) -> Iterator[Part]:
    for i, part in enumerate(parts):
        cost = 0 if part.mark == "omitted" else _cost(part)
        if cost > room:
            end = _head(part.text, room)
            yield Part(part.text[:end], part.mark)
            yield Part(part.text[end:] + "".join(later.text for later in parts[i + 1 :]), "omitted")
            return
        room -= cost
        yield part


def _cost(part: Part) -> int:
    return len(part.text) + _LINE * part.text.count("\n")


def _head(text: str, room: int) -> int:
    """Where to cut ``text`` so that its beginning fits: at a space, if one is near."""
    costs = accumulate(1 + _LINE * (character == "\n") for character in text[:room])
    end = sum(cost <= room for cost in costs)
    if end == len(text):
        return end
    space = max(text.rfind(gap, max(end - 40, 0), end) for gap in " \n")
    return space if space > 0 else end
