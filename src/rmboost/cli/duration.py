"""Durations as people type them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+|\d+(?:\.\d+)?")
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms]?)")
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0}

if TYPE_CHECKING:
    _Type = click.ParamType[float]
else:
    _Type = click.ParamType  # it takes no parameter before click 8.4, and older ones stand beside many trainers


class Duration(_Type):
    """``2h``, ``90m``, ``1h30m``, ``45s`` or plain seconds, as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).strip()
        if not _WHOLE.fullmatch(text):
            self.fail(f"{text!r} is no duration; write it like 2h, 90m or 1h30m", param, ctx)
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
