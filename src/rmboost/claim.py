"""Whose output it is: the lock on a run's folder, the manifest that names its output, and moving a run aside."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path
from shlex import quote
from typing import IO, Any

from rmboost.errors import StoreError, way_out
from rmboost.manifest import read_manifest, refuse_incomplete

_PATIENCE = (0.0, 0.02, 0.05, 0.1)
"""Seconds before each try at the lock: ``owner`` may be looking at it for an instant."""
_TAKEN = (BlockingIOError, PermissionError)
"""What a lock that somebody holds is refused with; the second where a network's file system stands in for ``flock``."""
_OTHER_FORMS = (".csv", ".tsv", ".parquet", ".arrow", ".gz", ".zst", ".xz", ".bz2", ".zip", ".xlsx")
_PARTS = ("lock", "manifest.json", "journal.sqlite")
"""By one of these and its name the folder of a run is known, be it damaged or set aside."""


def refuse_input(prompts: Path, output: Path) -> None:
    """Raises StoreError where the run would write over what it reads."""
    for written in (output, run_folder(output) / "rejects.jsonl"):
        if prompts.exists() and written.exists() and prompts.samefile(written):
            raise StoreError(f"{written} is the file that is read; it is left alone", "choose another -o")


def refuse_folder(output: Path, name: str = "pairs.jsonl") -> None:
    """Raises StoreError where the output is a folder: with what its run writes, or a name in it that is free."""
    if not output.is_dir():
        return
    if output.suffix == ".run" and (made := _told_by(output).get("output")):
        its = output.parent / str(made)
        raise StoreError(f"{output} is the folder of the run that writes {its}", "choose another -o")
    if ".run" in output.suffixes and any((output / part).exists() for part in _PARTS):
        raise StoreError(f"{output} is the folder of a run", "choose another -o")
    raise StoreError(f"{output} is a folder", f"-o {quote(str(free(output / name)))}")


def refuse_form(output: Path) -> None:
    """Raises StoreError for a name that promises what is not written, or among the files of a run."""
    if output.suffix.lower() in _OTHER_FORMS:
        plain = output
        while plain.suffix.lower() in (*_OTHER_FORMS, ".jsonl"):
            plain = plain.with_suffix("")
        hint = f"-o {quote(str(free(plain.with_name(f'{plain.name}.jsonl'))))}"
        raise StoreError(f"{output}: rows are written as JSON Lines, in plain text", hint)
    if output.parent.suffix == ".run" and (output.parent / "journal.sqlite").exists():
        raise StoreError(f"{output.parent} is the folder of a run", "choose another -o")


def _watched(output: Path, folder: Path) -> str:
    """How to see how far it is; nothing where there is no journal yet."""
    place = output if (folder / "journal.sqlite").exists() else output.parent  # a comparison has none of its own
    shown = place is output or any(place.glob("*/pairs.run/journal.sqlite"))
    return f": rmboost status {quote(str(place))} shows how far it is" if shown else ""


def claim(output: Path, *, fresh: bool = False) -> IO[str]:
    """The lock on a run's folder, held until it is closed. Raises StoreError when the output is not ours to use.

    fresh: it is about to be set aside, so its manifest may be damaged.
    """
    folder = run_folder(output)
    if not (fresh and _is_damaged(folder)):
        _refuse_foreign(output, folder)
    return _lock(output, folder)


def run_folder(output: Path) -> Path:
    """The folder of the run that writes ``output``. Raises StoreError for ``.`` and ``/``, which are no files."""
    if not output.name:
        raise StoreError(f"{output} is a folder", f"name a file, such as {output / 'pairs.jsonl'}")
    return output.with_suffix(".run")


def _lock(output: Path, folder: Path) -> IO[str]:
    path = folder / "lock"
    lock = _taken(output, path)
    while not _is_at(path, lock):  # --fresh of another process has moved it aside in the meantime
        lock.close()
        lock = _taken(output, path)
    try:
        os.pwrite(lock.fileno(), f"{os.getpid():<10}\n".encode(), 0)  # over the last one: a full disk has room for it
    except OSError as error:
        lock.close()
        raise StoreError(f"{path} cannot be written: {error.strerror}", way_out(error)) from None
    return lock


def _taken(output: Path, path: Path) -> IO[str]:
    try:
        path.parent.mkdir(exist_ok=True)
        path.touch()
        lock = path.open("r+")
    except OSError as error:
        raise StoreError(f"{path.parent} cannot be used: {error.strerror}") from None
    try:
        taken = any(_takes(lock, seconds) for seconds in _PATIENCE)
    except OSError as error:
        lock.close()
        raise StoreError(f"{path} cannot be locked: {error.strerror}", "an -o on another file system") from None
    if not taken:
        with lock:
            pid = lock.read().strip() or "unknown"
        raise StoreError(f"process {pid} is working on {output}", f"wait for it{_watched(output, path.parent)}")
    return lock


def _is_at(path: Path, lock: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(lock.fileno()))
    except FileNotFoundError:
        return False


def _takes(lock: IO[str], seconds: float) -> bool:
    time.sleep(seconds)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except _TAKEN:
        return False
    return True


def owner(folder: Path) -> str | None:
    """The id of the process that works in this run folder; None when nobody does."""
    try:
        lock = (folder / "lock").open()
    except OSError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except _TAKEN:
            return lock.read().strip() or "unknown"
        except OSError:  # a file system without locks
            return None
    return None


def _refuse_foreign(output: Path, folder: Path) -> None:
    refuse_folder(output)
    if str(output) == "-" or (output.exists() and not output.is_file()):
        raise StoreError(f"{output} is no file, and a run goes on from what its output holds", "-o pairs.jsonl")
    real = Path(os.path.realpath(output)) if output.is_symlink() else output
    if not real.parent.is_dir():
        raise StoreError(f"there is no folder {real.parent}", f"mkdir -p {quote(str(real.parent))}")
    _refuse_link(output, folder)
    if output.suffix == ".run":
        raise StoreError(f"{output} would be its own run folder", "choose a name that ends in .jsonl")
    made = read_manifest(folder).get("output")
    if made != output.name:
        refuse_form(output)
    if output.is_file() and output.stat().st_size and made != output.name:
        raise StoreError(
            f"{output} exists and was not made by the run in {folder}; it is left alone",
            "choose another -o, or move the file away",
        )
    if made and made != output.name and (output.parent / made).is_file():
        raise StoreError(
            f"{folder} is the folder of the run that made {output.parent / made}; it is left alone",
            "choose another -o: up to the last dot, the names of two outputs have to differ",
        )


def _refuse_link(output: Path, folder: Path) -> None:
    """Raises StoreError for an output that leads to that of a run in another folder than this one."""
    if not output.is_symlink() or not (real := Path(os.path.realpath(output))).is_file():
        return
    its = run_folder(real)
    is_ours = folder.exists() and its.exists() and its.samefile(folder)
    if not is_ours and read_manifest(its).get("output") == real.name:
        raise StoreError(f"{output} leads to {real}, which another run made; it is left alone", "choose another -o")


def manifest_of(output: Path) -> dict[str, Any]:
    """The manifest of the run that writes ``output``. Raises StoreError when there is none, or it is not whole."""
    folder = run_folder(output)
    manifest = read_manifest(folder)
    made = manifest.get("output")
    if made and made != output.name:
        both = f"mv {quote(str(output))} {quote(str(output.with_name(str(made))))}"
        raise StoreError(f"{folder} is the folder of the run that writes {made}, and {output} is none of it", both)
    if not made or not (folder / "journal.sqlite").is_file():
        raise StoreError(f"there is no run beside {output}", "name the file that rmboost generate writes (-o)")
    refuse_incomplete(manifest, folder)
    return manifest


def surveyed(output: Path) -> dict[str, Any]:
    """What the last run on this output found in its prompts; empty when there was none, or it cannot be read."""
    found = _told_by(output).get("input")
    return found if isinstance(found, dict) else {}


def is_finished(output: Path) -> bool:
    """Whether the last run on this output came to its end; not when there was none, or it cannot be read."""
    return _told_by(output).get("status") == "finished"


def _told_by(output: Path) -> dict[str, Any]:
    try:
        return read_manifest(run_folder(output))
    except StoreError:
        return {}


def _is_damaged(folder: Path) -> bool:
    try:
        read_manifest(folder)
    except StoreError:
        return True
    return False


def set_aside(output: Path, source: Path | None = None) -> Path | None:
    """Move a run of ours and its output to a folder of their own (``--fresh``): nothing paid for is deleted.

    source: what the new run reads. Where it lies in the run's folder, as standard input does, a copy of it stays.
    """
    folder = run_folder(output)
    inside = source if source and source.resolve().parent == folder.resolve() else None
    ours = {"lock", inside.name if inside else ""}
    if not folder.is_dir() or {each.name for each in folder.iterdir()} <= ours:
        return None
    _refuse_link(output, folder)
    if not _is_damaged(folder) and read_manifest(folder).get("output") != output.name:
        _refuse_foreign(output, folder)
    aside = free(folder.with_name(f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}"))
    with _lock(output, folder):
        if output.is_file():
            move(output, folder / output.name)
        folder.replace(aside)
        if inside:
            folder.mkdir(exist_ok=True)
            shutil.copyfile(aside / inside.name, inside)
    return aside


def move(output: Path, place: Path) -> Path:
    """Move the rows of an output, also of one that is a link, also to another disk; a link is left as it is."""
    try:
        shutil.move(os.path.realpath(output), place)
    except OSError as error:
        raise StoreError(f"{output} cannot be moved to {place}: {error.strerror or error}", way_out(error)) from None
    return place


def free(path: Path) -> Path:
    """This path, or with a number the first one like it that is not taken."""
    names = (path, *(path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(2, 10_000)))
    return next(name for name in names if not name.exists())
