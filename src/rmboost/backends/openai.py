"""A model behind the OpenAI chat protocol: OpenAI, vLLM, llama.cpp, Ollama, OpenRouter, a gateway.

Spoken over a transport of our own (wire.py): the ``openai`` SDK spends some twenty times the CPU on a call and half
a second on its import, and of what it offers (retries, typed replies, streams) nothing is used here.
"""

from __future__ import annotations

import asyncio
import json
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from math import ceil
from textwrap import shorten
from typing import Any

import orjson
from pydantic import (
    BaseModel,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
)

from rmboost import texts
from rmboost.backends import Backend, logprobs, unwanted, usage
from rmboost.backends.endpoint import Endpoint, valid_address
from rmboost.backends.transport import Transport
from rmboost.errors import BackendError, EndpointError, TransientError
from rmboost.records import Request, Response, Usage
from rmboost.registry import suggest
from rmboost.together import run


class OpenAIBackend(Backend):
    """A model behind a chat-completions endpoint.

    base_url: its address, as a rule up to ``/v1``; none: OPENAI_BASE_URL, else OpenAI itself.
    api_key_env: the NAME of the environment variable that holds the key; headers_env: further headers of each request,
    each with the NAME of its variable.
    timeout: seconds without a byte until a request is given up. connections: how many are open at most.
    A sampling value of ``null`` leaves its key out: ``seed: null`` for servers that refuse one.
    Connections belong to the event loop that opened them: close() before it ends, and another may begin.
    """

    model: str = Field(min_length=1)
    base_url: str | None = None
    api_key_env: str = Field(default="OPENAI_API_KEY", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    headers_env: tuple[tuple[str, str], ...] = ()
    timeout: PositiveFloat = 600
    connections: PositiveInt = 1000

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        return url and valid_address(url)

    def __str__(self) -> str:
        return self._endpoint.address

    async def complete(self, request: Request) -> Response:
        while True:
            top = min(request.logprobs, self._offer.most)
            try:
                response = await self._ask(self._body(request, top))
                used = response.usage
                return response if used.prompt_tokens and used.completion_tokens else _with_guess(request, response)
            except BackendError as error:
                if not (top and logprobs.is_about(error)):
                    error.unwanted = unwanted.parameter(error.said, _sent(request))
                    raise
                self._offer.refuse(top)

    async def _ask(self, body: bytes) -> Response:
        content, quota = await self._endpoint.ask(self._transport(), "/chat/completions", body)
        response = self._response(content)
        return replace(response, quota=quota) if quota else response

    async def check(self) -> None:
        served = await self._endpoint.models()
        if served and not any(_answers_to(name, self.model) for name in served):
            hint = _cut(suggest(self.model, served))
            raise EndpointError(f"no model {self.model!r} at {self._endpoint.address}", hint)

    async def close(self) -> None:
        transport = self._transports.pop(asyncio.get_running_loop(), None)
        if transport:
            await transport.close()

    @cached_property
    def _endpoint(self) -> Endpoint:
        return Endpoint.find(self.base_url, self.api_key_env, self.headers_env)

    @cached_property
    def _offer(self) -> logprobs.Offer:
        return logprobs.Offer()

    @cached_property
    def _transports(self) -> dict[asyncio.AbstractEventLoop, Transport]:
        return {}

    def _transport(self) -> Transport:
        loop = asyncio.get_running_loop()
        if loop not in self._transports:
            self._transports[loop] = self._endpoint.connect(self.timeout, self.connections)
        return self._transports[loop]

    def _body(self, request: Request, top: int) -> bytes:
        asked = {"model": self.model, "messages": request.messages, "seed": request.seed, **logprobs.parameters(top)}
        body = {key: value for key, value in (asked | dict(request.sampling)).items() if value is not None}
        try:
            return orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
        except orjson.JSONEncodeError as error:
            raise BackendError(f"the request cannot be sent as JSON: {error}") from None

    def _response(self, body: bytes) -> Response:
        try:
            reply = _Reply.model_validate_json(body.removeprefix(BOM_UTF8))  # some gateways begin with it
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            problem = ".".join(map(str, first["loc"])) + " " + first["msg"]
            raise self._endpoint.unreadable(body, problem.strip()) from None
        choice, tokens = reply.choices[0], usage.read(reply.usage)
        model = reply.model if isinstance(reply.model, str) and reply.model else self.model
        if late := reply.error or choice.error:
            raise self._endpoint.unreadable(json.dumps({"error": late}).encode(), "an error within it")
        if choice.finish_reason in _GAVE_UP:
            problem = f"{self._endpoint.address} gave up within a reply ({choice.finish_reason})"
            raise TransientError(problem, kind="overloaded")
        if not (choice.message or choice.finish_reason):
            raise self._endpoint.unreadable(body, "no message")
        message = choice.message or _Message()
        if message.refused:
            return Response(message.refused, model, "content_filter", tokens)
        top = logprobs.read(choice.logprobs)
        return Response(message.text, model, choice.finish_reason or "stop", tokens, top=top)


def only_model(
    base_url: str | None = None, api_key_env: str = "OPENAI_API_KEY", headers_env: Iterable[tuple[str, str]] = ()
) -> str:
    """The name of the one model that an endpoint serves.

    Raises EndpointError when the endpoint cannot be reached, serves none or several, or does not say.
    """
    endpoint = Endpoint.find(base_url, api_key_env, headers_env)
    served = run(endpoint.models())
    if len(served) == 1:
        return served[0]
    if not served:
        hint = f"{endpoint.where_to_look()}; or name one: --model NAME"
        raise EndpointError(f"{endpoint.address} does not list its models", hint)
    hint = "choose one with --model NAME: " + _cut(", ".join(sorted(served)))
    raise EndpointError(f"{endpoint.address} serves {len(served)} models", hint)


def _sent(request: Request) -> list[str]:
    """The names of the parameters that a request was sent with."""
    return [name for name, value in {"seed": request.seed, **request.sampling}.items() if value is not None]


def _with_guess(request: Request, response: Response) -> Response:
    """The answer with the tokens that its endpoint does not count, both or one of two."""
    used = response.usage
    sent = 0 if used.prompt_tokens else ceil(sum(texts.tokens(message["content"]) for message in request.messages))
    came = 0 if used.completion_tokens else ceil(texts.tokens(response.text))
    guess = Usage(sent, came, estimated=sent + came)
    return replace(response, usage=used + guess)


def _answers_to(listed: str, asked: str) -> bool:
    """Ollama lists a tag that may go unsaid, Gemini a folder, gateways a pattern; OpenRouter has variants."""
    names = (asked, f"{asked}:latest", f"models/{asked}", asked.partition(":")[0])
    return listed in names or fnmatchcase(asked, listed)


def _cut(names: str) -> str:
    return shorten(names, 400, placeholder=" …")


_GAVE_UP = ("error", "abort", "insufficient_system_resource")
"""Finish reasons of an answer that the server broke off and may well give when it is asked again."""


class _Part(BaseModel):
    type: Any = "text"
    text: Any = ""

    @property
    def said(self) -> str:
        """What is part of the answer, and no thought."""
        return self.text if self.type in (None, "text", "output_text") and isinstance(self.text, str) else ""


class _Message(BaseModel):
    content: str | list[_Part | str] | None = None
    refusal: Any = None

    @property
    def text(self) -> str:
        """The answer alone: what the model thought aloud stands in another field, or another kind of part."""
        if isinstance(self.content, list):
            return "".join(part if isinstance(part, str) else part.said for part in self.content)
        return self.content or ""

    @property
    def refused(self) -> str:
        """What stands in place of an answer, where the model refuses to give one."""
        return self.refusal if isinstance(self.refusal, str) and not self.content else ""


class _Choice(BaseModel):
    message: _Message | None = None
    """none where a filter took it away; the finish reason then says so"""
    finish_reason: str | None = None
    logprobs: Any = None
    error: Any = None


class _Reply(BaseModel):
    """What is read of a completion; anything else in it is left alone."""

    choices: list[_Choice] = Field(min_length=1)
    model: Any = None
    usage: Any = None
    error: Any = None
