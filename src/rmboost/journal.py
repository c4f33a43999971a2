"""The journal: every answered call of a run, on disk before it is used.

From this one rule follow resume (answered calls come back), replay (a changed check costs no call) and cost (a sum).
SQLite in WAL mode with full synchronisation: a killed process or a power cut loses only calls still in flight.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmboost.errors import StoreError
from rmboost.records import Response, Usage

_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key BLOB PRIMARY KEY,      -- hash of all that could change the answer
    job TEXT NOT NULL, call INTEGER NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL,
    text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,     -- from request to answer, retries not included
    at REAL NOT NULL,          -- unix time of the answer
    top TEXT                   -- JSON: likeliest tokens and their log-probabilities, place by place, if asked for
);
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_GATHER_SECONDS = 0.005
"""Answers that come within this time share a commit, which costs as much CPU as all else about a call."""
_START_OVER = "--fresh starts over and keeps the old run beside it"
_INSERT = "INSERT OR IGNORE INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_REMEMBER = "INSERT OR REPLACE INTO state VALUES (?,?)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered call as the journal keeps it."""

    key: bytes
    job: str
    call: int
    role: str
    response: Response
    seconds: float

    def row(self) -> tuple[Any, ...]:
        answer, usage = self.response, self.response.usage
        tokens = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
        about = (self.key, self.job, self.call, self.role, answer.model, answer.text, answer.finish_reason)
        top = json.dumps(answer.top, ensure_ascii=False) if answer.top else None
        return (*about, *tokens, self.seconds, time.time(), top)


@dataclass(frozen=True, slots=True)
class Totals:
    """What all calls in the journal came to: the bill of a run over all its restarts."""

    calls: int
    usage: Usage
    seconds: float


class Journal:
    """Answered calls by key, and a few named values. Entries that arrive during a commit share the next one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = self._connect()
        self._writer = self._connect()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rmboost-journal")
        self._batch: _Batch | None = None
        self._flushing: asyncio.Task[None] | None = None

    def get(self, key: bytes) -> Response | None:
        """The answer to this call, if it was ever given."""
        row = self._read(
            "SELECT text, model, finish_reason, prompt_tokens, completion_tokens, cached_tokens, top"
            " FROM calls WHERE key=?",
            key,
        )
        if not row:
            return None
        return Response(row[0], row[1], row[2], Usage(*row[3:6]), top=tuple(json.loads(row[6] or "[]")))

    async def put(self, entry: Entry) -> None:
        """Write an answer; returns when it is on disk. Raises StoreError when the disk will not take it."""
        batch = self._join_batch()
        batch.calls.append(entry.row())
        await asyncio.shield(batch.written)

    def remember(self, name: str, value: Any) -> None:
        """Set a named value with the next commit."""
        self._join_batch().state[name] = json.dumps(value)

    def recall(self, name: str) -> Any:
        """A named value, or None."""
        row = self._read("SELECT value FROM state WHERE name=?", name)
        return json.loads(row[0]) if row else None

    def totals(self) -> Totals:
        """Sums over all calls."""
        calls, prompt, completion, cached, seconds = self._read(
            "SELECT count(*), total(prompt_tokens), total(completion_tokens), total(cached_tokens), total(seconds)"
            " FROM calls"
        )
        return Totals(calls, Usage(int(prompt), int(completion), int(cached)), seconds)

    def usage_by_model(self) -> dict[str, tuple[int, Usage]]:
        """Calls and tokens of each model that answered."""
        query = (
            "SELECT model, count(*), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens)"
            " FROM calls GROUP BY model"
        )
        return {model: (calls, Usage(*tokens)) for model, calls, *tokens in self._reader.execute(query)}

    def usage_by_job(self) -> list[tuple[int, Usage, float]]:
        """Calls, tokens and seconds of each job, for a forecast."""
        query = (
            "SELECT count(*), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(seconds)"
            " FROM calls GROUP BY job"
        )
        return [(calls, Usage(*tokens), seconds) for calls, *tokens, seconds in self._reader.execute(query)]

    async def close(self) -> None:
        """Wait for what is being written, then close the file."""
        if self._flushing:
            await self._flushing
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()

    def _read(self, query: str, *values: Any) -> Any:
        """The first row of a query. Raises StoreError for a file that is damaged."""
        try:
            return self._reader.execute(query, values).fetchone()
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self._path}: {error}", _START_OVER) from None

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self._path}: {error}", _START_OVER) from None
        return connection

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
            await asyncio.sleep(_GATHER_SECONDS)
            batch, self._batch = self._batch, None
            try:
                await loop.run_in_executor(self._thread, self._commit, batch)
            except sqlite3.Error as error:
                hint = "make room, then run the same command again"
                batch.fail(StoreError(f"{self._path} cannot be written: {error}", hint))
            except Exception as error:  # whoever waits for the batch must hear of a bug as well
                batch.fail(error)
            else:
                batch.written.set_result(None)

    def _commit(self, batch: _Batch) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            self._writer.executemany(_INSERT, batch.calls)
            self._writer.executemany(_REMEMBER, batch.state.items())
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:  # a full disk has rolled it back already
                self._writer.execute("ROLLBACK")
            raise


class _Batch:
    """Entries that will share a commit."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.state: dict[str, str] = {}
        self.written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        self.written.set_exception(error)
        self.written.exception()  # a batch of named values alone has nobody waiting for it
