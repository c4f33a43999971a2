"""The built wheel works in a clean environment, from another folder, with its prompts and settings inside."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]


def run(*arguments: object, cwd: Path) -> str:
    done = subprocess.run([str(each) for each in arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_wheel_is_whole(tmp_path: Path) -> None:
    run(sys.executable, "-m", "pip", "wheel", "-q", TOP, "--no-deps", "-w", tmp_path, cwd=tmp_path)
    (wheel,) = tmp_path.glob("rmboost-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("prompts/respond.md.j2", "configs/aspects/general.yaml", "configs/models.yaml", "py.typed"):
        assert f"rmboost/{needed}" in names
    assert not [name for name in names if "cache" in name.split("/")[0] or name.startswith("tests")]
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)
    run(environment / "bin" / "pip", "install", "-q", wheel, cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "prompts.txt").write_text("Why is the sky blue?\nWhy is grass green?\nWhy do we sleep?\n")
    command = environment / "bin" / "rmboost"
    assert "0." in run(command, "--version", cwd=elsewhere)
    run(
        command, "generate", "prompts.txt", "-o", "pairs.jsonl", "--model", "fake", "--aspects", "safety", cwd=elsewhere
    )
    assert "3 pairs" in run(command, "inspect", "pairs.jsonl", cwd=elsewhere)
