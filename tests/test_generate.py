"""``rmboost generate`` from end to end, with the fake and over real sockets."""

from __future__ import annotations

import asyncio
import io
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow
import pytest
import yaml
from pyarrow import parquet

import rmboost as package
from chat_server import ChatServer
from conftest import ACTIVE, Shell, read_jsonl, write_jsonl
from rmboost.config import Config
from rmboost.errors import InputError, StoreError
from rmboost.labels.verification import Sample
from rmboost.records import Job
from rmboost.run.recipe import Recipe
from rmboost.run.run import generate
from rmboost.run.summary import Summary
from rmboost.sources.spool import keep_beside

PLAIN = {"prompt", "chosen", "rejected", "aspect", "label", "aspects", "id", "metadata", "rmboost"}


def test_pairs_are_balanced_and_oriented_as_ordered(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake", "--aspects", "qa_feedback")
    assert done.code == 0, done.err
    rows = read_jsonl(tmp_path / "pairs.jsonl")
    assert Counter((row["label"], row["aspect"]) for row in rows) == {
        (label, aspect): 4 for label in ("better", "worse") for aspect in ("relevance", "factuality", "completeness")
    }
    assert [row["metadata"]["source"] for row in rows] == list(range(24)), "rows stand in input order"
    for row in rows:
        assert row.keys() == PLAIN
        assert row["rmboost"]["second"] == ("chosen" if row["label"] == "better" else "rejected")
        assert row["chosen"] != row["rejected"]
        assert "<response>" not in row["chosen"] + row["rejected"]
        assert row["rmboost"]["plan"] not in row["chosen"] + row["rejected"]


def test_the_same_command_again_says_so_and_asks_nothing(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake")
    rmboost(*command)
    before = (tmp_path / "pairs.jsonl").read_bytes()
    again = rmboost(*command)
    assert again.code == 0
    assert "no call was made" in again.err
    assert (tmp_path / "pairs.jsonl").read_bytes() == before


def test_the_same_seed_gives_the_same_bytes_at_any_concurrency(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def pairs(name: str, *more: str) -> bytes:
        rmboost("generate", prompts, "-o", tmp_path / name, "--model", "fake", *more)
        return (tmp_path / name).read_bytes()

    assert pairs("a.jsonl", "--concurrency", "1") == pairs("b.jsonl", "--concurrency", "24")
    assert pairs("a.jsonl") != pairs("c.jsonl", "--seed", "1")


def test_other_settings_say_what_differs_and_ask_only_what_changed(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    def summary(*more: str) -> tuple[str, dict[str, Any]]:
        file = tmp_path / "summary.json"
        command = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake", "--summary", file, *more)
        return rmboost(*command).err, json.loads(file.read_text())

    _, first = summary("--set", "checks=[]")
    assert (first["status"], first["asked"]) == ("finished", 48)
    said, hotter = summary("--set", "checks=[]", "--set", "rewriter.temperature=0.9")
    assert "rewriter.temperature: not set → 0.9" in said
    assert (hotter["asked"], hotter["replayed"]) == (24, 24), "first responses are the same"
    said, checked = summary("--set", "checks=[refusal]", "--set", "rewriter.temperature=0.9")
    assert "changed since the last run: checks: [] → [refusal]\n" in said
    assert checked["asked"] == 0, "a check costs no call"
    assert (tmp_path / "pairs.run" / "previous.jsonl").is_file()


@pytest.mark.parametrize("mistake", [("--base-url", "http://127.0.0.1:9/v1"), ("--limit", "2", "--max-calls", "1")])
def test_a_command_that_comes_to_nothing_leaves_the_rows_as_they_are(
    rmboost: Shell, prompts: Path, tmp_path: Path, mistake: tuple[str, ...]
) -> None:
    output, manifest = tmp_path / "pairs.jsonl", tmp_path / "pairs.run" / "manifest.json"
    command = ("generate", prompts, "-o", output)
    assert rmboost(*command, "--model", "fake").code == 0
    before = output.read_bytes(), manifest.read_bytes()
    model = "fake" if "--limit" in mistake else "typo"
    done = rmboost(*command, "--model", model, "--seed", "9", *mistake)
    assert done.code in (4, 6)
    assert "when it has its first, they are moved to" in done.err
    assert (output.read_bytes(), manifest.read_bytes()) == before
    assert [rmboost(word, output).code for word in ("verify", "status")] == [0, 0]
    again = rmboost(*command, "--model", "fake")
    assert "were settled before" in again.err and "changed" not in again.err
    assert not list((tmp_path / "pairs.run").glob("previous*"))


@pytest.mark.parametrize("emptied", [True, False])
def test_a_journal_that_is_gone_is_told_before_all_is_paid_again(
    rmboost: Shell, prompts: Path, tmp_path: Path, emptied: bool
) -> None:
    run = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake")
    assert rmboost(*run).code == 0
    journal = tmp_path / "pairs.run" / "journal.sqlite"
    journal.write_bytes(b"") if emptied else journal.unlink()
    done = rmboost(*run)
    assert (done.code, "holds none of the 48 answers that its run was given" in done.err) == (3, True), done.err
    assert len(read_jsonl(tmp_path / "pairs.jsonl")) == 24
    assert rmboost(*run, "--fresh").code == 0


def test_fewer_prompts_are_named(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake")
    assert rmboost(*command).code == 0
    said = rmboost(*command, "--limit", "2").err
    assert f"changed since the last run: the prompts: 24 of {prompts} → 2 of {prompts}\n" in said


@pytest.mark.parametrize("weight", [10_000, 100_000_000])
def test_weights_that_nobody_could_lay_out_are_refused(
    rmboost: Shell, prompts: Path, tmp_path: Path, weight: int
) -> None:
    command = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake")
    done = rmboost(*command, "--set", f"weights={{better: {weight}}}")
    assert (done.code, "a block that holds all of them has" in done.err) == (2, True)


def test_more_prompts_ask_only_for_the_new_ones(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake", "--set", "checks=[]")
    rmboost(*command, "--limit", "10")
    first = (tmp_path / "pairs.jsonl").read_bytes()
    file = tmp_path / "summary.json"
    rmboost(*command, "--summary", file)
    assert json.loads(file.read_text())["asked"] == 28
    assert (tmp_path / "pairs.jsonl").read_bytes().startswith(first)
    with prompts.open("a") as more:
        more.write('{"prompt": "One more?"}\n')
    said = rmboost(*command, "--summary", file).err
    assert "changed since the last run: prompts were added" in said
    assert json.loads(file.read_text())["asked"] == 2
    assert len(read_jsonl(tmp_path / "pairs.jsonl")) == 25


def test_conversations_make_a_conversational_file(rmboost: Shell, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "Why?"},
    ]
    rows = [
        {"messages": turns},
        {"prompt": "Plain {{ text }} {% raw %}", "system": "Be brief"},
        {"prompt": "Only text"},
    ]
    done = rmboost("generate", write_jsonl(tmp_path / "p.jsonl", rows), "-o", tmp_path / "o.jsonl", "--model", "fake")
    assert done.code == 0, done.err
    pairs = read_jsonl(tmp_path / "o.jsonl")
    assert pairs[0]["prompt"] == turns
    assert pairs[1]["prompt"][0] == {"role": "system", "content": "Be brief"}
    assert pairs[1]["prompt"][1]["content"] == "Plain {{ text }} {% raw %}"
    for pair in pairs:
        assert [turn["role"] for turn in pair["chosen"] + pair["rejected"]] == ["assistant", "assistant"]


def test_several_aspects_and_aspects_of_the_models_choice(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "--model", "fake", "--aspects", "qa_feedback", "--set")
    rmboost(*command, "method.aspects_per_pair=2", "-o", tmp_path / "two.jsonl")
    rmboost(*command, "method.aspects_per_pair=auto", "-o", tmp_path / "auto.jsonl")
    two, auto = (read_jsonl(tmp_path / f"{name}.jsonl") for name in ("two", "auto"))
    assert {len(set(row["aspects"])) for row in two} == {2}
    assert Counter(row["aspect"] for row in two) == {"relevance": 8, "factuality": 8, "completeness": 8}
    assert len(auto) > 12
    assert {row["aspect"] for row in auto} <= {"relevance", "factuality", "completeness"}
    assert all(row["aspect"] == row["aspects"][0] for row in two + auto)


def test_every_field_has_one_type_in_every_row(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    strict = "checks=[{name: similarity, max_similarity: 0.27}]"
    rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set", strict)
    rows = read_jsonl(tmp_path / "o.jsonl")
    assert {bool(row["rmboost"]["drops"]) for row in rows} == {True, False}, "pairs of both kinds"
    assert json.loads(rows[0]["rmboost"]["evidence"])["similarity"] <= 0.27

    def kinds(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: kinds(inner) for name, inner in value.items()}
        return [kinds(value[0])] if isinstance(value, list) and value else type(value).__name__

    assert all(kinds(row) == kinds(rows[0]) for row in rows), "datasets settles types on the beginning of a file"


def test_rejects_are_written_with_their_reasons(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    impossible = "checks=[{name: similarity, max_similarity: 0.001}]"
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set", impossible)
    assert done.code == 0
    assert (tmp_path / "o.jsonl").read_bytes() == b""
    rejects = read_jsonl(tmp_path / "o.run" / "rejects.jsonl")
    assert len(rejects) == 24
    for row in rejects:
        assert row["kind"] == "dropped"
        assert row["reason"] == "near-copy"
        assert len(row["attempts"]) == 4
        assert row["first"] and row["second"] and row["first"] != row["second"]
    assert "24 × near-copy" in done.err


@pytest.mark.parametrize(("on_fail", "kept", "attempts"), [("drop", 0, 1), ("flag", 24, 0), ("retry", 0, 4)])
def test_what_becomes_of_a_pair_that_fails_a_check_is_a_setting(
    rmboost: Shell, prompts: Path, tmp_path: Path, on_fail: str, kept: int, attempts: int
) -> None:
    impossible = f"checks=[{{name: similarity, max_similarity: 0.001, on_fail: {on_fail}}}]"
    rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set", impossible)
    rows, rejects = read_jsonl(tmp_path / "o.jsonl"), read_jsonl(tmp_path / "o.run" / "rejects.jsonl")
    assert (len(rows), len(rejects)) == (kept, 24 - kept)
    assert all(len(reject["attempts"]) == attempts for reject in rejects)
    for row in rows:
        (flag,) = json.loads(row["rmboost"]["evidence"])["flags"]
        assert flag.startswith("near-copy: similarity")


def test_stdin_and_stdout_are_pipes(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RMBOOST_CACHE", str(tmp_path / "cache"))
    outs = []
    for _ in range(2):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(prompts.read_bytes())))
        done = rmboost("generate", "-", "-o", "-", "--model", "fake")
        assert done.code == 0, done.err
        outs.append(done.out)
    rows = [json.loads(line) for line in outs[0].splitlines()]
    assert 20 < len(rows) <= 24
    assert outs[0] == outs[1], "the second time the journal answers"
    assert "no call was made" in done.err


def test_fresh_prompts_from_stdin_stay_where_they_are_read(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They lie in the folder that is moved aside."""
    for earlier in (0, 1, 2):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(prompts.read_bytes())))
        done = rmboost("generate", "-", "-o", tmp_path / "o.jsonl", "--model", "fake", "--fresh")
        assert done.code == 0, done.err
        assert len(read_jsonl(tmp_path / "o.jsonl")) == 24
        assert len(list(tmp_path.glob("o.run?*"))) == earlier
        assert ("the earlier run was moved" in done.err) is (earlier > 0)


def test_fresh_prompts_as_values(tmp_path: Path) -> None:
    for _ in range(2):
        summary = package.generate(["Why is the sky blue?"], tmp_path / "o.jsonl", fresh=True, model="fake")
        assert summary.tally.kept == 1


@pytest.mark.parametrize("output", [".", "/"])
def test_prompts_as_values_need_a_file_to_go_to(output: str) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        package.generate(["Why is the sky blue?"], output, model="fake")


def test_an_output_that_is_a_link_keeps_its_rows_and_its_link(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    output = tmp_path / "pairs.jsonl"
    output.symlink_to(Path("data") / "pairs.jsonl")
    run = ("generate", prompts, "-o", output, "--model", "fake")
    assert rmboost(*run).code == 0
    before = output.read_bytes()
    assert rmboost(*run, "--seed", "7").code == 0
    assert (tmp_path / "pairs.run" / "previous.jsonl").read_bytes() == before
    assert not (tmp_path / "pairs.run" / "previous.jsonl").is_symlink()
    assert output.is_symlink() and (tmp_path / "data" / "pairs.jsonl").read_bytes() != before
    assert rmboost(*run, "--fresh").code == 0
    assert output.is_symlink() and output.read_bytes() == before


def test_an_output_that_leads_to_another_runs_output_is_refused(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    best, latest = tmp_path / "best.jsonl", tmp_path / "latest.jsonl"
    for output in (best, latest):
        assert rmboost("generate", prompts, "-o", output, "--model", "fake").code == 0
    latest.unlink()
    latest.symlink_to("best.jsonl")
    for more in (("--seed", "4"), ("--fresh",)):
        done = rmboost("generate", prompts, "-o", latest, "--model", "fake", *more)
        assert (done.code, "which another run made" in done.err) == (3, True)
    assert rmboost("verify", best).code == 0


def test_fresh_leaves_a_file_alone_that_no_run_made(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    output = write_jsonl(tmp_path / "o.jsonl", [{"precious": True}])
    (tmp_path / "o.run").mkdir()
    (tmp_path / "o.run" / "stdin").write_bytes(prompts.read_bytes())
    done = rmboost("generate", prompts, "-o", output, "--model", "fake", "--fresh")
    assert (done.code, "was not made by the run" in done.err) == (3, True)
    assert read_jsonl(output) == [{"precious": True}]


def test_stdin_into_a_file_is_kept_in_the_run(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "o.jsonl").write_text("precious\n")
    for name, code in (("o.jsonl", 3), ("free.jsonl", 0)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(prompts.read_bytes())))
        assert rmboost("generate", "-", "-o", tmp_path / name, "--model", "fake").code == code
    (spooled,) = (tmp_path / "free.run").glob("stdin*")
    assert spooled.read_bytes() == prompts.read_bytes()
    assert not (tmp_path / "o.run").exists()


def test_phrases_that_the_checks_read_are_settings_too(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake")
    rmboost(*run)
    manifest = tmp_path / "o.run" / "manifest.json"
    before = json.loads(manifest.read_text())
    assert {"aspects", "phrases/en"} <= before["settings"]["data"].keys()
    before["settings"]["data"]["phrases/en"] = "of an older version"
    manifest.write_text(json.dumps(before))
    assert "data.phrases/en: not as it was" in rmboost(*run).err


def test_settings_written_out_are_no_change(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake")
    rmboost(*command)
    again = rmboost(*command, "--aspects", "general", "--set", "method.demos=3")
    assert "changed since" not in again.err
    assert "no call was made" in again.err


def test_dry_run_shows_settings_plan_and_messages_and_makes_no_file(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "gpt-none", "--dry-run")
    assert done.code == 0, done.err
    settings = yaml.safe_load(done.out.split("# plan")[0])
    assert settings["method"]["style"] == "plan"
    assert "labels: better 12, worse 12" in done.out
    assert "Question 0: why is the sky blue?" in done.out
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize("source", ["file", "-"])
def test_a_dry_run_needs_no_cache_and_leaves_nothing_in_it(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("RMBOOST_CACHE", str(tmp_path / "no" / "cache"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(prompts.read_bytes())))
    before = {*tmp_path.rglob("*")}
    name = "-" if source == "-" else prompts
    done = rmboost("generate", name, "-o", tmp_path / "o.jsonl", "--model", "fake", "--dry-run")
    assert (done.code, "Question 0" in done.out) == (0, True), done.err
    assert {*tmp_path.rglob("*")} == before


def test_ids_are_no_emoji(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "Why?", "id": "gsm8k:b:17"}])
    strict = ("--set", "checks=[{name: similarity, max_similarity: 0.01}]", "--set", "draws=1")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", *strict)
    assert "(for example gsm8k:b:17)" in done.err


def test_a_dry_run_drives_no_terminal(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": f"Why {ACTIVE}?\nAnd how?"}])
    done = rmboost("generate", prompts, "--model", "fake", "--dry-run")
    assert "Why ␛]0;t␇<U+009B>2J<U+202E>?\nAnd how?\n" in done.out


def test_the_names_of_a_servers_models_drive_no_terminal(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer(models=(f"model-{ACTIVE}",)) as server:
        done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "mode", "--base-url", server.url)
    assert done.code == 4
    assert "model-␛]0;t␇<U+009B>2J<U+202E>" in done.err


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("--model", "fake", "--aspects", "genral"), 2, "no aspect set 'genral'", "general"),
        (("--model", "fake", "--method", "rmbost"), 2, "unknown method 'rmbost'", "rmboost"),
        (("--model", "fake", "--set", "checks=[leek]"), 2, "unknown check 'leek'", "leak"),
        (("--model", "fake", "--set", "method.stile=plan"), 2, "stile: no such option", "style"),
        (("--model", "fake", "--config", "none.yaml"), 2, "none.yaml cannot be read", ""),
        (("--model", "fake", "--prompt-field", "question"), 2, "line 1", ""),
        (("--model", "fake", "--stlye", "plan"), 2, "--stlye", "--style"),
        (("--model", "fake", "--summary", "no/such/folder.json"), 2, "there is no folder no/such", ""),
        (("--model", "fake", "--summary", "-"), 2, "- is no file", "/dev/stdout"),
        (("--model", "m", "--base-url", "http://127.0.0.1:9/v1"), 4, "127.0.0.1:9", ""),
    ],
)
def test_mistakes_are_found_before_anything_is_asked(
    rmboost: Shell, prompts: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str, hint: str
) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *arguments)
    assert (done.code, message in done.err, hint in done.err) == (code, True, True), done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("name", ["pairs.csv", "pairs.parquet", "pairs.jsonl.gz", "pairs.jsonl.zst"])
def test_a_name_that_promises_another_form_is_refused(rmboost: Shell, prompts: Path, tmp_path: Path, name: str) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / name, "--model", "fake")
    assert (done.code, "rows are written as JSON Lines" in done.err) == (3, True)
    assert f"hint: -o {tmp_path / 'pairs.jsonl'}" in done.err
    assert not list(tmp_path.glob("pairs*"))


def test_no_output_among_the_files_of_another_run(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.run" / "p.jsonl", "--model", "fake")
    assert (done.code, f"{tmp_path / 'o.run'} is the folder of a run" in done.err) == (3, True)


@pytest.mark.parametrize("broken", ["better", "worse"])
def test_a_template_of_ones_own_and_a_mistake_in_it(rmboost: Shell, prompts: Path, tmp_path: Path, broken: str) -> None:
    own = tmp_path / "mine" / "rmboost"
    own.mkdir(parents=True)
    for label, variable in (("better", "prompt.text"), ("worse", "prompt.text"), (broken, "promt")):
        text = f'{{% turn "user" %}}{{{{ first }}}} {{{{ {variable} }}}} {label} <response>{{% endturn %}}'
        (own / f"plan-{label}.md.j2").write_text(text)
    command = (
        "generate",
        prompts,
        "-o",
        tmp_path / "o.jsonl",
        "--model",
        "fake",
        "--set",
        f"prompts={tmp_path / 'mine'}",
    )
    done = rmboost(*command)
    assert done.code == 2
    assert "'promt' is undefined" in done.err
    assert not (tmp_path / "o.run").exists(), "whichever label comes first, nothing was asked"
    assert "prompt" in done.err.split("hint")[1]
    for file in own.iterdir():
        file.write_text(file.read_text().replace("promt", "prompt.text"))
    assert rmboost(*command).code == 0


def test_an_output_that_is_not_ours_is_left_alone(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    (tmp_path / "o.jsonl").write_text("precious\n")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake")
    assert done.code == 3
    assert (tmp_path / "o.jsonl").read_text() == "precious\n"


@pytest.mark.parametrize("more", [{}, {"target": 2}, {"repetitions": 3}])
def test_a_file_that_shrinks_under_a_run_is_said(prompts: Path, more: dict[str, Any]) -> None:
    recipe = Recipe.prepare(prompts, Config(model="fake", **more))
    prompts.write_text(prompts.read_text().partition("\n")[0] + "\n")
    jobs = recipe.jobs()
    assert next(jobs).index == 0
    with pytest.raises(InputError, match="was changed meanwhile"):
        list(jobs)


def test_two_outputs_do_not_share_a_run(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake")
    done = rmboost("generate", prompts, "-o", tmp_path / "o.txt", "--model", "fake")
    assert (done.code, "the run that made" in done.err) == (3, True)
    assert rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake").code == 0
    (tmp_path / "o.jsonl").unlink()
    assert rmboost("generate", prompts, "-o", tmp_path / "o.txt", "--model", "fake").code == 0


def test_fresh_starts_over(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake")
    rmboost(*command)
    before = (tmp_path / "o.jsonl").read_bytes()
    assert "moved to" in rmboost(*command, "--fresh").err
    assert (tmp_path / "o.jsonl").read_bytes() == before


def test_quiet_says_nothing(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_bad_lines_stop_before_any_call_or_are_counted(rmboost: Shell, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "Why?"}, {"question": "How?"}, {"prompt": "Why?"}])
    stopped = rmboost("generate", file, "-o", tmp_path / "o.jsonl", "--model", "fake")
    assert (stopped.code, "line 2" in stopped.err) == (2, True)
    assert not (tmp_path / "o.run").exists()
    command = ("generate", file, "-o", tmp_path / "o.jsonl", "--model", "fake", "--skip-bad-lines")
    done = rmboost(*command, "--summary", tmp_path / "s.json")
    assert done.code == 0
    assert "lines left out: 1, the first: " in done.err
    assert "the same text came before: 1" in done.err
    assert re.search(r"^left out +1 unusable line, 1 repeated prompt$", done.err, re.M)
    assert len(read_jsonl(tmp_path / "o.jsonl")) == 1
    told = json.loads((tmp_path / "s.json").read_text())
    assert (told["prompts"], told["bad_lines"], told["duplicates"]) == (1, 1, 1)


def test_what_a_person_is_told_is_in_the_log_also_when_nobody_is_told(rmboost: Shell, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "Why?"}, {"prompt": "Why?"}])
    command = ("generate", file, "-o", tmp_path / "o.jsonl", "--model", "fake", "--quiet")
    assert rmboost(*command, "--log-file", tmp_path / "run.log").err == ""
    notices = [line for line in read_jsonl(tmp_path / "run.log") if "came before" in line["message"]]
    assert [line["level"] for line in notices] == ["info"]


def test_the_python_door(tmp_path: Path) -> None:
    given: list[str | dict[str, str]] = ["Why is the sky blue?", {"prompt": "And at dusk?", "id": "dusk", "lang": "en"}]
    summary = package.generate(given, tmp_path / "o.jsonl", model="fake", rewriter__temperature=0.7, checks=[])
    assert (summary.status, summary.tally.kept, summary.asked) == ("finished", 2, 4)
    assert read_jsonl(tmp_path / "o.jsonl")[1]["metadata"] == {"lang": "en"}
    assert package.generate(given, tmp_path / "o.jsonl", model="fake", rewriter__temperature=0.7, checks=[]).asked == 0
    with pytest.raises(package.RMBoostError):
        package.generate(given, tmp_path / "o.jsonl", modell="fake")


@pytest.mark.parametrize(
    ("prompts", "says"),
    [
        ({"prompt": ["Why?", "How?"]}, "a dict is no list of prompts"),
        (5, "a int is no list of prompts"),
        (pyarrow.table({"prompt": ["Why?", "How?"]}), "a Table is no list of prompts"),
        (iter([]), "there are no prompts"),
    ],
)
def test_what_would_give_the_names_of_columns_or_nothing_is_no_list_of_prompts(
    tmp_path: Path, prompts: Any, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        package.generate(prompts, tmp_path / "o.jsonl", model="fake")


def test_prompts_of_a_run_that_did_not_begin_leave_those_of_the_one_before(rmboost: Shell, tmp_path: Path) -> None:
    def broken() -> Iterator[str]:
        yield "One?"
        raise OSError("the disk of the user")

    output = tmp_path / "o.jsonl"
    package.generate(["Why?", "How?"], output, model="fake")
    for tries in range(3):
        with pytest.raises(package.RMBoostError):
            package.generate([f"New {tries}?"], output, model="fake", method__style="nix")
    with pytest.raises(OSError, match="the disk of the user"):
        package.generate(broken(), output, model="fake")
    assert rmboost("verify", output).code == 0
    for _ in range(2):
        package.generate(["New?"], output, model="fake")
        assert rmboost("verify", output).code == 0
    assert len(list((tmp_path / "o.run").glob("*prompts*"))) == 1, "the others are older than the run"


def test_prompts_from_python_on_a_full_disk(tmp_path: Path) -> None:
    script = """
import resource, rmboost, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    rmboost.generate((f"Why is {number} a number?" for number in range(3000)), sys.argv[1], model="fake")
except rmboost.RMBoostError as error:
    print(error.message, error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "o.jsonl")], capture_output=True, text=True, check=False
    )
    assert "cannot be written: File too large make room" in done.stdout, done.stderr
    assert [path.name for path in (tmp_path / "o.run").iterdir()] == ["lock"]


def test_prompts_of_a_command_that_is_about_to_begin_are_not_taken_from_it(tmp_path: Path) -> None:
    output = tmp_path / "o.jsonl"
    package.generate(["Why?"], output, model="fake")

    def keep(text: bytes) -> Path:
        def write(file: BinaryIO) -> None:
            file.write(text)

        return keep_beside(output, "stdin", write, InputError("nothing"))

    assert [path.read_bytes() for path in (keep(b"one"), keep(b"two"))] == [b"one", b"two"]


@pytest.mark.parametrize("fresh", [(), ("--fresh",)])
def test_rejects_that_are_read_as_prompts_are_not_written_over(
    rmboost: Shell, prompts: Path, tmp_path: Path, fresh: tuple[str, ...]
) -> None:
    output, strict = (
        tmp_path / "o.jsonl",
        ("--set", "checks=[{name: similarity, max_similarity: 0.27}]", "--set", "draws=1"),
    )
    assert rmboost("generate", prompts, "-o", output, "--model", "fake", *strict).code == 0
    rejects = tmp_path / "o.run" / "rejects.jsonl"
    before = rejects.read_bytes()
    done = rmboost("generate", rejects, "-o", output, "--model", "fake", *fresh)
    assert (done.code, "rejects.jsonl is the file that is read; it is left alone" in done.err) == (3, True), done.err
    assert rejects.read_bytes() == before != b""
    assert rmboost("generate", rejects, "-o", tmp_path / "again.jsonl", "--model", "fake").code == 0


class Broken(package.Listener):
    """Cannot tell once how far it is."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error, self.told = error, 0

    def progress(self, *_: object) -> None:
        self.told += 1
        if self.told == 1:
            raise self.error


@pytest.mark.parametrize("latency", [0.0, 30.0])
@pytest.mark.parametrize(
    ("raised", "comes"), [(ZeroDivisionError, ZeroDivisionError), (asyncio.CancelledError, KeyboardInterrupt)]
)
def test_what_a_listener_raises_ends_the_run_at_once_and_is_raised(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    raised: type[BaseException],
    comes: type[BaseException],
    latency: float,
) -> None:
    monkeypatch.setattr("rmboost.run.rounds._TICK_SECONDS", 0.01)
    how = {"model": "fake", "responder": {"options": {"latency": latency}}}
    with pytest.raises(comes):
        package.generate(["Why?", "How?"], tmp_path / "o.jsonl", how, listener=Broken(raised))
    assert package.generate(["Why?", "How?"], tmp_path / "o.jsonl", model="fake").tally.kept == 2


def test_signals_that_a_host_in_c_handles_are_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmboost.run.signals.signal.getsignal", lambda _: None)
    assert package.generate(["Why?"], tmp_path / "o.jsonl", model="fake").tally.kept == 1


def test_a_sample_of_so_many_pairs_is_drawn_once(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    draw = Sample.draw

    def counted(text: str, jobs: Iterable[Job], seed: int) -> Sample:
        drawn.append(text)
        return draw(text, jobs, seed)

    monkeypatch.setattr(Sample, "draw", counted)
    strict = ("--set", "checks=[form, {name: similarity, max_similarity: 0.27}]", "--set", "draws=1")
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--target", "6", *strict)
    done = rmboost(*run, "--verify", "5")
    assert (done.code, "6 pairs wanted, 6 tried" in done.err, drawn) == (0, False, ["5"]), done.err


def test_a_damaged_run_is_started_over_also_with_prompts_that_lie_in_no_file(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "o.jsonl"
    command = ("generate", "-", "-o", output, "--model", "fake")
    for manifest, options, code in ((None, (), 0), ("{", (), 3), ("{", ("--fresh",), 0)):
        if manifest:
            (tmp_path / "o.run" / "manifest.json").write_text(manifest)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"prompt": "Why?"}')))
        done = rmboost(*command, *options)
        assert done.code == code, done.err
    (tmp_path / "o.run" / "manifest.json").write_text("{")
    with pytest.raises(package.RMBoostError, match="cannot be read"):
        package.generate(["Why?"], output, model="fake")
    assert package.generate(["Why?"], output, model="fake", fresh=True).tally.kept == 1
    assert len([*tmp_path.glob("o.run*")]) == 3


def test_prompts_from_stdin_for_a_run_that_did_not_begin_leave_those_of_the_one_before(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "o.jsonl"
    for prompt, options, code in (("Why?", (), 0), ("New?", ("--set", "method.style=nix"), 2)):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps({"prompt": prompt}).encode())))
        assert rmboost("generate", "-", "-o", output, "--model", "fake", *options).code == code
    assert rmboost("verify", output).code == 0


def test_a_script_keeps_its_own_handlers_of_signals(tmp_path: Path) -> None:
    heard: list[int] = []

    class Terminated(package.Listener):
        sent = False

        def progress(self, *_: Any) -> None:
            if not self.sent:
                self.sent = True
                signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        options: dict[str, Any] = {"concurrency": 1, "responder__options": {"latency": 0.05}, "listener": Terminated()}
        summary = package.generate(map(str, range(50)), tmp_path / "o.jsonl", model="fake", **options)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (summary.status, heard) == ("stopped", [signal.SIGTERM])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_script_that_is_interrupted_does_not_go_on_with_its_next_run(tmp_path: Path, sent: signal.Signals) -> None:
    script = """
import rmboost, sys

class Heard(rmboost.Listener):
    def progress(self, *_):
        print("going", flush=True)

rmboost.generate(map(str, range(500)), sys.argv[1], model="fake", concurrency=1,
                 responder__options={"latency": 0.2}, listener=Heard())
print("went on", flush=True)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "o.jsonl")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        assert process.stdout.readline() == "going\n"
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
    assert process.returncode == -sent
    assert ("KeyboardInterrupt" in err, "went on" in out) == (sent is signal.SIGINT, False)
    assert json.loads((tmp_path / "o.run" / "manifest.json").read_text())["status"] == "stopped"


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ({"prompt": "Why?", "when": date(2026, 1, 1)}, "prompt 2: Object of type date is not JSON serializable"),
        (3, "prompt 2: int is neither a text nor a mapping"),
        (b"Why?", "prompt 2: bytes is neither"),
        (("Why?", "How?"), "prompt 2: tuple is neither"),
        ("Why \ud83d?", "prompt 2: 'utf-8' codec can't encode character '\\ud83d'"),
    ],
)
def test_prompts_as_values_that_json_does_not_have(tmp_path: Path, prompt: Any, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        package.generate(["Why is the sky blue?", prompt], tmp_path / "o.jsonl", model="fake")


def test_the_python_door_inside_a_running_loop(tmp_path: Path) -> None:
    import asyncio

    async def cell() -> int:
        return package.generate(["Why?"], tmp_path / "o.jsonl", model="fake", checks=[]).tally.kept

    assert asyncio.run(cell()) == 1


def test_what_another_run_was_answered_is_lent_inside_a_running_loop(tmp_path: Path) -> None:
    import asyncio

    settings = Config(model="fake", checks=())
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "Why?"}\n')
    first = generate(prompts, tmp_path / "first.jsonl", settings)

    async def cell() -> Summary:
        lenders = [tmp_path / "first.run" / "journal.sqlite"]
        return generate(prompts, tmp_path / "second.jsonl", settings, lenders=lenders)

    assert first.tally.kept == 1
    assert asyncio.run(cell()).asked == 0


def test_pairs_of_prompts_without_further_fields_fit_into_parquet(rmboost: Shell, tmp_path: Path) -> None:
    def columns() -> list[str]:
        assert rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake").code == 0
        table = pyarrow.Table.from_pylist(read_jsonl(tmp_path / "o.jsonl"))
        parquet.write_table(table, tmp_path / "o.parquet")
        return [*table.column_names]

    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "Why?"}, {"prompt": "How?"}])
    assert "metadata" not in columns()
    write_jsonl(prompts, [{"prompt": "Why?"}, {"prompt": "How?"}, {"prompt": "Who?", "lang": "en"}])
    assert "metadata" in columns()
    assert [row["metadata"] for row in read_jsonl(tmp_path / "o.jsonl")] == [{}, {}, {"lang": "en"}]
    assert rmboost("verify", tmp_path / "o.jsonl").code == 0
