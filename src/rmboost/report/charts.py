"""Charts as SVG that takes the page's colours and fonts: matplotlib draws, and what it says of itself is taken out."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from rmboost.report.estimates import Figure, Floats
from rmboost.visible import one_line

WIDTH = 4.6  # inches of 72 points: as wide as a phone, so that the text is not made smaller there
_INK, _FAINT, _CHOSEN, _REJECTED, _BLUE = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {_INK: "--ink", _FAINT: "--faint", _CHOSEN: "--chosen", _REJECTED: "--rejected", _BLUE: "--link"}
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "rmboost",
    "text.parse_math": False,
    "font.size": 9.5,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.edgecolor": _FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "legend.frameon": False,
}
_BINS = 40
_DIGITS = re.compile(r"\d+\.\d{2,}")


def histogram(words: Floats, name: str) -> str:
    """Responses by length in words, both sides in the same bins; the last one takes the longest twentieth of them."""
    top = max(10.0, float(np.percentile(words, 97)))
    edges = np.linspace(0, top, min(_BINS, int(top), 5 + int(len(words) ** 0.5)) + 1)
    with _drawing(2.3) as (axes, svg):
        for side, color, style in ((0, _CHOSEN, "-"), (1, _REJECTED, "--")):
            counts, _ = np.histogram(np.minimum(words[:, side], top), edges)
            axes.stairs(counts, edges, color=color, linestyle=style, linewidth=1.6, label=("chosen", "rejected")[side])
        axes.set_xlabel("words")
        axes.set_ylabel("responses")
        axes.set_ylim(0)
        axes.legend()
    return _cleaned(svg, name)


def intervals(figures: Sequence[tuple[str, Figure]], name: str, middle: float | None, ends: tuple[float, float]) -> str:
    """Each figure as a dot with its interval, on a scale with a line where a coin would be. Labels may be the same."""
    shown = [(one_line(label, 28), figure) for label, figure in figures if figure.value is not None]
    with _drawing(0.55 + 0.27 * len(shown)) as (axes, svg):
        if middle is not None:
            axes.axvline(middle, color=_FAINT, linewidth=1, linestyle=":")
        for place, (_, figure) in enumerate(shown):
            assert figure.value is not None
            low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
            axes.plot((low, high), (place, place), color=_INK, linewidth=1.4, solid_capstyle="butt")
            axes.plot(figure.value, place, "o", color=_INK, markersize=4.5)
        axes.set_yticks(range(len(shown)), [label for label, _ in shown])
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlim(*ends)
        axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        axes.tick_params(axis="y", length=0)
    return _cleaned(svg, name)


@contextmanager
def _drawing(height: float) -> Iterator[tuple[Axes, StringIO]]:
    """Axes to draw on, and what will hold the SVG when that is done."""
    with matplotlib.rc_context(_STYLE):
        drawing, svg = Drawing(figsize=(WIDTH, height), layout="constrained"), StringIO()
        yield drawing.add_subplot(), svg
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # the page's fonts draw the text
            drawing.savefig(svg, format="svg", metadata={"Date": None})


def _cleaned(svg: StringIO, name: str) -> str:
    """Fit to stand in a page: no prologue, metadata or rules for the whole page; ids of its own, short numbers."""
    text, label, prefix = svg.getvalue(), f' role="img" aria-label="{escape(name)}"', re.sub(r"\W+", "-", name)
    text = re.sub(
        r"<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>", "", text[text.index("<svg") :], flags=re.DOTALL
    )
    text = re.sub(r' width="[^"]*pt" height="[^"]*pt"', lambda _: label, text, count=1)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
    text = re.sub(r'(id="|href="#|url\(#)', lambda found: f"{found[1]}{prefix}-", text)
    text = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda found: _DIGITS.sub(_rounded, found[0]), text)
    text = re.sub(r"font-family: [^;\"]*|font: ([\d.]+)px [^;\"]*", _font, text)
    for color, variable in _VARIABLES.items():
        text = text.replace(color, f"var({variable})")
    return re.sub(r">\s+<", "><", re.sub(r"\s+", " ", text))


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}"


def _font(found: re.Match[str]) -> str:
    return f"font-size: {found[1]}px" if found[1] else "font-family: inherit"


def bars(counts: Sequence[tuple[str, int]], name: str) -> str:
    """Counts as bars, the first one being the whole."""
    labels = [one_line(label, 28) for label, _ in counts]
    values = [count for _, count in counts]
    with _drawing(0.2 + 0.27 * len(counts)) as (axes, svg):
        drawn = axes.barh(
            range(len(counts)), values, color=[_CHOSEN, _CHOSEN, *[_REJECTED] * len(counts)][: len(counts)]
        )
        axes.bar_label(drawn, [f"{value:,}" for value in values], padding=3)
        axes.set_yticks(range(len(counts)), labels)
        axes.set_ylim(len(counts) - 0.4, -0.6)
        axes.set_xlim(0, 1.12 * max(values))
        axes.xaxis.set_visible(False)
        axes.spines["bottom"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return _cleaned(svg, name)


def curves(lines: Mapping[str, Sequence[tuple[float, Figure]]], name: str, middle: float) -> str:
    """A line for each source over a number of pairs, with its intervals, and a line where a coin would be."""
    with _drawing(2.9) as (axes, svg):
        axes.axhline(middle, color=_FAINT, linewidth=1, linestyle=":")
        for place, points in enumerate(lines.values()):
            color, style, marker = (each[place % len(each)] for each in (_COLORS, _DASHES, _MARKERS))
            at = [n * (1 + 0.02 * place) for n, _ in points]  # beside each other, so that no interval hides another
            values = [float("nan") if figure.value is None else figure.value for _, figure in points]
            axes.plot(at, values, color=color, linestyle=style, marker=marker, markersize=4, label=str(place))
            for x, (_, figure) in zip(at, points, strict=True):
                if figure.low is not None and figure.high is not None:
                    axes.plot((x, x), (figure.low, figure.high), color=color, linewidth=0.9)
        axes.set_xscale("log")
        axes.set_xlabel("pairs trained on")
        axes.set_xticks(_apart({round(n) for points in lines.values() for n, _ in points}), minor=False)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.minorticks_off()
        axes.locator_params(axis="y", nbins=7, steps=[1, 2, 5, 10])  # whole percents
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        legend = axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4)  # bars may be anywhere
        for text, label in zip(legend.get_texts(), lines, strict=True):
            text.set_text(one_line(label, 28))  # not before: matplotlib leaves out what begins with _
    return _cleaned(svg, name)


def _apart(numbers: Collection[int]) -> list[int]:
    """Those numbers, from the largest on, that have room to be written under a logarithmic axis of all of them."""
    kept: list[int] = []
    room = (max(numbers) / min(numbers)) ** 0.1 if numbers else 1.0
    for number in sorted(numbers, reverse=True):
        if not kept or kept[-1] >= room * number:
            kept.append(number)
    return kept


_COLORS = (_CHOSEN, _REJECTED, _INK, _BLUE)
_DASHES = ("-", "--", "-.", ":")
_MARKERS = ("o", "s", "^", "D", "v")
