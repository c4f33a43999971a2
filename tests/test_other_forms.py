"""Forms that name no chosen response: the hint for each is a command that makes the right pairs of it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell, turns, write_jsonl
from rmboost.errors import InputError
from rmboost.preferences import Preferences, parse
from rmboost.preferences.others import FORMS, SEVERAL

GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "other-forms.md"


def arena(a: str, b: str, winner: str) -> dict[str, Any]:
    sides = {"conversation_a": turns("Q?", a), "conversation_b": turns("Q?", b)}
    return {"model_a": "x", "model_b": "y", "winner": winner, "judge": "arena_user_1", **sides}


def lmarena(a: str, b: str, winner: str) -> dict[str, Any]:
    won = {f"winner_{name}": int(name == winner) for name in ("model_a", "model_b", "tie")}
    return {"id": 1, "prompt": json.dumps(["Q?"]), "response_a": json.dumps([a]), "response_b": json.dumps([b]), **won}


def helpsteer3(a: str, b: str, preference: int) -> dict[str, Any]:
    return {"context": turns("Q?"), "response1": a, "response2": b, "overall_preference": preference}


def helpsteer2_preference(a: str, b: str, strength: int) -> dict[str, Any]:
    return {"prompt": "Q?", "response_1": a, "response_2": b, "preference_strength": strength}


def helpsteer2(text: str, helpfulness: int, prompt: str = "Q?") -> dict[str, Any]:
    return {"prompt": prompt, "response": text, "helpfulness": helpfulness, "verbosity": 2}


def pku(a: str, b: str, better: int) -> dict[str, Any]:
    return {"prompt": "Q?", "response_0": a, "response_1": b, "better_response_id": better, "safer_response_id": 0}


def shp(a: str, b: str, label: int) -> dict[str, Any]:
    return {"history": "Q?", "human_ref_A": a, "human_ref_B": b, "labels": label, "score_A": 3, "score_B": 4}


def webgpt(a: str, b: str, score: float) -> dict[str, Any]:
    question = {"dataset": "eli5", "id": "1", "full_text": "Q?"}
    return {"question": question, "answer_0": a, "score_0": score, "answer_1": b, "score_1": -score}


def summaries(a: str, b: str, choice: int) -> dict[str, Any]:
    return {"info": {"post": "Q?", "title": "T"}, "summaries": [{"text": a}, {"text": b}], "choice": choice}


def judgebench(a: str, b: str, label: str) -> dict[str, Any]:
    return {"question": "Q?", "response_A": a, "response_B": b, "label": label}


def nectar(*ranked: tuple[str, float]) -> dict[str, Any]:
    answers = [{"answer": text, "model": "m", "rank": rank} for text, rank in ranked]
    return {"prompt": "\n\nHuman: Q?\n\nAssistant: ", "answers": answers, "turns": 1}


def ultrafeedback(*scored: tuple[str, float]) -> dict[str, Any]:
    answers = [{"response": text, "fine-grained_score": score, "overall_score": 1} for text, score in scored]
    return {"instruction": "Q?", "models": ["x"], "completions": answers}


def distilabel(texts: list[str], ratings: list[float | None]) -> dict[str, Any]:
    return {"instruction": "Q?", "generations": texts, "ratings": ratings}


def nemo(*ranked: tuple[str, int]) -> dict[str, Any]:
    return {"context": turns("Q?"), "completions": [{"rank": n, "completion": turns("", t)[1:]} for t, n in ranked]}


def kto(text: str, label: bool, prompt: str = "Q?") -> dict[str, Any]:
    return {"prompt": prompt, "completion": text, "label": label}


ROWS: dict[str, list[dict[str, Any]]] = {
    "Chatbot Arena": [
        arena("yes", "no", "model_a"),
        arena("no", "yes", "model_b"),
        arena("a", "b", "tie"),
        arena("a", "b", "tie (bothbad)"),
    ],
    "LMArena's human preferences": [
        lmarena("yes", "no", "model_a"),
        lmarena("no", "yes", "model_b"),
        lmarena("a", "b", "tie"),
    ],
    "HelpSteer3": [helpsteer3("yes", "no", -2), helpsteer3("no", "yes", 1), helpsteer3("a", "b", 0)],
    "HelpSteer2's preferences": [
        helpsteer2_preference("yes", "no", -1),
        helpsteer2_preference("no", "yes", 3),
        helpsteer2_preference("a", "b", 0),
    ],
    "HelpSteer2": [helpsteer2("yes", 4), helpsteer2("no", 1), helpsteer2("a", 2, "P?"), helpsteer2("b", 2, "P?")],
    "PKU-SafeRLHF": [pku("yes", "no", 0), pku("no", "yes", 1)],
    "SHP": [shp("yes", "no", 1), shp("no", "yes", 0)],
    "WebGPT's comparisons": [webgpt("yes", "no", 0.5), webgpt("no", "yes", -1), webgpt("a", "b", 0)],
    "OpenAI's summaries": [summaries("yes", "no", 0), summaries("no", "yes", 1)],
    "JudgeBench": [judgebench("yes", "no", "A>B"), judgebench("no", "yes", "B>A"), judgebench("a", "b", "A=B")],
    "pairs of Stack Exchange": [{"question": "Q?", "response_j": "yes", "response_k": "no"}],
    "Nectar": [nectar(("no", 7), ("yes", 1), ("so", 2))],
    "UltraFeedback before it was binarized": [
        ultrafeedback(("so", 3), ("yes", 4.75), ("no", 1.5)),
        ultrafeedback(("a", 3), ("b", 3)),
    ],
    "the output of distilabel": [distilabel(["no", "so", "yes"], [1, None, 5]), distilabel(["a", "b"], [2, 2])],
    "NeMo-RL": [nemo(("no", 1), ("yes", 0))],
    "KTO": [kto("no", False), kto("yes", True), kto("a", True, "P?")],
    SEVERAL.name: [{"prompt": "Q?", "chosen": ["yes"], "rejected": ["no", "no"]}],
}
ONE = {"HelpSteer2", "pairs of Stack Exchange", "Nectar", "UltraFeedback before it was binarized"}
ONE |= {"the output of distilabel", "NeMo-RL", "KTO"}
"""Forms whose rows here make one pair; the rows of all others make two, of which the second has the better one last."""


def test_every_form_is_tried_and_in_the_guide() -> None:
    assert ROWS.keys() == {form.name for form in (*FORMS, SEVERAL)}
    said = GUIDE.read_text(encoding="utf-8")
    assert [form.name for form in (*FORMS, SEVERAL) if form.command not in said] == []


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
@pytest.mark.parametrize("form", (*FORMS, SEVERAL), ids=lambda form: form.name)
def test_the_hint_makes_pairs_and_leaves_out_ties(tmp_path: Path, form: Any) -> None:
    write_jsonl(tmp_path / "FILE", ROWS[form.name])
    with pytest.raises(InputError) as error:
        list(Preferences(tmp_path / "FILE"))
    assert error.value.hint == form.hint
    subprocess.run(["bash", "-c", form.command], cwd=tmp_path, check=True)
    made = list(Preferences(tmp_path / "other-pairs.jsonl"))
    assert {(row.prompt, row.texts) for row in made} == {((("user", "Q?"),), ("yes", "no"))}
    assert len(made) == (1 if form.name in ONE else 2)


@pytest.mark.skipif(not shutil.which("jq"), reason="needs jq")
def test_arena_pairs_can_be_judged(rmboost: Shell, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "FILE", ROWS["Chatbot Arena"])
    subprocess.run(["bash", "-c", FORMS[0].command], cwd=tmp_path, check=True)
    done = rmboost("judge", tmp_path / "other-pairs.jsonl", "-o", tmp_path / "judged.jsonl", "--model", "fake")
    assert done.code == 0, done.err


@pytest.mark.parametrize("data", [{"prompt": "Q?", "chosen": None, "rejected": "no"}, {"prompt": "Q?", "answer": "a"}])
def test_what_is_of_no_known_form_is_told_what_a_row_has(data: dict[str, Any]) -> None:
    with pytest.raises(InputError) as error:
        parse(data, 1, "here")
    assert error.value.hint.startswith("each row has prompt, chosen and rejected")
