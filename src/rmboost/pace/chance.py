"""Refusals that have nothing to do with the rate: an endpoint's whim, or others who use up a common limit."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

TOLERATED = 0.03
"""The share of refusals that is the price of knowing that there is no more room."""
_LEAST, _MOST = 0.08, 0.6
"""Shares that may be chance: smaller ones pass by themselves, larger ones are heeded."""
_LEAST_REQUESTS = 30
_ALIKE, _SCATTERS = 0.25, 1.5
"""By how much, and by how many standard deviations, two shares may differ."""
_DRIFT = 0.05
"""How fast the share that counts as chance follows what is seen."""


@dataclass(frozen=True, slots=True)
class Window:
    """What became of the requests that were sent within some seconds."""

    sent: int
    refused: int
    seconds: float

    @property
    def share(self) -> float:
        """Of the requests, those that were refused."""
        return self.refused / self.sent

    @property
    def accepted(self) -> float:
        """Requests a second that were not refused."""
        return (self.sent - self.refused) / self.seconds

    def scatter(self, share: float) -> float:
        """How far the share of so many requests strays from the true one: a standard deviation."""
        return sqrt(share * (1 - share) / self.sent)


class Chance:
    """The ``share`` of requests that is refused at any rate; 0 where nothing speaks for one.

    A limit lets as many through when fewer are sent. So where the rate was cut, and the same share is refused as
    before, the rate was not why; and where the old rate, tried once more, has more refused, it was.
    """

    def __init__(self) -> None:
        self.share = 0.0
        self._on_trial = False

    def seen(self, window: Window, before: Window | None) -> bool:
        """One more window, and the one before the rate was cut, if it just was. True: the cut was for nothing."""
        if self._on_trial and window.share > self.share + TOLERATED:
            self.share = 0.0
        self._on_trial = before is not None and _unchanged(window, before)
        if self._on_trial:
            self.share = window.share
        elif self.share and self.excess(window) <= self.tolerance(window):
            self.share += _DRIFT * self.excess(window)
        return self._on_trial

    def excess(self, window: Window) -> float:
        """The share that is refused beyond chance."""
        return window.share - self.share

    def tolerance(self, window: Window) -> float:
        """How much of that is nothing to act on."""
        return TOLERATED + window.scatter(self.share)


def _unchanged(window: Window, before: Window) -> bool:
    """Whether a lower rate has the same share refused, where a limit would let through as many as before."""
    if window.sent < _LEAST_REQUESTS or not _LEAST <= window.share <= _MOST:
        return False
    alike = abs(window.share - before.share) <= max(_ALIKE * before.share, _SCATTERS * window.scatter(before.share))
    cut = (window.sent / window.seconds) / (before.sent / before.seconds)
    return alike and window.accepted <= (1 + cut) / 2 * before.accepted
