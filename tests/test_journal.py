"""The journal: on disk before it is used."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from rmboost.errors import StoreError
from rmboost.journal import Entry, Journal
from rmboost.records import Response, Usage

ANSWER = Response("Because of scattering. 🌤\x00", "m", "stop", Usage(10, 5, 2))


def entry(number: int, answer: Response = ANSWER) -> Entry:
    return Entry(number.to_bytes(16, "big"), f"job{number}#0", 0, "responder", answer, 0.5)


async def filled(path: Path, count: int) -> Journal:
    journal = Journal(path)
    await asyncio.gather(*(journal.put(entry(number)) for number in range(count)))
    return journal


def test_an_answer_comes_back_also_to_another_process(tmp_path: Path) -> None:
    async def scene() -> None:
        writer = await filled(tmp_path / "journal.sqlite", 3)
        reader = Journal(tmp_path / "journal.sqlite")
        assert reader.get(entry(2).key) == ANSWER
        assert reader.get(b"unknown") is None
        await writer.close()
        await reader.close()

    asyncio.run(scene())


def test_put_returns_when_the_answer_is_committed(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        await journal.put(entry(1))
        other = sqlite3.connect(tmp_path / "journal.sqlite")
        assert other.execute("SELECT count(*) FROM calls").fetchone() == (1,)
        other.close()
        await journal.close()

    asyncio.run(scene())


def test_the_first_answer_to_a_call_stays(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 1)
        await journal.put(entry(0, Response("another", "m")))
        assert journal.get(entry(0).key) == ANSWER
        await journal.close()

    asyncio.run(scene())


def test_totals_and_named_values(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 40)
        assert journal.totals().calls == 40
        assert journal.totals().usage == Usage(400, 200, 80)
        assert journal.totals().seconds == pytest.approx(20)
        journal.remember("checkpoint", {"jobs": 1})
        journal.remember("checkpoint", {"jobs": 2})
        await journal.close()
        again = Journal(tmp_path / "journal.sqlite")
        assert again.recall("checkpoint") == {"jobs": 2}
        assert again.recall("nothing") is None
        await again.close()

    asyncio.run(scene())


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is not a database, it is a letter. " * 200)
    with pytest.raises(StoreError, match="not a database") as caught:
        Journal(path)
    assert "--fresh" in caught.value.hint


def test_an_answer_that_cannot_be_written_fails_its_put_and_hangs_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 1)
        with pytest.raises(OverflowError):
            await asyncio.wait_for(journal.put(entry(1, Response("x", "m", usage=Usage(10**25)))), 10)
        await journal.put(entry(2))
        await journal.close()

    asyncio.run(scene())


def test_a_damaged_page_is_said_so_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    asyncio.run(asyncio.wait_for(_fill_and_close(path), 10))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff" * (len(whole) // 2))

    async def scene() -> None:
        journal = Journal(path)
        with pytest.raises(StoreError, match=r"journal\.sqlite: "):
            for number in range(400):
                journal.get(entry(number).key)
        await journal.close()

    asyncio.run(scene())


async def _fill_and_close(path: Path) -> None:
    await (await filled(path, 400)).close()


def test_a_disk_that_takes_no_more_fails_the_put_and_not_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 1)
        journal._writer.execute("PRAGMA max_page_count=1")  # SQLite's own way to be full
        with pytest.raises(StoreError, match="full"):
            await journal.put(entry(1, Response("x" * 100_000, "m")))
        journal._writer.execute("PRAGMA max_page_count=1000000")
        await journal.put(entry(2))
        assert journal.get(entry(1).key) is None
        assert journal.get(entry(2).key) == ANSWER
        await journal.close()

    asyncio.run(scene())
