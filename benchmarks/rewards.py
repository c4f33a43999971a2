"""What the small reward models learn from pairs that people labelled: the reference for what they learn from others.

    python benchmarks/rewards.py FOLDER                                  # every *.jsonl in it is a set of pairs
    python benchmarks/rewards.py FOLDER --model ngrams --train pairs.jsonl   # and what these pairs teach

A row for each model and training set, a column for each test set; accuracy in percent with its 95 % interval. Trained
on the set it is tested on, a model is cross-validated. See README.md here, and docs/concepts/reward-models.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic, process_time

from rmboost.compare.setup import read_pairs
from rmboost.rewards import CATALOGUE, TextPair, load
from rmboost.rewards.accuracy import Accuracy
from rmboost.rewards.study import Study


def trainings(human: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, dict[str, tuple[list[str], bool]]]]:
    """Rows of the table: a name, and for each test set what is trained on, and whether its labels are random."""
    yield "the same (cross-validated)", {test: ([test], False) for test in human}
    yield "the same, random labels", {test: ([test], True) for test in human}
    for name in human:
        yield name, {test: ([name], False) for test in human if test != name}
    for name in others:
        yield name, {test: ([name], False) for test in human}
        yield f"{name} + the same", {test: ([name, test], False) for test in human}


def curve(study: Study, name: str, seeds: Sequence[int], steps: int = 4) -> list[Accuracy]:
    """The learning curve on a set, cross-validated: with all pairs, half of them, a quarter, …; the fewest first."""
    full = study.evaluate([name], name, seeds)
    sizes = [size for step in range(steps - 1, 0, -1) if (size := full.pairs >> step)]
    return [*(study.evaluate([name], name, seeds, size) for size in sizes), full]


def main(given: argparse.Namespace) -> None:
    human = {path.stem: read_pairs(path) for path in sorted(given.folder.glob("*.jsonl"))}
    others = {path.stem: read_pairs(path) for path in given.train}
    sets: Mapping[str, list[TextPair]] = human | others
    print(", ".join(f"{name}: {len(each)} pairs" for name, each in sets.items()) + f"; {given.seeds} seeds\n")
    _print_row(["model", "trained on", *human])
    _print_row(["---"] * (2 + len(human)))
    for name in given.model or CATALOGUE:
        options = json.loads(name) if name.startswith("{") else name
        started, cpu = monotonic(), process_time()
        study = Study(load(options), sets)
        read, read_cpu = monotonic() - started, process_time() - cpu
        for trained, tests in trainings(list(human), list(others)):
            cells = {
                test: str(
                    study.evaluate(train, test, range(given.random_seeds if random else given.seeds), shuffled=random)
                )
                for test, (train, random) in tests.items()
            }
            _print_row([name, trained, *(cells.get(test, "") for test in human)])
        if given.curve:
            for test in human:
                points = curve(study, test, range(given.seeds))
                _print_row([name, f"curve on {test}", *(f"{point.pairs}: {point}" for point in points)])
        wall, cpu = monotonic() - started - read, process_time() - cpu - read_cpu
        _print_row([name, f"seconds: {read:.1f} reading, {wall:.1f} else; CPU {read_cpu:.1f}, {cpu:.1f}"])


def _print_row(cells: Iterable[str]) -> None:
    print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, help="pairs that people labelled, one *.jsonl a set")
    options.add_argument("--train", type=Path, action="append", default=[], metavar="FILE", help="other pairs")
    options.add_argument("--model", action="append", metavar="NAME", help=f"of {', '.join(CATALOGUE)}, or JSON")
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--random-seeds", type=int, default=40, help="trainings on random labels: they stray far")
    options.add_argument("--curve", action="store_true", help="learning curves as well")
    main(options.parse_args())
