"""The comparison for a terminal: small tables with a row a method, side by side where there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rmboost.visible import one_line

Values = Mapping[str, Any]
_NAME = 16
_GAP = 4


def show(found: Values, console: Console) -> None:
    """Print all tables, as many beside each other as fit."""
    for line in _line_up(list(tables(found)), console):
        console.print(line)
    for note in notes(found):
        console.print(f"[dim]{escape(note)}[/]", soft_wrap=False)


def tables(found: Values) -> Iterator[Table]:
    """Each table; those with nothing to show are left out."""
    methods = found["methods"]
    yield _table("what a kept pair took", methods, _TOOK)
    if found["judge"]:
        yield _table("label noise, by a judge (%)", methods, _NOISE)
    yield _table("who wins without reading (%)", methods, _BLIND)
    yield _table("how varied", methods, _VARIED)
    if found["signal"]:
        yield from (_signal(found["signal"], test) for test in found["signal"]["tests"])


def notes(found: Values) -> Iterator[str]:
    """What a reader must know of the figures."""
    yield "In brackets: 95 % intervals. Shared: of its responses, those that another method has as well."
    for row in found["methods"]:
        if row["status"] not in ("finished", "at budget"):
            why = row["error"] or row["reason"]
            yield f"{row['name']}: {row['status']}{f': {one_line(why, 200)}' if why else ''}"
        if row["changed"] and row["calls"]:
            yield f"{row['name']}: its bill and its budget count calls of earlier settings or prompts too (--fresh)."
        if row["two_models"]:
            yield _about_models(row)
        if row["noise"] and row["noise"]["own"]:
            yield f"* {row['name']}: the judge gave these labels itself, so that its verdict proves nothing."
    if found["judge"]:
        yield from _about_judge(found["judge"])
    if found["signal"]:
        yield "Accuracy: of a reward model that is trained on the pairs, on pairs that people labelled; a coin has 50."
        yield "Its intervals are for other test prompts and other trainings on these pairs, not for other pairs."
        for test in found["signal"]["tests"]:
            yield f"On {one_line(test)} people choose the longer response in {percent(blind(found['signal'], test))} %."


def _about_models(row: Values) -> str:
    """As ``rmboost generate`` says it of one run."""
    count, told = row["two_models"]["pairs"], share(row["two_models"]["told_by_form"])
    line = f"{row['name']}: {count:,} of {row['kept']:,} pairs have sides by different models (arXiv 2504.02193)"
    return f"{line}; of these, form alone tells which is chosen in {told} %." if told != "–" else f"{line}."


def _about_judge(judge: Values) -> Iterator[str]:
    for name, agreement in judge["human"].items():
        if agreement:
            shown = share(agreement["agreement"])
            yield f"On {one_line(name)} the judge agrees with people in {shown} % of what it decides."
    for name, error in judge["failed"].items():
        yield f"{name}, but not to the end: {one_line(error, 200)}"


Column = tuple[str, Callable[[Values], str]]


def _table(title: str, rows: Sequence[Values], columns: Sequence[Column]) -> Table:
    table = _empty(title, [name for name, _ in columns])
    for row in rows:
        table.add_row(_name(row["name"]), *(escape(cell(row)) for _, cell in columns))
    return table


def _empty(title: str, columns: Sequence[str]) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", padding=(0, 1), pad_edge=False
    )
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _name(name: str) -> str:
    return escape(one_line(name, _NAME))


def _number(name: str, form: str) -> Callable[[Values], str]:
    def cell(row: Values) -> str:
        value = row[name]
        return "–" if value is None else f"{value:{form}}" if value else "0"

    return cell


def percent(figure: Values | None, digits: int = 0) -> str:
    """``62 (58–66)``; a dash where nothing was measured."""
    return _scaled(figure, 100, digits, "–")


def plain(figure: Values | None, digits: int = 2) -> str:
    """``0.31 (0.22 to 0.40)``."""
    return _scaled(figure, 1, digits, " to ")


def _scaled(figure: Values | None, factor: float, digits: int, dash: str) -> str:
    if not figure or figure.get("value") is None:
        return "–"
    ends = [figure.get("low"), figure.get("high")]
    shown = dash.join(_rounded(factor * end, digits) for end in ends if end is not None)
    return _rounded(factor * figure["value"], digits) + (f" ({shown})" if None not in ends else "")


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def share(counted: Values | None, digits: int = 0) -> str:
    """A share that was counted, as ``Share.dump`` gives it."""
    return percent({**counted, "value": counted["share"]} if counted else None, digits)


def _noise_cell(row: Values) -> str:
    return share(row["noise"]) + ("*" if row["noise"] and row["noise"]["own"] else "")


def _settled(row: Values) -> str:
    return f"{row['kept']:,}" if row["settled"] is None else f"{row['kept']:,} of {row['settled']:,}"


_TOOK: Sequence[Column] = (
    ("kept", _settled),
    ("calls", _number("calls_per_pair", ".1f")),
    ("tokens", _number("tokens_per_pair", ",.0f")),
    ("cost", _number("cost_per_pair", ".5f")),
    ("seconds", _number("seconds_per_pair", ".2f")),
)
_NOISE: Sequence[Column] = (
    ("contradicted", _noise_cell),
    ("ties", lambda row: f"{row['noise']['tie']}" if row["noise"] else "–"),
    ("freed of the judge's mistakes", lambda row: percent(row["noise"] and row["noise"]["corrected"])),
)
_BLIND: Sequence[Column] = (
    ("longer", lambda row: percent(row["figures"].get("longer_wins"))),
    ("second", lambda row: percent(row["figures"].get("second_wins"))),
    ("words' AUC", lambda row: percent(row["figures"].get("probe_auc"))),
    ("length d", lambda row: plain(row["figures"].get("length_d"), 1)),
)
_VARIED: Sequence[Column] = (
    ("distinct-2", lambda row: plain(row["figures"].get("distinct_2"))),
    ("self-similarity", lambda row: plain(row["figures"].get("self_similarity"))),
    ("shared (%)", lambda row: share(row["shared"])),
)


def sources(signal: Values, test: str) -> list[tuple[str, str | None]]:
    """The rows of a table of accuracies: source and method, in the order in which they are read."""
    entries = [each for each in signal["accuracy"] if each["test"] == test and each["size"] is None]
    order = ("own", "mix", "human", "random")
    found = dict.fromkeys((each["source"], each["method"]) for each in entries if each["source"] in order)
    return sorted(found, key=lambda row: order.index(row[0]))


def source_name(source: str, method: str | None) -> str:
    """What a row of accuracies is called."""
    names = {"own": method, "mix": f"{method} + human", "human": "human pairs", "random": "random labels"}
    return names[source] or ""


def accuracy(signal: Values, test: str, model: str, row: tuple[str, str | None]) -> Values | None:
    """The accuracy in a cell, with all pairs; None where there is none."""
    for each in signal["accuracy"]:
        if (each["test"], each["model"], each["size"]) == (test, model, None) and row == (
            each["source"],
            each["method"],
        ):
            return {**each, "value": each["accuracy"]}
    return None


def blind(signal: Values, test: str) -> Values:
    """How often the longer response is what people prefer."""
    entry = next(each for each in signal["accuracy"] if (each["source"], each["test"]) == ("blind", test))
    return {**entry, "value": entry["accuracy"]}


def _signal(signal: Values, test: str) -> Table:
    models = list(signal["models"])
    table = _empty(escape(f"accuracy on {one_line(test, 30)} (%)"), models)
    for row in sources(signal, test):
        table.add_row(_name(source_name(*row)), *(percent(accuracy(signal, test, model, row)) for model in models))
    return table


def _line_up(found: Sequence[Table], console: Console) -> Iterator[Table]:
    """Tables in lines that are no wider than the terminal."""
    line: list[Table] = []
    width = 0
    for table in found:
        wide = console.measure(table).maximum + _GAP
        if line and width + wide > console.width + _GAP:
            yield _beside(line)
            line, width = [], 0
        line.append(table)
        width += wide
    yield _beside(line)


def _beside(line: Sequence[Table]) -> Table:
    grid = Table.grid(padding=(0, _GAP, 0, 0))
    grid.add_row(*line)
    return grid
