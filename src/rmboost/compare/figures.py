"""The figures of a comparison: all that the table, the page and other programs show, as one JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rmboost import __version__, rewards
from rmboost.budget import for_any_name
from rmboost.claim import run_folder
from rmboost.compare import bill
from rmboost.compare.leanings import leanings
from rmboost.compare.overlap import overlap, shared
from rmboost.compare.runs import Ended
from rmboost.compare.setup import Setup, judge_models, labelled_by, read_pairs
from rmboost.compare.signal import BLIND, Names, signal
from rmboost.compare.trials import Trials
from rmboost.inspection.evidence import evidence
from rmboost.labels import gold
from rmboost.labels.noise import Marks, noise
from rmboost.labels.separability import separability
from rmboost.preferences import Preferences
from rmboost.report.report import examine
from rmboost.rewards import TextPair
from rmboost.run.recipe import Recipe
from rmboost.run.roles import models, used

_ELSEWHERE = ("pairs", "calls", "tokens", "tokens_per_pair", "cost", "cost_per_pair", "seconds", "judged_share")


class Figures:
    """Measures what the runs of a comparison left behind. recipes: of the methods, in the order of their entries."""

    def __init__(self, setup: Setup, recipes: Sequence[Recipe]) -> None:
        self._setup = setup
        self._recipes = recipes
        self._judges = judge_models(setup)
        own = {model: price for recipe in recipes for model, price in recipe.config.prices.items()}
        asked = [*self._judges.values(), *(model for recipe in recipes for model in models(recipe.config).values())]
        self._prices = for_any_name({**own, **setup.common.prices}, asked)
        self._made: dict[str, list[TextPair]] = {}

    def collect(self, made: Sequence[Ended], judged: Sequence[Ended], gold_runs: Sequence[Ended]) -> dict[str, Any]:
        """Everything but the reward models. made: in the order of the entries."""
        self._made = {run.name: read_pairs(run.output) for run in made if run.output.is_file()}
        people = {run.name: _agreement(run, self._setup.common.verify.about) for run in gold_runs}
        verdicts = {run.name: run for run in judged}
        marks = sum((each[1] for each in people.values()), Marks())
        rows = [
            self._row(run, recipe, verdicts.get(run.name), marks)
            for run, recipe in zip(made, self._recipes, strict=True)
        ]
        apart = overlap(self._made)
        for row in rows:
            row["overlap"] = apart.get(row["name"], {})
            row["shared"] = shared(self._made, row["name"]).dump() if row["name"] in self._made else None
        return {
            **self._about(),
            "methods": rows,
            "paid": bill.together([run.output for run in made], self._prices),
            "leanings": leanings({**self._made, **{each.name: each.pairs for each in self._setup.human}}),
            "judge": self._judge({name: each[0] for name, each in people.items()}, [*judged, *gold_runs]),
            "signal": None,
        }

    def signal(self, trials_file: Path, tell: Any) -> dict[str, Any]:
        """What reward models learn from the pairs."""
        setup = self._setup
        made = {name: pairs for name, pairs in self._made.items() if pairs}
        human = {each.name: each.pairs for each in setup.human}
        trained = {**(setup.models or {}), BLIND: rewards.load(BLIND)}
        trials = Trials(trained, {**made, **human}, list(human), setup.seeds, trials_file, tell)
        names = Names(list(made), list(human), list(setup.models or ()), setup.mix)
        return {
            "seeds": setup.seeds,
            "models": {name: model.model_dump(mode="json") for name, model in (setup.models or {}).items()},
            "tests": {each.name: {"file": str(each.path), "pairs": len(each.pairs)} for each in setup.human},
            **signal(trials, names),
        }

    def _about(self) -> dict[str, Any]:
        common = self._setup.common
        written = (each for each, entry in zip(self._recipes, self._setup.entries, strict=True) if not entry.pairs)
        first = next(written, self._recipes[0])
        return {
            "rmboost": __version__,
            "prompts": {"file": first.source.path, "count": first.survey.count, "sha256": first.survey.sha256},
            "seed": common.seed,
            "budget": {"tokens": common.ceilings.max_tokens, "pairs": common.target},
        }

    def _row(self, run: Ended, recipe: Recipe, verdicts: Ended | None, marks: Marks) -> dict[str, Any]:
        """The row of a method."""
        kept, summary = len(self._made.get(run.name, ())), run.summary
        tally = summary.tally if summary else None
        return {
            "name": run.name,
            "method": recipe.config.method["name"],
            "models": {name: role.model for name, role in used(recipe.config).items()},
            "file": str(run.output),
            "status": _status(run),
            "error": str(run.error) if run.error else None,
            "reason": _stopped(run),
            "kept": kept,
            "settled": tally.settled if tally else None,
            "rejected": dict(tally.rejected) if tally else {},
            "failed": dict(tally.failed) if tally else {},
            "changed": any(run_folder(run.output).glob("previous*")),
            **bill.alone(run.output, kept, for_any_name(recipe.config.prices, models(recipe.config).values())),
            "figures": _figures(run.output) if kept else {},
            "two_models": _two_models(run),
            "labelled_by": sorted(labelled_by(recipe)),
            "noise": self._noise(verdicts, recipe, marks),
        }

    def _noise(self, verdicts: Ended | None, recipe: Recipe, marks: Marks) -> dict[str, Any] | None:
        """What a judge says of the labels. own: its model gave them itself, so that it proves nothing."""
        if verdicts is None or not verdicts.output.is_file():
            return None
        found = noise(gold.marks_of(verdicts.output), marks if marks.read else None)
        own = not labelled_by(recipe).isdisjoint(self._judges.values()) or _judged_by_labeller(verdicts.output)
        return {**found.dump(), "own": own}

    def _judge(self, people: Mapping[str, Any], runs: Sequence[Ended]) -> dict[str, Any] | None:
        if not self._setup.verify:
            return None
        took = bill.together([run.output for run in runs], self._prices)
        failed = {run.what: str(run.error or _stopped(run)) for run in runs if run.error or _stopped(run)}
        sample = {"pairs": self._setup.verify, "human": self._setup.gold}
        return {"models": self._judges, "sample": sample, "human": dict(people), "failed": failed, **took}


def _status(run: Ended) -> str:
    if not run.summary:
        return "failed"
    if run.at_budget:
        return "at budget"
    return "finished" if run.summary.status == "unchanged" else run.summary.status


def _stopped(run: Ended) -> str | None:
    """Why a run stopped before its end."""
    return run.summary.reason if run.summary and run.summary.status == "stopped" else None


def _figures(output: Path) -> dict[str, Any]:
    """What the report measures of a file, but for what stands in the row itself."""
    measured = examine(output, size=0).figures
    return {name: figure.as_json() for name, figure in measured.items() if name not in _ELSEWHERE}


def _two_models(run: Ended) -> dict[str, Any] | None:
    """How many pairs have sides by different models, and how well form alone tells these apart; None without any."""
    count = run.summary.tally.two_models if run.summary else 0
    found = separability(run.output, count) if count else None
    return {"pairs": count, "told_by_form": asdict(found) if found else None} if count else None


def _judged_by_labeller(output: Path) -> bool:
    """Whether a verdict is by a model that gave the pair its label, as the rows tell of pairs from elsewhere."""
    return any(
        _signed(row.judge, "model") & _signed(evidence(row), "labelled_by", "scored_by") for row in Preferences(output)
    )


def _signed(values: Mapping[str, Any], *names: str) -> set[str]:
    """The models in these fields; a panel's are one text."""
    return {model for name in names for model in str(values.get(name) or "").split(" + ") if model}


def _agreement(run: Ended, about: str) -> tuple[dict[str, Any] | None, Marks]:
    """How the judge stands to people's labels, in full; and in marks, if it was asked the same as of the methods'."""
    if not run.output.is_file():
        return None, Marks()
    found = gold.of_file(run.output)
    same = gold.asked_about(run.output) in ("", about)
    return found.dump() if found else None, gold.marks_of(run.output) if same else Marks()
