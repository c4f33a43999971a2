"""Where ``-`` leads: stdin is kept in a file, stdout gets a run folder in the cache; so both can be resumed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from rmboost.cache import cache_folder
from rmboost.claim import refuse_folder
from rmboost.errors import InputError, StoreError, way_out
from rmboost.sources.files import CHUNK, digest
from rmboost.sources.spool import keep, keep_beside

STDIO = "-"
_EMPTY = InputError("standard input is empty", "cat prompts.jsonl | rmboost generate - -o pairs.jsonl")


def place(prompts: str, output: str, *, fresh: bool = False) -> tuple[Path, Path]:
    """The prompt file and the output file that a command's arguments stand for."""
    if output != STDIO:
        target = Path(output)
        refuse_folder(target)
        if prompts != STDIO:
            return Path(prompts), target
        return keep_beside(target, "stdin", _copy_stdin, _EMPTY, fresh=fresh), target
    runs = _runs()
    source = keep(runs / f"stdin-{os.getpid()}", _copy_stdin, _EMPTY) if prompts == STDIO else Path(prompts)
    folder = runs / _identity(source)
    folder.mkdir(exist_ok=True)
    if prompts == STDIO:
        source = source.replace(folder / "stdin")
    return source, folder / "pairs.jsonl"


@contextmanager
def readable(prompts: str) -> Iterator[Path]:
    """The prompts as a file, for whoever leaves nothing behind."""
    if prompts != STDIO:
        yield Path(prompts)
        return
    with _temporary() as folder:
        yield keep(Path(folder) / "stdin", _copy_stdin, _EMPTY)


def _temporary() -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory()
    except OSError as error:
        raise StoreError(f"standard input cannot be kept meanwhile: {error.strerror}", "export TMPDIR=FOLDER") from None


def _runs() -> Path:
    """Where the runs are whose rows go to stdout."""
    runs = cache_folder() / "runs"
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"{runs}, where a run to standard output is kept, cannot be made: {error.strerror}"
        raise StoreError(problem, "-o pairs.jsonl, or export RMBOOST_CACHE=FOLDER") from None
    return runs


def _copy_stdin(file: BinaryIO) -> None:
    try:
        shutil.copyfileobj(sys.stdin.buffer, file, CHUNK)
        file.flush()
    except OSError as error:
        raise StoreError(f"stdin cannot be kept in {file.name}: {error.strerror}", way_out(error)) from None


def _identity(source: Path) -> str:
    """A name for the run of this input: the same prompts find their journal again."""
    if not source.is_file():
        return "none"  # reading it will say what is wrong
    return digest(str(source))[0][:16]
