"""Separability: how well the form of two responses alone tells which is chosen, where two models wrote them.

"More is Less", arXiv 2504.02193: pairs with a stronger model's response as chosen and a weaker one's as
rejected can be told apart by surface cues; a policy learns these, and becomes less safe than with both sides from
one model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmboost.errors import ConfigError, InputError

if TYPE_CHECKING:
    from rmboost.rewards import TextPair

LEAST = 30
"""Pairs of two models, below which a figure would say nothing."""
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Separability:
    """The share, 0 to 1, of pairs whose chosen response the reward model ``form`` knows from its form; a coin's is ½.

    low, high: the 95 % interval. pairs: how many were looked at, each by a model trained on others (cross-validation).
    """

    share: float
    low: float
    high: float
    pairs: int

    def __str__(self) -> str:
        """``81.2 % (75.0–87.0)``."""
        return f"{100 * self.share:.1f} % ({100 * self.low:.1f}–{100 * self.high:.1f})"


def separability(output: Path, count: int) -> Separability | None:
    """Of the rows of an output whose sides are by two models: there are ``count``, of which up to 2,000 are looked at.

    None where they are too few or all of one prompt, and where scikit-learn is not installed.
    """
    if count < LEAST:
        return None
    from rmboost import rewards

    try:
        model = rewards.load("form")
    except ConfigError:
        return None
    from rmboost.rewards.study import Study

    pairs = list(islice(_of_two_models(output), 0, None, ceil(count / _MOST)))
    try:
        found = Study(model, {"pairs": pairs}).evaluate(["pairs"], "pairs")
    except InputError:  # one prompt: nothing is left to train on where it is tested
        return None
    return Separability(round(found.value, 4), round(found.low, 4), round(found.high, 4), len(pairs))


def _of_two_models(output: Path) -> Iterator[TextPair]:
    """The pairs whose sides were written by different models, as text."""
    from rmboost.rewards import TextPair

    with output.open("rb") as file:
        for row in map(json.loads, file):
            if len({*row["rmboost"]["models"].values()}) > 1:
                yield TextPair(*(_text(row[side]) for side in ("prompt", "chosen", "rejected")))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "\n\n".join(turn["content"] for turn in value)
