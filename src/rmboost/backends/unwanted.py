"""Parameters that a model refuses: which one it was, in the words of many servers, and how it is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rmboost.errors import BackendError

_NEW_NAME = {"max_tokens": "max_completion_tokens"}
_REFUSED = re.compile(
    r"unsupported|n[o']t support|unknown|unrecognized|unexpected|not permitted|not allowed|forbidden|deprecated"
    r"|cannot both|cannot be (?:specified|set|used)|not a valid field|only the default",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(r"exceed|too (?:long|large|many)|context (?:length|window|size|limit)", re.IGNORECASE)
"""What servers say of a prompt without room for its answer, often with the name of the limit."""


def parameter(said: str, sent: Iterable[str]) -> str:
    """The first of the parameters sent that an error speaks of, when it says that one is not wanted; else nothing."""
    if not _REFUSED.search(said) or _TOO_LONG.search(said):
        return ""
    words = _plain(said)
    found = {name: place for name in sent if (place := _place(_plain(name), words)) >= 0}
    return min(found, key=found.__getitem__, default="")


def hint(error: BackendError, asked: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """What to type so that what the error says is not wanted is no longer sent.

    asked: where the settings of each role stand that asks this endpoint, and what the role samples with.
    """
    name, new = error.unwanted, _NEW_NAME.get(error.unwanted, "")
    typed = []
    for settings, sampling in asked:
        value = sampling.get(name)
        if value is not None or name == "seed":
            typed.append(f"--set {settings}.extra.{name}=null")
            if new and new in error.said:
                typed.append(f"--set {settings}.extra.{new}={value}")
    return f"without it: {' '.join(typed)}"


def _plain(text: str) -> str:
    """Some servers write presencePenalty for presence_penalty."""
    return text.lower().replace("_", "")


def _place(name: str, words: str) -> int:
    found = re.search(rf"(?<![a-z]){re.escape(name)}(?![a-z])", words)
    return found.start() if found else -1
