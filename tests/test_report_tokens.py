"""Tokens of a pair, as a tokenizer of the user's counts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rmboost.errors import ConfigError
from rmboost.report.tokens import Tokenizer

pytest.importorskip("tokenizers")

ONE_WORD_ONE_TOKEN: dict[str, Any] = {
    "version": "1.0",
    "pre_tokenizer": {"type": "WhitespaceSplit"},
    "model": {"type": "WordLevel", "vocab": {"?": 0, "a": 1, "b": 2}, "unk_token": "?"},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "truncation": {
        "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
    },
    "padding": {
        "padding": {
            "strategy": {"Fixed": 32},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "?",
        },
    },
}


@pytest.mark.parametrize("settings", SETTINGS)
def test_counts_are_of_the_text_whatever_the_file_has_set(tmp_path: Path, settings: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(ONE_WORD_ONE_TOKEN | SETTINGS[settings]))
    assert Tokenizer(path).of("a b a b ", "a a a b", "a b") == (8, 6, 5)
    assert Tokenizer(path).of("a \ud83d ", "b", "\udc00 b") == (3, 4, 2), "half a character is a token, no traceback"


def test_another_file_is_no_tokenizer(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(ConfigError, match="is no tokenizer"):
        Tokenizer(path)
