"""The journal: every answered call of a run, on disk before it is used.

From this one rule follow resume (answered calls come back), replay (a changed check costs no call) and cost (a sum).
SQLite in WAL mode with full synchronisation; what waits for its commit stands in the tail: a killed process loses only
calls still in flight, a power cut the answers of the last instant besides.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rmboost.errors import BackendError, StoreError, TransientError, way_out
from rmboost.journal import rescue, schema
from rmboost.journal.lenders import Lenders
from rmboost.journal.reader import JournalReader
from rmboost.journal.schema import control_sum
from rmboost.journal.tail import Tail
from rmboost.journal.writer import Writer, commit
from rmboost.records import Job, Response, Spec


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered call as the journal keeps it. ``spec``: what was ordered of the job it belongs to."""

    key: bytes
    job: str
    call: int
    role: str
    response: Response
    seconds: float
    spec: Spec | None = None

    def row(self) -> tuple[Any, ...]:
        answer, usage = self.response, self.response.usage
        tokens = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
        about = (self.key, self.job, self.call, self.role, answer.model, answer.text, answer.finish_reason)
        top = json.dumps(answer.top, ensure_ascii=False) if answer.top else None
        spec = _spelled(self.spec) if self.spec else None
        control = control_sum(self.key, answer.text, answer.model, answer.finish_reason, *tokens, top)
        return (*about, *tokens, self.seconds, time.time(), top, spec, control, usage.estimated)


@lru_cache(maxsize=1024)
def _spelled(spec: Spec) -> str:
    """What was ordered, as JSON; a run has few specs, and many calls of each."""
    return json.dumps([spec.label, *spec.aspects], ensure_ascii=False)


_REFUSED = "INSERT OR REPLACE INTO refusals VALUES (?,?,?)"


class Journal(JournalReader):
    """The journal of the run that this process works on. Entries that arrive during a commit share the next one.

    rescued: what is to be told when the file was damaged and has been put in order; else empty. lenders: journals of
    other runs, whose answers may be copied into this one. goes_on: whether answers are taken in that a killed process
    could not commit; not where somebody only looks.
    """

    def __init__(self, path: Path, lenders: Iterable[Path] = (), *, goes_on: bool = True) -> None:
        self.path = path
        self.rescued = self._rescue() if rescue.is_marked(path) else ""
        with ExitStack() as opened:
            to_write = opened.enter_context(closing(self._connect()))
            super().__init__(path, opened.enter_context(closing(self._connect())))
            self._check_index()
            tail = Tail(path)
            if goes_on:
                self._take_in(tail, to_write)
            opened.pop_all()
        self._file = path.stat().st_ino
        self._held: list[tuple[bytes, str, bool]] | None = None
        """refusals that are not noted yet (``hold_refusals``); none: each is noted at once"""
        self._lenders = Lenders(lenders)
        self._writer = Writer(to_write, tail, self._as_ours)

    def put(self, entry: Entry) -> asyncio.Future[None]:
        """Write an answer: no kill can take it from now on, and it is on disk when what is returned is done.

        That raises StoreError when the disk will not take it.
        """
        return self._writer.put(entry.row(), entry.seconds)

    @property
    def waiting(self) -> int:
        """How many answers wait for others, to be brought to disk together."""
        return self._writer.waiting

    def lent(self, key: bytes, job: Job, call: int, role: str) -> Entry | None:
        """The answer that another run has to this call, to be put here as well; None where nobody has it."""
        found = self._lenders.find(key)
        return Entry(key, job.key, call, role, *found, job.spec) if found else None

    def remember(self, name: str, value: Any) -> None:
        """Set a named value with the next commit."""
        text = json.dumps(value)
        self._writer.do("INSERT OR REPLACE INTO state VALUES (?,?,?)", name, text, control_sum(text))

    def note_refusal(self, key: bytes, error: BackendError) -> None:
        """Keep, with the next commit, why this call was given up."""
        note = (key, str(error), isinstance(error, TransientError))
        if self._held is None:
            self._writer.do(_REFUSED, *note)
        else:
            self._held.append(note)

    def hold_refusals(self) -> None:
        """From now on keep new refusals back: rows on disk tell of the earlier ones, and ``verify`` compares them."""
        self._held = []

    def note_held_refusals(self) -> None:
        """Those rows are gone: note what was kept back, with the next commit."""
        for note in self._held or ():
            self._writer.do(_REFUSED, *note)
        self._held = None

    def refuse_meddling(self) -> None:
        """Raises StoreError where the file is no longer there: what is written would be lost with this process."""
        try:
            there = self.path.stat().st_ino
        except OSError:
            there = 0
        if there != self._file:
            raise StoreError(
                f"{self.path} was removed or replaced while the run wrote it", "no answer could be kept any more"
            )

    async def close(self) -> None:
        """Wait for what is being written, then close the file."""
        try:
            await self._writer.close()
        finally:
            self._lenders.close()
            self._connection.close()

    def _take_in(self, tail: Tail, connection: sqlite3.Connection) -> None:
        """Raises StoreError."""
        try:
            if rows := list(tail.left()):
                commit(connection, rows)
            tail.remove()
        except rescue.ERRORS as error:
            raise self._translated(error, "written") from None
        except OSError as error:
            raise StoreError(f"{error.filename} cannot be read: {error.strerror}", way_out(error)) from None

    def _rescue(self) -> str:
        """Raises StoreError where nothing can be read, or there is no room for the copy."""
        try:
            return rescue.rescue(self.path)
        except rescue.ERRORS as error:
            raise self._translated(error, "rescued") from None
        except OSError as error:
            raise StoreError(f"{self.path} cannot be rescued: {error.strerror}", way_out(error)) from None

    def _damaged(self, what: str) -> StoreError:
        rescue.mark(self.path)
        return super()._damaged(what)

    def _check_index(self) -> None:
        """Raises StoreError where the index of the keys is out of order, which would hide answers without an error.

        Takes 0.2 s for a million calls; SQLite's own check reads the whole file.
        """
        before = b""
        for (key,) in self._rows("SELECT key FROM calls ORDER BY key"):
            if not isinstance(key, bytes) or key <= before:
                raise self._damaged("the index of its answers is out of order")
            before = key

    def _connect(self) -> sqlite3.Connection:
        try:
            return schema.connect(self.path)
        except rescue.ERRORS as error:
            raise self._translated(error, "opened") from None

    def _as_ours(self, error: Exception) -> Exception:
        return self._translated(error, "written") if isinstance(error, rescue.ERRORS) else error
