"""The bill: what calls cost at the user's prices, and the ceilings that a run stops at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from time import monotonic

from pydantic import Field, NonNegativeFloat

from rmboost.errors import ConfigError
from rmboost.journal.reader import Totals
from rmboost.records import Usage
from rmboost.registry import Component


class Price(Component):
    """Of a million tokens, in whatever currency you count; cached_input: none means the same as input."""

    input: NonNegativeFloat
    output: NonNegativeFloat
    cached_input: NonNegativeFloat | None = None

    def of(self, usage: Usage) -> float:
        """What these tokens cost."""
        cached = usage.cached_tokens
        cached_price = self.input if self.cached_input is None else self.cached_input
        fresh = usage.prompt_tokens - cached
        return (fresh * self.input + cached * cached_price + usage.completion_tokens * self.output) / 1e6


class Ceilings(Component):
    """Where a run stops of itself: cost at your prices, tokens, calls, each over all restarts; seconds of this one."""

    max_cost: float | None = Field(default=None, gt=0)
    max_tokens: int | None = Field(default=None, gt=0)
    max_calls: int | None = Field(default=None, gt=0)
    deadline: float | None = Field(default=None, gt=0)


@dataclass
class Spent:
    """What a run has used so far, over all its restarts. cost: none, where a model has no price."""

    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    most: tuple[float, float] = (0.0, 0.0)
    """tokens and cost of the dearest call so far"""
    largest: Usage = field(default_factory=Usage)
    """the most tokens that were sent with a call so far, and the most that came"""

    @classmethod
    def before(cls, models: Mapping[str, Totals], prices: Mapping[str, Price]) -> Spent:
        """What earlier runs used, by the name of the model that answered."""
        spent = cls()
        for model, used in models.items():
            spent.add(used.usage, price_of(model, prices))
            spent.calls += used.calls - 1
        twice_the_mean = 2 / max(1, spent.calls)
        spent.most = (twice_the_mean * spent.tokens, twice_the_mean * (spent.cost or 0.0))
        totals = sum((used.usage for used in models.values()), Usage())
        tokens = (totals.prompt_tokens, totals.completion_tokens)
        spent.largest = Usage(*(ceil(twice_the_mean * count) for count in tokens))
        return spent

    def add(self, usage: Usage, price: Price | None) -> None:
        """One more answer."""
        tokens, cost = usage.prompt_tokens + usage.completion_tokens, price.of(usage) if price else 0.0
        self.calls += 1
        self.tokens += tokens
        self.cost = None if price is None or self.cost is None else self.cost + cost
        self.most = (max(self.most[0], tokens), max(self.most[1], cost))
        seen = self.largest
        self.largest = Usage(
            max(seen.prompt_tokens, usage.prompt_tokens), max(seen.completion_tokens, usage.completion_tokens)
        )


class Budget:
    """Says when a ceiling is reached. Calls under way are reckoned with as if each were the dearest so far; where
    models have several ``prices``, as if the dearest of them had the longest call.
    """

    def __init__(self, ceilings: Ceilings, spent: Spent, prices: Iterable[Price] = ()) -> None:
        self._ceilings = ceilings
        found = list(prices)
        self._prices = [price for number, price in enumerate(found) if price not in found[:number]]
        self._started = monotonic()
        self.spent = spent

    @property
    def unknown(self) -> bool:
        """Whether a ceiling on tokens or cost is set, and no answer has told yet what one takes."""
        return not self.spent.calls and (self._ceilings.max_tokens or self._ceilings.max_cost) is not None

    @property
    def late(self) -> str:
        """That the deadline is over, in words; nothing before."""
        deadline = self._ceilings.deadline
        return "the deadline is over" if deadline is not None and monotonic() - self._started >= deadline else ""

    def reached(self, under_way: int) -> str:
        """The ceiling that one more call would break, in words; nothing while there is room."""
        limits, spent = self._ceilings, self.spent
        tokens, cost = (most * (under_way + 1) for most in (spent.most[0], self._dearest()))
        if limits.max_calls is not None and spent.calls + under_way >= limits.max_calls:
            return f"max_calls {limits.max_calls:,} leaves no room for more"
        if limits.max_tokens is not None and spent.tokens + tokens > limits.max_tokens:
            return f"max_tokens {limits.max_tokens:,} leaves no room for more"
        if limits.max_cost is not None and spent.cost is not None and spent.cost + cost > limits.max_cost:
            return f"max_cost {limits.max_cost:g} leaves no room for more"
        return self.late

    def _dearest(self) -> float:
        """What a call may cost, whoever answers it: a dear model may not have been asked yet."""
        if len(self._prices) < 2:
            return self.spent.most[1]
        return max(self.spent.most[1], *(price.of(self.spent.largest) for price in self._prices))


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """The price under this model's name, or under the longest name that it begins with; local and fake cost nothing."""
    if model.partition(":")[0] in ("local", "fake"):
        return Price(input=0, output=0)
    names = [name for name in prices if model.startswith(name)]
    return prices[max(names, key=len)] if names else None


def for_any_name(prices: Mapping[str, Price], asked: Iterable[str]) -> Mapping[str, Price]:
    """The same prices, and for every other name the dearest of the models that are asked, if each of these has one.

    A server may sign its answers with a name of its own: an alias, a deployment, a date.
    """
    found = [price_of(model, prices) for model in asked]
    known = [price for price in found if price]
    if len(known) < len(found) or not any(price.input or price.output for price in known):
        return prices
    return {"": max(known, key=lambda price: (price.output, price.input)), **prices}


def check(ceilings: Ceilings, models: Mapping[str, str], prices: Mapping[str, Price]) -> None:
    """Raises ConfigError for a ceiling on cost where a role's model has no price."""
    for role, model in models.items():
        if ceilings.max_cost is not None and price_of(model, prices) is None:
            hint = (
                f"in the config, per million tokens, at your own prices: prices: {{{model}: {{input: …, output: …}}}}"
            )
            raise ConfigError(f"max_cost needs the price of {model!r} ({role})", hint)
