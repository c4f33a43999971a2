"""UltraFeedback: several responses, by one model or several, scored aspect by aspect."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from chat_server import ChatServer
from conftest import Shell, read_jsonl, write_jsonl
from rmboost import aspects
from rmboost.errors import ReplyError
from rmboost.methods.ultrafeedback import UltraFeedback
from rmboost.records import Pair, Prompt
from rmboost.templates import Templates
from scripted import PROMPT, Script, make

ASPECTS = aspects.load("ultrafeedback")
SYSTEM = Prompt("p", ({"role": "system", "content": "Be brief."}, PROMPT.messages[0]))


def pair_of(scores: Sequence[str], seed: int = 0, **options: Any) -> tuple[Pair, Script]:
    """From the scores of each response on the four aspects."""
    replies = {"respond": tuple("abcd"), "ultrafeedback/respond": tuple("bcd"), "judge/rubric": tuple("".join(scores))}
    return make("ultrafeedback", replies, seed=seed, **{"n": len(scores), "scorer": {"votes": 1}, **options})


def test_all_are_sampled_then_each_is_scored_on_each_aspect() -> None:
    pair, script = pair_of(["1111", "5432", "2222"])
    assert script.asked == [("responder", "respond")] * 3 + [("judge", "judge/rubric")] * 12
    asked = [(call.values["response"], call.values["aspect"].name) for call in script.calls[3:]]
    assert asked == list(product("abc", ASPECTS.names))
    assert (pair.method, pair.label, pair.aspects, pair.plan) == ("ultrafeedback", None, (), "")


def test_the_best_mean_is_chosen_over_a_random_other() -> None:
    pairs = [pair_of(["1111", "5432", "2222", "3333"], seed)[0] for seed in range(40)]
    assert {pair.chosen.text for pair in pairs} == {"b"}
    assert {pair.rejected.text for pair in pairs} == {"a", "c", "d"}
    assert pairs[5] == pair_of(["1111", "5432", "2222", "3333"], 5)[0]


def test_or_over_the_worst_with_its_scores_in_the_row() -> None:
    pair, _ = pair_of(["1112", "5432", "2222", "3333"], rejected="worst")
    assert pair.chosen.text + pair.rejected.text == "ba"
    assert pair.evidence == {
        "margin": 2.25,
        "chosen_scores": dict(zip(ASPECTS.names, (5, 4, 3, 2), strict=True)),
        "rejected_scores": dict(zip(ASPECTS.names, (1, 1, 1, 2), strict=True)),
        "means": [1.25, 3.5, 2.0, 3.0],
        "soft": False,
        "scored_by": "judge",
    }


@pytest.mark.parametrize("rejected", ["random", "worst"])
def test_ties_never_become_pairs(rejected: str) -> None:
    pairs = [pair_of(["5432", "2345", "3344", "1111"], seed, rejected=rejected)[0] for seed in range(30)]
    assert {pair.rejected.text for pair in pairs} == {"d"}, "the others have the mean of the best"
    assert {pair.chosen.text for pair in pairs} == {"a", "b", "c"}
    with pytest.raises(ReplyError) as caught:
        pair_of(["5432", "2345", "3344"], rejected=rejected)
    assert (caught.value.reason, caught.value.final) == ("tie", True)


def test_a_score_that_is_missing_is_no_mean_of_the_rest() -> None:
    with pytest.raises(ReplyError) as caught:
        pair_of(["5555", "44x4", "3333"], scorer={"votes": 1, "tries": 1})
    assert (caught.value.reason, caught.value.response.call, caught.value.final) == ("unreadable", 3, False)


def test_several_models_write_and_the_first_is_always_the_responders() -> None:
    options: dict[str, Any] = {"others": ["llama", "gemma", "qwen"], "n": 3}
    drawn: Counter[str] = Counter()
    for seed in range(60):
        _, script = pair_of(["1111", "2222", "3333"], seed, **options)
        first, *others = (role for role, template in script.asked if template == "respond")
        assert first == "responder"
        assert len({*others}) == 2, "nobody writes twice before all have written"
        drawn.update(others)
    assert drawn.keys() == {"llama", "gemma", "qwen"}
    assert min(drawn.values()) > 25
    _, script = pair_of(["1111", "2222", "3333", "4444"], others=["llama"])
    assert [role for role, _ in script.asked[:4]] == ["responder", "llama", "llama", "llama"]


def test_principles_are_for_all_but_the_first() -> None:
    pair, script = pair_of(["1111", "2222", "3333"], principles=True)
    assert [template for _, template in script.asked[:3]] == ["respond", *["ultrafeedback/respond"] * 2]
    assert pair.prompt is PROMPT, "nobody trains on the principle"
    told = [
        call.values["aspect"].name
        for seed in range(20)
        for call in pair_of(["1111", "2222"], seed, principles=True)[1].calls[1:2]
    ]
    assert {*told} == {*ASPECTS.names}


@pytest.mark.parametrize("prompt", [PROMPT, SYSTEM])
def test_a_principle_stands_in_the_one_system_turn(prompt: Prompt) -> None:
    turns = Templates().render("ultrafeedback/respond", prompt=prompt, aspect=ASPECTS["honesty"])
    assert [turn["role"] for turn in turns] == ["system", "user"]
    assert f"is honesty: w{ASPECTS['honesty'].definition[1:]}" in turns[0]["content"]
    assert turns[0]["content"].startswith("Be brief.") == (prompt is SYSTEM)
    assert turns[1] == PROMPT.messages[0]


def test_who_is_asked() -> None:
    assert UltraFeedback().roles == ("responder", "judge")
    assert UltraFeedback(others=("drafter", "llama")).roles == ("responder", "drafter", "llama", "judge")


# Through the command

SEVERAL = "model: test-model\nmethod: {name: ultrafeedback, others: [llama, drafter], n: 3, rejected: worst}\n"


def several(tmp_path: Path, *lines: str) -> tuple[str, Path]:
    path = tmp_path / "several.yaml"
    path.write_text(SEVERAL + "".join(f"{line}\n" for line in lines))
    return "--config", path


def test_writers_have_models_of_their_own(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    with ChatServer(models=("test-model", "j")) as server, ChatServer(models=("llama-3",)) as other:
        llama = f'writers: {{llama: {{model: llama-3, base_url: "{other.url}"}}}}'
        config = several(tmp_path, llama, "judge: {model: j}")
        run = ("generate", prompts, "-o", tmp_path / "o.jsonl", *config, "--base-url", server.url)
        done = rmboost(*run)
        assert done.code == 0, done.err
        assert "two models" in done.err
        assert {call.body["model"] for call in server.calls} == {"test-model", "j"}
        assert {call.body["model"] for call in other.calls} == {"llama-3"}
        assert len(other.calls) >= 24
        assert rmboost(*run, "--set", "on_policy=true").code == 2
    rows = read_jsonl(tmp_path / "o.jsonl")
    assert "llama-3" in {model for row in rows for model in row["rmboost"]["models"].values()}
    assert all(json.loads(row["rmboost"]["evidence"])["margin"] > 0 for row in rows)
    assert rmboost("verify", tmp_path / "o.jsonl").code == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["writers: {gemma: {model: m}}"], "no role 'llama'"),
        (["writers: {judge: {model: m}}"], "judge is the name of a setting"),
        (["judges: {llama: {model: m}}", "writers: {llama: {model: m}}"], "llama is the name"),
    ],
)
def test_a_writer_needs_a_name_and_a_model_of_its_own(
    rmboost: Shell, prompts: Path, tmp_path: Path, lines: Sequence[str], said: str
) -> None:
    done = rmboost("generate", prompts, "--dry-run", *several(tmp_path, *lines))
    assert done.code == 2
    assert said in done.err


def test_one_name_in_place_of_a_list_is_said_so(rmboost: Shell, prompts: Path) -> None:
    done = rmboost("generate", prompts, "--dry-run", "--method", "ultrafeedback", "--set", "method.others=llama")
    assert (done.code, "method ultrafeedback: others: Input should be a list" in done.err) == (2, True)


def test_all_samples_are_out_at_once(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "in.jsonl", [{"prompt": "Why?"}])
    with ChatServer(latency=0.05) as server:
        common = ("--method", "ultrafeedback", "--base-url", server.url, "--concurrency", "32")
        rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *common)
    assert server.max_in_flight == 16, "four responses on four aspects"
