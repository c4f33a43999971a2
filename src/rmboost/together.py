"""Calls that go out at once, and the way from a plain call into the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def together(*calls: Awaitable[T]) -> list[T]:
    """The results of calls that go out at once, numbered in this order.

    Waits for all of them before it raises the first failure: an answer under way is paid for, and kept.
    """
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end from anywhere, also from a notebook, whose own loop is busy with the cell."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        return _in_a_thread(work)
    try:
        return asyncio.run(work)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None  # a second Ctrl-C


def _in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end beside a loop that is busy; an interrupted cell ends the work too, which would go on and pay."""
    begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = Future()

    async def begin() -> T:
        begun.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        return await work

    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            return thread.submit(asyncio.run, begin()).result()
        except KeyboardInterrupt:
            loop, task = begun.result()
            with suppress(RuntimeError):  # the work has just ended, and its loop with it
                loop.call_soon_threadsafe(task.cancel if task else loop.stop)
            raise
