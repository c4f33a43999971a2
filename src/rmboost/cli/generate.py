"""``rmboost generate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rmboost.cli import exit_code_of
from rmboost.cli.duration import Duration
from rmboost.cli.summaryfile import has_folder, refuse_overwriting, write_summary

if TYPE_CHECKING:
    from rmboost.config import Config

_PILOT = 32
"""Jobs of a pilot: enough for an interval, few enough to be cheap."""


@click.command()
@click.argument("prompts")
@click.option("-o", "--output", help="Where the pairs go (JSONL); - for stdout.")
@click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), help="Settings, as YAML.")
@click.option(
    "--method",
    metavar="NAME",
    help="How pairs are made: rmboost, rlaif, rlcd, west-of-n, ultrafeedback, self-rewarding, "
    "constitutional, self-taught, synpo.  [default: rmboost]",
)
@click.option("--model", help="A model of the endpoint, local, local:NAME, local:/path/to.gguf, or fake.")
@click.option(
    "--base-url",
    multiple=True,
    help="An OpenAI-compatible endpoint, such as http://localhost:8000/v1; several share the work (URL,weight=2).",
)
@click.option("--style", type=click.Choice(["auto", "plan", "direct"]), help="How the second response is asked for.")
@click.option("--aspects", help="An aspect set: its name or a YAML file.")
@click.option("--repetitions", type=click.IntRange(min=1), help="Pairs of each prompt.  [default: 1]")
@click.option(
    "--target", metavar="N", type=click.IntRange(min=1), help="Go on until N pairs are kept, exactly balanced."
)
@click.option("--seed", type=int, help="Another seed gives other labels, aspects and answers.")
@click.option("--concurrency", metavar="N|auto", help="Calls in flight at each endpoint.  [default: auto]")
@click.option("--rpm", type=click.FloatRange(min=0, min_open=True), help="Requests a minute, at each endpoint.")
@click.option("--tpm", type=click.FloatRange(min=0, min_open=True), help="Tokens a minute, at each endpoint.")
@click.option("--max-cost", type=float, help="Stop before the bill is higher (needs prices in the config).")
@click.option("--max-tokens", type=int, help="Stop before more tokens are used, in and out.")
@click.option("--max-calls", type=int, help="Stop before more calls are made.")
@click.option("--deadline", type=Duration(), help="Stop after this time, such as 2h or 90m.")
@click.option("--max-failures", type=int, help="Stop after so many calls in a row that got no answer.  [default: 20]")
@click.option("--estimate", is_flag=True, help="Make the first pairs, forecast the rest, and stop.")
@click.option(
    "--verify", metavar="all|N|P%", help="Have the judge look at all pairs, at N, or at a percentage of them."
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Use the first N prompts.")
@click.option("--prompt-field", help="Name of the field that holds the prompt.")
@click.option(
    "--skip-bad-lines",
    is_flag=True,
    default=None,
    help="Leave out lines that cannot be used, and count them.",
)
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any setting: --set rewriter.temperature=0.7")
@click.option("--fresh", is_flag=True, help="Start over; an earlier run is moved aside, not deleted.")
@click.option("--dry-run", is_flag=True, help="Show settings, plan and first messages; ask for no answer.")
@click.option(
    "--summary",
    "summary_file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=has_folder,
    help="Write the closing summary as JSON.",
)
@click.option(
    "--log-file",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=has_folder,
    help="Append what happens, as JSON lines.",
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
def generate(prompts: str, output: str | None, **options: Any) -> None:
    """Make preference pairs from PROMPTS (JSONL, text, CSV or parquet; - for stdin).

    The same command again goes on where it was left, and asks nothing twice. State is kept beside the output, in a
    folder that ends in .run.

    Exit codes: 0 done, 2 a setting or an input line is wrong, 3 the files cannot be used, 4 the endpoint does not
    answer, 5 done but some jobs failed (run it again), 6 stopped at a ceiling (run it again with a higher one), 9
    prompts used up before the target, 130 stopped by a signal (Ctrl-C).
    """
    from rmboost.cli.logfile import logging_to
    from rmboost.cli.places import STDIO, place, readable

    if output is None and not options["dry_run"]:
        raise click.UsageError("Missing option '-o' / '--output': where shall the pairs go? (-o pairs.jsonl)")
    config = _config(options)
    if output is None or options["dry_run"]:
        with readable(prompts) as source:
            _dry_run(source, config)
        return
    source, target = place(prompts, output, fresh=options["fresh"])
    refuse_overwriting(options, source, target)
    with logging_to(options["log_file"], options["log_level"]):
        _generate(source, target, config, options, to_stdout=output == STDIO)


def _config(options: dict[str, Any]) -> Config:
    from rmboost import config

    flags = {
        "method.name": options["method"],
        "method.style": options["style"],
        "method.aspects": options["aspects"],
        "verify.sample": options["verify"],
        "input.limit": options["limit"],
        "input.prompt_field": options["prompt_field"],
        "input.skip_bad_lines": options["skip_bad_lines"],
        "base_url": options["base_url"] or None,
        **{name: options[name] for name in ("model", "repetitions", "target", "seed")},
        **{name: options[name] for name in ("concurrency", "rpm", "tpm", "max_failures")},
        **{f"ceilings.{name}": options[name] for name in ("max_cost", "max_tokens", "max_calls", "deadline")},
    }
    return config.load(options["config_file"], flags, options["sets"])


def _dry_run(source: Path, config: Config) -> None:
    from rmboost.cli.progress import tell
    from rmboost.run import rehearsal, roles
    from rmboost.run.recipe import Recipe
    from rmboost.visible import visible

    recipe = Recipe.prepare(source, config)
    click.echo(visible(rehearsal.show(recipe)))
    for line in roles.unset(recipe.config):
        tell(line)


def _generate(source: Path, target: Path, config: Config, options: dict[str, Any], *, to_stdout: bool) -> None:
    from rmboost.cli.progress import Progress, tell
    from rmboost.run import run

    unit = "prompts" if config.repetitions == 1 and not config.target else "pairs"
    progress = Progress(quiet=options["quiet"], rows_to_stdout=to_stdout, unit=unit)
    try:
        pilot = _PILOT if options["estimate"] else None
        summary = run.generate(source, target, config, fresh=options["fresh"], pilot=pilot, listener=progress)
    finally:
        progress.close()
    if options["summary_file"]:
        write_summary(options["summary_file"], summary.dump())
    if not options["quiet"]:
        from rich.console import Console  # not before the first request: it takes time to load

        from rmboost.cli import closing

        closing.show(summary, Console(stderr=True, highlight=False, emoji=False))
    if left := summary.left_to_do:
        tell(left)
    sys.exit(exit_code_of(summary))
