"""What an endpoint says in its headers is left of its limits."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import mktime_tz, parsedate_tz
from math import isfinite

from rmboost.records import Quota

_NAMES = (  # what is left, and when it is whole again
    ("x-ratelimit-remaining-{}", "x-ratelimit-reset-{}"),
    ("anthropic-ratelimit-{}-remaining", "anthropic-ratelimit-{}-reset"),
)
_PLAIN = (("x-ratelimit-remaining", "x-ratelimit-reset"), ("ratelimit-remaining", "ratelimit-reset"))
_TELLING = {left.format(what) for left, _ in (*_NAMES, *_PLAIN) for what in ("requests", "tokens")}
"""The headers without which an endpoint says nothing of its limits, as most do."""
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read(headers: Mapping[str, str]) -> Quota | None:
    """The quota, from the headers of OpenAI, Anthropic, OpenRouter and the IETF draft; None when there are none."""
    if not any(map(headers.__contains__, _TELLING)):
        return None
    for left, reset in _NAMES:
        requests, tokens = (headers.get(left.format(what)) for what in ("requests", "tokens"))
        if requests or tokens:
            resets = (_seconds(headers, reset.format(what)) for what in ("requests", "tokens"))
            return Quota(_whole(requests), _whole(tokens), *resets)
    for left, reset in _PLAIN:
        if requests := headers.get(left):
            return Quota(_whole(requests), None, _seconds(headers, reset))
    return None


def moment(date: str) -> float | None:
    """The unix time of a header's date; None for what is none."""
    parts = parsedate_tz(date)
    try:
        return float(mktime_tz(parts)) if parts else None
    except (ValueError, OverflowError):
        return None


def clock(headers: Mapping[str, str]) -> float:
    """The unix time by the server's clock, else by ours: its moments are meant by its own."""
    now = moment(headers.get("date", ""))
    return time.time() if now is None else now


def _seconds(headers: Mapping[str, str], name: str) -> float:
    text = headers.get(name, "")
    return seconds(text, clock(headers)) if text else 0.0


def seconds(text: str, now: float) -> float:
    """Seconds from now: ``6m0s``, ``20ms``, ``12`` (seconds), a unix time in seconds or milliseconds, an ISO date."""
    if parts := _PART.findall(text):
        return sum(float(number) * _SECONDS[unit] for number, unit in parts)
    try:
        number = float(text)
    except ValueError:
        return _until_date(text, now)
    if not isfinite(number):
        return 0.0
    if number > 1e8:  # a moment and no duration
        number = number / (1000 if number > 1e11 else 1) - now
    return max(0.0, number)


def _until_date(text: str, now: float) -> float:
    try:
        return max(0.0, datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0


def _whole(text: str | None) -> int | None:
    return int(text.strip()[:18]) if text and text.strip().isdecimal() else None
