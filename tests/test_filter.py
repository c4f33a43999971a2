"""``rmboost filter``: the pairs with the highest of some number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Shell, read_jsonl, write_jsonl
from rmboost.preferences import Preferences, Row
from rmboost.selection import from_bound, highest, numbers

PAIR = {"prompt": "p", "chosen": "a", "rejected": "b"}


def pairs(path: Path, *margins: float | None) -> Path:
    return write_jsonl(path, [{**PAIR, "n": n, "margin": margin} for n, margin in enumerate(margins)])


def kept(out: str) -> list[int]:
    return [json.loads(line)["n"] for line in out.splitlines()]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (("--keep", "40%"), [1, 3]),
        (("--keep", "50%"), [1, 2, 3, 4]),  # 2 and 4 are equal
        (("--keep", "1"), [1]),
        (("--keep", "9"), [0, 1, 2, 3, 4]),
        (("--keep", "all"), [0, 1, 2, 3, 4]),
        (("--keep", "0.000001%"), [1]),
        (("--min", "2"), [1, 2, 3, 4]),
        (("--min", "2.5"), [1, 3]),
        (("--min", "-1"), [0, 1, 2, 3, 4]),
    ],
)
def test_the_highest_are_kept_in_the_order_of_the_file(
    rmboost: Shell, tmp_path: Path, options: tuple[str, ...], numbers: list[int]
) -> None:
    file = pairs(tmp_path / "a.jsonl", 1, 4, 2, 3, 2)
    assert kept(rmboost("filter", file, "--by", "margin", *options).out) == numbers


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.integers(1, 100))
def test_a_share_is_the_smallest_that_no_tie_divides(margins: list[int], percent: int) -> None:
    rows = [{**PAIR, "n": n, "margin": margin} for n, margin in enumerate(margins)]
    file = Preferences(Path("none"))
    file.objects = lambda: iter(enumerate(rows, start=1))  # type: ignore[method-assign]
    found = highest(file, "margin", f"{percent}%")
    wanted = ceil(round(percent / 100 * len(margins), 6))
    assert found.kept == sum(margin >= found.bound for margin in margins) == len(list(found.rows(file)))
    assert sum(margin > found.bound for margin in margins) < wanted <= found.kept


def test_margins_of_west_of_n_leave_the_rows_as_they_are(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    file, half = tmp_path / "pairs.jsonl", tmp_path / "half.jsonl"
    assert rmboost("generate", prompts, "-o", file, "--model", "fake", "--method", "west-of-n").code == 0
    done = rmboost("filter", file, "--by", "margin", "--keep", "50%", "-o", half)
    assert (done.code, done.out) == (0, "")
    assert "12 of 24 pairs (50%) with margin" in done.err
    lines = file.read_bytes().splitlines()
    ranked = sorted(lines, key=lambda line: -json.loads(json.loads(line)["rmboost"]["evidence"])["margin"])
    assert half.read_bytes().splitlines() == [line for line in lines if line in ranked[:12]]


@pytest.mark.parametrize(
    ("row", "name", "number"),
    [
        ({"score": 3}, "score", 3),
        ({"judge": {"winner": "tie", "p_chosen": 0.75}}, "judge.p_chosen", 0.75),
        ({"rmboost": {"evidence": '{"p_chosen": 0.9}'}}, "p_chosen", 0.9),
        ({"rmboost": {"evidence": '{"margin": 1}'}, "margin": 2}, "margin", 2),
        ({"score_chosen": 8.5, "score_rejected": 6}, "margin", 2.5),
        ({"chosen-rating": 5.0, "rejected-rating": 4.5}, "margin", 0.5),  # as Argilla binarized UltraFeedback
        ({"rating_chosen": 5, "rating_rejected": 2}, "margin", 3),  # as in Capybara-DPO
        ({"chosen_avg_rating": 5, "rejected_avg_rating": 4.5}, "margin", 0.5),
        ({"rmboost": {"evidence": '{"margin": 1}'}, "margin": None}, "margin", 1),  # as of files put together
        ({"score": 2**53 + 3}, "score", float(2**53 + 4)),
        ({"score": 1, "n": 10**400}, "score", 1),
        ({"score": 10**400}, "score", None),
        ({"score": True}, "score", None),
        ({"score": "3"}, "score", 3),  # as in CSV
        ({"score_chosen": "8.5", "score_rejected": "-1e1"}, "margin", 18.5),
        ({"score": "007"}, "score", None),
        ({"score": "3 of 5"}, "score", None),
        ({"score": ""}, "score", None),
        ({"score": float("nan")}, "score", None),
        ({"score": None}, "score", None),
    ],
)
def test_where_a_number_is_found(row: dict[str, Any], name: str, number: float | None) -> None:
    assert numbers(Row({**PAIR, **row}, 1)).get(name) == number


def test_no_number_is_looked_for_in_great_depth() -> None:
    deep: dict[str, Any] = {"n": 1}
    for _ in range(5000):
        deep = {"a": deep}
    assert numbers(Row({**PAIR, "score": 3, "deep": deep}, 1)) == {"score": 3}


def test_pairs_without_the_number_are_left_out_and_counted(rmboost: Shell, tmp_path: Path) -> None:
    done = rmboost("filter", pairs(tmp_path / "a.jsonl", 1, None, 2), "--by", "margin", "--keep", "50%")
    assert (kept(done.out), done.code) == ([2], 0)
    assert "left out, as they have no margin: 1" in done.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--by", "margn", "--keep", "50%"), "did you mean 'margin'?"),
        (("--by", "confidence", "--keep", "50%"), "known: margin, n"),
        (("--by", "margin", "--keep", "150%"), "--keep: '150%' is neither"),
        (("--by", "margin", "--keep", "half"), "--keep: 'half' is neither"),
        (("--by", "margin", "--keep", ""), "--keep: '' is neither"),
        (("--by", "margin", "--keep", "0"), "--keep: '0' is neither"),
        (("--by", "margin", "--min", "5"), "the highest is 4"),
        (("--by", "margin", "--min", "nan"), "the highest is 4"),
        (("--by", "margin"), "one of --keep and --min"),
        (("--by", "margin", "--keep", "1", "--min", "1"), "one of --keep and --min"),
        (("--by", "margin", "--keep", "1", "-o", "no/a.jsonl"), "mkdir -p no"),
        (("--by", "margin", "--keep", "1", "-o", "."), "is a folder"),
        (("--by", "margin", "--keep", "1", "-o", "wide.parquet"), "rows are written as JSON Lines"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = pairs(tmp_path / "a.jsonl", 1, 4, 2)
    done = rmboost("filter", file, *options)
    assert (done.code in (2, 3), done.out, told in done.err) == (True, "", True), done.err
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["a.jsonl", "b.jsonl"])
def test_a_file_that_holds_something_is_left_alone(rmboost: Shell, tmp_path: Path, name: str) -> None:
    file, other = pairs(tmp_path / "a.jsonl", 1, 4), pairs(tmp_path / "b.jsonl", 7)
    before = file.read_bytes(), other.read_bytes()
    done = rmboost("filter", file, "--by", "margin", "--keep", "1", "-o", tmp_path / name)
    assert (done.code, "it is left alone" in done.err) == (3, True)
    assert (file.read_bytes(), other.read_bytes()) == before


def test_a_link_stays_a_link(rmboost: Shell, tmp_path: Path) -> None:
    file, link, real = pairs(tmp_path / "a.jsonl", 1, 4), tmp_path / "link.jsonl", tmp_path / "real.jsonl"
    link.symlink_to(real)
    assert rmboost("filter", file, "--by", "margin", "--keep", "1", "-o", link).code == 0
    assert (link.is_symlink(), kept(real.read_text())) == (True, [1])


def test_a_named_pipe_is_written_to(rmboost: Shell, tmp_path: Path) -> None:
    file, pipe = pairs(tmp_path / "a.jsonl", 1, 4), tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        done = rmboost("filter", file, "--by", "margin", "--keep", "1", "-o", pipe)
        assert (done.code, pipe.is_fifo(), kept(os.read(reading, 1000).decode())) == (0, True, [1])
    finally:
        os.close(reading)


def test_rows_that_a_run_writes_meanwhile_are_not_among_those_that_were_counted(tmp_path: Path) -> None:
    file = pairs(tmp_path / "a.jsonl", 1, 4)
    source = Preferences(file)
    found = from_bound(source, "margin", 1)
    with file.open("a") as growing:
        growing.write(json.dumps({**PAIR, "n": 2, "margin": 9}) + "\n")
    assert [row.data["n"] for row in found.rows(source)] == [0, 1]


def test_rejects_and_empty_files_are_no_pairs(rmboost: Shell, tmp_path: Path) -> None:
    rejects = write_jsonl(tmp_path / "rejects.jsonl", [{"reason": "tie", "first": "a", "second": "b"}])
    assert "a reject, and no pair" in rmboost("filter", rejects, "--by", "margin", "--keep", "1").err
    (tmp_path / "empty.jsonl").touch()
    assert "no rows in the file" in rmboost("filter", tmp_path / "empty.jsonl", "--by", "margin", "--keep", "1").err


def test_a_file_that_is_being_written(rmboost: Shell, tmp_path: Path) -> None:
    file = pairs(tmp_path / "a.jsonl", 1, 4)
    with file.open("a") as growing:
        growing.write('{"prompt": "p", "cho')
    done = rmboost("filter", file, "--by", "margin", "--keep", "1")
    assert (kept(done.out), "the last line is not complete" in done.err) == ([1], True)


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_pipe_is_read_once(tmp_path: Path, name: str) -> None:
    file = pairs(tmp_path / "a.jsonl", 1, 4, 2)
    command = [sys.executable, "-m", "rmboost", "filter", name, "--by", "margin", "--keep", "2"]
    done = subprocess.run(command, input=file.read_bytes(), capture_output=True, check=True)
    assert kept(done.stdout.decode()) == [1, 2]


def test_what_was_kept_can_be_read_again(rmboost: Shell, tmp_path: Path) -> None:
    file = pairs(tmp_path / "a.jsonl", 1, 4, 2)
    rmboost("filter", file, "--by", "margin", "--keep", "2", "-o", tmp_path / "b.jsonl")
    assert read_jsonl(tmp_path / "b.jsonl") == read_jsonl(file)[1:]
