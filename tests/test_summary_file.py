"""The files beside the rows, summary and log: whatever they hold, and never over what the run reads or makes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from conftest import Shell, write_jsonl

PAIR = {"prompt": "Why?", "chosen": "So.", "rejected": "No."}


@pytest.mark.parametrize("flag", ["--summary", "--log-file"])
@pytest.mark.parametrize(
    "name", ["prompts.jsonl", "link.jsonl", "o.jsonl", "c.yaml", "o.run/journal.sqlite", "o.run/lock"]
)
def test_what_the_run_reads_or_makes_is_not_written_over(
    rmboost: Shell, prompts: Path, tmp_path: Path, flag: str, name: str
) -> None:
    (tmp_path / "link.jsonl").symlink_to(prompts)
    (tmp_path / "c.yaml").write_text("seed: 1\n")
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "-c", tmp_path / "c.yaml", "--model", "fake")
    rmboost(*command)
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = rmboost(*command, flag, tmp_path / name)
    assert (done.code, f"{flag} {tmp_path / name}: the run reads or writes this file" in done.err) == (3, True), (
        done.err
    )
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_summary_is_not_written_over_the_log(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    both = ("--log-file", tmp_path / "run.log", "--summary", tmp_path / "run.log")
    assert rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", *both).code == 3


def test_a_log_without_room_is_told_of_once_and_the_run_goes_on(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "-q", "--log-file", "/dev/full")
    assert done.code == 0
    assert done.err == "/dev/full cannot be written any more: No space left on device; the run goes on\n"


def test_the_pairs_that_are_judged_are_not_written_over(rmboost: Shell, tmp_path: Path) -> None:
    pairs = write_jsonl(tmp_path / "p.jsonl", [PAIR])
    done = rmboost("judge", pairs, "-o", tmp_path / "o.jsonl", "--model", "fake", "--summary", pairs)
    assert (done.code, json.loads(pairs.read_text())) == (3, PAIR), done.err


def test_a_summary_that_cannot_be_written_is_an_error_and_no_crash(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--summary", "/dev/full")
    assert (done.code, "error: /dev/full cannot be written: No space" in done.err) == (3, True), done.err


def test_halves_of_characters_in_a_file_are_written_as_they_are_read(rmboost: Shell, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text(json.dumps({**PAIR, "aspect": "\ud800", "chosen_model": "\udfff"}) + "\n")
    command = ("judge", tmp_path / "p.jsonl", "-o", tmp_path / "o.jsonl", "--model", "fake")
    done = rmboost(*command, "--summary", tmp_path / "s.json")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "s.json").read_text())["tally"]["aspects"] == {"\ud800": 1}
    assert rmboost("verify", tmp_path / "o.jsonl").code == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_files_whose_names_are_not_utf_8(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    given, output = tmp_path / os.fsdecode(b"caf\xe9.jsonl"), tmp_path / os.fsdecode(b"o\xff.jsonl")
    prompts.rename(given)
    done = rmboost("generate", given, "-o", output, "--model", "fake", "--summary", tmp_path / "s.json")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "s.json").read_text())["output"] == str(output)
    assert [rmboost(command, output).code for command in ("verify", "status")] == [0, 0]
