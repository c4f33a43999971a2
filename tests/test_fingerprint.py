"""What is said of settings that are not those of the last run."""

from __future__ import annotations

from typing import Any

import pytest

from rmboost.run.fingerprint import difference

WRITES: dict[str, dict[str, Any]] = {
    "rewriter": {"model": "m", "extra": {}},
    "templates": {"respond": "1", "rmboost/plan-worse": "2"},
}
JUDGES = {"judge": {"model": "j", "extra": {}}, "verify": {"sample": "10%", "policy": "flag"}}
JUDGED = {**WRITES, **JUDGES, "templates": {**WRITES["templates"], "judge/one": "3", "judge/two": "4"}}


def _drawn(sample: str, share: str) -> dict[str, Any]:
    return {"verify": {"sample": sample, "drawn": share}}


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": (WRITES, WRITES, []),
    "a value": ({"a": {"b": 1}}, {"a": {"b": 2}}, ["a.b: 1 → 2"]),
    "a value where there was none": ({"a": {"b": None}}, {"a": {"b": 2}}, ["a.b: not set → 2"]),
    "an empty mapping that is filled": ({"weights": {}}, {"weights": {"better": 2}}, ["weights.better: not set → 2"]),
    "components": (
        {"checks": [{"name": "form"}]},
        {"checks": [{"name": "form"}, {"name": "length", "max_ratio": 4}]},
        ["checks: [form] → [form, {name: length, max_ratio: 4}]"],
    ),
    "a switch": ({"method": {"contrast": True}}, {"method": {"contrast": False}}, ["method.contrast: true → false"]),
    "a file known by its hash": (
        {"data": {"aspects": "1"}},
        {"data": {"aspects": "2"}},
        ["data.aspects: not as it was"],
    ),
    "a template": (
        {"templates": {"respond": "1", "synpo/improve": "1"}},
        {"templates": {"respond": "2", "synpo/improve": "2"}},
        ["templates.respond: not as it was", "templates.synpo/improve: not as it was"],
    ),
    "a folder of one": ({}, {"templates": {"synpo/improve": "1"}}, ["templates.synpo: new"]),
    "a larger sample": (_drawn("10%", "0.1"), _drawn("all", "1.0"), ["verify.sample: 10% → all"]),
    "a sample of other prompts": (_drawn("200", "0.4"), _drawn("200", "0.2"), ["verify.sample: 200, drawn anew"]),
    "parts that come": (WRITES, JUDGED, ["judge.model: not set → j", "templates.judge: new", "verify: new"]),
    "parts that go": (JUDGED, WRITES, ["judge.model: j → not set", "templates.judge: gone", "verify: gone"]),
}


@pytest.mark.parametrize(("old", "new", "lines"), CHANGES.values(), ids=CHANGES)
def test_what_is_different_is_said_in_few_lines(old: dict[str, Any], new: dict[str, Any], lines: list[str]) -> None:
    assert difference(old, new) == lines
