"""The way from a plain call into an event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from rmboost.together import run


def test_an_interrupted_cell_of_a_notebook_ends_the_work_as_well() -> None:
    ended: list[str] = []

    async def work() -> None:
        for _ in range(10_000):  # until the other thread has begun to wait
            await asyncio.sleep(0)
        signal.pthread_kill(threading.main_thread().ident or os.getpid(), signal.SIGINT)
        try:
            for _ in range(1_000_000):
                await asyncio.sleep(0)
            ended.append("at its end")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def cell() -> None:
        run(work())

    loop = asyncio.new_event_loop()  # no asyncio.run: a kernel has its own way with signals
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(cell())
    finally:
        loop.close()
    assert ended == ["cancelled"]
