"""Reading replies: the tagged text and nothing else, names of aspects, and no guess at a broken form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rmboost
from chat_server import Call, ChatServer, Fault
from check_cases import HOSTILE
from rmboost.errors import ReplyError
from rmboost.parsing import names, tagged, whole, without_thinking
from rmboost.records import Message, Response

ASPECTS = ("completeness", "error_handling", "honesty")


def reply(text: str) -> Response:
    return Response(text, "m", call=1)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("<response>Yes.</response>", "Yes.", ""),
        ("Plan: be short.\n<response>\nYes.\n</response>\n", "Yes.", "Plan: be short."),
        ("Plan.<response>Yes.</response>Done.", "Yes.", "Plan.Done."),
        ("<response></response>", "", ""),
        ("<response>a < b, <b>x</b> & {{ y }}</response>", "a < b, <b>x</b> & {{ y }}", ""),
        ("<response>```\n<xml/>\n```</response>", "```\n<xml/>\n```", ""),
        ("<think>I write <response>so</response>.</think>Plan.<response>Yes.</response>", "Yes.", "Plan."),
        ("I write <response> first.</think>Plan.<response>Yes.</response>", "Yes.", "Plan."),
        ("<response>Reason in <think>a</think>.</response>", "Reason in <think>a</think>.", ""),
        ("<think>cut <response>Yes.</response>", "Yes.", "<think>cut"),
    ],
)
def test_what_stands_between_the_tags_and_around_them(text: str, inside: str, outside: str) -> None:
    assert tagged(reply(text), "response") == (inside, outside)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes.",
        "<response>Yes.",
        "Yes.</response>",
        "</response>Yes.<response>",
        "<response>Yes.</response><response>No.</response>",
        "<response><response>Yes.</response>",
        "<response>Yes.</response></response>",
        "<Response>Yes.</Response>",
        "<think><response>Yes.</response></think>",
    ],
)
def test_a_reply_without_one_pair_of_tags_is_unreadable(text: str) -> None:
    with pytest.raises(ReplyError, match="no single <response>…</response>") as error:
        tagged(reply(text), "response")
    assert error.value.reason == "unreadable"
    assert error.value.response.call == 1


@given(st.text().filter(lambda text: "response>" not in text and "</think>" not in text))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert tagged(reply(f"plan <response>{text}</response>"), "response") == (text.strip(), "plan")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("honesty", ("honesty",)),
        ("Honesty, Completeness", ("honesty", "completeness")),
        ("1. **error_handling**", ("error_handling",)),
        ("honesty and again honesty", ("honesty",)),
        ("not dishonesty but completeness", ("completeness",)),
    ],
)
def test_names_in_the_order_in_which_they_stand(text: str, found: tuple[str, ...]) -> None:
    assert names(reply(text), text, ASPECTS) == found


@pytest.mark.parametrize("text", ["", "wit", "dishonesty"])
def test_no_known_name_is_unreadable(text: str) -> None:
    with pytest.raises(ReplyError, match="none of completeness, error_handling, honesty is named"):
        names(reply(text), text, ASPECTS)


@pytest.mark.parametrize(
    "text",
    [
        "[THINK] is a mark.",
        "It ends by [/THINK], then goes on.",
        "<thoughts> are free",
        "Split at </think> and keep the rest.",
        "The tag `</think>` ends it.",
        "Look for </think>, then go on.",
    ],
)
def test_an_answer_about_the_tag_of_thinking_keeps_its_beginning(text: str) -> None:
    assert without_thinking(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "So it is 4.\n</think>\n\nFour.",
        "So it is 4.</think>Four.",
        "<think>a</think> Four.",
        "So.</think> Four.",
        "So it is\n</think> Four.",
        "[THINK]So it is 4.[/THINK]Four.",
        "\n<thought>\nSo.\n</thought>\n\nFour.",
        "<seed:think>So.</seed:think>Four.",
        "<|channel|>analysis<|message|>So.<|end|><|start|>assistant<|channel|>final<|message|>Four.",
    ],
)
def test_thinking_is_cut_off_wherever_it_was_opened(text: str) -> None:
    assert without_thinking(text) == "Four."


def test_marks_that_were_asked_for_are_part_of_the_answer() -> None:
    text = "<thought>Two and two.</thought>\nFour."
    asked: Message = {"role": "user", "content": "What is 2 + 2? Think in <thought></thought> first."}
    assert whole(Response(text, "m"), (asked,)).text == text
    assert whole(Response(text, "m"), ({**asked, "content": "What is 2 + 2?"},)).text == "Four."


def test_a_response_keeps_the_marks_that_its_prompt_asks_for(tmp_path: Path) -> None:
    asked = "What is 2 + 2? Think within <thought></thought>, then answer."
    text = "<thought>Two and two.</thought>\nIt is four, as everybody knows."

    def script(call: Call) -> Fault | None:
        return Fault(choice={"message": {"content": text}}) if call.body["messages"][-1]["content"] == asked else None

    with ChatServer(script) as server:
        rmboost.generate([asked], tmp_path / "pairs.jsonl", model="test-model", base_url=server.url)
    row = json.loads((tmp_path / "pairs.jsonl").read_text())
    assert text in (row["chosen"], row["rejected"])


@pytest.mark.parametrize("reason", ["stop", "STOP", "eos", "end_turn", "COMPLETE"])
def test_a_whole_answer_is_one_however_its_end_is_spelled(reason: str) -> None:
    assert whole(Response("Four.", "m", reason)).text == "Four."


@pytest.mark.parametrize(
    ("reason", "counted"),
    [
        ("length", "truncated"),
        ("MAX_TOKENS", "truncated"),
        ("content_filter", "filtered"),
        ("content_filter: RECITATION", "filtered"),
        ("SAFETY", "filtered"),
        ("refusal", "filtered"),
        ("function_call_filter: MALFORMED_FUNCTION_CALL", "unfinished"),
        ("tool_calls", "unfinished"),
    ],
)
def test_no_whole_answer_is_told_by_its_reason(reason: str, counted: str) -> None:
    with pytest.raises(ReplyError) as error:
        whole(Response("Fou", "m", reason))
    assert error.value.reason == counted


def test_thinking_that_took_all_the_tokens_is_told_from_a_cut_answer() -> None:
    with pytest.raises(ReplyError, match="before it began"):
        whole(Response("", "m", "length"))


@pytest.mark.parametrize("text", ["", " \n", "<think>Hm.</think>\n"])
def test_a_reply_without_an_answer_is_none(text: str) -> None:
    with pytest.raises(ReplyError) as error:
        whole(Response(text, "m"))
    assert error.value.reason == "empty"


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_makes_thinking_slow_to_find(name: str) -> None:
    text = f"{HOSTILE[name]} </think>' and on"  # in quotes: spoken of, where it does not stand in a fence
    assert without_thinking(text) == ("' and on" if name == "fences" else text.lstrip())
