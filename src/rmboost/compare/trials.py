"""Trials: reward models trained on sets of pairs and tested on human ones. What was worked out is never done again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rmboost import __version__
from rmboost.errors import StoreError, way_out
from rmboost.records import stable_hash
from rmboost.rewards import RewardModel, TextPair
from rmboost.rewards.accuracy import Accuracy, interval, numbered
from rmboost.rewards.study import Study, units_by_set

_CUT = 2
"""How test pairs are cut into folds, as part of a trial's key: what was cut in another way is another trial."""


@dataclass(frozen=True)
class Trial:
    """A reward model, the sets that it is trained on together, and the one that it is tested on.

    size: so many pairs to train on; none: all. random: labels by a coin, which leaves nothing to learn.
    """

    model: str
    train: tuple[str, ...]
    test: str
    size: int | None = None
    random: bool = False

    def __str__(self) -> str:
        """``ngrams: 120 of rmboost + human, tested on human``."""
        some = f"{self.size} of " if self.size else "random labels of " if self.random else ""
        return f"{self.model}: {some}{' + '.join(self.train)}, tested on {self.test}"


class Trials:
    """Carries out trials, and keeps what came of each in a file, by a hash of all that it follows from.

    sets: all pairs by name; those named in ``human`` are tested on. tell: hears of each trial that is done.
    """

    def __init__(
        self,
        models: Mapping[str, RewardModel],
        sets: Mapping[str, Sequence[TextPair]],
        human: Sequence[str],
        seeds: int,
        file: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._models, self._sets, self._seeds, self._file, self._tell = models, sets, range(seeds), file, tell
        self._hashes = {name: stable_hash([astuple(pair) for pair in pairs]) for name, pairs in sets.items()}
        self._human = [self._hashes[name] for name in human]
        self._units = units_by_set(sets) if any(pair.group for pairs in sets.values() for pair in pairs) else {}
        self._studies: dict[str, Study] = {}
        self._known = _read(file)

    def accuracy(self, trial: Trial) -> Accuracy:
        """What came of a trial. Raises InputError where nothing is left to train on."""
        key = self._key(trial)
        if key not in self._known:
            study = self._study(trial.model)
            found = study.evaluate(trial.train, trial.test, self._seeds, trial.size, trial.random)
            self._known[key] = found
            _append(self._file, key, found)
            self._tell(f"{trial}: {found}")
        return self._known[key]

    def _study(self, name: str) -> Study:
        if name not in self._studies:
            self._tell(f"{name}: reading {sum(map(len, self._sets.values())):,} pairs")
            self._studies = {name: Study(self._models[name], self._sets)}  # one at a time: an encoder's rows are large
        return self._studies[name]

    def _key(self, trial: Trial) -> str:
        model = [type(self._models[trial.model]).__name__, self._models[trial.model].model_dump(mode="json")]
        sets = [*(self._hashes[name] for name in (*trial.train, trial.test)), *self._human]
        training = (len(trial.train), len(self._seeds), trial.size, trial.random, *self._linked(trial))
        return f"{stable_hash(__version__, _CUT, model, sets, *training):x}"

    def _linked(self, trial: Trial) -> list[list[int]]:
        """The units of a trial's pairs, where a group links some: one of a set that it does not use may do so."""
        if not self._units:
            return []
        return [numbered(np.concatenate([self._units[name] for name in (*trial.train, trial.test)])).tolist()]


def _read(file: Path) -> dict[str, Accuracy]:
    """The trials in a file; what stands in a line that was cut off is worked out again."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else ():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        found[values["key"]] = _accuracy(values)
    return found


def _accuracy(values: Mapping[str, Any]) -> Accuracy:
    credits = np.array([[int(digit) / 2 for digit in row] for row in values["credits"]])
    units = numbered(np.array(values["units"], dtype=np.int64))  # a file of an older rmboost has other numbers
    return Accuracy(credits, units, values["pairs"], *interval(credits, units))


def _append(file: Path, key: str, found: Accuracy) -> None:
    """credits: a digit for each test pair, 0, 1 for a tie, 2."""
    values = {
        "key": key,
        "pairs": found.pairs,
        "credits": ["".join(f"{2 * credit:.0f}" for credit in row) for row in found.credits],
        "units": found.units.tolist(),
    }
    try:
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"\n{json.dumps(values)}")  # the break comes first: a line that was cut off ends there
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}", way_out(error)) from None
