"""Checks: each looks at one pair and adds evidence, or drops it with a reason. The contract and the catalogue.

To add one: a file here with a subclass of Check, a line in CATALOGUE, a line in the default list of ``config.py``.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

from rmboost.client import Ask
from rmboost.records import Drop, Pair
from rmboost.registry import Component

CATALOGUE = {
    "form": "rmboost.checks.form:Form",
    "echo": "rmboost.checks.echo:Echo",
    "leak": "rmboost.checks.leak:Leak",
    "refusal": "rmboost.checks.refusal:Refusal",
    "similarity": "rmboost.checks.similarity:Similarity",
}


class Check(Component):
    """One question to a pair. Checks run in the order of the config, cheap ones first.

    on_fail: what becomes of a pair that fails: ``retry`` (draw the blamed call again), ``drop`` (reject it at once) or
    ``flag`` (keep it, with the reason in its evidence).
    """

    on_fail: Literal["retry", "drop", "flag"] = "retry"

    @abstractmethod
    async def run(self, pair: Pair, ask: Ask) -> Pair | Drop:
        """The pair, perhaps with evidence added, or why it is dropped and which call is to be drawn again."""
