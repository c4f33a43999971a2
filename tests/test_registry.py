"""Catalogues and options: what is not known stops early, with what may have been meant."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import PositiveInt

from rmboost import backends, checks, exports, methods
from rmboost.checks import Check
from rmboost.checks.form import Form
from rmboost.errors import ConfigError
from rmboost.registry import Component, build, suggest, validate

KNOWN = "known: echo, form, language, leak, length, manner, refusal, similarity"


class Inner(Component):
    temperature: float = 1.0


class Outer(Component):
    count: PositiveInt = 1
    inner: Inner = Inner()
    maybe: Inner | None = None
    many: tuple[Inner, ...] = ()


def test_a_component_from_its_name_and_from_a_mapping() -> None:
    assert build("check", checks.CATALOGUE, Check, "form") == Form()
    assert build("check", checks.CATALOGUE, Check, {"name": "form", "min_loop": 20}) == Form(min_loop=20)


def test_the_mapping_stays_as_it_was() -> None:
    given = {"name": "form"}
    build("check", checks.CATALOGUE, Check, given)
    assert given == {"name": "form"}


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ("from", "unknown check 'from'", "did you mean 'form'?"),
        ("zzz", "unknown check 'zzz'", KNOWN),
        (
            {"min_loop": 20},
            "a check has no name",
            KNOWN,
        ),
        (
            {"similarity": {"max_similarity": 0.9}},
            "a check has no name",
            "write {name: similarity, max_similarity: 0.9}",
        ),
        ({"form": None}, "a check has no name", "write {name: form}"),
        ({"form": 0.5}, "a check has no name", "write {name: form, OPTION: 0.5}"),
        (
            {"name": "echo", "form": {"min_loop": 2}},
            "check echo: form: no such option",
            "write {name: form, min_loop: 2}",
        ),
        ({"frm": {"min_loop": 20}}, "a check has no name", "did you mean 'form'?"),
        ({"name": ["form"]}, r"unknown check \['form'\]", "did you mean 'form'?"),
        ({"name": "form", "min_lop": 20}, "check form: min_lop: no such option", "did you mean 'min_loop'?"),
        ({"name": "form", "min_loop": 0}, "check form: min_loop: Input should be greater than 0", ""),
    ],
)
def test_what_is_not_known_is_named_with_what_is_near(given: Any, message: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        build("check", checks.CATALOGUE, Check, given)
    assert error.value.hint == hint


def test_a_catalogue_line_that_names_another_kind_is_a_bug() -> None:
    with pytest.raises(TypeError, match="is not a Check"):
        build("check", {"x": "rmboost.exports.trl:TRL"}, Check, "x")


@pytest.mark.parametrize(
    "values",
    [
        {"inner": {"temprature": 1}},
        {"maybe": {"temprature": 1}},
        {"many": [{"temperature": 1}, {"temprature": 1}]},
    ],
)
def test_a_suggestion_comes_from_the_level_of_the_mistake(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"file\.yaml: .*temprature: no such option") as error:
        validate(Outer, values, "file.yaml")
    assert error.value.hint == "did you mean 'temperature'?"


def test_a_single_value_in_place_of_a_mapping_is_told_what_the_mapping_holds() -> None:
    with pytest.raises(ConfigError) as error:
        validate(Outer, {"inner": 0.5, "many": ["hot"]}, "file.yaml")
    assert error.value.message.splitlines() == [
        "file.yaml: inner: a mapping of names to values is meant, not a number",
        "file.yaml: many.0: a mapping of names to values is meant, not a text",
    ]
    assert error.value.hint == "inner: {temperature: 0.5} {temperature: …}"


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        validate(Outer, {"count": 0, "inner": {"temperature": "hot"}, "cuont": 1}, "settings")
    assert len(error.value.message.splitlines()) == 3
    assert error.value.hint == "did you mean 'count'?"


def test_components_hold_no_other_state() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Outer().count = 2  # type: ignore[misc]


def test_suggest_says_nothing_when_nothing_is_known() -> None:
    assert suggest("x", []) == ""


@pytest.mark.parametrize("catalogue", [backends.CATALOGUE, checks.CATALOGUE, exports.CATALOGUE, methods.CATALOGUE])
def test_no_entry_of_a_catalogue_is_imported_by_naming_it(catalogue: dict[str, str]) -> None:
    packages = "rmboost.backends, rmboost.checks, rmboost.exports, rmboost.methods"
    modules = {entry.partition(":")[0] for entry in catalogue.values()}
    script = f"import sys, {packages}; print(*({modules!r} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
