"""Pairs of a preference file, as prompts for a run: each has its pair with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any, get_args

from rmboost.errors import InputError
from rmboost.preferences import Preferences, Row
from rmboost.preferences.row import HINT
from rmboost.preferences.shapes import names_prompt
from rmboost.records import Label, Labelled, Message, Role, canonical_json
from rmboost.sources import Source, Survey, files
from rmboost.visible import one_line

_LABELS: dict[str, Label] = {label: label for label in get_args(Label)}
_ROLES: dict[str, Role] = {role: role for role in get_args(Role)}
_OF_LINES = (".jsonl", ".ndjson")
_WRITERS = ("chosen_model", "rejected_model", "model")


class Pairs(Source):
    """A file of pairs in any shape that trainers read. Of the options of prompt files, ``limit`` holds here as well."""

    def prompts(self, survey: Survey | None = None, start: int = 0) -> Iterator[Labelled]:  # noqa: ARG002 - a source's
        """The pairs in input order. Raises InputError, while it is iterated, for a row that cannot be used."""
        return self._pairs(Preferences(Path(self.path)), start)

    def survey(self) -> Survey:
        """Read all that the run will use. ``sha256`` and ``bytes`` are of the file, or of a folder's rows."""
        _need_to_stay(Path(self.path))
        rows, size, count = hashlib.sha256(), 0, 0
        writers: set[str] = set()
        file = Preferences(Path(self.path))
        for pair in self._pairs(file):
            line = canonical_json(pair.metadata)
            rows.update(line)
            size += len(line)
            count += 1
            writers.update(_writers(pair.metadata))
        if not count:
            raise InputError(f"{self.path} holds no pair")
        folder = Path(self.path).is_dir()
        sha256, size = (rows.hexdigest(), size) if folder else files.digest(self.path)
        torn = f"{self.path}: the last line is not complete" if file.torn else ""
        return Survey(count, False, False, int(file.torn), torn, 0, sha256, size, self.reading, tuple(sorted(writers)))

    def _pairs(self, file: Preferences, start: int = 0) -> Iterator[Labelled]:
        seen: Counter[str] = Counter()
        rows = islice(file.pairs(), self.limit)
        pairs = (_labelled(row, seen, f"{self.path}, {file.unit} {row.line}", self.path) for row in rows)
        yield from islice(pairs, start, None)

    def begins_with(self, sha256: str, size: int) -> bool:
        """Whether the file has only grown since it had this hash. Arrays, packed files and tables do not just grow."""
        return Path(self.path).suffix in _OF_LINES and files.grew_from(self.path, sha256, size)


def _need_to_stay(path: Path) -> None:
    """Raises InputError for a pipe, and for ``-``: the pairs are read twice."""
    if str(path) == "-" or (path.exists() and not path.is_file() and not path.is_dir()):
        raise InputError(
            f"{path} is not a regular file, and it is read twice", "save the pairs in a file, and name that"
        )


def _labelled(row: Row, seen: Counter[str], place: str, path: str) -> Labelled:
    """The pair of a row. Its id is its content, with a number where the same pair comes again."""
    if not row.prompt and not names_prompt(row.data):
        said = (str(name) for name, value in row.data.items() if str(value or "").strip())
        found = one_line(", ".join(said)) or "nothing"
        raise InputError(f"{place}: no prompt in the row, only: {found}", HINT)
    _need_room_for_the_verdict(row, place, path)
    messages: tuple[Message, ...] = tuple(
        {"role": _ROLES.get(role, "user"), "content": text} for role, text in row.prompt
    )
    content = hashlib.blake2b(canonical_json([messages, row.texts]), digest_size=8)
    name = content.hexdigest()
    seen[name] += 1
    return Labelled(
        name if seen[name] == 1 else f"{name}-{seen[name]}",
        messages,
        False,
        row.data,
        *row.texts,
        label=_LABELS.get(row.label),
        aspects=row.aspects,
    )


def _need_room_for_the_verdict(row: Row, place: str, path: str) -> None:
    """Raises InputError where a column ``judge`` is not from us: it would be written over."""
    said = row.data.get("judge")
    ours = not said or (isinstance(said, dict) and "winner" in said and "p_chosen" in said)  # of nulls, if not asked
    if not ours:
        problem = f"{place}: the column 'judge' is no verdict of rmboost's, which would take its place"
        plain = Path(path).suffix in _OF_LINES
        command = f"jq -c '.judged_by = .judge | del(.judge)' {quote(path) if plain else 'FILE'} > renamed.jsonl"
        raise InputError(problem, command if plain else f"give it another name; where FILE is JSON lines: {command}")


def _writers(row: Any) -> Iterable[str]:
    """The models that wrote the responses of a row, where it says so."""
    ours = row.get("rmboost")
    by_side = ours.get("models") if isinstance(ours, dict) else None
    named = [*(by_side.values() if isinstance(by_side, dict) else ()), *(row.get(name) for name in _WRITERS)]
    return (name for name in named if isinstance(name, str) and name)
