"""Writing a journal: commits what it is given from a thread of its own, many answers at once."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Any

_GATHER_SECONDS, _GATHER_SHARE, _LONGEST_GATHER = 0.005, 0.02, 0.02
"""The longest that an answer waits for others to share its commit, which costs as much CPU as all else about a call:
5 ms, or 2 % of what answers take, up to 20 ms."""
_COMPANY = 16
"""So many answers make a commit cheap enough: none waits longer than they take to come."""
_ROWS = 32
"""Rows of one statement. With one for each row, SQLite and the event loop take turns at Python's lock row by row."""


class Writer:
    """Writes to one connection. Answers that arrive during a commit share the next one.

    translate: makes of an error of SQLite what is raised where somebody waits for an answer to be written.
    """

    def __init__(self, connection: sqlite3.Connection, translate: Callable[[Exception], Exception]) -> None:
        self._connection, self._translate = connection, translate
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rmboost-journal")
        self._batch: _Batch | None = None
        self._busy = False
        self._rest: asyncio.Future[None] | None = None
        self._unheard: dict[Any, Exception] = {}
        """what nobody waited for and could not be written, by its name, until something of that name is"""
        self._arrivals = Arrivals()

    def put(self, row: Sequence[Any], took: float) -> asyncio.Future[None]:
        """Write a row of ``calls``, whose answer took so many seconds; done when it is on disk."""
        self._arrivals.note(took)
        written = asyncio.get_running_loop().create_future()
        batch = self._join()
        batch.calls.append(row)
        batch.waiting.append(written)
        return written

    def do(self, statement: str, *values: Any) -> None:
        """Carry out a statement with the next commit."""
        self._join().others.append((statement, values))

    async def close(self) -> None:
        """Wait for what is being written, then close the connection. Raises what went wrong and nobody was told of."""
        if self._busy:
            self._rest = self._rest or asyncio.get_running_loop().create_future()
            await asyncio.shield(self._rest)  # who waits may be cancelled
        self._thread.shutdown()
        self._connection.close()
        if self._unheard:
            raise next(iter(self._unheard.values()))

    def _join(self) -> _Batch:
        if self._batch is None:
            self._batch = _Batch()
            if not self._busy:
                self._begin()
        return self._batch

    def _begin(self) -> None:
        """Wait for company, then commit."""
        self._busy = True
        asyncio.get_running_loop().call_later(self._arrivals.patience(), self._hand_over)

    def _hand_over(self) -> None:
        batch, self._batch = self._batch or _Batch(), None
        try:
            self._thread.submit(self._work, batch, asyncio.get_running_loop())
        except RuntimeError as error:  # it is closed, or the system gives no thread
            self._tell(batch, error)

    def _work(self, batch: _Batch, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread. Whoever waits must hear of a bug as well as of a full disk."""
        error: Exception | None = None
        try:
            self._commit(batch)
        except Exception as raised:
            error = raised
        loop.call_soon_threadsafe(self._tell, batch, error)

    def _tell(self, batch: _Batch, error: Exception | None) -> None:
        told = self._translate(error) if error else None
        for _, (name, *_rest) in batch.others:
            if told:
                self._unheard[name] = told
            else:
                self._unheard.pop(name, None)
        for written in batch.waiting:
            if written.done():  # who waited was cancelled
                continue
            if told:
                written.set_exception(told)
            else:
                written.set_result(None)
        self._busy = False
        if self._batch:
            self._begin()
        elif self._rest:
            self._rest.set_result(None)
            self._rest = None

    def _commit(self, batch: _Batch) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for start in range(0, len(batch.calls), _ROWS):
                rows = batch.calls[start : start + _ROWS]
                self._connection.execute(_insert(len(rows), len(rows[0])), list(chain.from_iterable(rows)))
            for statement, values in batch.others:
                self._connection.execute(statement, values)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # a full disk has rolled it back already
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    self._connection.execute("ROLLBACK")
            raise


class Arrivals:
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
    """What will share a commit, and who waits for it."""

    def __init__(self) -> None:
        self.calls: list[Sequence[Any]] = []
        self.others: list[tuple[str, tuple[Any, ...]]] = []
        self.waiting: list[asyncio.Future[None]] = []


@cache
def _insert(rows: int, columns: int) -> str:
    row = f"({','.join('?' * columns)})"
    return f"INSERT OR IGNORE INTO calls VALUES {','.join([row] * rows)}"
