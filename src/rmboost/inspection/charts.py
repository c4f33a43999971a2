"""Figures drawn for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from rmboost.inspection.stats import NEAR, QUANTILES, Figures, Share, distribution, quantile
from rmboost.inspection.view import heading, reasons
from rmboost.preferences import PAIR
from rmboost.visible import one_line

_ASPECTS_SHOWN = 30
_BINS = 8
_BAR = 20  # columns


def charts(figures: Figures) -> RenderableType:
    """Everything that was measured, on one page."""
    return Group(*_pages(figures))


def _pages(figures: Figures) -> Iterator[RenderableType]:
    yield heading(figures.name, figures.rows, figures.total, figures.rejects)
    if figures.reasons:
        yield from ("", reasons(figures.reasons))
    if any(figures.labels()) or any(figures.aspects()):
        yield from ("", _cells(figures))
    if not figures.rejects:
        yield from ("", _lengths(figures), "", _histogram(figures.words), "", _shares(figures))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", overflow="fold")
    return table


def _cells(figures: Figures) -> Table:
    labels = sorted(figures.labels(), key=lambda label: (not label, label))
    aspects = figures.aspects().most_common()
    table = _table("aspect", *(one_line(label, 20) or "no label" for label in labels), "all")
    for aspect, n in aspects[:_ASPECTS_SHOWN]:
        counts = (f"{figures.cells[label, aspect]:,}" for label in labels)
        table.add_row(one_line(aspect) or "none", *counts, f"{n:,}")
    if more := aspects[_ASPECTS_SHOWN:]:
        table.add_row(f"… {len(more):,} more", *("" for _ in labels), f"{sum(n for _, n in more):,}")
    table.add_section()
    table.add_row("all", *(f"{figures.labels()[label]:,}" for label in labels), f"{figures.rows:,}", style="bold")
    return table


def _lengths(figures: Figures) -> Table:
    table = _table("words", *QUANTILES, "mean")
    for side in PAIR:
        table.add_row(side, *(f"{value:,.0f}" for value in distribution(figures.words[side]).values()))
    return table


def _histogram(words: Mapping[str, Counter[int]]) -> Table:
    """Texts by length, both sides in the same bins; the last bin takes the long tail."""
    step = _round_step(quantile(words[PAIR[0]] + words[PAIR[1]], 0.95) / _BINS)
    binned = {side: _binned(words[side], step) for side in PAIR}
    most = max(max(counts.values()) for counts in binned.values())
    table = _table("words", "chosen", "", "rejected", "")
    for column in (2, 4):
        table.columns[column].justify, table.columns[column].no_wrap = "left", True
    for bin in range(max(max(counts) for counts in binned.values()) + 1):
        upper = " or more" if bin == _BINS else f" to {(bin + 1) * step - 1:,}" if step > 1 else ""
        drawn = [(f"{n:,}", _bar(n, most)) for n in (binned[side][bin] for side in PAIR)]
        table.add_row(f"{bin * step:,}{upper}", *drawn[0], *drawn[1])
    return table


def _binned(counts: Mapping[int, int], step: int) -> Counter[int]:
    binned: Counter[int] = Counter()
    for value, n in counts.items():
        binned[min(value // step, _BINS)] += n
    return binned


def _round_step(step: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    power = 1
    while 10 * power < step:
        power *= 10
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step)


def _bar(n: int, most: int) -> str:
    return "█" * round(n / most * _BAR) or ("▏" if n else "")


def _shares(figures: Figures) -> Table:
    table = _table("", "share", "of", "ties")
    table.add_row("longer one is chosen", *_share(figures.longer))
    for label, share in sorted(figures.longer_by_label.items()):
        table.add_row(f"  where it is {one_line(label, 20)}", *_share(share))
    if figures.second.n:
        table.add_row("second one is chosen", *_share(figures.second))
    for name, n in (("", figures.identical), (f"at least {NEAR:.0%} ", figures.near_identical)):
        table.add_row(f"both are {name}the same", *_share(Share(n, figures.rows - n)))
    return table


def _share(share: Share) -> tuple[str, str, str]:
    value = "–" if share.share is None else f"{share.share:.1%}"
    return value, f"{share.n:,}", f"{share.ties:,}" if share.ties else ""
