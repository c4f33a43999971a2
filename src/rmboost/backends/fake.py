"""The fake: a deterministic, instant backend for trying pipelines, and the double that tests use."""

from __future__ import annotations

import asyncio
import re
from random import Random

from pydantic import NonNegativeFloat

from rmboost.backends import Backend
from rmboost.records import Request, Response, Usage, stable_hash

_SUBJECTS = ("The answer", "A short walk", "The first step", "Good practice", "A careful reader", "This plan")
_VERBS = ("depends on", "begins with", "asks for", "often improves", "explains", "leads to", "takes more than")
_OBJECTS = ("a clear example", "the right order", "some patience", "plain words", "two small changes", "the season")


class FakeBackend(Backend):
    """Plain sentences drawn from a hash of the request. ``latency``: seconds until each answer."""

    model: str = "fake"
    latency: NonNegativeFloat = 0.0

    async def complete(self, request: Request) -> Response:
        if self.latency:
            await asyncio.sleep(self.latency)
        text = _answer(request)
        asked = sum(len(message["content"].split()) for message in request.messages)
        return Response(text, self.model, "stop", Usage(asked, len(text.split())))


def _answer(request: Request) -> str:
    """A few sentences; in the form that the last turn asks for, when it asks for tags."""
    random = Random(stable_hash(request.messages, request.seed))
    text = " ".join(_sentence(random) for _ in range(random.randint(3, 6)))
    instructions = request.messages[-1]["content"]
    if "<response>" not in instructions:
        return text
    known = re.findall(r"^- (\w+):", instructions, re.MULTILINE)
    picked = f"<aspects>{random.choice(known)}</aspects>\n" if "<aspects>" in instructions and known else ""
    return f"{picked}I will change two sentences.\n<response>{text}</response>"


def _sentence(random: Random) -> str:
    return f"{random.choice(_SUBJECTS)} {random.choice(_VERBS)} {random.choice(_OBJECTS)}."
