"""Self-taught: the rejected response is a good answer to another instruction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Shell, read_jsonl
from rmboost.errors import ReplyError
from rmboost.records import Message, Prompt
from rmboost.templates import Templates
from scripted import PROMPT, make

BOTH = "<instruction>Why is the sea blue?</instruction>\n<response>second</response>"
TALK: tuple[Message, ...] = (
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi"},
    {"role": "user", "content": "Why?"},
)


def replies(modified: str) -> dict[str, tuple[str, ...]]:
    return {"respond": ("first", "second"), "self-taught/modify": (modified,)}


def test_the_answer_to_the_modified_instruction_is_rejected() -> None:
    pair, script = make("self-taught", replies(BOTH))
    assert script.asked == [("responder", "respond"), ("rewriter", "self-taught/modify")]
    assert script.calls[0].values == {"prompt": PROMPT}
    assert script.calls[1].values["first"] == "first", "the response that the prompt got is shown"
    assert (pair.chosen.text, pair.rejected.text, pair.label) == ("first", "second", "worse")
    assert pair.prompt is PROMPT
    assert pair.evidence == {"modified": "Why is the sea blue?"}


def test_the_responder_answers_the_modified_instruction_by_itself() -> None:
    pair, script = make("self-taught", replies("<instruction>Why is the sea blue?</instruction>"), same_call=False)
    assert [call.template for call in script.calls] == ["respond", "self-taught/modify", "respond"]
    assert script.calls[2].role == "responder"
    asked = script.calls[2].values["prompt"]
    assert asked.messages == ({"role": "user", "content": "Why is the sea blue?"},)
    assert asked.id != PROMPT.id
    assert (pair.chosen.text, pair.rejected.text, pair.prompt) == ("first", "second", PROMPT)


def test_in_a_conversation_the_last_turn_is_modified() -> None:
    talk = Prompt("p", TALK)
    _, script = make("self-taught", replies("<instruction>How?</instruction>"), prompt=talk, same_call=False)
    assert script.calls[2].values["prompt"].messages == (*TALK[:2], {"role": "user", "content": "How?"})


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Why is the sea blue? It is not.", "unreadable"),
        ("<instruction> </instruction><response>second</response>", "unreadable"),
        ("<instruction>Why?</instruction> second", "unreadable"),
        ("<instruction> why is  the sky blue?</instruction><response>second</response>", "same-instruction"),
    ],
)
def test_a_reply_that_cannot_be_used_is_drawn_again(reply: str, reason: str) -> None:
    with pytest.raises(ReplyError) as caught:
        make("self-taught", replies(reply))
    assert (caught.value.reason, caught.value.response.call) == (reason, 1)


@pytest.mark.parametrize("same_call", [True, False])
def test_an_answer_is_asked_for_only_in_the_same_call(same_call: bool) -> None:
    values = {"prompt": PROMPT, "first": "first", "length": "9 words", "same_call": same_call}
    (turn,) = Templates().render("self-taught/modify", **values)
    assert ("<response>" in turn["content"], "9 words" in turn["content"]) == (same_call, same_call)


def test_rows_keep_the_modified_instruction_as_evidence_alone(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost("generate", prompts, "-o", tmp_path / "o.jsonl", "--method", "self-taught", "--model", "fake")
    assert done.code == 0, done.err
    for row in read_jsonl(tmp_path / "o.jsonl"):
        modified = json.loads(row["rmboost"]["evidence"])["modified"]
        assert modified.startswith("Is it so that ")
        assert modified not in row["prompt"] + row["chosen"] + row["rejected"]
        assert (row["label"], row["rmboost"]["first"]) == ("worse", "chosen")
