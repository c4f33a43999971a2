from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from rmboost.backends import cores, local
from rmboost.backends.local import LocalBackend, reads_best_as_stored
from rmboost.errors import BackendError, ConfigError, EndpointError
from rmboost.records import Request, Response

T = TypeVar("T")
QUESTIONS = ("Why is the sky blue?", "Write a haiku about rain.", "What is a prime number?", "How do I boil an egg?")


def request(question: str = QUESTIONS[0], seed: int = 1, **sampling: Any) -> Request:
    return Request(({"role": "user", "content": question},), seed, {"temperature": 0.8, "max_tokens": 24} | sampling)


def use(backend: LocalBackend, work: Callable[[LocalBackend], Coroutine[Any, Any, T]]) -> T:
    """What the work gives, with the backend closed afterwards."""

    async def run() -> T:
        try:
            return await work(backend)
        finally:
            await backend.close()

    return asyncio.run(run())


def tiny(**options: Any) -> LocalBackend:
    return LocalBackend(model="smollm2-135m", threads=1, **options)


@pytest.mark.parametrize("name", ["", "local", "qwen2.5-coder-1.5b"])
def test_the_default_model_by_both_names_is_one_backend(name: str) -> None:
    assert LocalBackend(model=name) == LocalBackend()
    assert hash(LocalBackend(model=name)) == hash(LocalBackend())


@pytest.mark.parametrize(
    ("system", "as_stored"),
    [
        ("CPU : AVX_VNNI = 1 | AVX2 = 1 | AVX512 = 1 | AVX512_VNNI = 1 | REPACK = 1 | ", True),
        ("CPU : AVX512 = 1 | AVX512_VNNI = 1 | AMX_INT8 = 1 | ", False),
        ("CPU : AVX512 = 1 | AVX512_VNNI = 0 | ", False),
        ("CPU : SSE3 = 1 | AVX2 = 1 | LLAMAFILE = 1 | OPENMP = 1 | REPACK = 1 | ", False),
        ("CPU : NEON = 1 | MATMUL_INT8 = 1 | ", False),
    ],
)
def test_weights_are_read_as_they_lie_where_that_is_faster(system: str, as_stored: bool) -> None:
    assert reads_best_as_stored(system) is as_stored
    wanted = local._wanted("w.gguf", "local:w", 1, 4, 2048, 0, flash=True, system=system)
    assert (wanted.no_extra_bufts, wanted.n_parallel, wanted.n_ctx) == (as_stored, 4, 8192)
    assert (wanted.kv_unified, wanted.n_batch) == (False, wanted.n_ubatch)


def test_a_model_that_takes_turns_remembers_more_and_one_that_repeats_nothing() -> None:
    def cache(**options: Any) -> tuple[bool, int]:
        wanted = local._wanted(**tiny(**options)._parameters(Path("w.gguf")), system="")
        return wanted.cache_prompt, wanted.cache_ram_mib

    assert (cache(), cache(repeatable=True)) == ((True, 1024), (False, 0))
    with local.kept_loaded():
        assert (cache(), cache(repeatable=True)) == ((True, 2048), (False, 0))


@pytest.mark.skipif(cores.all_of_them() < 2, reason="of one core nobody can leave it half")
def test_whoever_waits_is_told_that_others_hold_half_of_the_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(running: int, **options: Any) -> str:
        (tmp_path / "loadavg").write_text(f"0.5 0.4 0.3 {running}/200 999")
        backend = LocalBackend(**options)
        backend._parameters(Path("w.gguf"))
        return backend.remark

    monkeypatch.setattr(cores, "_LOAD", tmp_path / "loadavg")
    busy = os.cpu_count() or 1
    assert said(1) == said(busy + 1, threads=1) == said(busy + 1, repeatable=True) == ""
    assert said(busy + 1).startswith("local:qwen2.5-coder-1.5b: 1 thread for ")
    assert "end those" in said(busy + 1)


def test_it_answers_as_many_at_once_as_it_has_slots() -> None:
    assert LocalBackend(model="smollm2-135m").room == 4
    assert LocalBackend(slots=7).room == 7
    assert LocalBackend(slots=7, repeatable=True).room == 1


def test_an_unknown_model_is_found_before_anything_is_loaded() -> None:
    with pytest.raises(ConfigError, match="no embedded model 'smollm'"):
        LocalBackend(model="smollm")
    with pytest.raises(ConfigError, match="cannot be read"):
        LocalBackend(model="/no/such/model.gguf")


def test_closing_what_was_never_opened_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMBOOST_CACHE", str(tmp_path / "cache"))
    asyncio.run(LocalBackend().close())
    assert not (tmp_path / "cache").exists()


def test_a_file_that_llama_cpp_cannot_load(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(1000))
    with pytest.raises(EndpointError, match=r"llama.cpp cannot load .*broken.gguf"):
        use(LocalBackend(model=str(broken)), LocalBackend.check)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"GGUF")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    monkeypatch.setenv("RMBOOST_CACHE", str(tmp_path / "cache"))
    for model in (str(own), "smollm2-135m"):
        with pytest.raises(EndpointError, match="the embedded model cannot run") as caught:
            use(LocalBackend(model=model), LocalBackend.check)
        assert caught.value.hint == "pip install 'rmboost[local]'"
    assert not (tmp_path / "cache").exists(), "nothing is fetched in vain"


async def _talk(backend: LocalBackend) -> tuple[list[Response], list[Response]]:
    await backend.check()
    asked = [request(question, temperature=0) for question in QUESTIONS]
    one_by_one = [await backend.complete(each) for each in asked]
    at_once = await asyncio.gather(*map(backend.complete, asked))
    return one_by_one, at_once


@pytest.mark.real
def test_it_answers_one_by_one_and_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    one_by_one, at_once = use(tiny(slots=4), _talk)
    assert one_by_one[0].model == "local:smollm2-135m"
    assert all(len(response.text) > 20 for response in (*one_by_one, *at_once))
    for alone, beside in zip(one_by_one, at_once, strict=True):  # not to the last word: arithmetic
        assert alone.text.split()[:3] == beside.text.split()[:3]
    assert one_by_one[0].usage.completion_tokens == 24
    assert not any(word in capfd.readouterr().err for word in ("srv", "llama", "slot"))


async def _vary(backend: LocalBackend) -> tuple[Response, ...]:
    return (
        await backend.complete(request(seed=1)),
        await backend.complete(request(seed=2)),
        await backend.complete(request(seed=2**61 + 1)),
        await backend.complete(request("Say yes.", max_tokens=1)),
    )


@pytest.mark.real
def test_the_seed_decides_and_an_answer_cut_short_says_so() -> None:
    first, other, large, cut = use(tiny(slots=1), _vary)
    again = use(tiny(slots=1), _vary)[0]
    assert first.text == again.text
    assert len({first.text, other.text}) == 2
    assert large.text
    assert (cut.finish_reason, cut.usage.completion_tokens) == ("length", 1)


@pytest.mark.real
def test_when_it_is_to_be_repeatable_no_earlier_request_leaves_a_trace() -> None:
    passage = " ".join(f"House {number} has {number % 7} windows." for number in range(40))
    asked = [request(f"{passage} {question}", max_tokens=40) for question in QUESTIONS]

    def texts(order: int) -> list[str]:
        async def work(backend: LocalBackend) -> list[str]:
            return [(await backend.complete(each)).text for each in asked[::order]][::order]

        return use(LocalBackend(model="smollm2-135m", repeatable=True), work)

    assert texts(1) == texts(-1), "with one slot and a cache they differ, where this was written"


@pytest.mark.real
def test_a_prompt_that_is_too_long_fails_alone() -> None:
    async def work(backend: LocalBackend) -> Response:
        with pytest.raises(BackendError, match="exceeds the available context size") as caught:
            await backend.complete(request("long " * 2000))
        assert type(caught.value) is BackendError
        return await backend.complete(request())

    assert use(tiny(slots=2, context=512), work).text


@pytest.mark.real
def test_a_backend_serves_a_second_loop() -> None:
    backend = tiny(slots=1)
    first, second = (use(backend, lambda it: it.complete(request())) for _ in range(2))
    assert first.text == second.text
