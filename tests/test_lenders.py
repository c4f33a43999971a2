"""Answers that other runs have: copied in, counted as one's own, and never a reason to fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rmboost.journal import Entry, Journal
from rmboost.records import Job, Prompt, Response, Spec, Usage

JOB = Job(Prompt("p", ({"role": "user", "content": "Why?"},), True), 0, spec=Spec("worse", ("honesty",)))
ANSWER = Response("Because.", "m", usage=Usage(7, 2))
KEY = b"k" * 16


def lent(path: Path) -> Path:
    async def fill() -> None:
        journal = Journal(path)
        await journal.put(Entry(KEY, JOB.key, 0, "drafter", ANSWER, 1.5))
        await journal.close()

    asyncio.run(fill())
    return path


def borrowed(path: Path, *lenders: Path) -> Response | None:
    async def borrow() -> Response | None:
        journal = Journal(path, lenders)
        try:
            if entry := journal.lent(KEY, JOB, 0, "responder"):
                await journal.put(entry)
            return entry.response if entry else None
        finally:
            await journal.close()

    return asyncio.run(borrow())


def test_an_answer_is_copied_in_with_its_tokens_and_seconds(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    assert borrowed(path, lent(tmp_path / "other.sqlite")) == ANSWER

    async def read() -> None:
        journal = Journal(path)
        totals = journal.totals()
        assert (journal.get(KEY), journal.seconds(KEY)) == (ANSWER, 1.5)
        assert (totals.calls, totals.usage) == (1, ANSWER.usage)
        assert journal.specs() == {JOB.key: JOB.spec}
        await journal.close()

    asyncio.run(read())


def test_what_nobody_has_is_not_made_up(tmp_path: Path) -> None:
    empty = tmp_path / "empty.sqlite"
    assert borrowed(empty) is None
    assert borrowed(tmp_path / "own.sqlite", empty) is None


def test_a_journal_that_cannot_be_read_lends_nothing(tmp_path: Path) -> None:
    broken, other = tmp_path / "broken.sqlite", lent(tmp_path / "other.sqlite")
    broken.write_bytes(b"no journal" * 1000)
    assert borrowed(tmp_path / "own.sqlite", broken, tmp_path / "missing.sqlite", other) == ANSWER


def test_a_damaged_answer_is_not_taken(tmp_path: Path) -> None:
    other = lent(tmp_path / "other.sqlite")
    other.write_bytes(other.read_bytes().replace(b"Because.", b"Becauze."))
    assert borrowed(tmp_path / "own.sqlite", other) is None
