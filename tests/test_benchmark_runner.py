"""benchmarks/runner.py: only whole runs are measured, and tools that are not there are left out."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SMALL = ("--prompts=12", "--concurrency=4", "--latency=0.01")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "runner.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def broken_distilabel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is found under this name and cannot be imported."""
    package = tmp_path / "distilabel"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('it is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")


@pytest.mark.skipif(find_spec("data_designer") is not None, reason="is installed here")
def test_a_table_with_what_is_here_and_a_line_about_the_rest() -> None:
    done = run(*SMALL, "--only=rmboost", "--only=data-designer")
    assert done.returncode == 0, done.stderr
    *_, row, _, last = done.stdout.splitlines()
    assert row.startswith("| rmboost | 24 |")
    assert last == "left out, not installed: data-designer"


@pytest.mark.usefixtures("broken_distilabel")
def test_a_tool_that_fails_ends_the_benchmark_with_what_it_said() -> None:
    done = run(*SMALL, "--only=distilabel")
    assert done.returncode == 1
    assert "it is broken" in done.stderr
    assert done.stderr.endswith("distilabel ended with 1\n")


@pytest.mark.parametrize("given", ["distilabel", "distilabel=", "argilla=envs/argilla/bin/python"])
def test_an_interpreter_is_given_for_a_tool_by_name(given: str) -> None:
    done = run(*SMALL, "--python", given)
    assert done.returncode == 2
    assert "is not NAME=PATH with a NAME of distilabel, curator, data-designer" in done.stderr
