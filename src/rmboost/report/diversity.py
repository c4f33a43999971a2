"""Diversity: how much of what the responses say is said only once, and how alike responses to different prompts are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from rmboost.report.estimates import SEED, Figure, missing
from rmboost.report.table import Table

WORDS = 2_000
"""what distinct-n is measured on: it falls with the length of a text, so that all groups are cut to the same"""
_TEXTS = 500
_TOGETHER = 20
"""texts weighed against each other: the more there are, the rarer a word can be, and the less alike they seem"""


@dataclass(frozen=True)
class Diversity:
    """Of a group of responses, one a prompt.

    distinct: by n, the share of different n-grams among the n-grams of ``WORDS`` words, of responses drawn at random
    (Li et al. 2016, 1510.03055). self_similarity: the mean cosine between the TF-IDF vectors of two responses, in lots
    of ``_TOGETHER``, so that it does not fall with the number of responses.
    """

    group: str
    distinct: dict[int, Figure]
    self_similarity: Figure

    @property
    def known(self) -> bool:
        """Whether there was enough of it to measure anything; the chosen and rejected responses are always listed."""
        figures = (*self.distinct.values(), self.self_similarity)
        return self.group in ("chosen", "rejected") or any(figure.value is not None for figure in figures)


def diversity(table: Table) -> list[Diversity]:
    """Of the chosen and of the rejected responses, and of both by aspect."""
    return [_measured(name, texts) for name, texts in _groups(table)]


def _groups(table: Table) -> Iterator[tuple[str, list[list[str]]]]:
    # In random order, since only the first of each group are looked at: the head of a file may be of one kind.
    items = [table.sample.items[place] for place in np.random.default_rng(SEED).permutation(len(table.sample.items))]
    sampled = np.array([pair for pair, _ in items], dtype=np.int64)
    prompts, aspects = table.places("prompt")[sampled], table.places("aspect")[sampled]
    first = np.zeros(len(sampled), bool)
    first[np.unique(prompts, return_index=True)[1]] = True
    words = [words for _, words in items]
    for side, name in ((1, "chosen"), (2, "rejected")):
        yield name, [words[i][side] for i in np.flatnonzero(first)]
    for place, name in enumerate(table.aspects):
        mask = aspects == place
        if name and mask.any():
            one_a_prompt = np.sort(np.flatnonzero(mask)[np.unique(prompts[mask], return_index=True)[1]])
            yield name, [words[i][1 + i % 2] for i in one_a_prompt]


def _measured(name: str, texts: Sequence[list[str]]) -> Diversity:
    return Diversity(name, {n: _distinct(texts, n) for n in (1, 2, 3)}, _self_similarity(texts))


def _distinct(texts: Sequence[list[str]], n: int) -> Figure:
    if sum(map(len, texts)) < WORDS:
        return missing(f"fewer than {WORDS:,} words")
    seen: list[tuple[str, ...]] = []
    left = WORDS
    for text in texts:
        cut = text[:left]
        seen += zip(*(cut[start:] for start in range(n)), strict=False)
        left -= len(cut)
    if not seen:
        return missing(f"no response has {n} words")
    return Figure(len(set(seen)) / len(seen), n=len(seen))


def _self_similarity(texts: Sequence[list[str]]) -> Figure:
    texts = [text for text in texts if text][:_TEXTS]
    if len(texts) < _TOGETHER:
        return missing(f"fewer than {_TOGETHER} responses", len(texts))
    lots = [texts[start : start + _TOGETHER] for start in range(0, len(texts) - _TOGETHER + 1, _TOGETHER)]
    return Figure(fmean(map(_mean_cosine, lots)), n=_TOGETHER * len(lots))


def _mean_cosine(texts: Sequence[list[str]]) -> float:
    vectors = TfidfVectorizer(analyzer=lambda words: words, sublinear_tf=True).fit_transform(texts)
    together = np.asarray(vectors.sum(axis=0)).ravel()
    # The square of the sum is the sum over all pairs; each vector has length 1, so that its pair with itself counts 1.
    return float((together @ together - len(texts)) / (len(texts) * (len(texts) - 1)))
