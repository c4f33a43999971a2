"""The files of a comparison: the report as JSON and as a page, and the trials; written by one process at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rmboost.claim import claim, run_folder
from rmboost.compare.page import page
from rmboost.errors import StoreError
from rmboost.run.status import COMPARISON
from rmboost.wholefile import replacing

FIGURES, PAGE = Path(COMPARISON).with_suffix(".json").name, "comparison.html"


@contextmanager
def claimed(folder: Path, *, fresh: bool = False) -> Iterator[None]:
    """The folder, ours until the end. Raises StoreError when a report there is not ours, or a process works on it."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}") from None
    if (folder / PAGE).is_dir():
        raise StoreError(f"{folder / PAGE} is a folder, and the report is to go there", "choose another -o")
    with claim(folder / FIGURES, fresh=fresh):
        _write(_state(folder) / "manifest.json", json.dumps({"output": FIGURES}) + "\n")
        yield


def trials(folder: Path) -> Path:
    """Where the trials are kept."""
    return _state(folder) / "trials.jsonl"


def write(folder: Path, found: Mapping[str, Any]) -> None:
    """The report, as JSON and as a page."""
    _write(folder / FIGURES, json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    _write(folder / PAGE, page(found))


def _state(folder: Path) -> Path:
    return run_folder(folder / FIGURES)


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode(errors="replace"))
