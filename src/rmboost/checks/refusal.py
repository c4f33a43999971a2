"""Answers that decline to answer. A pair with one of them teaches to refuse or not to, whatever its label says."""

from __future__ import annotations

from rmboost.checks import Check
from rmboost.checks.phrases import asks_for, found, plain
from rmboost.client import Ask
from rmboost.records import Drop, Pair, Prompt

_OPENING = 160
"""Characters in which a refusal shows: further on, `I can't` is mostly part of the answer."""
_QUOTES = ('"', "“", "„", "«", ">")


class Refusal(Check):
    """Drops a pair with a response that refuses, in the assistant's own voice and at its beginning.

    keep_both: keep a pair whose responses both refuse, for data about how to refuse well.
    """

    keep_both: bool = False

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        words = {r.call: bit for r in (pair.first, pair.second) if (bit := _refusal(r.text, pair.prompt))}
        if not words or (len(words) == 2 and self.keep_both):
            return pair
        call, bit = min(words.items())
        return Drop(
            "refusal", f"{'both responses refuse' if len(words) == 2 else 'one response refuses'}: {bit!r}", call
        )


def _refusal(text: str, prompt: Prompt) -> str:
    """The words of refusal at the beginning of a text, if any."""
    opening = plain(text.lstrip(" \t\r\n*_")[:_OPENING])
    if opening.startswith(_QUOTES):
        return ""
    if bit := next(found("refusal", opening), ""):
        return bit
    bit = next(found("apology", opening), "")
    return "" if bit and asks_for("voice", prompt) else bit
