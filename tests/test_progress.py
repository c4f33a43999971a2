"""What a terminal shows while a run goes on."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest

from chat_server import ChatServer, Fault
from conftest import ACTIVE, write_jsonl
from rmboost.cli.compare import _Onlooker
from rmboost.cli.progress import Progress
from rmboost.client.meter import Meter
from rmboost.config import load
from rmboost.run.listener import Listener
from rmboost.run.run import generate
from rmboost.run.tally import Tally


def test_no_line_of_a_comparison_drives_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    _Onlooker(quiet=False).tell(f"── {ACTIVE}\n")
    assert capfd.readouterr().err == "── ␛]0;t␇<U+009B>2J<U+202E>\n\n"


def test_no_notice_drives_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    Progress(quiet=False, rows_to_stdout=False).notice(ACTIVE)
    assert capfd.readouterr().err == "␛]0;t␇<U+009B>2J<U+202E>\n"


def on_terminal(columns: int, *arguments: object) -> str:
    """What the command writes to stderr, which is a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "rmboost", *map(str, arguments)]
    null, surroundings = subprocess.DEVNULL, {**os.environ, "TERM": "xterm"}
    for name in ("COLUMNS", "LINES"):  # readline, which pytest imports, may have set them
        surroundings.pop(name, None)
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
    assert bars[-1].rstrip().endswith(("in flight", "calls", "/s"))
    assert ("tok/s" in bars[-1]) is (columns != 50)
    asked = json.loads((tmp_path / "pairs.run" / "manifest.json").read_text())["summary"]["asked"]
    assert (f", {asked} calls" in bars[-1]) is (columns != 50)
    assert [line for line in lines if len(line) > columns and not line.startswith("pairs")] == []
    assert "favours its own family" in " ".join(lines)


def test_the_last_bar_says_where_a_run_stopped(prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake", "--concurrency", "1")
    said = click.unstyle(on_terminal(120, *command, "--max-calls", "14")).replace("\r", "\n")
    bars = [line for line in said.split("\n") if " left " in line]
    assert bars[-1].startswith("7/24")
    assert "max_calls 14 leaves no room for more" in said


def test_it_says_once_what_a_run_waits_for(prompts: Path, tmp_path: Path) -> None:
    with ChatServer(script=lambda _: Fault(status=429, headers={"Retry-After": "300"}, message="slow down")) as server:
        where = ("-o", tmp_path / "pairs.jsonl", "--base-url", server.url, "--model", "test-model")
        said = click.unstyle(on_terminal(100, "generate", prompts, *where, "--deadline", "1s")).replace("\r", "\n")
    assert said.count(f"refused, and sent again: {server.url}: HTTP 429: slow down") == 1
    bars = [line for line in said.split("\n") if " left " in line]
    assert any(re.search(r"\d+ waiting, \d+ retries, 0/\d+ in flight", bar) for bar in bars)
    assert "waiting" not in bars[-1]


def test_what_is_to_be_known_of_a_backend_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    for quiet, times in ((False, 1), (True, 0)):
        progress = Progress(quiet=quiet, rows_to_stdout=False)
        for _ in range(3):
            progress.progress(Tally(), Meter(remarks=("1 thread for 2 cores",)), 24)
        assert capsys.readouterr().err.count("1 thread for 2 cores") == times


class Attentive(Listener):
    """Keeps how many jobs were settled whenever it was told."""

    def __init__(self) -> None:
        self.heard: list[int] = []

    def progress(self, tally: Tally, meter: Meter, total: int) -> None:  # noqa: ARG002 - the contract's
        self.heard.append(tally.settled)


def test_progress_is_told_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    count, listener = 400, Attentive()
    asked = write_jsonl(tmp_path / "asked.jsonl", [{"prompt": f"Question {number}?"} for number in range(count)])
    summary = generate(asked, tmp_path / "pairs.jsonl", load(None, {"model": "fake"}, ()), listener=listener)
    assert listener.heard[-1] == count
    assert len(listener.heard) <= 10 * summary.seconds + 2
