"""rmboost: preference pairs for reward models, with the label decided before the second response is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Config", "Listener", "RMBoostError", "Summary", "__version__", "generate"]

if TYPE_CHECKING:
    from rmboost.api import generate
    from rmboost.config import Config
    from rmboost.errors import RMBoostError
    from rmboost.run.listener import Listener
    from rmboost.run.summary import Summary

_HOMES = {
    "Config": "rmboost.config",
    "Listener": "rmboost.run.listener",
    "RMBoostError": "rmboost.errors",
    "Summary": "rmboost.run.summary",
    "generate": "rmboost.api",
}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used: ``rmboost --help`` needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rmboost' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
