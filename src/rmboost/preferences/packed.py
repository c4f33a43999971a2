"""Messages packed into one text, as tables without nested columns hold them: JSON, or what Python or numpy prints."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from typing import Any

_BEGINS = re.compile(r"\s*\[?\s*\{\s*([\"'])(?:role|content|from|value)\1\s*:")
_SPEAKERS = (
    *("system", "developer", "user", "human", "prompter", "assistant", "gpt", "model"),
    *("tool", "function", "function_call", "observation", "ipython"),
)
_BETWEEN = re.compile(r"\}\r?\n *\{")
"""Between what numpy prints there is a line end and no comma; inside of a text that it prints there is no line end."""


def unpacked(value: Any) -> Any:
    """The messages in a text; any other value as it is."""
    if not isinstance(value, str) or not _BEGINS.match(value):
        return value
    found = _read(value)
    return found if found and all(map(_is_message, found if isinstance(found, list) else [found])) else value


def both_unpacked(left: Any, right: Any) -> tuple[Any, Any]:
    """Two sides; where one is a plain text, the other is one, too, if an answer that looks like messages."""
    opened = unpacked(left), unpacked(right)
    return (left, right) if isinstance(opened[0], str) or isinstance(opened[1], str) else opened


def _read(text: str) -> Any:
    """None for what nobody can read."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return literal_eval(_BETWEEN.sub("}, {", text.strip()))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):  # TypeError: a set of lists
        return None


def _is_message(value: Any) -> bool:
    """Whether somebody that talks with models says something; other objects have a role, or a value, too."""
    said = [("role", "content"), ("from", "value")]
    return isinstance(value, dict) and any(value.get(who) in _SPEAKERS and what in value for who, what in said)
