"""Files to read: the shipped ``prompts/`` and ``configs/``, in the wheel beside this file, in a clone at the top."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from rmboost.errors import ConfigError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where PyYAML was built with libyaml
_PLAIN = {"null", "bool", "int", "float", "str", "merge"}
_GLUED = re.compile(r"([\w.-]+:)\S")
_PACKAGE = Path(__file__).parent
_HOMES = (_PACKAGE, _PACKAGE.parents[1])


def folder(name: str) -> Path:
    """The shipped folder ``prompts`` or ``configs``."""
    return next(home / name for home in _HOMES if (home / name).is_dir())


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; an empty file is an empty one. Raises ConfigError."""
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # no UTF-8, no such date, a list within itself
        said = str(error).replace('in "<unicode string>", ', "")  # of the file, whose name is said
        raise ConfigError(f"{path} is not YAML: {said}") from None
    if not isinstance(values, dict | None):
        problem = f"{path}: expected a mapping of names to values, this is a {type(values).__name__}"
        raise ConfigError(problem, glued(values))
    return values or {}


def glued(value: Any) -> str:
    """What is to be said of ``model:fake``, which is one text to YAML; nothing of other values, and not the value."""
    found = _GLUED.match(value) if isinstance(value, str) else None
    return f"a space is missing after {found[1]!r}" if found else ""


def parse_yaml(text: str) -> Any:
    """What a text in YAML stands for. Raises YAMLError, or what else its parser raises: ValueError, RecursionError."""
    loader = _LOADER(text)
    try:
        if node := loader.get_single_node():
            _need_plain(node, set())
            return loader.construct_document(node)
        return None
    finally:
        loader.dispose()


def _need_plain(node: yaml.Node, looked_at: set[int]) -> None:
    """Names that are given once, and values that JSON has.

    Of a name that is given twice YAML keeps the last, without a word: half of the settings would be lost. A date
    without quotes is no text to YAML, and could not be sent or written down.

    looked_at: ids of nodes; with aliases a node may be a part of others, and these parts of others again.
    """
    if id(node) in looked_at:
        return
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for name, value in node.value:
            if str(name.value) in seen:
                raise yaml.MarkedYAMLError(problem=f"{name.value!r} is given twice", problem_mark=name.start_mark)
            if not (value.value or name.style) and (problem := glued(name.value)):
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=name.start_mark)
            seen.add(str(name.value))
            _need_plain(name, looked_at)
            _need_plain(value, looked_at)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            _need_plain(each, looked_at)
    elif (kind := node.tag.rpartition(":")[2]) not in _PLAIN:
        problem = f"{node.value!r} is a {kind}; put it into quotes if it is a text"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    looked_at.add(id(node))  # not before its parts: of a list within itself there is no end
