"""The sections of the page: their titles, how to read each, and whether a report has anything to show there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rmboost.report.report import Report


def _always(report: Report) -> bool:  # noqa: ARG001
    return True


def _of_a_run(report: Report) -> bool:
    return report.origin is not None


def _has_cells(report: Report) -> bool:
    return len(report.table.labels) > 1 or len(report.table.aspects) > 1


class Part(NamedTuple):
    """A section: its anchor, title and lead, the macro that draws it, and the reports that have something to show."""

    id: str
    title: str
    lead: str
    macro: str = ""
    known: Callable[[Report], bool] = _always


_PARTS = (
    Part(
        "prompts",
        "What became of the prompts",
        "Every prompt becomes a pair or is rejected with a reason.",
        "funnel",
        _of_a_run,
    ),
    Part(
        "cells",
        "Labels and aspects",
        "How many pairs each cell has. Where one label or aspect is rare, it is learnt less; where the labels are "
        "uneven, being an edit tells the label.",
        "cells",
        _has_cells,
    ),
    Part(
        "noise",
        "Label noise",
        "How often a judge, asked in both orders, prefers the response that the label calls rejected.",
        "noise",
    ),
    Part(
        "length",
        "Length",
        "A reward model learns length before quality if it may. Cohen’s d is the distance of the means in standard "
        "deviations: 0.2 is small, 0.8 is large. The ratio is that of chosen to rejected.",
        "length",
    ),
    Part(
        "blind",
        "Content-blind baselines",
        "How often a rule that reads nothing picks the chosen response, where it can tell the two apart. A half is a "
        "coin; what is far from it can be learnt in place of quality.",
        "blind",
    ),
    Part(
        "words",
        "What the words give away",
        "A linear model that sees only which words are in a text is fitted on four fifths of the prompts and tried on "
        "the rest. An AUC of 0.5 is a coin, 1 is certainty. Some words do belong to better answers; words about the "
        "task are leaks. Beside each word: in how many texts it is.",
        "words",
    ),
    Part(
        "variety",
        "Duplicates and diversity",
        "Near-duplicates share 85 % of their three-word runs (MinHash). Distinct-n is the share of n-grams that are "
        "different; self-similarity is how alike two responses to different prompts are.",
        "variety",
    ),
    Part(
        "contamination",
        "Contamination",
        "Runs of words that the file shares with files it must not know.",
        "contamination",
    ),
    Part(
        "limits",
        "Length limits of trainers",
        "OpenRLHF and RewardBench cut at 512 tokens, TRL leaves out what has more than 1024. A pair whose sides are "
        "the same up to there teaches nothing.",
        "limits",
    ),
    Part("took", "What it took", "Calls and tokens of the whole run, over all restarts.", "took", _of_a_run),
    Part(
        "settings",
        "Settings and templates",
        "What the run was told, and what the models were told.",
        "settings",
        _of_a_run,
    ),
    Part(
        "pairs",
        "Pairs",
        "Some pairs drawn at random, more of those with which a judge disagrees, and rejects of every reason. Marked "
        "is what only one side has.",
    ),
)
_COMPARED = Part("side-by-side", "Side by side", "Every figure of both files, and how far they are apart.")


def parts(reports: Sequence[Report]) -> list[Part]:
    """What a page of these reports has: of two, first what compares them."""
    compared = [_COMPARED] if len(reports) > 1 else []
    return [*compared, *(part for part in _PARTS if any(map(part.known, reports)))]
