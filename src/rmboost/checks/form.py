"""Texts that no reader would take for a finished answer: empty, garbled, cut off, with torn markup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count

from pydantic import PositiveInt

from rmboost.ask import Ask
from rmboost.checks import Check, code
from rmboost.checks.ending import broken_off
from rmboost.checks.loops import loop
from rmboost.checks.phrases import asks, hashes
from rmboost.records import Drop, Pair, Response
from rmboost.texts import words

_SOMETHING = re.compile(r"[^\s.…\-–—_*#`~]")
_GARBLED = re.compile(r"[\ufffd\ud800-\udfff\x00-\x08\x0b\x0e-\x1f]")
_CONTROLS = bytes([*range(0x09), 0x0B, *range(0x0E, 0x20)])
_TAG = re.compile(
    r"(?:</|^[ \t]*<)(?:response|aspects?|plan|answer|prompt|instructions?)>"
    r"|(?:</|^[ \t]*<)(?:think(?:ing)?|thought|reasoning|seed:think|tool_call)>"
    r"|<\|[\w▁]{2,40}\|>|<(?:start|end)_of_turn>|\[/?(?:INST|THINK)\]|<</?SYS>>|</s>\s*\Z"
    r"|^### (?:Instruction|Response|Input|Human|Assistant|User):",
    re.IGNORECASE | re.MULTILINE,
)
_TAG_STARTS = ("<", "[", "#")
_FENCE = re.compile(r"^[ \t>]*(`|~)\1{2,}([^`~\n]*)$", re.MULTILINE)
_BLOCK = re.compile(r"^[ \t>]*(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^[ \t>]*\1[ \t]*$|\Z)|^[ \t]*\|.*$", re.MULTILINE)
"""A fenced block, or a row of a table: equal lines and equal cells are no loop there."""
_ALPHABETS = "\u2e80"
"""From here on there are scripts without spaces between words, and emoji."""
_MANY = 20
"""Words of a response beside which a single one is no answer."""


class Form(Check):
    """Drops what is empty, garbled, cut off, holds stray tags or an open code fence, or repeats itself.

    A single word is dropped when the other response has many and the prompt asks for no word. min_loop: a block of
    words that follows on itself at least twice is a loop when the repeats have this many words (twice as many
    characters, in scripts without spaces).
    """

    min_loop: PositiveInt = 12

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        for response, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if drop := self._flaw(response, pair) or _one_word(response, other, pair):
                return drop
        return pair

    def data(self) -> Mapping[str, str]:
        return hashes()

    def _flaw(self, response: Response, pair: Pair) -> Drop | None:
        text = response.text
        if not _SOMETHING.search(text):
            return Drop("empty", f"nothing but {text.strip()!r}" if text.strip() else "no text", response.call)
        if (found := _garbled(text)) and found[0] not in pair.prompt.text:
            return Drop("garbled", f"{found[0]!r} at character {found.start()}", response.call)
        if tag := _stray_tag(text, pair):
            return Drop("stray-tags", f"{tag} in the text", response.call)
        if _has_open_fence(text):
            return Drop("unbalanced-fence", "a code fence is opened and not closed", response.call)
        if loop(text, self.min_loop) and (block := loop(_prose(text), self.min_loop)):
            return Drop("repetition", f"says {block!r} over and over", response.call)
        if end := broken_off(text):
            return Drop("cut-off", f"ends with {end!r}", response.call)
        return None


def _garbled(text: str) -> re.Match[str] | None:
    """A character that stands for what could not be read, or that nobody types. The bytes are looked at first."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:  # half a pair of surrogates
        return _GARBLED.search(text)
    if len(raw.translate(None, _CONTROLS)) == len(raw) and "\ufffd" not in text:
        return None
    return _GARBLED.search(text)


def _stray_tag(text: str, pair: Pair) -> str:
    """A tag of a template or chat format that is not in code and not what the prompt is about."""
    if not any(start in text for start in _TAG_STARTS) or not _TAG.search(text):
        return ""
    found = _TAG.search(code.without(text))
    return found[0].strip() if found and found[0].strip().lower() not in pair.prompt.text.lower() else ""


def _has_open_fence(text: str) -> bool:
    """A fence with a language opens a block, also inside another; a bare one closes the last that is open.

    Within a block of backticks tildes are text, such as marks under an error, and the other way about.
    """
    depth, sign = 0, ""
    if "`" in text or "~" in text:
        for fence in _FENCE.finditer(text):
            sign = sign if depth else fence[1]
            if fence[1] == sign:
                opens = bool(fence[2].strip()) or depth == 0
                depth += 1 if opens else -1
    return depth > 0


def _prose(text: str) -> str:
    """The text with a number for each block of code and row of a table; with none, what stands between would loop."""
    numbers = count()
    return _BLOCK.sub(lambda _: f"[{next(numbers)}]", text)


def _one_word(response: Response, other: Response, pair: Pair) -> Drop | None:
    """A single word beside an answer of many, though the prompt asks for more than a word."""
    one, many = len(words(response.text)) == 1, len(words(other.text)) >= _MANY
    if not (one and many) or "://" in response.text or max(response.text) > _ALPHABETS:  # a link, or no words at all
        return None
    if asks("asks_for_word", pair.prompt):
        return None
    return Drop("one-word", f"{response.text.strip()!r} beside {len(words(other.text))} words", response.call)
