"""Rescue: a journal with damage is copied, answer by answer, as far as it can be read.

Whoever meets damage marks the file and stops; the next run, which may do so in peace, copies. Answers that are lost
are asked again, as everything that the journal does not hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from rmboost.errors import StoreError
from rmboost.journal import schema

ERRORS = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What a database can raise; the second where its own words on the damage quote the damage."""
_CALL = (
    *("key", "job", "call", "role", "model", "text", "finish_reason", "prompt_tokens", "completion_tokens"),
    *("cached_tokens", "seconds", "at", "top", "spec", "sum", "estimated"),
)
_STRIDE = 1000
_SMALLEST_ROW = 100
"""Bytes of the file that any answer takes at least."""
_PARTS = ("", "-wal", "-shm")


def is_damage(error: Exception) -> bool:
    """Whether SQLite says that the file is not what it wrote; not: that it has no room, or may not read it."""
    if isinstance(error, sqlite3.OperationalError):
        return str(error).startswith(("Could not decode", "no such "))  # of our own tables, whose names have changed
    return isinstance(error, UnicodeDecodeError) or type(error) is sqlite3.DatabaseError


def mark(path: Path) -> None:
    """Have the next run rescue this journal."""
    with suppress(OSError):  # of a folder that cannot be written, no run will be resumed
        _marker(path).touch()


def is_marked(path: Path) -> bool:
    """Whether damage was met in this journal."""
    return _marker(path).exists()


def rescue(path: Path) -> str:
    """Copy what can be read, keep the damaged file under another name, and say how it went.

    Killed half way, it is done again or ended the next time. Raises StoreError when nothing can be read.
    """
    draft, aside = path.with_suffix(".rescued"), _free(path)
    said = f"{path} was damaged and has been copied; the damaged file is kept as {aside.name}"
    if not path.exists() and not draft.exists():  # somebody took it away
        _marker(path).unlink()
        return ""
    if path.exists():
        draft.unlink(missing_ok=True)
        copied, held = _copy(path, draft)
        said = f"{path} was damaged: {copied:,} of {held:,} answers could be read; the damaged file is {aside.name}"
    for part in _PARTS:
        with suppress(FileNotFoundError):
            path.with_name(path.name + part).replace(aside.with_name(aside.name + part))
    draft.replace(path)
    _marker(path).unlink()
    return said


def _marker(path: Path) -> Path:
    return path.with_suffix(".damaged")


def _free(path: Path) -> Path:
    names = (path.with_name(f"{path.stem}-damaged-{number}{path.suffix}") for number in range(1, 10_000))
    return next(name for name in names if not name.exists())


def _copy(path: Path, draft: Path) -> tuple[int, int]:
    """How many answers were copied, and how many there should be."""
    with closing(schema.read_only(path)) as old, closing(sqlite3.connect(draft, isolation_level=None)) as new:
        schema.bring_up_to_date(new, draft)
        old.execute("PRAGMA writable_schema=ON")  # else SQLite reads nothing at all of a file that was cut
        room = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*")) // _SMALLEST_ROW
        held = min(_number(old, "SELECT sum(calls) FROM totals"), room)
        last = min(_number(old, "SELECT max(rowid) FROM calls") or held or room, room)
        new.execute("BEGIN")
        copied = sum(_insert(new, "calls", row) for row in _answers(old, last))
        if not copied:
            raise StoreError(f"{path} is damaged: no answer can be read from it", schema.START_OVER)
        for table in ("state", "refusals"):
            _copy_others(old, new, table)
        new.execute("COMMIT")
    return copied, max(held, copied)


def _number(old: sqlite3.Connection, query: str) -> int:
    """What the query gives; 0 when it cannot be read."""
    try:
        return int(old.execute(query).fetchone()[0] or 0)
    except ERRORS:
        return 0


def _answers(old: sqlite3.Connection, last: int) -> Iterator[tuple[Any, ...]]:
    if not _number(old, "SELECT count(*) FROM sqlite_master"):
        return  # it is no database at all
    for start in range(1, last + 1, _STRIDE):
        yield from _readable(old, start, start + _STRIDE - 1)


def _readable(old: sqlite3.Connection, first: int, last: int) -> Iterator[tuple[Any, ...]]:
    """The good rows in a range, which is halved around what cannot be read."""
    try:
        rows = old.execute("SELECT * FROM calls NOT INDEXED WHERE rowid BETWEEN ? AND ?", (first, last)).fetchall()
    except ERRORS:
        if first < last:
            middle = (first + last) // 2
            yield from _readable(old, first, middle)
            yield from _readable(old, middle + 1, last)
    else:
        yield from (row for row in rows if _is_whole(row))


def _is_whole(row: tuple[Any, ...]) -> bool:
    """Whether the row is as it was written."""
    if len(row) != len(_CALL):
        return False
    call = dict(zip(_CALL, row, strict=True))
    answer = (call[name] for name in schema.ANSWER.split(", "))
    whole = all(call[name] is not None for name in _CALL if name not in ("top", "spec"))
    return whole and call["sum"] == schema.control_sum(call["key"], *answer)


def _copy_others(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    """A small table. What is lost of it is found again: rows and plan from the answers, refusals by asking."""
    with suppress(*ERRORS):
        for row in old.execute(f"SELECT * FROM {table}").fetchall():
            if None not in row and (table != "state" or row[2] == schema.control_sum(row[1])):
                _insert(new, table, row)


def _insert(new: sqlite3.Connection, table: str, row: tuple[Any, ...]) -> int:
    new.execute(f"INSERT OR REPLACE INTO {table} VALUES ({','.join('?' * len(row))})", row)
    return 1
