"""Near-duplicates by MinHash: prompts, and responses to different prompts, that say almost the same."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from rmboost.preferences import Row
from rmboost.preferences.shapes import transcript
from rmboost.records import stable_hash
from rmboost.report.estimates import Floats, Ints
from rmboost.report.table import Chunk
from rmboost.report.text import Batch, WordHashes, words_of
from rmboost.visible import one_line

SHINGLE = 3
"""words; a text is compared as the set of all runs of so many"""
NEAR = 0.85
"""estimated Jaccard similarity of two such sets, from which texts count as near-duplicates"""
_PERMUTATIONS = 128
_ROWS = 8  # of a band; at 16 bands, two texts of similarity 0.85 share one with probability 0.99
_SHOWN = 5
_FACTORS = np.random.default_rng(0).integers(1, 2**63, _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_HEAD = 300  # characters of a text that are kept to show it


@dataclass(frozen=True)
class Duplicates:
    """Of ``texts`` different ones, how many have a near-duplicate among the others; ``examples`` are two such texts.

    Texts that are the same to the last word count once in ``texts``; ``repeated`` says how many were left out so.
    """

    texts: int
    repeated: int
    near: int
    examples: tuple[tuple[str, str], ...]


class Sketches:
    """Sees every text of a file and keeps a MinHash sketch of it: 512 bytes, whatever its length.

    Of a prompt, its system text is left out: what many questions share makes them no duplicates.
    """

    def __init__(self, hashes: WordHashes) -> None:
        self._word_hashes = hashes
        self._sketches: list[NDArray[np.uint32]] = []
        self._heads: list[str] = []
        self._said: list[NDArray[np.bool_]] = []
        self._hashes = array("q")

    def see(self, chunk: Chunk) -> None:
        """See ``Watcher``."""
        asked = _without_system(chunk.rows)
        said = [asked.get(place, text) for place, text in enumerate(chunk.texts)]
        hashed = chunk.hashed
        if asked:
            words = [words_of(asked[place]) if place in asked else each for place, each in enumerate(chunk.words)]
            hashed = Batch(words, self._word_hashes)
        runs, texts, _ = hashed.runs(SHINGLE)
        counts = np.bincount(texts, minlength=len(said))
        ends = np.concatenate(([0], np.cumsum(counts))).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(runs, ends, _PERMUTATIONS, 1)
        self._sketches.append(np.array(matrix.to_rows(), dtype=np.uint32))
        self._said.append(counts > 0)
        self._heads += [text[:_HEAD] for text in said]
        self._hashes.extend(map(stable_hash, chunk.texts))

    def prompts(self, prompts: Ints) -> Duplicates:
        """Among the different prompts; ``prompts`` says which one each pair has."""
        _, first = np.unique(prompts, return_index=True)
        return self._among(3 * first, np.arange(len(first)), repeated=len(prompts) - len(first))

    def responses(self, prompts: Ints) -> Duplicates:
        """Among responses to different prompts: both sides of a pair are alike on purpose."""
        places = np.flatnonzero(np.arange(3 * len(prompts)) % 3)
        owners = prompts[places // 3]
        known = np.column_stack((owners, np.array(self._hashes)[places]))
        _, first = np.unique(known, axis=0, return_index=True)
        return self._among(places[first], owners[first], repeated=len(places) - len(first))

    def _among(self, places: Ints, owners: Ints, repeated: int) -> Duplicates:
        said = np.concatenate(self._said)[places]
        places, owners = places[said], owners[said]
        found = places[near_pairs(np.vstack(self._sketches)[places], owners)]
        shown = [(one_line(self._heads[a], 160), one_line(self._heads[b], 160)) for a, b in found[: 20 * _SHOWN]]
        return Duplicates(len(places), repeated, len(np.unique(found)), tuple(dict.fromkeys(shown))[:_SHOWN])


def _without_system(rows: Sequence[Row]) -> dict[int, str]:
    """By place in the chunk, the prompts that have a system text, without it; not those that are nothing else."""
    found = {}
    for place, row in enumerate(rows):
        asked = tuple(turn for turn in row.prompt if turn[0] != "system")
        if 0 < len(asked) < len(row.prompt):
            found[3 * place] = transcript(asked)
    return found


def near_pairs(sketches: NDArray[np.uint32], owners: Ints) -> Ints:
    """Pairs of places whose sketches agree in ``NEAR`` of their values, of different owners; the likest first.

    Candidates share a band (Leskovec, Rajaraman, Ullman 2014, 3.4). Of many that share one, each is compared with the
    next one of another owner and the last one before, so that a thousand copies make a few thousand pairs and not half
    a million.
    """
    candidates = [_sharing(sketches[:, band : band + _ROWS], owners) for band in range(0, _PERMUTATIONS, _ROWS)]
    pairs = np.unique(np.sort(np.vstack(candidates), axis=1), axis=0)
    alike: Floats = (sketches[pairs[:, 0]] == sketches[pairs[:, 1]]).mean(axis=1)
    near = alike >= NEAR
    return pairs[near][np.argsort(-alike[near], kind="stable")]


def _sharing(band: NDArray[np.uint32], owners: Ints) -> Ints:
    """Each with the nearest of another owner on both sides, in the order of what they have in this band."""
    with np.errstate(over="ignore"):
        keys = (band.astype(np.uint64) * _FACTORS).sum(axis=1, dtype=np.uint64)
    order = np.lexsort((owners, keys))
    keys, owners = keys[order], owners[order]
    begins = np.flatnonzero(np.concatenate(([True], (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1]))))
    run = np.repeat(np.arange(len(begins)), np.diff(np.append(begins, len(order))))
    places = np.arange(len(order))
    later, earlier = run < len(begins) - 1, run > 0
    one = np.concatenate((places[later], places[earlier]))
    other = np.concatenate((begins[run[later] + 1], begins[run[earlier]] - 1))
    same = keys[one] == keys[other]
    return np.column_stack((order[one[same]], order[other[same]]))
