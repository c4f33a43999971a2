"""Responses that talk about the task: a reward model would learn the label from the words around the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from rmboost.ask import Ask
from rmboost.checks import Check
from rmboost.checks.phrases import Phrase, Reading, asks, hashes, read
from rmboost.records import Drop, Pair


class Leak(Check):
    """Drops a pair with a response that says it is an edit, better or worse, or names the aspect as a label.

    What the prompt or the other response says too gives nothing away, nor does talk about an edit when the prompt
    asks for one. The phrases are in ``configs/phrases/``.
    """

    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:  # noqa: ARG002 - the contract's
        first, second = read(pair.first.text), read(pair.second.text)
        for response, text, other in ((pair.first, first, second), (pair.second, second, first)):
            for words in _talk(text, pair):
                if words not in other.plain and words not in read(pair.prompt.text).plain:
                    return Drop("leak", f"talks about the task: {words!r}", response.call)
        return pair

    def data(self) -> Mapping[str, str]:
        return hashes()


def _talk(text: Reading, pair: Pair) -> Iterator[str]:
    """What a text says about the task that made it."""
    yield from text.find("task")
    for aspect in pair.aspects:
        if aspect.partition("_")[0] in text.plain and (words := _aspect_phrase(aspect).find(text.plain)):
            yield words
    for words in text.find("edit"):
        if not asks("asks_for_edit", pair.prompt):
            yield words


@lru_cache(maxsize=1024)
def _aspect_phrase(name: str) -> Phrase:
    """The name of an aspect where it stands as a label: as the first word, with a grade, `in terms of …`, `… of this
    response`; or before its definition, as ``contrast-better`` has it. A list of terms with their definitions is none.
    """
    spelled = re.escape(name).replace("_", "[_ -]")
    pattern = (
        rf"\A[#*_\[(\s]*({spelled}[*_\])\s]*:)(?![^\n]*\n\W*\w+(?: \w+)?\W*:)"
        rf"|(?:\A|\n)(?:_|[^\w\n])*({spelled}[*_ ]*: *(?:low|high|poor|good|bad|weak|reduced|\d))"
        rf"|\b(in terms of {spelled}|the aspect of {spelled}"
        rf"|{spelled} of (?:the|this|my|your) (?:response|answer|reply|version)"
        rf"|{spelled} (?:reduced|lowered|decreased)"
        rf"|what matters most in your answer is[*_ ]+{spelled}[*_ ]*:\s*(?:whether|how))\b"
        rf"|(?:\A|[.(]\s*)(what matters next is[*_ ]+{spelled}[*_ ]*:\s*(?:whether|how))\b"
    )
    return Phrase(pattern=pattern)
