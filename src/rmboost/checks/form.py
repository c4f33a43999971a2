"""Texts that no reader would take for a finished answer: empty, garbled, with torn markup, or stuck in a loop."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import PositiveInt

from rmboost.checks import Check, code
from rmboost.client import Ask
from rmboost.records import Drop, Pair, Response

_SOMETHING = re.compile(r"[^\s.…\-–—_*#`~]")
_GARBLED = re.compile(r"[\ufffd\ud800-\udfff\x00-\x08\x0b\x0e-\x1f]")
_TAG = re.compile(
    r"</?(?:response|aspects?|plan|think|thinking|answer|prompt|instructions?)>"
    r"|<\|[\w▁]{2,40}\|>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</s>\s*\Z"
    r"|^### (?:Instruction|Response|Input|Human|Assistant|User):",
    re.IGNORECASE | re.MULTILINE,
)
_TAG_STARTS = ("<", "[", "###")
_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})([^`\n]*)$", re.MULTILINE)
_NUMBERING = re.compile(r"^[ \t]*\d+[.)] ", re.MULTILINE)
_SAYS_SOMETHING = re.compile(r"[^\W\d_]|[\u2600-\u27bf\U0001f000-\U0001faff]")
"""A letter or an emoji: rules, tables and zeros go on and on and are no loops."""
_GRAM = 4
"""Words that are looked at together: shorter ones come back by themselves in any text."""


class Form(Check):
    """Drops what is empty, garbled, holds stray tags or an open code fence, or repeats itself.

    min_loop: a block of words that follows on itself at least twice is a loop when the repeats have this many words
    (twice as many characters, in scripts without spaces).
    """

    min_loop: PositiveInt = 12

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        for response in (pair.first, pair.second):
            if drop := self._flaw(response, pair):
                return drop
        return pair

    def _flaw(self, response: Response, pair: Pair) -> Drop | None:
        text = response.text
        if not _SOMETHING.search(text):
            return Drop("empty", f"nothing but {text.strip()!r}" if text.strip() else "no text", response.call)
        if (found := _GARBLED.search(text)) and found[0] not in pair.prompt.text:
            return Drop("garbled", f"{found[0]!r} at character {found.start()}", response.call)
        if tag := _stray_tag(text, pair):
            return Drop("stray-tags", f"{tag} in the text", response.call)
        if _has_open_fence(text):
            return Drop("unbalanced-fence", "a code fence is opened and not closed", response.call)
        if loop := _loop(text, self.min_loop):
            return Drop("repetition", f"says {loop!r} over and over", response.call)
        return None


def _stray_tag(text: str, pair: Pair) -> str:
    """A tag of a template or chat format that is not in code and not what the prompt is about."""
    if not any(start in text for start in _TAG_STARTS) or not _TAG.search(text):
        return ""
    found = _TAG.search(code.without(text))
    return found[0].strip() if found and found[0].strip().lower() not in pair.prompt.text.lower() else ""


def _has_open_fence(text: str) -> bool:
    """A fence with a language opens a block, also inside another; a bare one closes the last that is open."""
    depth = 0
    if "```" in text or "~~~" in text:
        for fence in _FENCE.finditer(text):
            opens = bool(fence[1].strip()) or depth == 0
            depth += 1 if opens else -1
    return depth > 0


def _loop(text: str, least: int) -> str:
    """The block of words that is said three times or more in a row, if the repeats have ``least`` words."""
    if "\n2" in text:
        text = _NUMBERING.sub("", text)
    words: Sequence[str] = text.split()
    spaced = len(text) < 12 * len(words)
    if not spaced:
        words, least = "".join(words), 2 * least
    grams = list(zip(*(words[start:] for start in range(_GRAM)), strict=False))
    if len(grams) - len(set(grams)) + _GRAM <= least:
        return ""
    seen: dict[tuple[str, ...], int] = {}
    run = period = 0
    for place, gram in enumerate(grams):
        distance = place - seen.get(gram, place)
        run = run + 1 if distance and distance == period else 1
        period = distance
        seen[gram] = place
        if period and run + _GRAM - 1 >= max(least, 2 * period):
            block = (" " if spaced else "").join(words[place - period + 1 : place + 1])
            if _SAYS_SOMETHING.search(block):
                return block[:80]
            run = 0
    return ""
