"""What the rows of a run depend on, so that another run on the same output can say what is different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rmboost import __version__
from rmboost.config import Config
from rmboost.methods import Method
from rmboost.records import stable_hash
from rmboost.run import roles
from rmboost.templates import Templates

_CONNECTION = {"base_url", "api_key_env", "headers_env", "timeout", "options"}
_PACE = {
    *("concurrency", "tries", "base_url", "model", "rpm", "tpm", "patience", "max_failures", "prices", "ceilings"),
    *("on_policy", "repeatable"),
}
"""These change how fast and from where answers come, not which; ``model`` and ``on_policy`` show in the roles."""
_BY_HASH = ("data", "templates")
"""What is known by a hash alone, which tells nobody anything."""


def settings_of(config: Config, method: Method, templates: Templates, folders: Iterable[str]) -> dict[str, Any]:
    """All that a row depends on besides its prompt: options, models, sampling, templates, aspects, version.

    folders: those of the templates that may be asked with, besides ``respond``.
    """
    named = {"judges", "writers", "verify", "input", "prompts", "method"}
    apart = {*config.roles, *named, "repetitions", "target"}
    values = config.model_dump(mode="json", exclude=_PACE | apart)
    if config.verify.sample:
        known = config.verified_aspects
        values["verify"] = config.verify.model_dump(mode="json", exclude={"gold"})
        values["verify"]["definitions"] = f"{stable_hash(known.model_dump()):x}" if known else None
    values["method"] = {"name": config.method["name"], **method.model_dump(mode="json")}
    for role, settings in roles.used(config).items():
        values[role] = settings.model_dump(mode="json", exclude=_CONNECTION)
    fields = config.input.model_dump(mode="json", exclude={"limit", "skip_bad_lines"})
    sources = {name: templates.digest(name) for name in templates.names("respond", *(f"{each}/" for each in folders))}
    return {
        **values,
        "input": fields,
        "templates": sources,
        "data": dict(method.data()),
        "version": __version__,
    }


def run_of(settings: Mapping[str, Any], form: Sequence[bool], order: str) -> str:
    """A hash of all that the rows of a run follow from: settings, the form of its prompts, and which has which spec."""
    return f"{stable_hash(settings, form, order):x}"


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """``rewriter.temperature: 0.7 → 0.9`` for every setting that is not the same.

    A part that only one side has, such as a role or the templates of a judge, is one line: ``judge: new``.
    """
    before, after = dict(flat(old)), dict(flat(new))
    lone = dict((*_only(before, after, "gone"), *_only(after, before, "new")))
    lines = (
        f"{_part(name)}: {lone[_part(name)]}" if _part(name) in lone else _line(name, before, after)
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )
    return list(filter(None, dict.fromkeys(lines)))


def _line(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """A setting that is not the same; of what is drawn for the judge the size is told, which has its own line."""
    if name == "verify.drawn":
        size = after.get("verify.sample")
        return f"verify.sample: {size}, drawn anew" if before.get("verify.sample") == size else ""
    if _part(name).partition(".")[0] in _BY_HASH:
        return f"{name}: not as it was"
    return f"{name}: {_said(before.get(name))} → {_said(after.get(name))}"


def _only(some: Mapping[str, Any], others: Mapping[str, Any], word: str) -> Iterator[tuple[str, str]]:
    """The parts of several settings, and the folders of files, that others have nothing of."""
    sizes = Counter(map(_part, some))
    yield from ((part, word) for part in sizes.keys() - set(map(_part, others)) if sizes[part] > 1 or "." in part)


def _part(name: str) -> str:
    """``judge`` of ``judge.model``, ``templates.judge`` of ``templates.judge/pairwise``."""
    return name.rpartition("/")[0] or name.partition(".")[0]


def _said(value: Any) -> str:
    """A value for a person: components by their names, as they are written in the settings."""
    if isinstance(value, list):
        return f"[{', '.join(map(_said, value))}]"
    if isinstance(value, Mapping) and value.keys() == {"name"}:
        return str(value["name"])
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_said(each)}' for name, each in value.items())}}}"
    if isinstance(value, bool):
        return str(value).lower()
    return "not set" if value is None else str(value)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings by dotted name; what is empty has none."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
