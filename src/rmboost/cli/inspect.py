"""``rmboost inspect``: a few pairs of a file, or figures over all of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

if TYPE_CHECKING:
    from rmboost.inspection import Sample, Wanted


@click.command()
@click.argument("file", metavar="FILE")
@click.option("-n", "number", type=click.IntRange(min=1), default=3, show_default=True, help="How many pairs to show.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed draws other pairs.")
@click.option("--aspect", default="", metavar="NAME", help="Only pairs on this aspect.")
@click.option("--label", type=click.Choice(["better", "worse"]), help="Only pairs whose second response is this.")
@click.option("--id", "row_id", default="", help="The pair with this id, or the beginning of one.")
@click.option("--rejects", is_flag=True, help="Show what the run did not keep, and why.")
@click.option("--reason", default="", metavar="NAME", help="Only rejects with this reason.")
@click.option("--disagree", is_flag=True, help="Only pairs whose label a judge contradicts.")
@click.option("--suspect", is_flag=True, help="The most suspicious pairs, the worst first.")
@click.option("--stats", is_flag=True, help="Counts, lengths and shares over the whole file instead of pairs.")
@click.option("--json", "as_json", is_flag=True, help="Print rows, or figures, as JSON for other programs.")
@click.option("--full", is_flag=True, help="Cut no text, however long.")
@click.option(
    "--width", type=click.IntRange(40, 10_000), help="Columns to fill  [default: the terminal's; 80 in a pipe]."
)
def inspect(
    file: str,
    number: int,
    seed: int,
    aspect: str,
    label: str | None,
    row_id: str,
    rejects: bool,
    reason: str,
    disagree: bool,
    suspect: bool,
    stats: bool,
    as_json: bool,
    full: bool,
    width: int | None,
) -> None:
    """Show what is in FILE, a file of preference pairs; - reads standard input.

    A few pairs are drawn, and shown with the words marked that only one side has. Any JSONL, CSV or parquet
    file with chosen and rejected will do, rmboost's own or not.
    """
    from rmboost.inspection import Wanted, sample

    source = _source(file, rejects or bool(reason))
    wanted = Wanted(aspect=aspect, label=label or "", id=row_id, reason=reason, disagree=disagree)
    if stats and suspect:
        raise click.UsageError("--suspect picks pairs, and --stats shows none")
    if stats:
        _show_figures(source, wanted, as_json, width)
    else:
        _show_rows(sample(source, number, seed, wanted, suspect), as_json, full, width)


def _source(file: str, rejects: bool) -> Path | BinaryIO:
    from rmboost.inspection import rejects_of

    if file == "-":
        return sys.stdin.buffer
    return rejects_of(Path(file)) if rejects else Path(file)


def _show_rows(taken: Sample, as_json: bool, full: bool, width: int | None) -> None:
    from rmboost.visible import json_line

    _say_torn(taken.torn, taken.name)
    if taken.remark:
        click.echo(f"{taken.name}: {taken.remark}", err=True)
    elif as_json:
        for row in taken.rows:
            click.echo(json_line(row.data))
    else:
        _draw_rows(taken, full, width)


def _draw_rows(taken: Sample, full: bool, width: int | None) -> None:
    from rmboost.inspection.view import View, colourless, drawn, screen

    console = screen(_columns(width))
    view = View(console.width, signs=colourless(console), full=full)
    _print(drawn(view.summary(taken), console))
    for place, row in enumerate(taken.rows, start=1):
        _print("\n" + drawn(view.row(row, f"{place} of {len(taken.rows)}"), console))


def _show_figures(source: Path | BinaryIO, wanted: Wanted, as_json: bool, width: int | None) -> None:
    from rmboost.inspection import measure
    from rmboost.visible import json_line

    figures = measure(source, wanted)
    _say_torn(figures.torn, figures.name)
    if as_json:
        click.echo(json_line(figures.as_json()))
        return
    from rmboost.inspection.charts import charts
    from rmboost.inspection.view import drawn, screen

    _print(drawn(charts(figures), screen(_columns(width))))


def _print(text: str) -> None:
    """Written by click and not by rich, which would answer a closed pipe by itself."""
    encoding = sys.stdout.encoding
    click.echo(text.encode(encoding, "replace").decode(encoding), nl=False, color=True)


def _columns(width: int | None) -> int | None:
    """The width that was asked for; None leaves it to the terminal."""
    if width or sys.stdout.isatty():
        return width
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else 80


def _say_torn(torn: bool, name: str) -> None:
    if torn:
        click.echo(f"{name}: the last line is not complete and was left out; a run may be writing it", err=True)
