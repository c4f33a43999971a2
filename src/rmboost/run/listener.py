"""Whoever wants to hear what a run does while it goes on."""

from __future__ import annotations

from rmboost.client.meter import Meter
from rmboost.run.tally import Tally


class Listener:
    """What a run tells while it goes on; this one hears nothing."""

    def notice(self, line: str) -> None:
        """Something a person should know once."""

    def progress(self, tally: Tally, meter: Meter, total: int) -> None:
        """Of so many jobs these are settled by now; told up to ten times a second. With a target the total may grow."""

    wants_rows = False

    def row(self, line: bytes) -> None:
        """One more line of the output, from its first line on, also those of earlier runs; if ``wants_rows``."""
