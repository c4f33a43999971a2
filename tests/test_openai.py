"""The OpenAI-compatible backend against a server on a real socket: what it sends, reads, and makes of failures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import pytest

from chat_server import ChatServer, Fault, some
from conftest import Shell, write_jsonl
from rmboost import backends, config, registry
from rmboost.backends import Backend
from rmboost.backends.endpoint import Endpoint
from rmboost.backends.fake import FakeBackend
from rmboost.backends.openai import OpenAIBackend, only_model
from rmboost.backends.refusals import retry_after
from rmboost.errors import BackendError, ConfigError, EndpointError, RMBoostError, TransientError
from rmboost.records import Request, Response, Usage

CANARY = "sk-canary-1234567890"
PASSWORD = "sekret-1234567890"
"""of a proxy"""
PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
T = TypeVar("T")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known key, and nothing of the machine's own settings."""
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", *PROXIES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)


def request(text: str = "What is a quokka?", seed: int = 7, **sampling: Any) -> Request:
    return Request(({"role": "user", "content": text},), seed, sampling)


@contextlib.asynccontextmanager
async def opened(base_url: str, **options: Any) -> AsyncIterator[OpenAIBackend]:
    backend = OpenAIBackend(model=options.pop("model", "test-model"), base_url=base_url, **options)
    try:
        yield backend
    finally:
        await backend.close()


def ask(base_url: str, asked: Request | None = None, **options: Any) -> Response:
    async def once() -> Response:
        async with opened(base_url, **options) as backend:
            return await backend.complete(asked or request())

    return asyncio.run(once())


def check(base_url: str, model: str = "test-model") -> None:
    asyncio.run(OpenAIBackend(model=model, base_url=base_url).check())


def failure(call: Callable[[], Any]) -> RMBoostError:
    with pytest.raises(RMBoostError) as caught:
        call()
    assert CANARY not in f"{caught.value!r} {caught.value.message} {caught.value.hint}"
    return caught.value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# What is sent, and read of a good reply


def test_the_request_holds_what_was_set_and_nothing_else() -> None:
    with ChatServer() as server:
        ask(server.url, request(temperature=0.5, top_k=20, cache_prompt=True, stop=None))
    assert server.calls[0].body == {
        "model": "test-model",
        "messages": [{"role": "user", "content": "What is a quokka?"}],
        "seed": 7,
        "temperature": 0.5,
        "top_k": 20,
        "cache_prompt": True,
    }
    assert server.calls[0].headers["authorization"] == f"Bearer {CANARY}"


def test_a_seed_of_null_is_not_sent() -> None:
    with ChatServer() as server:
        ask(server.url, Request(request().messages, 7, {"seed": None}))
    assert "seed" not in server.calls[0].body


def test_keys_that_yaml_reads_as_numbers_are_sent_as_text() -> None:
    with ChatServer() as server:
        ask(server.url, request(logit_bias={50256: -100}))
    assert server.calls[0].body["logit_bias"] == {"50256": -100}


def test_the_answer_is_the_same_for_the_same_request() -> None:
    with ChatServer() as server:
        first, again, other = ask(server.url), ask(server.url), ask(server.url, request(seed=8))
    assert first == again
    assert first.text != other.text
    assert first.text == asyncio.run(FakeBackend().complete(request())).text
    assert first.model == "test-model"
    assert first.usage == Usage(4, len(first.text.split()), 1)


REPLIES: dict[str, tuple[Fault, Mapping[str, Any]]] = {
    "cut": (Fault(choice={"finish_reason": "length"}), {"finish_reason": "length"}),
    "filtered": (Fault(choice={"finish_reason": "content_filter"}), {"finish_reason": "content_filter"}),
    "no finish reason": (Fault(choice={"finish_reason": None}), {"finish_reason": "stop"}),
    "no content": (Fault(choice={"message": {"content": None}}), {"text": "", "finish_reason": "stop"}),
    "tool calls": (
        Fault(choice={"message": {"content": None, "tool_calls": [{}]}, "finish_reason": "tool_calls"}),
        {"text": "", "finish_reason": "tool_calls"},
    ),
    "refusal": (
        Fault(choice={"message": {"content": None, "refusal": "I will not."}}),
        {"text": "I will not.", "finish_reason": "content_filter"},
    ),
    "reasoning": (
        Fault(choice={"message": {"content": "Yes.", "reasoning_content": "Let me think."}}),
        {"text": "Yes."},
    ),
    "parts": (
        Fault(choice={"message": {"content": [{"type": "thinking"}, {"type": "text", "text": "Yes."}]}}),
        {"text": "Yes."},
    ),
    "null usage": (
        Fault(reply={"usage": None}, choice={"message": {"content": "Twelve chars"}}),
        {"usage": Usage(5, 3, estimated=8)},
    ),
    "bare usage": (Fault(reply={"usage": {"prompt_tokens": 3, "completion_tokens": 2}}), {"usage": Usage(3, 2)}),
    "null details": (
        Fault(reply={"usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": None}}),
        {"usage": Usage(3, 2)},
    ),
    "usage that is none": (
        Fault(reply={"usage": [], "model": 4}, choice={"message": {"content": "Twelve chars"}}),
        {"usage": Usage(5, 3, estimated=8), "model": "test-model"},
    ),
    "one odd count": (
        Fault(
            reply={
                "usage": {"prompt_tokens": 3, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": -1}}
            }
        ),
        {"usage": Usage(3, 2)},
    ),
    "thinking that only the total counts": (
        Fault(reply={"usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135}}),
        {"usage": Usage(32, 103)},
    ),
    "thinking and no answer": (
        Fault(reply={"usage": {"prompt_tokens": 21, "total_tokens": 81}}),
        {"usage": Usage(21, 60)},
    ),
    "a total that adds up": (
        Fault(reply={"usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
        {"usage": Usage(3, 2)},
    ),
    "a total alone": (
        Fault(reply={"usage": {"completion_tokens": 2, "total_tokens": 5}}),
        {"usage": Usage(3, 2)},
    ),
    "one of two counts": (
        Fault(reply={"usage": {"completion_tokens": 2}}),
        {"usage": Usage(5, 2, estimated=5)},
    ),
    "cached tokens counted apart": (
        Fault(
            reply={
                "usage": {
                    "prompt_tokens": 10,
                    "completion_tokens": 2,
                    "total_tokens": 112,
                    "prompt_tokens_details": {"cached_tokens": 100},
                }
            }
        ),
        {"usage": Usage(110, 2, 100)},
    ),
    "more than those cached, counted apart": (
        Fault(
            reply={
                "usage": {"prompt_tokens": 200, "completion_tokens": 2, "total_tokens": 302, "cached_tokens": 100},
            }
        ),
        {"usage": Usage(300, 2, 100)},
    ),
    "cached tokens beside the others": (
        Fault(reply={"usage": {"prompt_tokens": 10, "completion_tokens": 2, "cached_tokens": 8}}),
        {"usage": Usage(10, 2, 8)},
    ),
    "cached tokens as hits": (
        Fault(reply={"usage": {"prompt_tokens": 10, "completion_tokens": 2, "prompt_cache_hit_tokens": 8}}),
        {"usage": Usage(10, 2, 8)},
    ),
    "usage beyond all bounds": (
        Fault(reply={"usage": {"prompt_tokens": 2**63}}, choice={"message": {"content": "Twelve chars"}}),
        {"usage": Usage(5, 3, estimated=8)},
    ),
    "reasoning as a part": (
        Fault(
            choice={"message": {"content": [{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Yes."}]}}
        ),
        {"text": "Yes."},
    ),
    "part that holds nothing": (
        Fault(choice={"message": {"content": [{"type": "thinking", "text": None}, {"type": "text", "text": "Yes."}]}}),
        {"text": "Yes."},
    ),
    "bare parts": (Fault(choice={"message": {"content": ["Yes", "."]}}), {"text": "Yes."}),
    "refusal that is none": (Fault(choice={"message": {"content": "Yes.", "refusal": False}}), {"text": "Yes."}),
    "filtered without a message": (
        Fault(choice={"message": None, "finish_reason": "content_filter: RECITATION"}),
        {"text": "", "finish_reason": "content_filter: RECITATION"},
    ),
    "blank lines before it": (
        Fault(content=b'\n \n\n{"choices": [{"message": {"content": "Yes."}}]}'),
        {"text": "Yes."},
    ),
    "a mark of the byte order before it": (
        Fault(content=b'\xef\xbb\xbf{"choices": [{"message": {"content": "Yes."}}]}'),
        {"text": "Yes."},
    ),
    "errors that are none": (
        Fault(reply={"error": None}, choice={"message": {"content": "Yes."}, "error": None}),
        {"text": "Yes."},
    ),
    "dated model": (Fault(reply={"model": "test-model-2026"}), {"model": "test-model-2026"}),
    "null model": (Fault(reply={"model": None}), {"model": "test-model"}),
}


@pytest.mark.parametrize(("fault", "expected"), REPLIES.values(), ids=REPLIES)
def test_replies_of_every_shape_are_read(fault: Fault, expected: Mapping[str, Any]) -> None:
    with ChatServer([fault]) as server:
        response = ask(server.url)
    assert {name: getattr(response, name) for name in expected} == expected


# Failures


def status(code: int, **options: Any) -> Fault:
    return Fault(status=code, message=f"scripted {code}", **options)


STATUSES: dict[type[BackendError], tuple[int, ...]] = {
    TransientError: (408, 409, 424, 425, 429, 498, 500, 502, 503, 529),
    BackendError: (400, 413, 422),
    EndpointError: (401, 402, 403, 404, 405),
}
FLAGGED = b'{"error": {"code": 403, "message": "flagged", "metadata": {"flagged_input": "a word"}}}'
UNWANTED = b'{"code": "permission-denied", "error": "Content violates usage guidelines. "}'
SPENT = b'{"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low"}}'
BUDGET = b'{"error": {"message": "Budget has been exceeded!", "type": "budget_exceeded", "code": "400"}}'
BLOCKED = b"<html><title>Blocked</title>By the content filter, for your safety"
LATE = b'{"error": {"code": 429, "message": "upstream is busy"}}'

FAILURES: dict[str, tuple[Fault, type[BackendError], str]] = {
    **{
        str(code): (status(code), kind, f"HTTP {code}: scripted {code}")
        for kind, codes in STATUSES.items()
        for code in codes
    },
    "no credit": (Fault(status=429, code="insufficient_quota"), EndpointError, "HTTP 429: scripted"),
    "flagged prompt": (Fault(status=403, content=FLAGGED), BackendError, "flagged"),
    "unwanted prompt": (Fault(status=403, content=UNWANTED), BackendError, "violates usage guidelines"),
    "account that broke the rules": (
        Fault(status=403, message="Your account was suspended for breaking our content policy"),
        EndpointError,
        "was suspended",
    ),
    "page of a web filter": (Fault(status=403, content=BLOCKED), EndpointError, "By the content filter"),
    "no credit with status 400": (Fault(status=400, content=SPENT), EndpointError, "credit balance is too low"),
    "a prompt about money, repeated": (
        Fault(status=400, message="bad field in: " + "The bank says insufficient funds. " * 20),
        BackendError,
        "insufficient funds",
    ),
    "budget of a gateway": (Fault(status=400, content=BUDGET), EndpointError, "Budget has been exceeded"),
    "no credit for a moment": (status(402, headers={"Retry-After": "3"}), TransientError, "HTTP 402"),
    "a code in words": (Fault(content=b'{"error": {"code": "400", "message": "no"}}'), BackendError, "HTTP 400: no"),
    "error with status 200": (Fault(content=LATE), TransientError, "HTTP 429: upstream is busy"),
    "error without a code": (Fault(content=b'{"error": "overloaded"}'), TransientError, "overloaded"),
    "error in a list": (
        Fault(status=503, content=b'[{"error": {"message": "later"}}]'),
        TransientError,
        "503: later",
    ),
    "error as detail": (Fault(status=422, content=b'{"detail": "bad field"}'), BackendError, "bad field"),
    "error as HTML": (Fault(status=502, content=b"<html>\n<b>\x1b[31mBad"), TransientError, "<html> <b> [31mBad"),
    "error without a body": (Fault(status=500, content=b""), TransientError, "HTTP 500"),
    "malformed JSON": (Fault(content=b'{"choices": [{"mess'), TransientError, "(Invalid JSON"),
    "HTML": (Fault(content=b"<!doctype html><title>Login</title>"), TransientError, "<title>Login</title>"),
    "empty body": (Fault(content=b""), TransientError, "not a chat completion"),
    "no choices": (Fault(reply={"choices": []}), TransientError, "choices List should have at least 1 item"),
    "choices missing": (Fault(content=b'{"id": "1"}'), TransientError, "choices Field required"),
    "not an object": (Fault(content=b"[]"), TransientError, "not a chat completion"),
    "bytes that are no text": (Fault(content=b"\xff\xfe\x00"), TransientError, "not a chat completion"),
    "no message": (Fault(choice={"message": None, "finish_reason": None}), TransientError, "(no message)"),
    "error with a number beyond all bounds": (
        Fault(reply={"error": {"code": 2**80, "message": "odd"}}),
        TransientError,
        "(an error within it): odd",
    ),
    "error in a choice": (
        Fault(choice={"error": {"code": 502, "message": "upstream died"}, "finish_reason": None}),
        TransientError,
        "HTTP 502: upstream died",
    ),
    "error in a choice that says so": (
        Fault(choice={"error": {"code": 400, "message": "too long"}, "finish_reason": "error"}),
        BackendError,
        "HTTP 400: too long",
    ),
    "error beside choices": (Fault(reply={"error": "upstream died"}), TransientError, "upstream died"),
    "no room for it": (
        Fault(choice={"finish_reason": "insufficient_system_resource"}),
        TransientError,
        "gave up within a reply (insufficient_system_resource)",
    ),
    "aborted": (Fault(choice={"finish_reason": "abort"}), TransientError, "gave up within a reply (abort)"),
    "disconnect": (Fault(hang_up="at once"), TransientError, "closed before the reply"),
    "half a body": (Fault(hang_up="half way"), TransientError, "closed within the reply"),
    "no HTTP": (Fault(headers={"Content-Length": "many"}), TransientError, "Content-Length"),
    "silence": (Fault(hang_up="never answer"), TransientError, "no answer in time"),
}


@pytest.mark.parametrize(("fault", "kind", "words"), FAILURES.values(), ids=FAILURES)
def test_every_failure_has_its_kind_and_its_words(fault: Fault, kind: type[BackendError], words: str) -> None:
    with ChatServer([fault]) as server:
        error = failure(lambda: ask(server.url, timeout=0.2 if fault.hang_up == "never answer" else 30))
        assert type(error) is kind
        assert words in error.message
        assert server.url in error.message
        assert error.message.isprintable()
        assert bool(error.hint) == (kind is EndpointError)


def test_a_long_message_of_the_server_is_cut() -> None:
    with ChatServer([Fault(status=400, message="word " * 1000)]) as server:
        assert len(failure(lambda: ask(server.url)).message) < 300


def test_nobody_there_may_be_tried_again_by_a_call_but_not_by_the_check() -> None:
    url = f"http://127.0.0.1:{free_port()}/v1"
    assert type(failure(lambda: ask(url))) is TransientError
    error = failure(lambda: check(url))
    assert type(error) is EndpointError
    assert f"cannot reach {url}" in error.message
    assert error.hint


def test_text_that_is_no_unicode_fails_its_own_request_only() -> None:
    with ChatServer() as server:
        assert type(failure(lambda: ask(server.url, request("half a \ud83d")))) is BackendError
        assert ask(server.url).text


def test_a_wrong_path_hints_at_v1_and_a_wrong_model_at_the_list() -> None:
    with ChatServer([status(404)]) as server:
        root = server.url.removesuffix("/v1")
        assert f"{root}/v1" in failure(lambda: ask(root)).hint
        assert f"{server.url}/models" in failure(lambda: ask(server.url)).hint


HEADERS: dict[str, tuple[Mapping[str, str], float | None]] = {
    "seconds": ({"retry-after": "2"}, 2.0),
    "fraction": ({"retry-after": "0.25"}, 0.25),
    "milliseconds": ({"retry-after-ms": "150", "retry-after": "1"}, 0.15),
    "past date": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    "date by a clock that is slow": (
        {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "Wed, 21 Oct 2015 07:27:30 GMT"},
        30.0,
    ),
    "date beside one that is none": ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT", "date": "today"}, 0.0),
    "negative": ({"retry-after": "-3"}, 0.0),
    "none": ({}, None),
    "words": ({"retry-after": "soon"}, None),
    "endless": ({"retry-after": "inf"}, None),
    "not a number": ({"retry-after": "nan"}, None),
    "no such year": ({"retry-after": "Wed, 21 Oct 99999999 07:28:00 GMT"}, None),
}


@pytest.mark.parametrize(("headers", "seconds"), HEADERS.values(), ids=HEADERS)
def test_retry_after_is_read_in_every_form(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_travels_with_the_error() -> None:
    date = formatdate(time.time() + 60, usegmt=True)
    faults = [status(429, headers={"Retry-After": "3"}), status(503, headers={"Retry-After": date})]
    with ChatServer(faults) as server:
        seconds, dated = failure(lambda: ask(server.url)), failure(lambda: ask(server.url))
    assert isinstance(seconds, TransientError) and seconds.retry_after == 3
    assert isinstance(dated, TransientError) and dated.retry_after is not None and 50 < dated.retry_after <= 60


def test_a_model_that_loads_is_waited_for_like_a_limit() -> None:
    with ChatServer([Fault(status=503, message="Loading model"), status(503)]) as server:
        loading, busy = failure(lambda: ask(server.url)), failure(lambda: ask(server.url))
    assert isinstance(loading, TransientError) and loading.kind == "refused"
    assert isinstance(busy, TransientError) and busy.kind == "overloaded"


DELAYED = (
    b'[{"error": {"message": "slow down", "details": [{}, "odd", {"@type": "RetryInfo", "retryDelay": "41.5s"}]}}]'
)


def test_a_wait_within_the_error_is_obeyed_where_no_header_names_one() -> None:
    faults = [Fault(status=429, content=DELAYED), Fault(status=429, content=DELAYED, headers={"Retry-After": "3"})]
    with ChatServer(faults) as server:
        within, header = failure(lambda: ask(server.url)), failure(lambda: ask(server.url))
    assert isinstance(within, TransientError) and within.retry_after == 41.5
    assert isinstance(header, TransientError) and header.retry_after == 3


# The key


def test_the_key_shows_nowhere(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    echo = f"wrong key {CANARY}, header Bearer {CANARY}"

    async def everything(url: str) -> str:
        async with opened(url) as backend:
            seen = [repr(await backend.complete(request()))]
            with pytest.raises(EndpointError) as caught:
                await backend.complete(request())
            seen += [str(caught.value), repr(caught.value), repr(backend), str(backend), backend.model_dump_json()]
            return " ".join([*seen, repr(backend._endpoint), repr(backend.model_dump())])

    with ChatServer([None, Fault(status=401, message=echo)]) as server:
        seen = asyncio.run(everything(server.url))
    assert "wrong key ***, header Bearer ***" in seen
    assert "OPENAI_API_KEY" in seen
    output = capfd.readouterr()
    assert CANARY not in seen + caplog.text + output.out + output.err


@pytest.mark.parametrize("spell", [str, partial(quote, safe=""), quote, lambda key: b64encode(key.encode()).decode()])
def test_a_key_that_a_gateway_spells_otherwise_shows_nowhere(
    monkeypatch: pytest.MonkeyPatch, spell: Callable[[str], str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key := "sk-A/b+c d=1234567890")
    for whole in (key, f"Bearer {key}"):
        with ChatServer([Fault(status=400, message=f"no {spell(whole)}.")]) as server:
            said = str(failure(lambda: ask(server.url)))
        assert "***" in said
        assert not any(part in said for part in (key, quote(key), spell(whole)[:-4]))


def test_the_key_is_taken_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", " sk-other\n")
    with ChatServer() as server:
        ask(server.url, api_key_env="OTHER_KEY")
        ask(server.url, api_key_env="NOT_SET")
    assert [call.headers["authorization"] for call in server.calls] == ["Bearer sk-other", "Bearer no-key"]


def test_further_headers_are_taken_from_the_variables_that_are_named_and_not_repeated(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = "headers_env={X-Team: TEAM, x-portkey-api-key: PORTKEY}"
    headers = ("--set", f"responder.{given}", "--set", f"rewriter.{given}")
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "Why?"}])
    secret = "pk-of-the-gateway"
    with ChatServer([None, Fault(status=400, message=f"bad {secret}")]) as server:
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--base-url", server.url, *headers)
        unset = rmboost(*run)
        assert (unset.code, "TEAM, which the header X-Team is sent with, is not set" in unset.err) == (4, True)
        assert not server.calls
        monkeypatch.setenv("TEAM", "rm")
        monkeypatch.setenv("PORTKEY", secret)
        refused = rmboost(*run)
    assert (server.calls[0].headers["x-team"], server.calls[0].headers["x-portkey-api-key"]) == ("rm", secret)
    files = [path.read_text("latin-1") for path in (tmp_path / "o.run").iterdir()]
    assert refused.code == 5 and any("bad ***" in text for text in files)
    assert not any(secret in text for text in (refused.err, *files))


@pytest.mark.parametrize("name", ["Authorization", "content-length", "Host", "X Team", ""])
def test_headers_of_ours_are_not_set_by_others(name: str) -> None:
    error = failure(lambda: config.load(flags={"judge.headers_env": {name: "TEAM"}}))
    assert "judge.headers_env" in error.message and "is no header to be set here" in error.message


@contextlib.contextmanager
def refusing_proxy(
    reply: bytes = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
) -> Iterator[tuple[str, list[bytes]]]:
    """Where a proxy listens that lets nobody through, and what was sent to it."""
    heard: list[bytes] = []

    def refuse() -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                with listening.accept()[0] as connection:
                    heard.append(connection.recv(4096))
                    connection.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=refuse, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}", heard
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        ("http://new.example/v1/chat/completions", "it has moved: --base-url http://new.example/v1"),
        ("https://new.example/v1/chat/completions/?a=1", "it has moved: --base-url https://new.example/v1"),
        ("https://login.example/", "it has moved: --base-url https://login.example"),
        ("", ""),
        ("/v1/chat/completions", ""),
    ],
)
def test_a_redirection_names_the_server_and_not_the_call(location: str, hint: str) -> None:
    error = Endpoint("http://old.example/v1", "KEY", "secret").refusal(308, b"", {"location": location})
    assert (type(error), error.hint) == (EndpointError, hint)


def test_behind_a_proxy_no_redirection_takes_the_prompts_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://elsewhere.invalid/v1\r\nContent-Length: 0\r\n\r\n"
    with refusing_proxy(moved) as (proxy, heard):
        monkeypatch.setenv("http_proxy", f"http://{proxy}")
        error = failure(lambda: ask("http://model-server.invalid/v1"))
    assert (type(error), "elsewhere.invalid" in error.hint, len(heard)) == (EndpointError, True, 1)


def test_behind_a_proxy_no_reply_is_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmboost.backends.detour.MOST_BYTES", 10_000)
    with refusing_proxy(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000) as (proxy, _):
        monkeypatch.setenv("http_proxy", f"http://{proxy}")
        error = failure(lambda: ask("http://model-server.invalid/v1"))
    assert "the reply is too large" in str(error)


@pytest.mark.parametrize(
    "address", ["https://model-server.invalid/v1", "http://model-server.invalid/v1", "HTTPS://model-server.invalid/v1"]
)
def test_the_password_of_a_proxy_goes_to_the_proxy_and_shows_nowhere(
    address: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    with refusing_proxy() as (proxy, heard):
        monkeypatch.setenv(f"{urlsplit(address).scheme}_proxy", f"http://user:{PASSWORD}%2F@{proxy}")
        error = failure(lambda: ask(address))
    login = b64encode(f"user:{PASSWORD}/".encode())
    assert [b"Proxy-Authorization: Basic " + login in each for each in heard] == [True]
    assert (b"Bearer" in heard[0]) is not address.lower().startswith("https"), "a tunnel is not told the key"
    output = capfd.readouterr()
    seen = f"{error!r} {error} {error.hint}"
    assert "407" in seen
    assert PASSWORD not in seen + caplog.text + output.out + output.err


@pytest.mark.parametrize(
    "password", [f"{PASSWORD}/x", f"12/{PASSWORD}", f"{PASSWORD}#x", f"12#{PASSWORD}", f"12?{PASSWORD}", f"[{PASSWORD}"]
)
def test_a_password_of_a_proxy_that_breaks_its_address_is_not_repeated(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://user:{password}@127.0.0.1:{free_port()}")
    error = failure(lambda: check("https://model-server.invalid/v1"))
    assert (type(error), "%2F" in error.hint) == (EndpointError, True)
    assert PASSWORD not in error.message + error.hint


def test_openai_itself_wants_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    error = failure(lambda: asyncio.run(OpenAIBackend(model="gpt-x").check()))
    assert type(error) is EndpointError
    assert "OPENAI_API_KEY is not set" in error.message
    assert "export OPENAI_API_KEY=" in error.hint
    assert all(way in error.hint for way in ("--base-url URL", "--model local:NAME", "rmboost model list"))


def test_a_key_that_cannot_be_one_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{CANARY}é")
    assert "OPENAI_API_KEY holds characters" in failure(lambda: ask("http://127.0.0.1:9/v1")).message


# Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": "localhost:8000/v1"}, "is not an address"),
        ({"base_url": "ftp://host/v1"}, "is not an address"),
        ({"base_url": "http://host:80a0/v1"}, "is not an address"),
        ({"base_url": "http://host:80800/v1"}, "is not an address"),
        ({"base_url": "http://[::1/v1"}, "is not an address"),
        ({"base_url": "http://a..ü/v1"}, "is not an address"),
        ({"base_url": "http://host/v1/chat/completions/"}, "names a call"),
        ({"base_url": f"http://user:{CANARY}@host/v1"}, "holds a password"),
        ({"base_url": f"http://user:{CANARY}/@host/v1"}, "holds a password"),
        ({"base_url": f"http://host/v1?api_key={CANARY}"}, "has a ? or a #"),
        ({"base_url": f"http://host/v1#{CANARY}"}, "has a ? or a #"),
        ({"api_key_env": CANARY}, "api_key_env"),
        ({"model": ""}, "model"),
        ({"timeout": 0}, "timeout"),
        ({"connections": 0}, "connections"),
        ({"api_key": CANARY}, "no such option"),
    ],
)
def test_wrong_options_are_found_when_it_is_built(options: Mapping[str, Any], words: str) -> None:
    given = {"name": "openai", "model": "m", **options}
    error = failure(lambda: registry.build("backend", backends.CATALOGUE, Backend, given))
    assert type(error) is ConfigError
    assert words in error.message
    assert CANARY not in error.message + error.hint


def test_the_address_comes_from_the_environment_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/")
        backend = OpenAIBackend(model="test-model")
        asyncio.run(backend.check())
        assert server.connections
        assert only_model() == "test-model"


@pytest.mark.parametrize(
    ("address", "proxied"),
    [
        ("http://localhost:8000/v1", False),
        ("http://127.0.0.9/v1", False),
        ("http://[::1]:8000/v1", False),
        ("http://node7:8000/v1", True),
        ("https://api.openai.com/v1", True),
    ],
)
def test_proxies_are_for_other_machines(address: str, proxied: bool) -> None:
    assert Endpoint.find(address, "OPENAI_API_KEY").is_proxied is proxied


def test_a_proxy_does_not_come_between_us_and_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    with ChatServer() as server:
        check(server.url)
        assert ask(server.url).text


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY"])
def test_a_proxy_is_asked_for_other_machines_unless_told_not_to(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://model-server.invalid/v1"
    with ChatServer() as server:
        monkeypatch.setenv(name, server.url.removesuffix("/v1"))
        assert f"no {url}/chat/completions here" in failure(lambda: ask(url)).message
        monkeypatch.setenv("NO_PROXY", "model-server.invalid")
        assert "no connection" in failure(lambda: ask(url)).message


def test_a_password_in_netrc_does_not_take_the_place_of_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with ChatServer() as server:
        ask(server.url)
    assert server.calls[0].headers["authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1", "http://127.0.0.1:1"])
def test_a_proxy_that_does_not_work_is_named(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = failure(lambda: check("http://model-server.invalid/v1"))
    assert type(error) is EndpointError
    assert "ALL_PROXY" in error.hint


# The check


MODELS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "listed": (("a", "test-model"), "test-model", ""),
    "tag left out": (("llama3.2:latest",), "llama3.2", ""),
    "folder left out": (("models/gemini-flash",), "gemini-flash", ""),
    "pattern": (("anthropic/*", "openai/*"), "openai/gpt-x", ""),
    "variant": (("meta/llama",), "meta/llama:free", ""),
    "no list": ((), "anything", ""),
    "near": (("qwen2.5-7b", "llama-3"), "qwen2.5-7", "did you mean 'qwen2.5-7b'?"),
    "far": (("qwen2.5-7b", "llama-3"), "zzz", "known: llama-3, qwen2.5-7b"),
    "far among many": (tuple(f"vendor/model-{i}" for i in range(300)), "zzz", " …"),
}


@pytest.mark.parametrize(("served", "asked", "hint"), MODELS.values(), ids=MODELS)
def test_the_check_knows_the_models_served(served: tuple[str, ...], asked: str, hint: str) -> None:
    with ChatServer(models=served) as server:
        if not hint:
            check(server.url, asked)
            return
        error = failure(lambda: check(server.url, asked))
    assert type(error) is EndpointError
    assert error.message == f"no model {asked!r} at {server.url}"
    assert hint in error.hint
    assert len(error.hint) <= 400


SCOPES = "You have insufficient permissions for this operation. Missing scopes: api.model.read."

CHECKS: dict[str, tuple[Fault, bool]] = {
    **{f"status {code}": (status(code), True) for code in (400, 404, 405, 429, 500, 503)},
    "key without the right to list": (Fault(status=403, message=SCOPES), True),
    "list that wants another header": (Fault(status=401, message="Invalid bearer token"), True),
    "HTML": (Fault(content=b"<html>"), True),
    "a bare list": (Fault(content=b'[{"id": "test-model"}, {"id": "b"}, "c"]'), True),
    "disconnect": (Fault(hang_up="at once"), True),
    "unauthorized": (status(401), False),
    "forbidden": (status(403), False),
    "account that broke the rules": (Fault(status=403, message="Suspended for breaking our content policy"), False),
}


@pytest.mark.parametrize(("fault", "passes"), CHECKS.values(), ids=CHECKS)
def test_the_check_stops_only_what_cannot_work(fault: Fault, passes: bool) -> None:
    with ChatServer(models_fault=fault, nothing_asked=status(400) if passes else fault) as server:
        if passes:
            check(server.url)
            return
        error = failure(lambda: check(server.url))
    assert type(error) is EndpointError
    assert "OPENAI_API_KEY" in error.hint


def test_a_key_that_is_refused_is_told_from_none(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(models_fault=status(401), nothing_asked=status(401)) as server:
        assert failure(lambda: check(server.url)).hint.startswith("what OPENAI_API_KEY holds is no key")
        monkeypatch.delenv("OPENAI_API_KEY")
        assert failure(lambda: check(server.url)).hint == "OPENAI_API_KEY is not set: export OPENAI_API_KEY=…"


def test_the_check_costs_no_completion() -> None:
    with ChatServer() as server:
        check(server.url)
    assert server.calls == []


def test_the_only_model_is_found_or_a_choice_is_asked_for() -> None:
    with ChatServer() as server:
        assert only_model(server.url, "OPENAI_API_KEY") == "test-model"
    with ChatServer(models=("b", "a")) as server:
        error = failure(lambda: only_model(server.url, "OPENAI_API_KEY"))
    assert "serves 2 models" in error.message
    assert "--model NAME: a, b" in error.hint
    with ChatServer(models=()) as server:
        assert "--model NAME" in failure(lambda: only_model(server.url, "OPENAI_API_KEY")).hint


def test_an_address_that_lacks_its_end_is_told() -> None:
    with ChatServer() as server:
        short = server.url.removesuffix("/v1")
        for use in (lambda: only_model(short), lambda: ask(short)):
            assert f"often ends in /v1: {server.url}" in failure(use).hint


def test_a_missing_model_is_no_missing_end_of_an_address() -> None:
    with ChatServer() as server:
        short = server.url.removesuffix("/v1")
        endpoint = Endpoint.find(short, "OPENAI_API_KEY")
    assert "/v1/v1" not in (hint := endpoint.where_to_look("The model `x` does not exist."))
    assert f"curl {short}/models" in hint


def test_azure_is_told_apart() -> None:
    old = f"https://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024&code={CANARY}"
    error = failure(lambda: Endpoint.find(old, "OPENAI_API_KEY"))
    assert type(error) is ConfigError
    assert "write https://me.openai.azure.com/openai/v1, and --model" in error.hint
    endpoint = Endpoint.find("https://me.openai.azure.com/openai/v1", "OPENAI_API_KEY")
    assert "deployment" in endpoint.where_to_look("Resource not found")


def test_https_where_nobody_speaks_it_is_doubted() -> None:
    error = failure(lambda: check("https://127.0.0.1:9/v1"))
    assert "http://127.0.0.1:9/v1" in error.hint
    assert "http:" not in failure(lambda: check("http://127.0.0.1:9/v1")).hint


# Many at once


async def at_once(backend: OpenAIBackend, count: int) -> list[Response | BaseException]:
    calls = [backend.complete(request(f"prompt {i}")) for i in range(count)]
    return await asyncio.gather(*calls, return_exceptions=True)


def test_200_are_in_flight_together_and_their_connections_are_used_again() -> None:
    async def thrice(url: str) -> list[list[Any]]:
        async with opened(url) as backend:
            return [await at_once(backend, 200) for _ in range(3)]

    with ChatServer(latency=0.5) as server:
        rounds = asyncio.run(thrice(server.url))
    assert all(isinstance(answer, Response) for answers in rounds for answer in answers)
    assert rounds[0] == rounds[1] == rounds[2]
    assert len(server.calls) == 600
    assert server.max_in_flight > 100
    assert server.connections <= 250


def test_no_more_connections_than_allowed() -> None:
    async def many(url: str) -> list[Any]:
        async with opened(url, connections=4) as backend:
            return await at_once(backend, 40)

    with ChatServer(latency=0.01) as server:
        answers = asyncio.run(many(server.url))
    assert all(isinstance(answer, Response) for answer in answers)
    assert server.max_in_flight == 4
    assert server.connections <= 8


def test_what_fails_at_first_succeeds_when_asked_again() -> None:
    async def twice(url: str) -> tuple[list[Any], list[Any]]:
        async with opened(url) as backend:
            return await at_once(backend, 100), await at_once(backend, 100)

    with ChatServer(some(0.3, status(429), Fault(content=b"{"), Fault(hang_up="half way"))) as server:
        first, second = asyncio.run(twice(server.url))
    assert 10 < sum(isinstance(answer, TransientError) for answer in first) < 60
    assert all(isinstance(answer, Response) for answer in second)


def test_one_backend_serves_one_event_loop_after_another() -> None:
    with ChatServer() as server:
        backend = OpenAIBackend(model="test-model", base_url=server.url)

        async def once() -> Response:
            try:
                return await backend.complete(request())
            finally:
                await backend.close()

        assert asyncio.run(once()) == asyncio.run(once())
        asyncio.run(backend.close())
    twin = OpenAIBackend(model="test-model", base_url=server.url)
    assert (backend, hash(backend)) == (twin, hash(twin))


def test_a_cancelled_call_leaves_its_connection_to_the_next() -> None:
    async def cancelled(url: str) -> Response:
        async with opened(url, connections=1) as backend:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(backend.complete(request()), 0.1)
            return await backend.complete(request())

    with ChatServer([Fault(hang_up="never answer")]) as server:
        assert asyncio.run(cancelled(server.url)).text


# The server as a program


def test_the_server_runs_on_its_own() -> None:
    program = [sys.executable, str(Path(__file__).with_name("chat_server.py")), "--port", "0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            assert ask(process.stdout.readline().strip()).text
        finally:
            process.terminate()


def test_nothing_heavy_is_imported_before_the_first_request() -> None:
    code = "import sys, rmboost.backends.openai; sys.exit(bool({'aiohttp', 'httptools'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
