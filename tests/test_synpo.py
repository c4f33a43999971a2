"""SynPO: prompts from keywords, and an improved response chosen over the initial one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conftest import Shell, read_jsonl, write_jsonl
from rmboost.errors import ReplyError
from rmboost.methods.synpo import keywords
from rmboost.records import Prompt, content_id
from scripted import PROMPT, make

REPLIES = {
    "respond": "first",
    "synpo/improve": "Better: <response>second</response>",
    "synpo/prompt": "<instruction>How do tides follow the moon?</instruction>",
}
NOTE = Prompt(
    "note",
    ({"role": "user", "content": "The currents follow the planets, as sailors always know."},),
    metadata={"n": 1},
)


def test_the_improved_response_is_chosen() -> None:
    pair, script = make("synpo", REPLIES)
    assert script.asked == [("responder", "respond"), ("rewriter", "synpo/improve")]
    assert script.calls[0].values == {"prompt": PROMPT}
    assert script.calls[1].values["first"] == "first"
    assert (pair.chosen.text, pair.rejected.text, pair.label) == ("second", "first", "better")
    assert pair.prompt is PROMPT
    assert pair.evidence == {}


def test_a_prompt_is_made_of_keywords_and_the_pair_is_on_it() -> None:
    pair, script = make("synpo", REPLIES, prompt=NOTE, generate_prompts=True)
    assert [call.template for call in script.calls] == ["synpo/prompt", "respond", "synpo/improve"]
    drawn = script.calls[0].values["keywords"]
    assert len(set(drawn)) == 3
    assert set(drawn) <= {"currents", "follow", "planets", "sailors", "always"}
    assert script.calls[1].values == {"prompt": pair.prompt}
    assert pair.prompt.messages == ({"role": "user", "content": "How do tides follow the moon?"},)
    assert pair.prompt.id == content_id(pair.prompt.messages), "it is another prompt, and has an id of its own"
    assert pair.prompt.metadata == {"n": 1}
    assert pair.evidence == {"keywords": drawn, "source": "note"}


def test_keywords_are_drawn_by_the_job() -> None:
    def drawn(seed: int) -> list[str]:
        made, _ = make("synpo", REPLIES, prompt=NOTE, seed=seed, generate_prompts=True, keywords=2)
        return list(made.evidence["keywords"])

    assert drawn(0) == drawn(0)
    assert len({tuple(drawn(seed)) for seed in range(10)}) > 3
    assert {len(drawn(seed)) for seed in range(10)} == {2}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The planets, the Planets and PLANETS follow the sun.", ["PLANETS", "follow"]),
        ("Go to bed", ["Go", "to", "bed"]),
        ("Why?", ["Why"]),
        ("the only longer word", ["the", "only", "longer", "word"]),
        ("潮汐为什么跟着月亮走，水手都知道。", ["潮汐为什么跟着月亮走", "水手都知道"]),
        ("???", ["???"]),
        ("python_package_name and another", ["python", "package", "another"]),
    ],
)
def test_keywords_are_the_different_long_words(text: str, found: list[str]) -> None:
    assert list(keywords(text)) == found


@pytest.mark.parametrize(
    ("template", "reply", "call"),
    [
        ("synpo/prompt", "How do tides follow the moon?", 0),
        ("synpo/prompt", "<instruction>\n</instruction>", 0),
        ("synpo/improve", "second", 2),
    ],
)
def test_a_reply_without_its_form_is_drawn_again(template: str, reply: str, call: int) -> None:
    with pytest.raises(ReplyError) as caught:
        make("synpo", {**REPLIES, template: reply}, prompt=NOTE, generate_prompts=True)
    assert (caught.value.reason, caught.value.response.call) == ("unreadable", call)


def test_rows_on_new_prompts_are_resumed_and_proved(rmboost: Shell, tmp_path: Path) -> None:
    notes = [
        {"id": f"note-{n}", "prompt": f"Note {n}: currents follow the planets, as sailors always know."}
        for n in range(12)
    ]
    command = ("generate", write_jsonl(tmp_path / "notes.jsonl", notes), "--method", "synpo", "--model", "fake")
    more = ("--set", "method.generate_prompts=true")
    assert rmboost(*command, *more, "-o", tmp_path / "a.jsonl").code == 0
    assert rmboost(*command, *more, "-o", tmp_path / "b.jsonl", "--max-calls", "11").code == 6
    assert rmboost(*command, *more, "-o", tmp_path / "b.jsonl").code == 0
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert rmboost("verify", tmp_path / "b.jsonl").code == 0
    rows = read_jsonl(tmp_path / "a.jsonl")
    assert [json.loads(row["rmboost"]["evidence"])["source"] for row in rows] == [note["id"] for note in notes]
    for row in rows:
        assert row["prompt"].startswith("Is it so that ")
        assert row["id"] == content_id(({"role": "user", "content": row["prompt"]},))
    judged = rmboost("judge", tmp_path / "a.jsonl", "-o", tmp_path / "judged.jsonl", "--model", "fake")
    assert judged.code == 0, judged.err


def test_a_reject_shows_the_prompt_that_its_responses_answer(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    done = rmboost(
        *("generate", prompts, "-o", tmp_path / "o.jsonl", "--method", "synpo", "--model", "fake", "--set", "draws=1"),
        *("--set", "method.generate_prompts=true", "--set", "checks=[{name: similarity, max_similarity: 0.3}]"),
    )
    assert done.code == 0, done.err
    rejects = read_jsonl(tmp_path / "o.run" / "rejects.jsonl")
    assert rejects
    for reject in rejects:
        assert reject["prompt"].startswith("Is it so that ")
        assert reject["metadata"].keys() == {"source"}
