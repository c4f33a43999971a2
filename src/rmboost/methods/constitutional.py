"""Constitutional AI: the model criticises its response by a principle and revises it, once or several times.

Bai et al., Constitutional AI: Harmlessness from AI Feedback, arXiv 2212.08073, section 3.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from pydantic import Field, PositiveInt
from rapidfuzz import fuzz

from rmboost import parsing, sets
from rmboost.ask import Ask
from rmboost.errors import ReplyError
from rmboost.methods import Method
from rmboost.records import Job, Pair, Response, stable_hash
from rmboost.registry import Component
from rmboost.sets import Name, Parts

_COPY = 85.0
"""Characters of a revision, in percent, that may stand in the critique in a row: small models say it again."""
_BEGINNING = 400
"""Characters of a revision that are looked for: of two long texts all in all, it would take seconds."""


class Principle(Component):
    """What a critique looks for, and what the revision is to make of it: two requests, as the model is given them."""

    name: Name
    critique: str = Field(min_length=1)
    revise: str = Field(min_length=1)


class Constitution(Component):
    """The file of ``configs/principles/``."""

    description: str
    principles: Parts[Principle]


class Constitutional(Method):
    """Sample a response; in each round draw a principle, criticise the response by it, revise it; the last is chosen.

    principles: a shipped set of ``configs/principles/`` or a YAML file. rounds: of critique and revision; no principle
    comes twice before all have come.
    """

    principles: str = "general"
    rounds: PositiveInt = 1

    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        first = revised = await ask("responder", "respond", prompt=job.prompt)
        drawn, critiques = self._draw(job), []
        for principle in drawn:
            values: dict[str, Any] = {"prompt": job.prompt, "response": revised.text, "principle": principle}
            critique = await ask("rewriter", "constitutional/critique", **values)
            if not critique.text.strip():
                raise ReplyError("empty", "there is no critique", critique)
            reply = await ask("rewriter", "constitutional/revise", critique=critique.text, **values)
            before, revised = revised, replace(reply, text=parsing.tagged(reply, "response")[0])
            _refuse_critique(revised, critique, before)
            critiques.append({"principle": principle.name, "critique": critique.text})
        names = tuple(dict.fromkeys(principle.name for principle in drawn))
        evidence = {"critiques": critiques}
        return Pair(job.prompt, revised, first, "constitutional", "better", names, evidence=evidence)

    @property
    def writers(self) -> tuple[str, ...]:
        return ("responder", "rewriter")

    @property
    def names(self) -> frozenset[str]:
        return frozenset(principle.name for principle in self._set.principles)

    def data(self) -> Mapping[str, str]:
        return {"principles": f"{stable_hash(self._set.model_dump()):x}"}

    @cached_property
    def _set(self) -> Constitution:
        return sets.load(Constitution, "principle", "principles", self.principles)

    def _draw(self, job: Job) -> list[Principle]:
        """A principle for each round."""
        random, known, drawn = job.random("principles"), self._set.principles, list[Principle]()
        while len(drawn) < self.rounds:
            drawn += random.sample(known, min(len(known), self.rounds - len(drawn)))
        return drawn


def _refuse_critique(revised: Response, critique: Response, before: Response) -> None:
    """Raises ReplyError("critique-copy") for a revision that is the critique, or a piece of it: that is no answer.

    A piece of the answer ``before``, which the critique may quote, is one; and so is the right answer in few words,
    which a good critique names.
    """
    is_most = 2 * len(revised.text) >= len(critique.text)
    if is_most and _is_piece(revised, critique) and not _is_piece(revised, before):
        raise ReplyError("critique-copy", "the revision says what the critique said", critique)


def _is_piece(piece: Response, whole: Response) -> bool:
    return len(piece.text) <= len(whole.text) and fuzz.partial_ratio(piece.text[:_BEGINNING], whole.text) > _COPY
