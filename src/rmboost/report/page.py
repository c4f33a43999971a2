"""The report as one HTML page that needs nothing else. All that comes from data is escaped; only our script may run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rmboost import __version__
from rmboost.inspection.words import count
from rmboost.report import charts
from rmboost.report.catalogue import FIGURES
from rmboost.report.cells import cells
from rmboost.report.estimates import Figure, difference
from rmboost.report.report import Report
from rmboost.report.verdict import RULES, percent, plain
from rmboost.visible import one_line, visible

MARK = f'<meta name="generator" content="rmboost {__version__}">'
_HTML = Path(__file__).parent / "html"


class Part(NamedTuple):
    """A section of the page: its anchor and title, how to read it, and the macro that draws it."""

    id: str
    title: str
    lead: str
    macro: str = ""


_PARTS = (
    Part(
        "prompts", "What became of the prompts", "Every prompt becomes a pair or is rejected with a reason.", "funnel"
    ),
    Part(
        "cells",
        "Labels and aspects",
        "How many pairs each cell has. Where one label or aspect is rare, it is learnt less; where the labels are uneven, being an edit tells the label.",
        "cells",
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
        "A reward model learns length before quality if it may. Cohen’s d is the distance of the means in standard deviations: 0.2 is small, 0.8 is large. The ratio is that of chosen to rejected.",
        "length",
    ),
    Part(
        "blind",
        "Content-blind baselines",
        "How often a rule that reads nothing picks the chosen response, where it can tell the two apart. A half is a coin; what is far from it can be learnt in place of quality.",
        "blind",
    ),
    Part(
        "words",
        "What the words give away",
        "A linear model that sees only which words are in a text is fitted on four fifths of the prompts and tried on the rest. An AUC of 0.5 is a coin, 1 is certainty. Some words do belong to better answers; words about the task are leaks. Beside each word: in how many texts it is.",
        "words",
    ),
    Part(
        "variety",
        "Duplicates and diversity",
        "Near-duplicates share 85 % of their three-word runs (MinHash). Distinct-n is the share of n-grams that are different; self-similarity is how alike two responses to different prompts are.",
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
        "OpenRLHF and RewardBench cut at 512 tokens, TRL leaves out what has more than 1024. A pair whose sides are the same up to there teaches nothing.",
        "limits",
    ),
    Part("took", "What it took", "Calls and tokens of the whole run, over all restarts.", "took"),
    Part("settings", "Settings and templates", "What the run was told, and what the models were told.", "settings"),
    Part(
        "pairs",
        "Pairs",
        "Some pairs drawn at random, more of those with which a judge disagrees, and rejects of every reason. Marked is what only one side has.",
    ),
)
_COMPARED = Part("side-by-side", "Side by side", "Every figure of both files, and how far they are apart.")


def page(reports: Sequence[Report]) -> str:
    """The page of one report, or of two side by side."""
    style, script = ((_HTML / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            reports=reports,
            parts=[*([_COMPARED] if len(reports) > 1 else []), *_PARTS],
            charts=[_charts(report, place) for place, report in enumerate(reports)],
            compared=list(_compared(*reports)) if len(reports) > 1 else [],
            choices=list(_choices(reports)),
            rules=RULES,
            catalogue=FIGURES,
            css=Markup(style),
            script=Markup(script),
            script_hash=Markup(f"sha256-{digest}"),
            version=__version__,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HTML), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "line": lambda value, limit=60: one_line(str(value), limit),
        "name": lambda path: one_line(Path(path).name),
        "visible": visible,
        "differing": lambda text: visible(text.replace(" ", "·").replace("\n", "⏎\n") if text.isspace() else text),
        "omission": _omission,
        "whole": lambda value: f"{value:,.0f}",
        "digits": lambda figure, n: "–" if figure.value is None else f"{figure.value:,.{n}f}",
        "percent": percent,
        "plain": plain,
        "cells": lambda report: cells(report.table, report.rejects),
    }
    return environment


def _omission(text: str, last: bool) -> str:
    return f" … {count(text):,} more words" if last else f"\n… {count(text):,} words that are the same …\n"


def _charts(report: Report, place: int) -> dict[str, Markup]:
    drawn = {
        "lengths": charts.histogram(report.lengths.words, f"length of responses {place}"),
        "baselines": charts.intervals(_winning(report), f"how often rules win {place}", 0.5, (0, 1)),
    }
    noise = {name or "all": found.share for (_, name), found in report.noise.items()}
    if noise["all"].value is not None:
        top = min(1.0, 0.05 + max(figure.high or 0.0 for figure in noise.values()))
        drawn["noise"] = charts.intervals(noise, f"labels contradicted {place}", None, (0, top))
    if report.origin:
        counts = [("read", report.origin.prompts), ("kept", len(report.table)), *report.rejects.reasons.most_common(12)]
        drawn["funnel"] = charts.bars(counts, f"what became of the prompts {place}")
    return {name: Markup(svg) for name, svg in drawn.items()}


def _winning(report: Report) -> dict[str, Figure]:
    return {rule.says.partition(" (")[0]: rule.wins for rule in report.baselines}


def _compared(one: Report, other: Report) -> Iterator[tuple[str, str, str, str]]:
    for name in FIGURES:
        figures = (one.figures[name], other.figures[name])
        if any(figure.value is not None for figure in figures):
            first, second, apart = (_value(name, figure) for figure in (*figures, difference(*figures)))
            yield name, first, second, apart


_NO_SHARES = ("_d", "_auc", "_ratio", "_similarity")
_NUMBERS = ("pairs", "calls", "tokens", "tokens_per_pair", "seconds", "cost", "cost_per_pair")


def _value(name: str, figure: Figure) -> str:
    if name in _NUMBERS:
        return "–" if figure.value is None else f"{figure.value:,.6g}"
    return plain(figure) if name.partition(".")[0].endswith(_NO_SHARES) else percent(figure)


def _choices(reports: Sequence[Report]) -> Iterator[tuple[str, str, list[str]]]:
    """What the pairs that are shown can be filtered by."""
    shown = [example for report in reports for example in report.examples]
    yield "file", "file", [report.name for report in reports]
    yield "label", "label", sorted({one.label for one in shown})
    yield "aspect", "aspect", sorted({aspect for one in shown for aspect in one.aspects or ("",)})
    yield (
        "reason",
        "kept or rejected",
        sorted({one.reason or "kept" for one in shown}, key=lambda name: (name != "kept", name)),
    )
    yield "judge", "judge", sorted({one.judge or "not asked" for one in shown})


def as_json(report: Report) -> Mapping[str, Any]:
    """Every figure, and the tables, for other programs."""
    return {}
