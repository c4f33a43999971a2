"""The comparison as one HTML page that needs nothing else. All that comes from data is escaped; there is no script."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rmboost import __version__
from rmboost.compare import table
from rmboost.compare.leanings import telling
from rmboost.report import charts
from rmboost.report.catalogue import FIGURES, is_share
from rmboost.report.estimates import Figure
from rmboost.visible import one_line

Values = Mapping[str, Any]
_HTML = Path(__file__).parent / "html"
_STYLE = Path(__file__).parents[1] / "report" / "html" / "page.css"


def page(found: Values) -> str:
    """The page of a comparison, from its figures."""
    environment = Environment(
        loader=FileSystemLoader(_HTML),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": _line, "apart": apart}
    style = _STYLE.read_text(encoding="utf-8")
    return environment.get_template("page.html.j2").render(
        found=found,
        rows=list(measured(found)),
        notes=list(table.notes(found)),
        sets=sets(found),
        leanings=list(leaning(found)),
        percent=table.percent,
        plain=table.plain,
        share=table.share,
        sources=table.sources,
        source_name=table.source_name,
        accuracy=table.accuracy,
        blind=table.blind,
        curves={test: Markup(svg) for test, svg in drawn(found, charts.curves).items()},
        css=Markup(style),
        version=__version__,
    )


def _line(value: object, limit: int = 60) -> str:
    return one_line(str(value), limit)


def measured(found: Values) -> Any:
    """Name, meaning, and a cell for each method, of every figure that was measured anywhere."""
    for name, meaning in FIGURES.items():
        figures = [row["figures"].get(name) for row in found["methods"]]
        if any(figure and figure["value"] is not None for figure in figures):
            yield name, meaning, [_cell(name, figure) for figure in figures]


def sets(found: Values) -> list[str]:
    """The names of all sets of pairs: the methods, then those that people labelled."""
    return [row["name"] for row in found["methods"]] + list(found["signal"]["tests"] if found["signal"] else ())


def leaning(found: Values) -> Iterator[tuple[str, list[str]]]:
    """Feature by feature, of which the chosen responses have more: a cell for each of ``sets``."""
    for feature in telling(found["leanings"]):
        yield feature.removesuffix(", log"), [table.share(found["leanings"][feature].get(name)) for name in sets(found)]


def _cell(name: str, figure: Values | None) -> str:
    if not figure or figure["value"] is None:
        return "–"
    return table.percent(figure, 1) if is_share(name) else table.plain(figure)


def apart(difference: Values) -> str:
    """``+2.1 (−0.4 to 4.6)``, in points."""
    value, low, high = (100 * difference[name] for name in ("value", "low", "high"))
    return f"{value:+.1f} ({low:.1f} to {high:.1f})".replace("-", "−")


def drawn(found: Values, draw: Callable[..., str]) -> dict[str, str]:
    """By test set and reward model, the learning curves of all methods; none where nothing could be tested."""
    signal = found["signal"]
    if not signal:
        return {}
    pictures = {}
    for test in signal["tests"]:
        for model in signal["models"]:
            if lines := _lines(signal, test, model):
                name = f"accuracy of {model} on {test}, by pairs trained on"
                pictures[f"{test}/{model}"] = draw(lines, name, 0.5)
    return pictures


def _lines(signal: Values, test: str, model: str) -> dict[str, list[tuple[int, Figure]]]:
    lines: dict[str, dict[int, Figure]] = {}
    for each in signal["accuracy"]:
        if (each["source"], each["test"], each["model"]) == ("own", test, model):
            point = Figure(each["accuracy"], each["low"], each["high"], each["tested_on"])
            lines.setdefault(each["method"], {})[each["trained_on"]] = point
    return {name: sorted(points.items()) for name, points in lines.items()}
