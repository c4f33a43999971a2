"""TRL's preference format: standard (strings) when the prompts are plain strings, else conversational (turns)."""

from __future__ import annotations

from typing import Any

from rmboost.exports import Export
from rmboost.records import Pair, Response


class TRL(Export):
    """``prompt``, ``chosen``, ``rejected``, then what rmboost knows of the pair.

    plain: strings, not turns. bare: without ``metadata``, which no prompt has: parquet holds no column that is empty.
    """

    plain: bool = True
    bare: bool = False

    def row(self, pair: Pair) -> dict[str, Any]:
        return {
            "prompt": pair.prompt.text if self.plain else list(pair.prompt.messages),
            "chosen": self._completion(pair.chosen),
            "rejected": self._completion(pair.rejected),
            "aspect": pair.aspects[0] if pair.aspects else None,
            "label": pair.label,
            "aspects": list(pair.aspects),
            "id": pair.prompt.id,
            **({} if self.bare else {"metadata": dict(pair.prompt.metadata)}),
        }

    def _completion(self, response: Response) -> Any:
        return response.text if self.plain else [{"role": "assistant", "content": response.text}]
