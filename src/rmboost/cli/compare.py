"""``rmboost compare``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rmboost.cli import SIGNAL, complain, exit_code, exit_code_of
from rmboost.cli.duration import Duration
from rmboost.errors import ConfigError
from rmboost.visible import visible

if TYPE_CHECKING:
    from rmboost.cli.progress import Progress
    from rmboost.compare.runs import Ended
    from rmboost.compare.setup import Setup

_REWARD_MODELS = "ngrams,ngrams-form,embeddings,finetuned"


@click.command()
@click.argument("prompts", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The folder that all goes to.")
@click.option(
    "--methods",
    default="rmboost,rlaif,rlcd,west-of-n",
    show_default=True,
    help="Names of methods; YAML files of settings, laid over the common ones; files of pairs.",
)
@click.option("-c", "--config", "config_file", type=click.Path(path_type=Path), help="Common settings, as YAML.")
@click.option("--model", help="A model of the endpoint, local, local:NAME, local:/path/to.gguf, or fake.")
@click.option(
    "--base-url",
    multiple=True,
    help="An OpenAI-compatible endpoint, such as http://localhost:8000/v1; several share the work (URL,weight=2).",
)
@click.option("--seed", type=int, help="Another seed gives other labels, aspects and answers.")
@click.option("--concurrency", metavar="N|auto", help="Calls in flight at each endpoint.  [default: auto]")
@click.option("--rpm", type=click.FloatRange(min=0, min_open=True), help="Requests a minute, at each endpoint.")
@click.option("--tpm", type=click.FloatRange(min=0, min_open=True), help="Tokens a minute, at each endpoint.")
@click.option(
    "--budget-tokens", type=click.IntRange(min=1), help="So many tokens for each method, in place of all prompts."
)
@click.option("--budget-pairs", type=click.IntRange(min=1), help="So many kept pairs of each method.")
@click.option("--max-cost", type=float, help="Stop each method before its bill is higher (needs prices in the config).")
@click.option("--max-calls", type=int, help="Stop each method before it makes more calls.")
@click.option("--deadline", type=Duration(), help="Stop all methods after this time, such as 2h or 90m.")
@click.option(
    "--max-failures", type=int, help="Stop a method when so many calls in a row were given up.  [default: 20]"
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Use the first N prompts.")
@click.option("--repetitions", type=click.IntRange(min=1), help="Pairs of each prompt.  [default: 1]")
@click.option("--prompt-field", help="Name of the field that holds the prompt.")
@click.option(
    "--skip-bad-lines", is_flag=True, default=None, help="Leave out lines that cannot be used, and count them."
)
@click.option("--verify", metavar="all|N|P%", help="Have the judge look at all pairs of each method, at N, or at P %.")
@click.option("--judge", help="The model that looks at them; best of another family than the writers.")
@click.option(
    "--gold", metavar="all|N|P%", default="200", show_default=True, help="Try it on so many pairs of each --eval file."
)
@click.option(
    "--eval", "evals", multiple=True, type=click.Path(path_type=Path), help="Pairs that people labelled; repeatable."
)
@click.option(
    "--reward-models", default=_REWARD_MODELS, show_default=True, help="Trained on the pairs, tested on --eval."
)
@click.option("--rm-seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Trainings of each.")
@click.option("--device", help="Where encoders run, as torch names it: cuda.  [default: cpu]")
@click.option("--mix", is_flag=True, help="Train on the human pairs and each method's together as well.")
@click.option("--set", "sets", multiple=True, metavar="NAME=VALUE", help="Any setting: --set responder.temperature=0.7")
@click.option("--fresh", is_flag=True, help="Start over; earlier runs are moved aside, not deleted.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors; the table still goes to stdout.")
def compare(prompts: Path, output: Path, **options: Any) -> None:
    """Make pairs from PROMPTS by several methods, and show side by side what they take and what they teach.

    All get the same prompts, models and seed; an answer that several need is asked once. Each method has a folder with
    its own run, which status, verify and inspect know. comparison.html and comparison.json hold all figures. The
    same command again goes on where it was left.

    Exit codes: as of rmboost generate; the first that is not 0, when methods end differently. Others go on.
    """
    from rmboost.report import need_packages

    need_packages("a comparison")
    from rmboost.compare import setup

    if str(output) == "-":
        raise ConfigError("-o -: what a comparison makes is a folder", "-o comparison")
    entries, common = setup.entries(options["methods"], options["config_file"], _flags(options), options["sets"])
    human = setup.human(options["evals"])
    if options["judge"]:
        if not options["verify"]:
            raise ConfigError("--judge has no pair to look at", "--verify all, or so many pairs of each method")
        common = common.model_copy(update={"judge": common.judge.model_copy(update={"model": options["judge"]})})
    if options["mix"] and not human:
        raise ConfigError("--mix has no human pairs to train on", "--eval human.jsonl")
    if _is_given("reward_models") and not human:
        raise ConfigError("--reward-models has no human pairs to test them on", "--eval human.jsonl")
    models = setup.reward_models(options["reward_models"], options["device"]) if human else {}
    named = {name: options[name] for name in ("mix", "verify", "gold")}
    found = setup.Setup(prompts, output, entries, common, human, models, options["rm_seeds"], **named)
    sys.exit(_compare(found, fresh=options["fresh"], quiet=options["quiet"]))


def _is_given(option: str) -> bool:
    """Whether it stands in the command, as an option with a default may not."""
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def _flags(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "input.limit": options["limit"],
        "input.prompt_field": options["prompt_field"],
        "input.skip_bad_lines": options["skip_bad_lines"],
        "base_url": options["base_url"] or None,
        "repetitions": options["repetitions"],
        "target": options["budget_pairs"],
        "ceilings.max_tokens": options["budget_tokens"],
        **{name: options[name] for name in ("model", "seed", "concurrency", "rpm", "tpm", "max_failures")},
        **{f"ceilings.{name}": options[name] for name in ("max_cost", "max_calls", "deadline")},
    }


def _compare(setup: Setup, *, fresh: bool, quiet: bool) -> int:
    """Make, judge, measure and show; the exit code."""
    from rmboost.backends.local import kept_loaded
    from rmboost.compare import files
    from rmboost.compare.figures import Figures
    from rmboost.compare.runs import Runs, by_turns
    from rmboost.compare.setup import check, doubts

    recipes = check(setup, fresh=fresh)
    onlooker = _Onlooker(quiet=quiet)
    for line in doubts(setup):
        onlooker.tell(line)
    with files.claimed(setup.folder, fresh=fresh):
        runs = Runs(setup, onlooker, by_turns(setup, recipes))
        if fresh:
            runs.set_aside()
        with kept_loaded():
            last = {each.name: each for each in onlooker.watched(runs.made())}
        with kept_loaded():
            judged, gold = ([*onlooker.watched(part)] for part in (runs.judged(), runs.gold()))
        if onlooker.interrupted:
            return SIGNAL
        made = [last[entry.name] for entry in setup.entries]
        figures = Figures(setup, recipes)
        found = figures.collect(made, judged, gold)
        if setup.human:
            found["signal"] = figures.signal(files.trials(setup.folder), onlooker.tell)
        files.write(setup.folder, found)
    _show(found)
    onlooker.tell(f"report: {setup.folder / files.PAGE}")
    return next((code for each in (*made, *judged, *gold) if (code := _code(each))), 0)


class _Onlooker:
    """Whoever looks on: is shown one run after the other, and told nothing twice (an ``Audience`` of the runs)."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._progress: Progress | None = None
        self._told: set[str] = set()
        self.interrupted = False

    def begin(self, what: str, unit: str) -> Progress:
        from rmboost.cli.progress import Progress

        self.tell(f"── {what}")
        self._progress = Progress(quiet=self._quiet, rows_to_stdout=False, unit=unit, told=self._told)
        return self._progress

    def watched(self, runs: Iterator[Ended]) -> Iterator[Ended]:
        """Each run as it ends, up to the one that a signal ends."""
        for ended in () if self.interrupted else runs:
            self._tell_end(ended)
            yield ended
            if ended.interrupted:
                self.interrupted = True
                return

    def _tell_end(self, ended: Ended) -> None:
        if self._progress:
            self._progress.close()
        if ended.error:
            complain(f"{ended.what}: {ended.error}", ended.error.hint)
        elif ended.summary and not ended.paused and _code(ended):
            self.tell(f"{ended.what}: {ended.summary.left_to_do}")

    def tell(self, line: str) -> None:
        if not self._quiet:
            click.echo(visible(line), err=True)


def _code(ended: Ended) -> int:
    """What the shell is told of one run. A budget that is used up is no ceiling: it was to be."""
    if ended.error:
        return exit_code(ended.error)
    assert ended.summary
    if ended.at_budget:
        return 5 if ended.summary.tally.failed else 0
    return exit_code_of(ended.summary)


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console

    from rmboost.compare import table

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            """Whoever reads no further, as ``head``, has had enough: no failure, where rich would exit with 1."""
            raise BrokenPipeError

    table.show(found, Screen(highlight=False, emoji=False))
