"""What can be counted in a text without understanding it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from math import sqrt

_SENTENCE_END = re.compile(r"[.!?…。！？।॥؟۔](?=[\"'”’」)\]*_`]*(?:\s|\Z)|(?<=[。！？।])[^。！？।])")
_LINE_MARK = re.compile(r"^[ \t]*(?:#{1,6} |[-*+] |\d{1,3}[.)] |> |\||```|~~~)", re.MULTILINE)
_INLINE_MARK = re.compile(r"\*\*[^*\n]+\*\*|`[^`\n]+`|\[[^\[\]\n]+\]\([^)\n]{1,2000}\)")


def sentences(text: str) -> int:
    """Sentences; a line that ends without a full stop, such as a heading or an item of a list, counts as one."""
    lines = (line.rstrip() for line in text.split("\n"))
    return len(_SENTENCE_END.findall(text)) + sum(_ends_in_letter(line) for line in lines)


def _ends_in_letter(line: str) -> bool:
    """Or in a digit; a vowel sign or accent is a part of its letter."""
    return line[-1:].isalnum() or (bool(line) and unicodedata.category(line[-1])[0] == "M")


def markdown(text: str) -> int:
    """Marks of markdown: headings, items, quotes, rows of tables, fences, bold stretches, code, links."""
    marks = len(_LINE_MARK.findall(text))
    return marks + (len(_INLINE_MARK.findall(text)) if any(sign in text for sign in "*`[") else 0)


def likeness(prompt: Collection[str], response: Collection[str]) -> float:
    """How much two sets of words have in common: the cosine between them, 0 to 1."""
    if not prompt or not response:
        return 0.0
    return len(set(prompt) & set(response)) / sqrt(len(prompt) * len(response))
