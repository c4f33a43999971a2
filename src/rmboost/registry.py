"""Catalogues: tables of ``name -> "module:Class"``, so that nothing heavy is imported to list the names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from rmboost.errors import ConfigError


class Component(BaseModel):
    """A frozen bag of options: its fields are what a user may set, and it holds no other state."""

    model_config = ConfigDict(extra="forbid", frozen=True)


C = TypeVar("C", bound=Component)
M = TypeVar("M", bound=BaseModel)


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
    if not isinstance(name, str) or name not in catalogue:
        raise ConfigError(f"unknown {kind} {name!r}", suggest(str(name), catalogue))
    module, _, attribute = catalogue[name].partition(":")
    component: type[Component] = getattr(import_module(module), attribute)
    if not issubclass(component, base):
        raise TypeError(f"{catalogue[name]} is not a {base.__name__}")
    assumed = {option: value for option, value in (defaults or {}).items() if option in component.model_fields}
    return validate(component, assumed | options, f"{kind} {name}")


def validate(model: type[M], values: Mapping[str, Any], where: str) -> M:
    """``model`` from ``values``; what pydantic finds wrong becomes one ConfigError that names each field."""
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = _causes(error)
        hints = dict.fromkeys(_meant(model, p["loc"]) for p in problems if p["type"] == "extra_forbidden")
        message = "\n".join(f"{where}: {_path(p['loc'])}: {_plain(p)}" for p in problems)
        raise ConfigError(message, " ".join(hints)) from None


def named(default: str) -> BeforeValidator:
    """For a field that is a component's name with its options: the name alone will do, no name means ``default``."""

    def spell_out(value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        return {"name": default, **value} if isinstance(value, dict) else value

    return BeforeValidator(spell_out)


def suggest(wrong: str, known: Iterable[str]) -> str:
    """``did you mean …?`` when something known is near, else all that is known; nothing when nothing is."""
    names = sorted(known)
    if not names:
        return ""
    close = get_close_matches(wrong, names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def _causes(error: ValidationError) -> list[Any]:
    """What is wrong, without lists that are too short only because of what is wrong in them."""
    problems = error.errors(include_url=False, include_context=False)
    within = {p["loc"][:end] for p in problems for end in range(len(p["loc"]))}
    return [p for p in problems if not (p["type"] == "too_short" and p["loc"] in within)]


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "value"


def _plain(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        return "no such option"
    if problem["type"] == "tuple_type":
        return "Input should be a list, such as [a, b]"
    return str(problem["msg"]).removeprefix("Value error, ")


def _meant(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """What an option that is not known may be: one that stands further up, or one of a name like it."""
    name = str(location[-1])
    if len(location) > 1 and name in model.model_fields:
        return f"{name} stands by itself, not under {_path(location[:-1])}"
    return suggest(name, _fields(model, location[:-1]))


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """The fields of the model at the end of a path of field names and list places."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model that a field is, or is a list, tuple or union of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner(part))), None)
