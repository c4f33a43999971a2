"""Finding how many requests an endpoint answers at once, from nothing but how many it answers in what time."""

from __future__ import annotations

from math import ceil

_START = 16
_MOST = 4096
_GAIN = 1.2
"""Twice as many at once must bring this much more throughput, or there was no room."""
_STEP = 1.25
"""How much more or less a trial has at once."""
_PROBE_GAIN = 1.1
"""What a trial of more must bring in throughput to be taken, and to climb again."""
_NO_LOSS = 0.95
"""What a trial of less must keep of it to be taken."""
_HOLD = 6
"""Windows between two trials of a little more or a little less."""
_CUT = 0.7
"""What overload leaves of the limit."""


class Climb:
    """The number of requests to have under way, moved by what the endpoint makes of it.

    It doubles while doubling brings more answers a second, as TCP's slow start does; then it holds, and now and then
    tries a quarter more (when throughput grows, it climbs again) or a quarter less (taken when it does not fall: what
    queued at the server queues here). Overload (503, time-outs) cuts it. All times are seconds of one monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self.limit = _START
        self._base = 0.0
        """answers a second at the limit that is held, or at the last step of the climb"""
        self._held = self.limit
        self._climbing, self._doubted = True, False
        self._holds = 0
        self._trial_up = True
        self._spared = 0
        """requests that were under way when the limit was cut: they may fail without another cut"""
        self._opened = now
        self._skipped = self._counted = 0

    def answered(self, now: float, *, full: bool) -> None:
        """One more answer. ``full``: the limit is in use; throughput of a pool that lacks work says nothing."""
        self._spared = max(0, self._spared - 1)
        if not full:
            self._open(now)
            return
        if self._skipped < self.limit:
            self._skipped += 1
            self._opened = now
            return
        self._counted += 1
        if self._counted >= self._enough and now > self._opened:
            self._decide(self._counted / (now - self._opened), now)

    def overloaded(self, now: float) -> None:
        """The endpoint said it has too much, or did not answer in time: once for the requests under way together."""
        if self._spared:
            self._spared -= 1
            return
        self._spared = self.limit - 1
        self._climbing, self._base = False, 0.0
        self._set(ceil(self.limit * _CUT), now)
        self._held = self.limit

    def _decide(self, rate: float, now: float) -> None:
        if self._climbing:
            self._climb(rate, now)
        elif self.limit != self._held:
            self._judge_trial(rate, now)
        else:
            self._hold(rate, now)

    def _climb(self, rate: float, now: float) -> None:
        if not self._base or rate >= self._base * _GAIN:
            self._base, self._held, self._doubted = rate, self.limit, False
            self._set(2 * self.limit, now)
            self._climbing = self.limit > self._held
        elif not self._doubted:
            self._doubted = True  # one bad window may be chance
            self._open(now)
        else:
            self._climbing = False
            self._set(round(self._held * 2**0.5), now)
            self._held, self._base = self.limit, max(rate, self._base)

    def _hold(self, rate: float, now: float) -> None:
        self._base = rate if not self._base else 0.7 * self._base + 0.3 * rate
        self._holds += 1
        if self._holds % _HOLD:
            self._open(now)
            return
        self._trial_up = not self._trial_up
        self._set(ceil(self.limit * _STEP) if self._trial_up else int(self.limit / _STEP), now)

    def _judge_trial(self, rate: float, now: float) -> None:
        up = self.limit > self._held
        if rate >= self._base * (_PROBE_GAIN if up else _NO_LOSS):
            self._held, self._base = self.limit, rate
            self._climbing, self._doubted = up, False
        self._set(2 * self._held if self._climbing else self._held, now)

    def _set(self, limit: int, now: float) -> None:
        self.limit = max(1, min(limit, _MOST))
        self._open(now)

    def _open(self, now: float) -> None:
        """A new window: first as many answers as turn the requests over, then those that count."""
        self._opened, self._skipped, self._counted = now, 0, 0

    @property
    def _enough(self) -> int:
        return max(self.limit, 32) if self._climbing else max(2 * self.limit, 64)
