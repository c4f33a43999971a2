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
            equal[test] = min((found.pairs for found in own.values()), default=0)
            entries, apart = _of_methods(trials, model, test, own, equal[test])
            mixed = list(_mixed(trials, model, test, list(own))) if names.mix else []
            accuracy += [*entries, *_references(trials, model, test), *(entry for entry, _ in mixed)]
            differences += [*apart, *(difference for _, difference in mixed)]
    return {"accuracy": accuracy, "equal": equal, "differences": differences}


def _of_methods(
    trials: Trials, model: str, test: str, own: dict[str, Accuracy], size: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What each method's pairs reach, all of them and up to ``size``, which all have; and how far that is apart."""
    entries = [_entry("own", Trial(model, (name,), test), found) for name, found in own.items()]
    level = dict(own)
    for name, found in own.items():
        curve = dict(_curve(trials, Trial(model, (name,), test), size, found.pairs))
        entries += [_entry("own", trial, part) for trial, part in curve.items()]
        level[name] = curve.get(Trial(model, (name,), test, size), found)
    apart = [{"pairs": "all", **each} for each in _to_first(model, test, own)]
    if level != own:  # where all have equally many, that is said once
        apart += [{"pairs": "equal", **each} for each in _to_first(model, test, level)]
    return entries, apart


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
