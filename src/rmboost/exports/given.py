"""A row as it was read: what a run over somebody's pairs adds its own columns to."""

from __future__ import annotations

from typing import Any

from rmboost.exports import Export
from rmboost.records import Pair


class Given(Export):
    """All columns of the input, in their order and with their values."""

    def row(self, pair: Pair) -> dict[str, Any]:
        return dict(pair.prompt.metadata)
