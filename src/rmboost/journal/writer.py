"""Writing a journal: commits what it is given from a thread of its own, many answers at once."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Any

from rmboost.journal.tail import Tail

_GATHER_SECONDS, _GATHER_SHARE, _LONGEST_GATHER = 0.005, 0.3, 0.15
"""The longest that an answer waits for others, to share their commit and to be worked on right after them, which takes
a quarter less CPU than one by one: 5 ms, or 30 % of what answers take, up to 150 ms. It keeps no slot meanwhile."""
_LEAST_COMPANY, _COMPANY = 8, 64
"""Where fewer answers would come within that time, none waits; and none waits longer than so many take to come."""
_ROWS = 32
"""Rows of one statement. With one for each row, SQLite and the event loop take turns at Python's lock row by row."""


class Writer:
    """Writes to one connection. Answers that arrive during a commit share the next one.

    tail: where answers stand until then. translate: makes of an error of SQLite what is raised where somebody waits for
    an answer to be written.
    """

    def __init__(self, connection: sqlite3.Connection, tail: Tail, translate: Callable[[Exception], Exception]) -> None:
        self._connection, self._tail, self._translate = connection, tail, translate
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rmboost-journal")
        self._batch: _Batch | None = None
        self._busy, self._failed = False, False
        self._rest: asyncio.Future[None] | None = None
        self._unheard: dict[Any, Exception] = {}
        """what nobody waited for and could not be written, by its name, until something of that name is"""
        self._arrivals = Arrivals()
        self._timer: asyncio.TimerHandle | None = None
        self._waiting, self._company = 0, 0
        """answers that wait for their commit; how many did when the last one was done"""

    @property
    def waiting(self) -> int:
        """How many answers wait for their commit, at their most; where none waits for company, none."""
        return max(self._waiting, self._company) if self._arrivals.patience() else 0

    def put(self, row: Sequence[Any], took: float) -> asyncio.Future[None]:
        """Write a row of ``calls``, whose answer took so many seconds: out of a kill's reach now, on disk when done."""
        self._tail.append(row)
        self._arrivals.note(took)
        written = asyncio.get_running_loop().create_future()
        batch = self._join()
        batch.calls.append(row)
        batch.waiting.append(written)
        self._waiting += 1
        return written

    def do(self, statement: str, *values: Any) -> None:
        """Carry out a statement with the next commit."""
        self._join().others.append((statement, values))

    async def close(self) -> None:
        """Wait for what is being written, then close the connection. Raises what went wrong and nobody was told of."""
        if self._busy:
            self._rest = self._rest or asyncio.get_running_loop().create_future()
            if self._timer:
                self._hand_over()
            await asyncio.shield(self._rest)  # who waits may be cancelled
        self._thread.shutdown()
        self._connection.close()
        self._tail.close(keep=self._failed)
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
        patience = 0.0 if self._rest else self._arrivals.patience()
        self._timer = asyncio.get_running_loop().call_later(patience, self._hand_over)

    def _hand_over(self) -> None:
        if self._timer:
            self._timer.cancel()  # unless it was that which brought us here
            self._timer = None
        batch, self._batch = self._batch or _Batch(), None
        self._tail.turn()
        try:
            self._thread.submit(self._work, batch, asyncio.get_running_loop())
        except RuntimeError as error:  # it is closed, or the system gives no thread
            self._tell(batch, error)

    def _work(self, batch: _Batch, loop: asyncio.AbstractEventLoop) -> None:
        """In the thread. Whoever waits must hear of a bug as well as of a full disk."""
        error: Exception | None = None
        try:
            commit(self._connection, batch.calls, batch.others)
        except Exception as raised:
            error = raised
        loop.call_soon_threadsafe(self._tell, batch, error)

    def _tell(self, batch: _Batch, error: Exception | None) -> None:
        told = self._translate(error) if error else None
        self._failed = self._failed or bool(error)
        if not self._failed:
            self._tail.committed()
        self._company, self._waiting = self._waiting, self._waiting - len(batch.waiting)
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


def commit(
    connection: sqlite3.Connection, calls: Sequence[Sequence[Any]], others: Iterable[tuple[str, tuple[Any, ...]]] = ()
) -> None:
    """Bring rows of ``calls``, and what other statements do, to disk together. Raises what SQLite raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for start in range(0, len(calls), _ROWS):
            rows = calls[start : start + _ROWS]
            connection.execute(_insert(len(rows), len(rows[0])), list(chain.from_iterable(rows)))
        for statement, values in others:
            connection.execute(statement, values)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled it back already
            with suppress(sqlite3.Error):  # the first error is the one to tell
                connection.execute("ROLLBACK")
        raise


class Arrivals:
    """How thick answers come and how long they take, and so how long it is worth waiting for more of them."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._gap, self._took = _LONE, 0.0

    def note(self, took: float) -> None:
        """One more answer, which took so many seconds."""
        now = time.monotonic()
        self._gap += (min(now - self._last, _LONE) - self._gap) / 32
        self._took += (took - self._took) / 64
        self._last = now

    def patience(self) -> float:
        """Seconds; none where hardly anybody would come within them."""
        longest = min(max(_GATHER_SECONDS, _GATHER_SHARE * self._took), _LONGEST_GATHER)
        return min(self._gap * _COMPANY, longest) if self._gap * _LEAST_COMPANY <= longest else 0.0


_LONE = 2 * _LONGEST_GATHER
"""Seconds between two answers that count as no load at all."""


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
