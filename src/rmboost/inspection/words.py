"""What differs between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Literal, NamedTuple

from rmboost.texts import UNSPACED

Mark = Literal["same", "differs", "omitted"]

_POINTS = r"!-/:-@\[-\^`{-~\u00a1-\u00bf\u2010-\u2027\u2030-\u205e\u3000-\u303f\uff00-\uff0f\uff1a-\uff20"
_LETTERS = rf"[^\s{_POINTS}{UNSPACED}]+"
_WORD = re.compile(
    rf"[{UNSPACED}]|{_LETTERS}(?:(?:['’]|(?<=\d)[.,](?=\d)){_LETTERS})*|[{_POINTS}]",
)
_ENDS = frozenset(".!?…。！？")
_LITTLE = 0.25
_TOO_MUCH = 400_000_000  # words × words; the table behind a comparison takes an eighth of that in bytes


class Part(NamedTuple):
    """A stretch of a text; a text is the parts put together. ``omitted``: left out of an excerpt."""

    text: str
    mark: Mark = "same"


class Block(NamedTuple):
    """``size`` words that are the same in both texts, from word ``left`` of one and ``right`` of the other."""

    left: int
    right: int
    size: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both texts in parts. ``shared``: the share, 0 to 1, of the shorter one's words that are in both."""

    left: tuple[Part, ...]
    right: tuple[Part, ...]
    shared: float

    @property
    def little_in_common(self) -> bool:
        """Whether marking would mark nearly everything."""
        return self.shared < _LITTLE


def compare(left: str, right: str) -> Comparison:
    """The words of each text that the other one does not have at that place.

    Short stretches that are the same by chance, between longer ones that differ, count as different, as a
    reader takes them. Changed spaces and line breaks between the same words are differences, too.
    """
    a, b = _Words(left), _Words(right)
    blocks = _whole_sentences(_readable(_matching(a.words, b.words), a.words, b.words), a, b)
    shorter = min(len(a.words), len(b.words))
    shared = sum(block.size for block in blocks) / shorter if shorter else float(left == right)
    matches = {block.left + i: block.right + i for block in blocks for i in range(block.size)}
    back = {right: left for left, right in matches.items()}
    return Comparison(a.parts(matches, b), b.parts(back, a), shared)


class _Words:
    """A text as words, and the space before each and after the last: ``gaps`` is one longer than ``words``."""

    def __init__(self, text: str) -> None:
        found = list(_WORD.finditer(text))
        ends = [0, *(match.end() for match in found)]
        starts = [*(match.start() for match in found), len(text)]
        self.words = [match.group() for match in found]
        self.gaps = [text[end:start] for end, start in zip(ends, starts, strict=True)]

    def begins(self, i: int) -> int:
        """2 where a line begins with word ``i``, 1 where a sentence does, else 0."""
        if i == 0 or "\n" in self.gaps[i]:
            return 2
        return int(self.words[i - 1] in _ENDS)

    def parts(self, matches: dict[int, int], other: _Words) -> tuple[Part, ...]:
        """The text with the words that have no match marked."""
        pieces = (piece for piece in self._pieces(matches, other) if piece.text)
        grouped = groupby(pieces, key=lambda piece: piece.mark)
        return tuple(Part("".join(piece.text for piece in group), mark) for mark, group in grouped)

    def _pieces(self, matches: dict[int, int], other: _Words) -> Iterator[Part]:
        # The two ends of a text are taken for words that match, so that spaces there are compared as well.
        ends = {-1: -1, len(self.words): len(other.words)}
        for i, gap in enumerate(self.gaps):
            before, after = (matches.get(k, ends.get(k)) for k in (i - 1, i))
            alone = before is None and after is None
            moved = before is not None and after == before + 1 and gap != other.gaps[after]
            yield Part(gap, "differs" if alone or moved else "same")
            if i < len(self.words):
                yield Part(self.words[i], "same" if i in matches else "differs")


def _matching(a: Sequence[str], b: Sequence[str]) -> list[Block]:
    """The longest common subsequence, in blocks."""
    from rapidfuzz.distance import LCSseq

    head = _same_length(a, b)
    tail = _same_length(a[head:][::-1], b[head:][::-1])
    middle_a, middle_b = a[head : len(a) - tail], b[head : len(b) - tail]
    blocks = [Block(0, 0, head)]
    if len(middle_a) * len(middle_b) <= _TOO_MUCH:
        found = LCSseq.editops(middle_a, middle_b).as_matching_blocks()
        blocks += [Block(block.a + head, block.b + head, block.size) for block in found]
    blocks.append(Block(len(a) - tail, len(b) - tail, tail))
    return [block for block in blocks if block.size]


def _same_length(a: Sequence[str], b: Sequence[str]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _readable(blocks: Sequence[Block], a: Sequence[str], b: Sequence[str]) -> list[Block]:
    """The blocks without the short ones that lie between longer changes."""
    kept: list[Block] = []
    last = Block(0, 0, 0)
    for block, following in pairwise([*blocks, Block(len(a), len(b), 0)]):
        size = _length(a[block.left : block.left + block.size])
        less, more = sorted((_change(last, block, a, b), _change(block, following, a, b)))
        by_chance = 2 * size <= less or (less and 8 * size <= more)
        if block.size > 4 or not by_chance:
            kept.append(block)
            last = block
    return kept


def _change(one: Block, two: Block, a: Sequence[str], b: Sequence[str]) -> int:
    """Characters of the longer side of the change between two blocks."""
    removed, added = a[one.left + one.size : two.left], b[one.right + one.size : two.right]
    return max(_length(removed), _length(added))


def _length(words: Sequence[str]) -> int:
    return sum(map(len, words))


def _whole_sentences(blocks: Sequence[Block], a: _Words, b: _Words) -> list[Block]:
    """The blocks, with what only one text has moved to begin where a line or a sentence does, if it can.

    Of "x. y." and "x." the new words are "y." as well as ". y": a reader means the former.
    """
    moved = list(blocks[:1])
    for block in blocks[1:]:
        before = moved.pop()
        shift = 0
        if before.right + before.size == block.right:
            shift = _shift(before.left + before.size, block.left, before.size, block.size, a)
        elif before.left + before.size == block.left:
            shift = _shift(before.right + before.size, block.right, before.size, block.size, b)
        moved.append(before._replace(size=before.size + shift))
        moved.append(Block(block.left + shift, block.right + shift, block.size - shift))
    return [block for block in moved if block.size]


def _shift(start: int, end: int, left: int, right: int, text: _Words) -> int:
    """How far the words ``start`` to ``end`` are moved, by at most ``left`` back or ``right`` on."""
    words = text.words
    on = next((k for k in range(right) if words[start + k] != words[end + k]), right)
    back = next((k for k in range(left) if words[start - 1 - k] != words[end - 1 - k]), left)
    return max(range(-back, on + 1), key=lambda k: (text.begins(start + k), k == 0, -abs(k)))
