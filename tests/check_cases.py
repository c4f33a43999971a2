"""What the tests of checks share: a pair from three texts, and the verdict of a check on it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NoReturn

from rmboost.checks import CATALOGUE, Check
from rmboost.records import Drop, Pair, Prompt, Response
from rmboost.registry import build

HOSTILE = {
    "one letter": "x" * 100_000,
    "half characters": "\ud83d ä " * 20_000,
    "spaces": " " * 100_000 + "x",
    "lines": "\n" * 100_000 + "x",
    "backticks": "`" * 100_000,
    "fences": "```\n" * 25_000,
    "brackets": "[" * 100_000,
    "braces": "{ " * 50_000,
    "stars": "*" * 100_000 + "x",
    "full stops": "." * 100_000 + "x",
    "links": "[a](" * 25_000,
    "ends of thinking": " " * 50_000 + "so</think>' " * 5_000,
    "open tags": "<response" * 11_000,
    "words": "lorem ipsum dolor " * 6_000,
    "numbers": " ".join(map(str, range(20_000))),
    "one script": "".join(chr(0x4E00 + place % 20_000) for place in range(100_000)),
    "beginnings of leaks": "here is a this response is worse i made the " * 2_500,
    "beginnings of refusals": "i'm sorry but i " * 6_000,
    "lines after words of leaks": "worse edited rewritten improved changes made aspect label: better response"
    " überarbeitete antwort schlechte réponse révisée mauvaise respuesta revisada mala 修改后的回答 completeness"
    + "\n" * 50_000
    + "x",
    "blanks to fill in": "____. " + "word another thing " * 6_000,
}
"""Texts of 100 kB that make a pattern slow which looks at each place for an end that is not there."""


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
    """The reason and the call that a check drops the pair for, or None; whichever was ordered to be better."""
    turned = replace(pair, chosen=pair.rejected, rejected=pair.chosen, label="better")
    found = [verdict(check(name, **options), each) for each in (pair, turned)]
    said, other = ((each.reason, each.call) if isinstance(each, Drop) else None for each in found)
    assert said == other, "the label does not decide"
    return said
