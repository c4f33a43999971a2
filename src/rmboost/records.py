"""The values that travel through a run. They import nothing of ours and know no file, model or method."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any, Literal, TypedDict

import orjson

Role = Literal["system", "user", "assistant"]
Label = Literal["better", "worse"]


class Message(TypedDict):
    """One turn, in the shape that chat endpoints and trainers read."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation that ends with a user turn. ``plain``: it was given as one string, and is written as one."""

    id: str
    messages: tuple[Message, ...]
    plain: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The last user turn, or the whole conversation as a transcript when there is more to it."""
        if len(self.messages) == 1:
            return self.messages[0]["content"]
        return "\n\n".join(f"{m['role'].capitalize()}: {m['content']}" for m in self.messages)


@dataclass(frozen=True, slots=True)
class Labelled(Prompt):
    """A prompt whose pair is there already, from a preference file; ``metadata`` is the whole row as it was read."""

    chosen: str = ""
    rejected: str = ""
    label: Label | None = None
    aspects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, or of many added up. estimated: so many of them nobody counted; the endpoint did not say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    estimated: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.estimated + other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What a backend is asked. ``sampling`` holds what was set (temperature, max_tokens, …) and nothing else.

    logprobs: how many of the likeliest tokens are wanted at each place of the answer, with their log-probabilities.
    """

    messages: tuple[Message, ...]
    seed: int
    sampling: Mapping[str, Any] = field(default_factory=dict)
    logprobs: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """What an endpoint says is left of its limits, and the seconds until they are whole again."""

    requests: int | None = None
    tokens: int | None = None
    requests_reset: float = 0.0
    tokens_reset: float = 0.0


@dataclass(frozen=True, slots=True)
class Response:
    """One assistant text. ``call`` is its place among the calls of its job, ``draw`` how often that was redrawn.

    top: at the last places of the answer the token that was written, and after it the likeliest others, with their
    log-probabilities; if they were asked for and the server offers them.
    """

    text: str
    model: str
    finish_reason: str = "stop"
    usage: Usage = Usage()
    call: int = 0
    draw: int = 0
    template: str = ""
    top: tuple[Mapping[str, float], ...] = ()
    quota: Quota | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """What was drawn for a job before its second call. No aspects: the model picks them from the set."""

    label: Label
    aspects: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """``better/relevance``."""
        return "/".join((self.label, *self.aspects))


@dataclass(frozen=True)
class Job:
    """One prompt × one repetition: the unit of work. ``index`` is its place in the input."""

    prompt: Prompt
    index: int
    repetition: int = 0
    seed: int = 0
    spec: Spec | None = None

    @cached_property
    def key(self) -> str:
        return f"{self.prompt.id}#{self.repetition}"

    @staticmethod
    def prompt_of(key: str) -> str:
        """The id of the prompt in a key."""
        return key.rpartition("#")[0]

    def random(self, purpose: str) -> Random:
        """A generator of this job's own, so that no draw depends on the order in which answers arrive."""
        return Random(stable_hash(self.seed, self.key, purpose))


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt with a chosen and a rejected response, and how they came to be."""

    prompt: Prompt
    chosen: Response
    rejected: Response
    method: str
    label: Label | None = None
    aspects: tuple[str, ...] = ()
    plan: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> Response:
        """The response that was written first."""
        return self.chosen if self.chosen.call <= self.rejected.call else self.rejected

    @property
    def second(self) -> Response:
        """The response that was written second, in RMBoost the edited one."""
        return self.chosen if self.chosen.call >= self.rejected.call else self.rejected


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a pair is not kept. A retry draws call number ``call`` of the job, and all after it, anew.

    reply: the text it was about, where no pair came of it. final: there is no retry.
    """

    reason: str
    detail: str
    call: int
    reply: str = ""
    final: bool = False


DISAGREES = "judge-disagrees"
"""The reason of a drop by the judge: it prefers the response that the label calls rejected."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The job made a pair."""

    job: Job
    pair: Pair
    drops: tuple[Drop, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """The job made no pair that passed; ``pair`` is the last one, if it came that far."""

    job: Job
    drops: tuple[Drop, ...]
    pair: Pair | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The backend did not answer; a later run asks again."""

    job: Job
    error: str


Outcome = Kept | Dropped | Failed


def canonical_json(value: Any) -> bytes:
    """The one spelling of a value that hashes are taken of."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # half a character, a key that is no text, a number of over 64 bits
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")


def content_id(messages: tuple[Message, ...]) -> str:
    """The id of a prompt that was given none: 16 hex digits, the same for the same conversation."""
    return hashlib.blake2b(canonical_json(messages), digest_size=8).hexdigest()


def stable_hash(*parts: Any) -> int:
    """A 63-bit number that is the same in every process and on every machine."""
    digest = hashlib.blake2b(canonical_json(parts), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
