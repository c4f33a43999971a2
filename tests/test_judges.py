"""Judges and scorers: who is asked what, in which order, and what becomes of ties and of replies nobody can read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import log
from typing import Any

import pytest

from rmboost import aspects
from rmboost.errors import BackendError, ConfigError, EndpointError, ReplyError, TransientError
from rmboost.judges import Scores, Verdict, judge, scorer
from rmboost.records import Prompt, Response, Usage

PROMPT = Prompt("p", ({"role": "user", "content": "Why is the sky blue?"},), plain=True)
COMPLETENESS = aspects.load("general")["completeness"]
HONESTY = aspects.load("general")["honesty"]

Reply = str | Response | Exception
Model = Callable[[Mapping[str, Any]], Reply]


class Asked:
    """``ask`` over a function of role, draw and what the template is given; it numbers calls as the client does."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.calls: list[dict[str, Any]] = []
        self._next = 0

    async def __call__(
        self, role: str, template: str, /, *, logprobs: int = 0, again: Response | None = None, **values: Any
    ) -> Response:
        call, draw = (again.call, again.draw + 1) if again else (self._next, 0)
        self._next += not again
        self.calls.append(
            {"role": role, "template": template, "logprobs": logprobs, "call": call, "draw": draw, **values}
        )
        await asyncio.sleep(0)
        reply = self._model({"role": role, "draw": draw, **values})
        if isinstance(reply, ReplyError):
            raise ReplyError(reply.reason, reply.detail, replace(reply.response, call=call, draw=draw))
        if isinstance(reply, Exception):
            raise reply
        answer = reply if isinstance(reply, Response) else Response(reply, "m", usage=Usage(10, 1))
        return replace(answer, call=call, draw=draw)


def letter(p_a: float) -> Response:
    """A reply with the log-probabilities of its letter."""
    written, other = ("A", "B") if p_a >= 0.5 else ("B", "A")
    p = max(p_a, 1 - p_a)
    return Response(written, "m", usage=Usage(10, 1), top=({written: log(p), other: log(1 - p)},))


def compare(model: Model, **options: Any) -> tuple[Verdict, list[dict[str, Any]]]:
    """The verdict on "x" (first) and "y" (second)."""
    ask = Asked(model)
    return asyncio.run(judge({"name": "pairwise", **options}).compare(PROMPT, "x", "y", ask)), ask.calls


def prefers(text: str) -> Model:
    return lambda given: "A" if given["a"] == text else "B"


def test_both_orders_go_out_together_in_a_fixed_order() -> None:
    verdict, calls = compare(lambda given: letter(0.8 if given["a"] == "x" else 0.3))
    assert [(call["a"], call["b"], call["call"]) for call in calls] == [("x", "y", 0), ("y", "x", 1)]
    assert {(call["role"], call["template"], call["logprobs"]) for call in calls} == {("judge", "judge/pairwise", 20)}
    assert verdict.shown == pytest.approx((0.8, 0.7))
    assert verdict.p_first == pytest.approx(0.75)
    assert (verdict.winner, verdict.orders_agree, verdict.soft, verdict.votes) == ("first", True, True, 2)
    assert (verdict.model, verdict.usage) == ("m", Usage(20, 2))


@pytest.mark.parametrize(
    ("ahead", "behind", "winner", "agree"),
    [
        (0.9, 0.6, "first", True),
        (0.4, 0.1, "second", True),
        (0.9, 0.4, "tie", False),
        (0.4, 0.9, "tie", False),
        (0.5, 0.5, "tie", True),
        (0.9, 0.5, "tie", False),
        (None, 0.9, "unreadable", None),
        (0.9, None, "unreadable", None),
    ],
)
def test_orders_that_disagree_are_a_tie_and_never_a_coin(
    ahead: float | None, behind: float | None, winner: str, agree: bool | None
) -> None:
    verdict = Verdict((ahead, behind), 2, True, "m")
    assert (verdict.winner, verdict.orders_agree) == (winner, agree)
    assert (verdict.p_first is None) == (winner == "unreadable")


def test_a_judge_that_always_names_the_same_place_has_no_preference() -> None:
    verdict, _ = compare(lambda _: letter(0.99))
    assert verdict.winner == "tie"
    assert verdict.p_first == pytest.approx(0.5)


def test_votes_are_counted_where_the_server_tells_no_probabilities() -> None:
    def model(given: Mapping[str, Any]) -> str:
        return "B" if given["a"] == "y" or given["draw"] == 1 else "A"

    verdict, calls = compare(model, votes=3)
    assert verdict.shown == pytest.approx((2 / 3, 1.0))
    assert (verdict.winner, verdict.soft, verdict.votes) == ("first", False, 6)
    assert sorted((call["call"], call["draw"]) for call in calls) == [(n, draw) for n in (0, 1) for draw in (0, 1, 2)]


def test_votes_can_be_wanted_where_it_does_tell_them() -> None:
    verdict, calls = compare(lambda given: "A" if given["a"] == "x" else "B", votes=1, logprobs=0)
    assert (verdict.shown, verdict.votes, {call["logprobs"] for call in calls}) == ((1.0, 1.0), 2, {0})


@pytest.mark.parametrize(
    "text",
    [
        *("{}", " {}\n", "**{}**", "Response {}", "Answer: {}.", "({})", "[[{}]]", "Verdict: **{}**", "Option {}"),
        *(r"\boxed{{{}}}", r"$\boxed{{\text{{{}}}}}$", "Final answer: **{}**", '{{"verdict": "{}"}}', "```\n{}\n```"),
        *(
            "The better answer is {}.",
            "Answer {} is better.",
            "**{}** is the better response",
            "response_{}",
            "<response_{}>",
            "_{}_",
            "_{}_ is better",
            "**_{}_** is the better response",
        ),
    ],
)
@pytest.mark.parametrize("letters", ["AB", "ab"])
def test_a_letter_in_the_usual_clothes_is_read(text: str, letters: str) -> None:
    verdict, _ = compare(lambda given: text.format(letters[given["a"] != "x"]))
    assert verdict.winner == "first"


@pytest.mark.parametrize(
    "text",
    [
        *("", "C", "A or B", "Both are good", "A good answer is B", "A better answer is B", "AB", "Neither", "1", "Α"),
        *("A is not better", "Not A", "A better answer", "Answer A: B", "A is better than B", "&lt;verdict&gt;A"),
        *("A_B", "response_a_b", "not_A", "a_better_answer"),
    ],
)
def test_anything_else_is_asked_for_again_and_then_unreadable_but_never_a_vote(text: str) -> None:
    verdict, calls = compare(lambda given: text if given["a"] == "x" else "B", tries=2, votes=1)
    assert (verdict.winner, verdict.p_first, verdict.orders_agree) == ("unreadable", None, None)
    assert verdict.shown == (None, 1.0)
    assert "neither A nor B" in verdict.problem
    assert [(call["call"], call["draw"]) for call in calls if call["a"] == "x"] == [(0, 0), (0, 1)]


@pytest.mark.parametrize("readable", [0, 1, 2])
def test_fewer_votes_than_were_ordered_are_no_verdict_and_no_score(readable: int) -> None:
    """One reply that could be read among many that could not was a verdict."""
    verdict, calls = compare(lambda given: "A" if given["draw"] < readable else "hm", votes=3, tries=3)
    assert (verdict.winner, verdict.shown, verdict.votes) == ("unreadable", (None, None), 2 * readable)
    assert len(calls) == 2 * (readable + 3)
    scores, _ = score(lambda given: "4" if given["draw"] < readable else "hm", votes=3, tries=3)
    assert scores.mean is None


def test_votes_between_which_some_replies_cannot_be_read_count_once_there_are_enough() -> None:
    verdict, calls = compare(lambda given: "hm" if given["draw"] % 2 else prefers("x")(given), votes=3, tries=3)
    assert (verdict.winner, verdict.votes, len(calls)) == ("first", 6, 10)


def test_a_reply_that_is_read_at_last_counts() -> None:
    verdict, _ = compare(lambda given: "hm" if given["draw"] < 2 else prefers("y")(given), votes=1, tries=3)
    assert (verdict.winner, verdict.votes) == ("second", 2)
    assert verdict.usage == Usage(60, 6), "what could not be read was paid for"


def test_cut_and_filtered_replies_are_unreadable_as_well() -> None:
    cut = ReplyError("truncated", "the answer was cut", Response("half", "m", usage=Usage(5, 5)))
    verdict, calls = compare(lambda _: cut, tries=2)
    assert (verdict.winner, verdict.problem, len(calls)) == ("unreadable", "truncated: the answer was cut", 4)


def test_what_the_server_will_never_answer_is_unreadable_and_not_asked_again() -> None:
    verdict, calls = compare(lambda _: BackendError("the prompt is too long"))
    assert (verdict.winner, verdict.problem, len(calls)) == ("unreadable", "the prompt is too long", 2)


@pytest.mark.parametrize("error", [TransientError("busy"), EndpointError("wrong key")])
def test_what_it_may_answer_later_is_no_verdict(error: BackendError) -> None:
    with pytest.raises(type(error), match=str(error)):
        compare(lambda _: error)


def test_reasoning_first_and_then_a_verdict_between_tags() -> None:
    def model(given: Mapping[str, Any]) -> str:
        return f"A is long, B is short.\n<verdict>{'A' if given['a'] == 'x' else 'B'}</verdict>"

    verdict, calls = compare(model, reasoning=True, votes=1)
    assert verdict.winner == "first"
    assert calls[0]["template"] == "judge/pairwise-reason"
    assert compare(lambda _: "It is A.", reasoning=True)[0].winner == "unreadable"


def test_the_probabilities_of_a_verdict_after_reasoning_are_those_of_its_place() -> None:
    thought = [{"A": log(0.5), "B": log(0.5)}, {" first": 0.0}, {"<verdict>": 0.0}]

    def model(_: Mapping[str, Any]) -> Response:
        return Response(
            "A first<verdict>A</verdict>", "m", top=(*thought, {"A": log(0.9), "B": log(0.1)}, {"</verdict>": 0.0})
        )

    assert compare(model, reasoning=True)[0].shown == pytest.approx((0.9, 0.1))


def test_also_where_the_letter_or_the_number_comes_again_after_the_tags() -> None:
    def letter_again(_: Mapping[str, Any]) -> Response:
        top = ({"<verdict>": 0.0}, {"A": log(0.9), "B": log(0.1)}, {"</verdict>": 0.0}, {" As": 0.0}, {" A": log(0.99)})
        return Response("<verdict>A</verdict> As A", "m", top=top)

    def number_again(_: Mapping[str, Any]) -> Response:
        top = ({"<score>": 0.0}, {"3": log(0.5), "5": log(0.5)}, {"</score>": 0.0}, {" of ": 0.0}, {"3": 0.0})
        return Response("<score>3</score> of 3", "m", top=top)

    assert compare(letter_again, reasoning=True)[0].shown == pytest.approx((0.9, 0.1))
    assert score(number_again, reasoning=True)[0].mean == pytest.approx(4.0)


def test_the_aspects_are_handed_to_the_template() -> None:
    ask = Asked(prefers("x"))
    asyncio.run(judge("pairwise").compare(PROMPT, "x", "y", ask, [COMPLETENESS]))
    assert ask.calls[0]["aspects"] == [COMPLETENESS]


# A panel


def panel(rule: str, *members: tuple[float | str, float | str]) -> Verdict:
    """What a panel makes of members that say this, with x first and with y first."""
    says = {f"j{number}": member for number, member in enumerate(members)}

    def model(given: Mapping[str, Any]) -> Reply:
        said = says[given["role"]][0 if given["a"] == "x" else 1]
        return said if isinstance(said, str) else letter(said if given["a"] == "x" else 1 - said)

    given = {"name": "panel", "members": list(says), "rule": rule}
    return asyncio.run(judge(given).compare(PROMPT, "x", "y", Asked(model)))


def test_a_panel_takes_the_mean_of_its_members() -> None:
    verdict = panel("mean", (0.9, 0.9), (0.6, 0.4), (0.2, 0.3))
    assert verdict.shown == pytest.approx((1.7 / 3, 1.6 / 3))
    assert verdict.winner == "first"
    assert verdict.agreement == pytest.approx(1 / 3), "one of three says first, one ties, one says second"
    assert (len(verdict.members), verdict.votes) == (3, 6)


def test_a_panel_by_majority_does_not_weigh_how_sure_its_members_are() -> None:
    assert panel("majority", (0.99, 0.99), (0.4, 0.4), (0.4, 0.4)).winner == "second"
    assert panel("mean", (0.99, 0.99), (0.4, 0.4), (0.4, 0.4)).winner == "first"


def test_who_cannot_be_read_has_no_say() -> None:
    verdict = panel("mean", ("?", "?"), (0.9, 0.8), (0.7, 0.8))
    assert (verdict.winner, verdict.agreement) == ("first", 1.0)
    assert panel("mean", ("?", "?"), ("?", 0.9)).winner == "unreadable"


@pytest.mark.parametrize(
    ("rule", "members", "soft"),
    [
        ("mean", [(0.9, 0.9), (0.6, 0.4)], True),
        ("mean", [(0.9, 0.9), ("?", "?"), ("?", 0.9)], True),
        ("mean", [(0.9, 0.9), ("A", "A")], False),
        ("mean", [("?", "?"), ("?", 0.9)], False),
        ("majority", [(0.9, 0.9), (0.6, 0.4)], False),
    ],
    ids=["all tell probabilities", "those without a say", "votes of one", "nobody could be read", "a share of members"],
)
def test_a_panel_is_soft_where_its_figure_is_made_of_the_models_own(
    rule: str, members: list[tuple[float | str, float | str]], soft: bool
) -> None:
    assert panel(rule, *members).soft is soft


def test_the_roles_of_a_panel_are_those_of_its_members() -> None:
    given = {"name": "panel", "members": ["judge", {"name": "pairwise", "role": "llama"}, "judge"]}
    assert judge(given).roles == ("judge", "llama")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"members": ["judge"]}, "at least 2 items"),
        ({"members": "judge"}, "a list of roles"),
        ({"members": ["a", {"name": "pairwise", "vots": 1}]}, "vots: no such option"),
        ({"members": ["a", {"name": "oracle"}]}, "unknown judge 'oracle'"),
    ],
)
def test_a_panel_that_cannot_be_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        judge({"name": "panel", **given})


# Scores


def score(model: Model, *asked: aspects.Aspect, **options: Any) -> tuple[Scores, list[dict[str, Any]]]:
    ask = Asked(model)
    return asyncio.run(scorer({"name": "rubric", **options}).score(PROMPT, "x", ask, asked)), ask.calls


def number(**chances: float) -> Response:
    """A reply with the log-probabilities of its number; ``_4`` stands for 4."""
    top = {name[1:]: log(p) for name, p in chances.items()}
    return Response(next(iter(top)), "m", usage=Usage(10, 1), top=(top,))


def test_one_question_an_aspect_and_the_expected_score_of_each() -> None:
    def model(given: Mapping[str, Any]) -> Response:
        return number(_4=0.5, _5=0.5) if given["aspect"] == HONESTY else number(_2=1.0)

    scores, calls = score(model, COMPLETENESS, HONESTY)
    assert scores.values == {"completeness": 2.0, "honesty": 4.5}
    assert (scores.mean, scores.soft, scores.usage) == (3.25, True, Usage(20, 2))
    assert [(call["call"], call["template"], call["low"], call["high"]) for call in calls] == [
        (0, "judge/rubric", 1, 5),
        (1, "judge/rubric", 1, 5),
    ]


def test_without_aspects_one_score_for_the_whole() -> None:
    scores, calls = score(lambda given: str(given["draw"] + 1), votes=3, high=10)
    assert (scores.values, scores.mean, scores.soft) == ({"overall": 2.0}, 2.0, False)
    assert calls[0]["aspect"] is None


@pytest.mark.parametrize(
    "text",
    [
        *("4", " 4\n", "**4**", "Score: 4", "4/5", "4 out of 5", "Rating: 4.", "[[4]]", "4.0", "４", "4 points"),
        *("**4**/5", "4 (out of 5)", "**Score:** 4/5", r"\boxed{4}", '{"score": 4}', "The overall score is 4.", "- 4"),
        *("_4_", "**_4_**", "rating_4", "_Score: 4_", "_4_ / 5"),
    ],
)
def test_a_number_in_the_usual_clothes_is_read(text: str) -> None:
    assert score(lambda _: text, votes=1)[0].mean == 4.0


@pytest.mark.parametrize(
    "text",
    [
        *("", "good", "6", "0", "-4", "4.5", "4 5", "44", "4/10", "four", "4 because 5", "100", "11/10", "N/A", "4-5"),
        *("Score: -4", "\u22124", "Score: .4", '{"score": -4}', "4%", "4,5", "4.05", "4/-5", "vier", "quatre", "四"),
        *("4_5", "-_4"),
    ],
)
def test_anything_else_is_no_score(text: str) -> None:
    scores, calls = score(lambda _: text, votes=1, tries=2)
    assert (scores.values, scores.mean) == ({"overall": None}, None)
    assert "no number from 1 to 5" in scores.problem
    assert len(calls) == 2


def test_a_mean_without_one_of_its_aspects_would_be_another_measure() -> None:
    scores, _ = score(lambda given: "5" if given["aspect"] == HONESTY else "?", COMPLETENESS, HONESTY)
    assert scores.values == {"completeness": None, "honesty": 5.0}
    assert scores.mean is None


def test_a_score_after_reasoning() -> None:
    scores, calls = score(lambda _: "It has 2 faults.\n<score>3</score>", reasoning=True, votes=1)
    assert (scores.mean, calls[0]["template"]) == (3.0, "judge/rubric-reason")


@pytest.mark.parametrize(
    ("end", "found"),
    [
        ("Score: 3", 3),
        ("**Final score: 3/5**", 3),
        ("Sum: 3.", 3),
        ("_Score: 3_", 3),
        ("Summary: 3", None),
        ("The total score is 3\n\n", 3),
        ("Score: 3 of 4 facts are right", None),
        ("Score: -3", None),
        ("Score: 9", None),
        ("Score: <score>3", None),
        ("3", None),
        ("Total: 3 faults", None),
        ("There are 3 scores", None),
    ],
)
def test_a_last_line_that_is_the_score_will_do(end: str, found: int | None) -> None:
    scores, _ = score(lambda _: f"Score: 1 would be too little, as it is right.\n{end}", reasoning=True, votes=1)
    assert scores.mean == found


def test_its_probabilities_are_those_of_the_last_line() -> None:
    def model(_: Mapping[str, Any]) -> Response:
        top = ({"3": 0.0}, {" is fine\n": 0.0}, {"Score: ": 0.0}, {"3": log(0.5), "5": log(0.5)})
        return Response("3 is fine\nScore: 3", "m", top=top)

    assert score(model, reasoning=True)[0].mean == pytest.approx(4.0)


@pytest.mark.parametrize("options", [{"low": 5, "high": 5}, {"low": 0, "high": 11}, {"low": -1}])
def test_what_is_no_scale_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        scorer({"name": "rubric", **options})
