from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from rmboost.cli.model import model
from rmboost.errors import ConfigError
from rmboost.weights import find


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RMBOOST_CACHE", str(tmp_path))
    return tmp_path / "models"


def put(name: str) -> Path:
    """A file of the right size in the right place; its bytes were checked when it was fetched."""
    found = find(name)
    found.path.parent.mkdir(parents=True)
    with found.path.open("wb") as file:
        file.truncate(found.size)
    return found.path


def test_list_says_what_is_here() -> None:
    put("smollm2-135m")
    ran = CliRunner().invoke(model, ["list"])
    header, default, tiny = ran.stdout.splitlines()
    assert header.split()[:5] == ["NAME", "SIZE", "LICENCE", "CONTEXT", "FETCHED"]
    assert default.split()[:6] == ["local:qwen2.5-coder-1.5b", "1117", "MB", "Apache-2.0", "32768", "no"]
    assert tiny.split()[:6] == ["local:smollm2-135m", "98", "MB", "Apache-2.0", "8192", "yes"]
    assert "local alone is local:qwen2.5-coder-1.5b" in ran.stderr


@pytest.mark.parametrize("name", ["smollm2-135m", "local:smollm2-135m"])
def test_pull_of_what_is_here_prints_where(name: str) -> None:
    path = put("smollm2-135m")
    ran = CliRunner().invoke(model, ["pull", name])
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, f"{path}\n", "")


def test_path_of_what_is_not_here(cache: Path) -> None:
    ran = CliRunner().invoke(model, ["path", "local"])
    assert ran.stdout == f"{cache / find('local').sha256}.gguf\n"
    assert ran.stderr == "not fetched yet: rmboost model pull qwen2.5-coder-1.5b\n"


@pytest.mark.parametrize("command", ["pull", "path"])
def test_an_unknown_name(command: str) -> None:
    ran = CliRunner().invoke(model, [command, "smolm2-135m"])
    assert isinstance(ran.exception, ConfigError)
    assert "did you mean 'smollm2-135m'?" in ran.exception.hint
