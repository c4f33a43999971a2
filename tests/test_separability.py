"""Two models in one pair: counted, measured where there are enough of them, and refused where that is asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from chat_server import Call, ChatServer, Fault
from conftest import Shell, read_jsonl, write_jsonl
from rmboost import config
from rmboost.errors import ConfigError
from rmboost.labels.separability import separability
from rmboost.records import Job, Kept, Pair, Prompt, Response, stable_hash
from rmboost.run import roles
from rmboost.run.tally import Tally

JOB = Job(Prompt("p", ({"role": "user", "content": "Why?"},), True), 0)


def by_two_models(call: Call) -> Fault:
    """``loud`` shouts, ``plain`` does not; both say something else each time."""
    said = f"It is number {stable_hash(call.body) % 1000} of them, as far as is known today."
    said = said.upper().replace(".", "!") if call.body["model"] == "loud" else said
    tagged = "<response>" in call.body["messages"][-1]["content"]
    text = f"I think.\n<response>{said}</response>" if tagged else said
    return Fault(choice={"message": {"role": "assistant", "content": text}})


def generate(rmboost: Shell, folder: Path, method: str, *more: str, count: int = 40) -> tuple[dict[str, Any], str]:
    prompts = write_jsonl(folder / "in.jsonl", [{"prompt": f"Which number is {n}?"} for n in range(count)])
    with ChatServer(by_two_models, models=("plain", "loud")) as server:
        done = rmboost(
            *("generate", prompts, "-o", folder / "o.jsonl", "--base-url", server.url, "--method", method),
            *("--set", "responder.model=plain", "--set", "rewriter.model=loud", "--set", "checks=[]"),
            *("--summary", folder / "summary.json", *more),
        )
    assert done.code == 0, done.err
    return json.loads((folder / "summary.json").read_text()), done.err


def test_form_tells_which_is_chosen_where_one_model_always_is(rmboost: Shell, tmp_path: Path) -> None:
    summary, said = generate(rmboost, tmp_path, "synpo")
    assert summary["tally"]["two_models"] == 40
    assert summary["separability"]["share"] > 0.95
    assert summary["separability"]["low"] < 0.95, "40 pairs cannot tell it from 0.95"
    assert summary["separability"]["pairs"] == 40
    assert "40 of 40 pairs have chosen and rejected from different models" in said
    assert "form alone tells which is chosen in" in said


def test_labels_that_are_half_and_half_keep_the_author_from_telling(rmboost: Shell, tmp_path: Path) -> None:
    summary, _ = generate(rmboost, tmp_path, "rmboost", "--style", "plan")
    assert summary["tally"]["two_models"] == 40
    assert summary["separability"]["low"] < 0.6


def test_few_pairs_are_counted_and_not_measured(rmboost: Shell, tmp_path: Path) -> None:
    summary, said = generate(rmboost, tmp_path, "synpo", count=5)
    assert (summary["tally"]["two_models"], summary["separability"]) == (5, None)
    assert "5 of 5 pairs" in said
    assert "rmboost[rm]" not in said


def test_without_scikit_learn_the_count_stands_alone(
    rmboost: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("sklearn", "rmboost.rewards.linear"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    summary, said = generate(rmboost, tmp_path, "synpo")
    assert summary["separability"] is None
    assert "40 of 40 pairs" in said
    assert "pip install 'rmboost[report]'" in said


def test_of_many_pairs_some_are_looked_at_all_over_the_file(tmp_path: Path) -> None:
    def row(number: int) -> dict[str, Any]:
        other = "b" if number % 2 else "a"
        turns = [{"role": "user", "content": f"Prompt {number}"}]
        sides = {name: [{"role": "assistant", "content": "It is so."}] for name in ("chosen", "rejected")}
        return {"prompt": turns, **sides, "rmboost": {"models": {"first": "a", "second": other}}}

    found = separability(write_jsonl(tmp_path / "o.jsonl", [row(n) for n in range(8200)]), 4100)
    assert found is not None
    assert found.pairs == 1367, "every third of those by two models"
    assert found.share == 0.5, "both responses are the same"


def test_pairs_of_one_prompt_are_not_measured_and_end_no_run(rmboost: Shell, tmp_path: Path) -> None:
    summary, said = generate(rmboost, tmp_path, "synpo", "--repetitions", "40", count=1)
    assert (summary["tally"]["two_models"], summary["separability"]) == (40, None)
    assert "40 of 40 pairs" in said
    assert "rmboost[rm]" not in said


def test_a_tally_counts_pairs_of_two_models() -> None:
    tally = Tally()
    for model in ("m", "n", "m"):
        tally.add(Kept(JOB, Pair(JOB.prompt, Response("a", "m"), Response("b", model, call=1), "synpo")))
    assert (tally.two_models, Tally.load(tally.dump()).two_models) == (1, 1)


# on_policy


def test_two_writers_are_refused_before_anything_is_asked(rmboost: Shell, prompts: Path) -> None:
    writers = ("--set", "responder.model=fake", "--set", "rewriter.model=local")
    done = rmboost("generate", prompts, "--dry-run", "--set", "on_policy=true", *writers)
    assert done.code == 2
    assert "on_policy: the responses would come from different models (responder fake, rewriter local)" in done.err
    assert "hint: --set responder.model=NAME --set rewriter.model=NAME\n" in done.err
    assert rmboost("generate", prompts, "--dry-run", "--method", "rlcd", "--set", "on_policy=true", *writers).code == 0


def test_a_judge_may_be_another_model() -> None:
    settings = {"model": "fake", "judge": {"model": "local"}, "verify": {"sample": "all"}, "on_policy": True}
    assert roles.resolve(config.Config.model_validate(settings)).judge.model == "local"


@pytest.mark.parametrize(
    ("method", "refused"),
    [
        ({"name": "ultrafeedback", "others": ["judge"]}, True),
        ({"name": "ultrafeedback"}, False),
        ({"name": "rlaif", "judge": {"role": "rewriter"}}, False),
        ({"name": "self-rewarding", "scored_by": "rewriter"}, False),
        ({"name": "synpo"}, True),
    ],
)
def test_who_writes_is_told_by_the_method_and_not_by_the_name_of_the_role(
    method: dict[str, Any], refused: bool
) -> None:
    others = {"judge": {"model": "local"}, "rewriter": {"model": "local"}}
    settings = config.Config.model_validate({"model": "fake", "on_policy": True, "method": method, **others})
    if refused:
        with pytest.raises(ConfigError, match="on_policy: the responses would come from different models"):
            roles.resolve(settings)
    else:
        assert roles.resolve(settings).responder.model == "fake"


def test_a_small_model_is_not_contrasted(rmboost: Shell, prompts: Path) -> None:
    local = config.load(flags={"model": "local"})
    assert roles.resolve(local).method["contrast"] is True
    assert roles.resolve(local.model_copy(update={"on_policy": True})).method["contrast"] is False
    done = rmboost(
        *("generate", prompts, "--dry-run", "--model", "local", "--set", "on_policy=true"),
        *("--set", "method.contrast=true"),
    )
    assert done.code == 2
    assert "drafter local:smollm2-135m" in done.err


def test_a_row_says_who_wrote_which_response(rmboost: Shell, tmp_path: Path) -> None:
    generate(rmboost, tmp_path, "rmboost", "--style", "plan", count=12)
    rows = read_jsonl(tmp_path / "o.jsonl")
    assert {row["label"] for row in rows} == {"better", "worse"}
    for row in rows:
        assert row["rmboost"]["models"] == {"first": "plain", "second": "loud"}
        loud = row[row["rmboost"]["second"]]
        assert loud == loud.upper()
