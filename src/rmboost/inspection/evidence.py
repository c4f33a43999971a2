"""What is known of a pair besides its texts: verdict, flags, what checks measured; and what of it speaks against it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from rmboost.preferences import PAIR, Row

_PREFERS = {"chosen": "prefers the chosen one", "rejected": "prefers the rejected one", "tie": "cannot tell"}


def evidence(row: Row) -> dict[str, Any]:
    """What checks and methods noted, by name, without the judge's verdict, which has a column of its own."""
    noted = _made(row).get("evidence")
    if isinstance(noted, str):
        try:
            noted = json.loads(noted)
        except (ValueError, RecursionError):
            noted = {"evidence": noted}
    return {str(name): value for name, value in noted.items() if name != "judge"} if isinstance(noted, dict) else {}


def shown(row: Row) -> Iterator[tuple[str, str]]:
    """The evidence as text."""
    for name, value in evidence(row).items():
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            yield name, "; ".join(value)
        else:
            yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def verdict(row: Row) -> str:
    """``prefers the rejected one (0.24 for the chosen one), by llama-3-8b``; "" where no judge was asked."""
    said = row.judge
    if not said:
        return ""
    winner, p_chosen, model = str(said["winner"]), finite(said.get("p_chosen")), said.get("model")
    likely = "" if p_chosen is None else f" ({p_chosen:.2f} for the chosen one)"
    flipped = ", so that the sides were exchanged" if said.get("flipped") else ""
    return f"{_PREFERS.get(winner, winner)}{likely}{flipped}{f', by {model}' if model else ''}"


def against(row: Row) -> list[tuple[float, str]]:
    """What speaks against a pair, each with its weight.

    A judge that contradicts the label weighs 2 and more, the surer it is; a tie up to 1, the less it leans to the
    chosen one; a flag of a check, and a response that was cut off, 1; responses that are the same, 4.
    """
    return list(_against(row))


def suspicion(row: Row) -> float:
    """The weight of all that speaks against a pair; 0 where nothing does."""
    return sum(weight for weight, _ in against(row))


def _against(row: Row) -> Iterator[tuple[float, str]]:
    if row.texts[0] == row.texts[1] and (row.texts[0] or row.sides == PAIR):  # of a failed job there may be no text
        yield 4.0, "both responses are the same"
    winner, p_chosen = row.judge.get("winner"), finite(row.judge.get("p_chosen"))
    doubt = 0.5 if p_chosen is None else 1 - p_chosen
    if winner == "rejected":
        yield 2.0 + doubt, "a judge contradicts the label"
    elif winner == "tie":
        yield doubt, "a judge cannot tell which is better"
    elif winner == "unreadable":
        yield 0.25, "the judge could not be read"
    flags = evidence(row).get("flags")
    for flag in flags if isinstance(flags, list) else ():
        yield 1.0, f"flag {flag}"
    reasons = _made(row).get("finish_reasons")
    if isinstance(reasons, dict) and "length" in reasons.values():
        yield 1.0, "a response was cut off at the limit of tokens"


def _made(row: Row) -> Mapping[str, Any]:
    made = row.data.get("rmboost")
    return made if isinstance(made, dict) else {}


def finite(value: Any) -> float | None:
    """A number as a float; None for what is no number, no finite one, or an integer of hundreds of digits."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None
