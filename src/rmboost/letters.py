"""What words are made of besides letters and digits, in all scripts; not in texts.py, as it takes 8 ms to look up."""

from __future__ import annotations

import unicodedata

_SIGNS = range(0x20D0, 0x2100)
"""Marks on symbols, not on letters."""
MARKS = "\u200c\u200d" + "".join(
    chr(point) for point in range(0x300, 0xABF0) if unicodedata.category(chr(point))[0] == "M" and point not in _SIGNS
)
r"""For a set of a pattern: vowel signs and accents that ``\w`` does not know, and the joiners within words."""
