"""The spool: prompts that lie in no file, from standard input or Python, are kept in one, so that a run can be resumed.

In the folder of a run its name tells what is in it: what the run has read is never written over, also if nothing comes
of the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from rmboost.claim import claim, run_folder
from rmboost.errors import InputError, StoreError, lacks_room, way_out
from rmboost.manifest import read_manifest
from rmboost.sources.files import digest

_DIGITS = 16  # of the hash: nobody has so many inputs that two are called the same


def keep_beside(
    output: Path, name: str, write: Callable[[BinaryIO], None], nothing: InputError, *, fresh: bool = False
) -> Path:
    """A file with what ``write`` writes, called like ``name``, in the folder of the run that writes ``output``.

    fresh: the run is about to be set aside. Raises StoreError where the folder is not ours or is in use, and
    ``nothing`` where nothing is written.
    """
    folder = run_folder(output)
    with claim(output, fresh=fresh):
        draft = keep(folder / f"new-{name}", write, nothing)
        wanted = folder / name
        kept = draft.replace(wanted.with_stem(f"{wanted.stem}-{digest(str(draft))[0][:_DIGITS]}"))
        for path in _of_earlier_commands(kept, wanted):
            path.unlink()
    return kept


def keep(path: Path, write: Callable[[BinaryIO], None], nothing: InputError) -> Path:
    """This file, which appears only when it is whole. Raises ``nothing`` where nothing is written."""
    part = path.with_name(f"{path.name}.part")
    try:
        with _opened(part) as file:
            write(file)
        if not part.stat().st_size:
            raise nothing
        return part.replace(path)
    except OSError as error:
        if not lacks_room(error):  # of whoever hands in the prompts
            raise
        raise StoreError(f"{part} cannot be written: {error.strerror}", way_out(error)) from None
    finally:
        part.unlink(missing_ok=True)


def _opened(part: Path) -> BinaryIO:
    try:
        return part.open("wb")
    except OSError as error:
        raise StoreError(f"{part} cannot be written: {error.strerror}", way_out(error)) from None


def _of_earlier_commands(kept: Path, wanted: Path) -> Iterator[Path]:
    """Files that the run has no use for: it began after them, and its rows can be made again of another.

    A younger one is of a command that is about to begin.
    """
    folder = kept.parent
    try:
        read = Path((read_manifest(folder).get("input") or {}).get("path", "")).name
        began = (folder / "manifest.json").stat().st_mtime
    except (StoreError, OSError):  # whatever it was
        return
    for path in folder.glob(f"{wanted.stem}-*{wanted.suffix}"):
        if path.name not in (kept.name, read) and path.stat().st_mtime < began:
            yield path
