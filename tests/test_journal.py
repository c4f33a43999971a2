"""The journal: on disk before it is used."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rmboost.errors import BackendError, StoreError, TransientError
from rmboost.journal import Entry, Journal, schema
from rmboost.journal.reader import Totals
from rmboost.journal.writer import Arrivals
from rmboost.records import Response, Spec, Usage

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


def test_the_bill_is_kept_by_model_and_counts_each_answer_once(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 3)
        await journal.put(entry(0, Response("another", "m", usage=Usage(99, 99))))
        await journal.put(entry(3, Response("x", "small", usage=Usage(1, 1))))
        assert journal.totals_by_model() == {
            "m": Totals(3, Usage(30, 15, 6), 1.5),
            "small": Totals(1, Usage(1, 1), 0.5),
        }
        assert journal.totals() == Totals(4, Usage(31, 16, 6), 2.0)
        await journal.close()

    asyncio.run(scene())


def test_what_was_ordered_of_a_job_comes_back_the_last_order_counts(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 2)
        for number, spec in enumerate((Spec("worse", ("a",)), Spec("better", ("ü", "b")), Spec("better"))):
            job = f"job{min(number, 1)}#0"
            await journal.put(replace(entry(10 + number), job=job, spec=spec))
        assert journal.specs() == {"job0#0": Spec("worse", ("a",)), "job1#0": Spec("better")}
        await journal.close()

    asyncio.run(scene())


def test_the_last_refusal_of_a_call_is_kept_and_its_answer_comes_before_it(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        key = entry(1).key
        journal.note_refusal(key, BackendError("too long"))
        journal.note_refusal(key, TransientError("busy", kind="refused"))
        await journal.put(entry(2))
        found = journal.refusal(key)
        assert (type(found), str(found)) == (TransientError, "busy")
        assert journal.get(key) is None
        assert journal.refusal(entry(2).key) is None
        await journal.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("gap", "took", "patience"),
    [
        pytest.param(0.0002, 0.05, 0.0128, id="256 at once, 50 ms: so long as 64 take to come"),
        pytest.param(0.002, 0.5, 0.128, id="256 at once, half a second"),
        pytest.param(0.01, 0.5, 0.15, id="50 at once: 30 % of what an answer takes"),
        pytest.param(0.01, 20.0, 0.15, id="2,000 at once, 20 s: no longer for it"),
        pytest.param(0.0001, 0.0, 0.005, id="a server that answers at once"),
        pytest.param(0.02, 0.5, 0.0, id="25 at once: hardly anybody comes"),
        pytest.param(30.0, 30.0, 0.0, id="one at a time"),
    ],
)
def test_how_long_an_answer_waits_for_company(gap: float, took: float, patience: float) -> None:
    arrivals = Arrivals()
    assert arrivals.patience() == 0, "a lone one does not wait"
    for _ in range(1000):
        arrivals._last = time.monotonic() - gap
        arrivals.note(took)
    assert arrivals.patience() == pytest.approx(patience, rel=0.1)


OLDEST = """
CREATE TABLE calls (key BLOB PRIMARY KEY, job TEXT NOT NULL, call INTEGER NOT NULL, role TEXT NOT NULL,
    model TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL, seconds REAL NOT NULL, at REAL NOT NULL);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO state VALUES ('checkpoint', '{"jobs": 1}');
"""


def test_the_journal_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(OLDEST)
        old.execute(
            "INSERT INTO calls VALUES (?,'j',0,'responder','m','Because.','stop',10,5,2,0.5,1)", (entry(0).key,)
        )
        old.commit()

    async def scene() -> None:
        journal = Journal(path)
        assert journal.get(entry(0).key) == Response("Because.", "m", "stop", Usage(10, 5, 2))
        assert journal.totals() == Totals(1, Usage(10, 5, 2), 0.5)
        assert journal.recall("checkpoint") == {"jobs": 1}
        await journal.put(entry(1))
        assert journal.totals().calls == 2
        await journal.close()

    asyncio.run(scene())


def test_the_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    asyncio.run(_fill_and_close(path))
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="written by a newer rmboost") as caught:
        Journal(path)
    assert "pip install -U rmboost" in caught.value.hint
    assert path.read_bytes() == before


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


def test_a_closed_journal_takes_nothing_and_hangs_nobody(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 1)
        await journal.close()
        for number in (1, 2):
            with pytest.raises(RuntimeError):
                await asyncio.wait_for(journal.put(entry(number)), 2)

    asyncio.run(scene())


def test_who_waits_for_the_end_may_be_cancelled_and_another_wait(tmp_path: Path) -> None:
    async def scene() -> None:
        complaints = list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _, about: complaints.append(about))
        journal = await filled(tmp_path / "journal.sqlite", 1)
        put = journal.put(entry(1))
        await asyncio.sleep(0)
        first, second, third = (asyncio.create_task(journal.close()) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait_for(asyncio.gather(put, first, third), 2)
        assert second.cancelled()
        assert not complaints

    asyncio.run(scene())
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as other:
        assert other.execute("SELECT count(*) FROM calls").fetchone() == (2,)


def test_a_damaged_answer_is_said_so_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    asyncio.run(asyncio.wait_for(_fill_and_close(path), 10))
    path.write_bytes(path.read_bytes().replace(b"Because", b"Becasue"))

    async def scene() -> None:
        journal = Journal(path)
        with pytest.raises(StoreError, match=r"journal\.sqlite is damaged: an answer") as caught:
            journal.get(entry(0).key)
        assert "rescues what can be read" in caught.value.hint
        await journal.close()

    asyncio.run(scene())


_INDEX_LEAF = 10
"""The first byte of such a page (SQLite, Database File Format, section 1.6)."""


def test_an_index_that_is_damaged_is_said_so_at_once(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    asyncio.run(asyncio.wait_for(_fill_and_close(path), 10))
    whole = path.read_bytes()
    last = entry(399).key
    (place,) = (at for at in (whole.index(last), whole.rindex(last)) if whole[at // 4096 * 4096] == _INDEX_LEAF)
    path.write_bytes(whole[:place] + bytes(16) + whole[place + 16 :])
    with pytest.raises(StoreError, match=r"journal\.sqlite is damaged: the index"):
        Journal(path)


async def _fill_and_close(path: Path) -> None:
    await (await filled(path, 400)).close()


def test_a_disk_that_takes_no_more_fails_the_put_and_not_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 1)
        journal._writer._connection.execute("PRAGMA max_page_count=1")  # SQLite's own way to be full
        with pytest.raises(StoreError, match="full") as caught:
            await journal.put(entry(1, Response("x" * 100_000, "m")))
        assert caught.value.hint == "make room, then run the same command again"
        journal._writer._connection.execute("PRAGMA max_page_count=1000000")
        await journal.put(entry(2))
        assert journal.get(entry(1).key) is None
        assert journal.get(entry(2).key) == ANSWER
        await journal.close()

    asyncio.run(scene())


def test_a_note_that_could_not_be_written_is_told_at_the_end(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = await filled(tmp_path / "journal.sqlite", 1)
        journal._writer._connection.execute("PRAGMA max_page_count=1")
        journal.remember("plan", {"jobs": "x" * 100_000})
        with pytest.raises(StoreError, match="full"):
            await journal.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("statement", "said", "hint"),
    [
        ("PRAGMA query_only=1", "readonly database", "can be written"),
        ("PRAGMA busy_timeout=0", "database is locked", "has it open"),
    ],
)
def test_room_is_advised_only_where_it_lacks(tmp_path: Path, statement: str, said: str, hint: str) -> None:
    path = tmp_path / "journal.sqlite"

    async def scene() -> None:
        journal = await filled(path, 1)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            if "locked" in said:
                other.execute("BEGIN IMMEDIATE")
            journal._writer._connection.execute(statement)
            with pytest.raises(StoreError, match=said) as caught:
                await journal.put(entry(1))
        assert hint in caught.value.hint
        assert "room" not in caught.value.hint
        await journal.close()

    asyncio.run(scene())


def test_a_commit_is_on_disk_and_not_only_with_the_system(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        connection = journal._writer._connection
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL: a power cut takes no answer"
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        await journal.close()

    asyncio.run(scene())
