"""Where the shipped ``prompts/`` and ``configs/`` lie: in the wheel beside this file, in a clone at the top."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
_HOMES = (_PACKAGE, _PACKAGE.parents[1])


def folder(name: str) -> Path:
    """The shipped folder ``prompts`` or ``configs``."""
    return next(home / name for home in _HOMES if (home / name).is_dir())
