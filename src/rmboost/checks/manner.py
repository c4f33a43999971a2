"""How a response opens, closes and is set: what only one of two shows is learnt instead of what it says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

from rmboost.ask import Ask
from rmboost.checks import Check
from rmboost.checks.phrases import asks, hashes, read
from rmboost.records import Drop, Pair, Prompt

_OPENING, _CLOSING = slice(100), slice(-240, None)
"""Characters in which a preface, and an offer, show."""
_BOLD = re.compile(r"\*\*[^\s*][^*\n]*\*\*|__[^\s_][^_ \n]* [^_\n]*__")
_BLOCK = re.compile(
    r"\n(?:#{1,6} \S.*|(?:`{3}|~{3}).*|\|.*\|[ \t]*\n\|[ :|-]+\|"
    r"|[-*+] \S.*\n+[ \t]*[-*+] \S.*|1[.)] \S.*\n+2[.)] \S.*\n+3[.)] \S.*)"
)
"""Headings, fences, tables, and lists of two points or three numbers."""


class Manner(Check):
    """Finds fault with a pair of which one response alone has a preface, a closing offer, or markdown.

    Such a trait comes with who wrote a response, not with its label, and either writer is chosen half the time: so the
    pair is kept and flagged, unless ``on_fail`` says otherwise. Code in a fence is markdown, code in a line is not.
    """

    on_fail: Literal["retry", "drop", "flag"] = "flag"

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        faults = {reason: fault for reason, trait in _TRAITS.items() if (fault := _one_sided(trait, pair))}
        if faults:
            return Drop(next(iter(faults)), "; ".join(faults.values()), pair.second.call)
        return pair

    def data(self) -> Mapping[str, str]:
        return hashes()


def _one_sided(trait: Trait, pair: Pair) -> str:
    """What only one of the responses has of a trait."""
    first, second = trait(pair.first.text, pair.prompt), trait(pair.second.text, pair.prompt)
    if bool(first) == bool(second):
        return ""
    return f"only the {'first' if first else 'second'} response has {(first or second)[:60]!r}"


def _preface(text: str, prompt: Prompt) -> str:
    """Words before the answer, such as `Sure!` or `Here are three reasons:`; after a yes-or-no question, an answer."""
    bits = read(text).find("preface", _OPENING)
    return bits[0] if bits and not asks("asks_yes_or_no", prompt) else ""


def _offer(text: str, prompt: Prompt) -> str:
    """Words after the answer, such as `Let me know if …`; in a letter they are the letter's."""
    bits = read(text).find("offer", _CLOSING)
    return bits[0] if bits and not asks("asks_for_voice", prompt) else ""


def _markdown(text: str, prompt: Prompt) -> str:  # noqa: ARG001 - as the other traits
    found = _BOLD.search(text) if "*" in text or "_" in text else None
    found = found or _BLOCK.search(f"\n{text}")
    return found[0].strip() if found else ""


Trait = Callable[[str, Prompt], str]
_TRAITS: dict[str, Trait] = {"preface": _preface, "closing-offer": _offer, "markdown": _markdown}
