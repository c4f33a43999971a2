"""The report as JSON: every figure by name, the tables behind them, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rmboost.report.catalogue import FIGURES
from rmboost.report.cells import cells
from rmboost.report.estimates import difference
from rmboost.report.report import Report


def dump(reports: Sequence[Report]) -> dict[str, Any]:
    """One report, or ``{"reports": [one, other], "differences": {…}}`` of two."""
    if len(reports) == 1:
        return _report(reports[0])
    one, other = reports
    apart = {name: difference(one.figures[name], other.figures[name]).as_json() for name in FIGURES}
    return {"reports": [_report(report) for report in reports], "differences": apart}


def _report(report: Report) -> dict[str, Any]:
    return {
        "file": report.name,
        "verdict": asdict(report.verdict),
        "figures": {name: figure.as_json() for name, figure in report.figures.items()},
        **_groups(report),
        **_rules(report),
        **_texts(report),
        "tokens": report.tokens,
        "run": _run(report),
    }


def _groups(report: Report) -> dict[str, Any]:
    """By label, aspect and reason."""
    found = cells(report.table, report.rejects)
    return {
        "cells": [
            {"label": label or None, "aspect": aspect or None, "pairs": n} for (label, aspect), n in found.kept.items()
        ],
        "rejects": dict(report.rejects.reasons),
        "label_noise": [
            {
                kind: name,
                **one.share.as_json(),
                "corrected": one.corrected.value,
                "ties": one.ties,
                "unreadable": one.unreadable,
            }
            for (kind, name), one in report.noise.items()
            if kind
        ],
    }


def _rules(report: Report) -> dict[str, Any]:
    """What tells the sides apart."""
    return {
        "words": {
            side: dict(zip(("p10", "p25", "median", "p75", "p90"), map(float, values), strict=True))
            for side, values in zip(("chosen", "rejected"), report.lengths.quantiles, strict=True)
        },
        "baselines": [{"name": rule.name, **rule.wins.as_json(), "ties": rule.ties} for rule in report.baselines],
        "probes": [
            {
                "of": [probe.here, probe.there],
                "auc": probe.auc.as_json(),
                "words": {side: [asdict(word) for word in words] for side, words in probe.words.items()},
            }
            for probe in report.probes
        ],
    }


def _texts(report: Report) -> dict[str, Any]:
    """What is said twice, and where else."""
    return {
        "duplicates": {"prompts": asdict(report.prompts), "responses": asdict(report.responses)},
        "diversity": [
            {
                "group": group.group,
                **{f"distinct_{n}": figure.value for n, figure in group.distinct.items()},
                "self_similarity": group.self_similarity.value,
            }
            for group in report.diversity
        ],
        "contamination": [
            {**asdict(overlap), "prompts": overlap.prompts.as_json(), "responses": overlap.responses.as_json()}
            for overlap in report.overlaps
        ],
    }


def _run(report: Report) -> dict[str, Any] | None:
    made = report.origin
    if not made:
        return None
    return {
        "status": made.status,
        "prompts": made.prompts,
        "summary": dict(made.summary),
        "settings": dict(made.settings),
        "models": {model: asdict(totals) for model, totals in made.models.items()},
    }
