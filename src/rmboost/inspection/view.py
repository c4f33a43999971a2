"""Rows drawn for a terminal: what was asked, both responses, and the words in which they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from rmboost.amounts import number
from rmboost.inspection.evidence import against, shown, verdict
from rmboost.inspection.excerpt import excerpt
from rmboost.inspection.sample import Sample
from rmboost.inspection.words import Comparison, Part, compare
from rmboost.preferences import PAIR, Row, Turn
from rmboost.texts import count
from rmboost.visible import one_line, visible

WIDE = 120  # columns from which both responses stand side by side
_PROMPT_ROOM, _RESPONSE_ROOM = 1_500, 4_000  # characters, unless everything is asked for


@dataclass(frozen=True, slots=True)
class _Side:
    """How the words that only one side has are marked: by style, and by signs where there is no colour."""

    border: str
    style: str
    opening: str
    closing: str


GREEN = _Side("green", "bold underline green", "{+", "+}")
RED = _Side("red", "bold underline red", "[-", "-]")


@dataclass(frozen=True, slots=True)
class View:
    """Draws rows. ``width`` in columns; ``signs`` marks differences without colour; ``full`` cuts nothing."""

    width: int
    signs: bool = False
    full: bool = False

    def summary(self, sample: Sample) -> RenderableType:
        """What the file holds and how to read what follows."""
        line = heading(sample.name, sample.matched, sample.total, sample.rejects)
        if not sample.rows:
            return line
        line.append(f", {len(sample.rows):,} shown")
        legend = Text(" ").join(self._marked(f"only in {name}", side) for name, side in _sides(sample.rows[0]))
        return Group(line, *([reasons(sample.reasons)] if sample.reasons else []), legend)

    def row(self, row: Row, place: str) -> RenderableType:
        """One row, whole: ``place`` says which of how many it is."""
        left, right = row.texts
        compared = compare(left, right)
        title = Text.assemble((place, "bold"), f" · line {row.line:,}")
        title.append(f" · {one_line(row.id, 40)}" if row.id else "")
        return Group(
            Rule(title, align="left", style="dim"),
            *self._facts(row, compared),
            self._prompt(row.prompt),
            self._responses(row, compared),
        )

    def _facts(self, row: Row, compared: Comparison) -> Iterator[Text]:
        if row.reason:
            yield Text.assemble((one_line(row.reason), "bold yellow"), *_why(row))
        facts = (("label ", row.label), ("aspect ", ", ".join(row.aspects)), ("", _ratio(row)))
        line = Text("   ").join(
            Text.assemble((name, "dim"), (one_line(fact), "bold" if name else "")) for name, fact in facts if fact
        )
        if line:
            yield line
        yield from _known(row)
        if note := _note(row, compared):
            yield Text(note, style="italic")

    def _prompt(self, turns: Sequence[Turn]) -> RenderableType:
        body = Text()
        for role, text in turns:
            if len(turns) > 1:
                body.append(f"{one_line(role)}\n", "bold dim")
            body.append_text(self._body([Part(text)], GREEN, _PROMPT_ROOM))
            body.append("\n\n")
        body.rstrip()
        return _panel(body, Text("prompt", "bold"), "dim") if turns else Text("no prompt in the row", "dim italic")

    def _responses(self, row: Row, compared: Comparison) -> RenderableType:
        bodies, titles = [], []
        for (name, side), text, parts in zip(_sides(row), row.texts, _parts(row, compared), strict=True):
            bodies.append(self._body(parts, side, _RESPONSE_ROOM) if text else _nothing(row, name))
            second = ", written second" if row.second == name else ""
            titles.append(Text.assemble((name, f"bold {side.border}"), f" · {_lengths(text)}{second}"))
        if self.width < WIDE:
            borders = [side.border for _, side in _sides(row)]
            return Group(*map(_panel, bodies, titles, borders))
        table = Table(box=box.ROUNDED, expand=True, border_style="dim", header_style="")
        for title in titles:
            table.add_column(title, ratio=1, overflow="fold")
        table.add_row(*bodies)
        return table

    def _body(self, parts: Sequence[Part], side: _Side, room: int) -> Text:
        shown = parts if self.full else excerpt(parts, room)
        body = Text()
        for i, part in enumerate(shown):
            if part.mark == "omitted":
                body.append(_omission(part.text, last=i == len(shown) - 1), "dim italic")
            elif part.mark == "differs":
                body.append_text(self._marked(_space_shown(part.text), side))
            else:
                body.append(visible(part.text))
        body.rstrip()
        return body

    def _marked(self, text: str, side: _Side) -> Text:
        lines = visible(text).split("\n")
        if self.signs:
            lines = [f"{side.opening}{line}{side.closing}" if line else "" for line in lines]
        return Text("\n").join(Text(line, style=side.style) for line in lines)


def screen(width: int | None = None) -> Console:
    """A console that draws as stdout can show it, and keeps what it draws for ``drawn`` to take.

    No markup or emoji name is read into what it is given; that is data.
    """
    stdout = Console(width=width)
    return Console(
        file=StringIO(),
        width=stdout.width,
        force_terminal=stdout.is_terminal,
        color_system=stdout.color_system,  # type: ignore[arg-type] # rich's own name for it, as it wants it
        no_color=stdout.no_color,
        markup=False,
        emoji=False,
        highlight=False,
    )


def drawn(what: RenderableType, console: Console) -> str:
    """The lines of ``what``, with colour where ``console`` has it."""
    with console.capture() as capture:
        console.print(what)
    return capture.get()


def colourless(console: Console) -> bool:
    """Whether differences must be marked with signs: in a pipe, a dumb terminal, or under NO_COLOR."""
    return console.no_color or console.color_system is None


def heading(name: str, matched: int, total: int, rejects: bool) -> Text:
    """The file, and how many of its rows are meant."""
    of = f"{matched:,} of " if matched < total else ""
    return Text.assemble((one_line(name, 200), "bold"), f": {of}{number(total, 'reject' if rejects else 'pair')}")


def reasons(counts: Counter[str]) -> Table:
    """Rejects by reason, the most frequent first."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for reason, n in counts.most_common():
        table.add_row(f"{n:,}", one_line(reason))
    table.columns[0].justify = "right"
    return table


def _sides(row: Row) -> tuple[tuple[str, _Side], tuple[str, _Side]]:
    left, right = row.sides
    return ((left, GREEN), (right, RED)) if row.sides == PAIR else ((left, RED), (right, GREEN))


def _panel(body: Text, title: Text, border: str) -> Panel:
    return Panel(body, box=box.ROUNDED, title=title, title_align="left", border_style=border)


def _parts(row: Row, compared: Comparison) -> tuple[Sequence[Part], Sequence[Part]]:
    if compared.little_in_common:
        return [Part(row.texts[0])], [Part(row.texts[1])]
    return compared.left, compared.right


def _why(row: Row) -> Iterator[str]:
    if why := row.data.get("detail") or row.data.get("error"):
        yield f": {one_line(str(why), 200)}"
    attempts = row.data.get("attempts")
    if isinstance(attempts, list) and len(attempts) > 1:
        names = (one_line(str(a.get("reason"))) for a in attempts if isinstance(a, dict))
        yield f" · {len(attempts)} attempts: {', '.join(names)}"


def _known(row: Row) -> Iterator[Text]:
    """What a judge said, what checks noted, and what of it speaks against the pair."""
    if said := verdict(row):
        yield Text.assemble(("judge ", "dim"), one_line(said, 200))
    if noted := [f"{one_line(name)} {one_line(value, 200)}" for name, value in shown(row) if name != "flags"]:
        yield Text.assemble(("evidence ", "dim"), " · ".join(noted))
    if grounds := [one_line(ground, 200) for _, ground in against(row)]:
        yield Text.assemble(("against it ", "dim"), ("; ".join(grounds), "bold yellow"))


def _note(row: Row, compared: Comparison) -> str:
    left, right = row.texts
    if not (left and right):
        return ""
    if left == right:
        return "Both texts are the same"
    if compared.little_in_common:
        return f"Little in common ({compared.shared:.0%} of the shorter one's words), so nothing is marked"
    if left.split() == right.split():
        return "They differ only in spaces and line breaks, shown as · and ⏎"
    return ""


def _nothing(row: Row, side: str) -> Text:
    return Text("(never written)" if row.data.get(side) is None else "(empty)", style="dim italic")


def _lengths(text: str) -> str:
    return f"{number(count(text), 'word')}, {number(len(text), 'character')}"


def _ratio(row: Row) -> str:
    left, right = map(count, row.texts)
    if not (left and right):
        return ""
    longer = row.sides[0 if left > right else 1]
    if left == right:
        return "as many words"
    return f"{longer} is {max(left, right) / min(left, right):.2f}× as long"


def _omission(text: str, last: bool) -> str:
    if last:
        return f"\n… {number(count(text), 'more word')}; --full shows all"
    return f"\n… {number(count(text), 'word')} that are the same …\n"


def _space_shown(text: str) -> str:
    """A difference that is nothing but space would not be seen; any other text is as it was."""
    return text.replace(" ", "·").replace("\n", "⏎\n") if text.isspace() else text
