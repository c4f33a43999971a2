"""The runs of a comparison: each on its own, and each borrows what the others were answered.

One after the other, since one run fills an endpoint; with an embedded model by turns, a few prompts each, so that what
one method had the model read of a prompt is still in its memory when the next one asks about the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol

from rmboost.claim import set_aside
from rmboost.compare.setup import JUDGED, Entry, Setup
from rmboost.config import Config
from rmboost.errors import RMBoostError, StoreError
from rmboost.run import roles, run, status
from rmboost.run.listener import Listener
from rmboost.run.recipe import Recipe
from rmboost.run.summary import Summary

_LEAST_SECONDS = 1e-3
TURN = 20
"""Jobs of a method until the next one has its turn: of so many, an embedded model remembers what it has read. At the
end of a turn slots stand empty while the last answers are written: with 10, an eighth of the time."""


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

    @property
    def paused(self) -> bool:
        """Whether it goes on when the others have had their turn."""
        return self.summary is not None and self.summary.cause == "pilot"


def by_turns(setup: Setup, recipes: Sequence[Recipe]) -> dict[str, int]:
    """The jobs of each method whose models are all embedded; an endpoint would run dry at the end of each turn."""
    return {
        entry.name: recipe.available
        for entry, recipe in zip(setup.entries, recipes, strict=True)
        if {roles.kind(role) for role in roles.used(recipe.config).values()} == {roles.LOCAL}
    }


class Runs:
    """Makes the runs of a comparison. The deadline is that of all of them together.

    turns: jobs of each method that waits for the others after every TURN of them; those that are not named do not.
    """

    def __init__(self, setup: Setup, audience: Audience, turns: Mapping[str, int] | None = None) -> None:
        self._setup, self._audience, self._turns = setup, audience, turns or {}
        self._started = monotonic()
        self._fresh = False

    def set_aside(self) -> None:
        """Move all earlier runs aside before the first begins, so that none lends its answers."""
        self._fresh = True
        methods = (each for entry in self._setup.entries for each in (self._setup.output(entry), self._judged(entry)))
        for output in (*methods, *map(self._setup.gold_output, self._setup.human)):
            if aside := set_aside(output):
                self._audience.tell(f"the earlier run was moved to {aside}")

    def made(self) -> Iterator[Ended]:
        """The pairs of every method, turn by turn; one that fails does not stop the others, a signal does."""
        going = list(self._setup.entries)
        for end in (*range(TURN, max(self._turns.values(), default=0), TURN), None):
            for entry in [*going]:
                turn = end if entry.name in self._turns else None
                if turn and _settled(self._setup.output(entry)) >= turn:
                    continue
                ended = self._make(entry, turn)
                if not ended.paused:
                    going.remove(entry)
                yield ended

    def _make(self, entry: Entry, turn: int | None) -> Ended:
        prompts, output, lenders = self._setup.source(entry), self._setup.output(entry), self._lenders(entry)
        what = f"{entry.name}, up to {turn}" if turn else entry.name
        unit = "pairs" if entry.pairs else "prompts"
        return self._run(entry.name, what, prompts, output, entry.config, unit, lenders, turn)

    def judged(self) -> Iterator[Ended]:
        """A judge's verdicts on the pairs of every method that made some; none where no pair is judged."""
        for entry in self._setup.entries if self._setup.verify else ():
            config = self._setup.judging(self._setup.verify, entry.config.method)
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

    def _lenders(self, entry: Entry) -> list[Path]:
        """The journals of the other methods; where all begin anew, not of one that this command does not name."""
        journals = sorted(self._setup.folder.glob("*/pairs.run/journal.sqlite"))
        ours = {each.name for each in self._setup.entries}
        names = ((path, path.parents[1].name) for path in journals)
        return [path for path, name in names if name != entry.name and (name in ours or not self._fresh)]

    def _run(
        self,
        name: str,
        what: str,
        prompts: Path,
        output: Path,
        config: Config,
        unit: str,
        lenders: Sequence[Path] = (),
        pilot: int | None = None,
    ) -> Ended:
        listener = self._audience.begin(what, unit)
        try:
            _make_folder(output.parent)
            config = self._within(config)
            summary = run.generate(prompts, output, config, pilot=pilot, listener=listener, lenders=lenders)
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


def _settled(output: Path) -> int:
    """How many jobs of a run have their rows; none where there is no run."""
    try:
        return status.read(output).settled
    except StoreError:
        return 0
