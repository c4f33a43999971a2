"""``rmboost judge``: the rows of anybody's file with a verdict more, resumed like any run, and set against people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from chat_server import Call, ChatServer, Fault
from conftest import ACTIVE, Shell, read_jsonl, write_jsonl
from rmboost.records import DISAGREES, Drop, Dropped, Job, Kept, Pair, Prompt, Response
from rmboost.run.tally import Tally

ASKED = {"role": "user", "content": "Why is the sky blue?"}
GOOD, BAD = "Air scatters blue light most.", "Because of the sea."


def test_aspects_that_are_a_text_a_row_are_counted_as_one_from_the_two_hundredth_on() -> None:
    tally, verdict = Tally(), {"judge": {"winner": "chosen", "flipped": False}}
    for number in [*range(1000), *range(100)]:
        prompt = Prompt(str(number), ())
        pair = Pair(prompt, Response("a", ""), Response("b", ""), "given", "better", (f"text {number}",), "", verdict)
        tally.add(Kept(Job(prompt, number), pair))
    assert (len(tally.aspects), len(tally.verdicts)) == (201, 201)
    assert (tally.aspects[""], tally.verdicts["better//chosen"]) == (800, 800)
    assert (tally.aspects["text 99"], tally.verdicts["better/text 99/chosen"]) == (2, 2)
    assert (tally.aspects.total(), tally.verdicts.total()) == (1100, 1100)


def test_verdicts_on_pairs_that_are_dropped_are_counted_as_one_as_well() -> None:
    tally = Tally()
    for number in range(1000):
        prompt = Prompt(str(number), ())
        pair = Pair(prompt, Response("a", ""), Response("b", ""), "given", "better", (f"text {number}",))
        tally.add(Dropped(Job(prompt, number), (Drop(DISAGREES, "", 0),), pair))
    assert len(tally.verdicts) == 201
    assert tally.verdicts.total() == 1000


def test_aspects_are_no_emoji(rmboost: Shell, tmp_path: Path) -> None:
    rows = [{"prompt": f"{n}?", "chosen": GOOD, "rejected": BAD, "aspect": f"plan:{n}:"} for n in "ab"]
    done = rmboost("judge", write_jsonl(tmp_path / "f.jsonl", rows), "-o", tmp_path / "o.jsonl", "--model", "fake")
    assert "label noise  plan:b:: " in done.err


def test_the_names_of_aspects_drive_no_terminal(rmboost: Shell, tmp_path: Path) -> None:
    rows = [{"prompt": "Why?", "chosen": GOOD, "rejected": BAD, "aspect": name} for name in (f"a{ACTIVE}", "b")]
    file = write_jsonl(tmp_path / "file.jsonl", [{**row, "prompt": f"{n}?"} for n, row in enumerate(rows)])
    done = rmboost("judge", file, "-o", tmp_path / "o.jsonl", "--model", "fake")
    assert "label noise  a␛]0;t␇<U+009B>2J<U+202E>: " in done.err


def said(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


SHAPES: dict[str, dict[str, Any]] = {
    "TRL, strings": {"prompt": ASKED["content"], "chosen": GOOD, "rejected": BAD, "margin": 0.5},
    "TRL, turns": {"prompt": [ASKED], "chosen": [said(GOOD)], "rejected": [said(BAD)]},
    "TRL, whole conversations": {"chosen": [ASKED, said(GOOD)], "rejected": [ASKED, said(BAD)]},
    "Anthropic HH": {
        "chosen": f"\n\nHuman: {ASKED['content']}\n\nAssistant: {GOOD}",
        "rejected": f"\n\nHuman: {ASKED['content']}\n\nAssistant: {BAD}",
    },
    "UltraFeedback, binarized": {
        "prompt": ASKED["content"],
        "prompt_id": "x1",
        "chosen": [ASKED, said(GOOD)],
        "rejected": [ASKED, said(BAD)],
        "messages": [ASKED, said(GOOD)],
        "score_chosen": 8.5,
        "score_rejected": 3.0,
    },
    "LLaMA-Factory": {
        "conversations": [{"from": "human", "value": ASKED["content"]}],
        "chosen": {"from": "gpt", "value": GOOD},
        "rejected": {"from": "gpt", "value": BAD},
    },
}


def prefers(text: str) -> Any:
    """A server whose model prefers the response that holds this text."""

    def answer(call: Call) -> Fault:
        shown = call.body["messages"][-1]["content"]
        letter = "A" if shown.index(text) < shown.index(BAD if text == GOOD else GOOD) else "B"
        return Fault(choice={"message": said(letter), "logprobs": None})

    return answer


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_judged_and_written_as_it_was(rmboost: Shell, tmp_path: Path, shape: str) -> None:
    file = write_jsonl(tmp_path / "pairs.jsonl", [SHAPES[shape]])
    with ChatServer(prefers(GOOD)) as server:
        done = rmboost("judge", file, "-o", tmp_path / "j.jsonl", "--base-url", server.url, "--votes", "1")
    assert done.code == 0, done.err
    (row,) = read_jsonl(tmp_path / "j.jsonl")
    verdict = row.pop("judge")
    assert json.dumps(row) == json.dumps(SHAPES[shape])
    assert (verdict["winner"], verdict["p_chosen"], verdict["orders_agree"], verdict["model"]) == (
        "chosen",
        1.0,
        True,
        "test-model",
    )
    shown = server.calls[0].body["messages"][-1]["content"]
    assert all(text in shown for text in (ASKED["content"], GOOD, BAD))
    assert "Human" not in shown and "assistant" not in shown.lower()


@pytest.mark.parametrize("prompt", [{}, {"my_prompt": "Why?"}])
def test_a_row_without_a_prompt_is_an_error_before_any_call(
    rmboost: Shell, tmp_path: Path, prompt: dict[str, Any]
) -> None:
    file = write_jsonl(tmp_path / "pairs.jsonl", [SHAPES["TRL, strings"], {**prompt, "chosen": GOOD, "rejected": BAD}])
    with ChatServer(prefers(GOOD)) as server:
        done = rmboost("judge", file, "-o", tmp_path / "j.jsonl", "--base-url", server.url)
    assert (done.code, server.calls) == (2, [])
    columns = "my_prompt, chosen, rejected" if "my_prompt" in prompt else "chosen, rejected"
    assert f"{file}, line 2: no prompt in the row, only: {columns}\n" in done.err
    assert "each row has prompt, chosen and rejected" in done.err


def test_a_column_of_others_where_the_verdict_goes_is_an_error_before_any_call(rmboost: Shell, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "pairs.jsonl", [{**SHAPES["TRL, strings"], "judge": "gpt-4"}])
    done = rmboost("judge", file, "-o", tmp_path / "j.jsonl", "--model", "fake")
    assert (done.code, (tmp_path / "j.jsonl").exists()) == (2, False)
    assert f"{file}, line 1: the column 'judge' is no verdict of rmboost's" in done.err
    assert f"jq -c '.judged_by = .judge | del(.judge)' {file} > renamed.jsonl" in done.err
    table = tmp_path / "pairs.csv"
    table.write_text("prompt,chosen,rejected,judge\np,a,b,gpt-4\n")
    done = rmboost("judge", table, "-o", tmp_path / "j.jsonl", "--model", "fake")
    assert "give it another name; where FILE is JSON lines: jq -c" in done.err  # jq reads no CSV


@pytest.mark.parametrize(
    ("row", "told"), [({"prompt": "a", "judge": "me"}, "the column 'judge'"), ({}, "no prompt in")]
)
def test_of_a_json_array_rows_are_counted_and_not_lines(
    rmboost: Shell, tmp_path: Path, row: dict[str, Any], told: str
) -> None:
    good = {"chosen": "So.", "rejected": "No."}
    file = tmp_path / "pairs.json"
    file.write_text(json.dumps([{"prompt": "Why?", **good}, {**good, **row}]))
    done = rmboost("judge", file, "-o", tmp_path / "o.jsonl", "--model", "fake")
    assert (done.code, f"{file}, row 2: {told}" in done.err) == (2, True), done.err
    reject = {"kind": "dropped", "reason": "leak"}
    file.write_text(json.dumps([good, reject]))
    assert f"{file}, row 2: a reject among pairs" in rmboost("inspect", file).err


def test_an_empty_prompt_among_others_is_judged(rmboost: Shell, tmp_path: Path) -> None:
    file = write_jsonl(
        tmp_path / "pairs.jsonl", [SHAPES["TRL, strings"], {"prompt": "", "chosen": GOOD, "rejected": BAD}]
    )
    done = rmboost("judge", file, "-o", tmp_path / "j.jsonl", "--model", "fake")
    assert (done.code, len(read_jsonl(tmp_path / "j.jsonl"))) == (0, 2), done.err


def test_a_file_of_ours_and_its_writers(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    rmboost("generate", prompts, "-o", tmp_path / "pairs.jsonl", "--model", "fake:qwen3", "--set", "checks=[]")
    done = rmboost("judge", tmp_path / "pairs.jsonl", "-o", tmp_path / "j.jsonl", "--model", "fake:qwen2")
    assert done.code == 0, done.err
    assert "judge: the same family (qwen) as the one that writes" in done.err
    for row, before in zip(read_jsonl(tmp_path / "j.jsonl"), read_jsonl(tmp_path / "pairs.jsonl"), strict=True):
        assert row.pop("judge")["winner"]
        assert row == before
    assert "label noise" in done.err and "better: " in done.err, "its labels are known, so the noise is by label"
    manifest = json.loads((tmp_path / "j.run" / "manifest.json").read_text())
    assert manifest["leakage"] == {"judge": "the same family (qwen)"}
    assert list(manifest["summary"]["models"]) == ["judge"]


def test_a_table(rmboost: Shell, tmp_path: Path) -> None:
    rows = [{"prompt": f"Why {number}?", "chosen": GOOD, "rejected": BAD} for number in range(3)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "pairs.parquet")
    assert rmboost("judge", tmp_path / "pairs.parquet", "-o", tmp_path / "j.jsonl", "--model", "fake").code == 0
    assert [{**row, "judge": None} for row in rows] == [
        {**row, "judge": None} for row in read_jsonl(tmp_path / "j.jsonl")
    ]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [{"prompt": f"Question {number}?", "chosen": GOOD, "rejected": BAD} for number in range(12)]
    return write_jsonl(tmp_path / "pairs.jsonl", [*rows, rows[0]])


def test_it_goes_on_where_it_was_left_and_asks_nothing_twice(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    whole = rmboost("judge", pairs, "-o", tmp_path / "whole.jsonl", "--model", "fake")
    assert "26 calls made now" in whole.err
    rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--model", "fake", "--limit", "5")
    done = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--model", "fake")
    assert "16 calls made now" in done.err
    assert (tmp_path / "j.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    again = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--model", "fake")
    assert "no call was made" in again.err
    assert "judged       13 of 13 pairs" in again.err


def test_a_last_line_that_is_cut_off_is_left_out_and_said(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    with pairs.open("a") as file:
        file.write('{"prompt": "torn')
    done = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--model", "fake")
    assert (done.code, len(read_jsonl(tmp_path / "j.jsonl"))) == (0, 13)
    assert f"lines left out: 1, the first: {pairs}: the last line is not complete" in done.err


def test_a_pair_that_comes_twice_is_judged_twice(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--model", "fake")
    rows = read_jsonl(tmp_path / "j.jsonl")
    assert rows[0]["prompt"] == rows[-1]["prompt"]
    assert rows[0]["judge"]["p_chosen"] != rows[-1]["judge"]["p_chosen"]


def test_what_the_server_fails_is_left_out_and_asked_again_later(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    def failing(call: Call) -> Fault | None:
        return Fault(status=500) if "Question 3?" in call.body["messages"][-1]["content"] else None

    with ChatServer(failing) as server:
        command = ("judge", pairs, "-o", tmp_path / "j.jsonl", "--base-url", server.url, "--set", "tries=1")
        done = rmboost(*command)
        assert (done.code, len(read_jsonl(tmp_path / "j.jsonl"))) == (5, 12)
        server.script = ()
        assert rmboost(*command).code == 0
    assert len(read_jsonl(tmp_path / "j.jsonl")) == 13


def test_a_pair_too_long_for_the_judge_is_unreadable(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    def refusing(call: Call) -> Fault | None:
        long = "Question 3?" in call.body["messages"][-1]["content"]
        return Fault(status=400, message="maximum context length exceeded") if long else None

    with ChatServer(refusing) as server:
        done = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--base-url", server.url)
    assert done.code == 0, done.err
    assert [row["judge"]["winner"] for row in read_jsonl(tmp_path / "j.jsonl")].count("unreadable") == 1


def test_a_sample_of_a_large_file(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    done = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--model", "fake", "--sample", "4")
    assert "judged       4 of 13 pairs" in done.err
    rows = read_jsonl(tmp_path / "j.jsonl")
    assert len(rows) == 13
    assert len([row for row in rows if row["judge"]["winner"]]) == 4


@pytest.mark.parametrize(
    ("preferred", "agreement"), [(GOOD, "100.0 % (74.6–100.0, n=13)"), (BAD, "0.0 % (0.0–25.4, n=13)")]
)
def test_gold_labels_tell_how_far_the_judge_agrees_with_people(
    rmboost: Shell, pairs: Path, tmp_path: Path, preferred: str, agreement: str
) -> None:
    with ChatServer(prefers(preferred)) as server:
        command = ("judge", pairs, "-o", tmp_path / "j.jsonl", "--base-url", server.url, "--gold", "--votes", "1")
        done = rmboost(*command, "--summary", tmp_path / "s.json")
    assert f"agreement    {agreement}" in done.err
    assert "same place   0.0 % (0.0–25.4, n=13)" in done.err
    found = json.loads((tmp_path / "s.json").read_text())["agreement"]
    assert found["lean"]["total"] == 13
    assert found["unreadable"]["share"] == 0.0
    assert "label noise" not in done.err


def test_a_judge_that_goes_by_position_is_found_out(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    always_first = Fault(choice={"message": said("A"), "logprobs": None})
    with ChatServer(lambda _: always_first) as server:
        done = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", "--base-url", server.url, "--gold", "--votes", "1")
    assert "agreement    – (n=0)" in done.err
    assert "100.0 % (74.6–100.0, n=13) have one position win in both orders" in done.err
    assert "100.0 % (74.6–100.0, n=13) of these: the first" in done.err


def test_what_was_judged_as_gold_corrects_the_noise_of_other_pairs(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    with ChatServer(prefers(GOOD)) as server:
        endpoint = ("--base-url", server.url, "--votes", "1")
        rmboost("judge", pairs, "-o", tmp_path / "gold.jsonl", "--gold", *endpoint)
        gold = ("--set", f"verify.gold={tmp_path / 'gold.jsonl'}")
        done = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", *endpoint, *gold)
    assert "freed of the judge's mistakes 0.0 %" in done.err


def test_pairs_whose_aspects_the_judge_is_not_told_of_are_counted_before_the_first_call(
    rmboost: Shell, tmp_path: Path
) -> None:
    named = [["honesty"], ["honesty", "wit"], ["wit"], ["tone", "wit"], []]
    rows = [{"prompt": f"{n}?", "chosen": GOOD, "rejected": BAD, "aspects": each} for n, each in enumerate(named)]
    command = ("judge", write_jsonl(tmp_path / "f.jsonl", rows), "-o", tmp_path / "j.jsonl", "--model", "fake")
    done = rmboost(*command, "--set", "verify.about=aspects")
    said = "3 pairs without an aspect that the judge's set defines, judged as a whole; 1 pair with others beside"
    assert f"verify.about: aspects: {said}, which are left out" in done.err
    assert "the judge's set" not in rmboost(*command).err, "all are judged as a whole"
    write_jsonl(tmp_path / "f.jsonl", rows[:1])
    assert "the judge's set" not in rmboost(*command, "--fresh", "--set", "verify.about=aspects").err


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"prompt": "Why?"}], "no 'chosen' in the row"),
        ([], "holds no pair"),
        ([{"reason": "leak", "first": "a", "second": "b"}], "a reject, and no pair"),
    ],
)
def test_what_is_no_file_of_pairs_is_said(rmboost: Shell, tmp_path: Path, rows: list[Any], message: str) -> None:
    file = write_jsonl(tmp_path / "p.jsonl", rows)
    done = rmboost("judge", file, "-o", tmp_path / "j.jsonl", "--model", "fake")
    assert (done.code, message in done.err) == (2, True), done.err


def test_pairs_from_a_pipe_cannot_be_read_twice(rmboost: Shell, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in ("-", tmp_path / "pipe"):
        done = rmboost("judge", file, "-o", tmp_path / "j.jsonl", "--model", "fake")
        assert (done.code, f"error: {file} is not a regular file, and it is read twice" in done.err) == (2, True), (
            done.err
        )


def test_verdicts_are_not_written_over_what_is_judged(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    before = pairs.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(pairs)
    for output in (pairs, tmp_path / "link.jsonl"):
        for more in ((), ("--fresh",)):
            done = rmboost("judge", pairs, "-o", output, "--model", "fake", *more)
            assert (done.code, "is the file that is read" in done.err, "hint: choose another -o" in done.err) == (
                3,
                True,
                True,
            )
    assert pairs.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {pairs.name, "link.jsonl"}


def test_sides_of_a_file_are_not_exchanged(rmboost: Shell, pairs: Path, tmp_path: Path) -> None:
    options = ("--model", "fake", "--set", "verify.policy=flip")
    done = rmboost("judge", pairs, "-o", tmp_path / "j.jsonl", *options)
    assert (done.code, "flip exchanges the sides of new pairs" in done.err) == (2, True)


@pytest.mark.parametrize("policy", ["drop", "flip"])
def test_gold_pairs_that_the_judge_gets_wrong_are_never_lost(
    rmboost: Shell, pairs: Path, tmp_path: Path, policy: str
) -> None:
    """Without them it would seem to be right of all that it decides."""
    how = ("--model", "fake", "--set", f"verify.policy={policy}")
    done = rmboost("judge", pairs, "-o", tmp_path / "gold.jsonl", "--gold", *how)
    assert done.code == 2
    assert f"--gold with verify.policy {policy}" in done.err
    assert "verify.policy=flag" in done.err
    assert not (tmp_path / "gold.jsonl").exists()
