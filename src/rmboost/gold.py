"""A judge against people: what it says of pairs whose labels are theirs."""

from __future__ import annotations

from pathlib import Path

import jsonlines

from rmboost.errors import InputError
from rmboost.noise import Marks, marks


def read_marks(path: Path) -> Marks:
    """How the verdicts in a judged file stand to its labels. Raises InputError for a file without verdicts."""
    try:
        with jsonlines.open(path) as rows:
            found = marks((row.get("judge") or {}).get("winner") for row in rows.iter(type=dict))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (jsonlines.InvalidLineError, UnicodeDecodeError, KeyError) as error:
        raise InputError(f"{path} is not what rmboost judge writes: {error}") from None
    if not found.read:
        raise InputError(f"{path} holds no verdict", "rmboost judge FILE --gold -o gold.jsonl writes some")
    return found
