"""Sets of wording that people extend, such as aspects: one YAML file a set, shipped in ``configs/`` or a user's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

from pydantic import AfterValidator, Field

from rmboost import resources
from rmboost.errors import ConfigError
from rmboost.registry import Component, suggest, validate

S = TypeVar("S", bound=Component)


def _plain(name: str) -> str:
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} is no name: small letters a-z, digits and _, a letter first")
    return name


Name = Annotated[str, AfterValidator(_plain)]
"""What a part of a set is called in rows and settings."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def _differ(parts: tuple[N, ...]) -> tuple[N, ...]:
    names = [part.name for part in parts]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"there is more than one {', '.join(sorted(twice))}")
    return parts


Parts = Annotated[tuple[N, ...], Field(min_length=1), AfterValidator(_differ)]
"""The parts of a set: at least one, each with a name of its own."""


def load(model: type[S], kind: str, folder: str, name: str) -> S:
    """The shipped set of that name in a folder of ``configs/``, or the set in that ``.yaml`` file. Raises ConfigError.

    kind: what messages call it.
    """
    shipped = resources.folder("configs") / folder
    path = Path(name) if name.endswith((".yaml", ".yml")) else shipped / f"{name}.yaml"
    if not path.is_file():
        hint = _meant(path, name) or suggest(path.stem, [file.stem for file in shipped.glob("*.yaml")])
        raise ConfigError(f"no {kind} set {name!r} ({path} does not exist)", hint)
    return validate(model, resources.read_yaml(path), str(path))


def _meant(path: Path, name: str) -> str:
    if Path(f"{name}.yaml").is_file():
        return f"your own file: {name}.yaml"
    found = path.parent.glob("*.yaml") if path.parent.is_dir() else ()
    return suggest(name, [file.name if name.endswith(path.suffix) else file.stem for file in found])
