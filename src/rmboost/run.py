"""A run: from settings and a prompt file to pairs on disk. What the command ``rmboost generate`` calls."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

from rmboost import rehearsal, roles
from rmboost.budget import Budget, Spent
from rmboost.claim import set_aside, surveyed
from rmboost.client import Client, Meter
from rmboost.config import Config
from rmboost.engine import Engine, settler
from rmboost.fingerprint import difference, run_of
from rmboost.forecast import Forecast, forecast
from rmboost.noise import by_group
from rmboost.recipe import Recipe
from rmboost.records import Kept, Outcome
from rmboost.replan import settle_plan
from rmboost.separability import separability
from rmboost.store import Store
from rmboost.summary import Summary
from rmboost.tally import Tally
from rmboost.together import run

_TICK_SECONDS = 1.0
log = logging.getLogger("rmboost")


class Listener:
    """What a run tells while it goes on; this one hears nothing."""

    def notice(self, line: str) -> None:
        """Something a person should know once."""

    def progress(self, tally: Tally, meter: Meter, total: int) -> None:
        """One more job is settled."""

    wants_rows = False

    def row(self, line: bytes) -> None:
        """One more line of the output, from its first line on, also those of earlier runs; if ``wants_rows``."""


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
    recipe = rehearsal.prepare(prompts, config or Config(), surveyed(output))
    for line in (*roles.describe(recipe.config), *_left_out(recipe), *_doubts(recipe)):
        listener.notice(line)
    if fresh and (aside := set_aside(output)):
        listener.notice(f"the earlier run was moved to {aside}")
    return run(_generate(recipe, Store(output, lenders), pilot, listener))


async def _generate(recipe: Recipe, store: Store, pilot: int | None, listener: Listener) -> Summary:
    started = time.monotonic()
    try:
        recipe, start = _resume(recipe, store, listener)
        client, status = _client(recipe, store), "unchanged"
        total = recipe.available
        if start < total:
            log.info("started", extra={"jobs": total, "settled": start, "models": _models(recipe)})
            end = total if pilot is None else min(total, max(start, pilot))
            with _stop_on_signals(client, listener):
                status = await _settle_all(recipe, store, client, (start, end), listener)
        summary = _summarise(recipe, store, client, status, time.monotonic() - started)
        if pilot is not None and summary.tally.settled:
            summary = replace(summary, forecast=_forecast(recipe, store, client, summary))
        store.write_manifest(_manifest(recipe, status, summary))
        log.info(status, extra={"cause": summary.cause, "reason": summary.reason, "calls": summary.calls})
        return summary
    finally:
        await store.close()


def _left_out(recipe: Recipe) -> Iterator[str]:
    """What of the input the run does not use."""
    found = recipe.survey
    if found.bad:
        yield f"lines left out: {found.bad}, the first: {found.first_bad}"
    if found.duplicates:
        yield f"prompts left out because the same text came before: {found.duplicates}"


def _doubts(recipe: Recipe) -> Iterator[str]:
    """Why a judge may be wrong about these pairs."""
    for role, relation in recipe.leakage.items():
        yield (
            f"{role}: {relation} as the one that writes, and a judge favours its own family (arXiv 2502.01534); "
            f"a better one: --set {role}.model=NAME"
        )
    if recipe.gold and not recipe.gold.right > recipe.gold.wrong:
        yield f"verify.gold: no better than a coin on {recipe.config.verify.gold}, so nothing can be corrected by it"


def _resume(recipe: Recipe, store: Store, listener: Listener) -> tuple[Recipe, int]:
    """Open the store for these settings and say what is different from the last run.

    The recipe with the plan that its jobs go on with, and how many of them are settled.
    """
    settings = recipe.settings
    before = store.manifest
    if before:
        for line in difference(before["settings"], settings):
            listener.notice(f"changed since the last run: {line}")
        for line in _moved(before, recipe):
            listener.notice(line)
    course = settle_plan(recipe, store.journal)
    run, earlier = (run_of(settings, recipe.survey.plain, order) for order in (course.order, course.earlier))
    start = store.resume(run, recipe.available, earlier)
    for line in filter(None, (store.journal.rescued, course.notice, store.notice)):
        listener.notice(line)
    store.write_manifest({"status": "running", "settings": settings, **_surroundings(recipe)})
    if listener.wants_rows:
        for row in store.lines():
            listener.row(row)
    return replace(recipe, plan=course.plan), start


def _surroundings(recipe: Recipe) -> dict[str, Any]:
    """What a run should know of its circumstances, though no row depends on it by itself."""
    addresses = {name: list(role.base_url or ()) for name, role in roles.used(recipe.config).items()}
    return {
        "input": {"path": recipe.source.path, **asdict(recipe.survey)},
        "base_url": addresses,
        "config": recipe.config.model_dump(mode="json"),
        "leakage": recipe.leakage,
        "template_texts": recipe.template_texts,
    }


def _moved(before: Mapping[str, Any], recipe: Recipe) -> Iterator[str]:
    """What is said when servers are others than in the last run; answered calls are used all the same."""
    now = _surroundings(recipe)
    if before.get("base_url", now["base_url"]) != now["base_url"]:
        yield f"changed since the last run: the endpoint, {before['base_url']} → {now['base_url']}"


def _client(recipe: Recipe, store: Store) -> Client:
    config = recipe.config
    seats = roles.seats(config)
    spent = Spent.before(store.journal.totals_by_model(), config.prices)
    return Client(
        seats,
        store.journal,
        recipe.templates,
        budget=Budget(config.ceilings, spent),
        tries=config.tries,
        patience=config.patience,
        max_failures=config.max_failures,
        calls_of_a_job=recipe.calls,
    )


async def _settle_all(recipe: Recipe, store: Store, client: Client, span: tuple[int, int], listener: Listener) -> str:
    """Settle the jobs from the first number up to the second; the status of the run."""
    total, (start, end) = recipe.available, span

    def deliver(outcome: Outcome) -> None:
        line = store.add(outcome, recipe.row(outcome))
        if listener.wants_rows and isinstance(outcome, Kept):
            listener.row(line)
        listener.progress(store.tally, client.meter, total)

    clock = asyncio.create_task(_tell_time(store, client, total, listener))
    try:
        jobs = islice(recipe.jobs(start), end - start)
        finished = await Engine(settler(recipe, client), deliver, client, end - start).run(jobs)
    finally:
        clock.cancel()
        store.checkpoint(closed=True)
        await client.close()
    if finished and end < total:
        client.halt.no_new_jobs("pilot", f"the pilot of {end} jobs is done")
    return "finished" if finished and end == total else "stopped"


async def _tell_time(store: Store, client: Client, total: int, listener: Listener) -> None:
    """Progress once a second while calls are under way: a slow model settles a job only now and then."""
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        if client.meter.in_flight:
            listener.progress(store.tally, client.meter, total)


@contextmanager
def _stop_on_signals(client: Client, listener: Listener) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM lets calls in flight end, the second leaves now."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    caught = (signal.SIGINT, signal.SIGTERM)
    assert task is not None

    def stop() -> None:
        if client.halt.cause == "signal":
            task.cancel()
            return
        listener.notice("stopping: waiting for the calls in flight (Ctrl-C again leaves now)")
        client.stop("signal", "stopped by a signal")

    try:
        for each in caught:
            loop.add_signal_handler(each, stop)
    except (RuntimeError, ValueError):
        yield  # not in the main thread: signals are somebody else's
        return
    try:
        yield
    finally:
        for each in caught:
            loop.remove_signal_handler(each)


def _summarise(recipe: Recipe, store: Store, client: Client, status: str, seconds: float) -> Summary:
    totals = store.journal.totals()
    return Summary(
        status,
        store.output,
        store.rejects,
        recipe.survey.count,
        recipe.available,
        store.tally,
        totals.calls,
        totals.usage.prompt_tokens,
        totals.usage.completion_tokens,
        totals.usage.cached_tokens,
        round(seconds, 3),
        client.meter.asked,
        client.meter.replayed,
        _models(recipe),
        client.budget.spent.cost,
        client.halt.cause,
        client.halt.reason,
        estimated_tokens=totals.usage.estimated,
        noise=by_group(store.tally.verdicts, recipe.gold),
        separability=separability(store.output, store.tally.two_models) if status == "finished" else None,
    )


def _models(recipe: Recipe) -> dict[str, str]:
    return {name: role.model or "" for name, role in roles.used(recipe.config).items()}


def _forecast(recipe: Recipe, store: Store, client: Client, summary: Summary) -> Forecast:
    """What the rest of the list will take, from what the jobs so far took."""
    prices = {seat.price for seat in client.seats.values()}
    jobs = store.journal.usage_by_job()
    left = recipe.available - summary.tally.settled
    at_once = min(client.limit, max(1, left))
    return forecast(jobs, left, prices.pop() if len(prices) == 1 else None, at_once)


def _manifest(recipe: Recipe, status: str, summary: Summary) -> dict[str, Any]:
    return {
        "status": "finished" if status == "unchanged" else status,
        "settings": recipe.settings,
        **_surroundings(recipe),
        "summary": summary.dump(),
    }
