"""Retries: how long a call that went wrong waits until it is sent again, and when it is given up."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic

from tenacity import AsyncRetrying, RetryCallState, wait_random_exponential

from rmboost.errors import TransientError

_AT_ITS_WORD = 3
"""So many times a server that refuses a call and says "now" is believed; some say it for ever."""
_RETRYING = AsyncRetrying(wait=wait_random_exponential(multiplier=1, max=60))
"""Only how long to wait is asked of it: to run each call, it takes 17–37 µs also where nothing fails."""


class Retries:
    """What became of one call so far.

    tries: how often it is sent at most, refusals (429) not counted: these are waited out for ``patience`` seconds from
    the first one on, with the time in the queue.
    """

    def __init__(self, tries: int, patience: float, clock: Callable[[], float] = monotonic) -> None:
        self._tries, self._patience, self._clock = tries, patience, clock
        self._failed = self._refused = 0
        self._first_refused = inf
        self._paused = self._waited = 0.0

    @property
    def over(self) -> bool:
        """Whether it is given up."""
        return self._failed >= self._tries or max(self._paused, self._waited) > self._patience

    def pause(self, error: TransientError) -> float:
        """Seconds until the next try: what the server asks for, else doubling from 1 to 60 with jitter."""
        now, refused = self._clock(), error.kind == "refused"
        self._refused += refused
        self._failed += not refused
        seconds = self._asked(error)
        self._paused += seconds
        if refused:
            self._first_refused = min(self._first_refused, now)
            self._waited = now - self._first_refused + seconds
        return seconds

    def _asked(self, error: TransientError) -> float:
        endless = error.kind == "refused" and error.retry_after == 0 and self._refused > _AT_ITS_WORD
        if error.retry_after is not None and not endless:
            return error.retry_after
        state = RetryCallState(_RETRYING, None, (), {})
        state.attempt_number = self._failed + self._refused - (_AT_ITS_WORD if endless else 0)
        return _RETRYING.wait(state)
