"""RLAIF: two samples, a judge asked in both orders, and a soft label."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault
from chat_server import Script as Faults
from conftest import Shell, read_jsonl, write_jsonl
from rmboost.errors import ReplyError
from rmboost.methods.rlaif import RLAIF
from rmboost.records import Pair
from scripted import PROMPT, Script, make


def pair_of(verdicts: str, **options: Any) -> tuple[Pair, Script]:
    """From the letters that the judge says, of the order as sampled and of the other one."""
    replies = {"respond": ("one", "two"), "rlaif/pairwise": tuple(verdicts)}
    return make("rlaif", replies, **{"judge": {"votes": 1}, **options})


def test_two_samples_of_the_same_prompt_are_judged_in_both_orders() -> None:
    pair, script = pair_of("AB")
    assert script.asked == [("responder", "respond")] * 2 + [("judge", "rlaif/pairwise")] * 2
    first, second, ahead, behind = (call.values for call in script.calls)
    assert first == second == {"prompt": PROMPT}
    assert (ahead["a"], ahead["b"]) == (behind["b"], behind["a"]) == ("one", "two")
    assert (pair.method, pair.label, pair.aspects, pair.plan) == ("rlaif", None, (), "")


@pytest.mark.parametrize(("verdicts", "chosen"), [("AB", "one"), ("BA", "two")])
def test_the_one_that_both_orders_prefer_is_chosen(verdicts: str, chosen: str) -> None:
    pair, _ = pair_of(verdicts)
    assert pair.chosen.text == chosen
    assert pair.rejected.text != chosen
    assert pair.evidence == {
        "p_chosen": 1.0,
        "p_shown_first": 1.0,
        "p_shown_second": 1.0,
        "orders_agree": True,
        "soft": False,
        "votes": 2,
        "labelled_by": "judge",
    }


@pytest.mark.parametrize("ties", ["drop", "keep"])
@pytest.mark.parametrize("verdicts", ["AA", "BB"])
def test_a_judge_that_goes_by_place_alone_makes_no_pair_and_no_coin(verdicts: str, ties: str) -> None:
    with pytest.raises(ReplyError, match="where it is shown first") as caught:
        pair_of(verdicts, ties=ties)
    assert (caught.value.reason, caught.value.final) == ("tie", True)


def test_equal_samples_are_not_judged_but_drawn_again() -> None:
    with pytest.raises(ReplyError) as caught:
        make("rlaif", {"respond": "the same"})
    assert (caught.value.reason, caught.value.response.call, caught.value.final) == ("identical", 1, False)


def test_a_judge_that_cannot_be_read_is_asked_again_and_the_responses_stay() -> None:
    with pytest.raises(ReplyError) as caught:
        make("rlaif", {"respond": ("one", "two"), "rlaif/pairwise": "neither"}, judge={"tries": 1})
    assert (caught.value.reason, caught.value.response.call, caught.value.final) == ("unreadable", 2, False)
    assert caught.value.response.text == "", "the second response is no reply to that call"


def test_reasoning_first() -> None:
    replies = {
        "respond": ("one", "two"),
        "rlaif/pairwise-reason": ("Well. <verdict>B</verdict>", "<verdict>A</verdict>"),
    }
    pair, _ = make("rlaif", replies, judge={"reasoning": True, "votes": 1})
    assert pair.chosen.text == "two"


def test_members_of_a_panel_ask_its_questions_unless_they_have_their_own() -> None:
    members = ["a", {"name": "pairwise", "role": "b", "templates": "strict"}]
    replies = {"respond": ("one", "two"), "rlaif/pairwise": "A", "strict/pairwise": "A"}
    with pytest.raises(ReplyError, match="where it is shown first"):
        make("rlaif", replies, judge={"name": "panel", "members": members})
    labeller = RLAIF.model_validate({"judge": {"name": "panel", "members": members}}).labeller
    assert (labeller.roles, labeller.folders) == (("a", "b"), ("rlaif", "strict"))


def test_who_is_asked() -> None:
    assert RLAIF().roles == ("responder", "judge")
    assert RLAIF.model_validate({"judge": {"name": "panel", "members": ["a", "b"]}}).roles == ("responder", "a", "b")


# Through the command


def test_the_question_that_labels_can_be_changed_and_not_the_one_that_verifies(
    rmboost: Shell, prompts: Path, tmp_path: Path
) -> None:
    own = tmp_path / "mine"
    (own / "rlaif").mkdir(parents=True)
    (own / "rlaif" / "pairwise.md.j2").write_text('{% turn "user" %}Mine: {{ a }} or {{ b }}?{% endturn %}')
    options = ("--model", "fake", "--method", "rlaif", "--verify", "all", "--set", f"prompts={own}")
    asked = rmboost("generate", prompts, *options, "--dry-run").out.split("# call ")
    assert [("Mine: " in call, "template rlaif/pairwise" in call) for call in asked[3:]] == [(True, True)] * 2 + [
        (False, False)
    ] * 2
    assert rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *options).code == 0
    settings = json.loads((tmp_path / "o.run" / "manifest.json").read_text())["settings"]
    assert {"rlaif/pairwise", "judge/pairwise"} <= settings["templates"].keys()


GOOD = "Air scatters short waves of light more than long ones, and blue is short."
POOR = "It is the colour of the sea, which the sky has taken over."


def judge_of(ahead: float, behind: float) -> Callable[[Call], Fault]:
    """A server that gives GOOD these probabilities to be better, where it is shown first and where second."""
    left = [POOR, GOOD]

    def script(call: Call) -> Fault:
        said = call.body["messages"][-1]["content"]
        if "<response_b>" not in said:
            return Fault(choice={"message": {"role": "assistant", "content": left.pop()}})
        p = ahead if said.index(GOOD) < said.index(POOR) else 1 - behind
        tops = [{"token": letter, "logprob": log(q), "bytes": None} for letter, q in (("A", p), ("B", 1 - p))]
        token = {**tops[0], "top_logprobs": tops}
        return Fault(choice={"message": {"role": "assistant", "content": "A"}, "logprobs": {"content": [token]}})

    return script


def run(rmboost: Shell, tmp_path: Path, script: Faults, *more: str) -> tuple[ChatServer, list[Any], list[Any]]:
    prompts = write_jsonl(tmp_path / "in.jsonl", [{"prompt": "Why?"}])
    with ChatServer(script, latency=0.05) as server:
        common = ("--method", "rlaif", "--base-url", server.url, "--concurrency", "4")
        done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--fresh", *common, *more)
        assert done.code == 0, done.err
    return server, read_jsonl(tmp_path / "o.jsonl"), read_jsonl(tmp_path / "o.run" / "rejects.jsonl")


def test_the_soft_label_is_the_mean_of_both_orders(rmboost: Shell, tmp_path: Path) -> None:
    server, (row,), _ = run(rmboost, tmp_path, judge_of(0.9, 0.6))
    evidence = json.loads(row["rmboost"]["evidence"])
    assert (evidence["p_chosen"], evidence["p_shown_first"], evidence["p_shown_second"]) == (0.75, 0.9, 0.6)
    assert (evidence["soft"], evidence["orders_agree"]) == (True, True)
    assert (row["chosen"], row["rejected"], row["label"], row["aspect"]) == (GOOD, POOR, None, None)
    seeds = [call.body["seed"] for call in server.calls]
    assert len(seeds) == len({*seeds}) == 4, "the samples are two calls"
    assert server.max_in_flight == 2, "both samples go out together, then both orders"


def test_a_tie_is_a_row_with_its_lean_or_a_reject(rmboost: Shell, tmp_path: Path) -> None:
    _, (row,), _ = run(rmboost, tmp_path, judge_of(0.9, 0.4))
    evidence = json.loads(row["rmboost"]["evidence"])
    assert (row["chosen"], evidence["p_chosen"], evidence["orders_agree"]) == (GOOD, 0.65, False)
    _, (row,), _ = run(rmboost, tmp_path, judge_of(0.4, 0.2))
    assert (row["chosen"], json.loads(row["rmboost"]["evidence"])["p_chosen"]) == (POOR, 0.7)


def test_ties_can_be_dropped_and_are_not_drawn_again(rmboost: Shell, tmp_path: Path) -> None:
    server, rows, (reject,) = run(rmboost, tmp_path, judge_of(0.9, 0.4), "--set", "method.ties=drop")
    assert (rows, reject["reason"], len(server.calls)) == ([], "tie", 4)
    assert re.search(r"shown first, 0\.\d0 where second", reject["detail"])


def test_a_judge_that_was_not_read_is_heard_with_seeds_that_are_new(rmboost: Shell, tmp_path: Path) -> None:
    """The first nine replies to each order are noise: three tries, three times over."""
    answer, heard = judge_of(0.9, 0.9), Counter[str]()

    def script(call: Call) -> Fault:
        said = call.body["messages"][-1]["content"]
        heard[said] += 1
        if "<response_b>" in said and heard[said] <= 9:
            return Fault(choice={"message": {"role": "assistant", "content": "Hm."}})
        return answer(call)

    server, (row,), _ = run(rmboost, tmp_path, script)
    assert (row["chosen"], row["rmboost"]["drops"].count("neither A nor B")) == (GOOD, 3)
    assert len({call.body["seed"] for call in server.calls}) == len(server.calls) == 2 + 2 * 10


def test_no_job_is_begun_that_a_ceiling_would_cut_off(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--method", "rlaif")
    done = rmboost(*run, "--set", "checks=[]", "--max-calls", 23, "--concurrency", 8)
    assert done.code == 6, done.err
    assert len(read_jsonl(tmp_path / "o.jsonl")) == 5
    assert "in 20 calls" in done.err, "four calls a job"
    assert rmboost(*run, "--set", "checks=[]", "--max-calls", 3).code == 6


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--method", "rlaif"), True),
        (("--method", "ultrafeedback"), True),
        (("--method", "ultrafeedback", "--set", "method.principles=true"), False),
        (("--method", "rmboost"), False),
        (("--method", "rmboost", "--repetitions", "2"), True),
    ],
)
def test_samples_that_nothing_makes_differ_are_spoken_of_before_they_are_paid(
    rmboost: Shell, prompts: Path, tmp_path: Path, options: tuple[str, ...], told: bool
) -> None:
    common = ("--model", "fake", "--limit", "2", "--set", "responder.temperature=0")
    done = rmboost("generate", prompts, "-o", tmp_path / "pairs.jsonl", *common, *options)
    assert ("responder.temperature is 0" in done.err) is told
