"""Amounts as a person reads them: numbers with their noun, money, times."""

from __future__ import annotations

_UNITS = (("h", 3600), ("min", 60), ("s", 1))


def number(n: int, noun: str) -> str:
    """``1 pair``, ``1,200 pairs``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def money(cost: float) -> str:
    """``12.40``, ``0.0031``: below 1 the cents alone would tell little."""
    return f"{cost:,.{2 if cost >= 1 else 4}f}"


def duration(seconds: float) -> str:
    """``1 h 20 min``, ``3 min 5 s``, ``2 s``: the two largest units."""
    parts, rest = [], round(seconds)
    for name, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count:,} {name}")
    return " ".join(parts[:2]) or "0 s"


def are(n: int) -> str:
    """The verb for so many."""
    return "is" if n == 1 else "are"
