"""The commands of docs/guides/trainers.md, run as they stand on both forms of pairs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell, read_jsonl, write_jsonl

pytestmark = pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "trainers.md"
COMMANDS = {
    found[1]: found[0] for found in re.finditer(r"^jq -c (?:.*\n)*?.*> (\S+)$", GUIDE.read_text(encoding="utf-8"), re.M)
}
SYSTEM: dict[str, Any] = {"role": "system", "content": "Be kind."}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def wanted(before: list[dict[str, Any]], chosen: str, rejected: str) -> dict[str, dict[str, Any]]:
    """By file, what each trainer is to read of a pair."""
    good, bad = [assistant(chosen)], [assistant(rejected)]
    ranks = [{"rank": 0, "completion": good}, {"rank": 1, "completion": bad}]
    system = next((turn["content"] for turn in before if turn["role"] == "system"), "")
    return {
        "ranked.jsonl": {"messages": before, "chosen": good[0], "rejected": bad[0]},
        "questions.jsonl": {"system": system, "input": before[-1]["content"], "chosen": chosen, "rejected": rejected},
        "swift.jsonl": {"messages": before + good, "rejected_response": rejected},
        "ranks.jsonl": {"context": before, "completions": ranks},
        "whole.jsonl": {"chosen": before + good, "rejected": before + bad},
    }


def test_every_command_is_tried() -> None:
    assert COMMANDS.keys() == {*wanted([user("")], "", ""), "margins.jsonl"}


def test_the_margin_that_trl_reads(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "prompts.jsonl", [{"prompt": f"Why {number}?"} for number in range(4)])
    scored = ("--method", "west-of-n", "--model", "fake", "-o", tmp_path / "pairs.jsonl")
    assert rmboost("generate", prompts, *scored).code == 0
    subprocess.run(["bash", "-c", COMMANDS["margins.jsonl"]], cwd=tmp_path, check=True)
    noted = [json.loads(row["rmboost"]["evidence"])["margin"] for row in read_jsonl(tmp_path / "pairs.jsonl")]
    assert [row["margin"] for row in read_jsonl(tmp_path / "margins.jsonl")] == noted
    assert min(noted) > 0


@pytest.mark.parametrize("file", [file for file in COMMANDS if file != "margins.jsonl"])
@pytest.mark.parametrize("turns", [[user("Why “it's” so?")], [SYSTEM, user("Hi"), assistant("Hello"), user("Why?")]])
def test_what_a_trainer_reads(rmboost: Shell, tmp_path: Path, turns: list[dict[str, Any]], file: str) -> None:
    plain = len(turns) == 1
    prompts = write_jsonl(
        tmp_path / "prompts.jsonl", [{"prompt": turns[0]["content"]} if plain else {"messages": turns}]
    )
    assert rmboost("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake").code == 0
    subprocess.run(["bash", "-c", COMMANDS[file]], cwd=tmp_path, check=True)
    (pair,) = read_jsonl(tmp_path / "pairs.jsonl")
    chosen, rejected = (pair[side] if plain else pair[side][0]["content"] for side in ("chosen", "rejected"))
    assert read_jsonl(tmp_path / file) == [wanted(turns, chosen, rejected)[file]]
