"""What scripts are written in, and what several checks read from one text, worked out once for all of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_RECENT = 4
"""Texts that are remembered; a pair has three."""
_WIDE = 12
"""Characters a word, on average over a text, from which on it is written without spaces."""
_ENOUGH = 80
"""Words by which a language is known."""

UNSPACED = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
"""Han, kana and their extensions, for a set of a pattern: without spaces, so that every character counts as a word."""
_ALONE = re.compile(f"[{UNSPACED}]")
_A_TOKEN_EACH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_CHARACTERS = 4
"""A token of English prose has 4.0 to 4.7 of them; in code and in other languages it has fewer."""


def tokens(text: str) -> float:
    """About how many tokens a text has: four characters each; in Chinese, Japanese and Korean, one."""
    unspaced = 0 if text.isascii() else len(_A_TOKEN_EACH.findall(text))
    return unspaced + (len(text) - unspaced) / _CHARACTERS


def count(text: str) -> int:
    """Words as people count them: between spaces; in Chinese and Japanese, characters."""
    return len((text if text.isascii() else _ALONE.sub(" x ", text)).split())


@lru_cache(_RECENT)
def plain(text: str) -> str:
    """The text as patterns see it: lower case, straight apostrophes."""
    return text.lower().replace("’", "'")


def encodable(text: str) -> str:
    """The text with a question mark for each half of a character, which nobody can write or look up."""
    return text.encode("utf-8", "replace").decode()


@lru_cache(_RECENT)
def words(text: str) -> Sequence[str]:
    """What stands between white space."""
    return text.split()


@lru_cache(_RECENT)
def vocabulary(text: str) -> frozenset[str]:
    """The different words at the beginning of a text, enough to tell its language."""
    return frozenset(words(text)[:_ENOUGH])


def is_unspaced(text: str) -> bool:
    """Is it written without spaces between words, as Chinese and Japanese are?"""
    return len(text) > _WIDE * len(words(text))


def length(text: str) -> str:
    """How long it is, as one says it to a writer: ``120 words``, ``300 characters``."""
    if is_unspaced(text):
        return f"{len(text)} characters"
    count = len(words(text))
    return f"{count} word{'' if count == 1 else 's'}"
