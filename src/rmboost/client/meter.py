"""The meter of a run: what this process has asked so far, for the progress line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from rmboost.records import Usage


@dataclass
class Meter:
    """What was asked so far, and what is under way.

    limit: calls that may be in flight as things are now. cost: of the run over all restarts; None: a price is missing.
    retries, waiting: requests that were, and calls that will be, sent again, by what went wrong. trouble: what was said
    at the first of each kind. remarks: what a person should know of the backends at work.
    """

    asked: int = 0
    replayed: int = 0
    in_flight: int = 0
    limit: int = 0
    cost: float | None = None
    usage: Usage = field(default_factory=Usage)
    retries: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    trouble: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
