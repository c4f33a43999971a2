"""Parameters that a model refuses: one clear message at the first call, which says what to type."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rmboost
from chat_server import Call, ChatServer, Fault
from rmboost.backends.unwanted import parameter
from rmboost.errors import EndpointError

SENT = ("seed", "temperature", "top_p", "max_tokens", "presence_penalty")
RENAMED = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
EXTRA = {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (RENAMED, "max_tokens"),
        (
            "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) …",
            "temperature",
        ),
        ("`temperature` is deprecated for this model.", "temperature"),
        ("`temperature` and `top_p` cannot both be specified for this model. Please use only one.", "temperature"),
        (str(EXTRA), "seed"),
        ('Invalid JSON payload received. Unknown name "seed": Cannot find field.', "seed"),
        ("Argument not supported on this model: presencePenalty", "presence_penalty"),
        ("litellm.UnsupportedParamsError: gpt-5 models don't support temperature=0.5.", "temperature"),
        ("Unrecognized request argument supplied: seed", "seed"),
        ("'max_tokens' is too large: 8192. This model's maximum context length is 4096 tokens …", ""),
        ("This model's maximum context length is 4096 tokens.", ""),
        ("max_tokens (50) and the prompt's 4090 are not allowed to exceed the context of 4096 tokens", ""),
        ("Unexpected length: the prompt is too long for max_tokens=50", ""),
        ("The response was filtered due to the prompt triggering a content management policy.", ""),
        ("messages: reseeding is not supported", ""),
        ("unknown error", ""),
        ("", ""),
    ],
)
def test_it_is_found_in_the_words_of_many_servers(said: str, found: str) -> None:
    assert parameter(said, SENT) == found


def generate(tmp_path: Path, script: Callable[[Call], Fault | None], **settings: Any) -> tuple[str, str, int]:
    """The message and the hint of a run that ends by them, and how many requests it took."""
    prompts = [f"What is {n} plus one?" for n in range(40)]
    with ChatServer(script) as server, pytest.raises(EndpointError) as error:
        rmboost.generate(
            prompts, tmp_path / "pairs.jsonl", model="test-model", base_url=server.url, concurrency=1, **settings
        )
    return error.value.message, error.value.hint, len(server.calls)


def refusing(name: str, error: Any, status: int = 400) -> Callable[[Call], Fault | None]:
    fault = Fault(status=status, content=json.dumps({"error": error}).encode())
    return lambda call: fault if name in call.body else None


def test_a_run_ends_at_the_first_call_and_says_what_to_type(tmp_path: Path) -> None:
    message, hint, calls = generate(tmp_path, refusing("seed", {"message": EXTRA}, 422))
    assert "HTTP 422" in message
    assert hint == "without it: --set responder.extra.seed=null --set rewriter.extra.seed=null"
    assert calls == 1


def test_only_roles_that_send_it_are_named_and_its_new_name_is(tmp_path: Path) -> None:
    _, hint, calls = generate(tmp_path, refusing("max_tokens", {"message": RENAMED}), rewriter__max_tokens=300)
    assert hint == ("without it: --set rewriter.extra.max_tokens=null --set rewriter.extra.max_completion_tokens=300")
    assert calls == 2, "the first response, and the edit that is refused"


def test_what_was_left_out_is_not_what_is_refused(tmp_path: Path) -> None:
    fault = Fault(status=400, message="Use 'max_tokens', for 'max_completion_tokens' is not supported with this model.")
    left_out = {"max_tokens": None, "max_completion_tokens": 300}
    _, hint, _ = generate(tmp_path, lambda _: fault, responder__extra=left_out)
    assert hint == "without it: --set responder.extra.max_completion_tokens=null"


def test_what_an_upstream_said_behind_openrouter_is_read(tmp_path: Path) -> None:
    upstream = json.dumps({"error": {"message": "Unsupported parameter: 'seed' is not supported with this model."}})
    error = {"message": "Provider returned error", "code": 400, "metadata": {"raw": upstream}}
    message, hint, _ = generate(tmp_path, refusing("seed", error))
    assert "Provider returned error: Unsupported parameter: 'seed'" in message
    assert "extra.seed=null" in hint


def test_where_it_was_taken_before_it_is_the_prompt_that_is_refused(tmp_path: Path) -> None:
    def script(call: Call) -> Fault | None:
        echo = "seed: unexpected words in the prompt"
        return Fault(status=400, message=echo) if "What is 3 " in str(call.body) else None

    with ChatServer(script) as server:
        prompts = [f"What is {n} plus one?" for n in range(6)]
        summary = rmboost.generate(
            prompts, tmp_path / "pairs.jsonl", model="test-model", base_url=server.url, concurrency=1
        )
    assert (summary.tally.kept, summary.tally.failed.total()) == (5, 1)
