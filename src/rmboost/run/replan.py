"""The plan of a run that goes on: jobs keep what was ordered of them, also when the input has changed.

By blocks a job's spec follows from its place. Take the first line out of the input, and all jobs move up: nearly every
second answer would be paid for again. So the journal keeps with each answer what had been ordered, and where places
have moved, each job that was asked something keeps its spec; the others get what balances the whole.

With a target the plan also says how many jobs have been ordered so far; it grows by a round at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from rmboost.journal import Journal
from rmboost.records import Spec, stable_hash
from rmboost.run.plan import Plan
from rmboost.run.recipe import Recipe

_SAID = "changed since the last run:"
_ADDED = "prompts were added after the others; the rows before them stay as they are"


@dataclass(frozen=True)
class Course:
    """How the plan goes on. ``state``: as JSON, what the journal keeps of it and the next run must know to go on.

    earlier: the order of the last run, if its jobs are the first ones of this one. notice: what a person is told.
    """

    plan: Plan
    state: Mapping[str, Any]
    earlier: str = ""
    notice: str = ""

    @property
    def jobs(self) -> int:
        """How many are ordered so far."""
        return int(self.state["jobs"])

    @property
    def order(self) -> str:
        """A hash of which job stands where, and has which spec."""
        return _order(self.state)


def settle_plan(recipe: Recipe, journal: Journal) -> Course:
    """The plan for these prompts, after what the journal has seen.

    Reads journal and prompts as a whole when these are neither the prompts of the last run nor a continuation of them.
    """
    before = journal.recall("plan")
    if before and before.keys() != _state(recipe, recipe.plan, 0).keys():
        before = None  # of another version: what was ordered is found in the answers
    if before and before["rule"] != recipe.plan.rule:
        return _course(recipe, recipe.plan)  # other cells, weights or seed: what was ordered is no more wanted
    if before and _is_continued(recipe, before):
        return _continue(recipe, before)
    return _keep(recipe, journal, before)


def plan_so_far(recipe: Recipe, journal: Journal) -> Course | None:
    """The plan by which the rows so far were made; None where another version noted it in another form."""
    state = journal.recall("plan")
    if not state or state.keys() != _state(recipe, recipe.plan, 0).keys():
        return None
    return Course(replace(recipe.plan, assigned=state["assigned"]), state)


def order_more(recipe: Recipe, course: Course, lacking: Counter[Spec | None], known: Mapping[str, Spec]) -> Course:
    """The course with the next jobs of the input, for cells that are lacking.

    known: what was last ordered of each job, by its key, in earlier runs.
    """
    count = min(lacking.total(), recipe.available - course.jobs)
    kept = [known.get(job.key) for job in islice(recipe.jobs(course.jobs), count)]
    return _course(recipe, course.plan.dealing(lacking, kept, course.jobs), course.jobs + count)


def _continue(recipe: Recipe, before: Mapping[str, Any]) -> Course:
    """The jobs of the last run stay as they were, others may follow."""
    plan, changes = recipe.plan, list(_changes(recipe, before))
    assigned = before["assigned"]
    if assigned and not recipe.config.target:
        more = recipe.available - len(assigned)
        assigned = plan.keeping([*(plan.cells[number] for number in assigned), *[None] * more]).assigned
    plan = replace(plan, assigned=assigned)
    if before["sha256"] != recipe.survey.sha256:
        changes.append(_ADDED + ("" if recipe.config.target else _labels(plan, recipe.available)))
    jobs = before["jobs"] if recipe.config.target else None
    notice = f"{_SAID} {', '.join(changes)}" if changes else ""
    return _course(recipe, plan, jobs, _order(before), notice)


def _keep(recipe: Recipe, journal: Journal, before: Mapping[str, Any] | None) -> Course:
    """Every job that was asked something keeps its spec, wherever it stands now."""
    plan, known = recipe.plan, journal.specs()
    if not known:
        return _course(recipe, plan)
    kept = [known.get(job.key) for job in islice(recipe.jobs(), recipe.ordered)]
    if any(spec and spec != plan.spec(place) for place, spec in enumerate(kept)):
        target = recipe.config.target
        plan = plan.dealing(plan.wanted(target), kept) if target else plan.keeping(kept)
    notice = ""
    if before:
        changed = ", ".join(_changes(recipe, before)) or "the prompts"
        notice = f"{_SAID} {changed}{'' if recipe.config.target else _kept(plan, kept, len(known))}"
    return _course(recipe, plan, notice=notice)


def _is_continued(recipe: Recipe, before: Mapping[str, Any]) -> bool:
    """Whether the jobs of the last run stand where they stood; there may be more of them, or without a target fewer."""
    now = _places(recipe)
    if (before["fields"], before["repetitions"]) != (now["fields"], now["repetitions"]):
        return False
    if before["pass"] != _pass(recipe, before["jobs"]) or (recipe.config.target and not _is_further(recipe, before)):
        return False
    return before["sha256"] == now["sha256"] or recipe.source.begins_with(before["sha256"], before["bytes"])


def _is_further(recipe: Recipe, before: Mapping[str, Any]) -> bool:
    """Whether the rounds of the last run are the first ones of this. Under other settings other pairs would be lost."""
    if not before["target"] or before["target"] > (recipe.config.target or 0):
        return False
    return bool(before["jobs"] <= recipe.available and before["settings"] == _settings(recipe))


def _course(recipe: Recipe, plan: Plan, jobs: int | None = None, earlier: str = "", notice: str = "") -> Course:
    """The course by this plan."""
    return Course(plan, _state(recipe, plan, recipe.ordered if jobs is None else jobs), earlier, notice)


def _state(recipe: Recipe, plan: Plan, jobs: int) -> dict[str, Any]:
    """The plan as JSON, with what the next run must know."""
    return {
        **_places(recipe),
        "pass": _pass(recipe, jobs),
        "rule": plan.rule,
        "assigned": list(plan.assigned),
        "target": recipe.config.target,
        "jobs": jobs,
        "settings": _settings(recipe),
    }


def _settings(recipe: Recipe) -> str:
    return f"{stable_hash(recipe.settings):x}"


def _places(recipe: Recipe) -> dict[str, Any]:
    """What decides which job stands at which place; a limit does not, it only ends the list."""
    fields = recipe.source.model_dump(mode="json", exclude={"path", "limit", "skip_bad_lines"})
    return {
        "sha256": recipe.survey.sha256,
        "bytes": recipe.survey.bytes,
        "fields": f"{stable_hash(fields):x}",
        "repetitions": 1 if recipe.config.target else recipe.config.repetitions,
    }


def _pass(recipe: Recipe, jobs: int) -> int:
    """How many prompts a pass over the input has, where with a target a second one has begun; else 0."""
    return recipe.survey.count if recipe.config.target and jobs > recipe.survey.count else 0


def _order(state: Mapping[str, Any]) -> str:
    return f"{stable_hash(*(state[name] for name in ('sha256', 'fields', 'repetitions', 'pass', 'assigned'))):x}"


def _changes(recipe: Recipe, before: Mapping[str, Any]) -> Iterator[str]:
    """Of how many pairs are wanted, what is not as it was."""
    if before["target"] != recipe.config.target:
        yield f"target: {before['target']} → {recipe.config.target}"
    elif before["repetitions"] != (now := _places(recipe)["repetitions"]):
        yield f"repetitions: {before['repetitions']} → {now}"


def _kept(plan: Plan, kept: Sequence[Spec | None], known: int) -> str:
    """``; 23 of 24 jobs keep their label and aspect, 1 is new, …``"""
    keep = sum(spec in plan.cells for spec in kept)
    gone = known - sum(spec is not None for spec in kept)
    return (
        f"; {keep:,} of {len(kept):,} jobs keep their label and aspect, "
        f"{_are(len(kept) - keep)} new, {_are(gone)} gone{_labels(plan, len(kept))}"
    )


def _labels(plan: Plan, jobs: int) -> str:
    """``; labels now: better 12, worse 12``; nothing for a method that orders none."""
    held = Counter(map(plan.spec, range(jobs))) if plan.assigned else plan.wanted(jobs)
    labels: Counter[str] = Counter()
    for spec, count in held.items():
        if spec:
            labels[spec.label] += count
    counts = ", ".join(f"{label} {count}" for label, count in sorted(labels.items()))
    return f"; labels now: {counts}" if counts else ""


def _are(count: int) -> str:
    return f"{count:,} {'is' if count == 1 else 'are'}"
