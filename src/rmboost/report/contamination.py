"""Contamination: pairs that share long runs of words with a file they must not know, such as a benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rmboost.errors import InputError
from rmboost.preferences import Preferences
from rmboost.report.estimates import Figure, Ints, Mask, proportion
from rmboost.report.table import Chunk
from rmboost.report.text import Batch, Hashes, WordHashes, words_of
from rmboost.sources import formats

GRAMS = (8, 13)
"""words; 13 is what GPT-3 was checked with (2005.14165), 8 finds more, also set phrases"""
_OTHERS = ("system", "assistant")
_SHOWN = 5
_DEEPEST = 100  # lists and objects in each other: no text of a conversation lies deeper
_BITS = 24


@dataclass(frozen=True)
class Overlap:
    """What a file shares with ``against``, in runs of ``n`` words; a shorter text, or a user's turn, counts whole.

    prompts, responses: the share of pairs whose prompt, or one of whose responses, has such a run. rows: how many of
    the ``total`` rows of the other file have one. examples: the runs that most texts have, and how many these are.
    """

    against: str
    n: int
    prompts: Figure
    responses: Figure
    rows: int
    total: int
    examples: tuple[tuple[str, int], ...]


class Against:
    """A file that pairs are held against; sees all texts of the pairs. Raises InputError when it cannot be read."""

    def __init__(self, path: Path, hashes: WordHashes) -> None:
        self.name, self._hashes = str(path), hashes
        found = list(_texts(path))
        if not found:
            raise InputError(f"{path} holds no text")
        self._rows = np.array([row for row, _ in found], dtype=np.int64)
        self._batch = Batch([words_of(text) for _, text in found], hashes)
        self._indices = {n: _Index(*self._batch.runs(n)) for n in GRAMS}
        self._hits: dict[int, list[Mask]] = {n: [] for n in GRAMS}

    def see(self, chunk: Chunk) -> None:
        """See ``Watcher``."""
        places, alone = self._turns(chunk)
        for n, index in self._indices.items():
            runs, texts, _ = chunk.hashed.runs(n)
            more, turns, _ = alone.runs(n)
            runs, texts = np.concatenate((runs, more)), np.concatenate((texts, places[turns]))
            hits = np.zeros(len(chunk.texts), bool)
            hits[texts[index.find(runs, texts)]] = True
            self._hits[n].append(hits.reshape(-1, 3))

    def _turns(self, chunk: Chunk) -> tuple[Ints, Batch]:
        """What users say in prompts of several turns, each turn alone, and the place of its prompt in the chunk.

        In the transcript of a prompt, where a role stands before each turn, a short turn is never the whole text.
        Short turns of others (a system text, "Yes" of an assistant) would be found in too many files.
        """
        said = [
            (3 * place, text)
            for place, row in enumerate(chunk.rows)
            if len(row.prompt) > 1
            for role, text in row.prompt
            if role not in _OTHERS
        ]
        places = np.array([place for place, _ in said], np.int64)
        return places, Batch([words_of(text) for _, text in said], self._hashes)

    def overlaps(self, prompts: Ints) -> list[Overlap]:
        """What was found, for each length of runs; ``prompts`` says which prompt each pair has."""
        return [self._overlap(n, prompts) for n in GRAMS]

    def _overlap(self, n: int, prompts: Ints) -> Overlap:
        hits, index = np.concatenate(self._hits[n]), self._indices[n]
        return Overlap(
            self.name,
            n,
            proportion(hits[:, 0], prompts),
            proportion(hits[:, 1] | hits[:, 2], prompts),
            len(np.unique(self._rows[index.texts[index.seen > 0]])),
            len(np.unique(self._rows)),
            tuple(self._examples(n)),
        )

    def _examples(self, n: int) -> Iterator[tuple[str, int]]:
        index, all_seen = self._indices[n], self._indices[n].seen
        words = {value: word for word, value in self._hashes.items()}
        _, first = np.unique(index.runs, return_index=True)
        for place in first[np.argsort(-all_seen[first], kind="stable")][:_SHOWN]:
            if seen := int(all_seen[place]):
                start = index.starts[place]
                end = min(start + n, self._batch.offsets[index.texts[place] + 1])
                yield " ".join(words[int(value)] for value in self._batch.words[start:end]), seen


class _Index:
    """Runs in the order of their hashes, with the text and place of each, and in how many texts it was found."""

    def __init__(self, runs: Hashes, texts: Ints, starts: Ints) -> None:
        order = np.argsort(runs, kind="stable")
        self.runs, self.texts, self.starts = runs[order], texts[order], starts[order]
        self._steps = np.zeros(len(runs) + 1, np.int64)  # +1 where equal runs begin, -1 after their end
        # A small table of what may be there spares most runs the search.
        self._may_be = np.zeros(1 << _BITS, bool)
        self._may_be[self.runs >> np.uint64(64 - _BITS)] = True

    @property
    def seen(self) -> Ints:
        """In how many texts each run was found."""
        return np.cumsum(self._steps)[:-1]

    def find(self, runs: Hashes, texts: Ints) -> Ints:
        """The places of those ``runs`` that are here; ``texts`` says which text each is of."""
        likely = np.flatnonzero(self._may_be[runs >> np.uint64(64 - _BITS)])
        first, end = (np.searchsorted(self.runs, runs[likely], side) for side in ("left", "right"))
        found = end > first
        once = np.unique(np.column_stack((first, end, texts[likely]))[found], axis=0)  # a text may say it twice
        np.add.at(self._steps, once[:, 0], 1)
        np.add.at(self._steps, once[:, 1], -1)
        return likely[found]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Every string in the rows of a file, with the number of its row."""
    rows: Iterator[tuple[int, Any]]
    if path.suffix in (".txt", ".csv"):
        rows = formats.rows(str(path), path.suffix[1:], "text")
    else:
        rows = Preferences(path, if_missing="").objects()
    for number, row in rows:
        if isinstance(row, InputError):
            raise InputError(f"{path}, line {number}: {row.message}", row.hint)
        yield from ((number, text) for text in _strings(row))


def _strings(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth < _DEEPEST:
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part, depth + 1)
