"""Constitutional AI: critique and revision by drawn principles; the last revision is chosen over the first response."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from conftest import Shell, read_jsonl
from rmboost import resources, sets
from rmboost.errors import ConfigError, ReplyError
from rmboost.methods.constitutional import Constitution, Constitutional
from rmboost.records import Prompt
from rmboost.templates import Templates
from scripted import PROMPT, make

FILES = sorted((resources.folder("configs") / "principles").glob("*.yaml"))
REPLIES = {
    "respond": "first",
    "constitutional/critique": ("too short", "too cold"),
    "constitutional/revise": ("Here: <response>second</response>", "<response>third</response> Bye."),
}


def tagged(text: str) -> str:
    return f"<response>{text}</response>"


def test_the_revision_is_chosen_over_the_first_response() -> None:
    pair, script = make("constitutional", REPLIES)
    assert script.asked == [
        ("responder", "respond"),
        ("rewriter", "constitutional/critique"),
        ("rewriter", "constitutional/revise"),
    ]
    assert script.calls[0].values == {"prompt": PROMPT}, "the first response knows of no principle"
    assert (pair.chosen.text, pair.rejected.text, pair.label) == ("second", "first", "better")
    assert pair.evidence == {"critiques": [{"principle": pair.aspects[0], "critique": "too short"}]}


def test_each_round_goes_on_from_the_last_revision() -> None:
    pair, script = make("constitutional", REPLIES, rounds=2)
    assert (pair.chosen.text, pair.rejected.text) == ("third", "first")
    assert [call.values.get("response") for call in script.calls] == [None, "first", "first", "second", "second"]
    assert [call.values.get("critique") for call in script.calls] == [None, None, "too short", None, "too cold"]
    drawn = [call.values["principle"].name for call in script.calls[1:]]
    assert drawn == [pair.aspects[0]] * 2 + [pair.aspects[1]] * 2
    assert [each["principle"] for each in pair.evidence["critiques"]] == list(pair.aspects)


def test_no_principle_comes_twice_before_all_have_come(tmp_path: Path) -> None:
    principles = "".join(f"  - {{name: p{n}, critique: C{n}., revise: R{n}.}}\n" for n in range(3))
    (tmp_path / "mine.yaml").write_text(f"description: Mine.\nprinciples:\n{principles}")
    drawn = []
    for seed in range(20):
        pair, _ = make("constitutional", REPLIES, seed=seed, rounds=7, principles=str(tmp_path / "mine.yaml"))
        names = [each["principle"] for each in pair.evidence["critiques"]]
        assert len({*names[:3]}) == len({*names[3:6]}) == 3
        assert len(pair.aspects) == 3
        drawn.append(names[0])
    assert len(set(drawn)) == 3, "each of them is drawn"
    again, _ = make("constitutional", REPLIES, seed=0, rounds=7, principles=str(tmp_path / "mine.yaml"))
    assert again.evidence["critiques"][0]["principle"] == drawn[0]


def test_a_revision_without_its_form_is_drawn_again_and_never_guessed_at() -> None:
    with pytest.raises(ReplyError) as caught:
        make("constitutional", {**REPLIES, "constitutional/revise": "second, without tags"})
    assert (caught.value.reason, caught.value.response.call) == ("unreadable", 2)


@pytest.mark.parametrize("said", ["I cannot see what is wrong with it.", "I cannot see what is wrong"])
def test_a_revision_that_is_the_critique_is_no_answer(said: str) -> None:
    replies = {"constitutional/critique": "I cannot see what is wrong with it.", "constitutional/revise": tagged(said)}
    with pytest.raises(ReplyError) as caught:
        make("constitutional", {**REPLIES, **replies})
    assert (caught.value.reason, caught.value.response.call) == ("critique-copy", 1), (
        "the critique is drawn again as well"
    )


def test_an_empty_critique_is_drawn_again_before_anything_is_revised() -> None:
    with pytest.raises(ReplyError) as caught:
        make("constitutional", {**REPLIES, "constitutional/critique": "\n"})
    assert (caught.value.reason, caught.value.response.call) == ("empty", 1)


def test_a_revision_that_shortens_the_answer_is_kept_though_the_critique_quotes_it() -> None:
    replies = {
        "respond": "Canberra is the capital of Australia, and it lies between Sydney and Melbourne.",
        "constitutional/critique": 'Only "Canberra is the capital of Australia" serves the question.',
        "constitutional/revise": tagged("Canberra is the capital of Australia."),
    }
    assert make("constitutional", replies)[0].chosen.text == "Canberra is the capital of Australia."


def test_a_right_answer_that_the_critique_named_is_kept() -> None:
    replies = {
        "respond": "The capital of Australia is Sydney.",
        "constitutional/critique": "That is not so. The capital of Australia is Canberra. It gives no reason at all.",
        "constitutional/revise": tagged("The capital of Australia is Canberra."),
    }
    assert make("constitutional", replies)[0].chosen.text == "The capital of Australia is Canberra."


def test_a_revision_that_quotes_the_critique_is_kept() -> None:
    replies = {"constitutional/critique": "wrong colour", "constitutional/revise": tagged("no wrong colour, but blue")}
    assert make("constitutional", {**REPLIES, **replies})[0].chosen.text == "no wrong colour, but blue"


def test_the_model_criticises_its_own_turn_in_the_conversation() -> None:
    talk = Prompt("p", ({"role": "system", "content": "Be kind."}, PROMPT.messages[0]))
    principle = Constitutional()._set.principles[0]
    values = {"prompt": talk, "response": "first", "principle": principle, "critique": "too short"}
    turns = Templates().render("constitutional/revise", **values)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user", "assistant", "user"]
    assert [turn["content"] for turn in turns[2:5:2]] == ["first", "too short"]
    assert principle.revise in turns[5]["content"]
    assert turns[:4] == Templates().render("constitutional/critique", **values), (
        "the critique is asked for as it is told"
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shipped_principles_read_as_requests(file: Path) -> None:
    found = sets.load(Constitution, "principle", "principles", file.stem)
    assert len(found.principles) >= 5
    for principle in found.principles:
        assert principle.critique.startswith("Say ")
        assert principle.revise.startswith("Rewrite your answer so that ")
        assert principle.critique.endswith(".") and principle.revise.endswith(".")


def test_one_name_for_two_principles_is_refused(tmp_path: Path) -> None:
    one = "  - {name: a, critique: C., revise: R.}\n"
    (tmp_path / "mine.yaml").write_text(f"description: Mine.\nprinciples:\n{one}{one}")
    with pytest.raises(ConfigError, match="there is more than one a"):
        Constitutional(principles=str(tmp_path / "mine.yaml")).data()


def test_rows_say_which_principles_and_what_was_criticised(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost(
        *("generate", prompts, "-o", tmp_path / "o.jsonl", "--method", "constitutional", "--model", "fake"),
        *("--set", "method.rounds=2"),
    )
    assert done.code == 0, done.err
    rows = read_jsonl(tmp_path / "o.jsonl")
    assert len(Counter(row["aspect"] for row in rows)) > 2
    for row in rows:
        assert (row["rmboost"]["first"], len(row["aspects"])) == ("rejected", 2)
        assert "critique" in row["rmboost"]["evidence"]
        assert "<response>" not in row["chosen"]
