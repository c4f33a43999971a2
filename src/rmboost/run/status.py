"""The status of a run, read from its folder: by whoever wants to know, while the run goes on or after it ended."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rmboost import registry
from rmboost.budget import Price, Spent, for_any_name
from rmboost.claim import manifest_of, owner, run_folder
from rmboost.errors import StoreError
from rmboost.journal.reader import JournalReader, Totals
from rmboost.manifest import read_manifest
from rmboost.run.checkpoint import Checkpoint
from rmboost.run.forecast import jobs_left
from rmboost.run.tally import Tally

COMPARISON = "comparison.run"
"""In the folder above those of its methods, while and after a comparison makes their runs."""
_WINDOW_SECONDS = 60.0
_WINDOW_CALLS = 5000
"""Rates are over the calls of the last minute, and over no more than these."""


@dataclass(frozen=True)
class Rates:
    """What came in a second, lately."""

    calls: float
    completion_tokens: float


@dataclass(frozen=True)
class Status:
    """How a run stands.

    state: ``running``; ``starting`` (a process is at work and has no row yet that takes the place of those that are
    there: all else is of the command before it); ``waiting`` (until the other methods of a comparison have had
    their turn); ``finished``; ``stopped`` (it ended in peace and can go on; ``reason`` if it gave one, ``cause`` as
    of a Summary); ``killed`` (it ended without a word, and can go on). process: who works on it, or on the
    comparison that it waits in. prompts: of its input; unit: what it settles, ``prompts`` or ``pairs``; jobs: how
    many it will settle, as far as they are ordered where there is a target; settled: how many have their rows.
    silent: seconds since the last answer, if there was one. rates: none, when it is not running or nothing came
    lately. left: seconds until the end at these rates, with as many calls a job as jobs took lately. cost: at the
    prices in the run's config; none where a model has none.
    """

    output: Path
    state: str
    reason: str
    cause: str
    process: str | None
    prompts: int
    unit: str
    jobs: int
    target: int | None
    settled: int
    tally: Tally
    models: dict[str, Totals]
    cost: float | None
    silent: float | None
    rates: Rates | None
    left: float | None

    @property
    def totals(self) -> Totals:
        return sum(self.models.values(), Totals())

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "output": str(self.output), "tally": self.tally.dump(), "totals": asdict(self.totals)}


def read_all(folder: Path) -> dict[Path, Status | StoreError]:
    """How the runs stand whose outputs are in a folder, or in a folder of it, as those of a comparison are.

    By output; of one that cannot be read, why. Raises StoreError when there is none.
    """
    journals = {*folder.glob("*.run/journal.sqlite"), *folder.glob("*/*.run/journal.sqlite")}
    found = dict(_reading(journal.parent) for journal in sorted(journals))
    if not found:
        raise StoreError(f"there is no run in {folder}", "name the file that rmboost generate writes (-o)")
    return found


def _reading(run: Path) -> tuple[Path, Status | StoreError]:
    output = run
    try:
        output = run.with_name(read_manifest(run).get("output", run.name))
        return output, read(output)
    except StoreError as error:
        return output, error


def read(output: Path) -> Status:
    """How the run that writes ``output`` stands; nothing is changed and nobody held up.

    Raises StoreError when there is no such run, or its files cannot be read.
    """
    manifest, folder = manifest_of(output), run_folder(output)
    journal = folder / "journal.sqlite"
    working = owner(folder)
    waiting = owner(output.absolute().parent.parent / COMPARISON) if _has_a_turn(manifest) and not working else None
    process = working or waiting
    with JournalReader.opened(journal) as reader:
        checkpoint, plan = Checkpoint.load(reader.recall("checkpoint")), reader.recall("plan")
        models, latest = reader.totals_by_model(), reader.latest(_WINDOW_CALLS)
    now, ended = time.time(), manifest.get("summary", {})
    prompts, settled = manifest["input"]["count"], checkpoint.end.jobs
    jobs = (plan or {}).get("jobs", prompts)
    fresh = [answer for answer in latest if answer[0] >= manifest.get("began", 0.0)]  # not of the command before
    state = "waiting" if waiting else _state(manifest["status"], checkpoint, working)
    rates = _rates(fresh, now) if state == "running" else None
    target, kept = manifest["config"].get("target"), checkpoint.end.tally.get("kept", 0)
    left = jobs_left(target, kept, settled) if target else jobs - settled
    return Status(
        output=output,
        state=state,
        reason="" if process else ended.get("reason", ""),
        cause="" if process else ended.get("cause", ""),
        process=process,
        prompts=prompts,
        unit=_unit(manifest["config"]),
        jobs=jobs,
        target=target,
        settled=settled,
        tally=Tally.load(dict(checkpoint.end.tally)),
        models=models,
        cost=_cost(models, manifest),
        silent=max(now - latest[0][0], 0.0) if latest else None,
        rates=rates,
        left=left * _calls_of_a_job(fresh) / rates.calls if rates and settled else None,
    )


def _state(said: str, checkpoint: Checkpoint, process: str | None) -> str:
    if process:
        return "running" if said == "running" else "starting"
    if said == "finished":
        return said
    return "stopped" if checkpoint.closed else "killed"


def _has_a_turn(manifest: Mapping[str, Any]) -> bool:
    """Whether a run ended where it was to, before the end of its list."""
    return bool(manifest.get("summary", {}).get("cause") == "pilot")


def _unit(config: Mapping[str, Any]) -> str:
    """What jobs count: there may be more than one of a prompt, or less."""
    each = config.get("repetitions", 1) == 1 and not config.get("target") and config["method"]["name"] != "given"
    return "prompts" if each else "pairs"


def _cost(models: Mapping[str, Totals], manifest: Mapping[str, Any]) -> float | None:
    given = manifest.get("config", {}).get("prices", {})
    prices = {name: registry.validate(Price, price, "the run's manifest") for name, price in given.items()}
    return Spent.before(models, for_any_name(prices, manifest.get("models", {}).values())).cost if prices else None


def _calls_of_a_job(latest: Sequence[tuple[float, int, str]]) -> float:
    return len(latest) / len({job for _, _, job in latest})


def _rates(latest: Sequence[tuple[float, int, str]], now: float) -> Rates | None:
    """By the times that answers came at; None when there are too few, or the clock has been set back since."""
    recent = [(at, tokens) for at, tokens, _ in latest if 0 <= now - at <= _WINDOW_SECONDS]
    seconds = now - recent[-1][0] if recent else 0.0
    if len(recent) < 2 or seconds <= 0:
        return None
    return Rates((len(recent) - 1) / seconds, sum(tokens for _, tokens in recent[:-1]) / seconds)
