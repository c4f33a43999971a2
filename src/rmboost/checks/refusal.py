"""Answers that decline to answer. A pair with one of them teaches to refuse or not to, whatever its label says."""

from __future__ import annotations

from collections.abc import Mapping

from rmboost.ask import Ask
from rmboost.checks import Check
from rmboost.checks.phrases import asks, hashes, read
from rmboost.records import Drop, Pair, Prompt

_OPENING = slice(160)
"""Characters in which a refusal shows: further on, `I can't` is mostly part of the answer."""
_QUOTES = ('"', "'", "“", "„", "«", ">")


class Refusal(Check):
    """Drops a pair with a response that refuses, in the assistant's own voice and at its beginning.

    So it does when only one response speaks of the assistant's own limits (`as an AI`), wherever that stands.
    keep_both: keep a pair whose responses both refuse, for data about how to refuse well.
    """

    keep_both: bool = False

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        refusals = {r.call: bit for r in (pair.first, pair.second) if (bit := _refusal(r.text, pair.prompt))}
        if len(refusals) == 2:
            call, bit = min(refusals.items())
            return pair if self.keep_both else Drop("refusal", f"both responses refuse: {bit!r}", call)
        for call, bit in refusals.items():
            return Drop("refusal", f"one response refuses: {bit!r}", call)
        hedges = {r.call: bit for r in (pair.first, pair.second) if (bit := _hedge(r.text, pair.prompt))}
        for call, bit in hedges.items() if len(hedges) == 1 else ():
            return Drop("hedge", f"one response speaks of the assistant's limits: {bit!r}", call)
        return pair

    def data(self) -> Mapping[str, str]:
        return hashes()


def _refusal(text: str, prompt: Prompt) -> str:
    """The words of refusal at the beginning of a text, if any."""
    said = read(text)
    bits = said.find("refusal", _OPENING) or _in_own_voice(said.find("apology", _OPENING), prompt)
    return bits[0] if bits and not text.lstrip(" \t\r\n*_").startswith(_QUOTES) else ""


def _hedge(text: str, prompt: Prompt) -> str:
    """The words by which an assistant speaks of its own limits, anywhere in a text, if any."""
    bits = _in_own_voice(read(text).find("hedge"), prompt)
    return bits[0] if bits else ""


def _in_own_voice(bits: list[str], prompt: Prompt) -> list[str]:
    """What is found, unless the prompt asks for words of somebody else."""
    return [] if bits and asks("asks_for_voice", prompt) else bits
