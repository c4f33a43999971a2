"""Pairs whose responses are in different languages: a switch is a slip of the model, and the plainest shortcut."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from pydantic import Field, PositiveInt

from rmboost import resources
from rmboost.checks import Check, code
from rmboost.checks.phrases import asks
from rmboost.checks.texts import vocabulary
from rmboost.client import Ask
from rmboost.records import Drop, Pair

_LETTER = re.compile(r"[^\W\d_]")
_MOST = 400
"""Letters that are looked at for their script."""
_PLENTY = 6
"""Words of a language that no text of another language has."""
_JAPANESE = {"HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"}


class Language(Check):
    """Drops a pair whose second response is in another script or language than the first.

    min_share: how much of their letters must be in the same scripts; names and quotations in another script are no
    switch. A language is told by its commonest words (``configs/languages.yaml``);
    ``min_words`` different ones must be there, else it is unknown and the pair is kept.
    """

    min_share: float = Field(default=0.3, gt=0, le=1)
    min_words: PositiveInt = 4

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        first, second = (code.without(r.text) if "`" in r.text else r.text for r in (pair.first, pair.second))
        switch = self._script_switch(first, second) or self._language_switch(first, second)
        if switch and not asks("asks_for_language", pair.prompt):
            return Drop("language", switch, pair.second.call)
        return pair

    def data(self) -> Mapping[str, str]:
        return {"languages": hashlib.sha256(_table().read_bytes()).hexdigest()[:12]}

    def _script_switch(self, first: str, second: str) -> str:
        """What is written in a script that the other response has no letter of."""
        if not _has_foreign_letters(first) and not _has_foreign_letters(second):
            return ""
        shares = _scripts(first), _scripts(second)
        if not all(shares):  # numbers and signs
            return ""
        if sum(min(share, shares[1].get(script, 0)) for script, share in shares[0].items()) >= self.min_share:
            return ""
        first_main, second_main = (max(share, key=share.__getitem__).lower() for share in shares)
        return f"the first response is in {first_main} letters, the second in {second_main} letters"

    def _language_switch(self, first: str, second: str) -> str:
        texts = vocabulary(first), vocabulary(second)
        for common in _languages().values():
            if all(len(common & text) >= _PLENTY for text in texts):  # as in most pairs
                return ""
        named = [_language(text, self.min_words) for text in texts]
        if not all(named) or named[0] == named[1]:
            return ""
        seen = [sorted(_languages()[name] & text)[:4] for name, text in zip(named, texts, strict=True)]
        said = [f"{name} ({', '.join(words)})" for name, words in zip(named, seen, strict=True)]
        return f"the first response is in {said[0]}, the second in {said[1]}"


def _language(words: frozenset[str], least: int) -> str:
    """The code of the language that the text has the most words of, or nothing when that is not clear."""
    hits = sorted(((len(common & words), name) for name, common in _languages().items()), reverse=True)
    (most, name), (next_most, _) = hits[:2]
    return name if most >= least and most >= 1.5 * next_most else ""


def _has_foreign_letters(text: str) -> bool:
    """Might it have a word in another script than Latin? Quotes and dashes are no letters, but few."""
    return not text.isascii() and len(text) - len(text.encode("latin-1", "ignore")) > 3


@lru_cache(4)
def _scripts(text: str) -> Mapping[str, float]:
    """The share of each script among the letters, spread over the text; Chinese among Japanese is Japanese."""
    letters = _LETTER.findall(text)
    counts = Counter(_script(letter) for letter in letters[:: len(letters) // _MOST + 1])
    if kana := sum(counts.pop(name, 0) for name in _JAPANESE):
        counts["JAPANESE"] = kana + counts.pop("CJK", 0)
    total = sum(counts.values())
    return {script: count / total for script, count in counts.items()}


@lru_cache(4096)
def _script(letter: str) -> str:
    """``LATIN``, ``CYRILLIC``, ``CJK``, …: the first word of a letter's name."""
    return unicodedata.name(letter, "UNNAMED").split(" ", 1)[0]


@cache
def _languages() -> Mapping[str, frozenset[str]]:
    return {name: frozenset(words.split()) for name, words in resources.read_yaml(_table()).items()}


def _table() -> Path:
    return resources.folder("configs") / "languages.yaml"
