"""What a person sees while a run goes on: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import Any

import click
from tqdm import tqdm

from rmboost import amounts
from rmboost.client.meter import Meter
from rmboost.run.listener import Listener
from rmboost.run.tally import Tally
from rmboost.visible import visible

_LINE_SECONDS = 10.0

log = logging.getLogger("rmboost")


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
        if line not in self._told:
            log.info(line)  # also where nobody sees it
            self._tell_once(line)

    def row(self, line: bytes) -> None:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()

    def progress(self, tally: Tally, meter: Meter, total: int) -> None:
        for line in meter.remarks:
            self.notice(line)
        if self._quiet:
            return
        for kind, said in meter.trouble.items():  # each has a line in the log already
            self._tell_once(f"{kind}, and sent again: {said}")
        if sys.stderr.isatty():
            self._move_bar(tally, meter, total)
        elif time.monotonic() - self._last >= _LINE_SECONDS or tally.settled == total:
            self._last = time.monotonic()
            state = ", ".join((*_outcomes(tally), *self._state(meter)))
            click.echo(f"{tally.settled}/{total} {self._unit}, {state}", err=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _tell_once(self, line: str) -> None:
        if not self._quiet and line not in self._told:
            with tqdm.external_write_mode(file=sys.stderr):
                tell(line)
        self._told.add(line)

    def _move_bar(self, tally: Tally, meter: Meter, total: int) -> None:
        bar = self._bar = self._bar or _bar(total, tally.settled)
        bar.total = total  # with a target it grows
        room = _columns() - len(f"{total}/{total}, 0:00:00 left __, ")
        bar.set_postfix_str(_fitting((*_outcomes(tally, brief=True), *self._state(meter)), room), refresh=False)
        bar.update(tally.settled - bar.n)
        bar.refresh()

    def _state(self, meter: Meter) -> Iterator[str]:
        seconds = max(time.monotonic() - self._started, 1e-3)
        calls, tokens = meter.asked / seconds, meter.usage.completion_tokens / seconds
        if waiting := meter.waiting.total():
            yield f"{waiting} waiting"
        if meter.retries:
            yield f"{meter.retries.total()} retries"
        yield f"{meter.in_flight}/{meter.limit} in flight"
        if meter.cost:
            yield f"cost {amounts.money(meter.cost)}"
        yield amounts.number(meter.asked, "call")  # which moves long before the first row is there
        yield f"{calls:.{1 if calls < 10 else 0}f}/s"
        yield f"{tokens:.0f} tok/s"


def tell(line: str) -> None:
    """Write it to stderr; on a terminal, however narrow, no word is broken."""
    line = visible(line)
    click.echo(_whole_words(line) if sys.stderr.isatty() else line, err=True)


def _whole_words(line: str) -> str:
    return fill(line, _columns(), break_long_words=False, break_on_hyphens=False)


def _columns() -> int:
    """Of the terminal that stderr is; some do not say, and say 0, and one that was just closed has none."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def _outcomes(tally: Tally, *, brief: bool = False) -> Iterator[str]:
    """``14 kept``, ``2 rejected``, ``0 failed``; brief, for 80 columns: without those that there are none of."""
    counts = {"kept": tally.kept, "rejected": tally.rejected.total(), "failed": tally.failed.total()}
    return (f"{count} {name}" for name, count in counts.items() if count or not brief or name == "kept")


def _fitting(figures: Iterable[str], room: int) -> str:
    """As many of the figures as there is room for, so that a narrow terminal cuts none."""
    line = ""
    for figure in figures:
        longer = f"{line}, {figure}" if line else figure
        if len(longer) > room:
            break
        line = longer
    return line


def _bar(total: int, settled: int) -> tqdm[Any]:
    layout = "{n_fmt}/{total_fmt}, {remaining} left {bar}{postfix}"
    return tqdm(total=total, initial=settled, file=sys.stderr, dynamic_ncols=True, bar_format=layout, smoothing=0.1)
