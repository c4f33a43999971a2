"""Files to read: the shipped ``prompts/`` and ``configs/``, in the wheel beside this file, in a clone at the top."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rmboost.errors import ConfigError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with libyaml
_PACKAGE = Path(__file__).parent
_HOMES = (_PACKAGE, _PACKAGE.parents[1])


def folder(name: str) -> Path:
    """The shipped folder ``prompts`` or ``configs``."""
    return next(home / name for home in _HOMES if (home / name).is_dir())


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty one. Raises ConfigError."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = str(error).replace('in "<unicode string>", ', "")  # of the file, whose name is said
        raise ConfigError(f"{path} is not YAML: {said}") from None
    if not isinstance(values, dict | None):
        raise ConfigError(f"{path}: expected a mapping of names to values, this is a {type(values).__name__}")
    return values or {}
