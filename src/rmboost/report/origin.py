"""Where a file comes from: what its run says of itself, and what became of the prompts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rmboost.claim import owner, run_folder
from rmboost.errors import InputError, StoreError
from rmboost.inspection import rejects_of
from rmboost.journal.reader import JournalReader, Totals
from rmboost.manifest import read_manifest
from rmboost.preferences import Preferences, Row
from rmboost.records import DISAGREES
from rmboost.report.table import hash_of
from rmboost.run.fingerprint import flat


@dataclass(frozen=True)
class Origin:
    """The run that wrote a file.

    prompts: that it had to make pairs of, one counted as often as it has repetitions. summary: its last
    figures, empty while it has not come to an end. settings: by dotted name. templates: what the models were told, by
    file. models: what each was asked and took. gold: where the judge of the run was held against people, if that file
    is still there.
    """

    status: str
    prompts: int
    summary: Mapping[str, Any]
    settings: Mapping[str, Any]
    templates: Mapping[str, str]
    models: Mapping[str, Totals]
    rejects: Path | None
    gold: Path | None


@dataclass
class Rejects:
    """Prompts that made no pair: by reason with the id of one, and by label and aspect.

    contradicted: where a judge said no, by label and aspect the hashes of the prompts.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    contradicted: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Row) -> None:
        """One more."""
        self.reasons[row.reason] += 1
        self.examples.setdefault(row.reason, row.id)
        self.cells[row.label, row.aspect] += 1
        if row.reason == DISAGREES:
            self.contradicted[row.label, row.aspect].append(hash_of(row))


def origin(path: Path) -> Origin | None:
    """What stands in the folder beside a file; None where no run of ours wrote it.

    Raises StoreError for a manifest that cannot be read.
    """
    if not path.name:
        return None  # the folder ``.``, as `datasets` saves them
    folder = run_folder(path)
    manifest = read_manifest(folder)
    whole = all(isinstance(manifest.get(name), dict) for name in ("settings", "input"))
    if not whole or manifest.get("output", path.name) != path.name:
        return None  # a comparison has such a folder, too, and no settings in it
    try:
        rejects = rejects_of(path)
    except InputError:
        rejects = None
    summary = manifest.get("summary", {})
    return Origin(
        status=_status(str(manifest.get("status")), folder),
        prompts=summary.get("jobs", manifest["input"].get("count", 0)),
        summary=summary,
        settings=dict(flat(manifest["settings"])),
        templates=manifest.get("template_texts", {}),
        models=_models(folder / "journal.sqlite"),
        rejects=rejects,
        gold=_gold(manifest),
    )


def _status(said: str, folder: Path) -> str:
    """A run that nobody works on and that did not come to say so was killed, or ended by an error."""
    return "broken off" if said == "running" and not owner(folder) else said


def _gold(manifest: Mapping[str, Any]) -> Path | None:
    given = manifest.get("config", {}).get("verify", {}).get("gold")
    return Path(given) if given and Path(given).is_file() else None


def _models(journal: Path) -> Mapping[str, Totals]:
    """What each model answered; empty where there is no journal that can be read as it is."""
    try:
        with JournalReader.opened(journal) as reader:
            return reader.totals_by_model()
    except StoreError:
        return {}


def rejected(found: Origin | None) -> Iterator[Row]:
    """What the run did not keep."""
    if found and found.rejects:
        yield from Preferences(found.rejects)
