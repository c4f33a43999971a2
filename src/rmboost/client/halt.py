"""Halt: how a run is asked to end before its list does, and why."""

from __future__ import annotations

import asyncio
from typing import Literal

Cause = Literal["", "signal", "ceiling", "failures", "pilot", "prompts"]


class Stopped(Exception):
    """No new call is made any more: the run was asked to stop."""


class Halt:
    """Open at first. ``jobs``: begin no new job, finish those begun. ``calls``: make no new call either; calls under
    way are answered and kept. The first cause is the one that counts; but a person's word counts before all others."""

    def __init__(self) -> None:
        self.cause: Cause = ""
        self.reason = ""
        self.jobs = False
        self.told = False
        """whether a person knows that only the calls under way are waited for"""
        self._calls = asyncio.Event()

    @property
    def calls(self) -> bool:
        return self._calls.is_set()

    def no_new_jobs(self, cause: Cause, reason: str) -> None:
        """Finish what is begun, then end."""
        self.jobs = True
        if not self.cause or (cause == "signal" and self.cause != "signal"):
            self.cause, self.reason = cause, reason

    def no_new_calls(self, cause: Cause, reason: str) -> None:
        """Answers that are under way come in, then end."""
        self.no_new_jobs(cause, reason)
        self._calls.set()

    async def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until no new call is made."""
        try:
            await asyncio.wait_for(self._calls.wait(), seconds)
        except asyncio.TimeoutError:
            return
