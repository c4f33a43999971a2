"""RLCD: one prompt under two matched instructions, the answer to the positive one chosen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rapidfuzz import fuzz

from chat_server import ChatServer
from conftest import Shell, read_jsonl, write_jsonl
from rmboost import methods, resources, sets
from rmboost.errors import ConfigError, ReplyError
from rmboost.methods.rlcd import RLCD, Affix, AffixSet, _refuse_affix
from rmboost.records import Label, Message, Pair, Prompt, Response, Spec
from rmboost.templates import Templates
from scripted import PROMPT, Script, make

FILES = sorted((resources.folder("configs") / "affixes").glob("*.yaml"))
AFFIXES = [
    pytest.param(affix, id=f"{file.stem}-{quality.name}")
    for file in FILES
    for quality in sets.load(AffixSet, "affix", "affixes", str(file)).qualities
    for affix in quality.affixes
]
TALK: tuple[Message, ...] = (
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi"},
    {"role": "user", "content": "Why?"},
)


def pair_of(label: Label, *verdicts: str, **options: Any) -> tuple[Pair, Script]:
    replies = {"rlcd/respond": ("one", "two"), "judge/pairwise": verdicts or ("A",)}
    return make("rlcd", replies, Spec(label, ("honesty",)), **options)


@pytest.mark.parametrize(("label", "chosen"), [("better", "two"), ("worse", "one")])
def test_the_answer_to_the_positive_instruction_is_chosen(label: Label, chosen: str) -> None:
    pair, script = pair_of(label)
    assert script.asked == [("responder", "rlcd/respond")] * 2
    asked = {call.values["affix"]: text for call, text in zip(script.calls, ("one", "two"), strict=True)}
    affix = pair.evidence["affix"]
    assert asked[affix["positive"]] == pair.chosen.text == chosen
    assert asked[affix["negative"]] == pair.rejected.text
    assert (pair.label, pair.aspects, pair.plan) == (label, ("honesty",), "")
    assert pair.prompt is PROMPT, "the instruction is in no prompt that anybody trains on"


def test_each_call_knows_the_opposite_for_earlier_turns() -> None:
    _, script = pair_of("better")
    negative, positive = script.calls
    assert (negative.values["affix"], negative.values["opposite"]) == (
        positive.values["opposite"],
        positive.values["affix"],
    )


def test_earlier_answers_stand_under_the_opposite_instruction() -> None:
    turns = Templates().render("rlcd/respond", prompt=Prompt("p", TALK), affix="Be good.", opposite="Be bad.")
    assert [turn["content"] for turn in turns] == ["Be kind.", "Hello\n\n(Be bad.)", "Hi", "Why?\n\n(Be good.)"]
    turns = Templates().render("rlcd/respond", prompt=PROMPT, affix="Be good.", opposite="Be bad.")
    assert [turn["content"] for turn in turns] == ["Why is the sky blue?\n\n(Be good.)"]


def test_the_wording_is_drawn_by_the_job_from_those_of_the_quality() -> None:
    known = {affix.positive for affix in RLCD()._qualities["helpfulness"].affixes}
    drawn = [
        make("rlcd", {"rlcd/respond": ("one", "two")}, Spec("worse", ("helpfulness",)), seed=seed) for seed in range(20)
    ]
    assert {pair.evidence["affix"]["positive"] for pair, _ in drawn} == known
    assert drawn[3][0] == make("rlcd", {"rlcd/respond": ("one", "two")}, Spec("worse", ("helpfulness",)), seed=3)[0], (
        "the same job draws the same"
    )


@pytest.mark.parametrize("verb", ["Give", "Here is"])
def test_an_answer_that_repeats_its_instruction_is_drawn_again(verb: str) -> None:
    negative = pair_of("worse")[0].evidence["affix"]["negative"]
    said = f"Very well: {negative.replace('Give', verb)[:-1].upper()}: the sky is green today."
    with pytest.raises(ReplyError) as caught:
        make("rlcd", {"rlcd/respond": ("one", said)}, Spec("worse", ("honesty",)))
    assert (caught.value.reason, caught.value.response.call) == ("affix-copy", 1)


@pytest.mark.parametrize("affix", AFFIXES)
def test_an_answer_in_words_of_its_own_is_none(affix: Affix) -> None:
    honest = (
        "The sky is blue because air scatters short waves of light more than long ones. That is the correct answer, "
        "but nobody can be sure that it is complete; give it a try and look at the sunset."
    )
    _refuse_affix(Response(honest, "m"), affix)
    for copied in (affix.positive, affix.negative):
        with pytest.raises(ReplyError) as caught:
            _refuse_affix(Response(f"{honest} {copied}", "m"), affix)
        assert caught.value.reason == "affix-copy"


def test_both_answers_are_out_at_once(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(tmp_path / "in.jsonl", [{"prompt": "Why?"}])
    with ChatServer(latency=0.05) as server:
        rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--method", "rlcd", "--base-url", server.url)
    assert server.max_in_flight == 2


# Rescoring: the letters are of the call that shows chosen first, then of the one that shows it second


@pytest.mark.parametrize("label", ["better", "worse"])
@pytest.mark.parametrize(("verdicts", "exchanged"), [("AB", False), ("BA", True)])
def test_the_judge_says_which_is_chosen(label: Label, verdicts: str, exchanged: bool) -> None:
    built, _ = pair_of(label)
    pair, script = pair_of(label, *verdicts, rescore=True, judge={"name": "pairwise", "votes": 1})
    sides = (built.rejected, built.chosen) if exchanged else (built.chosen, built.rejected)
    assert (pair.chosen.text, pair.rejected.text) == tuple(side.text for side in sides)
    assert (pair.evidence["exchanged"], pair.evidence["p_chosen"]) == (exchanged, 1.0)
    assert pair.label is None, "nothing was decided beforehand"
    assert pair.evidence.items() >= {"labelled_by": "judge", "soft": False, "votes": 2, "orders_agree": True}.items()
    assert script.asked[2:] == [("judge", "judge/pairwise")] * 2
    (aspect,) = script.calls[2].values["aspects"]
    assert aspect.name == "honesty", "the judge is asked about what the instructions were about"


def test_the_soft_label_is_about_the_sides_as_they_stand() -> None:
    """Three votes an order: for the answer that was meant to be chosen 1 of 3 where it is first, 0 where second."""
    pair, _ = pair_of("better", *"AABABA", rescore=True)  # both orders by turns
    assert (pair.chosen.text, pair.evidence["exchanged"]) == ("one", True)
    found = {name: pair.evidence[name] for name in ("p_chosen", "p_shown_first", "p_shown_second")}
    assert found == {"p_chosen": 0.833333, "p_shown_first": 1.0, "p_shown_second": 0.666667}


def test_a_judge_that_prefers_neither_draws_the_answers_again() -> None:
    with pytest.raises(ReplyError) as caught:
        pair_of("worse", "A", "A", rescore=True, judge={"name": "pairwise", "votes": 1})
    assert (caught.value.reason, caught.value.response.call) == ("tie", 0)


def test_a_judge_that_cannot_be_read_is_asked_again_and_the_answers_stay() -> None:
    with pytest.raises(ReplyError) as caught:
        pair_of("worse", "neither", rescore=True)
    assert (caught.value.reason, caught.value.response.call) == ("unreadable", 2)
    assert caught.value.response.text == "", "the second answer is no reply to that call"


@pytest.mark.parametrize("rescore", [True, False])
def test_mistakes_in_the_judges_options_are_told_also_where_it_is_not_asked(rescore: bool) -> None:
    with pytest.raises(ConfigError, match="vots: no such option"):
        _ = RLCD(rescore=rescore, judge={"name": "pairwise", "vots": 1}).roles


def test_who_is_asked() -> None:
    assert RLCD().roles == ("responder",)
    assert RLCD(rescore=True).roles == ("responder", "judge")


# The sets


@pytest.mark.parametrize("affix", AFFIXES)
def test_shipped_affixes_look_alike(affix: Affix) -> None:
    assert fuzz.ratio(affix.positive, affix.negative) > 70
    assert abs(len(affix.positive) - len(affix.negative)) <= 10
    assert len(affix.positive.split()) == len(affix.negative.split())
    assert all(side[0].isupper() and side.endswith(".") for side in (affix.positive, affix.negative))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{name: a, definition: A., affixes: [{positive: x, negative: x}]}", "are the same"),
        ("{name: a, definition: A., affixes: []}", "at least 1"),
        ("{name: A b, definition: A., affixes: [{positive: x, negative: y}]}", "is no name"),
        ("{name: a, definition: A., affixes: [{positive: x, negativ: y}]}", "did you mean 'negative'"),
    ],
)
def test_mistakes_in_a_set_are_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mine.yaml").write_text(f"description: Mine.\nqualities:\n  - {text}\n")
    method = methods.method({"name": "rlcd", "affixes": str(tmp_path / "mine.yaml")})
    with pytest.raises(ConfigError) as caught:
        method.cells()
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_one_name_for_two_qualities_is_refused(tmp_path: Path) -> None:
    quality = "  - {name: a, definition: A., affixes: [{positive: x, negative: y}]}\n"
    (tmp_path / "mine.yaml").write_text(f"description: Mine.\nqualities:\n{quality}{quality}")
    with pytest.raises(ConfigError, match="there is more than one a"):
        RLCD(affixes=str(tmp_path / "mine.yaml")).cells()


def test_a_set_that_is_not_there_is_told_before_anything_is_asked(rmboost: Shell, prompts: Path) -> None:
    done = rmboost("generate", prompts, "--dry-run", "--method", "rlcd", "--set", "method.affixes=harmles")
    assert done.code == 2
    assert "no affix set 'harmles'" in done.err
    assert "did you mean 'harmless'" in done.err


def test_rows_are_balanced_and_hold_no_instruction(rmboost: Shell, tmp_path: Path) -> None:
    prompts = write_jsonl(
        tmp_path / "in.jsonl",
        [{"messages": [*TALK[:3], {"role": "user", "content": f"Why {n}?"}]} for n in range(24)],
    )
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--method", "rlcd", "--model", "fake")
    assert done.code == 0, done.err
    rows = read_jsonl(tmp_path / "o.jsonl")
    assert set(Counter((row["label"], row["aspect"]) for row in rows).values()) == {2}
    for row in rows:
        assert "(" not in str(row["prompt"])
        assert row["rmboost"]["second"] == ("chosen" if row["label"] == "better" else "rejected")
