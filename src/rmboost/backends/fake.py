"""The fake: a deterministic, instant backend for trying pipelines, and the double that tests use."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from math import log
from random import Random

from pydantic import Field

from rmboost.backends import Backend
from rmboost.records import Request, Response, Usage, stable_hash

_SUBJECTS = ("The answer", "A short walk", "The first step", "Good practice", "A careful reader", "This plan")
_VERBS = ("depends on", "begins with", "asks for", "often improves", "explains", "leads to", "takes more than")
_OBJECTS = ("a clear example", "the right order", "some patience", "plain words", "two small changes", "the season")
_NUMBERS = re.compile(r"\bnumber from (\d) to (\d+)\b")
_LETTERS = re.compile(r"\bA or B\b(?:\W*|\? Answer with one letter\.)\Z")


class FakeBackend(Backend):
    """Plain sentences drawn from a hash of the request. ``latency``: seconds until each answer."""

    model: str = "fake"
    latency: float = Field(0.0, ge=0, allow_inf_nan=False)

    async def complete(self, request: Request) -> Response:
        if self.latency:
            await asyncio.sleep(self.latency)
        text, top = _answer(request)
        asked = sum(len(message["content"].split()) for message in request.messages)
        return Response(text, self.model, "stop", Usage(asked, len(text.split())), top=top)


def _answer(request: Request) -> tuple[str, tuple[Mapping[str, float], ...]]:
    """A verdict or a score where the last turn asks for one, else a few sentences, in tags if it asks for them."""
    random = Random(stable_hash(request.messages, request.seed))
    instructions = request.messages[-1]["content"]
    text = " ".join(_sentence(random) for _ in range(random.randint(3, 6)))
    if choices := _choices(instructions):
        return _chosen(random, choices, request.logprobs, text, instructions)
    parts = []
    if "<aspects>" in instructions and (known := re.findall(r"^- (\w+):", instructions, re.MULTILINE)):
        parts.append(f"<aspects>{random.choice(known)}</aspects>")
    if "<instruction>" in instructions:
        parts.append(f"<instruction>Is it so that {_sentence(random)[:-1]}?</instruction>")
    if "<response>" in instructions:
        parts.append(f"I will change two sentences.\n<response>{text}</response>")
    return "\n".join(parts) or text, ()


def _choices(instructions: str) -> Sequence[str]:
    """What a judge is to choose from, if that is what is asked: letters or numbers."""
    if bounds := _NUMBERS.search(instructions):
        return [str(number) for number in range(int(bounds[1]), int(bounds[2]) + 1)]
    return "AB" if "<verdict>" in instructions or _LETTERS.search(instructions) else ""


def _chosen(
    random: Random, choices: Sequence[str], top: int, thought: str, instructions: str
) -> tuple[str, tuple[Mapping[str, float], ...]]:
    """One of the choices, after a thought if tags are asked for, and how likely each of them was."""
    weights = {choice: random.expovariate(1) for choice in choices}
    likeliest = sorted(weights, key=weights.__getitem__, reverse=True)
    place = {choice: log(weights[choice] / sum(weights.values())) for choice in likeliest[:top]}
    tag = next((tag for tag in ("verdict", "score") if f"<{tag}>" in instructions), None)
    if tag is None:
        return likeliest[0], (place,) if top else ()
    opening, closing = f"<{tag}>", f"</{tag}>"
    places = ({opening: 0.0}, place, {closing: 0.0}) if top else ()
    return f"{thought}\n{opening}{likeliest[0]}{closing}", places


def _sentence(random: Random) -> str:
    return f"{random.choice(_SUBJECTS)} {random.choice(_VERBS)} {random.choice(_OBJECTS)}."
