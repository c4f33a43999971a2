"""Where ``-`` leads: stdin is spooled to a file, stdout gets a run folder in the cache; so both can be resumed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rmboost.cache import cache_folder
from rmboost.claim import claim, refuse_folder, run_folder
from rmboost.errors import StoreError
from rmboost.sources import spool
from rmboost.sources.files import digest

STDIO = "-"


def place(prompts: str, output: str) -> tuple[Path, Path]:
    """The prompt file and the output file that a command's arguments stand for."""
    if output != STDIO:
        target = Path(output)
        refuse_folder(target)
        return (_spool_beside(target) if prompts == STDIO else Path(prompts)), target
    runs = _runs()
    source = _spool_stdin(runs / f"stdin-{os.getpid()}") if prompts == STDIO else Path(prompts)
    folder = runs / _identity(source)
    folder.mkdir(exist_ok=True)
    if prompts == STDIO:
        source = source.replace(folder / "stdin")
    return source, folder / "pairs.jsonl"


def _runs() -> Path:
    """Where the runs are whose rows go to stdout."""
    runs = cache_folder() / "runs"
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"{runs}, where a run to standard output is kept, cannot be made: {error.strerror}"
        raise StoreError(problem, "-o pairs.jsonl, or export RMBOOST_CACHE=FOLDER") from None
    return runs


def _spool_beside(target: Path) -> Path:
    """Stdin in the run's folder, which is known to be ours, and is nobody else's until all of it is there."""
    with claim(target):
        return _spool_stdin(run_folder(target) / "stdin")


def _spool_stdin(path: Path) -> Path:
    try:
        spool(sys.stdin.buffer, path)
    except OSError as error:
        raise StoreError(f"stdin cannot be kept in {path}: {error.strerror}") from None
    return path


def _identity(source: Path) -> str:
    """A name for the run of this input: the same prompts find their journal again."""
    if not source.is_file():
        return "none"  # reading it will say what is wrong
    return digest(str(source))[0][:16]
