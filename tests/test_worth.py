"""Answers that nothing comes of: a run ends before its list is paid for, and one that goes well does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import rmboost
from chat_server import Call, ChatServer, Fault
from rmboost.client.worth import Worth
from rmboost.records import Request, Response
from rmboost.run.summary import Summary

CUT = {"finish_reason": "length", "message": {"content": ""}}
EMPTY = {"message": {"content": None, "reasoning": "Hm."}}


def generate(
    tmp_path: Path, script: Callable[[Call], Fault | None], prompts: int = 100, concurrency: int = 4, **settings: Any
) -> tuple[Summary, int]:
    """How a run ended, and how many requests it took."""
    listed = [f"What is {n} plus one?" for n in range(prompts)]
    with ChatServer(script) as server:
        place: dict[str, Any] = {"model": "test-model", "base_url": server.url, "concurrency": concurrency}
        summary = rmboost.generate(listed, tmp_path / "pairs.jsonl", **place, **settings)
    return summary, len(server.calls)


@pytest.mark.parametrize(
    ("choice", "words"), [(CUT, "before it began"), (EMPTY, "holds no answer"), (CUT | {"finish_reason": "?"}, "'?'")]
)
def test_where_not_one_answer_is_whole_the_run_ends(tmp_path: Path, choice: Mapping[str, Any], words: str) -> None:
    summary, calls = generate(tmp_path, lambda _: Fault(choice=choice), responder__max_tokens=50)
    assert (summary.status, summary.cause) == ("stopped", "failures")
    assert "not one of 20 answers of the responder is whole" in summary.reason and words in summary.reason
    assert ("give it more: --set responder.max_tokens=2000 (" in summary.reason) == (words == "before it began")
    assert summary.left_to_do.endswith("; when that is mended, the same command goes on from here")
    assert 20 <= calls <= 24, "those in flight are let come in"


def without_tags(call: Call) -> Fault | None:
    """Second responses that nothing can be read from."""
    return Fault(choice={"message": {"content": "Words."}}) if "<response>" in str(call.body) else None


def test_where_nothing_can_be_read_of_whole_answers_the_run_ends_and_each_command_tries_once_more(
    tmp_path: Path,
) -> None:
    before = 0
    for _ in range(2):
        summary, _ = generate(tmp_path, without_tags, prompts=400, draws=1)
        assert (summary.status, summary.cause, summary.tally.kept) == ("stopped", "failures", 0)
        tried = before + 50
        assert summary.reason == f"not one of {tried} jobs has made a pair: unreadable {tried}"
        before = summary.tally.rejected["unreadable"]
        assert tried <= before < tried + 50, "those in flight are let come in"


@pytest.mark.parametrize("settings", [{"prompts": 50}, {"max_failures": 60}])
def test_who_wants_to_can_pay_for_all_of_it(tmp_path: Path, settings: dict[str, Any]) -> None:
    summary, _ = generate(tmp_path, without_tags, **{"prompts": 60, "draws": 1, **settings})
    assert (summary.status, summary.tally.rejected.total()) == ("finished", settings.get("prompts", 60))


def test_one_pair_is_enough_to_go_on(tmp_path: Path) -> None:
    def script(call: Call) -> Fault | None:
        return None if "What is 7 plus" in str(call.body) else without_tags(call)

    summary, _ = generate(tmp_path, script, draws=1)
    assert (summary.status, summary.tally.kept, summary.tally.settled) == ("finished", 1, 100)


def test_a_role_that_gave_one_whole_answer_is_asked_on(tmp_path: Path) -> None:
    script = [None, None]
    summary, _ = generate(
        tmp_path, lambda _: script.pop() if script else Fault(choice=CUT), concurrency=1, prompts=30, max_failures=5
    )
    assert (summary.status, summary.tally.kept) == ("finished", 1)


def test_pairs_are_kept_without_a_verdict_and_do_not_speak_for_the_judge(tmp_path: Path) -> None:
    def script(call: Call) -> Fault | None:
        return Fault(choice=CUT) if "You judge responses" in str(call.body) else None

    for _ in range(2):
        summary, _ = generate(tmp_path, script, verify__sample="all")
        assert summary.tally.kept > 0
        assert (summary.status, summary.cause) == ("stopped", "failures")
        assert "answers of the judge" in summary.reason


def test_empty_answers_that_come_sooner_than_whole_ones_do_not_end_the_run(tmp_path: Path) -> None:
    empty = {f"What is {n} plus one?" for n in range(0, 40, 3)}

    def script(call: Call) -> Fault | None:
        return Fault(choice=EMPTY) if call.body["messages"][-1]["content"] in empty else Fault(delay=0.3)

    summary, _ = generate(tmp_path, script, prompts=40, concurrency=20, max_failures=5)
    assert (summary.status, summary.tally.rejected["empty"]) == ("finished", len(empty))


def test_a_large_limit_is_doubled_where_the_settings_of_the_role_stand(tmp_path: Path) -> None:
    judges = {"strict": {"model": "test-model", "max_tokens": 3000}}
    verify = {"sample": "all", "judge": {"name": "pairwise", "role": "strict"}}

    def script(call: Call) -> Fault | None:
        return Fault(choice=CUT) if "You judge responses" in str(call.body) else None

    summary, _ = generate(tmp_path, script, judges=judges, verify=verify)
    assert "give it more: --set judges.strict.max_tokens=6000" in summary.reason, summary.reason


def test_a_limit_that_is_left_out_is_not_the_one_to_be_made_larger(tmp_path: Path) -> None:
    limits = {"max_tokens": None, "max_completion_tokens": 50}
    summary, _ = generate(tmp_path, lambda _: Fault(choice=CUT), responder__extra=limits)
    assert "give it more: --set responder.extra.max_completion_tokens=2000 (" in summary.reason


def test_answers_that_no_setting_cuts_are_cut_by_the_server(tmp_path: Path) -> None:
    summary, _ = generate(tmp_path, lambda _: Fault(choice=CUT))
    assert summary.reason.endswith("no setting limits it: its context is full, or the server has a limit of its own")


def test_answers_that_fill_the_context_of_an_embedded_model() -> None:
    response = Response("", "local:big.gguf", "length")
    said = Worth(1, ()).paid("judge", b"", Request((), 0), response, "judges.strict")
    assert said.endswith("its context is full; a larger one: --set judges.strict.options.context=16384")


def test_answers_that_a_filter_took_are_their_prompts_fault(tmp_path: Path) -> None:
    summary, _ = generate(tmp_path, lambda _: Fault(choice={"finish_reason": "content_filter"}), prompts=10)
    assert summary.status == "finished"


def test_an_empty_first_response_is_not_sent_to_be_edited(tmp_path: Path) -> None:
    def script(call: Call) -> Fault | None:
        return Fault(choice=EMPTY) if call.body["messages"][-1]["content"] == "What is 1 plus one?" else None

    _, calls = generate(tmp_path, script, prompts=2, concurrency=1)
    assert calls == 2 + 4, "a pair, and four draws of a first response"
