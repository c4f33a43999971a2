"""Nothing lost: runs that are killed, interrupted or cut off end with the files of an undisturbed run."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault, some
from conftest import Shell, read_jsonl, write_jsonl

IN_FLIGHT = 8


def command(prompts: Path, output: Path, url: str) -> list[str]:
    # near-copies and redraws on purpose: a strict check makes jobs of different lengths
    checks = "checks=[form, echo, leak, refusal, {name: similarity, max_similarity: 0.27}]"
    judged = ["--verify", "50%", "--set", "verify.policy=drop"]
    options = ["--model", "test-model", "--base-url", url, "--concurrency", str(IN_FLIGHT), "--set", checks, *judged]
    return [sys.executable, "-m", "rmboost", "generate", str(prompts), "-o", str(output), *options]


@contextmanager
def started(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own, with both ends of its output closed in the end."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(arguments: list[str], timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(arguments, capture_output=True, timeout=timeout, check=False)


def files(output: Path) -> tuple[bytes, bytes]:
    return output.read_bytes(), (output.with_suffix(".run") / "rejects.jsonl").read_bytes()


def interrupted(server: ChatServer, arguments: list[str], calls: int, number: signal.Signals) -> tuple[int, str]:
    """Run the command until the server has seen ``calls`` more calls, then signal it; its exit code and last words."""
    target = len(server.calls) + calls
    process: list[subprocess.Popen[bytes]] = []

    def shoot(_: Call) -> Fault | None:
        if len(server.calls) == target and process:
            os.kill(process[0].pid, number)
        return None

    server.script = shoot
    with started(arguments) as running:
        process.append(running)
        _, said = running.communicate(timeout=60)
        server.script = ()
        return running.returncode, said.decode()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, int]:
    """What a run that nobody disturbs leaves behind, and how many calls it makes."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with ChatServer() as server:
        done = finish(command(many_prompts(folder), folder / "pairs.jsonl", server.url))
        assert done.returncode == 0, done.stderr.decode()
        return (*files(folder / "pairs.jsonl"), len(server.calls))


def many_prompts(folder: Path, count: int = 60) -> Path:
    path = folder / "prompts.txt"
    path.write_text("".join(f"Why is number {number} a good number?\n" for number in range(count)))
    return path


def test_the_disturbed_runs_have_something_to_lose(undisturbed: tuple[bytes, bytes, int]) -> None:
    pairs, rejects, calls = undisturbed
    assert pairs.count(b"\n") + rejects.count(b"\n") == 60
    assert rejects.count(b"\n") > 0
    assert calls > 130, "some pairs are drawn again"


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_moments(tmp_path: Path, undisturbed: tuple[bytes, bytes, int], seed: int) -> None:
    random = Random(seed)
    with ChatServer(latency=0.002) as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        kills = 0
        for _ in range(4):
            code, _ = interrupted(server, arguments, random.randint(1, 40), signal.SIGKILL)
            kills += code == -signal.SIGKILL
        assert finish(arguments).returncode == 0
        bodies = Counter(str(call.body) for call in server.calls)
    assert kills >= 2
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]
    # each of so many jobs may have both orders of a verdict out at once
    assert bodies.total() - len(bodies) <= kills * IN_FLIGHT * 2, "only calls in flight are asked again"


@pytest.mark.parametrize("method", ["ultrafeedback", "self-rewarding"])
def test_killed_among_calls_that_go_out_together(tmp_path: Path, method: str) -> None:
    prompts = many_prompts(tmp_path, 12)
    with ChatServer(latency=0.002) as server:
        whole, cut = (
            [*command(prompts, tmp_path / f"{name}.jsonl", server.url), "--method", method] for name in ("whole", "cut")
        )
        assert finish(whole).returncode == 0
        codes = [interrupted(server, cut, calls, signal.SIGKILL)[0] for calls in (7, 25)]
        assert codes == [-signal.SIGKILL] * 2
        assert finish(cut).returncode == 0
    assert files(tmp_path / "cut.jsonl") == files(tmp_path / "whole.jsonl")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_cleanly_and_loses_no_answer(
    tmp_path: Path, undisturbed: tuple[bytes, bytes, int], number: signal.Signals
) -> None:
    with ChatServer(latency=0.002) as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        code, said = interrupted(server, arguments, 30, number)
        assert code == 130, said
        assert f"stopped: by {number.name}; the same command goes on from here" in said
        assert "Traceback" not in said
        assert finish(arguments).returncode == 0
        assert len(server.calls) == undisturbed[2], "not one call was asked twice"
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]


def test_a_terminal_that_is_closed_costs_no_answer(tmp_path: Path, undisturbed: tuple[bytes, bytes, int]) -> None:
    terminal: list[int] = []

    def close(_: Call) -> Fault | None:
        if len(server.calls) == 30:
            os.close(terminal[0])
        return None

    with ChatServer(latency=0.002, script=close) as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        child, of_child = pty.fork()
        if not child:
            os.execvp(arguments[0], arguments)
        terminal.append(of_child)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130
        assert "by SIGHUP" in (tmp_path / "pairs.run" / "manifest.json").read_text()
        assert finish(arguments).returncode == 0
        assert len(server.calls) == undisturbed[2], "not one call was asked twice"
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_that_whoever_began_it_ignores_is_ignored(
    tmp_path: Path, undisturbed: tuple[bytes, bytes, int], number: signal.Signals
) -> None:
    with ChatServer(latency=0.002) as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        deaf = [
            "sh",
            "-c",
            f"trap '' {number.name.removeprefix('SIG')}; exec \"$@\"",
            "sh",
            *arguments,
        ]  # as nohup does
        code, said = interrupted(server, deaf, 30, number)
        assert code == 0, said
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]


def test_faults_of_the_server_change_nothing(tmp_path: Path, undisturbed: tuple[bytes, bytes, int]) -> None:
    busy = Fault(status=429, headers={"Retry-After": "0"})
    broken = (Fault(status=500, headers={"Retry-After": "0"}), Fault(content=b"<html>", headers={"Retry-After": "0"}))
    with ChatServer(script=some(0.2, busy, *broken)) as server:
        done = finish(command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url))
        assert done.returncode == 0, done.stderr.decode()
        assert len(server.calls) > undisturbed[2]
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]


def test_a_key_that_is_refused_stops_the_run_before_the_list_is_burnt(tmp_path: Path) -> None:
    def refuse(_: Call) -> Fault:
        return Fault(status=401, message="no such key")

    with ChatServer(script=refuse) as server:
        done = finish(command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url))
        assert done.returncode == 4
        assert b"OPENAI_API_KEY" in done.stderr
        assert len(server.calls) <= IN_FLIGHT


def test_jobs_that_fail_are_asked_again_by_the_same_command(
    tmp_path: Path, undisturbed: tuple[bytes, bytes, int]
) -> None:
    def refuse_sevens(call: Call) -> Fault | None:
        return Fault(status=400, message="too long") if "number 7 " in str(call.body) else None

    with ChatServer(script=refuse_sevens) as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        done = finish(arguments)
        assert done.returncode == 5
        assert b"too long" in done.stderr
        rejects = read_jsonl(tmp_path / "pairs.run" / "rejects.jsonl")
        assert [row["kind"] for row in rejects].count("failed") == 1
        server.script = ()
        asked = len(server.calls)
        assert finish(arguments).returncode == 0
        assert len(server.calls) - asked < 10, "only the failed job is asked"
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]


def test_a_full_disk_is_said_so_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path, undisturbed: tuple[bytes, bytes, int]
) -> None:
    with ChatServer() as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        full = finish(["bash", "-c", f"ulimit -f 64; exec {shlex.join(arguments)}"])  # no file over 64 KiB
        assert (full.returncode, b"hint" in full.stderr) == (3, True), full.stderr.decode()
        assert b"Traceback" not in full.stderr
        assert finish(arguments).returncode == 0
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte; skips where mounting one is not allowed."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_file_system_is_said_so_and_the_run_goes_on_when_it_grows(
    small_disk: Path, tmp_path: Path, undisturbed: tuple[bytes, bytes, int]
) -> None:
    with ChatServer() as server:
        arguments = command(many_prompts(tmp_path), small_disk / "pairs.jsonl", server.url)
        for _ in range(2):
            full = finish(arguments)
            assert (full.returncode, b"hint" in full.stderr) == (3, True), full.stderr.decode()
            assert b"Traceback" not in full.stderr
        subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
        done = finish(arguments)
        assert done.returncode == 0, done.stderr.decode()
        proved = finish([sys.executable, "-m", "rmboost", "verify", str(small_disk / "pairs.jsonl")])
        assert proved.returncode == 0, proved.stdout.decode()
    assert files(small_disk / "pairs.jsonl") == undisturbed[:2]


def test_a_clock_that_jumps_does_no_harm(tmp_path: Path, undisturbed: tuple[bytes, bytes, int]) -> None:
    jumping = tmp_path / "jumping"
    jumping.mkdir()
    (jumping / "sitecustomize.py").write_text(
        "import itertools, time\nstep = itertools.count()\nreal = time.time\n"
        "time.time = lambda: real() - 86400 * (next(step) % 3) - 1e9 * (next(step) % 2)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(jumping), os.environ.get("PYTHONPATH", "")])}
    with ChatServer(latency=0.002) as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        code, _ = interrupted(server, arguments, 40, signal.SIGKILL)
        assert code == -signal.SIGKILL
        done = subprocess.run(arguments, capture_output=True, timeout=60, check=False, env=environment)
        assert done.returncode == 0, done.stderr.decode()
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]
    seen = finish([sys.executable, "-m", "rmboost", "status", str(tmp_path / "pairs.jsonl")])
    assert b"finished" in seen.stdout


@pytest.mark.parametrize("harm", ["cut", "torn page", "torn log"])
def test_a_damaged_journal_is_put_in_order_by_the_same_command(
    tmp_path: Path, undisturbed: tuple[bytes, bytes, int], harm: str
) -> None:
    journal = tmp_path / "pairs.run" / "journal.sqlite"
    with ChatServer(latency=0.002) as server:
        arguments = command(many_prompts(tmp_path), tmp_path / "pairs.jsonl", server.url)
        number = signal.SIGKILL if harm == "torn log" else signal.SIGTERM
        interrupted(server, arguments, 90, number)
        path = journal.with_name("journal.sqlite-wal") if harm == "torn log" else journal
        whole = path.read_bytes()
        path.write_bytes(whole[:-4096] + (b"" if harm == "cut" else b"\x55" * 4096))
        for _ in range(2):
            done = finish(arguments)
            if done.returncode == 0:
                break
            assert (done.returncode, b"is damaged" in done.stderr) == (3, True), done.stderr.decode()
            assert b"Traceback" not in done.stderr
        assert done.returncode == 0, done.stderr.decode()
        calls = Counter(str(call.body) for call in server.calls)
    assert files(tmp_path / "pairs.jsonl") == undisturbed[:2]
    assert calls.total() - len(calls) <= IN_FLIGHT + 12, "what the page held, and no more"


@pytest.mark.slow
def test_killed_over_and_over_with_64_calls_in_flight() -> None:
    soak = Path(__file__).parents[1] / "benchmarks" / "soak.py"
    done = finish([sys.executable, str(soak), "--kills", "20", "--prompts", "500"], timeout=600)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert b"nothing lost" in done.stdout


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    with ChatServer() as server:
        arguments = command(many_prompts(tmp_path), Path("-"), server.url)
        environment = {**os.environ, "RMBOOST_CACHE": str(tmp_path / "cache")}
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
            assert process.stdout and process.stderr
            assert process.stdout.readline().startswith(b'{"prompt"')
            process.stdout.close()
            said = process.stderr.read()
            process.wait(60)
    assert b"Traceback" not in said
    assert process.returncode == 0


def test_failed_jobs_that_nobody_answers_again_cost_no_row(rmboost: Shell, tmp_path: Path) -> None:
    def refused(call: Call) -> Fault | None:
        return Fault(status=400) if "Question 7" in str(call.body) else None

    rows = [{"prompt": f"Question {number}?"} for number in range(20)]
    prompts, output = write_jsonl(tmp_path / "p.jsonl", rows), tmp_path / "o.jsonl"
    with ChatServer(refused) as server:
        options = ("-o", output, "--model", "test-model", "--base-url", server.url, "--set", "checks=[]")
        assert rmboost("generate", prompts, *options).code == 5
    before = output.read_bytes()
    assert before.count(b"\n") == 19
    gone = rmboost("generate", prompts, *options)
    assert (gone.code, output.read_bytes()) == (4, before)
    assert rmboost("verify", output).code == 0
    with ChatServer() as server:
        again = (*options[:5], server.url, *options[6:])
        assert rmboost("generate", prompts, *again).code == 0
    assert output.read_bytes().count(b"\n") == 20


def test_a_redo_that_was_stopped_leaves_the_reasons_that_the_rows_tell(rmboost: Shell, tmp_path: Path) -> None:
    def refused(message: str) -> Callable[[Call], Fault | None]:
        words = ("Question 7?", "Question 9?")
        return lambda call: Fault(status=500, message=message) if any(w in str(call.body) for w in words) else None

    rows = [{"prompt": f"Question {number}?"} for number in range(12)]
    prompts, output = write_jsonl(tmp_path / "p.jsonl", rows), tmp_path / "o.jsonl"
    with ChatServer(refused("first")) as server:
        options = ("-o", output, "--model", "test-model", "--base-url", server.url, "--set", "checks=[]")
        once = ("--set", "tries=1", "--concurrency", "1")
        assert rmboost("generate", prompts, *options, *once).code == 5
        server.script = refused("second")
        assert rmboost("generate", prompts, *options, *once, "--max-failures", "1").code == 4
        assert rmboost("verify", output).code == 0
        assert rmboost("generate", prompts, *options, *once).code == 5
        assert rmboost("verify", output).code == 0
    assert "second" in (tmp_path / "o.run" / "rejects.jsonl").read_text()


def test_a_redo_in_vain_after_prompts_were_added_beyond_the_limit(rmboost: Shell, tmp_path: Path) -> None:
    prompts, output = write_jsonl(tmp_path / "p.jsonl", [{"prompt": "a?"}, {"prompt": "b?"}]), tmp_path / "o.jsonl"
    with ChatServer(lambda call: Fault(status=400) if "b?" in str(call.body) else None) as server:
        options = ("-o", output, "--model", "test-model", "--base-url", server.url, "--limit", "2")
        assert rmboost("generate", prompts, *options).code == 5
    before = output.read_bytes()
    with prompts.open("a") as file:
        file.write('{"prompt": "c?"}\n')
    for _ in range(2):
        assert rmboost("generate", prompts, *options).code == 4
        assert output.read_bytes() == before
    assert rmboost("verify", output).code == 0
    assert not list((tmp_path / "o.run").glob("previous*"))


def test_a_template_that_does_not_fit_a_later_prompt_loses_no_answer_under_way(rmboost: Shell, tmp_path: Path) -> None:
    """The rehearsal plays the first prompt alone."""
    rows: list[dict[str, Any]] = [
        {"id": f"q{number}", "prompt": f"Question {number}?", "topic": "x"} for number in range(8)
    ]
    del rows[5]["topic"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "respond.md.j2").write_text(
        '{% turn "user" %}{{ prompt.text }} About {{ prompt.metadata.topic }}.{% endturn %}'
    )
    prompts, output = write_jsonl(tmp_path / "p.jsonl", rows), tmp_path / "o.jsonl"
    with ChatServer(lambda _: Fault(delay=0.2)) as server:
        options = ("--model", "test-model", "--base-url", server.url, "--set", f"prompts={tmp_path / 'mine'}")
        done = rmboost("generate", prompts, "-o", output, *options, "--concurrency", "8")
        assert done.code == 2
        assert "prompt q5 (Question 5?): " in done.err and "topic" in done.err
        asked = [call.body for call in server.calls]
        with closing(sqlite3.connect(tmp_path / "o.run" / "journal.sqlite")) as journal:
            assert journal.execute("SELECT count(*) FROM calls").fetchone() == (len(asked),), "all that were asked"


def test_rows_come_back_from_the_journal_where_a_ceiling_is_reached(rmboost: Shell, tmp_path: Path) -> None:
    """A changed check sets the rows aside; what was answered costs nothing, so no ceiling stands in its way."""
    prompts, output = (
        write_jsonl(tmp_path / "p.jsonl", [{"prompt": f"Why {n}?"} for n in range(12)]),
        tmp_path / "o.jsonl",
    )
    with ChatServer() as server:
        run = ("generate", prompts, "-o", output, "--model", "test-model", "--base-url", server.url, "--max-calls", "9")
        assert rmboost(*run, "--set", "checks=[]").code == 6
        before, asked = read_jsonl(output), len(server.calls)
        assert len(before) == 4
        done = rmboost(*run, "--set", "checks=[form]")
        assert done.code == 6
        assert "max_calls 9 leaves no room for more" in done.err
        assert [row["chosen"] for row in read_jsonl(output)] == [row["chosen"] for row in before]
        assert len(server.calls) == asked
    assert rmboost("verify", output).code == 0


def test_a_redo_that_was_stopped_after_an_answer_can_be_verified(rmboost: Shell, tmp_path: Path) -> None:
    """Question 9 is answered while question 7 fails again: no row could be written, and nothing is wrong with that."""

    def first(call: Call) -> Fault | None:
        return Fault(status=500) if "Question 7?" in str(call.body) or "Question 9?" in str(call.body) else None

    def again(call: Call) -> Fault | None:
        return Fault(status=500, delay=0.5) if "Question 7?" in str(call.body) else None

    prompts = write_jsonl(tmp_path / "p.jsonl", [{"prompt": f"Question {number}?"} for number in range(12)])
    output = tmp_path / "o.jsonl"
    with ChatServer(first) as server:
        options = ("--model", "test-model", "--base-url", server.url, "--set", "checks=[]", "--set", "tries=1")
        run = ("generate", prompts, "-o", output, *options, "--concurrency", "2")
        assert rmboost(*run).code == 5
        server.script = again
        assert rmboost(*run, "--max-failures", "1").code == 4
        proved = rmboost("verify", output)
        assert (proved.code, "but for 1 that failed and were asked again since" in proved.out) == (0, True)
        assert rmboost(*run).code == 5
        assert rmboost("verify", output).code == 0
    assert len(read_jsonl(output)) == 11
