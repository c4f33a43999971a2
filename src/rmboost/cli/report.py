"""``rmboost report``: what a data set says about itself, as a page, as JSON, and as an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from shutil import get_terminal_size
from textwrap import TextWrapper, fill
from typing import TYPE_CHECKING, BinaryIO

import click

from rmboost.errors import ConfigError, StoreError
from rmboost.preferences import no_such_file
from rmboost.visible import visible

if TYPE_CHECKING:
    from rmboost.report.catalogue import Limit
    from rmboost.report.report import Report

_BROKEN = 8


@click.command()
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", metavar="PAGE", help="Where the page goes; - is stdout  [default: FILE with .html].")
@click.option("--versus", metavar="FILE", help="A second file, side by side.")
@click.option("--against", multiple=True, metavar="FILE", help="A file that the pairs must not know; repeatable.")
@click.option(
    "--fail-on", multiple=True, metavar="LIMIT", help="Exit with 8 if it holds: 'longer_wins>0.60'; repeatable."
)
@click.option(
    "--gold", metavar="FILE", help="What `rmboost judge --gold` wrote; its mistakes are taken out of the noise."
)
@click.option("--tokenizer", metavar="FILE", help="A tokenizer.json to count tokens with, in place of an estimate.")
@click.option("-n", "number", type=click.IntRange(min=0), default=60, show_default=True, help="Pairs to show.")
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed shows other pairs.")
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON; a page only with -o.")
def report(
    file: str,
    output: str | None,
    versus: str | None,
    against: tuple[str, ...],
    fail_on: tuple[str, ...],
    gold: str | None,
    tokenizer: str | None,
    number: int,
    seed: int,
    as_json: bool,
) -> None:
    """Say what FILE, a file of preference pairs, says about itself; - reads standard input.

    Label noise where a judge has been asked, length, shortcuts that tell chosen from rejected without reading,
    words that leak, duplicates, contamination, and the pairs themselves, on one page that needs nothing else.
    Any preference file will do: rmboost's own, TRL, HH-RLHF, UltraFeedback, LLaMA-Factory; as JSONL, CSV, parquet or
    a folder of the datasets library.
    """
    from rmboost.report import need_packages

    need_packages("a report")
    from rmboost.report.catalogue import limits
    from rmboost.report.report import examine
    from rmboost.report.tokens import Estimate, Tokenizer

    bounds = limits(fail_on)
    _need_measurable(bounds, against)
    page = _page_path(file, output, as_json)
    tokens = Tokenizer(Path(tokenizer)) if tokenizer else Estimate()
    sources = _sources(file, versus)
    held, judged = [Path(name) for name in against], Path(gold) if gold else None
    reports = [examine(source, held, tokens, number, seed, judged) for source in sources]
    if judged:
        _compare_judges(judged, reports[0])
    _show(reports, page, as_json)
    sys.exit(_BROKEN if _broken(bounds, reports[0]) else 0)


def _compare_judges(gold: Path, report: Report) -> None:
    """Say so where the judge whose mistakes are known is not the one whose verdicts are freed of them."""
    from rmboost.labels.gold import strangers

    asked = {name for name in report.table.judges if name}
    if asked and (known := strangers(gold, asked)):
        said = f"{report.name} by {', '.join(sorted(asked))}, {gold} by {', '.join(sorted(known))}"
        line = f"judged by different models, so the mistakes of one are taken out of the other: {said}"
        click.echo(visible(line), err=True)


def _need_measurable(bounds: Sequence[Limit], against: Sequence[str]) -> None:
    for bound in bounds:
        if bound.name.startswith("contaminated_") and not against:
            raise ConfigError(f"--fail-on {bound.text!r} needs a file to compare with", "--against rewardbench.jsonl")


def _sources(*files: str | None) -> list[Path | BinaryIO]:
    """What to read; that all of it is there is known before the first is read."""
    given = [file for file in files if file is not None]
    if given.count("-") > 1:
        raise ConfigError("standard input can be read once only", "name one of the files")
    for file in given:
        if file != "-" and not Path(file).exists():
            raise no_such_file(file)
    return [sys.stdin.buffer if file == "-" else Path(file) for file in given]


def _page_path(file: str, output: str | None, as_json: bool) -> Path | None:
    """Where the page goes, None for nowhere; ``-`` stands for stdout. Raises StoreError for a file not ours."""
    if output is None and as_json:
        return None
    if output is None and (file == "-" or not Path(file).name):
        what = "standard input" if file == "-" else f"the folder {file}"
        raise ConfigError(f"a report on {what} needs a name", "-o report.html")
    if output == "-" and as_json:
        raise ConfigError("the page and --json cannot both go to standard output", "-o report.html")
    path = Path(output or Path(file).with_suffix(".html"))
    if path.is_file() and path.stat().st_size and not _is_ours(path):
        raise StoreError(f"{path} exists and is no report; it is left alone", "choose another -o")
    if not path.parent.is_dir():
        raise StoreError(f"{path} cannot be written: {path.parent} is no folder", f"mkdir -p {quote(str(path.parent))}")
    return path


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return b'<meta name="generator" content="rmboost' in file.read(2000)


def _show(reports: Sequence[Report], page: Path | None, as_json: bool) -> None:
    from rmboost.report.dump import dump
    from rmboost.report.page import page as html
    from rmboost.visible import json_line

    if as_json:
        click.echo(json_line(dump(reports)))
    if page == Path("-"):
        click.echo(html(reports), nl=False)
    elif page:
        _write(page, html(reports))
    if not as_json and page != Path("-"):
        _say(reports)
    if page and page != Path("-"):
        click.echo(visible(f"page: {page}"), err=True)


def _write(path: Path, text: str) -> None:
    from rmboost.wholefile import replacing

    with replacing(path) as file:
        file.write(text.encode(errors="replace"))


def _say(reports: Sequence[Report]) -> None:
    screen = get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize  # elsewhere a finding is a line
    words = TextWrapper(max(screen, 40), subsequent_indent=" " * 11, break_long_words=False, break_on_hyphens=False)
    for each in reports:
        if len(reports) > 1:
            click.echo(visible(each.name))
        click.echo(fill(visible(each.verdict.headline), words.width))
        for finding in each.verdict.findings:
            if finding.level not in ("fine", "missing"):
                line = f"  {finding.level:<8} {finding.text} {finding.why}".rstrip()
                click.echo(words.fill(visible(line)))


def _broken(bounds: Sequence[Limit], report: Report) -> bool:
    """Say which limits the first file breaks."""
    said = [line for bound in bounds if (line := bound.broken(report.figures))]
    for line in said:
        click.echo(f"{click.style('failed', fg='red', bold=True)}: {visible(line)}", err=True)
    return bool(said)
