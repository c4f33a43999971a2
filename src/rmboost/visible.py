"""Text that cannot drive a terminal: what would act, hide or reorder is shown as a sign instead."""

from __future__ import annotations

import json
import re
from typing import Any

# Controls, bidirectional overrides, zero-width and tag characters, line separators, lone surrogates. Line feed
# and tab are text; so are the joiners U+200C and U+200D, which Persian and some emoji are written with.
ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """``text`` with every active character replaced: ESC is ␛, U+202E is <U+202E>; lines and tabs stay."""
    return ACTIVE.sub(lambda match: _sign(match.group()), text)


def one_line(text: str, limit: int = 60) -> str:
    """``text`` made visible on one line of at most ``limit`` characters, for titles and messages."""
    line = " ".join(visible(text[: 4 * limit].replace("\n", "⏎")).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def json_line(value: Any) -> str:
    """``value`` as one line of JSON, readable in every script, its active characters as escapes."""
    line = json.dumps(value, ensure_ascii=False)
    return ACTIVE.sub(lambda match: json.dumps(match.group())[1:-1], line)


def _sign(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"
