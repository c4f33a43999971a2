"""The files of a run: the output, and beside it a folder with journal, manifest, rejects and lock.

Rows are appended in input order as the frontier of settled jobs moves. A checkpoint in the journal says how far the
files are good; whatever a killed process wrote past it is cut off and written again from the journal.

What a process finds, and what it does about it (``Store.resume``):

    nothing                                 all anew
    what other settings made                all anew; the old rows stay until the first new one is there, and are then
                                            set aside: a command that comes to nothing takes nothing away
    killed in the middle                    cut to the checkpoint, and on from there
    stopped, or with jobs added since       on from its end, if the rows are those that it left
    all settled                             nothing; files that nobody touched are not even read
    all settled, some of it failed          a redo: the old rows stay until the first new one is there, and are then
                                            cut to the first failure
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from itertools import takewhile
from pathlib import Path
from shlex import quote
from typing import Any

from rmboost.claim import claim, free, move, run_folder
from rmboost.errors import StoreError
from rmboost.journal import Journal
from rmboost.manifest import read_manifest, refuse_incomplete, replace_manifest
from rmboost.records import Failed, Kept, Outcome
from rmboost.run.checkpoint import Checkpoint, Mark
from rmboost.run.rowfile import RowFile
from rmboost.run.tally import Tally

_CHECKPOINT_SECONDS = 1.0


class Store:
    """The files of the run that writes ``output``, claimed by this process until ``close``.

    lenders: journals of other runs, whose answers are as good. notice: what a person is told of rows that did not fit
    the run that goes on; else empty.
    Raises StoreError when the output is not ours, or another process works on it.
    """

    def __init__(self, output: Path, lenders: Iterable[Path] = ()) -> None:
        self.output = output
        self.folder = run_folder(output)
        self.tally = Tally()
        self.notice = ""
        self._run = ""
        self._first_failure: Mark | None = None
        self._redo: Checkpoint | None = None
        """of a run that asks failed jobs again: its old rows stay until the first new one is there, if one ever is"""
        self._others = False
        """whether the rows in the files are still those of other settings; the same holds for them"""
        self._begun: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None
        self._checked = time.monotonic()
        self._lock = claim(output)
        try:
            self.journal = Journal(self.folder / "journal.sqlite", lenders)
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
        """What the last run here wrote about itself; empty when there was none. Raises StoreError."""
        if manifest := read_manifest(self.folder):
            refuse_incomplete(manifest, self.folder)
        return manifest

    def begin(self, manifest: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        """Note what rows are made of from now on; where others are still there, when the first new one is."""
        self._begun = (manifest, plan)
        if not self._others:
            self._note_begun()

    def _note_begun(self) -> None:
        if self._begun:
            manifest, plan = self._begun
            self.write_manifest(manifest)
            self._note_plan(plan)

    def _note_plan(self, plan: Mapping[str, Any]) -> None:
        if plan != self.journal.recall("plan"):
            self.journal.remember("plan", plan)

    def write_manifest(self, values: Mapping[str, Any]) -> None:
        """Replace the manifest in one step, with the files' sizes and hashes; that of other settings' rows stays."""
        if self._others:
            return
        mark = self._mark()
        named = ((self._pairs, mark.pairs), (self._rejects, mark.rejects))
        files = {file.path.name: {"bytes": size, "sha256": sha256} for file, (size, sha256) in named}
        values = {"output": self.output.name, **values}
        text = json.dumps({**values, "files": files}, indent=2, ensure_ascii=False) + "\n"
        replace_manifest(self.folder, text)

    def resume(self, run: str, jobs: int, earlier: str = "") -> int:
        """Open the files for a run over so many jobs; how many of them are settled already, whose rows stay.

        run: a hash of settings and input. earlier: that of a run whose jobs were the first of these.
        """
        self._run = run
        checkpoint = Checkpoint.load(self.journal.recall("checkpoint"))
        start = checkpoint.start(jobs) if checkpoint.run in (run, earlier or run) else None
        if start and self._open(checkpoint, start, done=start.jobs == jobs):
            self.tally = Tally.load(dict(start.tally))
            self._first_failure = checkpoint.first_failure if self.tally.failed else None
            if checkpoint.closed and start is not checkpoint.end:
                return self._begin_redo(checkpoint)
        elif self.output.is_file() and self.output.stat().st_size:
            self._others = True
            then = f"when it has its first, they are moved to {self._aside()}; answered calls are used again"
            self.notice = f"the rows so far do not fit this run: {then}"
        else:
            self._open_at(Mark())
        self.checkpoint(closed=self.tally.settled == jobs)
        return self.tally.settled

    def _begin_redo(self, checkpoint: Checkpoint) -> int:
        """Keep the old rows for now, and in the journal the refusals that they tell of, by which ``verify`` goes."""
        self._redo = replace(checkpoint, run=self._run, closed=False)
        self.journal.remember("checkpoint", asdict(self._redo))
        self.journal.hold_refusals()
        return self.tally.settled

    def _drop_old_rows(self) -> None:
        self._redo = None
        self.journal.note_held_refusals()
        self.checkpoint()
        self._pairs.cut()
        self._rejects.cut()

    def go_on(self, run: str, plan: Mapping[str, Any]) -> None:
        """What is settled are from now on the first jobs of this run; it is noted with the next commit."""
        if not (self._pairs.is_open or self._open_at(self._mark())):
            hint = f"rmboost verify {quote(str(self.output))} tells what is different"
            raise StoreError(f"{self.output} is not what it was when its run ended", hint)
        self._run = run
        self._note_plan(plan)
        self.checkpoint()

    def add(self, outcome: Outcome, row: Mapping[str, Any]) -> bytes:
        """Append the row of the next job in input order, to the pairs or to the rejects; returns its line."""
        if self._redo:
            self._drop_old_rows()
        if self._others:
            self._set_others_aside()
        if isinstance(outcome, Failed):
            self._first_failure = self._first_failure or self._mark()
        line = (self._pairs if isinstance(outcome, Kept) else self._rejects).append(row)
        self.tally.add(outcome)
        if time.monotonic() - self._checked > _CHECKPOINT_SECONDS:
            self.checkpoint()
        return line

    def refuse_meddling(self) -> None:
        """Raises StoreError where the journal or the rows that are written have been taken away."""
        self.journal.refuse_meddling()
        for file in (self._pairs, self._rejects):
            file.refuse_meddling()

    def checkpoint(self, *, closed: bool = False) -> None:
        """Note in the journal how far the files are good. closed: nothing more will be added by this process."""
        self._checked = time.monotonic()
        if self._others:
            return
        changed = (0, 0)
        if closed:
            self._pairs.flush()
            self._rejects.flush()
            changed = (self._pairs.changed, self._rejects.changed)
        state = Checkpoint(self._run, self._mark(), self._first_failure, closed, changed)
        if self._redo:
            state = replace(self._redo, closed=closed, changed=changed)
            self.tally = Tally.load(dict(state.end.tally)) if closed else self.tally
        self.journal.remember("checkpoint", asdict(state))

    async def close(self) -> None:
        """Bring everything to disk and let others have the output."""
        async with AsyncExitStack() as each:  # whatever becomes of the others
            each.callback(self._lock.close)
            each.push_async_callback(self.journal.close)
            each.callback(self._rejects.close)
            each.callback(self._pairs.close)

    def lines(self) -> Iterator[bytes]:
        """The rows that the output holds already, and that are not made again."""
        if self.output.is_file():
            with self.output.open("rb") as file:
                yield from takewhile(lambda _: file.tell() <= self._pairs.size, iter(file.readline, b""))

    def _mark(self) -> Mark:
        if self._redo:
            return self._redo.end
        pairs, rejects = ((file.size, file.sha256) for file in (self._pairs, self._rejects))
        return Mark(self.tally.settled, pairs, rejects, self.tally.dump())

    def _open(self, checkpoint: Checkpoint, start: Mark, *, done: bool) -> bool:
        """Open the files at ``start``, if they are as the checkpoint says; one million rows are three gigabytes, so
        they are not read when nothing will be added and nobody has touched them since.
        """
        end = checkpoint.end
        cut_already = start is not end and self._pairs.length == start.pairs[0]
        if checkpoint.closed and self._pairs.length != end.pairs[0] and not cut_already:
            return False
        untouched = checkpoint.closed and checkpoint.changed == (self._pairs.changed, self._rejects.changed)
        if untouched and done:
            self._pairs.adopt(*end.pairs)
            self._rejects.adopt(*end.rejects)
            return True
        if checkpoint.closed and start is not end and not untouched and not cut_already and not self._open_at(end):
            return False
        return self._open_at(start, cut=start is end or not checkpoint.closed)

    def _open_at(self, mark: Mark, *, cut: bool = True) -> bool:
        return self._rejects.open_at(*mark.rejects, cut=cut) and self._pairs.open_at(*mark.pairs, cut=cut)

    def _set_others_aside(self) -> None:
        self._others = False
        move(self.output, self._aside())
        self._open_at(Mark())
        self._note_begun()
        self.checkpoint()

    def _aside(self) -> Path:
        """Where rows go that do not fit."""
        return free(self.folder / f"previous{self.output.suffix}")
