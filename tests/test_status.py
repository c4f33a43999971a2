"""``rmboost status``: how a run stands, read beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault
from conftest import Shell, read_jsonl, write_jsonl
from rmboost.amounts import money
from rmboost.compare import files
from rmboost.config import Config
from rmboost.run import run
from rmboost.run.status import _rates, read
from rmboost.run.tally import kind_of


def generate(prompts: Path, output: Path, url: str) -> list[str]:
    options = ["--model", "test-model", "--base-url", url, "--concurrency", "4", "-q"]
    return [sys.executable, "-m", "rmboost", "generate", str(prompts), "-o", str(output), *options]


def status(rmboost: Shell, output: Path) -> dict[str, Any]:
    done = rmboost("status", output, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def test_a_run_is_looked_at_while_it_goes_on_then_killed_then_finished(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": f"Why is {number} good?"} for number in range(300)])
    output = tmp_path / "o.jsonl"
    seen: list[dict[str, Any]] = []
    with ChatServer(latency=0.02) as server:
        with subprocess.Popen(generate(prompts, output, server.url)) as process:
            while not seen or seen[-1]["settled"] == 0:
                assert process.poll() is None, "it is still at work"
                if (tmp_path / "o.run" / "manifest.json").exists():
                    seen.append(status(rmboost, output))
            running = seen[-1]
            assert (running["state"], running["process"]) == ("running", str(process.pid))
            assert running["prompts"] == 300 > running["settled"]
            assert running["rates"]["calls"] > 1
            assert 0 < running["left"] < 600
            assert "process" in rmboost("status", output).out
            process.send_signal(signal.SIGKILL)
        killed = status(rmboost, output)
        assert (killed["state"], killed["process"], killed["rates"]) == ("killed", None, None)
        assert "; the run's own command goes on\n" in rmboost("status", output).out
        assert subprocess.run(generate(prompts, output, server.url), timeout=60, check=False).returncode == 0
        calls = len({str(call.body) for call in server.calls})
    finished = status(rmboost, output)
    assert (finished["state"], finished["settled"], finished["left"]) == ("finished", 300, None)
    assert finished["totals"]["calls"] == finished["models"]["test-model"]["calls"] == calls
    assert not list((tmp_path / "o.run").glob("journal.sqlite-*")), "it leaves nothing behind"


def test_what_is_left_is_told_by_this_command_and_not_by_those_before(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": f"Why is {number} good?"} for number in range(100)])
    output = tmp_path / "o.jsonl"
    with ChatServer() as server:
        command = generate(prompts, output, server.url)[3:]
        assert [rmboost(*command, "--seed", seed).code for seed in (1, 2)] == [0, 0]
        server.script = lambda _: Fault(delay=0.1)
        found: dict[str, Any] = {"settled": 100}
        with subprocess.Popen([sys.executable, "-m", "rmboost", *command, "--seed", "3"]) as process:
            while not 10 <= found["settled"] < 100:
                assert process.poll() is None, "it is still at work"
                found = status(rmboost, output)
            process.kill()
    assert found["rates"]["calls"] < 1.2 * 4 / 0.1, "four at once, of a tenth of a second each"
    assert found["left"] == pytest.approx((100 - found["settled"]) * 2 / found["rates"]["calls"], rel=0.3)


def test_errors_and_rejects_are_shown_by_kind_and_drive_no_terminal(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    def refuse_sevens(call: Call) -> Fault | None:
        return Fault(status=400, message="too \x1b[mlong") if "Question 7:" in str(call.body) else None

    output = tmp_path / "o.jsonl"
    with ChatServer(script=refuse_sevens) as server:
        strict = ("--set", "checks=[{name: similarity, max_similarity: 0.3}]", "--set", "draws=1")
        command = ("generate", prompts, "-o", output, "--model", "test-model", "--base-url", server.url)
        done = rmboost(*command, *strict)
        look = f"rmboost inspect {output} --rejects --reason failed"
        assert (done.code, f"has to be taken out of the input: {look}\n" in done.err) == (5, True), done.err
        assert "1 job failed; the same command asks just it again" in done.err
        assert "Question 7:" in rmboost(*look.split()[1:]).out, "the command that is named shows it"
    shown = rmboost("status", output).out
    assert "finished" in shown and "asks the failed ones again" in shown
    assert f"rmboost inspect {output} --rejects --reason failed" in shown
    assert "× near-copy (for example" in shown
    assert "failed    1 × " in shown and "[mlong" in shown
    assert "\x1b" not in shown
    assert read(output).tally.failed.total() == 1


def test_errors_that_differ_by_a_number_are_one_kind(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    output = tmp_path / "o.jsonl"
    with ChatServer() as server:
        server.script = lambda _: Fault(status=400, message=f"at most 8192 tokens, not {9000 + len(server.calls)}")
        command = ("generate", prompts, "-o", output, "--model", "test-model", "--base-url", server.url)
        assert rmboost(*command, "--max-failures", "100").code == 5
    (shown,) = (line for line in rmboost("status", output).out.splitlines() if line.startswith("failed"))
    assert f"24 × {server.url}: HTTP 400: at most N tokens, not N (for example " in shown
    said = {row["detail"].rpartition(" ")[2] for row in read_jsonl(tmp_path / "o.run" / "rejects.jsonl")}
    assert len(said) == 24, "the rejects have it in full"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("http://10.0.0.7:8000/v1: no answer in time", "http://10.0.0.7:8000/v1: no answer in time"),
        ("http://a:1/v1: HTTP 429: wait 3.5 s", "http://a:1/v1: HTTP 429: wait N.N s"),
        ("http://a/v1: HTTP 500: request 9f1b-ab-e2 of gpt-4", "http://a/v1: HTTP 500: request N of N"),
        ("the disk is full", "the disk is full"),
    ],
)
def test_the_kind_of_an_error_keeps_address_and_status(error: str, kind: str) -> None:
    assert kind_of(error) == kind


def test_a_run_that_stopped_with_an_error_was_not_killed(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer(script=lambda _: Fault(status=401, message="no")) as server:
        command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        assert rmboost(*command).code == 4
    found = status(rmboost, tmp_path / "o.jsonl")
    assert (found["state"], found["settled"], found["silent"]) == ("stopped", 0, None)


def test_a_run_at_its_ceiling_says_so_and_what_it_cost(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    price = "prices={test-model: {input: 1000, output: 1000}}"
    with ChatServer() as server:
        command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "test-model", "--base-url", server.url)
        assert rmboost(*command, "--max-calls", 10, "--set", price).code == 6
    found, shown = status(rmboost, tmp_path / "o.jsonl"), rmboost("status", tmp_path / "o.jsonl").out
    assert (found["state"], found["reason"]) == ("stopped", "max_calls 10 leaves no room for more")
    usage = found["totals"]["usage"]
    assert found["cost"] == pytest.approx((usage["prompt_tokens"] + usage["completion_tokens"]) / 1000)
    assert f"{money(found['cost'])}, at the prices of the config" in shown
    assert "stopped: max_calls 10 leaves no room for more" in shown and "goes on with a higher one\n" in shown


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--estimate"], "; the run's own command goes on, without --estimate where it had that\n"),
        (["--deadline", "0.001s"], "; the run's own command goes on\n"),
        (
            ["--target", "40", "--set", "checks=[{name: similarity, max_similarity: 0.01}]"],
            "; with more prompts the run's own command goes on\n",
        ),
    ],
)
def test_what_goes_on_with_a_run_that_stopped(rmboost: Shell, tmp_path: Path, flags: list[str], words: str) -> None:
    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": f"Why is {number} good?"} for number in range(40)])
    rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", *flags)
    shown = rmboost("status", tmp_path / "o.jsonl").out
    assert words in shown, shown


def test_of_a_folder_every_run_is_a_line(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    (tmp_path / "c" / "one").mkdir(parents=True)
    for place, options in (("two.jsonl", ()), ("one/pairs.jsonl", ("--max-calls", "4", "--concurrency", "1"))):
        rmboost("generate", prompts, "-o", tmp_path / "c" / place, "--model", "fake", *options)
    done = rmboost("status", tmp_path / "c")
    assert done.code == 0, done.err
    first, second = done.out.splitlines()
    assert " ".join(first.split()) == f"{tmp_path / 'c/one/pairs.jsonl'} stopped 2 of 24, 2 kept"
    assert " ".join(second.split()) == f"{tmp_path / 'c/two.jsonl'} finished 24 of 24, 24 kept"
    (tmp_path / "c" / "two.run" / "manifest.json").write_text("{")
    assert "two.run/manifest.json cannot be read" in rmboost("status", tmp_path / "c").out, "the other is shown"
    alone = rmboost("status", tmp_path / "c" / "two.jsonl").err
    assert "hint: move it and the output away: the run's own command writes both again" in alone
    found = json.loads(rmboost("status", tmp_path / "c", "--json").out)
    assert [each["state"] for each in found] == ["stopped", "unreadable"]


def test_a_method_that_waits_for_the_others_of_its_comparison(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    output = tmp_path / "c" / "rmboost" / "pairs.jsonl"
    output.parent.mkdir(parents=True)
    run.generate(prompts, output, Config(model="fake"), pilot=5)
    with files.claimed(tmp_path / "c"):
        waiting = status(rmboost, output)
        assert (waiting["state"], waiting["process"], waiting["rates"]) == ("waiting", str(os.getpid()), None)
        words = f"waiting for the other methods of the comparison (process {os.getpid()})"
        assert words in rmboost("status", output).out
        assert rmboost("status", tmp_path / "c").out.split()[1] == "waiting"
    assert status(rmboost, output)["state"] == "stopped"


def test_a_folder_without_a_run_is_said_so(rmboost: Shell, tmp_path: Path) -> None:
    done = rmboost("status", tmp_path)
    assert (done.code, "there is no run in" in done.err) == (3, True)


@pytest.mark.parametrize("name", ["nowhere.jsonl", "p.jsonl"])
def test_what_is_no_run_is_said_so(rmboost: Shell, tmp_path: Path, name: str) -> None:
    write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a"}])
    done = rmboost("status", tmp_path / name)
    assert (done.code, "there is no run beside" in done.err) == (3, True)


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([], None),
        ([99.0], None),
        ([99.0, 95.0, 90.0], 0.2),
        ([99.0, 95.0, 10.0], 0.2),
        ([120.0, 110.0], None),
        ([100.0, 100.0], None),
    ],
)
def test_rates_are_of_the_last_minute_and_a_clock_that_jumps_gives_none(
    answers: list[float], calls: float | None
) -> None:
    rates = _rates([(at, 10, "job") for at in answers], now=100.0)
    assert (rates and rates.calls) == calls


def test_a_target_counts_pairs_also_where_there_are_as_many_prompts(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--target", "24")
    assert status(rmboost, tmp_path / "o.jsonl")["unit"] == "pairs"


def test_a_judge_settles_pairs(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    assert rmboost("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake").code == 0
    assert rmboost("judge", tmp_path / "pairs.jsonl", "-o", tmp_path / "judged.jsonl", "--model", "fake").code == 0
    assert "24 of 24 prompts" in rmboost("status", tmp_path / "pairs.jsonl").out
    assert "24 of 24 pairs" in rmboost("status", tmp_path / "judged.jsonl").out


def test_a_run_without_a_row_of_its_own_is_starting(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    output, seen = tmp_path / "o.jsonl", []

    def look(_: Call) -> Fault | None:
        seen.append((json.loads(rmboost("status", output, "--json").out), rmboost("status", output).out))
        return None

    def look_once(call: Call) -> Fault | None:
        return None if seen else look(call)

    assert rmboost("generate", prompts, "-o", output, "--model", "fake").code == 0
    with ChatServer(script=look_once) as server:
        command = (sys.executable, "-m", "rmboost", "generate", prompts, "-o", output, "--model", "test-model")
        subprocess.run((*command, "--base-url", server.url), check=True, capture_output=True)
    (found, said), *_ = seen
    assert (found["state"], found["settled"], found["rates"]) == ("starting", 24, None)
    assert "it has no row yet, and what follows is of the command before it" in said
    assert status(rmboost, output)["state"] == "finished"


@pytest.mark.parametrize("harm", [{"output": "o.jsonl"}, {"input": 5}, {"input": {"path": 5}}, {"config": []}])
def test_half_a_manifest_is_named(rmboost: Shell, prompts: Path, tmp_path: Path, harm: dict[str, Any]) -> None:
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake")
    assert rmboost(*command).code == 0
    manifest = tmp_path / "o.run" / "manifest.json"
    whole = {} if "output" in harm else json.loads(manifest.read_text())
    manifest.write_text(json.dumps(whole | harm))
    for words in (("status", tmp_path / "o.jsonl"), ("verify", tmp_path / "o.jsonl"), command):
        done = rmboost(*words)
        assert (done.code, f"{manifest} is no manifest of a run" in done.err) == (3, True)
        assert "hint: move it and the output away" in done.err
    before = (tmp_path / "o.jsonl").read_bytes()
    (tmp_path / "away").mkdir()
    for file in (manifest, tmp_path / "o.jsonl"):
        file.rename(tmp_path / "away" / file.name)
    done = rmboost(*command)
    assert (done.code, "0 calls made now" in done.err) == (0, True), "the hint costs nothing"
    assert (tmp_path / "o.jsonl").read_bytes() == before


def test_a_run_that_was_renamed_is_known(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    assert rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake").code == 0
    (tmp_path / "o.jsonl").rename(tmp_path / "n.jsonl")
    (tmp_path / "o.run").rename(tmp_path / "n.run")
    for word in ("status", "verify"):
        done = rmboost(word, tmp_path / "n.jsonl")
        assert done.code == 3
        assert f"{tmp_path / 'n.run'} is the folder of the run that writes o.jsonl" in done.err
