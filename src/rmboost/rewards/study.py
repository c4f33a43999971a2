"""A study: one kind of reward model, trained on some sets of pairs and tested on others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rmboost.errors import InputError
from rmboost.rewards import Answer, RewardModel, TextPair
from rmboost.rewards.accuracy import Accuracy, accuracy, numbered

Indices = NDArray[np.int64]

SEEDS = (0, 1, 2)
_FOLDS = 5


class Study:
    """Sets of pairs by name. Every answer is read once, then trained on and tested as often as one likes.

    No training sees a prompt, or a group, of the pairs that it is tested on. Where a training set has such pairs, the
    test set is cut into five folds, whole groups in each, and each fold is tested on what the others leave to train
    on. So ``evaluate(["human"], "human")`` is a cross-validation: how much there is to be learnt here at all.
    """

    def __init__(self, model: RewardModel, sets: Mapping[str, Sequence[TextPair]]) -> None:
        places: dict[Answer, int] = {}
        everything = [pair for pairs in sets.values() for pair in pairs]
        numbers = [[places.setdefault(answer, len(places)) for answer in pair.answers] for pair in everything]
        ends = np.cumsum([len(pairs) for pairs in sets.values()])[:-1]
        pairs = np.split(np.array(numbers, dtype=np.int64).reshape(-1, 2), ends)
        units = units_by_set(sets)
        self._sets = {name: (pairs[place], units[name]) for place, name in enumerate(sets)}
        self._model = model
        self._rows = model.read(list(places))

    def evaluate(
        self,
        train: Sequence[str],
        test: str,
        seeds: Sequence[int] = SEEDS,
        size: int | None = None,
        shuffled: bool = False,
    ) -> Accuracy:
        """Train on these sets together, test on another or on one of them; once for each seed.

        size: how many pairs to train on, drawn by the seed; all if None. shuffled: each is first turned round or not
        by a coin, which leaves nothing to learn. Raises InputError when there is nothing to train or to test on.
        """
        if not len(self._sets[test][0]):
            raise InputError(f"{test} has no pairs to test on")
        margins = np.zeros((len(seeds), len(self._sets[test][0])))
        trained = []
        for place, seed in enumerate(seeds):
            pairs, units = self._drawn(train, seed, shuffled)
            for held_out in _folds(units, self._sets[test][1], seed):
                left = pairs[~np.isin(units, self._sets[test][1][held_out])][:size]
                if not len(left):
                    raise InputError(f"{' + '.join(train)} has no pair on a prompt that {test} does not have")
                margins[place, held_out] = self._margins(left, self._sets[test][0][held_out], seed)
                trained.append(len(left))
        return accuracy(margins, self._sets[test][1], round(float(np.mean(trained))))

    def _drawn(self, train: Sequence[str], seed: int, shuffled: bool) -> tuple[Indices, Indices]:
        """The pairs of the sets in an order of the seed's, and their units; a smaller draw begins a larger one."""
        random = np.random.default_rng(seed)
        pairs = np.concatenate([self._sets[name][0] for name in train])
        units = np.concatenate([self._sets[name][1] for name in train])
        order = random.permutation(len(pairs))
        if shuffled:
            pairs = np.where(random.random((len(pairs), 1)) < 0.5, pairs, pairs[:, ::-1])
        return pairs[order], units[order]

    def _margins(self, train: Indices, test: Indices, seed: int) -> NDArray[np.float64]:
        """By how much each chosen response of the test pairs is above its rejected one."""
        reward = self._model.fit(self._rows[train[:, 0]], self._rows[train[:, 1]], seed)
        answers, places = np.unique(test, return_inverse=True)  # many stand in several pairs
        chosen, rejected = reward(self._rows[answers])[places.reshape(test.shape)].T
        return np.asarray(chosen - rejected)


def units_by_set(sets: Mapping[str, Sequence[TextPair]]) -> dict[str, Indices]:
    """The units of the pairs of each set, where a set may link what stands in others."""
    ends = np.cumsum([len(pairs) for pairs in sets.values()])[:-1]
    units = np.split(units_of([pair for pairs in sets.values() for pair in pairs]), ends)
    return dict(zip(sets, units, strict=True))


def units_of(pairs: Sequence[TextPair]) -> Indices:
    """The unit of each pair: pairs of one prompt or one group are one unit, and so are those that others link."""
    places: dict[tuple[str, str], int] = {}
    prompts = [places.setdefault(("prompt", " ".join(p.prompt.split())), len(places)) for p in pairs]
    groups = [
        places.setdefault(("group", p.group), len(places)) if p.group else place
        for p, place in zip(pairs, prompts, strict=True)
    ]
    links = coo_matrix((np.ones(len(pairs)), (prompts, groups)), shape=(len(places), len(places)))
    units = connected_components(links, directed=False)[1]
    return np.asarray(units[prompts], dtype=np.int64)


def _folds(train: Indices, test: Indices, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Which test pairs are held out together: all at once where training knows none of their units.

    The same ones whatever other sets there are, which the numbers of the units follow.
    """
    if not np.isin(test, train).any():
        yield np.ones(len(test), dtype=bool)
        return
    own = numbered(test)
    units = np.random.default_rng(seed).permutation(np.unique(own))
    yield from (np.isin(own, fold) for fold in np.array_split(units, min(_FOLDS, len(units))))
