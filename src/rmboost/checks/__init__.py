"""Checks: each looks at one pair and adds evidence, or drops it with a reason. The contract and the catalogue.

To add one: a file here with a subclass of Check, a line in CATALOGUE, a line in DEFAULT_CHECKS of ``config``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal

from rmboost.ask import Ask
from rmboost.records import Drop, Pair
from rmboost.registry import Component

CATALOGUE = {
    "form": "rmboost.checks.form:Form",
    "echo": "rmboost.checks.echo:Echo",
    "length": "rmboost.checks.length:Length",
    "language": "rmboost.checks.language:Language",
    "leak": "rmboost.checks.leak:Leak",
    "refusal": "rmboost.checks.refusal:Refusal",
    "manner": "rmboost.checks.manner:Manner",
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

    def data(self) -> Mapping[str, str]:
        """Hashes of what the check read from files of its own, by name; a change of them is a change of settings."""
        return {}
