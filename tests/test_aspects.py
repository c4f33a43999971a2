"""Aspect sets: the shipped ones are fit for use, a user's loads, and mistakes in one are named."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import get_args

import pytest

from check_cases import check, pair, verdict
from rmboost import aspects, resources
from rmboost.aspects import Aspect, AspectSet, Demo
from rmboost.checks import CATALOGUE
from rmboost.errors import ConfigError
from rmboost.records import Drop, Label

SHIPPED = sorted(file.stem for file in (resources.folder("configs") / "aspects").glob("*.yaml"))
LABELS = get_args(Label)
EVERY_DEMO = [
    pytest.param(aspect, demo, id=f"{name}-{aspect.name}-{label}-{number}")
    for name in SHIPPED
    for aspect in aspects.load(name).aspects
    for label in LABELS
    for number, demo in enumerate(getattr(aspect.demos, label))
]
MINIMAL = """
description: Mine.
aspects:
  - {name: wit, definition: How witty it is., better: add a pun., worse: drop the pun.}
"""


def test_the_sets_of_the_readme_are_shipped() -> None:
    assert {"general", "qa_feedback", "summarization", "safety", "code"} <= set(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_set_has_demos_for_every_aspect_and_label(name: str) -> None:
    aspect_set = aspects.load(name)
    assert len(aspect_set.aspects) >= 3
    for aspect in aspect_set.aspects:
        for label in LABELS:
            assert aspect_set.pick_demos(aspect.name, label, 2, Random(0)), (aspect.name, label)


@pytest.mark.parametrize("name", SHIPPED)
def test_texts_fit_after_a_colon(name: str) -> None:
    """Templates write "worse in completeness: leave out …"."""
    for aspect in aspects.load(name).aspects:
        assert aspect.definition[0].isupper()
        assert aspect.definition.endswith(".")
        for order in (aspect.better, aspect.worse):
            assert order[0].islower()
            assert order.endswith(".")


@pytest.mark.parametrize(("aspect", "demo"), EVERY_DEMO)
def test_a_demo_would_pass_our_own_checks(aspect: Aspect, demo: Demo) -> None:
    shown = pair(demo.prompt, demo.first, demo.second, aspect.name)
    for name in CATALOGUE:
        result = verdict(check(name), shown)
        assert not isinstance(result, Drop), result


@pytest.mark.parametrize("name", sorted(set(SHIPPED) - {"general", "code"}))
def test_length_gives_no_demo_away(name: str) -> None:
    for aspect in aspects.load(name).aspects:
        for demo in aspect.demos.worse:
            first, second = len(demo.first.split()), len(demo.second.split())
            assert abs(first - second) <= 0.25 * first, demo.prompt


def test_an_unknown_set_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="no aspect set 'qa-feedback'") as error:
        aspects.load("qa-feedback")
    assert error.value.hint == "did you mean 'qa_feedback'?"


def test_a_file_that_is_not_there_is_named_with_the_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "support.yaml").write_text(MINIMAL)
    for name, hint in (("suport.yaml", "did you mean 'support.yaml'?"), ("support", "your own file: support.yaml")):
        with pytest.raises(ConfigError, match="does not exist") as error:
            aspects.load(name)
        assert error.value.hint == hint


def test_with_no_file_of_ones_own_the_shipped_sets_are_named(tmp_path: Path) -> None:
    for name, hint in (("codes.yaml", "did you mean 'code'?"), ("nowhere/mine.yaml", "known: code, general, ")):
        with pytest.raises(ConfigError, match="does not exist") as error:
            aspects.load(str(tmp_path / name))
        assert hint in error.value.hint


def test_a_mistake_is_told_once_and_without_what_follows_from_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINIMAL.replace("worse:", "wurse:"))
    with pytest.raises(ConfigError) as error:
        aspects.load(str(file))
    assert "at least 1 item" not in error.value.message
    assert error.value.hint == "did you mean 'worse'?"


def test_a_file_of_ones_own_loads(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINIMAL)
    mine = aspects.load(str(file))
    assert mine.names == ("wit",)
    assert mine["wit"].better == "add a pun."
    with pytest.raises(KeyError):
        mine["humour"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "is not YAML"),
        ("- a\n- b", "expected a mapping of names to values, this is a list"),
        ("", "description: Field required"),
        ("description: Mine.", "aspects: Field required"),
        ("description: Mine.\naspects: []", "aspects: .* at least 1 item"),
        (MINIMAL.replace("name: wit", "name: Dry Wit"), r"aspects\.0\.name: 'Dry Wit' is no name"),
        (
            MINIMAL.replace("name: wit", "name: höflichkeit"),
            r"'höflichkeit' is no name: small letters a-z, digits and _",
        ),
        (MINIMAL.replace(", worse: drop the pun.", ""), r"aspects\.0\.worse: Field required"),
        (MINIMAL.replace("worse:", "wurse:"), r"aspects\.0\.wurse: no such option"),
        (MINIMAL + MINIMAL.splitlines()[-1], "there is more than one wit"),
        (MINIMAL + "demos: {better: [{prompt: a, first: b}]}", r"demos\.better\.0\.second: Field required"),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as error:
        aspects.load(str(file))
    assert "mine.yaml" in error.value.message


def test_a_mistyped_key_inside_of_an_aspect_gets_a_suggestion(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINIMAL.replace("worse:", "wurse:"))
    with pytest.raises(ConfigError) as error:
        aspects.load(str(file))
    assert error.value.hint == "did you mean 'worse'?"


def test_a_file_that_is_not_text_is_a_config_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"description: \xff")
    with pytest.raises(ConfigError, match="is not YAML"):
        aspects.load(str(file))


def _demo(text: str) -> Demo:
    return Demo(prompt=text, first=text, second=text)


def test_demos_of_the_aspect_come_before_those_of_the_set() -> None:
    shared = [_demo(f"shared {number}") for number in range(5)]
    order = {"name": "wit", "definition": "d", "better": "b", "worse": "w", "demos": {"worse": [_demo("own")]}}
    mine = AspectSet.model_validate({"description": "d", "aspects": [order], "demos": {"worse": shared}})
    picked = mine.pick_demos("wit", "worse", 3, Random(0))
    assert picked[0] == _demo("own")
    assert len({demo.prompt for demo in picked}) == 3
    assert picked == mine.pick_demos("wit", "worse", 3, Random(0))
    assert mine.pick_demos("wit", "worse", 1, Random(0)) == (_demo("own"),)
    assert len(mine.pick_demos("wit", "worse", 9, Random(0))) == 6
    assert mine.pick_demos("wit", "worse", 0, Random(0)) == ()
    assert mine.pick_demos("wit", "better", 3, Random(0)) == ()
