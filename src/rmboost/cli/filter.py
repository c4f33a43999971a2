"""``rmboost filter``: the pairs with the highest of some number."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os.path import realpath
from pathlib import Path
from shlex import quote
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, BinaryIO

import click

from rmboost.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from rmboost.preferences import Preferences, Row
    from rmboost.selection import Selection


@click.command("filter")
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", default="-", metavar="PATH", help="Where they go (JSONL)  [default: standard output].")
@click.option("--by", required=True, metavar="NAME", help="The number: margin, confidence, p_chosen, judge.p_chosen, …")
@click.option("--keep", metavar="N|P%", help="Keep so many pairs, those with the highest; or this share of them.")
@click.option("--min", "least", type=float, metavar="X", help="Keep the pairs with this number or more.")
def keep_highest(file: str, output: str, by: str, keep: str | None, least: float | None) -> None:
    """Write the pairs of FILE that have the highest of some number; - reads standard input.

    The number is a column, one within a column (judge.p_chosen), or what rmboost noted as evidence: margin of
    west-of-n, ultrafeedback and self-rewarding, p_chosen of rlaif. Where a file has score_chosen and score_rejected,
    margin is their difference. Rows stay as they are, in their order; of those with equal numbers all are kept.

    \b
    rmboost filter pairs.jsonl --by margin --keep 50% -o widest.jsonl
    rmboost filter pairs.jsonl --by p_chosen --min 0.8 > sure.jsonl
    """
    from rmboost.selection import from_bound

    if (keep is None) == (least is None):
        raise click.UsageError("one of --keep and --min says how many are kept")
    target = _free(output)
    with _twice_readable(file) as source:
        selection = from_bound(source, by, least or 0.0) if keep is None else _highest(source, by, keep)
        torn = source.torn
        _write(selection.rows(source), target)
    for line in _said(selection, "standard output" if target is None else str(target), torn):
        click.echo(line, err=True)


def _highest(source: Preferences, by: str, keep: str) -> Selection:
    from rmboost.selection import highest

    try:
        return highest(source, by, keep)
    except ValueError as error:
        raise ConfigError(f"--keep: {error}", "--keep 50%") from None


def _free(output: str) -> Path | None:
    """The path, which holds nothing yet; None for standard output. Raises StoreError."""
    from rmboost.claim import refuse_folder, refuse_form

    if output == "-":
        return None
    path = Path(output)
    if not path.parent.is_dir():
        raise StoreError(f"there is no folder {path.parent}", f"mkdir -p {quote(str(path.parent))}")
    refuse_folder(path, "widest.jsonl")
    refuse_form(path)
    if path.is_file() and path.stat().st_size:
        raise StoreError(f"{path} exists; it is left alone", "choose another -o, or move the file away")
    return path


@contextmanager
def _twice_readable(file: str) -> Iterator[Preferences]:
    """The file, or a copy of what a pipe holds: the bound is known when all has been read once."""
    from rmboost.preferences import Preferences

    path = Path(file)
    if file != "-" and (path.is_file() or path.is_dir() or not path.exists()):
        yield Preferences(path)
        return
    with NamedTemporaryFile() as copy, sys.stdin.buffer if file == "-" else path.open("rb") as pipe:
        copyfileobj(pipe, copy)
        copy.flush()
        source = Preferences(Path(copy.name))
        source.name = "stdin" if file == "-" else file
        yield source


def _write(rows: Iterable[Row], target: Path | None) -> None:
    from rmboost.wholefile import replacing

    if target is None:
        _put(rows, sys.stdout.buffer)
        return
    is_pipe = target.exists() and not target.is_file()  # or a device: no file is put in its place
    with target.open("wb") if is_pipe else replacing(Path(realpath(target))) as file:
        _put(rows, file)


def _put(rows: Iterable[Row], file: BinaryIO) -> None:
    from rmboost.run.rowfile import encode

    for row in rows:
        file.write(encode(row.data))
    file.flush()


def _said(selection: Selection, where: str, torn: bool) -> Iterator[str]:
    share = f"{selection.kept:,} of {selection.total:,} pairs ({selection.kept / selection.total:.0%})"
    yield f"{share} with {selection.by} {selection.bound:g} or more: {where}"
    if selection.lacking:
        yield f"left out, as they have no {selection.by}: {selection.lacking:,}"
    if torn:
        yield "the last line is not complete and was left out; a run may be writing it"
