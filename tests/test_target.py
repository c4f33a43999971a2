"""Exactly so many kept pairs, balanced: ``--target``."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault
from conftest import Shell, read_jsonl, write_jsonl
from rmboost.records import Drop, Dropped, Failed, Job, Prompt, Spec
from rmboost.run.forecast import jobs_left
from rmboost.run.plan import Plan
from rmboost.run.rounds import lacking
from rmboost.run.tally import Tally
from test_killed import files, finish, interrupted

LINES = [{"prompt": f"Question {number}: why is the sky blue?"} for number in range(200)]
STRICT = ("--set", "checks=[{name: similarity, max_similarity: 0.28}]", "--set", "draws=1")
"""More than half of the fake's pairs do not pass."""
EASY = ("--set", "checks=[]")
CELLS = [Spec(label, (f"aspect{number}",)) for number in range(3) for label in ("better", "worse")]


class Run:
    """``rmboost generate`` to a target, on prompts that may change."""

    def __init__(self, rmboost: Shell, folder: Path) -> None:
        self._rmboost, self.prompts, self._summary = rmboost, folder / "prompts.jsonl", folder / "summary.json"
        self.output = folder / "pairs.jsonl"
        self.said, self.code = "", 0

    def __call__(
        self, target: int | None, *options: object, lines: list[dict[str, str]] = LINES, code: int = 0
    ) -> dict[str, Any]:
        """The summary."""
        write_jsonl(self.prompts, lines)
        command = ("generate", self.prompts, "-o", self.output, "--model", "fake", "--aspects", "qa_feedback")
        wanted = ("--target", target) if target else ()
        done = self._rmboost(*command, *wanted, *(options or STRICT), "--summary", self._summary)
        assert done.code == code, done.err
        self.said = done.err
        summary: dict[str, Any] = json.loads(self._summary.read_text())
        assert self._rmboost("verify", self.output).code == 0
        return summary

    @property
    def cells(self) -> Counter[tuple[str, str]]:
        return Counter((row["label"], row["aspect"]) for row in read_jsonl(self.output))

    @property
    def is_exact(self) -> bool:
        """Whether the six cells are as even as they can be."""
        return len(self.cells) == 6 and max(self.cells.values()) - min(self.cells.values()) <= 1


@pytest.fixture
def run(rmboost: Shell, tmp_path: Path) -> Run:
    return Run(rmboost, tmp_path)


@pytest.mark.parametrize("target", [6, 24, 31])
def test_so_many_pairs_are_kept_and_each_cell_has_its_share(run: Run, target: int) -> None:
    summary = run(target)
    assert (summary["status"], summary["target"], summary["missing"]) == ("finished", target, {})
    assert summary["tally"]["kept"] == target == run.cells.total()
    assert run.is_exact
    assert summary["jobs"] == summary["tally"]["kept"] + sum(summary["tally"]["rejected"].values()) > 1.5 * target
    assert f"{target} of {target} pairs wanted, {summary['jobs']} tried" in run.said
    assert summary["asked"] == 2 * summary["jobs"], "no more prompts were used than it took"


def test_a_remainder_goes_where_the_plan_would_put_it(run: Run) -> None:
    run(None, *EASY, "--limit", 20)
    plan = run.cells
    run(20)
    assert run.cells == plan


def test_the_first_round_is_the_beginning_of_the_run_without_a_target(run: Run) -> None:
    run(24, *EASY)
    first = run.output.read_bytes()
    assert run(None, *EASY)["asked"] == 2 * (200 - 24)
    assert run.output.read_bytes().startswith(first), "and that goes on from it"


def test_weights_are_respected(run: Run) -> None:
    run(36, *STRICT, "--set", "weights={worse: 2, relevance: 2}")
    shares = {"better": 1, "worse": 2, "relevance": 2}
    assert all(count == 3 * shares[label] * shares.get(aspect, 1) for (label, aspect), count in run.cells.items())
    assert (len(run.cells), run.cells.total()) == (6, 36)


def test_a_method_that_orders_nothing_keeps_so_many(run: Run) -> None:
    summary = run(20, "--set", "method={name: self-taught}", *STRICT)
    assert (summary["tally"]["kept"], run.output.read_bytes().count(b"\n")) == (20, 20)
    assert summary["jobs"] > 20
    run(20, "--set", "method={name: self-taught}", *STRICT, lines=LINES[:20], code=9)
    assert re.search(r"missing +\d+ pairs\n", run.said)


def test_the_bytes_do_not_depend_on_how_many_calls_are_in_flight(run: Run) -> None:
    run(30, *STRICT, "--concurrency", 1)
    alone = run.output.read_bytes()
    run(30, *STRICT, "--concurrency", 24, "--fresh")
    assert run.output.read_bytes() == alone


def test_the_same_command_again_asks_nothing(run: Run) -> None:
    run(24)
    before = run.output.read_bytes()
    again = run(24)
    assert (again["status"], again["asked"], again["replayed"]) == ("unchanged", 0, 0)
    assert run.output.read_bytes() == before


def test_a_higher_target_goes_on_with_the_same_file(run: Run) -> None:
    first = run(12)
    before, written = run.output.read_bytes(), run.output.stat().st_ino
    second = run(31)
    assert run.output.read_bytes().startswith(before)
    assert run.output.stat().st_ino == written
    assert (second["tally"]["kept"], run.is_exact) == (31, True)
    assert second["asked"] == 2 * (second["jobs"] - first["jobs"])
    assert "changed since the last run: target: 12 → 31" in run.said


def test_a_lower_target_writes_just_so_many_anew_and_keeps_what_was(run: Run) -> None:
    run(30)
    before = run.output.read_bytes()
    assert run(12)["asked"] < 30
    assert (run.cells.total(), run.is_exact) == (12, True)
    assert (run.output.with_suffix(".run") / "previous.jsonl").read_bytes() == before
    assert "target: 30 → 12" in run.said


def test_answers_of_a_run_without_a_target_are_used(run: Run) -> None:
    run(None, *STRICT)
    assert run(24)["asked"] < 24, "half a call for each job that was ordered something else"
    assert (run.cells.total(), run.is_exact) == (24, True)


@pytest.mark.parametrize("change", ["looser", "stricter", "input", "lost plan", "seed"])
def test_whatever_changes_there_are_exactly_so_many(run: Run, change: str) -> None:
    run(24)
    if change == "lost plan":
        with closing(sqlite3.connect(run.output.with_suffix(".run") / "journal.sqlite")) as journal:
            journal.execute("DELETE FROM state")
            journal.commit()
    options = {
        "looser": EASY,
        "stricter": ("--set", "checks=[{name: similarity, max_similarity: 0.25}]", "--set", "draws=1"),
        "seed": (*STRICT, "--seed", 1),
    }
    lines = [*LINES[100:], *LINES[3:100]] if change == "input" else LINES
    summary = run(24, *options.get(change, STRICT), lines=lines)
    assert (summary["tally"]["kept"], run.is_exact) == (24, True)
    assert (summary["asked"] == 0) == (change in ("looser", "lost plan")), "a check costs no call by itself"


def test_when_the_prompts_are_used_up_it_says_what_is_missing(run: Run, rmboost: Shell) -> None:
    few = LINES[:40]
    summary = run(24, lines=few, code=9)
    assert (summary["status"], summary["cause"], summary["jobs"]) == ("stopped", "prompts", 40)
    missing = 24 - summary["tally"]["kept"]
    assert sum(summary["missing"].values()) == missing > 0
    assert all(
        4 - run.cells[label, aspect] == summary["missing"].get(f"{label}/{aspect}", 0)
        for label, aspect in [
            (spec, aspect) for spec in ("better", "worse") for aspect in ("relevance", "factuality", "completeness")
        ]
    )
    assert f"40 prompts are used up, and {missing} of 24 pairs are missing (" in run.said
    assert "more prompts, or --repetitions 2, may bring them; then the same command goes on" in run.said
    before = run.output.read_bytes()
    assert run(24, lines=few, code=9)["asked"] == 0
    assert run.output.read_bytes() == before
    shown = rmboost("status", run.output).out
    assert "stopped: 40 prompts are used up" in shown
    assert f"{24 - missing} kept of 24 wanted" in shown


@pytest.mark.parametrize("more", ["repetitions", "prompts"])
def test_what_brings_the_missing_pairs_goes_on_with_the_same_file(run: Run, more: str) -> None:
    used = run(24, lines=LINES[:40], code=9)["jobs"]
    before = run.output.read_bytes()
    options = (*STRICT, "--repetitions", 4) if more == "repetitions" else STRICT
    summary = run(24, *options, lines=LINES[:40] if more == "repetitions" else LINES)
    assert run.output.read_bytes().startswith(before)
    assert summary["asked"] == 2 * (summary["jobs"] - used)
    assert run.is_exact
    repeated = Counter(row["rmboost"]["repetition"] for row in read_jsonl(run.output))
    assert (set(repeated) > {0}) == (more == "repetitions")


def test_each_prompt_is_used_once_before_any_is_used_twice(run: Run) -> None:
    run(24, *EASY, "--repetitions", 2, lines=LINES[:16])
    rows = read_jsonl(run.output)
    order = [(row["prompt"], row["rmboost"]["repetition"]) for row in rows]
    assert order == [*((line["prompt"], 0) for line in LINES[:16]), *((line["prompt"], 1) for line in LINES[:8])]


def test_prompts_added_to_a_second_pass_cost_no_balance(run: Run) -> None:
    run(24, *STRICT, "--repetitions", 4, lines=LINES[:20])
    assert run(24, *STRICT, "--repetitions", 4, lines=LINES[:60])["tally"]["kept"] == 24
    assert run.is_exact


def test_prompts_added_to_a_second_pass_are_all_used_when_there_is_no_target_any_more(run: Run) -> None:
    run(24, *STRICT, "--repetitions", 4, lines=LINES[:20])
    run(None, *EASY, lines=LINES[:60])
    assert [row["prompt"] for row in read_jsonl(run.output)] == [line["prompt"] for line in LINES[:60]]


def test_a_target_out_of_reach_is_refused_before_anything_is_asked(rmboost: Shell, prompts: Path) -> None:
    done = rmboost("generate", prompts, "-o", prompts.with_name("o.jsonl"), "--model", "fake", "--target", 50)
    assert (done.code, "50 pairs cannot be made of 24 prompts" in done.err) == (2, True)
    assert "--repetitions 3, or more prompts" in done.err
    assert not prompts.with_name("o.run").exists()


def test_a_pilot_and_its_forecast(run: Run) -> None:
    summary = run(60, *STRICT, "--estimate")
    kept = summary["tally"]["kept"]
    assert (summary["cause"], summary["forecast"]["jobs"]) == ("pilot", jobs_left(60, kept, 32))
    part = run.output.read_bytes()
    run(60, *STRICT)
    assert (run.output.read_bytes().startswith(part), run.is_exact) == (True, True)


def test_a_pilot_longer_than_the_first_round_stops_in_a_later_one(run: Run) -> None:
    summary = run(20, *STRICT, "--estimate")
    assert (summary["cause"], sum(summary["tally"]["rejected"].values()) + summary["tally"]["kept"]) == ("pilot", 32)
    run(20)
    whole = run.output.read_bytes()
    run(20, *STRICT, "--fresh")
    assert run.output.read_bytes() == whole


def test_the_plan_is_shown_over_the_first_round(rmboost: Shell, prompts: Path) -> None:
    shown = rmboost("generate", prompts, "--dry-run", "--model", "fake", "--target", 12).out
    assert "# plan over the first 12 pairs\nlabels: better 6, worse 6\n" in shown


def test_rows_that_changed_behind_its_back_are_not_gone_on_with(run: Run, rmboost: Shell) -> None:
    run(12)
    content, times = run.output.read_bytes(), run.output.stat()
    run.output.write_bytes(content.replace(b"patience", b"impudenc", 1))
    os.utime(run.output, ns=(times.st_atime_ns, times.st_mtime_ns))
    command = ("generate", run.prompts, "-o", run.output, "--model", "fake", "--aspects", "qa_feedback", *STRICT)
    done = rmboost(*command, "--target", 31)
    assert (done.code, "is not what it was when its run ended" in done.err) == (3, True)
    assert f"rmboost verify {run.output} tells what is different" in done.err
    run.output.write_bytes(content)
    run(31)
    assert run.is_exact


# Killed, and served badly


def served(prompts: Path, output: Path, url: str, *options: str) -> list[str]:
    """A run in a process of its own, most of whose pairs do not pass."""
    strict = ["--set", "checks=[form, {name: similarity, max_similarity: 0.25}]", "--set", "draws=1"]
    endpoint = ["--model", "test-model", "--base-url", url, "--concurrency", "8"]
    command = [sys.executable, "-m", "rmboost", "generate", str(prompts), "-o", str(output), "--target", "36"]
    return [*command, *endpoint, *strict, "--aspects", "qa_feedback", *options]


def listed(folder: Path, count: int) -> Path:
    path = folder / "prompts.txt"
    path.write_text("".join(f"Why is number {number} a good number?\n" for number in range(count)))
    return path


@pytest.fixture(scope="module", params=[(300, "1"), (60, "6")], ids=["prompts", "repetitions"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Any]:
    """A number of prompts, repetitions, and the files of a run to the target that nobody disturbs."""
    count, repetitions = request.param
    folder = tmp_path_factory.mktemp("whole")
    with ChatServer() as server:
        arguments = served(listed(folder, count), folder / "pairs.jsonl", server.url, "--repetitions", repetitions)
        done = finish(arguments)
        assert done.returncode == 0, done.stderr.decode()
        return count, repetitions, (*files(folder / "pairs.jsonl"), len(server.calls))


@pytest.mark.parametrize("seed", range(2))
def test_killed_in_later_rounds_it_ends_with_the_same_bytes(
    tmp_path: Path, whole: tuple[int, str, Any], seed: int
) -> None:
    count, repetitions, (pairs, rejects, calls) = whole
    assert (pairs.count(b"\n"), calls > 2 * 60) == (36, True), "a second round, and a third"
    random, kills = Random(seed), 0
    with ChatServer(latency=0.002) as server:
        output = tmp_path / "pairs.jsonl"
        arguments = served(listed(tmp_path, count), output, server.url, "--repetitions", repetitions)
        killed, _ = interrupted(server, arguments, 72 + random.randint(2, 20), signal.SIGKILL)
        assert killed == -signal.SIGKILL
        for _ in range(2):
            kills += interrupted(server, arguments, random.randint(1, 30), signal.SIGKILL)[0] == -signal.SIGKILL
        done = finish(arguments)
        assert done.returncode == 0, done.stderr.decode()
        assert len(server.calls) - calls <= (kills + 1) * 8, "only calls in flight are asked again"
    assert files(output) == (pairs, rejects)


def test_jobs_that_failed_are_no_losses_and_are_asked_again(tmp_path: Path, whole: tuple[int, str, Any]) -> None:
    count, repetitions, (pairs, rejects, _) = whole
    kept = [json.loads(line)["id"] for line in pairs.splitlines()]
    first = next(row["prompt"] for row in map(json.loads, pairs.splitlines()) if kept.count(row["id"]) == 1)

    def refuse_one(call: Call) -> Fault | None:
        return Fault(status=400, message="too long") if first in str(call.body) else None

    with ChatServer(script=refuse_one) as server:
        output = tmp_path / "pairs.jsonl"
        arguments = served(listed(tmp_path, count), output, server.url, "--repetitions", repetitions)
        done = finish(arguments)
        assert done.returncode == 5, done.stderr.decode()
        assert output.read_bytes().count(b"\n") < 36
        server.script = ()
        done = finish(arguments)
        assert done.returncode == 0, done.stderr.decode()
    assert output.read_bytes().count(b"\n") == 36
    if repetitions == "1":
        assert files(output) == (pairs, rejects)


# Pure parts


@pytest.mark.parametrize(
    ("pairs", "weights", "counts"),
    [
        (0, {}, [0] * 6),
        (6, {}, [1] * 6),
        (600, {}, [100] * 6),
        (18, {"worse": 2}, [2, 4] * 3),
        (9_000_000, {"worse": 2}, [1_000_000, 2_000_000] * 3),
        (12, {"aspect0": 4}, [4, 4, 1, 1, 1, 1]),
    ],
)
def test_what_is_wanted_of_each_cell(pairs: int, weights: dict[str, int], counts: list[int]) -> None:
    wanted = Plan(CELLS, 0, weights).wanted(pairs)
    assert [wanted[cell] for cell in CELLS] == counts


@pytest.mark.parametrize("pairs", range(1, 40))
@pytest.mark.parametrize("weights", [{}, {"worse": 3}])
def test_what_is_wanted_is_what_the_blocks_order(pairs: int, weights: dict[str, int]) -> None:
    plan = Plan(CELLS, 7, weights)
    assert plan.wanted(pairs) == Counter(plan.spec(index) for index in range(pairs))


def test_without_cells_so_many_are_wanted() -> None:
    plan = Plan((), 0)
    assert plan.wanted(5) == {None: 5}
    assert plan.dealing({None: 2}, [None, None], 5) is plan


@pytest.mark.parametrize("kept", [[None] * 5, [CELLS[0], None, None, CELLS[5], CELLS[1]], [CELLS[1]] * 3])
def test_what_is_lacking_is_dealt_to_the_next_jobs(kept: list[Spec | None]) -> None:
    plan = Plan(CELLS, 3)
    missing: Counter[Spec | None] = Counter({CELLS[0]: 2, CELLS[1]: 2, CELLS[4]: 1})
    dealt = plan.dealing(missing, kept, 7)
    assert [dealt.spec(index) for index in range(7)] == [plan.spec(index) for index in range(7)]
    new = [dealt.spec(index) for index in range(7, 7 + len(kept))]
    assert all(count <= missing[spec] for spec, count in Counter(filter(None, new)).items())
    assert new == [dealt.spec(index) for index in range(7, 7 + len(kept))]
    fits = Counter[Spec | None](filter(None, kept)) & missing
    assert sum(was == now for was, now in zip(kept, new, strict=True) if was) >= fits.total(), "what had it keeps it"
    assert plan.dealing(missing, kept, 7) == dealt


def test_what_failed_is_not_lacking() -> None:
    plan, tally, prompt = Plan(CELLS, 0), Tally(), Prompt("a", ())
    first, second, third = (Job(prompt, index, spec=spec) for index, spec in enumerate(CELLS[:3]))
    for outcome in (Failed(first, "no answer"), Dropped(second, (Drop("leak", "", 1),)), Failed(third, "no answer")):
        tally.add(outcome)
    assert lacking(plan, 6, tally) == {cell: 1 for cell in CELLS if cell not in (CELLS[0], CELLS[2])}
    assert not lacking(plan, None, tally)


@pytest.mark.parametrize(
    ("target", "kept", "settled", "left"),
    [(100, 50, 50, 50), (100, 25, 50, 150), (100, 0, 10, 1000), (100, 100, 120, 0), (10, 3, 10, 24), (5, 9, 9, 0)],
)
def test_how_many_jobs_are_left(target: int, kept: int, settled: int, left: int) -> None:
    assert jobs_left(target, kept, settled) == left
