"""A report: everything that is measured of a file, put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rmboost.errors import InputError
from rmboost.labels.gold import asked_about, read_marks
from rmboost.labels.noise import Marks
from rmboost.preferences import Preferences
from rmboost.report.baselines import Baseline, baselines, of_label
from rmboost.report.catalogue import FIGURES
from rmboost.report.contamination import GRAMS, Against, Overlap
from rmboost.report.diversity import Diversity, diversity
from rmboost.report.duplicates import Duplicates, Sketches
from rmboost.report.estimates import Figure, missing, proportion
from rmboost.report.examples import Example, Gallery
from rmboost.report.lengths import Lengths, lengths
from rmboost.report.noise import Noise, all_verdicts, noise
from rmboost.report.origin import Origin, Rejects, origin, rejected
from rmboost.report.probe import Probe, probes
from rmboost.report.table import NONE, TIE, UNREADABLE, Table, tabulate
from rmboost.report.text import WordHashes
from rmboost.report.tokens import Estimate, Tokens
from rmboost.report.truncation import Cut, truncation
from rmboost.report.verdict import Verdict, verdict


@dataclass(frozen=True)
class Report:
    """What was measured of the file called ``name``. torn: its last line was cut off and left out."""

    name: str
    torn: bool
    table: Table
    rejects: Rejects
    origin: Origin | None
    noise: Mapping[tuple[str, str], Noise]
    lengths: Lengths
    baselines: Sequence[Baseline]
    probes: Sequence[Probe]
    prompts: Duplicates
    responses: Duplicates
    diversity: Sequence[Diversity]
    overlaps: Sequence[Overlap]
    cuts: Sequence[Cut]
    tokens: str
    examples: Sequence[Example]

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Every figure that has a name, in the order of the catalogue."""
        found = dict(_figures(self))
        return {name: found.get(name, missing("the file does not say")) for name in FIGURES}

    @cached_property
    def verdict(self) -> Verdict:
        """What the figures come to."""
        return verdict(self.figures)


def examine(
    source: Path | BinaryIO,
    against: Sequence[Path] = (),
    tokens: Tokens | None = None,
    size: int = 60,
    seed: int = 0,
    gold: Path | None = None,
) -> Report:
    """Measure a preference file, in one pass over it and one over what its run rejected.

    against: files that it must not know. size: pairs to show. gold: what ``rmboost judge --gold`` wrote with the same
    judge, else what the run was told. Raises InputError for a file that cannot be read or holds
    no pair, and StoreError for a run's folder that cannot be read.
    """
    hashes, tokens = WordHashes(), tokens or Estimate()
    held = [Against(path, hashes) for path in against]
    made = origin(source) if isinstance(source, Path) else None
    judged = _gold(gold, made)
    sketches, gallery, rejects = Sketches(hashes), Gallery(size, seed), Rejects()
    file = Preferences(source)
    table = tabulate(file.pairs(), tokens, hashes, (sketches, gallery, *held))
    if not len(table):
        raise InputError(f"{file.name}: no pair in the file")
    for row in rejected(made):
        rejects.add(row)
        gallery.offer_reject(row)
    prompts = table.places("prompt")
    return Report(
        name=file.name,
        torn=file.torn,
        table=table,
        rejects=rejects,
        origin=made,
        noise=noise(table, judged, rejects.contradicted),
        lengths=lengths(table),
        baselines=baselines(table),
        probes=probes(table),
        prompts=sketches.prompts(prompts),
        responses=sketches.responses(prompts),
        diversity=diversity(table),
        overlaps=[overlap for each in held for overlap in each.overlaps(prompts)],
        cuts=truncation(table),
        tokens=tokens.says,
        examples=gallery.examples(),
    )


def _gold(path: Path | None, made: Origin | None) -> Marks | None:
    """Where these pairs were not asked about as the gold pairs were, none of which then counts."""
    path = path or (made.gold if made else None)
    if not path:
        return None
    here = made.settings.get("verify.about", "") if made else ""
    return read_marks(path) if not here or asked_about(path) in ("", here) else Marks()


def _figures(report: Report) -> Iterator[tuple[str, Figure]]:
    table = report.table
    yield "pairs", Figure(len(table))
    yield from _noise(report)
    yield from ((rule.name, rule.wins) for rule in report.baselines)
    for label in ("better", "worse"):
        if label in table.labels:
            yield f"longer_wins.{label}", of_label(table, label)
    for label, figure in report.lengths.d.items():
        yield f"length_d.{label}".rstrip("."), figure
    yield "length_ratio", report.lengths.ratio[""]
    for name, probe in zip(("probe_auc", "probe_second_auc"), report.probes, strict=True):
        yield name, probe.auc
    yield "identical_pairs", proportion(table.column("identical") > 0, table.places("prompt"))
    yield "repeated_prompts", Figure(report.prompts.repeated / len(table), n=len(table))
    for name, found in (("prompts", report.prompts), ("responses", report.responses)):
        yield f"near_duplicate_{name}", Figure(found.near / max(found.texts, 1), n=found.texts)
    chosen = report.diversity[0]
    yield from ((f"distinct_{n}", figure) for n, figure in chosen.distinct.items())
    yield "self_similarity", chosen.self_similarity
    yield from _contamination(report.overlaps)
    for cut in report.cuts:
        yield f"too_long_{cut.limit}", cut.too_long
        yield f"equal_after_{cut.limit}", cut.equal
    if report.origin:
        yield from _run(report.origin.summary, len(table), report.rejects.reasons)


def _noise(report: Report) -> Iterator[tuple[str, Figure]]:
    for (kind, name), found in report.noise.items():
        if kind in ("", "label"):
            yield f"label_noise.{name}".rstrip("."), found.share
    yield "label_noise_decided", report.noise["", ""].decided
    yield "label_noise_corrected", report.noise["", ""].corrected
    judged = report.table.places("verdict") != NONE
    yield "judged_share", Figure(float(judged.mean()), n=len(judged))
    verdicts, prompts = all_verdicts(report.table, report.rejects.contradicted)
    for name, kind_of in (("judge_ties", TIE), ("judge_unreadable", UNREADABLE)):
        if len(verdicts):
            yield name, proportion(verdicts == kind_of, prompts)


def _contamination(overlaps: Sequence[Overlap]) -> Iterator[tuple[str, Figure]]:
    for n in GRAMS:
        for name in ("prompts", "responses"):
            figures: list[Figure] = [getattr(overlap, name) for overlap in overlaps if overlap.n == n]
            worst = max(figures, key=lambda figure: figure.value or 0.0, default=missing("nothing to compare with"))
            yield f"contaminated_{name}_{n}", worst


def _run(summary: Mapping[str, Any], kept: int, reasons: Counter[str]) -> Iterator[tuple[str, Figure]]:
    settled = kept + sum(reasons.values())
    if reasons or summary:
        yield "kept_share", proportion(np.arange(settled) < kept, np.arange(settled))
    if not summary:
        return
    tokens = summary["prompt_tokens"] + summary["completion_tokens"]
    for name, value in (("calls", summary["calls"]), ("tokens", tokens), ("seconds", summary["seconds"])):
        yield name, Figure(value)
    yield "tokens_per_pair", Figure(tokens / kept)
    if (cost := summary.get("cost")) is None:
        yield from ((name, missing("no prices in the config")) for name in ("cost", "cost_per_pair"))
    else:
        yield "cost", Figure(cost)
        yield "cost_per_pair", Figure(cost / kept)
