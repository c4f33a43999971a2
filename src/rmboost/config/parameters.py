"""Parameters of the chat protocol: those that a role has no setting for, and those that are not the user's to set."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator

from rmboost.registry import Refused, suggest

FURTHER = {
    *("top_k", "top_a", "top_n_sigma", "min_p", "typical_p", "stop", "stop_token_ids", "min_tokens", "logit_bias"),
    *("presence_penalty", "frequency_penalty", "repetition_penalty", "repeat_penalty", "repeat_last_n", "dry_base"),
    *("max_completion_tokens", "reasoning_effort", "verbosity", "chat_template_kwargs", "response_format"),
}
"""Of OpenAI, vLLM, llama.cpp, Ollama, OpenRouter: whoever types one has not misspelt a setting of ours."""

_OWN = "the {0} of a role is a setting of its own: {0}"
_KEY = "a key belongs into a variable, named in the role's api_key_env"
_HEADERS = "headers_env: {X-Team: TEAM} sends what the variable TEAM holds as the header X-Team"
_WHOLE = "answers are read as a whole, and come no sooner in pieces: leave it out"
_NOT_TO_SET = {
    **{name: _OWN.format(name) for name in ("model", "base_url", "timeout")},
    **dict.fromkeys(("authorization", "api_key"), _KEY),
    **dict.fromkeys(("headers", "extra_headers"), _HEADERS),
    **dict.fromkeys(("stream", "stream_options"), _WHOLE),
    "messages": "what is asked stands in templates: prompts: FOLDER",
    "n": "one answer is read of each request; several pairs of a prompt are repetitions: 2",
    "extra_body": "its content goes straight into extra",
    "extra_query": "leave it out: extra is the body of the request alone",
    "seed": "each draw has a seed of its own, from the run's: seed: 1; extra.seed: null leaves it out",
}


def checked(extra: dict[str, Any]) -> dict[str, Any]:
    """The same parameters. Raises Refused for one that would break the request, or make the run's files lie."""
    for name, value in extra.items():
        if (hint := not_to_set(name)) and not (name == "seed" and value is None):
            raise Refused(f"{name!r} cannot be set here", hint)
        _refuse_unsendable(name, value)
    return extra


def _refuse_unsendable(name: str, value: Any) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(
            f"{name!r} cannot be sent as JSON: {error}", "what a request may hold: numbers, texts, lists, mappings"
        ) from None


Further = Annotated[dict[str, Any], AfterValidator(checked)]
"""A field for parameters that there is no setting for."""

_OUR_HEADERS = {
    *("accept", "accept-encoding", "authorization", "connection", "content-encoding", "content-length", "content-type"),
    *("host", "transfer-encoding", "user-agent"),
}
"""Those that each request has anyway."""


def _are_headers(headers: dict[str, str]) -> dict[str, str]:
    """The same headers. Raises Refused for a name that is none, or not the user's to set."""
    for name in headers:
        if name.lower() in _OUR_HEADERS or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise Refused(f"{name!r} is no header to be set here", _KEY if name.lower() == "authorization" else "")
    return headers


Headers = Annotated[dict[str, str], AfterValidator(_are_headers)]
"""A field for further headers of each request, each with the variable that holds it."""


def instead(name: str, within: str, known: Iterable[str]) -> str:
    """What to type in place of an option that a role has not: a parameter of the endpoint's is no misspelt option."""
    if hint := not_to_set(name):
        return hint
    further = f"parameters of the endpoint's own go into extra: --set {within}.extra.{name}=…"
    if name in FURTHER:
        return further
    near = suggest(name, known)
    return near if near.startswith("did") else f"{near}; {further}"


def not_to_set(name: str) -> str:
    """What to do in place of setting this parameter; nothing where it may be set."""
    return _NOT_TO_SET.get(name.lower(), "")
