"""The command as a whole: quick to start, kind to typing errors, quiet where it should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from shlex import quote

import pytest

import rmboost as package
from conftest import Shell, read_jsonl, write_jsonl
from rmboost.cli import COMMANDS


def test_a_working_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    (gone := tmp_path / "gone").mkdir()
    script = 'rmdir ../gone && exec "$0" -m rmboost generate p.jsonl -o o.jsonl --model fake'
    done = subprocess.run(["sh", "-c", script, sys.executable], cwd=gone, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("error: the folder that you are in cannot be used")


def test_help_names_every_command_and_imports_nothing_heavy(rmboost: Shell) -> None:
    shown = rmboost("--help")
    assert shown.code == 0
    assert all(f"  {name} " in shown.out for name in COMMANDS)
    heavy = {"pydantic", "openai", "rich", "jinja2", "yaml", "asyncio", "sqlite3"}
    look = f"import atexit, sys; atexit.register(lambda: print({heavy} & {{*sys.modules}}))"
    command = [sys.executable, "-c", f"{look}; from rmboost.cli import main; main(['--help'])"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()", "they take longer than all of --help may"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("generat", "p.jsonl"), "generate"),
        (("inspekt", "p.jsonl"), "inspect"),
        (("generate", "p.jsonl", "-o", "o.jsonl", "--modell", "fake"), "--model"),
        (("generate", "p.jsonl"), "-o pairs.jsonl"),
        (("generate", "p.jsnl", "-o", "o.jsonl", "--model", "fake"), "p.jsnl"),
        (("inspect", "nowhere.jsonl"), "nowhere.jsonl"),
        (("model", "pull", "smolm2"), "smollm2-135m"),
    ],
)
def test_typing_errors_end_with_code_2_and_a_way_out(rmboost: Shell, arguments: tuple[str, ...], hint: str) -> None:
    done = rmboost(*arguments)
    assert done.code == 2, done.err
    assert hint in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("generate", "p.jsonl", "--model", "fake", "-o"), "-o {}/pairs-2.jsonl"),
        (("judge", "p.jsonl", "--model", "fake", "-o"), "-o {}/judged.jsonl"),
        (("filter", "p.jsonl", "--by", "n", "--min", "1", "-o"), "-o {}/widest.jsonl"),
        (("verify",), "there is no run beside"),
    ],
)
def test_a_folder_is_no_output_and_the_file_that_is_named_is_not_there_yet(
    rmboost: Shell, tmp_path: Path, arguments: tuple[str, ...], hint: str
) -> None:
    pairs = write_jsonl(tmp_path / "pairs.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c", "n": 1}])
    done = rmboost(*(pairs if each == "p.jsonl" else each for each in arguments), tmp_path)
    assert (done.code, hint.format(tmp_path) in done.err) == (3, True), done.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("generate", "p.jsonl", "--model", "fake", "-o"), "-o "),
        (("judge", "p.jsonl", "--model", "fake", "-o"), "-o "),
        (("verify",), "name a file, such as "),
    ],
)
@pytest.mark.parametrize("place", [".", "", "/"])
def test_a_folder_is_no_output(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], hint: str, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    done = rmboost(*arguments, place)
    assert done.code == 3, done.err
    named = Path(place) / ("judged.jsonl" if arguments[0] == "judge" else "pairs.jsonl")
    assert f"error: {Path(place)} is a folder\n\nhint: {hint}{named}\n" in done.err


def test_the_folder_of_a_run_is_no_output(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    pairs, run = tmp_path / "pairs.jsonl", tmp_path / "pairs.run"
    assert rmboost("generate", prompts, "-o", pairs, "--model", "fake", "--limit", "2").code == 0
    done = rmboost("generate", prompts, "-o", run, "--model", "fake", "--limit", "2")
    assert done.code == 3
    assert f"{run} is the folder of the run that writes {pairs}\n\nhint: choose another -o" in done.err
    (run / "manifest.json").write_text("[")
    damaged = rmboost("generate", prompts, "-o", run, "--model", "fake").err
    assert f"{run} is the folder of a run\n\nhint: choose another -o" in damaged
    aside = run.rename(tmp_path / "pairs.run.20260102-030405")
    assert f"{aside} is the folder of a run" in rmboost("generate", prompts, "-o", aside, "--model", "fake").err


@pytest.mark.parametrize("output", ["-", "/dev/null", "pipe"])
def test_verdicts_need_a_file_to_go_on_from(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    done = rmboost("judge", "p.jsonl", "--model", "fake", "-o", output)
    assert (done.code, f"error: {output} is no file" in done.err) == (3, True), done.err
    assert {path.name for path in tmp_path.iterdir()} == {"p.jsonl", "pipe"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "p.jsonl", "--model", "fake", "-o", "no such/o.jsonl"),
        ("compare", "p.jsonl", "--model", "fake", "--methods", "rmboost", "-o", "no such/o"),
        ("report", "p.jsonl", "-o", "no such/o.html"),
    ],
)
def test_the_folder_in_a_hint_can_be_typed(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    assert "hint: mkdir -p 'no such'\n" in rmboost(*arguments).err


def test_json_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    row = {"prompt": "你好?", "chosen": "é", "rejected": "–"}
    command = [sys.executable, "-m", "rmboost", "inspect", str(write_jsonl(tmp_path / "p.jsonl", [row])), "--json"]
    surroundings = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, capture_output=True, env=surroundings, check=False)
    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (0, b"", row)


@pytest.mark.parametrize(("target", "message"), [("none/o.jsonl", "no folder"), ("o.jsonl", "Too many levels")])
def test_an_output_that_leads_nowhere(rmboost: Shell, tmp_path: Path, target: str, message: str) -> None:
    prompts, output = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a"}]), tmp_path / "o.jsonl"
    output.symlink_to(tmp_path / target)
    done = rmboost("generate", prompts, "-o", output, "--model", "fake")
    assert (done.code, message in done.err) == (3, True), done.err


def test_what_the_system_refuses_is_an_error_and_no_crash(rmboost: Shell, tmp_path: Path) -> None:
    done = rmboost("report", tmp_path / ("a" * 300))
    assert (done.code, "aaa.html: File name too long" in done.err) == (3, True), done.err


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /dev/full")
def test_a_full_disk_under_standard_output_is_said(tmp_path: Path) -> None:
    pairs = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a", "chosen": "b", "rejected": "c"}])
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "rmboost", "inspect", str(pairs)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "error: what is written: No space left on device\n")


@pytest.mark.skipif(sys.platform == "win32", reason="its shell closes none")
def test_streams_that_are_closed_are_no_files_of_ours(tmp_path: Path) -> None:
    prompts, output = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a"}]), tmp_path / "o.jsonl"
    command = f"{quote(sys.executable)} -m rmboost generate {quote(str(prompts))} -o {quote(str(output))} --model fake"
    done = subprocess.run(f"{command} <&- >&- 2>&-", shell=True, check=False)
    assert (done.returncode, len(read_jsonl(output))) == (0, 1)


@pytest.mark.parametrize(
    ("options", "code", "rows"),
    [
        (("--model", "fake"), 0, 24),
        (("--model", "fake", "--max-calls", "10", "--concurrency", "1"), 6, 5),
        (("--model", "fake", "--max-calls", "10", "--concurrency", "1", "-q"), 6, 5),
        (("--model", "local:no-such-model"), 2, 0),
    ],
)
def test_who_closes_standard_error_ends_the_talk_and_not_the_work(
    prompts: Path, tmp_path: Path, options: tuple[str, ...], code: int, rows: int
) -> None:
    output = tmp_path / "o.jsonl"
    listening, talking = os.pipe()
    os.close(listening)
    command = [sys.executable, "-m", "rmboost", "generate", str(prompts), "-o", str(output), *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=talking, check=False)
    os.close(talking)
    assert (done.returncode, done.stdout) == (code, b"")
    assert len(read_jsonl(output) if rows else []) == rows


@pytest.mark.parametrize("closed", [True, False])
def test_nothing_on_standard_input_leaves_what_came_before(tmp_path: Path, closed: bool) -> None:
    command = f"{quote(sys.executable)} -m rmboost generate - -o {quote(str(tmp_path / 'o.jsonl'))} --model fake"
    assert subprocess.run(command, shell=True, input=b'{"prompt": "a"}\n', capture_output=True, check=True)
    kept = (tmp_path / "o.jsonl").read_bytes()
    nothing = f"{command} {'<&-' if closed else '</dev/null'}"
    done = subprocess.run(nothing, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "error: standard input is empty")
    assert done.stderr.endswith("hint: cat prompts.jsonl | rmboost generate - -o pairs.jsonl\n")
    (spooled,) = (tmp_path / "o.run").glob("stdin*")
    assert spooled.read_bytes() == b'{"prompt": "a"}\n'
    assert (tmp_path / "o.jsonl").read_bytes() == kept


def test_a_cache_that_cannot_be_used_is_named_with_a_way_out(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file, and no folder")
    monkeypatch.setenv("RMBOOST_CACHE", str(tmp_path / "cache"))
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a"}])
    done = rmboost("generate", prompts, "-o", "-", "--model", "fake")
    assert (done.code, "RMBOOST_CACHE" in done.err.split("hint: ")[1]) == (3, True), done.err


def test_the_version_is_the_packages(rmboost: Shell) -> None:
    assert package.__version__ in rmboost("--version").out


def test_public_names_are_complete_and_sorted() -> None:
    assert package.__all__ == sorted(package.__all__)
    assert all(getattr(package, name) for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'generat'"):
        getattr(package, "generat")  # noqa: B009 - what a typing error does
