"""The user's cache folder: weights, and the runs that write to stdout."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """``RMBOOST_CACHE``, else where the system keeps caches."""
    if chosen := os.environ.get("RMBOOST_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "rmboost"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "rmboost"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rmboost"
