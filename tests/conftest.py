"""What the tests share: a shell-like way to run the command line, and prompts to run it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rmboost.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


ACTIVE = "\x1b]0;t\x07\x9b2J\u202e"
"""What would set a terminal's title, clear it, and turn a line round, and no click takes out."""

Shell = Callable[..., Outcome]


@pytest.fixture
def rmboost(capfd: pytest.CaptureFixture[str]) -> Shell:
    """``rmboost("generate", …)``: the command in this process, with its exit code and both streams."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as exit:
            code = int(exit.code or 0)
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the endpoint or the key of whoever runs it."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def turns(*texts: str) -> list[dict[str, str]]:
    """A conversation, which a user begins."""
    return [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    """Rows as a JSONL file."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read_jsonl(path: Path) -> list[Any]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """24 plain prompts: whole blocks for sets of 6 and of 4 aspects."""
    rows = [{"prompt": f"Question {number}: why is the sky blue?", "source": number} for number in range(24)]
    return write_jsonl(tmp_path / "prompts.jsonl", rows)
