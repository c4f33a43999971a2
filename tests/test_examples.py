"""The examples run as they stand, in a folder of their own, with the fake model and without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conftest import read_jsonl

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(folder: Path, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in ``folder``, with the ``rmboost`` and ``python3`` of these tests first on the path."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    env = {**os.environ, "PATH": path, "RMBOOST_CACHE": str(folder / "cache"), **variables}
    return subprocess.run([str(part) for part in command], cwd=folder, env=env, capture_output=True, text=True)


def test_the_pipeline_counts_its_labels(tmp_path: Path) -> None:
    done = run(tmp_path, "bash", EXAMPLES / "pipeline.sh")
    assert (done.returncode, done.stdout) == (0, "better 2\nworse 2\n"), done.stderr
    assert not done.stderr, "--quiet"


def test_the_pipeline_ends_with_the_code_of_a_command_that_failed(tmp_path: Path) -> None:
    done = run(tmp_path, "bash", EXAMPLES / "pipeline.sh", MODEL="m", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert done.returncode == 4, done.stderr
    assert "cannot reach" in done.stderr


def test_the_python_example_reads_its_pairs_back_and_asks_nothing_twice(tmp_path: Path) -> None:
    once, again = (run(tmp_path, sys.executable, EXAMPLES / "api.py", "fake") for _ in range(2))
    assert (once.returncode, again.returncode) == (0, 0), once.stderr + again.stderr
    rows = read_jsonl(tmp_path / "api-pairs.jsonl")
    assert [line.split()[-1] for line in once.stdout.splitlines()[:-1]] == [row["id"] for row in rows]
    assert once.stdout.endswith("3 of 3 kept, 6 calls asked, 0 replayed\n")
    assert again.stdout.endswith("3 of 3 kept, 0 calls asked, 0 replayed\n")


def test_the_python_example_says_what_is_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, EXAMPLES / "api.py", "local:no-such-model")
    assert done.returncode == 1
    assert "no-such-model" in done.stderr
    assert "Traceback" not in done.stderr
