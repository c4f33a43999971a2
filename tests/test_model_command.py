from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Shell
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


def test_list_says_what_is_here(rmboost: Shell) -> None:
    put("smollm2-135m")
    ran = rmboost("model", "list")
    header, default, tiny = ran.out.splitlines()
    assert header.split()[:5] == ["NAME", "SIZE", "LICENCE", "CONTEXT", "FETCHED"]
    assert default.split()[:6] == ["local:qwen2.5-coder-1.5b", "1117", "MB", "Apache-2.0", "32768", "no"]
    assert tiny.split()[:6] == ["local:smollm2-135m", "98", "MB", "Apache-2.0", "8192", "yes"]
    assert "local alone is local:qwen2.5-coder-1.5b" in ran.err


def test_without_a_name_the_default_model_is_pulled(rmboost: Shell) -> None:
    path = put("local")
    ran = rmboost("model", "pull")
    assert (ran.code, ran.out) == (0, f"{path}\n")


@pytest.mark.parametrize("name", ["smollm2-135m", "local:smollm2-135m"])
def test_pull_of_what_is_here_prints_where(rmboost: Shell, name: str) -> None:
    path = put("smollm2-135m")
    ran = rmboost("model", "pull", name)
    assert (ran.code, ran.out, ran.err) == (0, f"{path}\n", "")


@pytest.mark.parametrize("named", [(), ("local",)])
def test_path_of_what_is_not_here(rmboost: Shell, cache: Path, named: tuple[str, ...]) -> None:
    ran = rmboost("model", "path", *named)
    assert (ran.code, ran.out) == (0, f"{cache / find('local').sha256}.gguf\n")
    assert ran.err == "not fetched yet: rmboost model pull qwen2.5-coder-1.5b\n"


@pytest.mark.parametrize("command", ["pull", "path"])
def test_an_unknown_name(rmboost: Shell, command: str) -> None:
    ran = rmboost("model", command, "smolm2-135m")
    assert (ran.code, ran.out) == (2, "")
    assert "no embedded model 'smolm2-135m'" in ran.err
    assert "did you mean 'smollm2-135m'?" in ran.err
