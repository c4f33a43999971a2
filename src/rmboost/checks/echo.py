"""The prompt, said again instead of answered."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field, PositiveInt
from rapidfuzz import fuzz

from rmboost.ask import Ask
from rmboost.checks import Check, code
from rmboost.records import Drop, Pair
from rmboost.texts import plain

_END = 20
"""Characters at the head and the tail of a prompt by which a copy of it is found."""
_SIGNS = ".,;:?!\"'“”()。，；：？！"
_NO_SIGNS = str.maketrans("", "", _SIGNS)


class Echo(Check):
    """Drops a response that is the prompt, or holds all of it.

    A rewriting or translating answer shares most of its words with the prompt, but not the instruction, which stands
    at its head or tail; so a copy is one that has both ends. Answers that quote a passage are left alone.

    min_prompt: shorter prompts (characters) may be repeated inside an answer. min_share: how much of the prompt a
    copy has, from 0 to 1.
    """

    min_prompt: PositiveInt = 40
    min_share: float = Field(default=0.9, ge=0, le=1)

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        prompt = pair.prompt.messages[-1]["content"]
        for response in (pair.first, pair.second):
            if share := self._copied(prompt, response.text):
                if code.spans(prompt) == prompt:  # code that is to be completed
                    return pair
                return Drop("echo", f"{share:.0%} of the prompt is in the response", response.call)
        return pair

    def _copied(self, prompt: str, response: str) -> float:
        """The share of the prompt that the response repeats in one piece, or 0 when it is no echo."""
        if len(response) < len(prompt) / 2 or not all(map(plain(response).__contains__, _ends(prompt))):  # as most
            return 0.0
        prompt, response = _spelled(prompt), _spelled(response)
        if prompt == response or (prompt in response and len(prompt) >= self.min_prompt):
            return 1.0
        if len(prompt) < self.min_prompt:
            return 0.0
        start, end = response.find(prompt[:_END]), response.rfind(prompt[-_END:])
        if start < 0 or end < start or end + _END - start > len(prompt) / self.min_share:
            return 0.0
        share = fuzz.ratio(prompt, response[start : end + _END]) / 100
        return share if share >= self.min_share else 0.0


@lru_cache(8)
def _ends(prompt: str) -> tuple[str, ...]:
    """The words at both ends of a prompt, long ones first; the word at a cut may not be whole and is left out."""
    words = [*plain(prompt.lstrip()[: _END + 1]).split()[:-1], *plain(prompt.rstrip()[-_END - 1 :]).split()[1:]]
    return tuple(sorted({word.strip(_SIGNS) for word in words}, key=len, reverse=True))


def _spelled(text: str) -> str:
    """In one case, with single spaces, without punctuation."""
    return " ".join(plain(text).translate(_NO_SIGNS).split())
