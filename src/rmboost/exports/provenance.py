"""Where a row comes from: the ``rmboost`` column of a kept pair, and the row of a job that made none."""

from __future__ import annotations

import json
from typing import Any

from rmboost.records import Drop, Dropped, Failed, Kept, Pair
from rmboost.templates import Templates


def provenance(kept: Kept, templates: Templates) -> dict[str, Any]:
    """How a pair came to be; which of its responses was written first, and by whom.

    Every field has one type in every row, also where there is nothing to say: readers such as ``datasets`` settle the
    types on the beginning of a file. What differs in kind from pair to pair is JSON in a string.
    """
    pair, sides = kept.pair, (kept.pair.first, kept.pair.second)
    return {
        "method": pair.method,
        "first": "chosen" if pair.chosen is pair.first else "rejected",
        "second": "chosen" if pair.chosen is pair.second else "rejected",
        "plan": pair.plan,
        "models": _by_side(*(side.model for side in sides)),
        "finish_reasons": _by_side(*(side.finish_reason for side in sides)),
        "tokens": _tokens(pair),
        "seed": kept.job.seed,
        "repetition": kept.job.repetition,
        "templates": _by_side(*(f"{side.template} {templates.digest(side.template)}" for side in sides)),
        "evidence": json.dumps(dict(pair.evidence), ensure_ascii=False),
        "drops": "; ".join(f"{drop.reason}: {drop.detail}" for drop in kept.drops),
    }


def reject(outcome: Dropped | Failed) -> dict[str, Any]:
    """A job that made no pair: why, and all its texts."""
    job, pair = outcome.job, outcome.pair if isinstance(outcome, Dropped) else None
    drops = outcome.drops if isinstance(outcome, Dropped) else ()
    spec, prompt = job.spec, pair.prompt if pair else job.prompt
    aspects = list(pair.aspects if pair else spec.aspects if spec else ())
    return {
        "id": job.prompt.id,
        "repetition": job.repetition,
        "kind": "dropped" if drops else "failed",
        "reason": drops[-1].reason if drops else "failed",
        "detail": drops[-1].detail if drops else outcome.error if isinstance(outcome, Failed) else "",
        "prompt": prompt.text if prompt.plain else list(prompt.messages),
        "first": pair.first.text if pair else None,
        "second": pair.second.text if pair else None,
        "label": spec.label if spec else pair.label if pair else None,
        "aspect": aspects[0] if aspects else None,
        "aspects": aspects,
        "metadata": dict(job.prompt.metadata),
        "attempts": [_attempt(drop) for drop in drops],
    }


def _attempt(drop: Drop) -> dict[str, Any]:
    return {"reason": drop.reason, "detail": drop.detail, "call": drop.call, "reply": drop.reply}


def _tokens(pair: Pair) -> dict[str, int]:
    usage = pair.first.usage + pair.second.usage
    return {"prompt": usage.prompt_tokens, "completion": usage.completion_tokens}


def _by_side(first: str, second: str) -> dict[str, str]:
    return {"first": first, "second": second}
