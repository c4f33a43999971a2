"""Which call first? Jobs of two calls in a row, replayed in a pool without overhead, for several orders of work.

    python benchmarks/order.py

A job is carried to its end before a new one begins (depth first), except that the last AHEAD × slots jobs begin
together. Printed is the time of the whole, in multiples of the time that fully used slots would take.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from math import exp
from random import Random

AHEAD = (0, 1, 2, 4, 1000)
_SEEDS = 10


def makespan(latencies: Sequence[Sequence[float]], slots: int, ahead: float) -> float:
    """Time until the last answer. latencies: of each job's calls, in their order."""
    now, free, begun = 0.0, slots, 0
    ready: deque[tuple[int, int]] = deque()
    running: list[tuple[float, int, int]] = []
    while begun < len(latencies) or ready or running:
        while free and (ready or begun < len(latencies)):
            if not ready or len(latencies) - begun <= ahead * slots:
                last = len(latencies) if len(latencies) - begun <= ahead * slots else begun + 1
                ready.extend((job, 0) for job in range(begun, last))
                begun = last
            job, call = ready.popleft()
            heapq.heappush(running, (now + latencies[job][call], job, call))
            free -= 1
        now, job, call = heapq.heappop(running)
        free += 1
        if call + 1 < len(latencies[job]):
            ready.append((job, call + 1))
    return now


def mean_cost(jobs: int, slots: int, sigma: float, ahead: float) -> float:
    """Makespan over what full slots would take, over several draws of lognormal latencies with this spread."""
    costs = []
    for seed in range(_SEEDS):
        random = Random(seed)
        latencies = [[exp(random.gauss(-(sigma**2) / 2, sigma)) for _ in range(2)] for _ in range(jobs)]
        costs.append(makespan(latencies, slots, ahead) * slots / sum(map(sum, latencies)))
    return sum(costs) / len(costs)


def main() -> None:
    print("| jobs | slots | σ |", " | ".join(f"ahead {ahead}" for ahead in AHEAD), "|")
    print("|", " | ".join(["---"] * (3 + len(AHEAD))), "|")
    for jobs, slots in ((1000, 256), (2000, 256), (10_000, 256), (2000, 64)):
        for sigma in (0.5, 1.0):
            costs = (f"{mean_cost(jobs, slots, sigma, ahead):.3f}" for ahead in AHEAD)
            print(f"| {jobs} | {slots} | {sigma} |", " | ".join(costs), "|", flush=True)


if __name__ == "__main__":
    main()
