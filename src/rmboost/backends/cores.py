"""Cores for a model in this process: how many there are, and how many of them nobody else keeps busy."""

from __future__ import annotations

import os
import time
from pathlib import Path
from statistics import median_low

_LOOKS = 10  # at what else runs
_LIMIT = Path("/sys/fs/cgroup/cpu.max")  # of the container: microseconds of CPU, and of how many; or "max"
_LOAD = Path("/proc/loadavg")  # its fourth part: how many threads run, and how many there are


def idle() -> int:
    """Physical cores that this process may use and that nobody keeps busy just now.

    Threads of llama.cpp wait for the slowest of them at every step: with more threads than idle cores, all crawl.
    """
    return max(1, min(all_of_them(), (os.cpu_count() or 1) - _busy()))


def all_of_them() -> int:
    """Physical cores that this process may use."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    return min(len({_siblings(cpu) for cpu in os.sched_getaffinity(0)}), _quota())


def _siblings(cpu: int) -> str:
    """Which logical CPUs share a core with this one; itself, where the system does not say."""
    try:
        return Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list").read_text()
    except OSError:
        return str(cpu)


def _quota() -> int:
    """CPUs that the container's limit amounts to."""
    try:
        quota, period = _LIMIT.read_text().split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):  # no such file, or "max"
        return os.cpu_count() or 1


def _busy() -> int:
    """CPUs that other processes keep busy: the median number of running threads over a tenth of a second.

    Those of this process do not count, which may run another embedded model: two at once, each with a thread for every
    core, took 0.9 of the time that they took one after the other (2 cores).
    """
    try:
        seen = []
        for _ in range(_LOOKS):
            running = int(_LOAD.read_text().split()[3].partition("/")[0])
            seen.append(running - _own_running())
            time.sleep(0.1 / _LOOKS)
    except (OSError, ValueError, IndexError):
        return 0
    return max(0, median_low(seen))


def _own_running() -> int:
    """Threads of this process that run just now, this one among them."""
    return sum(_state(path) == "R" for path in Path("/proc/self/task").glob("*/stat"))


def _state(stat: Path) -> str:
    """The letter for what a thread does; empty for one that has ended meanwhile."""
    try:
        return stat.read_text().rpartition(") ")[2][:1]
    except OSError:
        return ""
