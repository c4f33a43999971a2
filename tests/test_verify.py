"""``rmboost verify``: a file is proved by its journal, and whatever differs is named."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chat_server import Call, ChatServer, Fault
from conftest import ACTIVE, Shell
from rmboost import config
from rmboost.claim import claim
from rmboost.errors import StoreError
from rmboost.journal import Journal
from rmboost.run.proof import prove
from rmboost.run.recipe import Recipe
from rmboost.run.replan import settle_plan

STRICT = "checks=[form, {name: similarity, max_similarity: 0.27}]"


@pytest.fixture
def output(rmboost: Shell, prompts: Path, tmp_path: Path) -> Path:
    """A finished run with pairs, redraws and rejects."""
    path = tmp_path / "pairs.jsonl"
    done = rmboost("generate", prompts, "-o", path, "--model", "fake", "--set", STRICT, "--set", "draws=2")
    assert done.code == 0
    assert "rejected" in done.err and "drawn again" in done.err
    return path


def test_a_run_is_what_its_journal_says(rmboost: Shell, output: Path) -> None:
    before = {file.name: file.read_bytes() for file in output.parent.rglob("*.jsonl")}
    done = rmboost("verify", output)
    assert done.code == 0, done.out + done.err
    assert "the same: all rows of 24 jobs were made again from the journal" in done.out
    assert done.out.count("as it should be") == 2
    assert {file.name: file.read_bytes() for file in output.parent.rglob("*.jsonl")} == before
    as_json = json.loads(rmboost("verify", output, "--json").out)
    assert as_json["same"] is True
    assert [file["wanted"] == file["found"] for file in as_json["files"]] == [True, True]


def test_a_run_with_rounds_is_proved_by_another_version_and_left_as_it_is(
    rmboost: Shell, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "pairs.jsonl"
    run = ("generate", prompts, "-o", output, "--model", "fake", "--target", "12", "--set", STRICT, "--set", "draws=1")
    assert "12 pairs wanted, " in rmboost(*run).err

    def noted() -> list[tuple[str, str, int]]:
        with closing(sqlite3.connect(tmp_path / "pairs.run" / "journal.sqlite")) as journal:
            return sorted(journal.execute("SELECT * FROM state"))

    before = noted()
    (plan,) = (json.loads(value) for name, value, _ in before if name == "plan")
    assert plan["jobs"] > 12, "there was a second round"
    monkeypatch.setattr("rmboost.run.fingerprint.__version__", "9.9")
    done = rmboost("verify", output)
    assert (done.code, "version: " in done.err) == (0, True), done.err
    assert noted() == before


def test_a_plan_noted_by_a_command_that_never_began_is_not_that_of_the_rows(
    rmboost: Shell, output: Path, prompts: Path
) -> None:
    async def note() -> None:
        journal = Journal(output.parent / "pairs.run" / "journal.sqlite")
        recipe = Recipe.prepare(prompts, config.load(None, {"model": "fake", "repetitions": 2}))
        journal.remember("plan", settle_plan(recipe, journal).state)
        await journal.close()

    asyncio.run(note())
    done = rmboost("verify", output)
    assert done.code == 0, done.err


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def edit(path: Path, change: Callable[[list[bytes]], object]) -> None:
    rows = lines(path)
    change(rows)
    path.write_bytes(b"".join(rows))


def swap(rows: list[bytes]) -> None:
    rows[1], rows[2] = rows[2], rows[1]


def relabel(rows: list[bytes]) -> None:
    rows[3] = rows[3].replace(b'"better"', b'"bett\\u001b[31m"').replace(b'"worse"', b'"wor\\u001b[31m"')


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.pop(0), ["is missing before line 1"]),
        (lambda rows: rows.pop(), ["is missing at the end"]),
        (lambda rows: rows.clear(), ["is missing at the end", "is missing"]),
        (lambda rows: rows.insert(2, rows[0]), ["line 3 (id ", "should not be here"]),
        (lambda rows: rows.append(rows[0]), ["should not be here"]),
        (lambda rows: rows.append(b"half a ro"), ["(no row at all) should not be here"]),
        (lambda rows: rows.__setitem__(0, b"[1]\n"), ["is missing before line 1", "line 1 (no row at all) should not"]),
        (
            lambda rows: rows.__setitem__(0, rows[0].replace(b'": ', b'":', 1)),
            ["line 1 (id", "the same in other bytes"],
        ),
        (swap, ["line 2 (id", "should not be here", "is missing"]),
        (relabel, ["line 4 (id", "label is", "the answers give"]),
    ],
)
@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.run/rejects.jsonl"])
def test_what_differs_is_named(
    rmboost: Shell, output: Path, name: str, change: Callable[[list[bytes]], object], said: list[str]
) -> None:
    edit(output.parent / name, change)
    done = rmboost("verify", output)
    assert done.code == 7, done.out + done.err
    assert all(words in done.out for words in said), done.out
    assert "and should be" in done.out
    assert "\x1b" not in done.out
    assert f"{Path(name).name}: " in done.out


def test_what_the_manifest_holds_drives_no_terminal(rmboost: Shell, output: Path) -> None:
    manifest = output.with_suffix(".run") / "manifest.json"
    values = json.loads(manifest.read_bytes())
    values["files"]["pairs.jsonl"]["sha256"] = ACTIVE
    manifest.write_text(json.dumps(values), encoding="utf-8")
    assert "the sha256 of pairs.jsonl is ␛]0;t␇<U+009B>2J<U+202E>," in rmboost("verify", output).out
    values["settings"]["seed"] = ACTIVE
    manifest.write_text(json.dumps(values), encoding="utf-8")
    assert "seed: ␛]0;t␇<U+009B>2J<U+202E> → " in rmboost("verify", output).err


def test_an_answer_that_the_journal_lost_is_counted_and_the_rest_compared(rmboost: Shell, output: Path) -> None:
    with closing(sqlite3.connect(output.with_suffix(".run") / "journal.sqlite")) as journal:
        journal.execute("DELETE FROM calls WHERE rowid IN (1, 30)")
        journal.commit()
    done = rmboost("verify", output)
    assert done.code == 7
    assert "the journal has no answer to a call of theirs: 2" in done.out
    assert done.out.count("as it should be") == 2, "the other rows are"


def test_jobs_that_failed_are_part_of_the_proof(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def refuse_sevens(call: Call) -> Fault | None:
        return Fault(status=400, message="too long") if "Question 7:" in str(call.body) else None

    with ChatServer(script=refuse_sevens) as server:
        path = tmp_path / "pairs.jsonl"
        done = rmboost("generate", prompts, "-o", path, "--model", "test-model", "--base-url", server.url)
        assert done.code == 5
    done = rmboost("verify", path)
    assert done.code == 0, done.out + done.err


def test_what_a_judge_refused_is_part_of_the_proof(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def judges_are_overwhelmed(call: Call) -> Fault | None:
        judged = "Question 7:" in str(call.body) and "logprobs" in call.body
        return Fault(status=400, message="too long") if judged else None

    with ChatServer(script=judges_are_overwhelmed) as server:
        path = tmp_path / "pairs.jsonl"
        options = ("--model", "test-model", "--base-url", server.url, "--verify", "all", "--set", "checks=[]")
        assert rmboost("generate", prompts, "-o", path, *options).code == 0
    assert "too long" in path.read_text()
    done = rmboost("verify", path)
    assert done.code == 0, done.out + done.err


def test_judged_files_are_proved_as_well(rmboost: Shell, output: Path, tmp_path: Path) -> None:
    path = tmp_path / "judged.jsonl"
    assert rmboost("judge", output, "-o", path, "--model", "fake").code == 0
    done = rmboost("verify", path)
    assert done.code == 0, done.out + done.err
    edit(path, lambda rows: rows.pop(3))
    assert rmboost("verify", path).code == 7


def test_a_run_that_was_stopped_is_proved_as_far_as_it_came(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    def refuse_late(call: Call) -> Fault | None:
        return Fault(status=401, message="no credit") if "Question 20:" in str(call.body) else None

    path = tmp_path / "pairs.jsonl"
    with ChatServer(script=refuse_late) as server:
        options = ("--model", "test-model", "--base-url", server.url, "--concurrency", 2)
        assert rmboost("generate", prompts, "-o", path, *options).code == 4
    done = rmboost("verify", path)
    assert done.code == 0, done.out + done.err
    assert "the run is not finished" in done.out


def test_the_prompts_are_found_beside_the_output_or_where_one_says(
    rmboost: Shell, output: Path, prompts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(os.sep)
    moved = prompts.rename(tmp_path / "elsewhere.jsonl")
    done = rmboost("verify", output)
    assert (done.code, "are not there any more" in done.err, "--prompts FILE" in done.err) == (2, True, True)
    assert rmboost("verify", output, "--prompts", moved).code == 0
    moved.write_text(moved.read_text() + '{"prompt": "more"}\n')
    done = rmboost("verify", output, "--prompts", moved)
    assert (done.code, f"{moved} is not what the run read (its sha256 is " in done.err) == (2, True)
    assert "put that version back, or --prompts FILE with it" in done.err
    done = rmboost("verify", output, "--prompts", tmp_path / "elsewher.jsonl")
    assert (done.code, f"{tmp_path / 'elsewher.jsonl'} does not exist" in done.err) == (2, True)
    assert f"did you mean {moved}?" in done.err


def test_templates_that_changed_are_named(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "respond.md.j2").write_text('{% turn "user" %}{{ prompt.text }}{% endturn %}')
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set", f"prompts={own}")
    assert rmboost(*command).code == 0
    assert rmboost("verify", tmp_path / "o.jsonl").code == 0
    (own / "respond.md.j2").write_text('{% turn "user" %}Please: {{ prompt.text }}{% endturn %}')
    done = rmboost("verify", tmp_path / "o.jsonl")
    assert (done.code, "templates.respond" in done.err) == (2, True)


def test_what_cannot_be_verified_is_said_so(rmboost: Shell, output: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("{}\n")
    for name in ("mine.jsonl", "nowhere.jsonl"):
        done = rmboost("verify", tmp_path / name)
        assert (done.code, "there is no run beside" in done.err) == (3, True)
        assert not (tmp_path / name).with_suffix(".run").exists()
    with claim(output):
        done = rmboost("verify", output)
        assert (done.code, f"process {os.getpid()} is working on" in done.err) == (3, True)
        assert done.err.endswith(f"hint: wait for it: rmboost status {output} shows how far it is\n")
    unbegun = tmp_path / "other" / "o.jsonl"
    unbegun.parent.mkdir()
    with claim(unbegun), pytest.raises(StoreError) as caught:
        claim(unbegun)
    assert caught.value.hint == "wait for it", "it has no journal to look at yet"


def judged(rmboost: Shell, prompts: Path, tmp_path: Path, *options: str) -> Path:
    """A run over 24 prompts whose pairs are judged."""
    path = tmp_path / "judged.jsonl"
    command = ("generate", prompts, "-o", path, "--model", "fake", "--set", "checks=[]", *options)
    assert rmboost(*command).code == 0
    return path


@pytest.mark.parametrize("sample", ["all", "30%", "7"])
def test_verdicts_are_proved_as_well(rmboost: Shell, prompts: Path, tmp_path: Path, sample: str) -> None:
    output = judged(rmboost, prompts, tmp_path, "--verify", sample, "--set", "verify.policy=drop")
    done = rmboost("verify", output)
    assert done.code == 0, done.out + done.err
    rmboost("judge", output, "-o", tmp_path / "again.jsonl", "--model", "fake", "--sample", sample)
    done = rmboost("verify", tmp_path / "again.jsonl")
    assert done.code == 0, done.out + done.err


def test_a_verdict_that_the_journal_has_not_is_missing_and_no_other_verdict(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    output = judged(rmboost, prompts, tmp_path, "--verify", "all")
    with closing(sqlite3.connect(tmp_path / "judged.run" / "journal.sqlite", isolation_level=None)) as journal:
        journal.execute("DELETE FROM calls WHERE role = 'judge'")
    as_json = json.loads(rmboost("verify", output, "--json").out)
    assert (as_json["missing"], as_json["differences"]) == (24, [])


def test_a_sample_of_so_many_is_drawn_anew_when_prompts_are_added(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    output = judged(rmboost, prompts, tmp_path, "--verify", "7")
    prompts.write_text(prompts.read_text() + '{"prompt": "One"}\n{"prompt": "Two"}\n{"prompt": "Three"}\n')
    judged(rmboost, prompts, tmp_path, "--verify", "7")
    assert output.read_text().count('"winner": "') == 7
    assert rmboost("verify", output).code == 0


def test_a_pair_that_was_turned_into_a_failed_job_is_found(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    """A failed row may stand where an answer has come since; but only the run itself can have left it so."""
    output, folder = tmp_path / "pairs.jsonl", tmp_path / "pairs.run"
    assert rmboost("generate", prompts, "-o", output, "--model", "fake", "--set", "checks=[]").code == 0
    rejects, manifest = folder / "rejects.jsonl", folder / "manifest.json"
    lines = output.read_bytes().splitlines(keepends=True)
    gone = json.loads(lines.pop(0))
    output.write_bytes(b"".join(lines))
    made_up = {"id": gone["id"], "repetition": 0, "kind": "failed", "reason": "failed"}
    rejects.write_bytes(json.dumps(made_up).encode() + b"\n" + rejects.read_bytes())
    noted = json.loads(manifest.read_text())
    for file in (output, rejects):
        noted["files"][file.name]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(noted))
    done = rmboost("verify", output)
    assert done.code == 7
    assert "pairs.jsonl: its sha256 is" in done.out and "rejects.jsonl: its sha256 is" in done.out


def test_ctrl_c_is_heard_between_two_jobs(output: Path) -> None:
    seen: list[int] = []

    def interrupt(done: int, _: int) -> None:
        seen.append(done)
        if task := asyncio.current_task():
            task.cancel()

    with pytest.raises(KeyboardInterrupt):
        prove(output, progress=interrupt)
    assert seen == [1]


def test_what_a_killed_process_wrote_past_its_checkpoint_counts_for_nothing(rmboost: Shell, output: Path) -> None:
    async def kill() -> None:
        journal = Journal(output.with_suffix(".run") / "journal.sqlite")
        journal.remember("checkpoint", journal.recall("checkpoint") | {"closed": False})
        await journal.close()

    asyncio.run(kill())
    with output.open("ab") as file:
        file.write(b'{"prompt": "torn')
    done = rmboost("verify", output)
    assert done.code == 0, done.out + done.err
