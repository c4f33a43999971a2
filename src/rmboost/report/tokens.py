"""How many tokens a trainer would see: estimated from characters, or counted by a tokenizer of the user's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from rapidfuzz.distance import Prefix

from rmboost import texts
from rmboost.errors import ConfigError


class Tokens(Protocol):
    """Counts tokens."""

    says: str
    """how, for the reader"""

    def of(self, prompt: str, chosen: str, rejected: str) -> tuple[float, float, float]:
        """Tokens of prompt and chosen, of prompt and rejected, and of what both of these begin with."""


class Estimate:
    """Four characters a token; in Chinese, Japanese and Korean, one."""

    says = "estimated at four characters a token, one in Chinese, Japanese and Korean"

    def of(self, prompt: str, chosen: str, rejected: str) -> tuple[float, float, float]:
        """See ``Tokens``."""
        before = texts.tokens(prompt)
        same = chosen[: Prefix.similarity(chosen, rejected)]
        return before + texts.tokens(chosen), before + texts.tokens(rejected), before + texts.tokens(same)


class Tokenizer:
    """A ``tokenizer.json`` of Hugging Face's. Raises ConfigError when it cannot be used."""

    def __init__(self, path: Path) -> None:
        try:
            import tokenizers
        except ImportError:
            raise ConfigError("--tokenizer needs the package tokenizers", "pip install tokenizers") from None
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the package raises bare Exceptions
            raise ConfigError(f"{path} is no tokenizer: {error}", "name the model's tokenizer.json") from None
        self._tokenizer.no_truncation()  # the file may hold settings of its training, which would change the counts
        self._tokenizer.no_padding()
        self.says = f"counted by {path}, without special tokens and chat template"

    def of(self, prompt: str, chosen: str, rejected: str) -> tuple[float, float, float]:
        """See ``Tokens``."""
        left, right = (self._ids(prompt + response) for response in (chosen, rejected))
        return len(left), len(right), _same(left, right)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(texts.encodable(text), add_special_tokens=False).ids
        return ids


def _same(left: Iterable[int], right: Iterable[int]) -> int:
    same = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        same += 1
    return same
