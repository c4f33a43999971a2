"""A call: one question of a job to a model, who answers it, and what the journal knows it by."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rmboost.budget import Price
from rmboost.client.lines import Line
from rmboost.records import Job, Request, canonical_json


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sits in a role: a model of some kind, the ways to it, and how its answers are sampled."""

    kind: str
    model: str
    lines: tuple[Line, ...]
    sampling: Mapping[str, Any]
    price: Price | None = None
    settings: str = ""
    """where those of its role stand"""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a job, on its way to a model."""

    key: bytes
    job: Job
    number: int
    role: str
    seat: Seat
    request: Request


def call_key(job: Job, call: int, seat: Seat, request: Request) -> bytes:
    """The identity of a call: a hash of everything that could change its answer, not of where it is sent."""
    asked = (request.messages, dict(request.sampling), request.seed, request.logprobs)
    parts = (job.key, call, seat.kind, seat.model, *asked)
    return hashlib.blake2b(canonical_json(parts), digest_size=16).digest()
