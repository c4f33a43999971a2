"""What a server says when it refuses: its words, whether it is about money or the prompt, and how long to wait."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

from rmboost.backends import quota

_NO_CREDIT = {
    *("insufficient_quota", "exceeded_current_quota_error", "budget_exceeded"),
    *("billing_hard_limit_reached", "billing_not_active", "billing_error"),
}
_SPENT = re.compile(
    r"credit balance|insufficient (?:balance|credit|funds)|have any credits|all available credits"
    r"|(?:spend|spending|usage) limit",
    re.IGNORECASE,
)
"""What servers say with 400 or 403 where 402 is meant."""
_ROOM = 400
"""Characters of what is said of an account; a longer error repeats what was asked, which may be about money."""
_OF_THE_PROMPT = re.compile(r"usage guidelines|content (?:policy|policies|filter)|moderation|safety", re.IGNORECASE)
"""What servers say with 403 of a prompt that they do not want; of a key they say other things."""
_OF_WHO_ASKS = re.compile(
    r"\A\s*<|\b(?:account|key|organi[sz]ation|access)\b[^.]{0,40}\b(?:suspended|deactivated|disabled|revoked|terminated)",
    re.IGNORECASE,
)
"""A page of a web filter on the way there, or what is said of a key for good."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from milliseconds, seconds or a date by the server's clock; None when it does not say."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if isfinite(seconds):
            return max(0.0, seconds)
    until = quota.moment(headers.get("retry-after", ""))
    return None if until is None else max(0.0, until - quota.clock(headers))


def wait(headers: Mapping[str, str], details: Mapping[str, Any]) -> float | None:
    """Seconds that the server asks to be left alone: by a header, or within the error as Google does."""
    told = details.get("details")
    delays = (mapping(each).get("retryDelay") for each in told) if isinstance(told, list) else ()
    delay = next((each for each in delays if isinstance(each, str)), None)
    asked = retry_after(headers)
    return quota.seconds(delay, 0.0) if asked is None and delay else asked


def no_credit(status: int, said: str, details: Mapping[str, Any], wait: float | None) -> bool:
    """Whether nothing more is answered until somebody pays; a 402 that names a time is only for so long."""
    coded = not _NO_CREDIT.isdisjoint((str(details.get("code")), str(details.get("type"))))
    told = status in (400, 403, 412) and len(said) < _ROOM and bool(_SPENT.search(said))
    return coded or told or (status == 402 and wait is None)


def of_the_prompt(said: str, details: Mapping[str, Any]) -> bool:
    """Whether a 403 is about what was asked, and not about who asks."""
    unwanted = _OF_THE_PROMPT.search(said) and not _OF_WHO_ASKS.search(said)
    return "flagged_input" in mapping(details.get("metadata")) or bool(unwanted)


def read(body: bytes) -> tuple[str, dict[str, Any]]:
    """A server's message and the object it came in, whichever of the usual shapes that has."""
    found = json_of(body)
    if isinstance(found, list) and found:
        found = found[0]
    if isinstance(found, dict):
        found = found.get("error") or found
    if not isinstance(found, dict):
        return body.decode("utf-8", "replace") if found is None else str(found), {}
    said = found.get("message") or found.get("detail") or json.dumps(found, ensure_ascii=False)
    upstream = mapping(found.get("metadata")).get("raw")  # OpenRouter's own words are but "Provider returned error"
    return f"{said}: {read(upstream.encode('utf-8', 'replace'))[0]}" if isinstance(upstream, str) else str(said), found


def json_of(body: bytes) -> Any:
    """What a body holds; None when it is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, or an empty mapping in place of what is none."""
    return value if isinstance(value, dict) else {}
