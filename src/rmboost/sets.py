"""Sets of wording that people extend, such as aspects: one YAML file a set, shipped in ``configs/`` or a user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from rmboost import resources
from rmboost.errors import ConfigError
from rmboost.registry import Component, suggest, validate

S = TypeVar("S", bound=Component)


def load(model: type[S], kind: str, folder: str, name: str) -> S:
    """The shipped set of that name in a folder of ``configs/``, or the set in that ``.yaml`` file. Raises ConfigError.

    kind: what messages call it.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else resources.folder("configs") / folder / f"{name}.yaml"
    if not path.is_file():
        shipped = [file.stem for file in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        raise ConfigError(f"no {kind} set {name!r} ({path} does not exist)", suggest(name, shipped))
    return validate(model, resources.read_yaml(path), str(path))
