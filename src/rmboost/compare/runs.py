"""The runs of a comparison, one after the other: each on its own, and each borrows what the others were answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol

from rmboost import run
from rmboost.claim import set_aside
from rmboost.compare.setup import JUDGED, Entry, Setup
from rmboost.config import Config
from rmboost.errors import RMBoostError, StoreError
from rmboost.listener import Listener
from rmboost.summary import Summary

_LEAST_SECONDS = 1e-3


class Audience(Protocol):
    """Hears what a comparison does."""

    def begin(self, what: str, unit: str) -> Listener:
        """The next run begins."""
        ...

    def tell(self, line: str) -> None:
        """Something that a person should know."""
        ...


@dataclass(frozen=True)
class Ended:
    """How a run ended: with a summary, or with the error that stopped it.

    name: of the row, or of the human pairs. what: the run in words.
    """

    name: str
    what: str
    output: Path
    summary: Summary | None = None
    error: RMBoostError | None = None

    @property
    def at_budget(self) -> bool:
        """Whether it ended where its share of tokens did, as it was to."""
        return self.summary is not None and self.summary.reason.startswith("max_tokens")

    @property
    def interrupted(self) -> bool:
        return self.summary is not None and self.summary.cause == "signal"


class Runs:
    """Makes the runs of a comparison. The deadline is that of all of them together."""

    def __init__(self, setup: Setup, audience: Audience) -> None:
        self._setup, self._audience = setup, audience
        self._started = monotonic()

    def set_aside(self) -> None:
        """Move all earlier runs aside before the first begins, so that none lends its answers."""
        methods = (each for entry in self._setup.entries for each in (self._setup.output(entry), self._judged(entry)))
        for output in (*methods, *map(self._setup.gold_output, self._setup.human)):
            if aside := set_aside(output):
                self._audience.tell(f"the earlier run was moved to {aside}")

    def made(self) -> Iterator[Ended]:
        """The pairs of every method; one that fails does not stop the others, a signal does."""
        for entry in self._setup.entries:
            output = self._setup.output(entry)
            lenders = [path for path in self._journals() if path.parents[1] != output.parent]
            yield self._run(entry.name, entry.name, self._setup.prompts, output, entry.config, "prompts", lenders)

    def judged(self) -> Iterator[Ended]:
        """A judge's verdicts on the pairs of every method that made some; none where no pair is judged."""
        config = self._setup.judging(self._setup.verify)
        for entry in self._setup.entries if self._setup.verify else ():
            output = self._setup.output(entry)
            if output.is_file() and output.stat().st_size:
                yield self._run(entry.name, f"{entry.name}, judged", output, self._judged(entry), config, "pairs")

    def gold(self) -> Iterator[Ended]:
        """A judge's verdicts on human pairs."""
        for human in self._setup.human if self._setup.verify else ():
            output = self._setup.gold_output(human)
            config = self._setup.judging(self._setup.gold)
            yield self._run(human.name, f"{human.name}, judged", human.path, output, config, "pairs")

    def _judged(self, entry: Entry) -> Path:
        return self._setup.output(entry).with_name(JUDGED)

    def _journals(self) -> list[Path]:
        return sorted(self._setup.folder.glob("*/pairs.run/journal.sqlite"))

    def _run(
        self,
        name: str,
        what: str,
        prompts: Path,
        output: Path,
        config: Config,
        unit: str,
        lenders: Sequence[Path] = (),
    ) -> Ended:
        listener = self._audience.begin(what, unit)
        try:
            _make_folder(output.parent)
            summary = run.generate(prompts, output, self._within(config), listener=listener, lenders=lenders)
        except RMBoostError as error:
            return Ended(name, what, output, error=error)
        return Ended(name, what, output, summary)

    def _within(self, config: Config) -> Config:
        """The settings with what is left of the deadline."""
        if config.ceilings.deadline is None:
            return config
        left = max(_LEAST_SECONDS, config.ceilings.deadline - (monotonic() - self._started))
        return config.model_copy(update={"ceilings": config.ceilings.model_copy(update={"deadline": left})})


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder} cannot be made: {error.strerror}") from None
