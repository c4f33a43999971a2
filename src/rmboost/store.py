"""The files of a run: the output, and beside it a folder with journal, manifest, rejects and lock.

Rows are appended in input order as the frontier of settled jobs moves. A checkpoint in the journal says how far the
files are good; whatever a killed process wrote past it is cut off and written again from the journal.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from rmboost.errors import StoreError
from rmboost.journal import Journal
from rmboost.records import Kept, Outcome
from rmboost.rowfile import RowFile
from rmboost.tally import Tally

_CHECKPOINT_SECONDS = 1.0


@dataclass(frozen=True)
class Checkpoint:
    """How far the files are good, for the settings and input that ``run`` is the hash of."""

    run: str = ""
    jobs: int = 0
    pairs: tuple[int, str] = (0, "")
    rejects: tuple[int, str] = (0, "")
    tally: Mapping[str, Any] = field(default_factory=dict)
    closed: bool = False
    """the process that wrote it ended in peace: whatever stands past it now was written by other hands"""


class Store:
    """The files of the run that writes ``output``, claimed by this process until ``close``.

    Raises StoreError when the output is not ours, or another process works on it.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output.with_suffix(".run")
        self.tally = Tally()
        self._checked = time.monotonic()
        self._lock = claim(output)
        try:
            self.journal = Journal(self.folder / "journal.sqlite")
        except StoreError:
            self._lock.close()
            raise
        self._pairs = RowFile(output)
        self._rejects = RowFile(self.folder / "rejects.jsonl")

    @property
    def rejects(self) -> Path:
        return self._rejects.path

    @property
    def manifest(self) -> dict[str, Any]:
        """What the last run here wrote about itself; empty when there was none."""
        return read_manifest(self.folder)

    def write_manifest(self, values: Mapping[str, Any]) -> None:
        """Replace the manifest in one step; the files' sizes and hashes are added."""
        files = {file.path.name: {"bytes": file.size, "sha256": file.sha256} for file in (self._pairs, self._rejects)}
        draft = self.folder / "manifest.json.new"
        values = {"output": self.output.name, **values}
        draft.write_text(json.dumps({**values, "files": files}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(self.folder / "manifest.json")

    def resume(self, run: str, jobs: int) -> int:
        """Open the files for a run over ``jobs`` jobs; how many of them are settled in the files already.

        Files of other settings, or changed by other hands, are set aside and written anew from the journal.
        """
        self._run = run
        checkpoint = Checkpoint(**(self.journal.recall("checkpoint") or {}))
        if self._goes_on(checkpoint, jobs) and self._open(checkpoint):
            self.tally = Tally.load(dict(checkpoint.tally)) if checkpoint.tally else Tally()
            return checkpoint.jobs
        self._set_output_aside()
        self._open(Checkpoint())
        self.checkpoint()
        return 0

    def add(self, outcome: Outcome, row: Mapping[str, Any]) -> bytes:
        """Append the row of the next job in input order, to the pairs or to the rejects; returns its line."""
        line = (self._pairs if isinstance(outcome, Kept) else self._rejects).append(row)
        self.tally.add(outcome)
        if time.monotonic() - self._checked > _CHECKPOINT_SECONDS:
            self.checkpoint()
        return line

    def checkpoint(self, *, closed: bool = False) -> None:
        """Note in the journal how far the files are good."""
        self._checked = time.monotonic()
        pairs, rejects = ((file.size, file.sha256) for file in (self._pairs, self._rejects))
        state = Checkpoint(self._run, self.tally.settled, pairs, rejects, self.tally.dump(), closed)
        self.journal.remember("checkpoint", asdict(state))

    async def close(self) -> None:
        """Bring everything to disk and let others have the output."""
        self._pairs.close()
        self._rejects.close()
        await self.journal.close()
        self._lock.close()

    def lines(self) -> Iterator[bytes]:
        """The rows that the output holds already."""
        if self.output.is_file():
            with self.output.open("rb") as file:
                yield from file

    def _goes_on(self, checkpoint: Checkpoint, jobs: int) -> bool:
        """A finished run with failed jobs does not: it is written anew, so that just those are asked again."""
        finished = checkpoint.jobs == jobs
        return (
            checkpoint.run == self._run
            and checkpoint.jobs <= jobs
            and not (finished and checkpoint.tally.get("failed"))
        )

    def _open(self, at: Checkpoint) -> bool:
        if at.closed and self.output.is_file() and self.output.stat().st_size != at.pairs[0]:
            return False
        return self._rejects.open_at(*at.rejects) and self._pairs.open_at(*at.pairs)

    def _set_output_aside(self) -> None:
        if self.output.is_file() and self.output.stat().st_size:
            self.output.replace(_free(self.folder / f"previous{self.output.suffix}"))


def claim(output: Path) -> IO[str]:
    """The lock on a run's folder, held until it is closed. Raises StoreError when the output is not ours to use."""
    folder = output.with_suffix(".run")
    _refuse_foreign(output, folder)
    return _lock(output, folder)


def _lock(output: Path, folder: Path) -> IO[str]:
    try:
        folder.mkdir(exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise StoreError(f"{folder} cannot be used: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with lock:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
        raise StoreError(f"process {owner} is working on {output}", "wait for it, or choose another -o") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def _refuse_foreign(output: Path, folder: Path) -> None:
    if output.is_dir():
        raise StoreError(f"{output} is a folder", f"-o {output / 'pairs.jsonl'}")
    if not output.parent.is_dir():
        raise StoreError(f"there is no folder {output.parent}", f"mkdir -p {output.parent}")
    if output.suffix == ".run":
        raise StoreError(f"{output} would be its own run folder", "choose a name that ends in .jsonl")
    made = read_manifest(folder).get("output")
    if output.is_file() and output.stat().st_size and made != output.name:
        raise StoreError(
            f"{output} exists and was not made by the run in {folder}; it is left alone",
            "choose another -o, or move the file away",
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder; empty when there is none. Raises StoreError when it cannot be read."""
    path = folder / "manifest.json"
    if not path.is_file():
        return {}
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{path} cannot be read: {error}", "--fresh starts over and keeps the old run beside it"
        ) from None
    return dict(manifest)


def _is_of_another(output: Path, folder: Path) -> bool:
    """Whether the run belongs to another file; a damaged one, which is to be moved out of the way, does not."""
    try:
        return bool(read_manifest(folder).get("output", output.name) != output.name)
    except StoreError:
        return False


def set_aside(output: Path) -> Path | None:
    """Move a run of ours and its output to a folder of their own (``--fresh``): nothing paid for is deleted."""
    folder = output.with_suffix(".run")
    if not folder.is_dir():
        return None
    if _is_of_another(output, folder):
        _refuse_foreign(output, folder)
    aside = _free(folder.with_name(f"{folder.name}.{time.strftime('%Y%m%d-%H%M%S')}"))
    with _lock(output, folder):
        if output.is_file():
            output.replace(folder / output.name)
        folder.replace(aside)
    return aside


def _free(path: Path) -> Path:
    """This path, or with a number the first one like it that is not taken."""
    names = (path, *(path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(2, 10_000)))
    return next(name for name in names if not name.exists())
