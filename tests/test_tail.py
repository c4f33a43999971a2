"""The tail: answers that wait for their commit outlive the process."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmboost.errors import StoreError
from rmboost.journal import Entry, Journal
from rmboost.journal.tail import Tail
from rmboost.records import Response, Spec, Usage

ROWS = st.builds(
    lambda key, job, text, model, seconds, spec: Entry(
        key, f"{job}#0", 1, "responder", Response(text, model, "stop", Usage(1, 2, 3)), seconds, spec
    ).row(),
    st.binary(min_size=1, max_size=32),
    st.text(st.characters() | st.just("\ud800")),  # half a character, which no UTF-8 has
    st.text(),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.floats(0, 1e6),
    st.sampled_from([None, Spec("better", ("ü",))]),
)


def entry(number: int) -> Entry:
    return Entry(number.to_bytes(16, "big"), f"job{number}#0", 0, "responder", Response(f"answer {number}", "m"), 0.5)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("journal.tail-*"))


@given(rows=st.lists(ROWS, max_size=4), kept=st.floats(0, 1))
def test_rows_come_back_as_they_were_up_to_where_the_file_was_cut(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]], kept: float
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    tail, ends = Tail(folder / "journal.sqlite"), [0]
    for row in rows:
        tail.append(row)
        ends.append(sum(file.stat().st_size for file in files(folder)))
    assert list(tail.left()) == rows
    for file in files(folder)[:1]:
        file.write_bytes(file.read_bytes()[: (cut := int(kept * ends[-1]))])
        assert list(tail.left()) == rows[: sum(end <= cut for end in ends[1:])]
    tail.close()
    assert not files(folder)


@given(row=ROWS, place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_a_row_that_is_not_as_it_was_written_is_none(
    tmp_path_factory: pytest.TempPathFactory, row: tuple[Any, ...], place: float, change: int
) -> None:
    folder = tmp_path_factory.mktemp("tail")
    tail = Tail(folder / "journal.sqlite")
    tail.append(row)
    tail.close(keep=True)
    content = bytearray(files(folder)[0].read_bytes())
    content[int(place * len(content))] ^= change
    files(folder)[0].write_bytes(content)
    assert list(tail.left()) == []


def test_what_a_power_cut_leaves_of_a_file_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "journal.tail-1").write_bytes(bytes(4096))
    assert list(Tail(tmp_path / "journal.sqlite").left()) == []


def test_an_answer_is_out_of_a_kills_reach_before_it_is_committed(tmp_path: Path) -> None:
    killed = tmp_path / "killed"

    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        await journal.put(entry(1))
        written = [journal.put(entry(number)) for number in (2, 3)]
        shutil.copytree(tmp_path, killed)  # what a kill would leave
        await asyncio.gather(*written)
        await journal.close()
        assert not files(tmp_path), "nothing is left of them when the run ends"
        again = Journal(killed / "journal.sqlite")
        found = [again.get(entry(number).key) for number in (1, 2, 3, 4)]
        assert found == [Response(f"answer {number}", "m") for number in (1, 2, 3)] + [None]
        assert again.totals().calls == 3
        await again.close()
        assert not files(killed)

    asyncio.run(scene())


def test_what_is_committed_leaves_the_tail_and_what_came_meanwhile_stays(tmp_path: Path) -> None:
    async def scene() -> None:
        journal = Journal(tmp_path / "journal.sqlite")
        first = journal.put(entry(1))
        await asyncio.sleep(0)  # it is handed over, alone
        await asyncio.sleep(0)
        second = journal.put(entry(2))
        await first
        assert [row[0] for row in Tail(journal.path).left()] == [entry(2).key]
        await second
        assert [file.stat().st_size for file in files(tmp_path)] == [0, 0]
        await journal.close()

    asyncio.run(scene())


def test_answers_that_cannot_be_committed_wait_for_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"

    async def scene() -> None:
        journal = Journal(path)
        with closing(sqlite3.connect(path)) as other:
            other.execute("DROP TRIGGER count_call")
            other.execute("CREATE TRIGGER refused BEFORE INSERT ON calls BEGIN SELECT RAISE(ABORT, 'no'); END")
            with pytest.raises(StoreError, match="cannot be written: no"):
                await journal.put(entry(1))
            other.execute("DROP TRIGGER refused")
        await journal.put(entry(2))
        await journal.close()
        assert {row[0] for row in Tail(path).left()} == {entry(1).key, entry(2).key}
        again = Journal(path)
        assert again.get(entry(1).key) and again.get(entry(2).key)
        await again.close()

    asyncio.run(scene())


def test_who_only_looks_takes_nothing_in(tmp_path: Path) -> None:
    async def scene() -> None:
        tail = Tail(tmp_path / "journal.sqlite")
        tail.append(entry(1).row())
        tail.close(keep=True)
        journal = Journal(tmp_path / "journal.sqlite", goes_on=False)
        assert journal.get(entry(1).key) is None
        await journal.close()
        assert [row[0] for row in tail.left()] == [entry(1).key]

    asyncio.run(scene())
