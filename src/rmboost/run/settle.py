"""How one job is settled: its pair is made, checked, drawn again if need be, and kept, dropped or failed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from rmboost.ask import Ask
from rmboost.checks import Check
from rmboost.client.client import Client
from rmboost.client.jobask import JobAsk
from rmboost.errors import BackendError, ConfigError, EndpointError, ReplyError
from rmboost.methods import Method
from rmboost.records import Drop, Dropped, Failed, Job, Kept, Outcome, Pair
from rmboost.run.recipe import Recipe
from rmboost.visible import one_line


async def settle(job: Job, method: Method, checks: Sequence[Check], client: Client, draws: int) -> Outcome:
    """Make a pair and check it; what is refused is drawn again, up to ``draws`` times, then dropped with its reasons.

    Raises EndpointError (nothing can be answered) and Stopped.
    """
    drops: tuple[Drop, ...] = ()
    pair: Pair | None = None
    ask = JobAsk(client, job)
    while len(drops) < draws and not (drops and drops[-1].final):
        if drops:
            ask.again(drops[-1].call)
        try:
            pair = await method.make_pair(job, ask)
            verdict = await _examine(pair, checks, ask)
        except ReplyError as error:
            reply = error.response
            pair, verdict = None, Drop(error.reason, error.detail, reply.call, reply.text, error.final)
        except EndpointError:
            client.stop("failures")  # at once: a slot that is free now is not for one more request
            raise
        except BackendError as error:
            return Failed(job, str(error))
        if isinstance(verdict, Pair):
            return Kept(job, verdict, drops)
        drops += (verdict,)
    return Dropped(job, drops, pair)


def settler(recipe: Recipe, client: Client) -> Callable[[Job], Coroutine[Any, Any, Outcome]]:
    """How each job of a run is settled; the same when its rows are made once more, to prove them."""

    async def make(job: Job) -> Outcome:
        try:
            return await settle(job, recipe.method, recipe.checks_of(job), client, recipe.config.draws)
        except ConfigError as error:  # a template that does not fit this prompt, though it fitted the first
            client.stop("failures")
            about = f"prompt {job.prompt.id} ({one_line(job.prompt.text, 40)})"
            raise ConfigError(f"{about}: {error.message}", error.hint) from None

    return make


async def _examine(pair: Pair, checks: Sequence[Check], ask: Ask) -> Pair | Drop:
    """The pair with the evidence of every check, or the first drop."""
    for check in checks:
        verdict = await check.run(pair, ask)
        if isinstance(verdict, Pair):
            pair = verdict
        elif check.on_fail == "flag":
            pair = _flagged(pair, verdict)
        else:
            return replace(verdict, final=check.on_fail == "drop")
    return pair


def _flagged(pair: Pair, drop: Drop) -> Pair:
    flags = [*pair.evidence.get("flags", ()), f"{drop.reason}: {drop.detail}"]
    return replace(pair, evidence={**pair.evidence, "flags": flags})
