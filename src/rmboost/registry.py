"""Catalogues: tables of ``name -> "module:Class"``, so that nothing heavy is imported to list the names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from rmboost import resources
from rmboost.errors import ConfigError


class Component(BaseModel):
    """A frozen bag of options: its fields are what a user may set, and it holds no other state."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def instead(cls, name: str, within: str) -> str:  # noqa: ARG003
        """What to type in place of an option that there is none of; within: where it was given, ``""`` at the top."""
        return suggest(name, cls.model_fields)


class Refused(ValueError):
    """What a validator raises that knows what to type instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


C = TypeVar("C", bound=Component)
_KINDS = {str: "a text", list: "a list", tuple: "a list", bool: "true or false", type(None): "nothing"}
_PLAIN = re.compile(r"[\w.%:/-]{1,40}")
"""What a hint repeats of a value: nothing that may hold a password."""


def build(
    kind: str,
    catalogue: Mapping[str, str],
    base: type[C],
    given: str | Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> C:
    """A component from its name, or from a mapping with ``name`` and options.

    defaults: what stands in for options that are not given, where the component has such.
    Raises ConfigError for a name or an option that is not known, with the nearest one that is.
    """
    options = {"name": given} if isinstance(given, str) else dict(given)
    name = options.pop("name", None)
    if name is None:
        raise ConfigError(f"a {kind} has no name", _with_name(options, catalogue))
    if not isinstance(name, str) or name not in catalogue:
        raise ConfigError(f"unknown {kind} {name!r}", suggest(str(name), catalogue))
    for option, inner in options.items():
        if option in catalogue and isinstance(inner, Mapping):
            raise ConfigError(f"{kind} {name}: {option}: no such option", _with_name({option: inner}, catalogue))
    component = load(catalogue[name])
    if not issubclass(component, base):
        raise TypeError(f"{catalogue[name]} is not a {base.__name__}")
    assumed = {option: value for option, value in (defaults or {}).items() if option in component.model_fields}
    return validate(component, assumed | options, f"{kind} {name}")


def load(entry: str) -> type[Component]:
    """The component that an entry of a catalogue names."""
    module, _, attribute = entry.partition(":")
    component: type[Component] = getattr(import_module(module), attribute)
    return component


def validate(model: type[C], values: Mapping[str, Any], where: str) -> C:
    """``model`` from ``values``; what pydantic finds wrong becomes one ConfigError that names each field."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = _causes(error)
        hints = dict.fromkeys(filter(None, (_hint(model, p) for p in problems)))
        message = "\n".join(f"{where}: {_path(p['loc'])}: {_plain(p)}" for p in problems)
        raise ConfigError(message, " ".join(hints)) from None


def named(default: str) -> BeforeValidator:
    """For a field that is a component's name with its options: the name alone will do, no name means ``default``."""
    return BeforeValidator(lambda value: spell_out(value, default))


def spell_out(value: Any, default: str | None = None) -> Any:
    """A component's name alone as a mapping, and a mapping without a name with ``default``; others as they are."""
    if isinstance(value, str):
        return {"name": value}
    return {"name": default, **value} if isinstance(value, dict) and default else value


def suggest(wrong: str, known: Iterable[str]) -> str:
    """``did you mean …?`` when something known is near, else all that is known; nothing when nothing is."""
    names = sorted(known)
    if not names:
        return ""
    close = get_close_matches(wrong, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def _causes(error: ValidationError) -> list[Any]:
    """What is wrong, without lists that are too short only because of what is wrong in them."""
    problems = error.errors(include_url=False)
    within = {p["loc"][:end] for p in problems for end in range(len(p["loc"]))}
    return [p for p in problems if not (p["type"] == "too_short" and p["loc"] in within)]


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "value"


def _plain(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "no such option"
    if problem["type"] == "tuple_type":
        return "Input should be a list, such as [a, b]"
    if problem["type"] in ("model_type", "dict_type"):
        return f"a mapping of names to values is meant, not {_KINDS.get(type(problem['input']), 'a number')}"
    return str(problem["msg"]).removeprefix("Value error, ")


def _hint(model: type[Component], problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return _meant(model, problem["loc"])
    if problem["type"] == "model_type":
        return resources.glued(problem["input"]) or _form(_owner(model, problem["loc"]), problem)
    return getattr(problem.get("ctx", {}).get("error"), "hint", "")


def _meant(model: type[Component], location: tuple[int | str, ...]) -> str:
    """What an option that is not known may be: one that stands further up, or one of a name like it."""
    name = str(location[-1])
    if len(location) > 1 and name in model.model_fields:
        return f"{name} stands by itself, not under {_path(location[:-1])}"
    return _owner(model, location[:-1]).instead(name, ".".join(map(str, location[:-1])))


def _form(kind: type[Component], problem: Any) -> str:
    """``verify: {sample: 10%}``: the mapping that is meant by a single value, as it is if the first option takes it."""
    needed = [f"{name}: …" for name, field in kind.model_fields.items() if field.is_required()]
    first, given = next(iter(kind.model_fields)), str(problem["input"])
    if problem["input"] is None:
        given = ""
    if not needed:
        needed = [f"{first}: {given if _PLAIN.fullmatch(given) and _takes(kind, first, problem['input']) else '…'}"]
    name = problem["loc"][-1] if problem["loc"] else 0
    return f"{'' if isinstance(name, int) else f'{name}: '}{{{', '.join(needed)}}}"


def _takes(kind: type[Component], name: str, value: Any) -> bool:
    try:
        kind.model_validate({name: value})
    except (ValidationError, ConfigError):
        return False
    return not isinstance(value, bool)


def _with_name(options: Mapping[str, Any], catalogue: Iterable[str]) -> str:
    """``{name: similarity, …}`` where ``{similarity: {…}}`` was written."""
    if len(options) != 1:
        return suggest("None", catalogue)
    ((name, inner),) = options.items()
    if name not in catalogue:
        return suggest(name, catalogue)
    if inner is not None and not isinstance(inner, Mapping):
        return f"write {{name: {name}, OPTION: {inner}}}"
    parts = {"name": name, **(inner or {})}
    return f"write {{{', '.join(f'{option}: {value}' for option, value in parts.items())}}}"


def _owner(model: type[Component], path: tuple[int | str, ...]) -> type[Component]:
    """The model at the end of a path of field names and list places."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner(model.model_fields[part].annotation) or model
    return model


def _inner(annotation: Any) -> type[Component] | None:
    """The model that a field is, or is a list, tuple or union of."""
    if isinstance(annotation, type) and issubclass(annotation, Component):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner(part))), None)
