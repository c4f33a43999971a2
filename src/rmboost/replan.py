"""The plan of a run that goes on: jobs keep what was ordered of them, also when the input has changed.

By blocks a job's spec follows from its place. Take the first line out of the input, and all jobs move up: nearly every
second answer would be paid for again. So the journal keeps with each answer what had been ordered, and where places
have moved, each job that was asked something keeps its spec; the others get what balances the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rmboost.journal import Journal
from rmboost.plan import Plan
from rmboost.recipe import Recipe
from rmboost.records import Spec, stable_hash

_ADDED = "changed since the last run: prompts were added after the others; the rows before them stay as they are"


@dataclass(frozen=True)
class Course:
    """How the plan goes on. ``order``: a hash of which job stands where, and has which spec.

    earlier: the order of the last run, if its jobs are the first ones of this one. notice: what a person is told.
    """

    plan: Plan
    order: str
    earlier: str = ""
    notice: str = ""


def settle_plan(recipe: Recipe, journal: Journal) -> Course:
    """The plan for these prompts, after what the journal has seen; it is noted there with the next commit.

    Reads journal and prompts as a whole when these are neither the prompts of the last run nor a continuation of them.
    """
    before = journal.recall("plan")
    if before and not before.keys() >= {"repetitions"}:
        before = None  # of another version: what was ordered is found in the answers
    plan, earlier, notice = _go_on(recipe, journal, before)
    now = {**_places(recipe), "rule": plan.rule, "assigned": list(plan.assigned)}
    if now != before:
        journal.remember("plan", now)
    return Course(plan, _order(now), earlier, notice)


def _go_on(recipe: Recipe, journal: Journal, before: Mapping[str, Any] | None) -> tuple[Plan, str, str]:
    """The plan, the order of the last run if it is continued, and what is told."""
    plan = recipe.plan
    if before and before["rule"] != plan.rule:
        return plan, "", ""  # other cells, weights or seed were asked for: what was ordered before is no more wanted
    if before and _is_continued(recipe, before):
        more = recipe.available - len(before["assigned"])
        assigned = [plan.cells[number] for number in before["assigned"]]
        extended = plan.keeping([*assigned, *[None] * more]) if assigned else plan
        return extended, _order(before), _ADDED if before["sha256"] != recipe.survey.sha256 else ""
    known = journal.specs()
    if not known:
        return plan, "", ""
    kept = [known.get(job.key) for job in recipe.jobs()]
    if any(spec and spec != plan.spec(place) for place, spec in enumerate(kept)):
        plan = plan.keeping(kept)
    return plan, "", _kept(_changes(recipe, before), plan, kept, len(known)) if before else ""


def _is_continued(recipe: Recipe, before: Mapping[str, Any]) -> bool:
    """Whether the jobs of the last run stand where they stood; there may be more of them, or fewer."""
    now = _places(recipe)
    if (before["fields"], before["repetitions"]) != (now["fields"], now["repetitions"]):
        return False
    return before["sha256"] == now["sha256"] or recipe.source.begins_with(before["sha256"], before["bytes"])


def _places(recipe: Recipe) -> dict[str, Any]:
    """What decides which job stands at which place; a limit does not, it only ends the list."""
    fields = recipe.source.model_dump(mode="json", exclude={"path", "limit", "skip_bad_lines"})
    return {
        "sha256": recipe.survey.sha256,
        "bytes": recipe.survey.bytes,
        "fields": f"{stable_hash(fields):x}",
        "repetitions": recipe.config.repetitions,
    }


def _changes(recipe: Recipe, before: Mapping[str, Any]) -> str:
    """Which of these is not what it was."""
    if (was := before["repetitions"]) != (now := recipe.config.repetitions):
        return f"repetitions: {was} → {now}"
    return "the prompts"


def _order(state: Mapping[str, Any]) -> str:
    return f"{stable_hash(*(state[name] for name in ('sha256', 'fields', 'repetitions', 'assigned'))):x}"


def _kept(changed: str, plan: Plan, kept: Sequence[Spec | None], known: int) -> str:
    """``the prompts; 23 of 24 jobs keep their label and aspect, 1 is new, …``"""
    keep = sum(spec in plan.cells for spec in kept)
    gone = known - sum(spec is not None for spec in kept)
    labels = Counter(spec.label for place in range(len(kept)) if (spec := plan.spec(place)))
    counts = ", ".join(f"{label} {count}" for label, count in sorted(labels.items()))
    return (
        f"changed since the last run: {changed}; {keep:,} of {len(kept):,} jobs keep their label and aspect, "
        f"{_are(len(kept) - keep)} new, {_are(gone)} gone; labels now: {counts}"
    )


def _are(count: int) -> str:
    return f"{count:,} {'is' if count == 1 else 'are'}"
