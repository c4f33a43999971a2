"""The method, call by call: who is asked what, and which response becomes chosen."""

from __future__ import annotations

import asyncio
import re
from itertools import product
from typing import Any

import pytest

from rmboost import aspects, methods, registry
from rmboost.errors import ConfigError, ReplyError
from rmboost.methods import Method
from rmboost.records import Job, Label, Message, Pair, Prompt, Response, Spec
from rmboost.templates import Templates

PROMPT = Prompt("p", ({"role": "user", "content": "Why is the sky blue?"},), plain=True)


def make(reply: str, label: Label, *aspects: str, **options: Any) -> tuple[Pair, list[tuple[str, str, dict[str, Any]]]]:
    """A pair from a model that answers "first" and then ``reply``, and what it was asked."""
    calls: list[tuple[str, str, dict[str, Any]]] = []

    async def ask(role: str, template: str, /, **values: Any) -> Response:
        calls.append((role, template, values))
        return Response("first" if len(calls) == 1 else reply, "m", call=len(calls) - 1)

    method = registry.build("method", methods.CATALOGUE, Method, {"name": "rmboost", **options})
    return asyncio.run(method.make_pair(Job(PROMPT, 0, spec=Spec(label, aspects)), ask)), calls


@pytest.mark.parametrize(("label", "chosen"), [("better", "second"), ("worse", "first")])
def test_the_label_decides_which_is_chosen(label: Label, chosen: str) -> None:
    pair, calls = make("Change it.\n<response>second</response>", label, "completeness", style="plan")
    assert pair.chosen.text == chosen
    assert (pair.first.text, pair.second.text) == ("first", "second")
    assert (pair.label, pair.aspects, pair.plan) == (label, ("completeness",), "Change it.")
    assert [(role, template) for role, template, _ in calls] == [
        ("responder", "respond"),
        ("rewriter", f"rmboost/plan-{label}"),
    ]
    assert calls[0][2] == {"prompt": PROMPT}, "the first response knows nothing of the label"
    assert calls[1][2]["first"] == "first"


@pytest.mark.parametrize(
    "reply", ["no tags", "<response>cut", "</response>wrong<response>", "<response>a</response><response>b</response>"]
)
def test_a_reply_without_its_form_is_never_guessed_at(reply: str) -> None:
    with pytest.raises(ReplyError) as caught:
        make(reply, "worse", "completeness", style="plan")
    assert caught.value.reason == "unreadable"
    assert caught.value.response.call == 1


def test_the_model_picks_the_aspects_and_says_which() -> None:
    reply = "<aspects>honesty, completeness</aspects> Plan. <response>second</response>"
    pair, calls = make(reply, "worse", style="plan", aspects_per_pair="auto")
    assert pair.aspects == ("honesty", "completeness")
    assert calls[1][2]["pick"] is True
    with pytest.raises(ReplyError, match="none of"):
        make("<aspects>humour</aspects><response>s</response>", "worse", style="plan", aspects_per_pair="auto")


def test_several_aspects_are_drawn_around_the_one_of_the_plan() -> None:
    pair, calls = make("<response>s</response>", "worse", "honesty", style="plan", aspects_per_pair=3)
    assert pair.aspects[0] == "honesty"
    assert len(set(pair.aspects)) == 3
    assert [aspect.name for aspect in calls[1][2]["aspects"]] == list(pair.aspects)


def test_direct_style_takes_the_whole_reply_and_shows_demos_that_fit() -> None:
    pair, calls = make("second", "worse", "completeness", style="direct", demos=2)
    assert pair.second.text == "second"
    assert calls[1][:2] == ("rewriter", "rmboost/direct-worse")
    assert len(calls[1][2]["demos"]) == 2


def test_a_worked_example_is_no_answer() -> None:
    _, calls = make("second", "worse", "completeness", style="direct")
    example = calls[1][2]["demos"][0].second
    with pytest.raises(ReplyError) as caught:
        make(example + " Yes.", "worse", "completeness", style="direct")
    assert caught.value.reason == "demo-copy"


def test_contrast_lets_the_drafter_begin_what_is_to_be_better() -> None:
    pair, calls = make("second", "better", "honesty", style="direct", contrast=True)
    assert [call[:2] for call in calls] == [("drafter", "respond"), ("responder", "rmboost/contrast-better")]
    assert pair.chosen.text == "second"
    _, calls = make("second", "worse", "honesty", style="direct", contrast=True)
    assert [call[0] for call in calls] == ["responder", "rewriter"]


@pytest.mark.parametrize("system", [(), ("Be brief.",), ("Be brief.", "Be kind.")])
def test_what_is_to_be_better_is_told_the_aspects_after_the_prompt(system: tuple[str, ...]) -> None:
    turns: tuple[Message, ...] = tuple({"role": "system", "content": text} for text in system)
    aspect = aspects.load("general")["honesty"]
    values = {"prompt": Prompt("p", (*turns, *PROMPT.messages)), "aspects": [aspect], "length": "3 words"}
    told = Templates().render("rmboost/contrast-better", **values, match_length=True)
    assert told[:-1] == turns
    assert str(told).count(aspect.definition[1:]) == str(told).count("3 words") == 1
    assert told[-1]["content"].startswith(f"{PROMPT.text}\n\n(Answer well")
    assert "What matters most in your answer is honesty: whether the response" in told[-1]["content"]


def test_of_two_aspects_one_comes_first() -> None:
    both = [aspects.load("general")[name] for name in ("honesty", "coherence")]
    values = {"prompt": PROMPT, "aspects": both, "length": "3 words", "match_length": False}
    told = Templates().render("rmboost/contrast-better", **values)[-1]["content"]
    assert re.search(r"most in your answer is honesty: whether .*\. What matters next is coherence: \S.*\.\)$", told)


@pytest.mark.parametrize(
    "options",
    [
        {"style": "direct", "aspects_per_pair": "auto"},
        {"style": "plan", "contrast": True},
        {"demos": -1},
        {"style": "plan", "aspects_per_pair": 7},
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make("", "worse", **options)


@pytest.mark.parametrize("style", ["plan", "direct"])
def test_the_length_of_the_first_response_is_ordered_and_written_down(style: str) -> None:
    pair, calls = make("<response>a b</response>", "worse", "completeness", style=style, match_length=True)
    assert pair.evidence == {"target_words": 1}
    assert (calls[1][2]["length"], calls[1][2]["match_length"]) == ("1 word", True)
    pair, calls = make("<response>a b</response>", "worse", "completeness", style=style)
    assert pair.evidence == {}
    assert calls[1][2]["match_length"] is False


def test_every_template_says_the_length_when_it_is_ordered() -> None:
    system = Prompt("p", ({"role": "system", "content": "Be brief."}, PROMPT.messages[0]))
    aspect = aspects.load("general")["completeness"]
    shared: dict[str, Any] = {
        "first": "a b c",
        "label": "better",
        "length": "3 words",
        "aspects": [aspect],
        "pick": False,
    }
    names = [name for name in Templates().names("rmboost/") if "/_" not in name]
    for prompt, template in product((PROMPT, system), names):
        values = {"prompt": prompt, "demos": aspect.demos.better, **shared}
        ordered, free = (str(Templates().render(template, **values, match_length=wanted)) for wanted in (True, False))
        assert "3 words" in ordered
        assert ordered != free
        assert "3 words" not in free or "plan" in template  # which asks for about that much in any case
