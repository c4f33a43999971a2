"""``rmboost judge``: a judge's verdict on the pairs of any preference file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmboost.cli import exit_code_of
from rmboost.cli.summaryfile import has_folder, refuse_overwriting, write_summary
from rmboost.errors import ConfigError

if TYPE_CHECKING:
    from rmboost.config import Config


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Where the rows go (JSONL).")
@click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), help="Settings, as YAML.")
@click.option("--model", help="The judge: a model of the endpoint, local, local:NAME, local:/path/to.gguf, or fake.")
@click.option(
    "--base-url",
    multiple=True,
    help="An OpenAI-compatible endpoint, such as http://localhost:8000/v1; several share the work (URL,weight=2).",
)
@click.option("--reasoning", is_flag=True, default=None, help="Let the model think aloud before its verdict.")
@click.option("--votes", type=click.IntRange(min=1), help="Votes in each order, where the server has no log-probs.")
@click.option("--sample", metavar="all|N|P%", help="Judge N pairs or a percentage of them, drawn by the seed.")
@click.option("--gold", is_flag=True, help="The labels are people's: tell how the judge agrees with them.")
@click.option("--seed", type=int, help="Another seed draws other pairs and votes.")
@click.option("--concurrency", metavar="N|auto", help="Calls in flight at each endpoint.  [default: auto]")
@click.option("--max-cost", type=float, help="Stop before the bill is higher (needs prices in the config).")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Use the first N pairs.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any setting: --set verify.judge.tries=5")
@click.option("--fresh", is_flag=True, help="Start over; an earlier run is moved aside, not deleted.")
@click.option(
    "--summary",
    "summary_file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=has_folder,
    help="Write the closing summary as JSON.",
)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def judge(file: Path, output: Path, quiet: bool, **options: Any) -> None:
    """Ask a judge which response of each pair in FILE is better, and write the rows with its verdict.

    FILE has pairs in any shape that trainers read (JSONL, CSV, parquet, a folder of the datasets library). Both orders
    are asked. Every row is written as it was, with one column more, judge. The same command again goes on where it
    was left.

    Exit codes: as of rmboost generate.
    """
    from rich.console import Console

    from rmboost.claim import refuse_folder
    from rmboost.cli import closing
    from rmboost.cli.progress import Progress, tell
    from rmboost.labels import gold
    from rmboost.run import run

    refuse_folder(output, "judged.jsonl")
    refuse_overwriting(options, file, output)
    progress = Progress(quiet=quiet, rows_to_stdout=False, unit="pairs")
    try:
        summary = run.generate(file, output, _config(options), fresh=options["fresh"], listener=progress)
    finally:
        progress.close()
    agreement = gold.of_file(output) if options["gold"] else None
    if options["summary_file"]:
        found = {**summary.dump(), "agreement": agreement.dump() if agreement else None}
        write_summary(options["summary_file"], found)
    if not quiet:
        closing.show_judged(summary, agreement, Console(stderr=True, highlight=False, emoji=False))
    if left := summary.left_to_do:
        tell(left)
    sys.exit(exit_code_of(summary))


def _config(options: dict[str, Any]) -> Config:
    """The settings of a run that writes nothing and only judges."""
    from rmboost import config

    flags = {
        "method.name": "given",
        "checks": [],
        "verify.sample": options["sample"] or "all",
        "verify.judge.reasoning": options["reasoning"],
        "verify.judge.votes": options["votes"],
        "input.limit": options["limit"],
        "base_url": options["base_url"] or None,
        "ceilings.max_cost": options["max_cost"],
        **{name: options[name] for name in ("model", "seed", "concurrency")},
    }
    found = config.load(options["config_file"], flags, options["sets"])
    if options["gold"] and found.verify.policy != "flag":
        problem = (
            f"--gold with verify.policy {found.verify.policy}: the pairs that the judge gets wrong would not count"
        )
        raise ConfigError(problem, "--set verify.policy=flag")
    return found
