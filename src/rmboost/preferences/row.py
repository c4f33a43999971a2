"""One row of a preference file, or of a run's rejects, as a reader wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rmboost.errors import InputError
from rmboost.preferences.others import hint_for, hint_for_side
from rmboost.preferences.shapes import Turn, conversation, has_side, readable, side, text, transcript
from rmboost.visible import one_line

PAIR, REJECT = ("chosen", "rejected"), ("first", "second")
_WINNERS = ("chosen", "rejected", "tie", "unreadable")
HINT = "each row has prompt, chosen and rejected, all texts or all lists of messages"


@dataclass(frozen=True)
class Row:
    """The object as it was read and the number of its line, counted from 1 (in tables: of its row).

    ``sides`` names the two texts: chosen and rejected of a pair, first and second of a reject.
    """

    data: Mapping[str, Any]
    line: int
    sides: tuple[str, str] = PAIR

    @property
    def id(self) -> str:
        """The id, or "" where the file has none."""
        return text(self.data.get("id"))

    @property
    def label(self) -> str:
        """What the second response was to be, or ""."""
        return text(self.data.get("label"))

    @property
    def aspect(self) -> str:
        """The primary aspect, or ""."""
        return text(self.data.get("aspect"))

    @property
    def aspects(self) -> tuple[str, ...]:
        """All aspects, the primary one first."""
        given = self.data.get("aspects")
        every = [self.aspect, *map(text, given if isinstance(given, list) else [])]
        return tuple(dict.fromkeys(name for name in every if name))

    @property
    def reason(self) -> str:
        """Why a reject was dropped, or "failed" when no answer came; "" for a pair."""
        return "" if self.sides == PAIR else text(self.data.get("reason") or self.data.get("kind"))

    @property
    def second(self) -> str:
        """The side that was written second, or "" where the file does not say."""
        made = self.data.get("rmboost")
        name = made.get("second") if isinstance(made, dict) else None
        return name if name in self.sides else ""

    @property
    def judge(self) -> Mapping[str, Any]:
        """What a judge said: winner, p_chosen, orders_agree, model, votes. Empty where no judge of ours did."""
        said = self.data.get("judge")
        return said if isinstance(said, dict) and said.get("winner") in _WINNERS else {}

    @property
    def prompt(self) -> tuple[Turn, ...]:
        """The turns both sides answer."""
        return self._conversation[0]

    @property
    def prompt_text(self) -> str:
        """The prompt as one text: its only turn, else a transcript."""
        return transcript(self.prompt)

    @property
    def has_prompt(self) -> bool:
        """Whether any turn of it says something."""
        return any(words.strip() for _, words in self.prompt)

    @property
    def texts(self) -> tuple[str, str]:
        """The two responses, in the order of ``sides``; "" for one that was never written."""
        return self._conversation[1:]

    @cached_property
    def _conversation(self) -> tuple[tuple[Turn, ...], str, str]:
        return conversation(self.data, self.sides)


def parse(data: Any, line: int, where: str) -> Row:
    """The row in ``data``; ``where`` names its file and line for messages.

    Raises InputError for anything that is no preference row and no reject.
    """
    if not isinstance(data, dict):
        raise InputError(f"{where}: a JSON {_kind(data)}, not an object", HINT)
    if _is_reject(data):
        return Row(data, line, REJECT)
    for name in PAIR:
        if not has_side(data, name):
            found = one_line(", ".join(map(str, data))) or "nothing"
            raise InputError(f"{where}: no {name!r} in the row, only: {found}", hint_for(data) or HINT)
        if not readable(side(data, name)):
            hint = hint_for_side(side(data, name)) or HINT
            raise InputError(f"{where}: {name!r} is neither a text nor a list of messages", hint)
    return Row(data, line)


def _is_reject(data: Mapping[str, Any]) -> bool:
    """Whether a run of ours wrote it; others have a ``reason`` beside two responses, too."""
    ours = "reason" in data and not data.keys().isdisjoint((*REJECT, "kind"))
    return ours and not any(has_side(data, name) for name in PAIR)


def _kind(value: Any) -> str:
    kinds = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(value), "number")
