"""A journal cut or corrupted: said so, and what can be read of it is used again."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmboost.errors import StoreError
from rmboost.journal import Entry, Journal
from rmboost.records import Response, Spec, Usage

COUNT = 200


def entry(number: int) -> Entry:
    answer = Response(f"answer {number} " * (1 + number % 90), "m", usage=Usage(number, 5, 2))
    return Entry(number.to_bytes(16, "big"), f"job{number}#0", 0, "responder", answer, 0.5, Spec("better", ("a",)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of 200 answers, as a file."""
    path = tmp_path_factory.mktemp("whole") / "journal.sqlite"

    async def fill() -> None:
        journal = Journal(path)
        await asyncio.gather(*(journal.put(entry(number)) for number in range(COUNT)))
        journal.remember("checkpoint", {"jobs": 7})
        await journal.close()

    asyncio.run(fill())
    return path


def damage(path: Path, content: bytes) -> str:
    """Use a journal of this content as a run does, again and again until no damage is met; what was said last."""
    path.write_bytes(content)

    async def use() -> str:
        journal = Journal(path)
        try:
            journal.recall("checkpoint")
            for number in range(COUNT):
                assert journal.get(entry(number).key) in (None, entry(number).response), "never a wrong answer"
            await asyncio.gather(*(journal.put(entry(number)) for number in range(COUNT)))
            assert [journal.get(entry(number).key) for number in range(COUNT)] == [
                entry(number).response for number in range(COUNT)
            ]
            assert not journal.rescued or journal.totals().calls == COUNT
            return journal.rescued
        finally:
            await journal.close()

    for _ in range(4):
        try:
            return asyncio.run(use())
        except StoreError as error:
            said = error.message
    assert "no answer can be read" in said or "newer" in said, said
    return said


@settings(deadline=None, max_examples=40, database=None)
@given(place=st.floats(0.02, 1), length=st.integers(1, 9000), byte=st.integers(0, 255))
def test_bytes_that_change_anywhere_give_no_wrong_answer(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, place: float, length: int, byte: int
) -> None:
    content = bytearray(whole.read_bytes())
    start = int(place * (len(content) - 1))
    content[start : start + length] = bytes([byte]) * len(content[start : start + length])
    said = damage(tmp_path_factory.mktemp("changed") / "journal.sqlite", bytes(content))  # looks at every answer
    assert not said or "could be read" in said or "no answer can be read" in said or "newer" in said


@settings(deadline=None, max_examples=20, database=None)
@given(kept=st.floats(0.2, 1))
def test_a_journal_cut_anywhere_gives_back_what_is_before_the_cut(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, kept: float
) -> None:
    content = whole.read_bytes()
    said = damage(tmp_path_factory.mktemp("cut") / "journal.sqlite", content[: int(kept * len(content))])
    assert not said or "could be read" in said or "no answer can be read" in said


def test_a_last_page_that_is_torn_costs_the_answers_in_it_and_no_others(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(whole.read_bytes()[:-4096] + b"\xff" * 4096)
    with pytest.raises(StoreError, match="damaged"):
        asyncio.run(_read_all(path))
    said, answers = asyncio.run(_read_all(path))
    assert "of 200 answers could be read" in said
    assert answers >= 190
    assert (tmp_path / "journal-damaged-1.sqlite").stat().st_size == whole.stat().st_size
    assert asyncio.run(_read_all(path)) == ("", answers), "once rescued, it is a journal like any other"


async def _read_all(path: Path) -> tuple[str, int]:
    journal = Journal(path)
    try:
        assert journal.recall("checkpoint") in ({"jobs": 7}, None)
        return journal.rescued, sum(journal.get(entry(number).key) is not None for number in range(COUNT))
    finally:
        await journal.close()


def test_a_text_that_is_not_as_it_was_written_is_not_used(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(whole.read_bytes().replace(b"answer 150 answer 150", b"answer 150 answer 151"))
    with pytest.raises(StoreError, match="not as it was written"):
        asyncio.run(_read_all(path))
    said, answers = asyncio.run(_read_all(path))
    assert (said.count("199 of 200 answers could be read"), answers) == (1, 199)


def test_a_rescue_that_is_killed_half_way_is_ended_the_next_time(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    (tmp_path / "journal.rescued").write_bytes(
        whole.read_bytes()
    )  # copied, the damaged file moved away, and then killed
    (tmp_path / "journal.damaged").touch()
    said, answers = asyncio.run(_read_all(path))
    assert ("was damaged" in said, answers) == (True, COUNT)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["journal.sqlite"]


def test_a_log_that_is_torn_loses_its_end_and_nothing_else(tmp_path: Path, whole: Path) -> None:
    path, log = tmp_path / "journal.sqlite", tmp_path / "journal.sqlite-wal"
    path.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        for number in range(COUNT, COUNT + 20):
            connection.execute("INSERT INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", entry(number).row())
        database, frames = path.read_bytes(), log.read_bytes()
    path.write_bytes(database)
    middle = len(frames) // 2
    log.write_bytes(frames[:middle] + b"\x55" + frames[middle + 1 :])

    async def scene() -> None:
        journal = Journal(path)
        got = [journal.get(entry(number).key) for number in range(COUNT + 20)]
        answers = [answer for answer in got if answer]
        assert answers == [entry(number).response for number in range(len(answers))], "a prefix of what was written"
        assert COUNT < len(answers) < COUNT + 20
        await journal.close()

    asyncio.run(scene())


def test_a_damaged_journal_that_somebody_took_away_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "journal.damaged").touch()
    journal = Journal(tmp_path / "journal.sqlite")
    assert journal.rescued == ""
    asyncio.run(journal.close())
    assert not (tmp_path / "journal.damaged").exists()


def test_a_copy_that_cannot_be_made_is_said(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(whole.read_bytes())
    (tmp_path / "journal.damaged").touch()
    (tmp_path / "journal.rescued").mkdir()
    with pytest.raises(StoreError, match="cannot be rescued"):
        Journal(tmp_path / "journal.sqlite")
