"""The journal: every answered call of a run, on disk before it is used.

From this one rule follow resume (answered calls come back), replay (a changed check costs no call) and cost (a sum).
SQLite in WAL mode with full synchronisation: a killed process or a power cut loses only calls still in flight.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmboost.errors import BackendError, StoreError, TransientError
from rmboost.journal import rescue, schema
from rmboost.journal.lenders import Lenders
from rmboost.journal.reader import JournalReader
from rmboost.journal.schema import control_sum
from rmboost.records import Job, Response, Spec

_GATHER_SECONDS, _GATHER_SHARE, _LONGEST_GATHER = 0.005, 0.02, 0.02
"""The longest that an answer waits for others to share its commit, which costs as much CPU as all else about a call:
5 ms, or 2 % of what answers take, up to 20 ms."""
_COMPANY = 16
"""So many answers make a commit cheap enough: none waits longer than they take to come."""
_INSERT = "INSERT OR IGNORE INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"


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
        spec = json.dumps([self.spec.label, *self.spec.aspects], ensure_ascii=False) if self.spec else None
        control = control_sum(self.key, answer.text, answer.model, answer.finish_reason, *tokens, top)
        return (*about, *tokens, self.seconds, time.time(), top, spec, control, usage.estimated)


class Journal(JournalReader):
    """The journal of the run that this process works on. Entries that arrive during a commit share the next one.

    rescued: what is to be told when the file was damaged and has been put in order; else empty. lenders: journals of
    other runs, whose answers may be copied into this one.
    """

    def __init__(self, path: Path, lenders: Iterable[Path] = ()) -> None:
        self._path = path
        self.rescued = rescue.rescue(path) if rescue.is_marked(path) else ""
        with ExitStack() as opened:
            self._writer = opened.enter_context(closing(self._connect()))
            super().__init__(path, opened.enter_context(closing(self._connect())))
            self._check_index()
            opened.pop_all()
        self._lenders = Lenders(lenders)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rmboost-journal")
        self._batch: _Batch | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._arrivals = _Arrivals()

    async def put(self, entry: Entry) -> None:
        """Write an answer; returns when it is on disk. Raises StoreError when the disk will not take it."""
        self._arrivals.note(entry.seconds)
        batch = self._join_batch()
        batch.calls.append(entry.row())
        await asyncio.shield(batch.written)

    async def borrow(self, key: bytes, job: Job, call: int, role: str) -> Response | None:
        """The answer that another run has to this call, once it is on disk here as well; None where nobody has it."""
        found = self._lenders.find(key)
        if not found:
            return None
        await self.put(Entry(key, job.key, call, role, *found, job.spec))
        return found[0]

    def remember(self, name: str, value: Any) -> None:
        """Set a named value with the next commit."""
        text = json.dumps(value)
        self._do("INSERT OR REPLACE INTO state VALUES (?,?,?)", name, text, control_sum(text))

    def note_refusal(self, key: bytes, error: BackendError) -> None:
        """Keep, with the next commit, why this call was given up."""
        passing = isinstance(error, TransientError)
        self._do("INSERT OR REPLACE INTO refusals VALUES (?,?,?)", key, str(error), passing)

    async def close(self) -> None:
        """Wait for what is being written, then close the file."""
        if self._flushing:
            await self._flushing
        self._thread.shutdown()
        self._lenders.close()
        self._reader.close()
        self._writer.close()

    def _damaged(self, what: str) -> StoreError:
        rescue.mark(self._path)
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
            return schema.connect(self._path)
        except rescue.ERRORS as error:
            raise self._translated(error, "opened") from None

    def _do(self, statement: str, *values: Any) -> None:
        self._join_batch().others.append((statement, values))

    def _join_batch(self) -> _Batch:
        if self._batch is None:
            self._batch = _Batch()
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush())
        return self._batch

    async def _flush(self) -> None:
        """Commit batch after batch, as long as entries come in."""
        loop = asyncio.get_running_loop()
        while self._batch is not None:
            await asyncio.sleep(self._arrivals.patience())
            batch, self._batch = self._batch, None
            try:
                await loop.run_in_executor(self._thread, self._commit, batch)
            except rescue.ERRORS as error:
                batch.fail(self._translated(error, "written"))
            except Exception as error:  # whoever waits for the batch must hear of a bug as well
                batch.fail(error)
            else:
                batch.written.set_result(None)

    def _commit(self, batch: _Batch) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            self._writer.executemany(_INSERT, batch.calls)
            for statement, values in batch.others:
                self._writer.execute(statement, values)
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:  # a full disk has rolled it back already
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    self._writer.execute("ROLLBACK")
            raise


class _Arrivals:
    """How thick answers come and how long they take, and so how long it is worth waiting for more of them."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._gap, self._took = _LONE, 0.0

    def note(self, took: float) -> None:
        """One more answer, which took so many seconds."""
        now = time.monotonic()
        self._gap += (min(now - self._last, _LONE) - self._gap) / 8
        self._took += (took - self._took) / 64
        self._last = now

    def patience(self) -> float:
        """Seconds; none where nobody would come within them."""
        longest = min(max(_GATHER_SECONDS, _GATHER_SHARE * self._took), _LONGEST_GATHER)
        return min(self._gap * _COMPANY, longest) if self._gap < _GATHER_SECONDS else 0.0


_LONE = 10 * _GATHER_SECONDS
"""An interval between two answers that counts as no load at all."""


class _Batch:
    """What will share a commit."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.others: list[tuple[str, tuple[Any, ...]]] = []
        self.written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        self.written.set_exception(error)
        self.written.exception()  # a batch of named values alone has nobody waiting for it
