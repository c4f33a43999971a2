"""West-of-N: the best of N samples against the worst, by a scorer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import exp
from pathlib import Path
from typing import Any

import pytest

from chat_server import ChatServer
from conftest import Shell, write_jsonl
from rmboost.errors import ConfigError, ReplyError
from rmboost.methods import method
from rmboost.methods.west_of_n import WestOfN
from rmboost.records import Pair
from scripted import PROMPT, Script, make


def pair_of(scores: str, texts: Sequence[str] = "abcd", seed: int = 0, **options: Any) -> tuple[Pair, Script]:
    """From a score for each different response."""
    replies = {"respond": tuple(texts), "west-of-n/rubric": tuple(scores)}
    return make("west-of-n", replies, seed=seed, **{"n": len(texts), "scorer": {"votes": 1}, **options})


def test_all_are_sampled_in_one_way_then_each_is_scored() -> None:
    pair, script = pair_of("2413")
    assert script.asked == [("responder", "respond")] * 4 + [("judge", "west-of-n/rubric")] * 4
    assert all(call.values == {"prompt": PROMPT} for call in script.calls[:4])
    assert [call.values["response"] for call in script.calls[4:]] == list("abcd")
    assert {call.values["aspect"] for call in script.calls[4:]} == {None}
    assert (pair.method, pair.label, pair.aspects, pair.plan) == ("west-of-n", None, (), "")


@pytest.mark.parametrize(("scores", "sides"), [("2413", "bc"), ("5123", "ab"), ("1235", "da"), ("15", "ba")])
def test_the_best_is_chosen_and_the_worst_rejected(scores: str, sides: str) -> None:
    pair, _ = pair_of(scores, "abcd"[: len(scores)])
    assert pair.chosen.text + pair.rejected.text == sides
    margin = max(map(int, scores)) - min(map(int, scores))
    assert pair.evidence == {
        "margin": margin,
        "confidence": round(1 / (1 + exp(-margin)), 6),
        "scores": [float(score) for score in scores],
        "soft": False,
        "scored_by": "judge",
    }


@pytest.mark.parametrize(("margin", "scale", "message"), [(4, {}, ""), (4.5, {}, "apart, 4"), (1, {"high": 2}, "")])
def test_a_margin_that_no_pair_can_have_is_refused(margin: float, scale: dict[str, int], message: str) -> None:
    options = {"name": "west-of-n", "min_margin": margin, "scorer": {"name": "rubric", **scale}}
    if not message:
        assert method(options).samples == 4
        return
    with pytest.raises(ConfigError, match=message):
        method(options)


def test_which_of_several_best_and_worst_does_not_go_by_place() -> None:
    sides = {pair.chosen.text + pair.rejected.text for pair, _ in (pair_of("5511", seed=seed) for seed in range(40))}
    assert sides == {"ac", "ad", "bc", "bd"}
    assert pair_of("5511", seed=7)[0] == pair_of("5511", seed=7)[0]


def test_equal_scores_are_no_pair_and_are_not_drawn_again() -> None:
    with pytest.raises(ReplyError, match="have the score 3") as caught:
        pair_of("3333")
    assert (caught.value.reason, caught.value.final) == ("tie", True)


def test_equal_responses_are_scored_once() -> None:
    pair, script = pair_of("32", "aaba")
    assert [call.values["response"] for call in script.calls[4:]] == ["a", "b"]
    assert pair.evidence["scores"] == [3.0, 2.0]
    assert (pair.chosen.call, pair.rejected.call) == (0, 2), "the first of those that are equal"


def test_where_all_are_equal_all_but_the_first_are_drawn_again() -> None:
    with pytest.raises(ReplyError) as caught:
        pair_of("3", "aaaa")
    assert (caught.value.reason, caught.value.response.call, caught.value.final) == ("identical", 1, False)


@pytest.mark.parametrize("reply", ["0", "6", "good", "3 to 4"])
def test_a_score_that_cannot_be_read_is_asked_for_again_and_never_made_up(reply: str) -> None:
    replies = {"respond": tuple("abcd"), "west-of-n/rubric": ("1", "5", reply)}
    with pytest.raises(ReplyError) as caught:
        make("west-of-n", replies, scorer={"votes": 1, "tries": 1})
    assert (caught.value.reason, caught.value.response.call, caught.value.final) == ("unreadable", 4, False)


@pytest.mark.parametrize(("bound", "kept"), [(0, True), (2, True), (2.01, False)])
def test_a_margin_that_is_too_small_is_a_reject(bound: float, kept: bool) -> None:
    if kept:
        assert pair_of("2423", min_margin=bound)[0].evidence["margin"] == 2
        return
    with pytest.raises(ReplyError, match=r"4 and 2 are nearer than 2.01") as caught:
        pair_of("2423", min_margin=bound)
    assert (caught.value.reason, caught.value.final) == ("small-margin", True)


def test_a_margin_of_thirds_is_what_it_is_said_to_be() -> None:
    """Means of three votes: 4.333333 - 3.333333 is 0.99999… as the machine reckons."""
    replies = {"respond": tuple("ab"), "west-of-n/rubric": tuple("434354")}  # a and b by turns
    pair, _ = make("west-of-n", replies, n=2, min_margin=1)
    assert pair.evidence["margin"] == 1.0


def test_who_is_asked() -> None:
    assert WestOfN().roles == ("responder", "judge")
    assert WestOfN.model_validate({"scorer": {"role": "llama"}}).roles == ("responder", "llama")


def test_all_samples_are_out_at_once(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "in.jsonl", [{"prompt": "Why?"}])
    with ChatServer(latency=0.05) as server:
        common = ("--method", "west-of-n", "--base-url", server.url, "--concurrency", "8", "--set", "method.n=5")
        rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", *common)
    assert server.max_in_flight == 5
    assert len({call.body["seed"] for call in server.calls}) == 10


def test_the_scorers_templates_are_settings_whoever_scores(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    run = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", "--method", "west-of-n")
    assert rmboost(*run, "--set", "method.scorer.role=responder").code == 0
    manifest = json.loads((tmp_path / "o.run" / "manifest.json").read_text())
    assert "west-of-n/rubric" in manifest["settings"]["templates"]
