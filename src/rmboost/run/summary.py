"""How a run ended, in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from rmboost.amounts import number
from rmboost.labels.noise import Noise
from rmboost.labels.separability import Separability
from rmboost.run.forecast import Forecast
from rmboost.run.tally import Tally


@dataclass(frozen=True)
class Summary:
    """How a run ended. ``status``: finished, stopped, or unchanged (nothing was left to do).

    jobs: pairs that were tried to make; with a target more than the pairs that are wanted. cause: what stopped it
    (``signal``, ``ceiling``, ``failures``, ``pilot``, ``prompts``), in words in ``reason``. cost: of all
    calls in the journal, at the prices of the config; None where a model has no price.
    """

    status: str
    output: Path
    rejects: Path
    prompts: int
    jobs: int
    tally: Tally
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    seconds: float
    asked: int
    replayed: int
    models: Mapping[str, str] = field(default_factory=dict)
    cost: float | None = None
    cause: str = ""
    reason: str = ""
    target: int | None = None
    missing: Mapping[str, int] = field(default_factory=dict)
    """pairs that the target still lacks, by what is ordered of them"""
    estimated_tokens: int = 0
    """so many of the tokens nobody counted, as the endpoint does not say how many an answer took"""
    forecast: Forecast | None = None
    noise: Mapping[str, Mapping[str, Noise]] = field(default_factory=dict)
    """how often the judge contradicts the labels, by ``total``, ``label`` and ``aspect``"""
    separability: Separability | None = None
    """of the pairs by two models, when a run finishes"""
    bad_lines: int = 0
    """lines of the input that are no prompts and were left out"""
    duplicates: int = 0
    """prompts of the input left out, as the same text came before"""

    @property
    def stopped_early(self) -> bool:
        """Whether it stopped before its end. A pilot did not: it was to go no further."""
        return self.status == "stopped" and self.cause != "pilot"

    @property
    def left_to_do(self) -> str:
        """What a person is told who may want the rest of it; empty where the same command would do nothing more."""
        if self.stopped_early:
            higher = "with a higher one " if self.reason.startswith("max_") else ""  # a deadline is of one command
            if self.cause == "failures":
                return f"stopped: {self.reason}; when that is mended, the same command goes on from here"
            then = {"ceiling": higher, "prompts": "then "}.get(self.cause, "")
            return f"stopped: {self.reason}; {then}the same command goes on from here and asks nothing twice"
        if not (failed := self.tally.failed.total()):
            return ""
        again = f"{number(failed, 'job')} failed; the same command asks just {'it' if failed == 1 else 'them'} again"
        refused = f"rmboost inspect {quote(str(self.output))} --rejects --reason failed"
        return f"{again}; what is refused for good has to be taken out of the input: {refused}"

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **asdict(self),
            "output": str(self.output),
            "rejects": str(self.rejects),
            "tally": self.tally.dump(),
            "noise": {kind: {name: one.dump() for name, one in group.items()} for kind, group in self.noise.items()},
        }
