"""What the tests of checks share: a pair from three texts, and the verdict of a check on it."""

from __future__ import annotations

import asyncio
from typing import NoReturn

from rmboost.checks import CATALOGUE, Check
from rmboost.records import Drop, Pair, Prompt, Response
from rmboost.registry import build


async def no_ask(role: str, template: str, /, **values: object) -> NoReturn:
    """The ``ask`` of checks that have no question to a model."""
    raise AssertionError(f"{role} was asked {template} with {sorted(values)}")


def pair(prompt: str, first: str, second: str, *aspects: str) -> Pair:
    """A pair whose second response, call 1, was ordered to be worse."""
    chosen, rejected = Response(first, "m", call=0), Response(second, "m", call=1)
    return Pair(
        Prompt("p", ({"role": "user", "content": prompt},), True), chosen, rejected, "rmboost", "worse", aspects
    )


def check(name: str, **options: object) -> Check:
    """A check of the catalogue."""
    return build("check", CATALOGUE, Check, {"name": name, **options})


def verdict(check: Check, pair: Pair) -> Pair | Drop:
    """What the check makes of the pair."""
    return asyncio.run(check.run(pair, no_ask))


def blamed(name: str, pair: Pair, **options: object) -> tuple[str, int] | None:
    """The reason and the call that a check drops the pair for, or None when it is kept."""
    result = verdict(check(name, **options), pair)
    return (result.reason, result.call) if isinstance(result, Drop) else None
