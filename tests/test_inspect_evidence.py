"""`rmboost inspect`: verdicts, evidence, and the pairs that something speaks against."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell, write_jsonl
from rmboost.inspection.evidence import against, evidence, suspicion, verdict
from rmboost.inspection.scan import Scan
from rmboost.preferences import parse


def pair(number: int = 0, noted: Any = None, finish: str = "stop", **changes: Any) -> dict[str, Any]:
    return {
        "prompt": f"Question {number}?",
        "chosen": f"Answer {number}, in full.",
        "rejected": f"Answer {number}.",
        "label": "better",
        "id": f"id{number}",
        "rmboost": {
            "second": "chosen",
            "finish_reasons": {"first": "stop", "second": finish},
            "evidence": noted if isinstance(noted, str) else json.dumps(noted or {}),
        },
        **changes,
    }


def judged(winner: str, p_chosen: float | None = None, **more: Any) -> dict[str, Any]:
    return {"winner": winner, "p_chosen": p_chosen, "model": "made-up", **more}


CONTRADICTED = pair(1, judge=judged("rejected", 0.2))
SURELY = pair(2, judge=judged("rejected", 0.05))
TIED = pair(3, judge=judged("tie", 0.4))
FLAGGED = pair(4, {"flags": ["leak: it says 'improved'"], "similarity": 0.7})
AGREED = pair(5, judge=judged("chosen", 0.9))
SAME = pair(6, rejected="Answer 6, in full.")
CUT = pair(7, finish="length")
PLAIN = {"prompt": "a", "chosen": "b", "rejected": "c"}


@pytest.mark.parametrize(
    ("row", "grounds", "weight"),
    [
        (PLAIN, [], 0),
        (AGREED, [], 0),
        (CONTRADICTED, ["a judge contradicts the label"], 2.8),
        (pair(judge=judged("rejected")), ["a judge contradicts the label"], 2.5),
        (TIED, ["a judge cannot tell which is better"], 0.6),
        (pair(judge=judged("unreadable")), ["the judge could not be read"], 0.25),
        (FLAGGED, ["flag leak: it says 'improved'"], 1),
        (SAME, ["both responses are the same"], 4),
        (CUT, ["a response was cut off at the limit of tokens"], 1),
        (pair(rmboost="nonsense", judge="nonsense"), [], 0),
        (pair(noted={"flags": "nonsense"}), [], 0),
    ],
)
def test_what_speaks_against_a_pair(row: dict[str, Any], grounds: list[str], weight: float) -> None:
    found = parse(row, 1, "here")
    assert [ground for _, ground in against(found)] == grounds
    assert suspicion(found) == pytest.approx(weight)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (PLAIN, {}),
        (FLAGGED, {"flags": ["leak: it says 'improved'"], "similarity": 0.7}),
        (pair(noted={"judge": judged("tie"), "similarity": 1}), {"similarity": 1}),
        (pair(noted="torn {"), {"evidence": "torn {"}),
        (pair(noted="[1]"), {}),
    ],
)
def test_evidence_of_a_row(row: dict[str, Any], expected: dict[str, Any]) -> None:
    assert evidence(parse(row, 1, "here")) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (judged("rejected", 0.2), "prefers the rejected one (0.20 for the chosen one), by made-up"),
        (judged("tie"), "cannot tell, by made-up"),
        ({"winner": "chosen", "flipped": True}, "prefers the chosen one, so that the sides were exchanged"),
        (judged("unreadable"), "unreadable, by made-up"),
        ({"winner": None}, ""),
    ],
)
def test_a_verdict_in_words(said: dict[str, Any], expected: str) -> None:
    assert verdict(parse(pair(judge=said), 1, "here")) == expected


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "pairs.jsonl", [CONTRADICTED, SURELY, TIED, FLAGGED, AGREED, SAME, CUT])


def ids(out: str) -> list[str]:
    return [json.loads(line)["id"] for line in out.splitlines()]


def test_suspect_shows_the_worst_first(rmboost: Shell, pairs: Path) -> None:
    assert ids(rmboost("inspect", pairs, "--suspect", "-n", 9, "--json").out) == [
        *("id6", "id2", "id1", "id4", "id7", "id3"),
    ]
    assert ids(rmboost("inspect", pairs, "--suspect", "-n", 2, "--json").out) == ["id6", "id2"]
    drawn = rmboost("inspect", pairs, "--suspect", "-n", 2, "--width", 200).out
    assert drawn.startswith(f"{pairs}: 6 of 7 pairs, 2 shown")
    assert "against it both responses are the same" in drawn


def test_the_command_in_a_hint_can_be_typed(rmboost: Shell, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "it's $one file.jsonl", [PLAIN])
    for option in ("--suspect", "--disagree"):
        command = rmboost("inspect", file, option).err.split("`")[1]
        assert shlex.split(command)[:3] == ["rmboost", "judge", str(file)]
    assert Scan(io.BytesIO()).judging == "rmboost judge FILE -o judged.jsonl"


def test_disagree_shows_only_what_a_judge_contradicts(rmboost: Shell, pairs: Path) -> None:
    assert ids(rmboost("inspect", pairs, "--disagree", "-n", 9, "--json").out) == ["id1", "id2"]
    assert ids(rmboost("inspect", pairs, "--disagree", "--suspect", "--json").out) == ["id2", "id1"]
    drawn = rmboost("inspect", pairs, "--disagree", "-n", 1).out
    assert "judge prefers the rejected one (0." in drawn
    figures = json.loads(rmboost("inspect", pairs, "--disagree", "--stats", "--json").out)
    assert figures["rows"] == 2


def test_evidence_and_flags_are_shown(rmboost: Shell, pairs: Path) -> None:
    drawn = rmboost("inspect", pairs, "--id", "id4").out
    assert "evidence similarity 0.7" in drawn
    assert "against it flag leak: it says 'improved'" in drawn


@pytest.mark.parametrize(
    ("rows", "flags", "message", "hint"),
    [
        ([PLAIN], ["--disagree"], "the only pair does not have a judge against its label", "rmboost judge"),
        ([AGREED], ["--disagree", "--label", "worse"], "label 'worse' and a judge against its label", "chosen (1)"),
        ([PLAIN], ["--suspect"], "nothing is known against any of these 1 row", "rmboost judge"),
        ([AGREED], ["--suspect", "--label", "worse"], "the only pair does not have label 'worse'", "better (1)"),
        ([AGREED], ["--suspect", "--stats"], "--suspect picks pairs, and --stats shows none", ""),
    ],
)
def test_nothing_to_show_is_said(
    rmboost: Shell, tmp_path: Path, rows: list[Any], flags: list[str], message: str, hint: str
) -> None:
    done = rmboost("inspect", write_jsonl(tmp_path / "pairs.jsonl", rows), *flags)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert hint in done.err


def test_a_file_in_which_no_label_is_contradicted_is_good_news(rmboost: Shell, tmp_path: Path) -> None:
    done = rmboost("inspect", write_jsonl(tmp_path / "judged.jsonl", [AGREED, PLAIN]), "--disagree")
    assert done.code == 0
    assert "no label is contradicted; a judge has looked at 1 of 2" in done.err


def test_a_file_in_which_nothing_is_suspicious_is_good_news(rmboost: Shell, tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "judged.jsonl", [AGREED, PLAIN])
    for flags in ((), ("--json",)):
        done = rmboost("inspect", path, "--suspect", *flags)
        assert (done.code, done.out) == (0, "")
        assert done.err == f"{path}: nothing speaks against any of these 2 pairs; a judge has looked at 1 of 2\n"


def test_a_file_is_not_to_be_judged_onto_itself(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "judged.jsonl", [PLAIN])
    assert "`rmboost judge judged.jsonl -o judged-2.jsonl`" in rmboost("inspect", "judged.jsonl", "--suspect").err


@pytest.mark.parametrize("flag", ["--suspect", "--disagree"])
def test_of_rejects_no_judge_is_asked_and_texts_that_were_never_written_are_not_the_same(
    rmboost: Shell, tmp_path: Path, flag: str
) -> None:
    failed = {"id": "f#0", "kind": "failed", "reason": "failed", "prompt": "Why?", "first": None, "second": None}
    done = rmboost("inspect", write_jsonl(tmp_path / "rejects.jsonl", [failed]), flag)
    assert (done.code, done.out, "rmboost judge" in done.err) == (2, "", False), done.err


@pytest.mark.parametrize(
    "command",
    [("inspect", "--suspect"), ("report", "-o", "-"), ("filter", "--by", "judge.p_chosen", "--min", "0.5")],
    ids=lambda command: command[0],
)
def test_one_odd_value_ends_no_command(rmboost: Shell, tmp_path: Path, command: tuple[str, ...]) -> None:
    odd = [
        pair(0, judge={**judged("rejected"), "p_chosen": 10**400}),
        pair(1, "[" * 100_000, judge=judged("rejected", 0.9)),
    ]
    rows = [*odd, *(pair(number, judge=judged("chosen", 0.9)) for number in range(2, 40))]
    name, *options = command
    done = rmboost(name, write_jsonl(tmp_path / "pairs.jsonl", rows), *options)
    assert done.code == 0, done.err


def test_hostile_evidence_cannot_drive_a_terminal(rmboost: Shell, tmp_path: Path) -> None:
    bad = "\x1b[31mred\u202e"
    row = pair(noted={bad: bad, "flags": [bad]}, judge=judged("rejected", 0.1) | {"model": bad})
    out = rmboost("inspect", write_jsonl(tmp_path / "pairs.jsonl", [row])).out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "␛[31mred" in out
