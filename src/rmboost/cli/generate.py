"""``rmboost generate``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rmboost.config import Config
    from rmboost.run import Summary

STDIO = "-"


def _has_folder(_: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Found now, and not when all is paid for."""
    if path and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}", param=parameter)
    return path


@click.command()
@click.argument("prompts")
@click.option("-o", "--output", help="Where the pairs go (JSONL); - for stdout.")
@click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), help="Settings, as YAML.")
@click.option("--method", help="How pairs are made.  [default: rmboost]")
@click.option("--model", help="A model of the endpoint, local, local:NAME, local:/path/to.gguf, or fake.")
@click.option("--base-url", help="An OpenAI-compatible endpoint, such as http://localhost:8000/v1.")
@click.option("--style", type=click.Choice(["auto", "plan", "direct"]), help="How the second response is asked for.")
@click.option("--aspects", help="An aspect set: its name or a YAML file.")
@click.option("--seed", type=int, help="Another seed gives other labels, aspects and answers.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Calls in flight at once.")
@click.option("--limit", type=click.IntRange(min=1), help="Use the first so many prompts.")
@click.option("--prompt-field", help="Name of the field that holds the prompt.")
@click.option(
    "--skip-bad-lines",
    is_flag=True,
    default=None,
    help="Leave out lines that cannot be used, and count them.",
)
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any setting: --set rewriter.temperature=0.7")
@click.option("--fresh", is_flag=True, help="Start over; an earlier run is moved aside, not deleted.")
@click.option("--dry-run", is_flag=True, help="Show settings, plan and first messages; ask nothing.")
@click.option(
    "--summary",
    "summary_file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_has_folder,
    help="Write the closing summary as JSON.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def generate(prompts: str, output: str | None, **options: Any) -> None:
    """Make preference pairs from PROMPTS (JSONL, text, CSV or parquet; - for stdin).

    The same command again goes on where it was left, and asks nothing twice. State is kept beside the output, in a
    folder that ends in .run.

    Exit codes: 0 done, 2 a setting or an input line is wrong, 3 the files cannot be used, 4 the endpoint does not
    answer, 5 done but some jobs failed (run it again), 130 stopped by Ctrl-C.
    """
    from rmboost.cli.places import place

    if output is None and not options["dry_run"]:
        raise click.UsageError("Missing option '-o' / '--output': where shall the pairs go? (-o pairs.jsonl)")
    config = _config(options)
    source, target = place(prompts, STDIO if options["dry_run"] or output is None else output)
    if options["dry_run"]:
        _dry_run(source, config)
    else:
        _generate(source, target, config, options, to_stdout=output == STDIO)


def _config(options: dict[str, Any]) -> Config:
    from rmboost import config

    flags = {
        "method.name": options["method"],
        "method.style": options["style"],
        "method.aspects": options["aspects"],
        "input.limit": options["limit"],
        "input.prompt_field": options["prompt_field"],
        "input.skip_bad_lines": options["skip_bad_lines"],
        **{name: options[name] for name in ("model", "base_url", "seed", "concurrency")},
    }
    return config.load(options["config_file"], flags, options["sets"])


def _dry_run(source: Path, config: Config) -> None:
    from rmboost import rehearsal
    from rmboost.recipe import Recipe

    click.echo(rehearsal.show(Recipe.prepare(source, config)))


def _generate(source: Path, target: Path, config: Config, options: dict[str, Any], *, to_stdout: bool) -> None:
    from rich.console import Console

    from rmboost import closing, run
    from rmboost.cli.progress import Progress

    progress = Progress(quiet=options["quiet"], rows_to_stdout=to_stdout)
    try:
        summary = run.generate(source, target, config, fresh=options["fresh"], listener=progress)
    finally:
        progress.close()
    if options["summary_file"]:
        options["summary_file"].write_text(json.dumps(summary.dump(), indent=2, ensure_ascii=False) + "\n")
    if not options["quiet"]:
        closing.show(summary, Console(stderr=True, highlight=False))
    sys.exit(_exit_code(summary))


def _exit_code(summary: Summary) -> int:
    """What the shell is told; and the person, when there is something left to do."""
    if summary.status == "stopped":
        click.echo("stopped; the same command goes on from here and asks nothing twice", err=True)
        return 130
    if summary.tally.failed:
        click.echo(f"{summary.tally.failed.total()} jobs failed; the same command asks just them again", err=True)
        return 5
    return 0
