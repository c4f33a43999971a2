"""What a terminal shows while a run goes on."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest


def on_terminal(columns: int, *arguments: object) -> str:
    """What the command writes to stderr, which is a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "rmboost", *map(str, arguments)]
    null, surroundings = subprocess.DEVNULL, {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(command, stdin=null, stdout=null, stderr=theirs, env=surroundings):
        os.close(theirs)
        with os.fdopen(ours, "rb") as screen:
            said = b""
            try:
                while part := screen.read(1):
                    said += part
            except OSError:  # how Linux says that nobody writes any more
                return said.decode()
    return said.decode()


def test_a_terminal_without_a_width_will_do(prompts: Path, tmp_path: Path) -> None:
    assert "24 of 24" in on_terminal(0, "generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake")


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_no_word_is_broken_and_no_figure_cut(prompts: Path, tmp_path: Path, columns: int) -> None:
    command = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake", "--verify", "5")
    lines = click.unstyle(on_terminal(columns, *command)).replace("\r", "\n").split("\n")
    bars = [line for line in lines if " left " in line]
    assert "24 kept" in bars[-1]
    assert bars[-1].rstrip().endswith(("in flight", "calls/s", "tok/s"))
    assert ("tok/s" in bars[-1]) is (columns != 50)
    assert [line for line in lines if len(line) > columns and not line.startswith("pairs")] == []
    assert "favours its own family" in " ".join(lines)
