"""The embedded model: llama.cpp in this process, behind its own OpenAI-compatible server on a free loopback port.

The same request gives the same text where the arithmetic does not depend on what else is decoded or cached, and by
how many threads. Measured on one machine with fixed seeds: SmolLM2-135M (Q4_1) gave other texts with 1, 2 and 3
threads. Qwen2.5-Coder (Q4_K_M): 0 of 8 equal between one after another and 4 at once; 1 of 6 when the same six requests
came in the opposite order, 6 of 6 with nothing cached, 3 of 6 between 1 thread and 2. So ``repeatable`` takes one slot,
a thread for each core however busy it is, and no cache: 62 s in place of 42 for those six. Other kinds of CPU were not
compared. A run that is resumed repeats nothing: its answers are in the journal.

Requests that are decoded at once share the work of unpacking the weights: on 2 cores of an Intel Xeon Qwen2.5-Coder
writes 13 tokens a second for one, 20 for four, 24 for eight and 40 for sixteen. But of two that begin alike neither
finds it read: with two slots, and both samples of a prompt at once, four methods read 7,200 tokens a question of QA
Feedback, 5,500 with one slot. So the calls of one job go ``one_by_one``: the slots are for several jobs, and eight
questions took 392 s with four slots, 449 with one. Eight slots in place of four: 3 % for 0.5 GB. Methods that take
turns at a model that stays loaded (``kept_loaded``) read less, 3,600, and 2,500 since their prompts begin alike.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, PositiveInt, field_validator

from rmboost import weights
from rmboost.amounts import number
from rmboost.backends import Backend, cores
from rmboost.backends.openai import OpenAIBackend
from rmboost.errors import EndpointError
from rmboost.records import Request, Response

_SLOTS, _CONTEXT = 2, 4096  # of weights that the catalogue does not know: their slots may take gigabytes
_SILENT = -1  # of llama.cpp's log, which would go to stderr
_TIMEOUT = 3600.0  # seconds for one answer: nothing is lost on the way, a laptop is just slow
_CACHE_MIB = 1024  # for the beginnings of earlier prompts; llama.cpp would take up to 8 GiB
_CACHE_KEPT_MIB = 2048  # the same where it is ``kept_loaded``: four methods leave 0.1 GiB of a question with passages
_NO_KEY = "RMBOOST_LOCAL_KEY"  # not OPENAI_API_KEY, which is none of this server's business


class LocalBackend(Backend):
    """A model of configs/models.yaml, or a ``.gguf`` file, decoded in this process.

    model: a name, a path, or ``local`` or nothing for the default one. threads: none, one for each core that is idle at
    the start; another number may give other texts. slots: requests decoded at once; none, as the catalogue says, for a
    file 2. context: tokens that one request may take, its answer included. repeatable: the same texts in every run on
    this machine, and slower.
    The weights are fetched and loaded at the first request; ``close`` frees them.
    """

    model: str = Field(default="local", validate_default=True)
    threads: PositiveInt | None = None
    slots: PositiveInt | None = None
    context: PositiveInt | None = None
    repeatable: bool = False

    @field_validator("model")
    @classmethod
    def _is_known(cls, name: str) -> str:
        return str(weights.check_file(name)) if weights.is_file(name) else weights.find(name).name

    @property
    def room(self) -> int:
        known = self._known
        return 1 if self.repeatable else self.slots or (known.slots if known else _SLOTS)

    @property
    def one_by_one(self) -> bool:
        return True

    @property
    def remark(self) -> str:
        return self._engine.remark

    async def complete(self, request: Request) -> Response:
        server = await self._engine.start(self)
        return await server.complete(request)

    async def check(self) -> None:
        await self._engine.start(self)

    async def close(self) -> None:
        await self._engine.close()

    @property
    def _known(self) -> weights.Weights | None:
        return None if weights.is_file(self.model) else weights.find(self.model)

    @cached_property
    def _engine(self) -> _Engine:
        return _Engine()

    def _name_of(self, file: Path) -> str:
        return f"local:{self._known.name if self._known else file.name}"

    def _parameters(self, file: Path) -> dict[str, Any]:
        known = self._known
        return {
            "path": str(file),
            "name": self._name_of(file),
            "threads": self.threads or (cores.all_of_them() if self.repeatable else self._idle(file)),
            "slots": self.room,
            "context": self.context or (known.slot_context if known else _CONTEXT),
            "cache": 0 if self.repeatable else _CACHE_KEPT_MIB if _KEPT else _CACHE_MIB,
            "flash": known is None or known.flash_attention,
        }

    def _idle(self, file: Path) -> int:
        """A thread for each idle core; where that is half of them or less, whoever waits for the run is told."""
        threads, every = cores.idle(), cores.all_of_them()
        if threads <= every / 2:
            amount = f"{number(threads, 'thread')} for {number(every, 'core')}"
            why = "as other programs keep the rest busy: end those, stop this, and give the same command again"
            self._engine.remark = f"{self._name_of(file)}: {amount}, {why}"
        return threads


class _Engine:
    """A server of llama.cpp, started once, and the backend that talks to it."""

    def __init__(self) -> None:
        self.remark = ""
        self._lock = threading.Lock()
        self._server: Any = None
        self._started_as: tuple[Any, ...] = ()
        self._door: OpenAIBackend | None = None

    async def start(self, backend: LocalBackend) -> OpenAIBackend:
        """The backend of the running server; whoever comes first fetches and loads the weights, in a thread."""
        if self._door:
            return self._door
        stop = threading.Event()
        try:
            return await asyncio.to_thread(self._start, backend, stop)
        except asyncio.CancelledError:
            stop.set()  # else a download would go on, and the program would wait for it
            raise

    async def close(self) -> None:
        door, self._door = self._door, None
        if door:
            await door.close()
        await asyncio.to_thread(self._free)

    def _start(self, backend: LocalBackend, stop: threading.Event) -> OpenAIBackend:
        with self._lock:
            if not self._door:
                _library()  # before a gigabyte is fetched for it
                file = weights.locate(backend.model, stop)
                self._started_as = (file, backend.threads, backend.room, backend.context, backend.repeatable)
                kept = _KEPT[-1] if _KEPT else {}
                self._server = kept.pop(self._started_as, None) or _serve(**backend._parameters(file))
                address = f"{self._server.listening_address}/v1"
                self._door = OpenAIBackend(
                    model=backend._name_of(file), base_url=address, api_key_env=_NO_KEY, timeout=_TIMEOUT
                )
            return self._door

    def _free(self) -> None:
        with self._lock:
            if self._server and _KEPT:
                _KEPT[-1][self._started_as] = self._server
            self._server = None  # its destructor ends the threads and frees the memory
            self._door = None  # a start that was cancelled may have ended meanwhile


_KEPT: list[dict[tuple[Any, ...], Any]] = []
"""For each ``kept_loaded`` that somebody is in: servers that were closed meanwhile, by what they were started with."""


@contextmanager
def kept_loaded() -> Iterator[None]:
    """Models that are closed meanwhile stay loaded, with what they have read, for the next backend that is the same."""
    _KEPT.append({})
    try:
        yield
    finally:
        _KEPT.pop()


def _library() -> Any:
    """llama.cpp. Raises EndpointError when it is missing."""
    # Threads that wait for each other turn in a loop, by default so long that on a busy core the one waited for never
    # gets its turn: measured 10 tokens/s in place of 2. Shorter costs nothing when idle, no turns at all cost 60 %.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # read when the library is loaded
    try:
        import xllamacpp
    except ImportError as error:
        raise EndpointError(f"the embedded model cannot run: {error}", "pip install 'rmboost[local]'") from None
    return xllamacpp


def _serve(**parameters: Any) -> Any:
    """A running server. Raises EndpointError when llama.cpp cannot load the file."""
    xllamacpp, path = _library(), parameters["path"]
    try:
        server = xllamacpp.Server(_wanted(**parameters, system=xllamacpp.get_system_info()))
    except RuntimeError as error:
        raise EndpointError(
            f"llama.cpp cannot load {path}: {error}",
            "is the file whole, and is there memory for it? it takes less with fewer slots, or a smaller context "
            "(options.context, 4096), the same for all roles that share the model: "
            "--set responder.options.slots=1 --set rewriter.options.slots=1 --set judge.options.slots=1",
        ) from None
    _await_loop(server.listening_address)
    return server


def _wanted(
    path: str, name: str, threads: int, slots: int, context: int, cache: int, *, flash: bool, system: str
) -> Any:
    """What llama.cpp, which says this of the ``system`` it is built for, is to do."""
    xllamacpp = _library()
    wanted = xllamacpp.CommonParams()
    wanted.verbosity = _SILENT
    wanted.model.path, wanted.model_alias = path, {name}
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    wanted.n_parallel, wanted.n_ctx = slots, slots * context
    # A memory for each slot: in one for all, each token is compared with what the others have read, too.
    wanted.kv_unified = False
    wanted.n_batch = wanted.n_ubatch  # tokens read before it is asked to stop, or a writer gets its turn
    wanted.cache_prompt, wanted.cache_ram_mib = cache > 0, cache
    attention = xllamacpp.llama_flash_attn_type
    wanted.flash_attn_type = attention.LLAMA_FLASH_ATTN_TYPE_AUTO if flash else attention.LLAMA_FLASH_ATTN_TYPE_DISABLED
    wanted.no_extra_bufts = reads_best_as_stored(system)
    wanted.ui, wanted.cors_origins = False, ""  # web pages open in a browser have no business here
    return wanted


def reads_best_as_stored(system: str) -> bool:
    """Whether llama.cpp, built as it says of itself, reads weights faster as they lie in the file than laid out anew.

    Its kernels for weights as stored use the VNNI instructions, those for the other layout do not. Measured on 2 cores
    of an Intel Xeon with Qwen2.5-Coder-1.5B (Q4_K_M): built for that CPU it reads 125 tokens a second in place of 80,
    writes 12.5 in place of 13.3, loads in 1 s in place of 4, and needs no second copy of the weights. But a step over 8
    tokens takes as long as one over 16, 0.23 s (over one 0.08; laid out anew over 4 0.09): few that write at once gain
    little. The wheel, which has no VNNI, reads as fast either way (57, 58) and writes 11.5 in place of 12.5. AMX has a
    layout of its own.
    """
    features = set(re.findall(r"(\w+) = 1", system))
    return "AVX512_VNNI" in features and "AMX_INT8" not in features


def _await_loop(address: str) -> None:
    """Wait until the server's main loop turns: one that is destroyed before never ends."""
    import httpx2

    httpx2.get(f"{address}/slots", trust_env=False, timeout=60).raise_for_status()
