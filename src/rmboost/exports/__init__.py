"""Exports: the shape of a row on disk. The contract and the catalogue.

To add one: a file here with a subclass of Export, a line in CATALOGUE.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from rmboost.records import Pair
from rmboost.registry import Component

CATALOGUE = {
    "trl": "rmboost.exports.trl:TRL",
    "given": "rmboost.exports.given:Given",
}


class Export(Component):
    """One way to write a pair."""

    @abstractmethod
    def row(self, pair: Pair) -> dict[str, Any]:
        """The pair as a JSON object."""
