"""The files of a run: claimed, appended to, checked, never overwritten when they are not ours."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rmboost.claim import claim, owner, set_aside
from rmboost.errors import StoreError, way_out
from rmboost.journal import Journal
from rmboost.records import Drop, Dropped, Failed, Job, Kept, Outcome, Pair, Prompt, Response
from rmboost.run.store import Store


def job(index: int) -> Job:
    return Job(Prompt(f"p{index}", ({"role": "user", "content": "Why?"},), plain=True), index)


def kept(index: int) -> Kept:
    return Kept(
        job(index), Pair(job(index).prompt, Response("a", "m"), Response("b", "m", call=1), "x", "worse", ("y",))
    )


def dropped(index: int) -> Dropped:
    return Dropped(job(index), (Drop("near-copy", "0.99", 1),))


def visit(output: Path, scene: Callable[[Store], None]) -> None:
    """Open the store, do something, close it."""

    async def stage() -> None:
        store = Store(output)
        try:
            scene(store)
        finally:
            await store.close()

    asyncio.run(stage())


def settle_four(store: Store) -> None:
    assert store.resume("run", 6) == 0
    store.write_manifest({"status": "running"})
    for index in range(3):
        store.add(kept(index), {"id": index, "text": "ü\ud800"})
    store.add(dropped(3), {"id": 3})
    store.checkpoint()


def settle_four_and_close(store: Store) -> None:
    settle_four(store)
    store.checkpoint(closed=True)


def _cut(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.run/rejects.jsonl"])
@pytest.mark.parametrize(("meddle", "done"), [(Path.unlink, "removed or replaced"), (_cut, "cut")])
def test_rows_that_are_taken_away_meanwhile_end_the_run(
    tmp_path: Path, name: str, meddle: Callable[[Path], None], done: str
) -> None:
    def scene(store: Store) -> None:
        settle_four(store)
        store.refuse_meddling()
        meddle(tmp_path / name)
        for look in (store.refuse_meddling, lambda: (store.add(kept(4), {}), store.add(dropped(5), {}))):
            with pytest.raises(StoreError, match=f"{name} was {done} while the run wrote it"):
                look()

    visit(tmp_path / "pairs.jsonl", scene)


def test_a_journal_that_is_taken_away_meanwhile_ends_the_run(tmp_path: Path) -> None:
    def scene(store: Store) -> None:
        settle_four(store)
        (tmp_path / "pairs.run" / "journal.sqlite").unlink()
        with pytest.raises(StoreError, match="was removed or replaced while the run"):
            store.refuse_meddling()

    visit(tmp_path / "pairs.jsonl", scene)


def test_rows_go_to_pairs_and_rejects_and_the_tally_comes_back(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four)
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [0, 1, 2]
    assert json.loads((tmp_path / "pairs.run" / "rejects.jsonl").read_text()) == {"id": 3}

    def again(store: Store) -> None:
        assert store.resume("run", 6) == 4
        assert (store.tally.kept, store.tally.rejected) == (3, {"near-copy": 1})
        assert store.tally.examples == {"near-copy": "p3"}

    visit(output, again)


def test_what_a_killed_process_wrote_past_the_checkpoint_is_cut_off(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four)
    good = output.read_bytes()
    output.write_bytes(good + b'{"id": 4, "torn')

    def again(store: Store) -> None:
        assert store.resume("run", 6) == 4
        assert output.read_bytes() == good
        store.add(kept(4), {"id": 4})

    visit(output, again)
    assert output.read_bytes() == good + b'{"id": 4}\n'


@pytest.mark.parametrize("harm", ["edited", "shorter", "gone", "other settings", "fewer prompts"])
def test_files_that_do_not_fit_are_written_anew_and_the_old_rows_kept(tmp_path: Path, harm: str) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four)
    before = output.read_bytes()
    if harm == "edited":
        output.write_bytes(before.replace(b'"id": 1', b'"id": 7'))
    elif harm == "shorter":
        output.write_bytes(before[:-5])
    elif harm == "gone":
        output.unlink()

    def again(store: Store) -> None:
        run, jobs = ("other" if harm == "other settings" else "run"), (2 if harm == "fewer prompts" else 6)
        assert store.resume(run, jobs) == 0
        assert store.tally.settled == 0
        assert (output.read_bytes() if touched else None) == touched, "until there is something in their place"
        store.add(kept(0), {"id": 0})

    touched = output.read_bytes() if output.exists() else None
    visit(output, again)
    assert output.read_bytes() == b'{"id": 0}\n'
    previous = tmp_path / "pairs.run" / "previous.jsonl"
    assert (previous.read_bytes() if previous.exists() else None) == touched


def test_a_run_that_comes_to_nothing_leaves_the_rows_of_other_settings_as_they_are(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    files = [output, *(tmp_path / "pairs.run" / name for name in ("rejects.jsonl", "manifest.json"))]
    visit(output, settle_four_and_close)
    before = [file.read_bytes() for file in files]

    def in_vain(store: Store) -> None:
        assert store.resume("other", 6) == 0
        store.begin({"status": "running"}, {"rule": "other"})
        assert list(store.lines()) == []
        store.checkpoint(closed=True)
        store.write_manifest({"status": "stopped"})
        assert store.journal.recall("plan") is None

    visit(output, in_vain)
    assert [file.read_bytes() for file in files] == before
    visit(output, lambda store: eq(store.resume("run", 4), 4))


def failed(index: int) -> Failed:
    return Failed(job(index), "too long")


def finish_with_a_failure(store: Store) -> None:
    assert store.resume("run", 6) == 0
    store.write_manifest({"status": "running"})
    outcomes: list[Outcome] = [kept(0), dropped(1), failed(2), kept(3), failed(4), kept(5)]
    for index, outcome in enumerate(outcomes):
        store.add(outcome, {"id": index})
    store.checkpoint(closed=True)


def test_a_finished_run_goes_on_at_its_first_failure(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, finish_with_a_failure)

    def again(store: Store) -> None:
        assert store.resume("run", 6) == 2
        assert (store.tally.kept, store.tally.failed.total(), store.notice) == (1, 0, "")
        for index in range(2, 6):
            store.add(kept(index), {"id": index})

    visit(output, again)
    assert [json.loads(line)["id"] for line in output.read_text().splitlines()] == [0, 2, 3, 4, 5]
    assert (tmp_path / "pairs.run" / "rejects.jsonl").read_text() == '{"id": 1}\n'

    def done(store: Store) -> None:
        assert store.resume("run", 6) == 2, "the checkpoint of the kept rows was never written"

    visit(output, done)


def test_rows_stay_until_the_first_of_them_is_made_again(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, finish_with_a_failure)
    before = output.read_bytes(), (tmp_path / "pairs.run" / "rejects.jsonl").read_bytes()

    def in_vain(store: Store) -> None:
        assert store.resume("run", 6) == 2
        assert list(store.lines()) == [b'{"id": 0}\n'], "those that are not made again"
        store.checkpoint(closed=True)
        assert (store.tally.settled, store.tally.failed.total()) == (6, 2)
        store.write_manifest({"status": "stopped"})

    for _ in range(2):
        visit(output, in_vain)
        assert (output.read_bytes(), (tmp_path / "pairs.run" / "rejects.jsonl").read_bytes()) == before
        assert json.loads((tmp_path / "pairs.run" / "manifest.json").read_text())["files"]["pairs.jsonl"]["bytes"] == 30

    def begun(store: Store) -> None:
        store.resume("run", 6)
        store.add(kept(2), {"id": 2})

    visit(output, begun)
    assert output.read_bytes() == b'{"id": 0}\n{"id": 2}\n'
    visit(output, lambda store: eq(store.resume("run", 6), 2))
    assert output.read_bytes() == b'{"id": 0}\n'


def test_a_redo_that_was_killed_after_its_cut_goes_on_there(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, finish_with_a_failure)
    output.write_bytes(b'{"id": 0}\n')
    visit(output, lambda store: eq(store.resume("run", 6), 2))
    assert not (tmp_path / "pairs.run" / "previous.jsonl").exists()


def test_a_stopped_run_keeps_its_failures_until_it_is_through(tmp_path: Path) -> None:
    visit(tmp_path / "pairs.jsonl", finish_with_a_failure)

    def grown(store: Store) -> None:
        assert store.resume("more", 8, earlier="run") == 6
        for index in (6, 7):
            store.add(kept(index), {"id": index})
        store.checkpoint(closed=True)

    visit(tmp_path / "pairs.jsonl", grown)
    visit(tmp_path / "pairs.jsonl", lambda store: eq(store.resume("more", 8), 2))


def eq(found: object, wanted: object) -> None:
    assert found == wanted


def anew(run: str, jobs: int) -> Callable[[Store], None]:
    """Rows do not fit, and the first new one is there."""

    def scene(store: Store) -> None:
        assert store.resume(run, jobs) == 0
        store.add(kept(0), {"id": 0})

    return scene


def test_a_finished_output_that_nobody_touched_is_not_read_again(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four_and_close)
    before = output.read_bytes()
    status = output.stat()
    output.write_bytes(before[::-1])
    os.utime(output, ns=(status.st_atime_ns, status.st_mtime_ns))
    visit(output, lambda store: eq(store.resume("run", 4), 4))  # nobody does this by accident
    os.utime(output)
    visit(output, anew("run", 4))
    assert (tmp_path / "pairs.run" / "previous.jsonl").read_bytes() == before[::-1]


def test_a_touched_but_equal_output_goes_on(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, finish_with_a_failure)
    os.utime(output)
    visit(output, lambda store: eq(store.resume("run", 6), 2))
    assert not (tmp_path / "pairs.run" / "previous.jsonl").exists()


def test_rows_edited_after_the_first_failure_are_set_aside_as_well(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, finish_with_a_failure)
    edited = output.read_bytes().replace(b'"id": 5', b'"id": 7')
    assert edited != output.read_bytes()
    output.write_bytes(edited)
    visit(output, anew("run", 6))
    assert (tmp_path / "pairs.run" / "previous.jsonl").read_bytes() == edited


@pytest.mark.parametrize(
    "harm",
    [
        {"stamp": 3},
        {"end": {"jobs": 4, "pages": 1}},
        {"end": {"jobs": 4, "pairs": [1, "x"], "rejects": [0, ""], "tally": {"kept": 4, "sold": {}}}},
    ],
)
def test_a_checkpoint_of_another_version_counts_as_none(tmp_path: Path, harm: dict[str, object]) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four)

    async def rewrite() -> None:
        journal = Journal(tmp_path / "pairs.run" / "journal.sqlite")
        journal.remember("checkpoint", journal.recall("checkpoint") | harm)
        await journal.close()

    asyncio.run(rewrite())

    def again(store: Store) -> None:
        assert store.resume("run", 6) == 0
        assert "previous.jsonl" in store.notice

    visit(output, again)


def test_somebody_elses_file_is_left_alone(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    output.write_text("precious\n")
    with pytest.raises(StoreError, match="was not made by the run in"):
        Store(output)
    assert output.read_text() == "precious\n"
    assert not (tmp_path / "pairs.run").exists()


def test_a_file_that_shares_the_run_folders_name_is_left_alone(tmp_path: Path) -> None:
    visit(tmp_path / "train.jsonl", settle_four)
    (tmp_path / "train.json").write_text("precious\n")
    for touch in (Store, set_aside):
        with pytest.raises(StoreError, match="was not made by"):
            touch(tmp_path / "train.json")
    assert (tmp_path / "train.json").read_text() == "precious\n"


def test_the_run_of_another_file_is_left_alone(tmp_path: Path) -> None:
    """Both would keep their state in ``train.run``; the first could then not be resumed any more."""
    visit(tmp_path / "train.jsonl", settle_four)
    (tmp_path / "train.run" / "manifest.json").write_text('{"output": "train.jsonl"}')
    for touch in (Store, set_aside):
        with pytest.raises(StoreError, match=r"is the folder of the run that made .*train\.jsonl"):
            touch(tmp_path / "train.json")
    visit(tmp_path / "train.jsonl", Store.checkpoint)
    (tmp_path / "train.jsonl").unlink()
    visit(tmp_path / "train.json", Store.checkpoint)


def test_an_empty_file_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").touch()
    visit(tmp_path / "pairs.jsonl", settle_four)
    assert (tmp_path / "pairs.jsonl").read_bytes().count(b"\n") == 3


def test_rows_added_by_hand_after_a_clean_end_are_set_aside(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four_and_close)
    with output.open("a") as file:
        file.write("mine\n")

    visit(output, anew("run", 6))
    assert (tmp_path / "pairs.run" / "previous.jsonl").read_text().endswith("mine\n")


def test_every_earlier_output_is_kept(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four)
    for settings in ("b", "c"):

        def other(store: Store, run: str = settings) -> None:
            store.resume(run, 6)
            store.add(kept(0), {"id": run})

        visit(output, other)
    names = sorted(path.name for path in (tmp_path / "pairs.run").glob("previous*"))
    assert names == ["previous-2.jsonl", "previous.jsonl"]


@pytest.mark.parametrize("name", ["folder", "missing/pairs.jsonl", "pairs.run"])
def test_places_that_cannot_be_written_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreError):
        Store(tmp_path / name)


def test_a_second_process_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    with claim(tmp_path / "pairs.jsonl"), pytest.raises(StoreError, match=f"process {os.getpid()} is working"):
        claim(tmp_path / "pairs.jsonl")
    assert owner(tmp_path / "pairs.run") is None
    with claim(tmp_path / "pairs.jsonl"):
        assert owner(tmp_path / "pairs.run") == str(os.getpid())
    assert owner(tmp_path / "nowhere.run") is None


def test_fresh_moves_the_old_run_aside_and_deletes_nothing(tmp_path: Path) -> None:
    output = tmp_path / "pairs.jsonl"
    assert set_aside(output) is None
    visit(output, settle_four)
    before = output.read_bytes()
    aside = set_aside(output)
    assert aside is not None
    assert (aside / "pairs.jsonl").read_bytes() == before
    assert (aside / "journal.sqlite").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == [aside.name]


@pytest.mark.parametrize(("text", "said"), [("{", r"manifest\.json cannot be read"), ("null", "is no manifest")])
def test_a_manifest_that_cannot_be_read_is_said_so(tmp_path: Path, text: str, said: str) -> None:
    output = tmp_path / "pairs.jsonl"
    visit(output, settle_four)
    (tmp_path / "pairs.run" / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=said) as caught:
        Store(output)
    assert "move it and the output away" in caught.value.hint
    assert set_aside(output) is not None, "--fresh works as well"


def test_a_manifest_is_on_disk_before_it_has_its_name_and_so_is_the_name(tmp_path: Path) -> None:
    called: list[object] = []

    def note(_: object, event: str, function: object) -> None:
        if event == "c_call" and function in (os.fsync, os.replace):
            called.append(function)

    def write(store: Store) -> None:
        sys.setprofile(note)
        try:
            store.write_manifest({"status": "running"})
        finally:
            sys.setprofile(None)

    visit(tmp_path / "pairs.jsonl", write)
    assert called == [os.fsync, os.replace, os.fsync]


@pytest.mark.parametrize(("number", "room"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EROFS, False)])
def test_room_is_advised_only_where_it_lacks(number: int, room: bool) -> None:
    assert ("make room" in way_out(OSError(number, os.strerror(number)))) is room


def test_a_run_that_is_moved_aside_while_its_lock_is_taken_is_claimed_anew(tmp_path: Path) -> None:
    output, folder, aside = tmp_path / "pairs.jsonl", tmp_path / "pairs.run", tmp_path / "aside.run"

    def move_aside(_: object, event: str, function: object) -> None:
        """What ``--fresh`` of another process may do after the lock was opened and before it is taken."""
        if event == "c_call" and function is fcntl.flock and not aside.exists():
            folder.replace(aside)

    sys.setprofile(move_aside)
    try:
        lock = claim(output)
    finally:
        sys.setprofile(None)
    with lock:
        assert owner(folder) == str(os.getpid())
        assert owner(aside) is None


def test_a_checkpoint_that_comes_by_itself_counts_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rmboost.run.store._CHECKPOINT_SECONDS", -1.0)

    def three(store: Store) -> None:
        store.resume("run", 6)
        store.write_manifest({"status": "running"})
        for index in range(3):
            store.add(kept(index), {"id": index})

    visit(tmp_path / "pairs.jsonl", three)
    found: list[int] = []
    visit(tmp_path / "pairs.jsonl", lambda store: found.append(store.resume("run", 6)))
    assert found == [3]


def test_a_file_system_without_locks_is_told_from_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StoreError, match=r"lock cannot be locked: No locks available") as caught:
        claim(tmp_path / "pairs.jsonl")
    assert "another file system" in caught.value.hint
    assert owner(tmp_path / "pairs.run") is None


def test_rows_that_cannot_be_brought_to_disk_are_an_error_and_leave_the_output_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scene(store: Store) -> None:
        settle_four(store)
        monkeypatch.setattr("rmboost.run.rowfile.os.fsync", refuse)

    def refuse(_: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with pytest.raises(StoreError, match="cannot be written: Disk quota exceeded"):
        visit(tmp_path / "pairs.jsonl", scene)
    monkeypatch.undo()
    visit(tmp_path / "pairs.jsonl", lambda store: eq(store.resume("run", 6), 4))
