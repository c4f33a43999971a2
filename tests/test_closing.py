"""The closing table of a run, on a terminal and elsewhere."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

import rmboost
from rmboost.cli import closing


def test_a_terminal_breaks_no_word_and_other_readers_get_a_fact_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # a dumb one has 80 columns for rich
    prompts = [f"Why is {number} a number?" for number in range(24)]
    summary = rmboost.generate(prompts, tmp_path / "pairs.jsonl", model="fake")
    said = {}
    for terminal in (True, False):
        screen = StringIO()
        closing.show(summary, Console(file=screen, width=60, force_terminal=terminal, color_system=None))
        said[terminal] = screen.getvalue().splitlines()
    assert all(len(line) <= 60 for line in said[True] if not line.startswith("pairs"))
    aspects = next(line for line in said[False] if line.startswith("aspects"))
    first = next(number for number, line in enumerate(said[True]) if line.startswith("aspects"))
    assert aspects.split() == " ".join(said[True][first : first + 2]).split()
    assert said[True][first + 1].startswith(" " * len("aspects  "))
