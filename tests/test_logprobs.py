"""Log-probabilities over a real socket: asked for, read, and gone without where a server has none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault
from rmboost.backends import logprobs
from rmboost.backends.openai import OpenAIBackend
from rmboost.errors import BackendError, TransientError
from rmboost.records import Request, Response

ASKED = Request(({"role": "user", "content": "Which is better? Answer with the letter A or B."},), 1, {}, 20)


def ask(server: ChatServer, *requests: Request) -> list[Response]:
    async def scene() -> list[Response]:
        backend = OpenAIBackend(model="test-model", base_url=server.url)
        try:
            return [await backend.complete(request) for request in requests]
        finally:
            await backend.close()

    return asyncio.run(scene())


def refusing(allowed: int, message: str, status: int = 400) -> Callable[[Call], Fault | None]:
    """A server that gives ``allowed`` tokens a place and refuses to give more."""
    return lambda call: Fault(status=status, message=message) if call.body.get("top_logprobs", 0) > allowed else None


def test_the_written_token_comes_first_and_then_the_likeliest() -> None:
    with ChatServer() as server:
        (answer,) = ask(server, ASKED)
    assert (server.calls[0].body["logprobs"], server.calls[0].body["top_logprobs"]) == (True, 20)
    assert next(iter(answer.top[0])) == answer.text
    assert set(answer.top[0]) == {"A", "B"}


def test_nothing_is_said_of_them_where_none_are_wanted() -> None:
    with ChatServer() as server:
        (answer,) = ask(server, Request(ASKED.messages, 1))
    assert answer.top == ()
    assert "logprobs" not in server.calls[0].body and "top_logprobs" not in server.calls[0].body


@pytest.mark.parametrize(
    ("allowed", "message", "asked"),
    [
        (5, "top_logprobs must be at most 5", [20, 5, 5]),
        (0, "Unable to submit request because Logprobs is not supported for this model.", [20, 5, None, None]),
        (0, "unknown field: log_probs", [20, 5, None, None]),
    ],
)
def test_a_server_that_refuses_is_asked_for_less_from_then_on(allowed: int, message: str, asked: list[Any]) -> None:
    with ChatServer(refusing(allowed, message)) as server:
        answers = ask(server, ASKED, ASKED)
    assert [call.body.get("top_logprobs") for call in server.calls] == asked
    assert all(bool(answer.top) == bool(allowed) for answer in answers)


def test_a_model_that_gives_none_is_no_wrong_key() -> None:
    with ChatServer(refusing(0, "You are not allowed to request logprobs from this model", 403)) as server:
        (answer,) = ask(server, ASKED)
    assert answer.text and not answer.top


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=400, message="too long"), BackendError),
        (Fault(status=503, message="logprobs are busy"), TransientError),
    ],
)
def test_other_refusals_are_what_they_were(fault: Fault, error: type[BackendError]) -> None:
    with ChatServer([fault]) as server, pytest.raises(error):
        ask(server, ASKED)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"content": None},
        {"tokens": ["A"], "token_logprobs": [-0.1]},
        {"content": [{"token": "A"}]},
        {"content": [{"token": "A", "logprob": float("nan")}]},
        {"content": [{"token": "A", "logprob": -1.0, "top_logprobs": [{"token": "B", "logprob": 1000.0}]}]},
        [1],
        "no",
    ],
)
def test_what_has_another_form_is_left_alone(found: Any) -> None:
    assert logprobs.read(found) == ()


def test_a_place_whose_written_token_is_not_among_the_likeliest() -> None:
    likeliest = [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -3.0}]
    found = {"content": [{"token": "C", "logprob": -7.0, "top_logprobs": likeliest}, {"token": ".", "logprob": 0.0}]}
    assert [list(place) for place in logprobs.read(found)] == [["C", "A", "B"], ["."]]


def test_of_a_long_answer_the_end_is_kept() -> None:
    found = {"content": [{"token": str(number), "logprob": 0.0} for number in range(100)]}
    assert [next(iter(place)) for place in logprobs.read(found)] == [str(number) for number in range(84, 100)]
