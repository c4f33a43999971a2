"""How long a run of a million settled jobs takes to go on, and to say that it is finished.

    python benchmarks/resume.py --jobs 1000000

Makes the folder of a run that was stopped shortly before its end, with pairs of 3 kB, by the program's own store and
journal (a minute or two and 9 GB for a million), then runs ``rmboost generate`` on it twice. See README.md here.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from time import perf_counter

from runner import Measured, measure, write_prompts

from rmboost.config import load
from rmboost.journal import Entry
from rmboost.records import Job, Kept, Pair, Response, Usage
from rmboost.run import run
from rmboost.run.listener import Listener
from rmboost.run.recipe import Recipe
from rmboost.run.store import Store

_LEFT = 100
"""Prompts that are not settled yet."""
_BATCH = 500
_WORDS = ("the plan asks every team to write down what it needs", "before any work begins", "so that nobody waits")
_TEXT = " ".join(Random(0).choices(_WORDS, k=100_000))
_SETTINGS = {"model": "bench", "method.style": "plan"}


def responses(job: Job) -> tuple[Response, Response]:
    """Two texts of 1,500 characters that no other job has."""
    random = Random(job.index)
    texts = (_TEXT[start : start + 1500] for start in random.choices(range(len(_TEXT) - 1500), k=2))
    templates = ("respond", "rmboost/plan-better")
    first, second = (
        Response(text, "bench", usage=Usage(300, 300), call=call, template=template)
        for call, (text, template) in enumerate(zip(texts, templates, strict=True))
    )
    return first, second


def entries(job: Job, pair: tuple[Response, Response]) -> Iterator[Entry]:
    """What the journal holds of a job. Its keys fit no request: what is settled is not asked for again."""
    for role, response in zip(("responder", "rewriter"), pair, strict=True):
        yield Entry(Random(f"{job.key} {role}").randbytes(16), job.key, response.call, role, response, 0.5, job.spec)


async def settle(prompts: Path, output: Path) -> None:
    """Bring a run to a stop before its last prompts."""
    recipe, store = Recipe.prepare(prompts, load(None, _SETTINGS)), Store(output)
    recipe = replace(recipe, plan=run._resume(recipe, store, Listener()).plan)
    waiting = []
    for job in recipe.jobs():
        if job.index == recipe.available - _LEFT:
            break
        first, second = responses(job)
        assert job.spec
        pair = Pair(job.prompt, second, first, "rmboost", "better", job.spec.aspects, "Some sentences change.")
        kept = Kept(job, pair)
        waiting += [store.journal.put(entry) for entry in entries(job, (first, second))]
        store.add(kept, recipe.row(kept))
        if len(waiting) >= _BATCH:
            await asyncio.gather(*waiting)
            waiting.clear()
    await asyncio.gather(*waiting)
    store.checkpoint(closed=True)
    await store.close()


def make(prompts: Path, output: Path, count: int) -> None:
    """The folder of the run."""
    write_prompts(prompts, count)
    asyncio.run(settle(prompts, output))


def _say(what: str, seconds: float, measured: Measured) -> None:
    cells = (what, f"{seconds:.2f}", f"{measured.ended - measured.started:.2f}", f"{measured.cpu:.2f}")
    print("|", " | ".join(cells), "|", f"{measured.peak_kb / 1024:.0f} |", flush=True)


def main(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        prompts, output = Path(name, "prompts.jsonl"), Path(name, "pairs.jsonl")
        started = perf_counter()
        making = multiprocessing.get_context("spawn").Process(target=make, args=(prompts, output, given.jobs + _LEFT))
        making.start()  # apart, as the peak memory of a process counts for those that it starts
        making.join()
        size = sum(path.stat().st_size for path in Path(name).rglob("*.*") if path.is_file())
        print(f"{given.jobs:,} jobs settled, {size / 1e9:.1f} GB, made in {perf_counter() - started:.0f} s\n")
        if given.cold:
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("3")
        arguments = ["generate", str(prompts), "-o", str(output), "-q", "--set=checks=[form]"]
        settings = [f"--set={name}={value}" for name, value in _SETTINGS.items()]
        program = [sys.executable, "-m", "rmboost", *arguments[:5], *settings]
        print("| run | told after s | wall s | CPU s | peak RSS MB |\n| --- | --- | --- | --- | --- |")
        resumed = measure("resumed", program, 0.05, 0.5)
        _say("goes on: first request", min(call.received for call in resumed.calls) - resumed.started, resumed)
        finished = measure("finished", program, 0.05, 0.5)
        assert not finished.calls, "all was settled"
        _say("is finished: says so", finished.ended - finished.started, finished)
        rows = output.read_bytes().count(b"\n") if given.jobs <= 100_000 else None
        assert rows in (None, given.jobs + _LEFT), f"{rows} rows"


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=50_000, help="settled before")
    options.add_argument("--folder", type=Path, help="where the run is made; none: the system's folder for such things")
    options.add_argument("--cold", action="store_true", help="first empty the system's file cache (needs root)")
    main(options.parse_args())
