"""The tally of a run: what became of its jobs, in counts that can be written down and read back."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rmboost.records import DISAGREES, Dropped, Failed, Kept, Outcome, Pair, Spec

_OWN_TO_ONE = re.compile(r"(^\S+://\S+|HTTP \d+)|[\w-]*\d[\w-]*")
"""Words with digits in them, such as counts of tokens and ids of requests; not of the address or the status code."""
_MOST_NAMES = 200
"""Aspects that are counted apart: somebody's file may name another one in every row."""


def kind_of(error: str) -> str:
    """What an error has in common with others of its kind, so that a million of them are not as many lines."""
    return _OWN_TO_ONE.sub(lambda found: found[1] or "N", error)


@dataclass
class Tally:
    """Counts over the outcomes so far, with one example id a reason; failures by their kind (``kind_of``)."""

    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    labels: Counter[str] = field(default_factory=Counter)
    aspects: Counter[str] = field(default_factory=Counter)
    ordered: Counter[str] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)
    """kept pairs by the name of the spec that was ordered"""
    pending: Counter[str] = field(default_factory=Counter)
    """failed jobs in the same way: they will be asked again"""
    verdicts: Counter[str] = field(default_factory=Counter)
    """of the judge on the pairs as they were labelled, by ``label/aspect/winner``"""
    redrawn: int = 0
    two_models: int = 0
    """kept pairs whose responses are by different models"""

    @property
    def settled(self) -> int:
        return self.kept + self.rejected.total() + self.failed.total()

    def add(self, outcome: Outcome) -> None:
        """Count one more outcome."""
        cell = self._order(outcome.job.spec)
        match outcome:
            case Kept(pair=pair, drops=drops):
                self.kept += 1
                self.cells[cell] += 1
                self.redrawn += len(drops)
                self.two_models += pair.chosen.model != pair.rejected.model
                self.labels[pair.label or ""] += 1
                self.aspects[self._aspect(pair, self.aspects)] += 1
                self._judge(pair)
            case Dropped(job=job, drops=drops, pair=pair):
                self.rejected[drops[-1].reason] += 1
                self.redrawn += len(drops) - 1
                self.examples.setdefault(drops[-1].reason, job.prompt.id)
                if pair and drops[-1].reason == DISAGREES:
                    self._count_verdict(pair, "rejected")
            case Failed(job=job, error=error):
                kind = kind_of(error)
                self.failed[kind] += 1
                self.pending[cell] += 1
                self.examples.setdefault(kind, job.prompt.id)

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {name: dict(value) if isinstance(value, dict) else value for name, value in vars(self).items()}

    @classmethod
    def load(cls, values: dict[str, Any]) -> Tally:
        """From what ``dump`` gave. Raises KeyError for the counts of another version."""
        fresh = vars(cls())
        if values and values.keys() != fresh.keys():
            raise KeyError(*(values.keys() ^ fresh.keys()))
        return cls(**{name: type(fresh[name])(value) for name, value in values.items()})

    def _judge(self, pair: Pair) -> None:
        if found := pair.evidence.get("judge"):
            self._count_verdict(pair, "rejected" if found["flipped"] else found["winner"])

    def _count_verdict(self, pair: Pair, winner: str) -> None:
        self.verdicts["/".join((pair.label or "", self._aspect(pair, self.verdicts), winner))] += 1

    def _aspect(self, pair: Pair, counts: Counter[str]) -> str:
        """The name that a pair counts for; "" where there are too many, as where the column ``aspect`` is a text."""
        name = pair.aspects[0] if pair.aspects else ""
        return name if name in self.aspects or len(counts) < _MOST_NAMES else ""

    def held(self, spec: Spec | None) -> int:
        """How many jobs of this spec made a pair, or will still be asked for one."""
        name = spec.name if spec else ""
        return self.cells[name] + self.pending[name]

    def _order(self, spec: Spec | None) -> str:
        """Count what was ordered, and return its name."""
        if not spec:
            return ""
        self.ordered[spec.label] += 1
        return spec.name
