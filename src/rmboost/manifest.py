"""The manifest: what a run says of itself, in a file of its folder that is only ever replaced as a whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from rmboost.errors import StoreError, way_out

_OF_A_RUN = {"status": str, "settings": dict, "config": dict, "input": dict}
"""What every run notes, beside the name of its output."""
_WRITE_AGAIN = "move it and the output away: the run's own command writes both again, and answered calls cost nothing"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder; empty when there is none. Raises StoreError when it cannot be read."""
    path = folder / "manifest.json"
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read: {error}", _WRITE_AGAIN) from None
    if not isinstance(manifest, dict):
        raise StoreError(f"{path} is no manifest", _WRITE_AGAIN)
    return manifest


def refuse_incomplete(manifest: dict[str, Any], folder: Path) -> None:
    """Raises StoreError for a manifest that lacks what every run notes."""
    whole = all(isinstance(manifest.get(name), kind) for name, kind in _OF_A_RUN.items())
    if not whole or not {"count", "path", "sha256"} <= manifest["input"].keys():
        raise StoreError(f"{folder / 'manifest.json'} is no manifest of a run", _WRITE_AGAIN)


def replace_manifest(folder: Path, text: str) -> None:
    """Replace the manifest in one step, which a power cut leaves done or undone. Raises StoreError."""
    draft = folder / "manifest.json.new"
    try:
        with draft.open("w", encoding="utf-8", errors="backslashreplace") as file:  # names that are no UTF-8
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / "manifest.json")
        _sync_folder(folder)
    except OSError as error:
        raise StoreError(f"{draft} cannot be written: {error.strerror}", way_out(error)) from None


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
