"""What several checks read from the same text, worked out once: they look at a pair one right after the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_RECENT = 4
"""Texts that are remembered; a pair has three."""
_WIDE = 12
"""Characters a word, on average over a text, from which on it is written without spaces."""
_ENOUGH = 80
"""Words by which a language is known."""


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
    return f"{len(text)} characters" if is_unspaced(text) else f"{len(words(text))} words"
