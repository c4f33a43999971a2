"""Writing a journal: commits what it is given from a thread of its own, many answers at once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Any

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

    def put(self, row: Sequence[Any]) -> asyncio.Future[None]:
        """Write a row of ``calls``; done when it is on disk."""
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
        """Commit what this turn of the loop brings: answers come to it in company (gathering.py)."""
        self._busy = True
        asyncio.get_running_loop().call_soon(self._hand_over)

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
