"""The tokens of an answer, as endpoints count them: each in its own way, and some of them oddly."""

from __future__ import annotations

from typing import Any

from rmboost.records import Usage

_MANY = 2**53
"""More tokens than any answer takes."""


def read(counted: Any) -> Usage:
    """The ``usage`` of a reply. What is no count is none: a good answer is not asked for again because of it.

    Thinking is paid as part of the answer, and some servers count it in the total alone; cached tokens are part of the
    prompt, and some count them apart.
    """
    if not isinstance(counted, dict):
        return Usage()
    sent, came, total = (_count(counted.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    cached = _cached(counted)
    if cached > sent or (cached and total == sent + came + cached):
        sent += cached
    if sent:
        came = max(came, total - sent)
    elif came:
        sent = max(0, total - came)
    return Usage(sent, came, cached)


def _cached(counted: dict[str, Any]) -> int:
    """Tokens from the server's cache: one place for them is the protocol's, two are servers' own."""
    details = counted.get("prompt_tokens_details")
    of_prompt = details.get("cached_tokens") if isinstance(details, dict) else None
    places = (of_prompt, counted.get("cached_tokens"), counted.get("prompt_cache_hit_tokens"))
    return next(filter(None, map(_count, places)), 0)


def _count(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < _MANY else 0
