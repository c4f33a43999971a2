"""Jobs keep what was ordered of them when the input changes under a run."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell, read_jsonl, write_jsonl

LINES = [{"prompt": f"Question {number}: why is the sky blue?"} for number in range(30)]


class Run:
    """``rmboost generate`` on a file of prompts that changes."""

    def __init__(self, rmboost: Shell, folder: Path) -> None:
        self._rmboost, self._prompts, self._summary = rmboost, folder / "prompts.jsonl", folder / "summary.json"
        self.output = folder / "pairs.jsonl"
        self.said = ""

    def __call__(self, lines: list[dict[str, Any]], *options: object) -> int:
        """Over these prompts; the number of calls that were asked."""
        write_jsonl(self._prompts, lines)
        command = ("generate", self._prompts, "-o", self.output, "--model", "fake", "--set", "checks=[]")
        done = self._rmboost(*command, "--summary", self._summary, *options)
        assert done.code == 0, done.err
        self.said = done.err
        return int(json.loads(self._summary.read_text())["asked"])

    @property
    def specs(self) -> dict[str, tuple[str, str]]:
        """Label and aspect of every pair, by its prompt."""
        return {row["prompt"]: (row["label"], row["aspect"]) for row in read_jsonl(self.output)}

    @property
    def labels(self) -> Counter[str]:
        return Counter(label for label, _ in self.specs.values())


@pytest.fixture
def run(rmboost: Shell, tmp_path: Path) -> Run:
    return Run(rmboost, tmp_path)


def test_a_line_taken_out_costs_nothing_and_no_job_changes_its_spec(run: Run) -> None:
    run(LINES[:24])
    before = run.specs
    assert run(LINES[1:24]) == 0
    assert run.specs == {prompt: spec for prompt, spec in before.items() if prompt != LINES[0]["prompt"]}
    assert "the prompts; 23 of 23 jobs keep their label and aspect, 0 are new, 1 is gone; labels now:" in run.said


def test_a_new_order_costs_nothing(run: Run) -> None:
    run(LINES[:24])
    before = run.specs
    shuffled = random.Random(0).sample(LINES[:24], 24)
    assert run(shuffled) == 0
    assert run.specs == before
    assert [row["prompt"] for row in read_jsonl(run.output)] == [line["prompt"] for line in shuffled]


def test_new_prompts_anywhere_get_what_balances_the_whole(run: Run) -> None:
    run(LINES[:21])
    before = run.specs
    tilt = Counter(label for label, _ in before.values())
    assert run([LINES[21], *LINES[:21], *LINES[22:24]]) == 6, "two calls for each new prompt"
    assert before.items() <= run.specs.items()
    assert sorted(tilt.values()) == [10, 11]
    assert run.labels == {"better": 12, "worse": 12}
    assert set(Counter(aspect for _, aspect in run.specs.values()).values()) == {4}


def test_prompts_added_at_the_end_leave_the_rows_before_them_alone(run: Run) -> None:
    run(LINES[:20])
    before = run.output.read_bytes()
    written = run.output.stat().st_ino
    assert run(LINES) == 20
    assert run.output.read_bytes().startswith(before)
    assert run.output.stat().st_ino == written, "the same file, appended to"
    assert "prompts were added after the others" in run.said
    assert "; labels now: better " in run.said
    assert set(run.labels.values()) == {15}


def test_what_was_assigned_once_stays_through_every_later_run(run: Run) -> None:
    run(LINES[:24])
    assert run(LINES[3:27]) == 6
    first, rows = run.specs, run.output.read_bytes()
    assert run(LINES[3:27]) == 0
    assert "no call was made" in run.said
    assert run.output.read_bytes() == rows
    assert run(LINES[3:30]) == 6, "and is gone on with"
    assert run.output.read_bytes().startswith(rows)
    assert first.items() <= run.specs.items()
    assert run(LINES[3:30], "--limit", 10) == 0
    assert run.specs == {line["prompt"]: run.specs[line["prompt"]] for line in LINES[3:13]}
    assert run(LINES[3:30]) == 0


def test_input_that_comes_back_finds_its_answers(run: Run) -> None:
    run(LINES[:24])
    before = run.output.read_bytes()
    run(LINES[5:29])
    assert run(LINES[:24]) == 0
    assert run.output.read_bytes() == before


def test_only_the_jobs_that_were_begun_are_held_to_their_specs(run: Run) -> None:
    run(LINES[:24], "--limit", 5)
    before = run.specs
    assert run(LINES[2:24]) == 2 * 22 - 6
    assert {prompt: spec for prompt, spec in before.items() if prompt in run.specs}.items() <= run.specs.items()
    assert set(run.labels.values()) == {11}


def test_another_seed_or_other_weights_are_a_new_plan(run: Run) -> None:
    run(LINES[:24])
    run(LINES[:24], "--set", "weights={worse: 2}")
    assert run.labels == {"better": 8, "worse": 16}
    assert run(LINES[:24]) == 0
    assert run.labels == {"better": 12, "worse": 12}


def test_a_weight_of_nothing_is_refused(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--set")
    said = rmboost(*command, "weights={relevanc: 2}")
    assert said.code == 2
    assert "'relevanc' is no label or aspect" in said.err
    assert "did you mean 'relevance'?" in said.err


def test_a_plan_that_was_lost_with_a_page_of_the_journal_is_found_in_the_answers(run: Run) -> None:
    run(LINES[:24])
    run(LINES[1:25])
    before = run.specs
    with closing(sqlite3.connect(run.output.with_suffix(".run") / "journal.sqlite")) as journal:
        journal.execute("DELETE FROM state")
        journal.commit()
    assert run(LINES[1:25]) == 0
    assert run.specs == before
