"""Reading a journal, also one that another process writes this moment."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rmboost.errors import BackendError, StoreError, TransientError
from rmboost.journal import rescue, schema
from rmboost.journal.schema import control_sum
from rmboost.records import Response, Spec, Usage

_FIRST = {
    "is full": "make room",
    "is locked": "end what else has it open, such as a backup or a viewer",
    "readonly": "see that it can be written",
    "unable to open": "see that its folder can be written",
    "I/O error": "look at the disk and its room (df, dmesg)",
}
"""What is to be done where SQLite complains in these words: its codes have names only from Python 3.11 on."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What calls came to: those of a model, of a while, or of the run over all its restarts."""

    calls: int = 0
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.calls + other.calls, self.usage + other.usage, self.seconds + other.seconds)


class JournalReader:
    """Answered calls by key, what was noted of jobs, sums. Raises StoreError for a file that is damaged."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[JournalReader]:
        """A reader that changes nothing and is in nobody's way. Raises StoreError for what cannot be read as it is."""
        try:
            connection = schema.read_only(path)
        except rescue.ERRORS as error:
            raise _unopened(path, error) from None
        with closing(connection):
            try:
                version = schema.version(connection, path)
            except rescue.ERRORS as error:
                raise _unopened(path, error) from None
            if version < schema.VERSION:
                raise StoreError(f"{path} is of an older rmboost", "the run's own command brings it up to date")
            yield cls(path, connection)

    def get(self, key: bytes) -> Response | None:
        """The answer to this call, if it was ever given."""
        row = self._read(f"SELECT {schema.ANSWER}, sum FROM calls WHERE key=?", key)
        if not row:
            return None
        *answer, control = row
        if control != control_sum(key, *answer):
            raise self._damaged("an answer is not as it was written")
        text, model, finish_reason, *tokens, top = answer
        return Response(text, model, finish_reason, Usage(*tokens), top=tuple(json.loads(top or "[]")))

    def seconds(self, key: bytes) -> float:
        """How long the answer to this call took."""
        row = self._read("SELECT seconds FROM calls WHERE key=?", key)
        return float(row[0]) if row else 0.0

    def usages(self) -> Iterator[tuple[bytes, str, Usage]]:
        """Key, model and tokens of every call. Reads the whole journal."""
        query = "SELECT key, model, prompt_tokens, completion_tokens, cached_tokens FROM calls"
        yield from ((key, model, Usage(*tokens)) for key, model, *tokens in self._rows(query))

    def recall(self, name: str) -> Any:
        """A named value, or None."""
        row = self._read("SELECT value, sum FROM state WHERE name=?", name)
        if row and row[1] != control_sum(row[0]):
            raise self._damaged(f"the {name} is not as it was written")
        return json.loads(row[0]) if row else None

    def refusal(self, key: bytes) -> BackendError | None:
        """Why this call was given up when it was last sent; None if it never was."""
        row = self._read("SELECT error, passing FROM refusals WHERE key=?", key)
        return row and (TransientError if row[1] else BackendError)(row[0])

    def specs(self) -> dict[str, Spec]:
        """What was last ordered of each job, by its key, as far as it was asked anything. Reads the whole journal."""
        parsed: dict[str, Spec] = {}
        last: dict[str, Spec] = {}
        for job, text in self._rows("SELECT job, spec FROM calls NOT INDEXED WHERE spec IS NOT NULL"):
            if text not in parsed:
                label, *aspects = json.loads(text)
                parsed[text] = Spec(label, tuple(aspects))
            last[job] = parsed[text]
        return last

    def totals(self) -> Totals:
        """Sums over all calls."""
        return sum(self.totals_by_model().values(), Totals())

    def totals_by_model(self) -> dict[str, Totals]:
        """Sums over the calls that each model answered, by the name that it answered with."""
        rows = self._rows(
            "SELECT model, seconds, calls, prompt_tokens, completion_tokens, cached_tokens, estimated FROM totals"
            " ORDER BY model"
        )
        return {model: Totals(calls, Usage(*tokens), seconds) for model, seconds, calls, *tokens in rows}

    def usage_by_job(self, keys: Iterable[bytes]) -> dict[str, dict[str, Totals]]:
        """What each role took in each job, by its key, for a forecast. keys: of the calls that count."""
        counted = json.dumps([key.hex().upper() for key in keys])
        query = (
            "SELECT job, role, count(*), sum(prompt_tokens), sum(completion_tokens), sum(cached_tokens), sum(seconds)"
            " FROM calls WHERE hex(key) IN (SELECT value FROM json_each(?)) GROUP BY job, role"
        )
        jobs: dict[str, dict[str, Totals]] = defaultdict(dict)
        for job, role, calls, *tokens, seconds in self._rows(query, counted):
            jobs[job][role] = Totals(calls, Usage(*tokens), seconds)
        return dict(jobs)

    def latest(self, limit: int) -> list[tuple[float, int, str]]:
        """Unix time, completion tokens and job of the answers that came last, the last one first."""
        return list(self._rows("SELECT at, completion_tokens, job FROM calls ORDER BY rowid DESC LIMIT ?", limit))

    def _read(self, query: str, *values: Any) -> Any:
        """The first row of a query, or None."""
        return next(self._rows(query, *values), None)

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        try:
            yield from self._connection.execute(query, values)
        except rescue.ERRORS as error:
            raise self._translated(error, "read") from None

    def _translated(self, error: Exception, done: str) -> StoreError:
        """Damage, or what the system has against reading or writing just now."""
        if rescue.is_damage(error):
            return self._damaged(str(error))
        first = next((what for words, what in _FIRST.items() if words in str(error)), "")
        return StoreError(
            f"{self.path} cannot be {done}: {error}", first and f"{first}, then run the same command again"
        )

    def _damaged(self, what: str) -> StoreError:
        hint = "the run's own command, given again, rescues what can be read and asks again what it needs"
        return StoreError(f"{self.path} is damaged: {what}", f"{hint}; {schema.START_OVER}")


def _unopened(path: Path, error: Exception) -> StoreError:
    return StoreError(f"{path} cannot be opened: {error}")
