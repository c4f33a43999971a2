"""Cores for the embedded model: how many there are, and how many of them are idle."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest

from rmboost.backends import cores

ALL = os.cpu_count() or 1


@pytest.mark.parametrize(
    ("limit", "amounts_to"),
    [
        ("max 100000", ALL),
        ("400000 100000", 4),
        ("150000 100000", 1),
        ("50000 100000", 1),
        ("", ALL),
        (None, ALL),
    ],
)
def test_what_a_container_may_use(
    limit: str | None, amounts_to: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_LIMIT", tmp_path / "cpu.max")
    if limit is not None:
        (tmp_path / "cpu.max").write_text(limit)
    assert cores._quota() == amounts_to
    assert 1 <= cores.all_of_them() <= min(ALL, amounts_to)


@pytest.mark.parametrize(("load", "idle"), [(f"0.5 0.4 0.3 {ALL + 1}/200 999", 1), ("0.0 0.0 0.0 1/200 999", None)])
def test_cores_that_others_keep_busy_are_left_to_them(
    load: str, idle: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loadavg").write_text(load)
    monkeypatch.setattr(cores, "_LOAD", tmp_path / "loadavg")
    assert cores.idle() == (idle or cores.all_of_them())


def test_where_the_system_does_not_say_what_runs_all_cores_are_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_LOAD", tmp_path / "none")
    assert cores.idle() == cores.all_of_them()


def test_a_cpu_of_which_nothing_is_known_is_a_core_of_its_own() -> None:
    assert cores._siblings(10**6) == str(10**6)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not say which threads run")
def test_threads_of_this_process_are_told_from_those_of_others() -> None:
    work = threading.Thread(target=lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000))
    work.start()
    most = 0
    while work.is_alive():
        most = max(most, cores._own_running())
    assert most >= 2
