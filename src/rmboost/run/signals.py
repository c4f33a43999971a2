"""Signals: Ctrl-C, SIGTERM and the end of the terminal end a run in peace."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rmboost.client.client import Client

_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stop_on_signals(client: Client, notice: Callable[[str], None]) -> Iterator[None]:
    """The first signal lets calls in flight end, the second leaves now, as does the first where these are all that is
    waited for, and a person knows it; both then do what they did.

    What whoever started the run has ignored (``nohup``, a shell's jobs in the background) stays ignored.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    handlers = {each: signal.getsignal(each) for each in _HEARD}
    others = (None, signal.SIG_IGN)  # None: that of a C program
    caught = {each: handler for each, handler in handlers.items() if handler not in others}
    assert task is not None

    def stop(sent: signal.Signals) -> None:
        if client.halt.told:
            task.cancel()
            return
        client.stop("signal", f"by {sent.name}")
        client.halt.told = True
        notice("stopping: waiting for the calls in flight (Ctrl-C again leaves now)")

    try:
        for each in caught:
            loop.add_signal_handler(each, stop, each)
    except (RuntimeError, ValueError):
        yield  # not in the main thread: signals are somebody else's
        return
    try:
        yield
    finally:
        for each, handler in caught.items():
            loop.remove_signal_handler(each)  # which would leave the system's own
            signal.signal(each, handler)
