"""How right and how fast the checks are: precision and recall on labelled cases, microseconds a pair.

    python benchmarks/checks.py                      # both, as a table
    python benchmarks/checks.py --misses             # and each case that a check gets wrong
    python benchmarks/checks.py --pairs FILE.jsonl   # how many pairs of a file each check refuses, and which

The cases are in cases/, a file a check; README.md says what they are.
"""

from __future__ import annotations

import argparse
import json
import re
import textwrap
import timeit
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import process_time
from typing import Any

import server
import yaml

from rmboost import aspects, checks, registry
from rmboost.checks import Check
from rmboost.config import DEFAULT_CHECKS
from rmboost.records import Drop, Pair, Prompt, Response

CASES = Path(__file__).parent / "cases"
SETS = ("tuned", "held_out")
_PLACEHOLDER = re.compile(r"<(prompt|first)(?:\*(\d+))?>")


@dataclass(frozen=True)
class Case:
    """A pair that a check is to find fault with, or not; ``reason``: the one that is to be given, if it matters."""

    check: Check
    pair: Pair
    faulty: bool
    reason: str

    @property
    def right(self) -> bool:
        """Does the check say of the pair what is said here?"""
        verdict = run(self.check, self.pair)
        if isinstance(verdict, Drop):
            return self.faulty and self.reason in ("", verdict.reason)
        return not self.faulty


@dataclass(frozen=True)
class Score:
    """How a check does on a set of cases."""

    found: int
    missed: int
    false: int

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false) if self.found else 0.0

    @property
    def recall(self) -> float:
        return self.found / (self.found + self.missed) if self.found else 0.0


def run(check: Check, pair: Pair) -> Pair | Drop:
    """The verdict of a check that asks no model: it never waits, so no event loop is needed."""
    try:
        check.run(pair, None).send(None)  # type: ignore[arg-type]
    except StopIteration as done:
        verdict: Pair | Drop = done.value
        return verdict
    raise RuntimeError(f"{check} waits")


def read_cases(name: str, which: str) -> list[Case]:
    """The cases of a check in the set ``tuned`` or ``held_out``."""
    file = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    shared = {key: value for key, value in file.items() if key not in SETS}
    return [
        _case(name, kind == "found", {**shared, **(given if isinstance(given, dict) else {"second": given})})
        for kind in ("found", "clean")
        for given in file.get(which, {}).get(kind, ())
    ]


def _case(name: str, faulty: bool, given: dict[str, Any]) -> Case:
    prompt = Prompt("p", ({"role": "user", "content": given["prompt"]},), True)
    first = _filled(given["first"], given)
    chosen, rejected = Response(first, "m"), Response(_filled(given["second"], {**given, "first": first}), "m", call=1)
    evidence = {"target_words": given["target"]} if "target" in given else {}
    aspects = tuple(given.get("aspects", ()))
    pair = Pair(prompt, chosen, rejected, "rmboost", "worse", aspects, given.get("plan", ""), evidence)
    return Case(_build({"name": name, **given.get("options", {})}), pair, faulty, given.get("reason", ""))


def _filled(text: str, given: dict[str, Any]) -> str:
    """The text with ``<first>`` and ``<prompt*3>`` put in, so many times over."""
    return _PLACEHOLDER.sub(lambda found: " ".join([given[found[1]].strip()] * int(found[2] or 1)), text)


def _build(options: str | dict[str, Any]) -> Check:
    return registry.build("check", checks.CATALOGUE, Check, options)


def score(cases: Sequence[Case]) -> Score:
    """What a check gets right of these cases, and what it does not."""
    wrong = [case for case in cases if not case.right]
    missed = sum(case.faulty for case in wrong)
    return Score(sum(case.faulty for case in cases) - missed, missed, len(wrong) - missed)


def microseconds(asked: Sequence[Check], pairs: Sequence[Pair]) -> float:
    """CPU time of checks, one right after the other, for one pair: the least of many rounds over all pairs."""

    def once() -> None:
        for pair in pairs:
            for check in asked:
                run(check, pair)

    return min(timeit.repeat(once, timer=process_time, number=1, repeat=30)) / len(pairs) * 1e6


def served_pairs() -> list[Pair]:
    """Pairs of two replies of server.py, 1,500 characters each, no two the same."""

    def reply(number: int) -> str:
        body = server.completion(number.to_bytes(64, "big"), tagged=False)
        text: str = json.loads(body)["choices"][0]["message"]["content"]
        return text

    return [
        _pair(f"Explain point {number} of the plan.", reply(2 * number), reply(2 * number + 1)) for number in range(100)
    ]


def prose_pairs() -> list[Pair]:
    """Pairs of about 1,500 characters each: good answers from the worked examples of the shipped aspect sets."""
    sets = [aspects.load(name) for name in ("general", "qa_feedback", "safety", "summarization")]
    homes = [demos for each in sets for demos in (each.demos, *(aspect.demos for aspect in each.aspects))]
    answers = dict.fromkeys(demo.first for home in homes for demo in home.worse)
    texts = textwrap.wrap(" ".join(answers), 1500)
    return [_pair("How does it work?", *two) for two in zip(texts[:-1:2], texts[1:-1:2], strict=False)]


def read_pairs(path: Path) -> Iterator[Pair]:
    """The pairs of a file with ``prompt``, ``chosen`` and ``rejected``; where rows say so, in the order of writing."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        prompt, chosen, rejected = (_text(row[name]) for name in ("prompt", "chosen", "rejected"))
        turned = row.get("rmboost", {}).get("first") == "rejected"
        yield _pair(prompt, *((rejected, chosen) if turned else (chosen, rejected)))


def _text(value: str | list[dict[str, str]]) -> str:
    return value if isinstance(value, str) else value[-1]["content"]


def _pair(prompt: str, first: str, second: str) -> Pair:
    asked = Prompt("p", ({"role": "user", "content": prompt},), True)
    return Pair(asked, Response(first, "m"), Response(second, "m", call=1), "rmboost", "worse", ("completeness",))


def report_cases(show_misses: bool) -> None:
    """A line for each check: cases, precision, recall, in both sets, and what it costs."""
    samples = served_pairs(), prose_pairs()
    print("| check | tuned | precision | recall | held out | precision | recall | served, µs | prose, µs |")
    print(f"|{'---|' * 9}")
    for name in DEFAULT_CHECKS:
        cells = [name]
        for which in SETS:
            result = score(cases := read_cases(name, which))
            cells += [str(len(cases)), f"{result.precision:.2f}", f"{result.recall:.2f}"]
        cells += [f"{microseconds([_build(name)], pairs):.0f}" for pairs in samples]
        print(f"| {' | '.join(cells)} |", flush=True)
    every = [_build(name) for name in DEFAULT_CHECKS]
    print(f"| all {'| ' * 7}| {' | '.join(f'{microseconds(every, pairs):.0f}' for pairs in samples)} |")
    for name, which in product(DEFAULT_CHECKS if show_misses else (), SETS):
        for case in read_cases(name, which):
            if not case.right:
                _show(f"{name}, {which}, {'missed' if case.faulty else 'false'}", case.pair, run(case.check, case.pair))


def report_pairs(path: Path, show: int) -> None:
    """How many pairs each check refuses, and the first ``show`` of them."""
    pairs = list(read_pairs(path))
    for name in DEFAULT_CHECKS:
        check = _build(name)
        drops = [(pair, verdict) for pair in pairs if isinstance(verdict := run(check, pair), Drop)]
        reasons = {reason: sum(d.reason == reason for _, d in drops) for reason in sorted({d.reason for _, d in drops})}
        share = len(drops) / len(pairs)
        print(f"{name}: {len(drops)} of {len(pairs)} ({share:.1%}) {reasons or ''}")
        for pair, verdict in drops[:: max(1, len(drops) // show)][:show] if show else ():
            _show(name, pair, verdict)


def _show(title: str, pair: Pair, verdict: Pair | Drop) -> None:
    said = f"{verdict.reason}: {verdict.detail}" if isinstance(verdict, Drop) else "kept"
    texts = (pair.prompt.text[-200:], pair.first.text[:400], pair.second.text[:400])
    print(f"\n[{title}] {said}", *(f"  {text!r}" for text in texts), sep="\n")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--misses", action="store_true", help="show the cases that a check gets wrong")
    options.add_argument("--pairs", type=Path, metavar="FILE", help="a preference file to run the checks over instead")
    options.add_argument("--show", type=int, default=0, metavar="N", help="show N refused pairs a check")
    given = options.parse_args()
    if given.pairs:
        report_pairs(given.pairs, given.show)
    else:
        report_cases(given.misses)
