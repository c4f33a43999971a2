"""The main job on a real model: the smallest embedded one, whose answers are poor but its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Shell, read_jsonl, write_jsonl

QUESTIONS = ["Why is the sky blue?", "What is a rainbow?"]


@pytest.mark.real
def test_pairs_by_a_real_model_and_the_same_pairs_again(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "prompts.jsonl", [{"prompt": question} for question in QUESTIONS])
    short = "{max_tokens: 320}"
    brief = (
        "--set",
        f"responder={short}",
        "--set",
        f"rewriter={short}",
        "--set",
        "draws=2",
        "--set",
        "repeatable=true",
    )
    command = ("generate", prompts, "--model", "local:smollm2-135m", *brief)
    done = rmboost(*command, "-o", tmp_path / "a.jsonl", "--summary", tmp_path / "summary.json")
    assert done.code == 0, done.err
    assert "embedded and small" in done.err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["completion_tokens"] > 50
    rows = read_jsonl(tmp_path / "a.jsonl")
    rejects = read_jsonl(tmp_path / "a.run" / "rejects.jsonl")
    assert len(rows) + len(rejects) == 2
    for row in rows:
        assert row["rmboost"]["models"]["second"] == "local:smollm2-135m"
        assert len(row["chosen"].split()) > 2
    rmboost(*command, "-o", tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()
