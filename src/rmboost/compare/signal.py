"""The reward-model signal: how well what is learnt from each method's pairs foretells what people prefer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rmboost.compare.trials import Trial, Trials
from rmboost.errors import InputError
from rmboost.rewards.accuracy import Accuracy, difference

BLIND = "longer"
"""The reward model that learns nothing: what it reaches, length alone explains."""


class Names(NamedTuple):
    """Which sets there are, by name: made by methods, labelled by people; and which reward models."""

    made: Sequence[str]
    human: Sequence[str]
    models: Sequence[str]
    mix: bool


def signal(trials: Trials, names: Names) -> dict[str, Any]:
    """All accuracies, and how far sources are apart on the same test pairs, as JSON.

    accuracy: one entry a trial, under ``source`` ``own``, ``human``, ``random``, ``mix`` or ``blind``. equal: by test
    set the number of pairs that every method can be trained on. differences: of each method to the first one, with all
    pairs and with equally many; of each mix to the human pairs alone.
    """
    accuracy: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    equal = dict.fromkeys(names.human, 0)
    for test in names.human:
        blind = Trial(BLIND, (test,), test)
        accuracy.append(_entry("blind", blind, trials.accuracy(blind)))
        for model in names.models:
            own = {name: found for name in names.made if (found := _tried(trials, Trial(model, (name,), test)))}
            size = equal[test] = min((found.pairs for found in own.values()), default=0)
            accuracy += [_entry("own", Trial(model, (name,), test), found) for name, found in own.items()]
            at = {name: dict(_curve(trials, Trial(model, (name,), test), size, own[name].pairs)) for name in own}
            accuracy += [_entry("own", trial, found) for curve in at.values() for trial, found in curve.items()]
            level = {name: curve.get(Trial(model, (name,), test, size), own[name]) for name, curve in at.items()}
            fewer = [("equal", level)] if level != own else []  # where all have equally many, that is said once
            for kind, found_by in [("all", own), *fewer]:
                differences += [{"pairs": kind, **each} for each in _to_first(model, test, found_by)]
            accuracy += _references(trials, model, test)
            if names.mix:
                for each, apart in _mixed(trials, model, test, list(own)):
                    accuracy.append(each)
                    differences.append(apart)
    return {"accuracy": accuracy, "equal": equal, "differences": differences}


def _tried(trials: Trials, trial: Trial) -> Accuracy | None:
    """None where nothing is left to train on: all its prompts are those of the test."""
    try:
        return trials.accuracy(trial)
    except InputError:
        return None


def _curve(trials: Trials, trial: Trial, size: int, most: int) -> Iterator[tuple[Trial, Accuracy]]:
    """With a quarter, half and all of the pairs that every method has; not with all that this one has."""
    for number in sorted({size >> 2, size >> 1, size} - {0, most}):
        part = Trial(trial.model, trial.train, trial.test, number)
        yield part, trials.accuracy(part)


def _references(trials: Trials, model: str, test: str) -> list[dict[str, Any]]:
    """The upper one, people's own pairs, cross-validated; the lower one, the same with random labels."""
    upper, lower = Trial(model, (test,), test), Trial(model, (test,), test, random=True)
    found = [("human", upper, _tried(trials, upper)), ("random", lower, _tried(trials, lower))]
    return [_entry(source, trial, accuracy) for source, trial, accuracy in found if accuracy]


def _mixed(
    trials: Trials, model: str, test: str, made: Sequence[str]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """People's pairs and a method's together, and how much that is better than people's alone."""
    alone = _tried(trials, Trial(model, (test,), test))
    for name in made:
        trial = Trial(model, (name, test), test)
        if alone and (found := _tried(trials, trial)):
            yield _entry("mix", trial, found), _apart(model, test, (name, found), ("human", alone)) | {"pairs": "mix"}


def _to_first(model: str, test: str, found: dict[str, Accuracy]) -> Iterator[dict[str, Any]]:
    first, *others = found or [""]
    yield from (_apart(model, test, (name, found[name]), (first, found[first])) for name in others)


def _apart(model: str, test: str, one: tuple[str, Accuracy], other: tuple[str, Accuracy]) -> dict[str, Any]:
    value, low, high = difference(one[1], other[1])
    return {"test": test, "model": model, "of": one[0], "to": other[0], "value": value, "low": low, "high": high}


def _entry(source: str, trial: Trial, found: Accuracy) -> dict[str, Any]:
    train = [name for name in trial.train if name != trial.test]
    return {
        "source": source,
        "method": train[0] if train else None,
        "model": trial.model,
        "test": trial.test,
        "size": trial.size,
        **found.as_json(),
    }
