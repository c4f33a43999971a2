"""Proof that a run's files are what its journal says: every row is made again, nobody is asked, and all is compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from rmboost import registry
from rmboost.claim import claim, manifest_of, run_folder
from rmboost.config import Config
from rmboost.errors import ConfigError, InputError, StoreError
from rmboost.records import Failed, Job, Kept, Outcome
from rmboost.run.checkpoint import Checkpoint
from rmboost.run.fingerprint import difference, run_of
from rmboost.run.recipe import Recipe
from rmboost.run.replan import Course, plan_so_far, settle_plan
from rmboost.run.replay import Answers, Replay
from rmboost.run.rowdiff import RowDiff
from rmboost.run.rowfile import encode
from rmboost.together import run

Progress = Callable[[int, int], None]
"""Is told how many of how many jobs are done."""


@dataclass(frozen=True)
class FileProof:
    """One file beside what the answers give: rows and sha256 that it should have, and the sha256 that it has."""

    path: Path
    rows: int
    wanted: str
    found: str


@dataclass(frozen=True)
class Proof:
    """What came of the proof. ``differences``: the first of ``count``; none: the files are what they should be.

    status: how the run had ended. missing: jobs with a call that the journal does not hold; nothing is said of them.
    waiting: failed jobs that were asked again since, but for which no new row was written yet.
    """

    status: str
    files: tuple[FileProof, ...]
    jobs: int
    differences: tuple[str, ...]
    count: int
    missing: int
    waiting: int
    notices: tuple[str, ...]

    @property
    def same(self) -> bool:
        return not self.count and not self.missing


def prove(output: Path, prompts: Path | None = None, progress: Progress | None = None) -> Proof:
    """Make the rows of ``output`` again from the journal beside it, and compare.

    prompts: where the prompt file is now; none: where the run had it. Raises StoreError where there is no run or a
    process works on it, InputError for other prompts, ConfigError for templates that are not those of the run.
    """
    manifest = manifest_of(output)
    with claim(output):
        return run(_prove(output, manifest, prompts, progress))


async def _prove(output: Path, manifest: Mapping[str, Any], prompts: Path | None, progress: Progress | None) -> Proof:
    recipe, notices = _recipe(output, manifest, prompts)
    journal = Answers(run_folder(output) / "journal.sqlite", goes_on=False)
    try:
        checkpoint = Checkpoint.load(journal.recall("checkpoint"))
        courses = filter(None, (each(recipe, journal) for each in (plan_so_far, settle_plan)))
        fitting = (each for each in courses if checkpoint.run == _identity(manifest, recipe, each))
        if not (course := next(fitting, None)):
            hint = "the run's own command, given again, puts them in order"
            raise StoreError(f"the manifest of {output} is not that of its rows: a run was killed as it began", hint)
        prover = _Prover(recipe, journal, checkpoint, output)
        await prover.run(replace(recipe, plan=course.plan).jobs(), progress)
        return prover.proof(manifest, (journal.rescued, *notices))
    finally:
        await journal.close()


def _identity(manifest: Mapping[str, Any], recipe: Recipe, course: Course) -> str:
    return run_of(manifest["settings"], recipe.survey.form, course.order)


def _recipe(output: Path, manifest: Mapping[str, Any], prompts: Path | None) -> tuple[Recipe, list[str]]:
    """What the run was made of, and what is different now but does no harm by itself."""
    config = registry.validate(Config, manifest["config"], "the run's manifest")
    known = manifest["input"]
    recipe = _of_the_prompts(config, known, _places(output, Path(known["path"]), prompts))
    changes = difference(manifest["settings"], recipe.settings)
    if harm := [line for line in changes if not line.startswith("version: ")]:
        raise ConfigError(f"the run cannot be made again: {'; '.join(harm)}", "put back the files it was made with")
    return recipe, [f"rmboost is not what it was, rows may differ for that: {line}" for line in changes]


def _of_the_prompts(config: Config, known: Mapping[str, Any], places: Iterable[Path]) -> Recipe:
    """From the first place that holds what the run read. Raises InputError where none does."""
    other = ""
    for place in places:
        recipe = Recipe.prepare(place, config, known)
        if (found := recipe.survey.sha256) == known["sha256"]:
            return recipe
        other = other or f"{place} is not what the run read (its sha256 is {found}, the run's was {known['sha256']})"
    if other:
        raise InputError(other, "put that version back, or --prompts FILE with it")
    raise InputError(f"the prompts that the run had ({known['path']}) are not there any more", "--prompts FILE")


def _places(output: Path, named: Path, given: Path | None) -> list[Path]:
    """Where the prompts of a run may be: where they were, or beside the output."""
    if given:
        return [given]  # also if it is not there, which is said when it is read
    places = (named, output.parent / named, output.parent / named.name)
    return [place for place in dict.fromkeys(places) if place.exists()]


class _Prover:
    """The jobs of a run, settled once more by the journal alone, beside the rows that were written."""

    def __init__(self, recipe: Recipe, answers: Answers, checkpoint: Checkpoint, output: Path) -> None:
        self._recipe, self._answers, self._checkpoint = recipe, answers, checkpoint
        end, whole = checkpoint.end, checkpoint.closed  # what a killed process wrote past it counts for nothing
        self._pairs = RowDiff(output, None if whole else end.pairs[0])
        self._rejects = RowDiff(run_folder(output) / "rejects.jsonl", None if whole else end.rejects[0])
        self._missing = self._waiting = 0

    async def run(self, planned: Iterator[Job], progress: Progress | None) -> None:
        """Settle and compare."""
        jobs, replay = self._checkpoint.end.jobs, Replay(self._recipe, self._answers)
        for job in islice(planned, jobs):
            await asyncio.sleep(0)  # nothing else waits here, and Ctrl-C would be heard at the end
            about, outcome = (job.prompt.id, job.repetition), await replay.outcome(job)
            if self._rejects.waits(*about) and not isinstance(outcome, Failed):  # a redo was stopped, and wrote no row
                self._rejects.take(*about)
                self._waiting += 1
            elif outcome:
                self._compare(outcome)
            else:
                self._missing += 1
                self._pairs.take(*about)
                self._rejects.take(*about)
            if progress:
                progress(job.index + 1, jobs)
        self._pairs.end()
        self._rejects.end()

    def proof(self, manifest: Mapping[str, Any], notices: Iterable[str]) -> Proof:
        """What came of it."""
        both = (self._pairs, self._rejects)
        of_rows = [line for file in both for line in file.differences]
        of_files = [line for file in both for line in _noted(file, manifest, self._checkpoint)]
        of_files += self._touched() if self._waiting else ()
        return Proof(
            status=manifest["status"],
            files=tuple(FileProof(file.path, file.rows, *file.sha256) for file in both),
            jobs=self._checkpoint.end.jobs,
            differences=(*of_rows, *of_files),
            count=sum(file.count for file in both) + len(of_files),
            missing=self._missing,
            waiting=self._waiting,
            notices=tuple(filter(None, notices)),
        )

    def _touched(self) -> Iterator[str]:
        """Files that are not what the run left: of rows that were taken as they are, nothing else is a proof."""
        end = self._checkpoint.end
        for file, (_, left) in ((self._pairs, end.pairs), (self._rejects, end.rejects)):
            if file.sha256[1] != left:
                yield f"{file.path.name}: its sha256 is {file.sha256[1]}, the run left it with {left}"

    def _compare(self, outcome: Outcome) -> None:
        file = self._pairs if isinstance(outcome, Kept) else self._rejects
        file.expect(encode(self._recipe.row(outcome)))


def _noted(file: RowDiff, manifest: Mapping[str, Any], checkpoint: Checkpoint) -> Iterator[str]:
    """Where the manifest of a run that ended in peace has another hash than the rows should have."""
    noted = manifest["files"].get(file.path.name, {}).get("sha256")
    if checkpoint.closed and manifest["status"] != "running" and noted != file.sha256[0]:
        yield f"manifest.json: the sha256 of {file.path.name} is {noted}, the answers give {file.sha256[0]}"
