"""How fast requests may go out: rates that the user sets, and the one that an endpoint's refusals betray."""

from __future__ import annotations

from collections import deque
from math import inf

from rmboost.pace.chance import Chance, Window

_WINDOW_SECONDS = 1.0
_WINDOW_REQUESTS = 30
_LONGEST, _LEAPING = 10.0, 2.0
"""Seconds of a window at a cap that lets fewer requests go, near the edge and far below it."""
_LATEST, _PROBES = 10, 3
"""So many refusals, if they are nearly all, make a pause; and after one, so many make a longer one."""
_MANY, _NEARLY = 0.15, 0.75
"""Shares of refusals: far too fast; nearly all, so better to wait."""
_BROKEN = 0.08
"""Of a second's worth, so many refusals in a row are more than the end of the endpoint's own window."""
_BELOW, _CREEP = 0.97, 0.01
"""A cap begins at this share of the rate that was accepted, and then grows by 2 to 4 times this share a window."""
_NEAR, _LEAP = 0.9, 1.25
"""Below this share of the edge, a cap grows by this factor instead."""
_FLOOR, _CLEARLY_LESS = 0.7, 0.75
"""Shares of the fastest rate that was accepted lately: a cap is cut no lower than to the first, and what is refused at
no more than the second is refused for another reason."""
_STALE = 8
"""Windows without an edge, in which the cap has crept up by a third: there is none where it was seen."""
_UNUSED = 2.0
"""A cap so many times what is sent limits nothing: what does is the slots, which may then grow again."""
_REMEMBERED = 30
"""Windows in which an accepted rate counts as known."""
_CARELESS_SECONDS = 30.0


class Bucket:
    """A token bucket: ``per_second`` flow in; what is not taken within ``burst`` seconds is gone, but for one."""

    def __init__(self, per_second: float, now: float, burst: float = 0.05) -> None:
        self.per_second = per_second
        self._burst = burst
        self._level = 1.0
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until something may be taken."""
        self._fill(now)
        return max(0.0, (1.0 - self._level) / self.per_second)

    def take(self, amount: float, now: float) -> None:
        """Take it, also when that leaves a debt: what was guessed too low is paid back first."""
        self._fill(now)
        self._level -= amount

    def _fill(self, now: float) -> None:
        self._level = min(max(1.0, self._burst * self.per_second), self._level + (now - self._at) * self.per_second)
        self._at = now


class Refusals:
    """The rate at which an endpoint that refuses requests (429) would accept them.

    cap: requests a second; just below the fastest rate that was accepted in the last windows of a second, from where
    it creeps up until some are refused again; far below the edge that was seen last, it leaps. Requests that are
    refused though faster ones were accepted are refused for another reason, and for a while there is no cap. Where a
    cut of the rate leaves the same share refused, that share counts no more: to cut again and again for an endpoint
    that refuses a fifth of all requests at any rate left a twentieth of its throughput.
    paused_until: nearly all was refused, nothing is sent before; where all was, that tells nothing of the rate, and the
    cap stays. Requests are counted in the second they were sent in.
    Times are seconds of one monotonic clock.
    """

    def __init__(self, now: float) -> None:
        self.cap = inf
        self.paused_until = 0.0
        self._edge = inf
        """requests a second that were accepted when others were refused: the limit, as it was seen last"""
        self._rates: deque[float] = deque(maxlen=_REMEMBERED)
        self._latest: deque[int] = deque(maxlen=_LATEST)
        """numbers of the requests that were refused last"""
        self._careless_until = -inf
        self._chance = Chance()
        self._cut: tuple[Window, float] | None = None
        """what was seen before the cap was just cut, and the cap of then"""
        self._number = self._pauses = self._clean = 0
        self._opened, self._sent, self._refused, self._asked_to_wait = now, 0, 0, 0.0
        self._before = (0, 0.0)
        """accepted requests and seconds of the window before this one"""

    def sent(self, now: float) -> int:
        """One more request goes out; returns its number."""
        seconds = now - self._opened
        if seconds >= _WINDOW_SECONDS and (self._sent >= _WINDOW_REQUESTS or self._is_long(seconds)):
            self._judge(now)
        self._sent += 1
        self._number += 1
        return self._number

    def refused(self, number: int, now: float, retry_after: float | None = None) -> None:
        """The request with this number was refused."""
        self._latest.append(number)
        if number <= self._number - self._sent:
            return
        self._refused += 1
        self._asked_to_wait = max(self._asked_to_wait, retry_after or 0.0)
        nearly = min(_NEARLY * (1 + self._chance.share), 0.95)
        nearly_all = len(self._latest) == _LATEST and max(self._latest) - min(self._latest) < _LATEST / nearly
        decided = number - (self._number - self._sent)
        too_short = self._pauses and self._refused >= _PROBES and decided <= self._refused / nearly
        if (nearly_all or too_short) and self._refused >= _BROKEN * max(self._rates, default=0.0):
            self.pause(now)

    def pause(self, now: float) -> None:
        """Till the endpoint's time is over; if it names none, to the end of the window, then twice as long …

        Only where some were accepted is it a matter of the rate: who refuses all of them will take the old rate when it
        is well again, and a slower one no sooner.
        """
        if now < self.paused_until or not self._latest:
            return
        before, seconds = self._before  # this window may have just begun
        decided = max(self._latest) - (self._number - self._sent)
        if before or decided > self._refused:
            accepted, seconds = before + self._sent - self._refused, max(_WINDOW_SECONDS, seconds + now - self._opened)
            self._stop_at((accepted + 1) / seconds)
        self._latest.clear()
        self._pauses = min(self._pauses + 1, 7)
        rest = max(0.1, self._opened + _WINDOW_SECONDS - now)
        self.paused_until = now + (self._asked_to_wait or max(rest, 0.25 * 2**self._pauses - 0.5))
        self._open(self.paused_until)
        self._before = (0, 0.0)

    def _stop_at(self, accepted: float) -> None:
        """Nearly all was refused, from so many a second on: what is left of them when it goes on."""
        if self._clean:
            self._clean, self._edge = 0, accepted
            self._rates.clear()
            self._rates.append(accepted)
            self.cap = min(self.cap, _BELOW * accepted)
        else:
            self.cap = min(self.cap, accepted / 2)

    def _is_long(self, seconds: float) -> bool:
        """Whether a window with few requests is over: at a low cap they would take minutes."""
        far_below = self.cap < _NEAR * self._edge and not self._refused
        return self.cap < inf and self._sent > 0 and seconds >= (_LEAPING if far_below else _LONGEST)

    def _judge(self, now: float) -> None:
        window = Window(self._sent, self._refused, now - self._opened)
        before, cap = self._cut or (None, self.cap)
        if self._chance.seen(window, before):
            self.cap = cap
        self._cut = None
        excess, accepted = self._chance.excess(window), window.accepted / (1 - self._chance.share)
        if excess <= self._chance.tolerance(window):
            self._quicken(accepted, window.seconds)
        elif accepted and (now >= self._careless_until or excess >= _MANY):
            self._cut = window, self.cap
            self._slow(accepted, excess, window.sent / window.seconds, now)
        self._before = (self._sent - self._refused, window.seconds)
        self._open(now)

    def _quicken(self, accepted: float, seconds: float) -> None:
        self._pauses = 0
        self._rates.append(accepted)
        self._clean += 1
        if self._clean > _STALE:
            self._edge = inf
        self.cap *= _LEAP if self.cap < _NEAR * self._edge else 1 + _CREEP * min(2**self._clean, 4)
        if self.cap > _UNUSED * (accepted + 1 / seconds):  # of one or two a window, the next may be just due
            self.cap = inf

    def _slow(self, accepted: float, excess: float, sent: float, now: float) -> None:
        self._clean = 0
        if excess >= _MANY:
            self._rates.clear()  # the server saved up some room, which is used up now
        self._rates.append(accepted)
        self._edge = accepted
        known = max(self._rates)
        if sent <= _CLEARLY_LESS * known:
            self.cap, self._careless_until = inf, now + _CARELESS_SECONDS
        else:
            self.cap = max(_BELOW * accepted, _FLOOR * known, 1 / 60)

    def _open(self, now: float) -> None:
        self._opened, self._sent, self._refused, self._asked_to_wait = now, 0, 0, 0.0
