"""A run: from settings and a file to rows on disk. What ``generate``, ``judge``, ``compare`` and Python call."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rmboost import judges, together
from rmboost.amounts import number
from rmboost.budget import Budget, Spent, for_any_name
from rmboost.claim import refuse_input, set_aside, surveyed
from rmboost.client.client import Client
from rmboost.config import Config
from rmboost.errors import StoreError
from rmboost.labels.noise import by_group
from rmboost.labels.separability import separability
from rmboost.run import rehearsal, roles
from rmboost.run.fingerprint import difference, run_of
from rmboost.run.forecast import Forecast, forecast
from rmboost.run.listener import Listener
from rmboost.run.notices import notices
from rmboost.run.recipe import Recipe
from rmboost.run.replan import Course, settle_plan
from rmboost.run.rounds import Rounds
from rmboost.run.signals import stop_on_signals
from rmboost.run.store import Store
from rmboost.run.summary import Summary
from rmboost.run.tally import Tally

log = logging.getLogger("rmboost")


def generate(
    prompts: Path,
    output: Path,
    config: Config | None = None,
    *,
    fresh: bool = False,
    pilot: int | None = None,
    listener: Listener | None = None,
    lenders: Iterable[Path] = (),
) -> Summary:
    """Make preference pairs from a prompt file; the same call again resumes where it was left.

    prompts: JSONL, text, CSV or parquet. output: where the pairs go; ``<stem>.run/`` beside it keeps the run's state.
    fresh: start over; an earlier run is moved aside. pilot: settle so many jobs, and forecast the rest in the summary.
    lenders: journals of other runs, from which answers to the very same calls are copied in place of asking.
    Raises RMBoostError (see ``rmboost.errors``).
    """
    listener = listener or Listener()
    refuse_input(prompts, output)
    recipe = rehearsal.prepare(prompts, config or Config(), surveyed(output))
    for line in notices(recipe):
        listener.notice(line)
    if fresh and (aside := set_aside(output, prompts)):
        listener.notice(f"the earlier run was moved to {aside}")
    return together.run(_generate(recipe, Store(output, lenders), pilot, listener))


async def _generate(recipe: Recipe, store: Store, pilot: int | None, listener: Listener) -> Summary:
    started = time.monotonic()
    try:
        course = _resume(recipe, store, listener)
        client = _client(recipe, store)
        client.traced = None if pilot is None else set()
        rounds = Rounds(recipe, course, store, client, listener)
        with stop_on_signals(client, listener.notice):
            status = await rounds.run(pilot)
        summary = _summarise(recipe, rounds, store, client, status, time.monotonic() - started)
        if pilot is not None and summary.tally.settled:
            summary = replace(summary, forecast=_forecast(rounds.left, store, client))
        store.write_manifest(_manifest(recipe, status, summary))
        log.info(status, extra={"cause": summary.cause, "reason": summary.reason, "calls": summary.calls})
    except BaseException as error:
        log.error("failed", extra={"reason": str(error) or type(error).__name__})
        with suppress(StoreError):  # the first error is the one to tell
            await store.close()
        raise
    await store.close()
    return summary


def _resume(recipe: Recipe, store: Store, listener: Listener) -> Course:
    """Open the store for these settings, say what is different from the last run, and go on by this plan."""
    settings = recipe.settings
    before = store.manifest
    _refuse_lost_answers(before, store)
    if before and store.journal.totals().calls:  # nothing came of a run without an answer
        for line in (*difference(before["settings"], settings), *_moved(before, recipe)):
            listener.notice(f"changed since the last run: {line}")
    course = settle_plan(recipe, store.journal)
    identity, earlier = (run_of(settings, recipe.survey.form, order) for order in (course.order, course.earlier))
    store.resume(identity, course.jobs, earlier)
    changed = course.notice or (before and store.notice and _other_prompts(before["input"], recipe)) or ""
    for line in filter(None, (store.journal.rescued, changed, store.notice)):
        listener.notice(line)
    running = {"status": "running", "began": time.time(), "settings": settings, **_surroundings(recipe)}
    store.begin(running, course.state)
    if listener.wants_rows:
        for row in store.lines():
            listener.row(row)
    return course


def _refuse_lost_answers(before: Mapping[str, Any], store: Store) -> None:
    """Raises StoreError where the journal of a run with answers has none: they would all be paid again."""
    if (answers := before.get("summary", {}).get("calls", 0)) and not store.journal.totals().calls:
        gone = f"{store.journal.path} holds none of the {number(answers, 'answer')} that its run was given"
        raise StoreError(gone, "bring it back; or --fresh starts over, and all is asked and paid again")


def _other_prompts(before: Mapping[str, Any], recipe: Recipe) -> str:
    """What is said when other prompts are read than in the last run, or fewer of them."""
    was, now = (
        (each["count"], each["sha256"], path)
        for each, path in ((before, before["path"]), (asdict(recipe.survey), recipe.source.path))
    )
    if was[:2] == now[:2]:
        return ""
    return f"changed since the last run: the prompts: {was[0]:,} of {was[2]} → {now[0]:,} of {now[2]}"


def _surroundings(recipe: Recipe) -> dict[str, Any]:
    """What a run should know of its circumstances, though no row depends on it by itself."""
    addresses = {name: list(role.base_url or ()) for name, role in roles.used(recipe.config).items()}
    return {
        "input": {"path": recipe.source.path, **asdict(recipe.survey)},
        "base_url": addresses,
        "models": roles.models(recipe.config),
        "config": recipe.config.model_dump(mode="json"),
        "leakage": recipe.leakage,
        "template_texts": recipe.template_texts,
    }


def _moved(before: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    """What is said when servers are others than in the last run; answered calls are used all the same."""
    for name, now in _surroundings(recipe)["base_url"].items():
        was = before.get("base_url", {}).get(name, now)
        if was != now:
            yield f"the endpoint of {name}: {' and '.join(was) or 'default'} → {' and '.join(now) or 'default'}"


def _client(recipe: Recipe, store: Store) -> Client:
    config = recipe.config
    seats = roles.seats(config)
    prices = for_any_name(config.prices, roles.models(config).values())
    spent = Spent.before(store.journal.totals_by_model(), prices)
    return Client(
        seats,
        store.journal,
        recipe.templates,
        budget=Budget(config.ceilings, spent, filter(None, (seat.price for seat in seats.values()))),
        tries=config.tries,
        patience=config.patience,
        max_failures=config.max_failures,
        calls_of_a_job=recipe.calls,
        proven=_proven(recipe, store.tally),
    )


def _proven(recipe: Recipe, tally: Tally) -> set[str]:
    """The roles that the pairs so far speak for; a pair is kept also where its judge said nothing that can be read."""
    verify, read = recipe.config.verify, any(not key.endswith("/unreadable") for key in tally.verdicts)
    making, judging = recipe.method.roles, judges.judge(verify.judge).roles if verify.sample else ()
    return {*(making if tally.kept else ()), *(judging if read else ())}


def _summarise(recipe: Recipe, rounds: Rounds, store: Store, client: Client, status: str, seconds: float) -> Summary:
    totals = store.journal.totals()
    return Summary(
        status=status,
        output=store.output,
        rejects=store.rejects,
        prompts=recipe.survey.count,
        jobs=rounds.course.jobs,
        tally=store.tally,
        calls=totals.calls,
        prompt_tokens=totals.usage.prompt_tokens,
        completion_tokens=totals.usage.completion_tokens,
        cached_tokens=totals.usage.cached_tokens,
        seconds=round(seconds, 3),
        asked=client.meter.asked,
        replayed=client.meter.replayed,
        models=roles.models(recipe.config),
        cost=client.budget.spent.cost,
        cause=client.halt.cause,
        reason=client.halt.reason,
        target=recipe.config.target,
        missing={spec.name if spec else "": count for spec, count in rounds.lacking.items()},
        estimated_tokens=totals.usage.estimated,
        noise=by_group(store.tally.verdicts, recipe.gold),
        separability=separability(store.output, store.tally.two_models) if status == "finished" else None,
        bad_lines=recipe.survey.bad,
        duplicates=recipe.survey.duplicates,
    )


def _forecast(left: int, store: Store, client: Client) -> Forecast | None:
    """What so many more jobs will take, from what the pilot's took; the journal may hold calls of other settings.

    None where not one of its calls was answered.
    """
    prices = {role: seat.price for role, seat in client.seats.items()}
    jobs = store.journal.usage_by_job(client.traced or ())
    return forecast(jobs, left, prices, min(client.limit, max(1, left))) if jobs else None


def _manifest(recipe: Recipe, status: str, summary: Summary) -> dict[str, Any]:
    return {
        "status": "finished" if status == "unchanged" else status,
        "settings": recipe.settings,
        **_surroundings(recipe),
        "summary": summary.dump(),
    }
