"""The tables of a journal, and how the journal of an older version comes to have them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from zlib import crc32

from rmboost.errors import StoreError

VERSION = 3
"""Goes up by one with every change of the tables; SQLite keeps it in the file as ``user_version``."""
START_OVER = "the run's own command with --fresh starts over and keeps the old run beside it"

_TABLES = (
    """CREATE TABLE IF NOT EXISTS calls (
    key BLOB PRIMARY KEY,      -- hash of all that could change the answer
    job TEXT NOT NULL, call INTEGER NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL,
    text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL,     -- from request to answer, retries not included
    at REAL NOT NULL           -- unix time of the answer; shown by `rmboost status`, nothing is decided by it
)""",
    "CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS refusals (  -- calls that were given up; asked again if need be, but what rows say of
    key BLOB PRIMARY KEY,      -- them can be proved
    error TEXT NOT NULL,
    passing INTEGER NOT NULL   -- 1: it might have been answered later
)""",
    """CREATE TABLE IF NOT EXISTS totals (    -- of calls, kept as they come: sums over a million would be waited for
    model TEXT PRIMARY KEY, calls INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL
) WITHOUT ROWID""",
)
_COLUMNS = {
    "calls": {
        "top": "TEXT",  # JSON: likeliest tokens and their log-probabilities, place by place, if asked for
        "spec": "TEXT",  # JSON: label and aspects that were ordered of the job
        "sum": "INTEGER",  # crc32 of key and answer: a bit that flips on disk is noticed
        "estimated": "INTEGER NOT NULL DEFAULT 0",  # so many of the tokens nobody counted
    },
    "totals": {"estimated": "INTEGER NOT NULL DEFAULT 0"},
    "state": {"sum": "INTEGER"},
}
ANSWER = "text, model, finish_reason, prompt_tokens, completion_tokens, cached_tokens, top"
"""What a call is answered with; ``sum`` is of the key and these columns, in this order."""
_SUMS = (
    f"UPDATE calls SET sum=control_sum(key, {ANSWER}) WHERE sum IS NULL",
    "UPDATE state SET sum=control_sum(value) WHERE sum IS NULL",
)
_TOTALS = (
    "DELETE FROM totals",
    "INSERT INTO totals SELECT model, count(*), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens),"
    " sum(seconds), sum(estimated) FROM calls GROUP BY model",
    "DROP TRIGGER IF EXISTS count_call",
    """CREATE TRIGGER count_call AFTER INSERT ON calls BEGIN
    INSERT INTO totals VALUES
        (new.model, 1, new.prompt_tokens, new.completion_tokens, new.cached_tokens, new.seconds, new.estimated)
    ON CONFLICT (model) DO UPDATE SET
        calls = calls + 1,
        prompt_tokens = prompt_tokens + excluded.prompt_tokens,
        completion_tokens = completion_tokens + excluded.completion_tokens,
        cached_tokens = cached_tokens + excluded.cached_tokens,
        seconds = seconds + excluded.seconds,
        estimated = estimated + excluded.estimated;
END""",
)


def connect(path: Path) -> sqlite3.Connection:
    """A connection to a journal of this version, which it is made if need be. Raises what SQLite raises, and
    StoreError for a newer version.
    """
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        bring_up_to_date(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def bring_up_to_date(connection: sqlite3.Connection, path: Path) -> None:
    """Create the tables, or add what an older version had not. Raises StoreError for a newer version."""
    if version(connection, path) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        connection.execute(statement)
    for table, columns in _COLUMNS.items():
        present = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        for name, kind in columns.items():
            if name not in present:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    connection.create_function("control_sum", -1, control_sum, deterministic=True)
    for statement in (*_SUMS, *_TOTALS):
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, also beside a process that writes.

    Without a write-ahead log nobody writes: then it needs no locks, and leaves no files of its own behind.
    """
    mode = "ro" if path.with_name(f"{path.name}-wal").exists() else "ro&immutable=1"
    address = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(address, uri=True, check_same_thread=False)  # a notebook opens it in its own


def control_sum(*values: Any) -> int:
    """What is written beside values, to know them again; a flipped bit within a page is none of SQLite's business."""
    return crc32("\0".join(map(str, values)).encode())


def version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of this journal, 0 for a new file. Raises StoreError for one that this program does not know."""
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found > VERSION:
        raise StoreError(
            f"{path} was written by a newer rmboost (journal version {found}, this one knows {VERSION})",
            f"pip install -U rmboost; or {START_OVER}",
        )
    return int(found)
