"""``rmboost status``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from rmboost.amounts import duration, money, number
from rmboost.errors import StoreError

if TYPE_CHECKING:
    from rmboost.journal.reader import Totals
    from rmboost.run.status import Status


@click.command()
@click.argument("output", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON for other programs.")
def status(output: Path, as_json: bool) -> None:
    """Show how the run that writes FILE stands: progress, rates, time left, errors, tokens.

    It may be running, from another terminal, or have ended; nothing is changed and nobody held up. To look on:
    watch -n 2 rmboost status pairs.jsonl. Of a folder, such as that of a comparison, each run in it is a line.
    """
    from rmboost.run.status import read, read_all
    from rmboost.visible import json_line

    dumped: Any
    if output.is_dir():
        runs = read_all(output).items()
        dumped, lines = [_dump(*run) for run in runs], [(_shown(str(path)), _line(found)) for path, found in runs]
    else:
        found = read(output)
        dumped, lines = found.dump(), [*_lines(found)]
    if as_json:
        click.echo(json_line(dumped))
        return
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {value}")


def _dump(output: Path, found: Status | StoreError) -> dict[str, Any]:
    if isinstance(found, StoreError):
        return {"output": str(output), "state": "unreadable", "reason": found.message}
    return found.dump()


def _line(found: Status | StoreError) -> str:
    """A run in a line."""
    if isinstance(found, StoreError):
        return _shown(found.message)
    lost = ((found.tally.rejected.total(), "rejected"), (found.tally.failed.total(), "failed"))
    counts = [f"{found.settled:,} of {found.jobs:,}", f"{found.tally.kept:,} kept"]
    counts += [f"{count:,} {name}" for count, name in lost if count]
    left = [] if found.left is None else [f"about {duration(found.left)} left"]
    return f"{found.state.ljust(8)}  {', '.join(counts + left)}"


def _lines(found: Status) -> Iterator[tuple[str, str]]:
    tally, share = found.tally, found.settled / found.jobs
    wanted = f" of {found.target:,} wanted" if found.target else ""
    yield "state", _state(found)
    yield "settled", f"{found.settled:,} of {found.jobs:,} {found.unit} ({share:.1%}), {tally.kept:,} kept{wanted}"
    yield from _counts("rejected", tally.rejected, tally.examples)
    yield from _counts("failed", tally.failed, tally.examples)
    if found.rates:
        yield "lately", f"{found.rates.calls:,.1f} calls/s, {found.rates.completion_tokens:,.0f} tok/s"
    if found.left is not None:
        yield "left", f"about {duration(found.left)}"
    yield "spent", _spent(found.totals)
    if found.cost is not None:
        yield "cost", f"{money(found.cost)}, at the prices of the config"
    if len(found.models) > 1:
        yield from ((f"  {_shown(model)}", _spent(totals)) for model, totals in found.models.items())


def _state(found: Status) -> str:
    who = f" (process {found.process})" if found.process else ""
    silent = "" if found.silent is None else f", the last answer came {duration(found.silent)} ago"
    if found.state in ("stopped", "killed"):
        reason = f": {_shown(found.reason, 400)}" if found.reason else ""
        return f"{found.state}{reason}{silent}; {_goes_on(found)}"
    if found.state == "starting":
        return f"starting{who}: it has no row yet, and what follows is of the command before it"
    if found.state == "waiting":
        return f"waiting for the other methods of the comparison{who}"
    if found.state == "finished" and found.tally.failed:
        look = f"rmboost inspect {quote(str(found.output))} --rejects --reason failed"
        again = f"; the run's own command asks the failed ones again, and what is refused for good is in: {look}"
    else:
        again = ""
    return f"{found.state}{who}{silent}{again}"


def _goes_on(found: Status) -> str:
    """Which command makes the rest of a run that ended before its end."""
    if found.cause == "ceiling" and found.reason.startswith("max_"):  # a deadline is of one command
        return "the run's own command goes on with a higher one"
    if found.cause == "pilot":
        return "the run's own command goes on, without --estimate where it had that"  # turns of a comparison have not
    before = {"prompts": "with more prompts ", "failures": "when that is mended, "}.get(found.cause, "")
    return f"{before}the run's own command goes on"


def _counts(name: str, counts: Counter[str], examples: dict[str, str]) -> Iterator[tuple[str, str]]:
    for reason, count in counts.most_common():
        yield name, f"{count:,} × {_shown(reason)} (for example {_shown(examples[reason])})"


def _spent(totals: Totals) -> str:
    usage = totals.usage
    cached = f" ({usage.cached_tokens:,} from the server's cache)" if usage.cached_tokens else ""
    estimated = f"; {usage.estimated:,} of these are estimated" if usage.estimated else ""
    spent = f"{usage.prompt_tokens:,} tokens in{cached}, {usage.completion_tokens:,} out"
    return f"{spent}, in {number(totals.calls, 'call')}{estimated}"


def _shown(text: str, most: int = 160) -> str:
    """Words of a server or of the input, unable to drive a terminal."""
    from rmboost.visible import one_line

    return one_line(text, most)
