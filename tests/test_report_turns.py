"""The figures of a report on prompts of several turns, with a system text, or with none at all."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from conftest import write_jsonl
from rmboost.report.report import Report, examine
from test_report_figures import pair, text, value

QUESTION = "What is the capital of Chad?"


def system(words: str) -> dict[str, str]:
    return {"role": "system", "content": words}


def user(words: str) -> dict[str, str]:
    return {"role": "user", "content": words}


def assistant(words: str) -> dict[str, str]:
    return {"role": "assistant", "content": words}


def report(folder: Path, prompts: list[Any], *against: Path) -> Report:
    random = Random(0)
    rows = [pair(random, number, prompt=prompt) for number, prompt in enumerate(prompts)]
    return examine(write_jsonl(folder / "pairs.jsonl", rows), against, size=0)


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        (QUESTION, 1),
        ([system("Be brief."), user(QUESTION)], 1),
        ([user("Hi"), assistant("Hello"), user(QUESTION)], 1),
        ([user(QUESTION), assistant("Hello"), user(QUESTION)], 1),
        ([system("Be brief."), user("Hi"), assistant("Yes"), user("Why?")], 0),
    ],
)
def test_a_short_question_of_a_benchmark_is_found_among_other_turns(tmp_path: Path, prompt: Any, found: int) -> None:
    rows = [{"question": QUESTION, "choices": ["yes", "no"], "prefix": "Be brief"}]
    against = write_jsonl(tmp_path / "bench.jsonl", rows)
    made = report(tmp_path, [prompt, [system("Be brief."), user("What else?")]], against)
    for n in (8, 13):
        assert value(made, f"contaminated_prompts_{n}") == found / 2
    assert [overlap.examples for overlap in made.overlaps] == 2 * [(("what is the capital of chad", 1),) * found]


def test_questions_under_one_long_system_text_are_no_near_duplicates(tmp_path: Path) -> None:
    random = Random(1)
    shared = system(text(random, 200))
    questions = [f"Question {number} about {text(random, 4)}" for number in range(40)]
    long = text(random, 60)
    questions[:2] = [f"{long} one", f"{long} two"]
    made = report(tmp_path, [[shared, user(question)] for question in questions])
    assert (made.prompts.texts, made.prompts.near) == (40, 2)
    assert made.prompts.examples == ((questions[0][:159] + "…", questions[1][:159] + "…"),)


def test_the_prompt_of_a_system_text_alone_is_that_text(tmp_path: Path) -> None:
    long = text(Random(2), 60)
    assert report(tmp_path, [[system(f"{long} one")], [system(f"{long} two")]]).prompts.near == 2


def test_pairs_without_a_prompt_are_no_pairs_of_one_prompt(tmp_path: Path) -> None:
    made = report(tmp_path, [None, "", " ", None, "Why?", "Why?"])
    assert made.table.places("prompt").tolist() == [0, 1, 2, 3, 4, 4]
    assert (made.prompts.texts, made.prompts.repeated) == (1, 1)
