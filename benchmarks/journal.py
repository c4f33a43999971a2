"""What the journal costs: CPU a call, and how long an answer waits until it is on disk, at several loads.

    python benchmarks/journal.py --rates 10 300 5000

Answers of 1,500 characters arrive at random moments (Poisson) in the folder given by ``--folder``, whose disk is
what is measured. The CPU of an empty event loop that wakes as often is taken off.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from statistics import mean, quantiles
from time import perf_counter, process_time

from rmboost.journal import Entry, Journal
from rmboost.records import Response, Usage

_TEXT = "the plan asks every team to write down what it needs before work begins. " * 20
Put = Callable[[int], Awaitable[None]]


def entry(number: int) -> Entry:
    """An answer that no other call has."""
    random = Random(number)
    answer = Response(f"{number} {_TEXT}", "bench", usage=Usage(300, 300))
    return Entry(random.randbytes(16), f"{random.getrandbits(64):016x}#0", 0, "responder", answer, 0.5)


async def arrive(put: Put, rate: float, count: int) -> list[float]:
    """Call ``put`` at random moments, so many a second; how long each took, in seconds."""
    random, due, tasks = Random(0), perf_counter(), []

    async def timed(number: int) -> float:
        started = perf_counter()
        await put(number)
        return perf_counter() - started

    for number in range(count):
        due += random.expovariate(rate)
        if (wait := due - perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(timed(number)))
    return list(await asyncio.gather(*tasks))


async def measure(rate: float, count: int, folder: Path) -> tuple[float, list[float]]:
    """CPU seconds a call, and the waits."""
    entries = [entry(number) for number in range(count)]
    started = process_time()
    await arrive(lambda _: asyncio.sleep(0), rate, count)
    idle = process_time() - started
    journal = Journal(folder / f"journal-{rate:g}.sqlite")
    started = process_time()
    waits = await arrive(lambda number: journal.put(entries[number]), rate, count)
    spent = process_time() - started
    await journal.close()
    return (spent - idle) / count, waits


def main(given: argparse.Namespace) -> None:
    print("| answers/s | CPU ms a call | wait ms, mean | wait ms, 95 % |\n| --- | --- | --- | --- |")
    for rate in given.rates:
        count = max(40, int(rate * given.seconds))
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            cpu, waits = asyncio.run(measure(rate, count, Path(folder)))
        ninety_five = quantiles(waits, n=20)[-1]
        print(f"| {rate:g} | {cpu * 1000:.3f} | {mean(waits) * 1000:.2f} | {ninety_five * 1000:.2f} |", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rates", type=float, nargs="+", default=[10, 300, 5000], help="answers a second")
    options.add_argument("--seconds", type=float, default=4, help="how long each load lasts")
    options.add_argument("--folder", type=Path, help="where the journals are written; none: the system's")
    main(options.parse_args())
