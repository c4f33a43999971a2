"""The form of a response in figures: length, sentences, markup, and how many of the prompt's words it repeats."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import log

import numpy as np
from numpy.typing import NDArray

from rmboost.letters import MARKS
from rmboost.rewards import Answer
from rmboost.texts import UNSPACED, count

WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+(?:[{MARKS}][^\W{UNSPACED}]*)*")
"""A run of letters and digits with the marks on them; in Chinese and Japanese, a character."""
_SENTENCE = re.compile(r"(?<![.!?。！？])[.!?。！？]+(?=\s|$)|\n+")
_ITEM = re.compile(r"^[^\S\n]*(?:[-*+•]|\d+[.)])\s", re.MULTILINE)
_HEADING = re.compile(r"^[^\S\n]*#{1,6}\s", re.MULTILINE)
_I = re.compile(r"\b(?:I|I'm|I’m|my|me)\b")
_ENDS = tuple(".!?…。！？)\"”'’`*")


@dataclass(frozen=True)
class _Text:
    """One response, counted once."""

    prompt: str
    text: str

    @cached_property
    def words(self) -> list[str]:
        return WORD.findall(self.text.lower())

    @cached_property
    def asked(self) -> list[str]:
        return WORD.findall(self.prompt.lower())

    @cached_property
    def sentences(self) -> int:
        return 1 + len(_SENTENCE.findall(self.text.strip().rstrip(".!?。！？")))

    def per_word(self, marks: str) -> float:
        """How many of these characters there are to a word."""
        return sum(map(self.text.count, marks)) / max(1, len(self.words))

    def share(self, wanted: Callable[[str], bool]) -> float:
        """The share of the characters that are so."""
        return sum(map(wanted, self.text)) / max(1, len(self.text))


FEATURES: dict[str, tuple[float, Callable[[_Text], float]]] = {
    "words, log": (0.5, lambda t: log(1 + count(t.text))),
    "sentences, log": (0.5, lambda t: log(t.sentences)),
    "words to a sentence, log": (0.5, lambda t: log(1 + len(t.words) / t.sentences)),
    "characters to a word": (0.5, lambda t: sum(map(len, t.words)) / max(1, len(t.words))),
    "lines, log": (0.5, lambda t: log(1 + t.text.strip().count("\n"))),
    "list items, log": (0.5, lambda t: log(1 + len(_ITEM.findall(t.text)))),
    "has headings": (0.5, lambda t: bool(_HEADING.search(t.text))),
    "has bold words": (0.5, lambda t: "**" in t.text),
    "has code": (0.5, lambda t: "```" in t.text),
    "asks a question": (0.5, lambda t: "?" in t.text or "？" in t.text),
    "exclaims": (0.5, lambda t: "!" in t.text or "！" in t.text),
    "says I": (0.5, lambda t: bool(_I.search(t.text))),
    "ends as a sentence does": (0.5, lambda t: t.text.rstrip().endswith(_ENDS)),
    "commas to a word": (0.05, lambda t: t.per_word(",;，、")),
    "brackets and quotes to a word": (0.05, lambda t: t.per_word('(["“')),
    "digits, share": (0.02, lambda t: t.share(str.isdigit)),
    "capitals, share": (0.02, lambda t: t.share(str.isupper)),
    "different words, share": (0.1, lambda t: len({*t.words}) / max(1, len(t.words))),
    "words from the prompt, share": (0.1, lambda t: _covered(t.words, t.asked)),
    "pairs of words from the prompt, share": (0.1, lambda t: _covered(_pairs(t.words), _pairs(t.asked))),
    "words of the prompt taken up, share": (0.1, lambda t: _covered(t.asked, t.words)),
}
"""Each with its unit, about what two responses to one prompt differ by: one penalty then suits all of them."""


def measure(answers: Sequence[Answer]) -> NDArray[np.float64]:
    """A row for each answer, a column for each of FEATURES, in units."""
    texts = (_Text(*answer) for answer in answers)
    rows = [[feature(text) / unit for unit, feature in FEATURES.values()] for text in texts]
    return np.array(rows, dtype=np.float64).reshape(-1, len(FEATURES))


def _covered(words: Sequence[object], others: Sequence[object]) -> float:
    """The share of ``words`` that are among ``others``."""
    known = {*others}
    return sum(word in known for word in words) / max(1, len(words))


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))
