"""The forecast: what the rest of a list will take, from what its first jobs took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import fmean

from rmboost.budget import Price
from rmboost.intervals import student
from rmboost.journal.reader import Totals
from rmboost.records import Job


@dataclass(frozen=True, slots=True)
class Range:
    """A forecast with the interval that should hold the true figure in 95 of 100 cases."""

    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Over ``jobs`` jobs still to come. cost: None without a price; seconds: at this many calls at once."""

    jobs: int
    calls: Range
    tokens: Range
    seconds: Range
    cost: Range | None
    at_once: int


def forecast(
    pilot: Mapping[str, Mapping[str, Totals]], left: int, prices: Mapping[str, Price | None], at_once: int
) -> Forecast:
    """From what each role took in each job of a pilot, of one job or more, by its key.

    prices: of the model in each role.
    """
    jobs = [sum(by_role.values(), Totals()) for by_role in pilot.values()]
    prompts = [Job.prompt_of(key) for key in pilot]
    calls = [float(job.calls) for job in jobs]
    tokens = [float(job.usage.prompt_tokens + job.usage.completion_tokens) for job in jobs]
    seconds = [job.seconds / at_once for job in jobs]
    costs = [_cost(by_role, prices) for by_role in pilot.values()]
    known = [cost for cost in costs if cost is not None]
    cost = total(known, left, prompts) if len(known) == len(jobs) else None
    of_calls, of_tokens, of_seconds = (total(each, left, prompts) for each in (calls, tokens, seconds))
    return Forecast(left, of_calls, of_tokens, of_seconds, cost, at_once)


def _cost(by_role: Mapping[str, Totals], prices: Mapping[str, Price | None]) -> float | None:
    """What a job cost; None where a model has no price."""
    cost = 0.0
    for role, used in by_role.items():
        if (price := prices.get(role)) is None:
            return None
        cost += price.of(used.usage)
    return cost


def jobs_left(target: int, kept: int, settled: int) -> int:
    """How many more jobs bring as many kept pairs as are missing, at the share that was kept so far."""
    return ceil(max(0, target - kept) * settled / max(kept, 1))


def total(sample: Sequence[float], count: int, prompts: Sequence[Hashable] = ()) -> Range:
    """The sum over ``count`` more of what the sample was drawn from: its mean is uncertain, and so is each to come.

    prompts: that each is of; those of one prompt are alike, so that it is the prompts that are drawn, and to come. A
    few of them tell little of how far they differ, so that the interval is Student's; one alone tells nothing, and
    the next may be anything up to some dozen times as much.
    """
    mean, strays = fmean(sample), defaultdict[Hashable, float](float)
    for value, prompt in zip(sample, prompts or range(len(sample)), strict=True):
        strays[prompt] += value - mean
    drawn, size = len(strays), len(sample) / len(strays)
    spread = sqrt(sum(stray * stray for stray in strays.values()) / (drawn - 1)) if drawn > 1 else mean * size
    coming = count / size
    half = student(drawn - 1) * spread * sqrt(coming + coming * coming / drawn)
    return Range(count * mean, max(0.0, count * mean - half), count * mean + half)
