"""One row of a preference file, or of a run's rejects, as a reader wants it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rmboost.errors import InputError
from rmboost.inspection.visible import one_line

Turn = tuple[str, str]  # role and text
PAIR, REJECT = ("chosen", "rejected"), ("first", "second")
HINT = (
    "each line is a JSON object with prompt, chosen and rejected, all texts or all lists of messages; "
    "`jq -c '.[]' data.json > data.jsonl` makes lines of a JSON array"
)


@dataclass(frozen=True)
class Row:
    """The parsed object and the number of its line, counted from 1.

    ``sides`` names the two texts: chosen and rejected of a pair, first and second of a reject.
    """

    data: Mapping[str, Any]
    line: int
    sides: tuple[str, str] = PAIR

    @property
    def id(self) -> str:
        """The id, or "" where the file has none."""
        return _text(self.data.get("id"))

    @property
    def label(self) -> str:
        """What the second response was to be, or ""."""
        return _text(self.data.get("label"))

    @property
    def aspect(self) -> str:
        """The primary aspect, or ""."""
        return _text(self.data.get("aspect"))

    @property
    def aspects(self) -> tuple[str, ...]:
        """All aspects, the primary one first."""
        given = self.data.get("aspects")
        every = [self.aspect, *map(_text, given if isinstance(given, list) else [])]
        return tuple(dict.fromkeys(name for name in every if name))

    @property
    def reason(self) -> str:
        """Why a reject was dropped, or "failed" when no answer came; "" for a pair."""
        return "" if self.sides == PAIR else _text(self.data.get("reason") or self.data.get("kind"))

    @property
    def second(self) -> str:
        """The side that was written second, or "" where the file does not say."""
        made = self.data.get("rmboost")
        side = made.get("second") if isinstance(made, dict) else None
        return side if side in self.sides else ""

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """The turns both sides answer."""
        return self._conversation[0]

    @property
    def texts(self) -> tuple[str, str]:
        """The two responses, in the order of ``sides``; "" for one that was never written."""
        return self._conversation[1:]

    @cached_property
    def _conversation(self) -> tuple[tuple[Turn, ...], str, str]:
        prompt = _turns(self.data.get("prompt"), "user")
        left, right = (_turns(self.data.get(side), "assistant") for side in self.sides)
        common = _common(left, right)
        if common and (not prompt or prompt[-1] in common):
            prompt = common  # whole conversations on both sides: their beginning says all that the prompt says
        else:
            prompt += common
        return prompt, _transcript(left[len(common) :]), _transcript(right[len(common) :])


def parse(data: Any, line: int, where: str) -> Row:
    """The row in ``data``; ``where`` names its file and line for messages.

    Raises InputError for anything that is no preference row and no reject.
    """
    if not isinstance(data, dict):
        raise InputError(f"{where}: a JSON {_kind(data)}, not an object", HINT)
    if "reason" in data and not data.keys() & set(PAIR):
        return Row(data, line, REJECT)
    for side in PAIR:
        if side not in data:
            found = one_line(", ".join(map(str, data))) or "nothing"
            raise InputError(f"{where}: no {side!r} in the row, only: {found}", HINT)
        if not _readable(data[side]):
            raise InputError(f"{where}: {side!r} is neither a text nor a list of messages", HINT)
    return Row(data, line)


def _readable(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(turn, dict) and "role" in turn for turn in value)
    return isinstance(value, str)


def _turns(value: Any, role: str) -> tuple[Turn, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and _readable(value):
        return tuple((_text(turn["role"]), _content(turn)) for turn in value)
    return ((role, _text(value)),)


def _content(turn: Mapping[str, Any]) -> str:
    """A turn's text. Parts that are no text, and calls of tools, are shown as the JSON that they are."""
    content = turn.get("content")
    if isinstance(content, list):
        return "\n".join(_text(p["text"] if isinstance(p, dict) and "text" in p else p) for p in content)
    extra = {key: turn[key] for key in turn if key not in ("role", "content")} if not content else {}
    return _text(extra or content)


def _common(left: tuple[Turn, ...], right: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns that both conversations begin with; each keeps at least its last one."""
    same = 0
    while same < min(len(left), len(right)) - 1 and left[same] == right[same]:
        same += 1
    return left[:same]


def _transcript(turns: tuple[Turn, ...]) -> str:
    if len(turns) == 1:
        return turns[0][1]
    return "\n\n".join(f"{role.capitalize()}: {text}" for role, text in turns)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _kind(value: Any) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
