"""What a person sees while a run goes on: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from shutil import get_terminal_size
from textwrap import fill
from typing import Any

import click
from tqdm import tqdm

from rmboost.client import Meter
from rmboost.listener import Listener
from rmboost.tally import Tally

_LINE_SECONDS = 10.0


class Progress(Listener):
    """Reports on stderr; ``rows_to_stdout`` also writes the output's rows to stdout.

    told: lines that were said before, by this run or by one that came before it, and are not said again.
    """

    def __init__(
        self, *, quiet: bool, rows_to_stdout: bool, unit: str = "prompts", told: set[str] | None = None
    ) -> None:
        self._quiet, self._unit = quiet, unit
        self._told = set() if told is None else told
        self.wants_rows = rows_to_stdout
        self._bar: tqdm[Any] | None = None
        self._started = self._last = time.monotonic()

    def notice(self, line: str) -> None:
        if not self._quiet and line not in self._told:
            self._told.add(line)
            with tqdm.external_write_mode(file=sys.stderr):
                click.echo(_whole_words(line) if sys.stderr.isatty() else line, err=True)

    def row(self, line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    def progress(self, tally: Tally, meter: Meter, total: int) -> None:
        if self._quiet:
            return
        if sys.stderr.isatty():
            self._move_bar(tally, meter, total)
        elif time.monotonic() - self._last >= _LINE_SECONDS or tally.settled == total:
            self._last = time.monotonic()
            state = f"{_outcomes(tally)}, {self._state(meter)}"
            click.echo(f"{tally.settled}/{total} {self._unit}, {state}", err=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _move_bar(self, tally: Tally, meter: Meter, total: int) -> None:
        bar = self._bar = self._bar or _bar(total, tally.settled)
        bar.total = total  # with a target it grows
        bar.set_postfix_str(f"{_outcomes(tally, brief=True)}, {self._state(meter)}", refresh=False)
        bar.update(tally.settled - bar.n)
        bar.refresh()

    def _state(self, meter: Meter) -> str:
        seconds = max(time.monotonic() - self._started, 1e-3)
        retries = f"{meter.retries.total()} retries, " if meter.retries else ""
        cost = f"cost {meter.cost:.2f}, " if meter.cost else ""
        calls, tokens = meter.asked / seconds, meter.usage.completion_tokens / seconds
        rate = f"{calls:.{1 if calls < 10 else 0}f} calls/s, {tokens:.0f} tok/s"
        return f"{retries}{meter.in_flight}/{meter.limit} in flight, {cost}{rate}"


def _whole_words(line: str) -> str:
    """A line that a narrow terminal does not break within a word."""
    return fill(line, get_terminal_size().columns, break_long_words=False, break_on_hyphens=False)


def _outcomes(tally: Tally, *, brief: bool = False) -> str:
    """``14 kept, 2 rejected, 0 failed``; brief, for 80 columns: without those that there are none of."""
    counts = {"kept": tally.kept, "rejected": tally.rejected.total(), "failed": tally.failed.total()}
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count or not brief or name == "kept")


def _bar(total: int, settled: int) -> tqdm[Any]:
    layout = "{n_fmt}/{total_fmt}, {remaining} left {bar}{postfix}"
    return tqdm(total=total, initial=settled, file=sys.stderr, dynamic_ncols=True, bar_format=layout, smoothing=0.1)
