"""The closing table of a run, for a person."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from textwrap import TextWrapper

from rich.console import Console
from rich.markup import escape

from rmboost.amounts import duration, money, number
from rmboost.labels.gold import Agreement
from rmboost.labels.separability import LEAST
from rmboost.run.forecast import Forecast, Range
from rmboost.run.summary import Summary
from rmboost.visible import visible


def show(summary: Summary, console: Console) -> None:
    """What became of the prompts, what it took, and where the files are."""
    _print(list(_lines(summary)), console)


def show_judged(summary: Summary, agreement: Agreement | None, console: Console) -> None:
    """The same for pairs of a file that were judged; with how the judge agrees with people, where that was asked."""
    _print(list(_judged_lines(summary, agreement)), console)


def _print(lines: Sequence[tuple[str, str]], console: Console) -> None:
    width = max(len(name) for name, _ in lines)
    screen = console.width - width - 2 if console.is_terminal else sys.maxsize  # elsewhere a fact is a line
    words = TextWrapper(max(screen, 20), break_long_words=False, break_on_hyphens=False)
    for name, value in lines:
        rows = f"\n{'':<{width}}  ".join(words.wrap(visible(value)))
        console.print(f"[bold]{name:<{width}}[/]  {escape(rows)}", soft_wrap=True)


def _lines(summary: Summary) -> Iterable[tuple[str, str]]:
    tally = summary.tally
    if summary.status == "unchanged":
        yield "done", "all prompts were settled before; no call was made (--fresh starts over)"
    yield "kept", f"{tally.kept:,} of {_asked_for(summary)}"
    yield from _left_out(summary)
    if summary.cause == "prompts":
        cells = "" if "" in summary.missing else f": {_counts(Counter(summary.missing))}"
        yield "missing", f"{number(sum(summary.missing.values()), 'pair')}{cells}"
    yield from _lost(summary)
    if tally.redrawn:
        yield "drawn again", f"{tally.redrawn} × an answer that a check refused"
    for name, counts in (("labels", tally.labels), ("aspects", tally.aspects)):
        if counts.keys() != {""}:  # a method that orders none
            yield name, _counts(counts)
    if tally.two_models:
        yield "two models", _two_models(summary)
    yield from _noise(summary)
    yield from _cost(summary)
    if summary.forecast:
        yield from _forecast(summary.forecast, summary.target)
    yield "pairs", str(summary.output)
    if tally.rejected or tally.failed:
        yield "rejects", str(summary.rejects)


def _left_out(summary: Summary) -> Iterable[tuple[str, str]]:
    """What of the input was not used."""
    counts = {"unusable line": summary.bad_lines, "repeated prompt": summary.duplicates}
    if said := ", ".join(number(count, what) for what, count in counts.items() if count):
        yield "left out", said


def _asked_for(summary: Summary) -> str:
    """``24 prompts``, ``48 pairs, 2 of each prompt``, or ``20 pairs wanted, 24 tried``."""
    if summary.target:
        return f"{number(summary.target, 'pair')} wanted, {summary.tally.settled:,} tried"
    if summary.jobs == summary.prompts:
        return number(summary.prompts, "prompt")
    return f"{number(summary.jobs, 'pair')}, {summary.jobs // summary.prompts} of each prompt"


def _forecast(coming: Forecast, target: int | None) -> Iterable[tuple[str, str]]:
    """What the jobs still to come will take, each with its 95 % interval; with a target their number is a guess."""
    if not coming.jobs:
        yield "still to come", "nothing: the estimate tried all there are"
        return
    jobs = f"{number(coming.jobs, 'job')}{', if the share that is kept stays as it is' if target else ''}"
    yield "still to come", f"{jobs}; each figure with its 95 % interval for so many"
    yield "  calls", _range(coming.calls, _whole)
    yield "  tokens", _range(coming.tokens, _whole)
    if coming.cost:
        yield "  cost", _range(coming.cost, money)
    yield "  time", f"{_range(coming.seconds, duration)}, with {number(coming.at_once, 'call')} at once all the while"
    yield "go on", "the same command without --estimate makes them"


def _range(found: Range, said: Callable[[float], str]) -> str:
    return f"{said(found.expected)} ({said(found.low)} to {said(found.high)})"


def _whole(figure: float) -> str:
    return f"{figure:,.0f}"


def _judged_lines(summary: Summary, agreement: Agreement | None) -> Iterable[tuple[str, str]]:
    tally = summary.tally
    if summary.status == "unchanged":
        yield "done", "all pairs were settled before; no call was made (--fresh starts over)"
    yield "judged", f"{tally.verdicts.total():,} of {number(summary.prompts, 'pair')}"
    yield from _left_out(summary)
    yield from _lost(summary)
    yield from _people(agreement) if agreement else _noise(summary)
    yield from _cost(summary)
    yield "rows", str(summary.output)
    if tally.rejected or tally.failed:
        yield "rejects", str(summary.rejects)


def _people(agreement: Agreement) -> Iterable[tuple[str, str]]:
    """How a judge stands to the labels that people gave."""
    yield "agreement", f"{agreement.agreement} of the pairs that both orders decide alike"
    yield "by p_chosen", f"{agreement.lean} of all that lean to a side"
    for length, lean in agreement.by_length.items():
        yield "by p_chosen", f"{lean} {length}"
    yield "ties", str(agreement.ties)
    yield "same place", f"{agreement.same_place} have one position win in both orders"
    if agreement.first_place.total:
        yield "same place", f"{agreement.first_place} of these: the first"
    yield "unreadable", f"{agreement.unreadable}"


def _lost(summary: Summary) -> Iterable[tuple[str, str]]:
    tally = summary.tally
    for reason, count in tally.rejected.most_common():
        yield "rejected", f"{count} × {reason} (for example {tally.examples[reason]})"
    for error, count in tally.failed.most_common():
        yield "failed", f"{count} × {error} (for example {tally.examples[error]})"


def _cost(summary: Summary) -> Iterable[tuple[str, str]]:
    yield "tokens", _tokens(summary)
    if summary.cost:
        yield "cost", f"{money(summary.cost)} at your prices"
    yield "time", _time(summary)


def _noise(summary: Summary) -> Iterable[tuple[str, str]]:
    """How often the judge contradicts the labels; by label and aspect where that is more than one."""
    for kind, groups in summary.noise.items():
        for name, noise in groups.items():
            if kind == "total" or len(groups) > 1:
                yield "label noise", f"{'' if kind == 'total' else f'{name}: '}{noise}"
    if summary.noise and (summary.jobs > summary.prompts or not summary.models.get("responder")):
        yield "", "as if pairs of one prompt were independent; in `rmboost report` they are not"


def _two_models(summary: Summary) -> str:
    """In how many pairs the author may tell the label, and how well form alone tells it there."""
    count, found = summary.tally.two_models, summary.separability
    line = f"{count} of {summary.tally.kept} pairs have chosen and rejected from different models (arXiv 2504.02193)"
    if found:
        return f"{line}; form alone tells which is chosen in {found} of them, a coin in 50 %"
    if count >= LEAST and summary.status == "finished" and not find_spec("sklearn"):
        return f"{line}; pip install 'rmboost[report]' for how well form alone tells them apart"
    return line


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name or '–'} {count}" for name, count in sorted(counts.items())) or "none"


def _tokens(summary: Summary) -> str:
    cached = f" ({summary.cached_tokens:,} from the server's cache)" if summary.cached_tokens else ""
    estimated = f"; {summary.estimated_tokens:,} of these are estimated" if summary.estimated_tokens else ""
    spent = f"{summary.prompt_tokens:,} in{cached}, {summary.completion_tokens:,} out"
    return f"{spent}, in {number(summary.calls, 'call')}{estimated}"


def _time(summary: Summary) -> str:
    took = duration(summary.seconds) if summary.seconds >= 60 else f"{summary.seconds:.1f} s"
    replayed = f", {summary.replayed:,} answered by the journal" if summary.replayed else ""
    return f"{took}, {number(summary.asked, 'call')} made now{replayed}"
