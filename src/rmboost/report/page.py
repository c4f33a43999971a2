"""The report as one HTML page that needs nothing else. All that comes from data is escaped; only our script may run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rmboost import __version__
from rmboost.report import charts
from rmboost.report.catalogue import FIGURES, is_share
from rmboost.report.cells import cells
from rmboost.report.estimates import Figure, difference
from rmboost.report.parts import parts
from rmboost.report.report import Report
from rmboost.report.rules import RULES
from rmboost.report.verdict import percent, plain
from rmboost.texts import count
from rmboost.visible import one_line, visible

_HTML = Path(__file__).parent / "html"


def page(reports: Sequence[Report]) -> str:
    """The page of one report, or of two side by side."""
    style, script = ((_HTML / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            reports=reports,
            parts=parts(reports),
            charts=[_charts(report, place) for place, report in enumerate(reports)],
            compared=list(_compared(*reports)) if len(reports) > 1 else [],
            choices=[choice for choice in _choices(reports) if len(choice[2]) > 1],
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
        "percent": lambda figure: _unbroken(percent(figure)),
        "plain": lambda figure: _unbroken(plain(figure)),
        "cells": lambda report: cells(report.table, report.rejects),
    }
    return environment


def _unbroken(figure: str) -> Markup:
    """A figure that a narrow column breaks before its interval, and nowhere else."""
    value, opening, interval = figure.partition(" (")
    return Markup('<span class="nb">{}</span>{}').format(
        value, Markup(' <span class="nb">({}</span>').format(interval) if opening else ""
    )


def _omission(text: str, last: bool) -> str:
    return f" … {count(text):,} more words" if last else f"\n… {count(text):,} words that are the same …\n"


def _charts(report: Report, place: int) -> dict[str, Markup]:
    drawn = {
        "lengths": charts.histogram(report.lengths.words, f"length of responses {place}"),
        "baselines": charts.intervals(_winning(report), f"how often rules win {place}", 0.5, (0, 1)),
    }
    noise = [(name or "all", found.share) for (_, name), found in report.noise.items()]
    if report.noise["", ""].share.value is not None:
        top = min(1.0, 0.05 + max(figure.high or 0.0 for _, figure in noise))
        drawn["noise"] = charts.intervals(noise, f"labels contradicted {place}", None, (0, top))
    if report.origin:
        counts = [("read", report.origin.prompts), ("kept", len(report.table)), *report.rejects.reasons.most_common(12)]
        drawn["funnel"] = charts.bars(counts, f"what became of the prompts {place}")
    return {name: Markup(svg) for name, svg in drawn.items()}


def _winning(report: Report) -> list[tuple[str, Figure]]:
    return [(rule.says.partition(" (")[0], rule.wins) for rule in report.baselines]


def _compared(one: Report, other: Report) -> Iterator[tuple[str, Markup, Markup, Markup]]:
    for name in FIGURES:
        figures = (one.figures[name], other.figures[name])
        if any(figure.value is not None for figure in figures):
            first, second, apart = (_value(name, figure) for figure in (*figures, difference(*figures)))
            yield name, first, second, apart


_NUMBERS = ("pairs", "calls", "tokens", "tokens_per_pair", "seconds", "cost", "cost_per_pair")


def _value(name: str, figure: Figure) -> Markup:
    if name in _NUMBERS:
        return Markup("–" if figure.value is None else f"{figure.value:,.6g}")
    return _unbroken(percent(figure) if is_share(name) else plain(figure))


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
