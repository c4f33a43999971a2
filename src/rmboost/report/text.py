"""Texts as words, words as hashes, and hashes of runs of words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from rmboost.letters import MARKS
from rmboost.texts import UNSPACED

Hashes = NDArray[np.uint64]

_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_LETTERS = rf"[^\W_{UNSPACED}]+(?:[{MARKS}][^\W_{UNSPACED}]*)*"
_WORD = re.compile(rf"[{UNSPACED}]|{_LETTERS}(?:['’]{_LETTERS})*")
_PRIME = 0x9E3779B97F4A7C15


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; in Chinese and Japanese, characters."""
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text.lower())


class WordHashes(dict[str, int]):
    """64-bit hashes of words, the same in every process, each worked out once."""

    def __missing__(self, word: str) -> int:
        digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = found = int.from_bytes(digest, "big")
        return found


class Batch:
    """Texts as one row of word hashes; text number i is ``words[offsets[i]:offsets[i + 1]]``."""

    def __init__(self, texts: Sequence[Sequence[str]], hashes: WordHashes) -> None:
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        self.offsets = np.concatenate(([0], np.cumsum(lengths)))
        self.words: Hashes = np.fromiter(
            map(hashes.__getitem__, chain.from_iterable(texts)), np.uint64, int(self.offsets[-1])
        )

    def runs(self, n: int) -> tuple[Hashes, NDArray[np.int64], NDArray[np.int64]]:
        """Every run of ``n`` words within a text: its hash, its text, and the place of its first word in ``words``.

        A text that is shorter than that, and not empty, is one run.
        """
        lengths = np.diff(self.offsets)
        text = np.repeat(np.arange(len(lengths)), lengths)
        place = np.arange(len(self.words)) - self.offsets[text]
        starts = np.flatnonzero((place + n <= lengths[text]) | ((place == 0) & (lengths[text] < n)))
        return self._hashed(starts, n, np.minimum(lengths[text[starts]], n)), text[starts], starts

    def _hashed(self, starts: NDArray[np.int64], n: int, sizes: NDArray[np.int64]) -> Hashes:
        """The hash of each run from ``starts`` on, of ``n`` words or, in a shorter text, of its ``sizes`` words."""
        words = np.concatenate((self.words, np.zeros(n, np.uint64)))
        full, found = sizes == n, np.zeros(len(starts), np.uint64)
        with np.errstate(over="ignore"):
            factors = [np.uint64(pow(_PRIME, k + 1, 1 << 64)) for k in range(n)]
            rolled = sum(words[k : k + len(self.words)] * factor for k, factor in enumerate(factors))
            found[full] = rolled[starts[full]]
            for k, factor in enumerate(factors):
                inside = ~full & (k < sizes)
                found[inside] += words[starts[inside] + k] * factor
        return found
