"""Pairs whose responses say the same: there is nothing to prefer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field
from rapidfuzz.distance import Indel

from rmboost.ask import Ask
from rmboost.checks import Check, code
from rmboost.records import Drop, Pair
from rmboost.texts import is_unspaced, words

_LIMIT = 20_000
"""Words (characters, in scripts without spaces) that are compared: time grows with the square of it."""
_NUMBER = re.compile(r"(?:(?<![\w)])[-−])?\d(?:[\d.,:/]*\d)?")
_NUMBERING = re.compile(r"^[ \t]*\d+[.)] ", re.MULTILINE)
_SIGNS = str.maketrans(
    dict.fromkeys(
        " \t\r\n\v\f\u00a0\u3000\u200b\u200c\u200d\ufeff"
        ".,;:!?'\"“”„‘’«»()…-–—_*#`~|¿¡。，、；：！？「」『』（）【】《》·।॥،؛؟"
    )
)
_PART_OF_NAME = re.compile(r"(?<=\b[a-z])(?:#|['’]+(?=\())")
"""A sign that is no punctuation: C#, f'(x)."""
_BEFORE_CAPITALS = (".", "!", "?", ":", "…", "-", "–", "*", "•", "#", "|", "`", '"', "“", "\n")
"""Ends of words after which a capital letter is no sign of a name."""
_NEGATIONS = frozenset((
    "not", "no", "never", "none", "nothing", "nobody", "neither", "nor", "without", "cannot", "hardly", "rarely",
    "nicht", "kein", "keine", "keinen", "nie", "ohne", "ne", "pas", "jamais", "sans", "sin", "nunca", "não",
    "不", "没", "沒", "无", "無", "非",
))  # fmt: skip


_LONG = 40
"""Words from which on an edit that keeps few of them is another text: short answers may change altogether."""


class Similarity(Check):
    """Drops identical pairs, near-copies, and edits that keep nothing; adds ``similarity``, the share of words both
    have in the same order.

    A pair above ``max_similarity`` is kept when the few words that differ can be the whole point: code (one index
    makes a bug), a number, a negation, or a name. A difference in case, spaces or punctuation alone never is one.
    min_similarity: below it an edit was written from scratch. It holds where the second response is an edit of the
    first (style ``plan``) and both are long; fresh answers share little, and rightly.
    """

    max_similarity: float = Field(default=0.92, gt=0, le=1)
    min_similarity: float = Field(default=0.1, ge=0, le=1)

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        first, second = (unicodedata.normalize("NFC", response.text.strip()) for response in (pair.first, pair.second))
        if first == second:
            return Drop("identical", "the second response is the first", pair.second.call)
        texts = _words(first, second)
        similarity = round(Indel.normalized_similarity(*texts), 3)
        if fault := self._fault(first, second, texts, similarity):
            return Drop("near-copy", fault, pair.second.call)
        if pair.plan and similarity < self.min_similarity and min(map(len, texts)) >= _LONG:
            fault = f"similarity {similarity:.3f} is under {self.min_similarity:g}: little is left of the first"
            return Drop("rewritten", fault, pair.second.call)
        return replace(pair, evidence={**pair.evidence, "similarity": similarity})

    def _fault(self, first: str, second: str, words: list[Sequence[str]], similarity: float) -> str:
        """What makes it a near-copy, if it is one."""
        if _say_the_same(first, second):
            return "" if _differ_in_code(first, second) else "only case, spaces or punctuation differ"
        if similarity <= self.max_similarity or _differ_in_code(first, second) or _differ_in_substance(*words):
            return ""
        return f"similarity {similarity:.3f} is over {self.max_similarity:g}"


def _words(*texts: str) -> list[Sequence[str]]:
    """The words of each text; its characters, when one of them is written without spaces."""
    if any(is_unspaced(text) for text in texts):
        return [text[:_LIMIT] for text in texts]
    return [words(text)[:_LIMIT] for text in texts]


def _say_the_same(first: str, second: str) -> bool:
    """Are they equal but for case, spaces and punctuation? In numbers punctuation counts."""
    if first[:1].isalpha() and second[:1].isalpha() and first[0].casefold() != second[0].casefold():  # as most pairs
        return False
    first, second = (_NUMBERING.sub("", text) if text[:1].isdigit() else text for text in (first, second))
    if not _bare(first[:60]).startswith(_bare(second[:40])[:20]):
        return False
    return _bare(first) == _bare(second) and _NUMBER.findall(first) == _NUMBER.findall(second)


def _bare(text: str) -> str:
    """The letters of a text, without case, spaces and punctuation."""
    text = text.casefold()
    if "#" in text or "(" in text:
        text = _PART_OF_NAME.sub(lambda found: "\0" * len(found[0]), text)
    return text.translate(_SIGNS)


def _differ_in_code(first: str, second: str) -> bool:
    return _lines(code.spans(first)) != _lines(code.spans(second))


def _lines(text: str) -> list[str]:
    return [stripped for line in text.splitlines() if (stripped := line.rstrip())]


def _differ_in_substance(first: Sequence[str], second: Sequence[str]) -> bool:
    """Is there a number, a negation or a name among the words that only one of them has?"""
    for change in Indel.opcodes(first, second):
        if change.tag != "equal" and (
            _has_substance(first, change.src_start, change.src_end)
            or _has_substance(second, change.dest_start, change.dest_end)
        ):
            return True
    return False


def _has_substance(words: Sequence[str], start: int, end: int) -> bool:
    return any(_is_telling(words[place], words[place - 1] if place else "\n") for place in range(start, end))


def _is_telling(word: str, before: str) -> bool:
    bare = word.strip(".,;:!?'\"“”()[]*_").replace("’", "'")
    if bare.lower() in _NEGATIONS or bare.endswith("n't") or any(letter.isdigit() for letter in bare):
        return True
    return bare[:1].isupper() and bare.partition("'")[0] != "I" and not before.endswith(_BEFORE_CAPITALS)
