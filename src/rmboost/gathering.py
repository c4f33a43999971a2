"""An event loop that lets answers gather: those that come close together are read, journaled and followed up together.

A process that wakes up for each answer finds its caches cold each time. One that wakes up for a dozen takes a quarter
less CPU for each, and one commit of the journal serves them all (benchmarks/README.md).
"""

from __future__ import annotations

import asyncio
import selectors
from selectors import SelectorKey
from time import monotonic
from typing import Any

_SHARE, _LONGEST = 0.06, 0.03
"""The longest that answers are left to gather: a share of the time that they take, and seconds. In the mean one waits
for half of that."""
_COMPANY = 2
"""Where fewer than so many come within that time, each is taken at once."""
_LONE = 1.0
"""Seconds between two answers that count as no load at all."""


def answered(seconds: float) -> None:
    """Tell the running loop that an answer has come, and how long it took; other loops than ours need not know."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, GatheringLoop):
        loop.arrivals.note(seconds, monotonic())
        loop.sockets.patience = loop.arrivals.patience


class GatheringLoop(asyncio.SelectorEventLoop):
    """An event loop that looks at its sockets no more often than answers are worth it."""

    def __init__(self) -> None:
        self.sockets = PatientSelector()
        self.arrivals = Arrivals(monotonic())
        super().__init__(self.sockets)


class PatientSelector(selectors.DefaultSelector):
    """Looks at its files once in ``patience`` seconds; at the one that was registered first, always.

    The first one is how asyncio is woken up by signals and threads, which must not wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.patience = 0.0
        self._looked = 0.0
        self._alarm = selectors.DefaultSelector()

    def register(self, fileobj: Any, events: int, data: Any = None) -> SelectorKey:
        if not self._alarm.get_map():
            self._alarm.register(fileobj, events, data)
        return super().register(fileobj, events, data)

    def close(self) -> None:
        self._alarm.close()
        super().close()

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if self.patience:
            now = monotonic()
            pause = self._looked + self.patience - now
            if pause > 0:
                if timeout is not None and timeout <= pause:
                    return self._alarm.select(timeout) if timeout > 0 else []
                if woken := self._alarm.select(pause):
                    return woken
                timeout = timeout and timeout - pause
                now += pause
            self._looked = now
        return super().select(timeout)


class Arrivals:
    """How thick answers come and how long they take, and so how long it is worth waiting for more of them."""

    def __init__(self, now: float) -> None:
        self._last = now
        self._gap, self._took = _LONE, 0.0

    def note(self, seconds: float, now: float) -> None:
        """One more answer, which took so many seconds."""
        self._gap += (min(now - self._last, _LONE) - self._gap) / 32
        self._took += (seconds - self._took) / 64
        self._last = now

    @property
    def patience(self) -> float:
        """Seconds; none where hardly anybody would come within them."""
        longest = min(_SHARE * self._took, _LONGEST)
        return longest if self._gap * _COMPANY <= longest else 0.0
