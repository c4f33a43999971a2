"""Every method: it has what CONTRIBUTING asks for, is the same under one seed, goes on where it was left, is proved."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conftest import Shell
from rmboost import config, methods, resources
from rmboost.config import Config

ROOT = Path(__file__).parents[1]
NAMES = sorted(methods.CATALOGUE.keys() - {"given"})
PAPERS = (ROOT / "docs" / "papers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_it_has_settings_and_a_paper(name: str) -> None:
    written = config.load(resources.folder("configs") / f"{name}.yaml")
    assert methods.method(written.method) == methods.method(name), "the file shows the defaults"
    assert written.model_copy(update={"method": Config().method}) == Config()
    assert f"| `{name}` | " in PAPERS
    assert list((resources.folder("prompts") / name).glob("*.md.j2"))


@pytest.mark.parametrize("name", NAMES)
def test_the_command_names_it(rmboost: Shell, prompts: Path, name: str) -> None:
    assert re.search(rf"[ ,]{name}[,.\s]", rmboost("generate", "--help").out)
    done = rmboost("generate", prompts, "--dry-run", "--method", f"{name}x")
    assert (done.code, f"did you mean {name!r}?" in done.err) == (2, True)


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_shows_its_messages_and_a_plan_if_it_has_one(rmboost: Shell, prompts: Path, name: str) -> None:
    done = rmboost("generate", prompts, "--method", name, "--model", "fake", "--dry-run")
    assert done.code == 0, done.err
    assert "# call 2 of the first job" in done.out
    assert "Question 0: why is the sky blue?" in done.out
    asked = re.findall(r"^# call .*, template (\S+)", done.out, re.MULTILINE)
    assert all(template == "respond" or template.startswith((f"{name}/", "judge/")) for template in asked)
    assert ("# plan over 24 prompts" in done.out) == bool(methods.method(name).cells())


def test_methods_that_sample_a_first_response_ask_for_it_in_one_way(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    """So that one journal may answer all of them."""
    asked = {}
    for name in sorted({*NAMES} - {"rlcd"}):  # which samples none
        rmboost("generate", prompts, "-o", tmp_path / f"{name}.jsonl", "--method", name, "--model", "fake")
        with closing(sqlite3.connect(tmp_path / f"{name}.run" / "journal.sqlite")) as journal:
            asked[name] = {
                key for (key,) in journal.execute("SELECT key FROM calls WHERE call = 0 AND role = 'responder'")
            }
    first = asked["rmboost"]
    assert len(first) >= 24
    # some are drawn again, which changes the seed; that is for each method's own reasons
    assert {name: len(keys & first) for name, keys in asked.items()} == dict.fromkeys(asked, 24)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_repeatable_resumed_and_proved(rmboost: Shell, prompts: Path, tmp_path: Path, name: str) -> None:
    def generate(output: str, *more: str) -> bytes:
        done = rmboost("generate", prompts, "-o", tmp_path / output, "--method", name, "--model", "fake", *more)
        assert done.code == (6 if "--max-calls" in more else 0), done.err
        return (tmp_path / output).read_bytes()

    undisturbed = generate("a.jsonl", "--concurrency", "1")
    assert undisturbed.count(b"\n") > 12
    assert generate("b.jsonl", "--seed", "1") != undisturbed
    for ceiling in ("5", "23"):
        assert undisturbed.startswith(generate("c.jsonl", "--max-calls", ceiling))
    assert generate("c.jsonl") == undisturbed
    assert rmboost("verify", tmp_path / "c.jsonl").code == 0
