"""Files that a command writes beside its rows: the summary, and the log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os.path import realpath
from pathlib import Path
from typing import Any

import click

from rmboost.errors import StoreError

_OF_A_RUN = ("journal", "manifest", "rejects", "previous", "lock", "stdin", "prompts")
"""What the files of a run's folder begin with."""


def has_folder(_: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """A click callback: a missing folder is found now, and not when all is paid for."""
    if path == Path("-"):
        raise click.BadParameter("- is no file; standard output is /dev/stdout", param=parameter)
    if path and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}", param=parameter)
    return path


def refuse_overwriting(options: Mapping[str, Any], *taken: Path) -> None:
    """Raises StoreError where the summary or the log would be written over what the run reads or makes."""
    from rmboost.claim import run_folder

    places = {realpath(path) for path in (*taken, options["config_file"]) if path}
    folders = {realpath(run_folder(path)) for path in taken if path.name}
    for flag, name in (("--summary", "summary_file"), ("--log-file", "log_file")):
        if path := options.get(name):
            place = Path(realpath(path))
            if str(place) in places or (str(place.parent) in folders and place.name.startswith(_OF_A_RUN)):
                raise StoreError(f"{flag} {path}: the run reads or writes this file itself", "choose another name")
            if place.is_file() or not place.exists():  # /dev/null has room for both
                places.add(str(place))


def write_summary(path: Path, summary: Mapping[str, Any]) -> None:
    """The summary as JSON. Raises StoreError when it cannot be written."""
    text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}", "choose another --summary") from None
