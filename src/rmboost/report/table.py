"""One pass over a file: numbers for every pair, and the words of a fair sample of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np

from rmboost.preferences import Row
from rmboost.records import stable_hash
from rmboost.report import surface
from rmboost.report.estimates import Floats, Ints
from rmboost.report.text import Batch, WordHashes, words_of
from rmboost.report.tokens import Tokens
from rmboost.reservoir import Reservoir

SAMPLE = 5_000
"""pairs that are kept as words, for what cannot be counted as they pass"""
NONE, CHOSEN, REJECTED, TIE, UNREADABLE, EXCHANGED = range(6)
_WINNERS = {"chosen": CHOSEN, "rejected": REJECTED, "tie": TIE, "unreadable": UNREADABLE, "exchanged": EXCHANGED}
_FIELDS = (
    *("label", "aspect", "prompt", "second", "verdict", "identical"),
    *("words.chosen", "words.rejected", "sentences.chosen", "sentences.rejected", "markdown.chosen"),
    *("markdown.rejected", "likeness.chosen", "likeness.rejected", "tokens.chosen", "tokens.rejected", "shared"),
)
_MOST_NAMES = 200
_CHUNK = 500  # pairs


@dataclass
class Chunk:
    """Some pairs that follow each other in the file, the first of them pair number ``first``.

    texts: prompt, chosen, rejected, prompt, …; words: the same as lists of words; hashed: the same as hashes.
    """

    first: int
    rows: list[Row]
    texts: list[str]
    words: list[list[str]]
    hashed: Batch


class Watcher(Protocol):
    """Sees all texts of a file as they pass."""

    def see(self, chunk: Chunk) -> None:
        """Some more pairs."""


@dataclass
class Table:
    """Numbers by pair, in the order of the file.

    label, aspect: places in ``labels`` and ``aspects``, where "" comes first. prompt: place among the distinct prompts;
    a pair without a prompt has a place of its own. second: CHOSEN or REJECTED, whichever was written second, or NONE
    where the file does not say. verdict: what a judge prefers, or NONE. words, sentences, markdown, likeness (to the
    prompt): of each response. tokens: of the prompt and a response; shared: of the prompt and of all with which both
    responses begin. prompts: the hash of each distinct prompt, by its place; a number below 0 for a pair without one.
    sample: numbers of pairs, and their prompt, chosen and rejected response as words.
    """

    numbers: Floats = field(default_factory=lambda: np.zeros((0, len(_FIELDS))))
    labels: list[str] = field(default_factory=lambda: [""])
    aspects: list[str] = field(default_factory=lambda: [""])
    prompts: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    judges: Counter[str] = field(default_factory=Counter)
    sample: Reservoir[tuple[int, list[list[str]]]] = field(default_factory=lambda: Reservoir(SAMPLE))

    def __len__(self) -> int:
        return len(self.numbers)

    def places(self, name: str) -> Ints:
        """A column of whole numbers."""
        return self.numbers[:, _FIELDS.index(name)].astype(np.int64)

    def column(self, name: str) -> Floats:
        """A column of which there is one."""
        return self.numbers[:, _FIELDS.index(name)]

    def sides(self, name: str) -> Floats:
        """A column of which there are two: the chosen response's, then the rejected one's."""
        first = _FIELDS.index(f"{name}.chosen")
        return self.numbers[:, first : first + 2]


def tabulate(rows: Iterable[Row], tokens: Tokens, hashes: WordHashes, watchers: Sequence[Watcher] = ()) -> Table:
    """Measure every row; the watchers see all texts. Raises what reading the rows raises."""
    numbers = array("d")
    labels, aspects, prompts = {"": 0}, {"": 0}, dict[int, int]()
    table = Table()
    for chunk in _chunks(rows, hashes):
        for place, row in enumerate(chunk.rows):
            texts, words = chunk.texts[3 * place : 3 * place + 3], chunk.words[3 * place : 3 * place + 3]
            numbers.extend(
                (
                    _place(labels, row.label),
                    _place(aspects, row.aspect),
                    prompts.setdefault(_group(row, chunk.first + place), len(prompts)),
                    _WINNERS.get(row.second, NONE),
                    _WINNERS.get(_preferred(row.judge), NONE),
                    texts[1] == texts[2],
                )
            )
            numbers.extend(_measured(texts, words, tokens))
            if row.judge:
                table.judges[str(row.judge.get("model") or "")] += 1
            table.sample.offer((chunk.first + place, words))
        for watcher in watchers:
            watcher.see(chunk)
    table.numbers = np.array(numbers).reshape(-1, len(_FIELDS))
    table.labels, table.aspects, table.prompts = list(labels), list(aspects), np.array([*prompts], np.int64)
    return table


def _place(names: dict[str, int], name: str) -> int:
    """The place of a name; that of "" when there are too many, as where the column ``label`` holds a text a row."""
    return names.get(name, 0) if len(names) >= _MOST_NAMES else names.setdefault(name, len(names))


def _preferred(said: Mapping[str, Any]) -> str:
    """Which side a judge preferred; ``exchanged`` where the chosen one is chosen because of that (``policy: flip``)."""
    return "exchanged" if said.get("flipped") else str(said.get("winner"))


def hash_of(row: Row) -> int:
    """Of its prompt, 63 bits."""
    return stable_hash(row.prompt_text)


def _group(row: Row, number: int) -> int:
    """What pairs of one prompt have in common; one without a prompt has its own number, below 0."""
    return hash_of(row) if row.has_prompt else -1 - number


def _chunks(rows: Iterable[Row], hashes: WordHashes) -> Iterator[Chunk]:
    waiting, first = iter(rows), 0
    while some := list(islice(waiting, _CHUNK)):
        texts = [text for row in some for text in (row.prompt_text, *row.texts)]
        words = [words_of(text) for text in texts]
        yield Chunk(first, some, texts, words, Batch(words, hashes))
        first += len(some)


def _measured(texts: Sequence[str], words: Sequence[list[str]], tokens: Tokens) -> Iterator[float]:
    responses, asked = texts[1:], set(words[0])
    yield from (len(each) for each in words[1:])
    yield from (surface.sentences(text) for text in responses)
    yield from (surface.markdown(text) for text in responses)
    yield from (surface.likeness(asked, set(each)) for each in words[1:])
    yield from tokens.of(*texts)
