"""What the methods took: each as if it ran alone, and all of them together, where shared answers are paid for once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rmboost.budget import Price, price_of
from rmboost.claim import run_folder
from rmboost.journal.reader import JournalReader, Totals
from rmboost.records import Usage


def alone(output: Path, kept: int, prices: Mapping[str, Price]) -> dict[str, Any]:
    """Of the run that wrote a file, over all its restarts; seconds are those of its calls, added up. Each also for a
    pair that was kept; cost is none where a model has no price. Raises StoreError.
    """
    models = _models(output)
    totals = sum(models.values(), Totals())
    figures = {
        "calls": totals.calls,
        "tokens": totals.usage.prompt_tokens + totals.usage.completion_tokens,
        "cost": _cost({model: each.usage for model, each in models.items()}, prices),
        "seconds": totals.seconds,
    }
    a_pair = {
        f"{name}_per_pair": value / kept if kept and value is not None else None for name, value in figures.items()
    }
    usage = {"prompt_tokens": totals.usage.prompt_tokens, "completion_tokens": totals.usage.completion_tokens}
    return {**figures, **usage, **a_pair}


def together(outputs: Iterable[Path], prices: Mapping[str, Price]) -> dict[str, Any]:
    """Of several runs that share answers: every answer counts once. shared_calls: how many were not asked again."""
    seen: set[bytes] = set()
    usage: dict[str, Usage] = {}
    calls = 0
    for output in outputs:
        if not _journal(output).is_file():
            continue
        with JournalReader.opened(_journal(output)) as reader:
            for key, model, each in reader.usages():
                calls += 1
                if key not in seen:
                    seen.add(key)
                    usage[model] = usage.get(model, Usage()) + each
    tokens = sum(each.prompt_tokens + each.completion_tokens for each in usage.values())
    return {"calls": len(seen), "shared_calls": calls - len(seen), "tokens": tokens, "cost": _cost(usage, prices)}


def _journal(output: Path) -> Path:
    return run_folder(output) / "journal.sqlite"


def _models(output: Path) -> dict[str, Totals]:
    if not _journal(output).is_file():
        return {}
    with JournalReader.opened(_journal(output)) as reader:
        return reader.totals_by_model()


def _cost(usage: Mapping[str, Usage], prices: Mapping[str, Price]) -> float | None:
    found = [(price_of(model, prices), each) for model, each in usage.items()]
    costs = [price.of(each) for price, each in found if price]
    return sum(costs) if len(costs) == len(found) else None
