"""What a terminal gets: lines that fit, marks that can be read, and nothing from the data that acts on it."""

from __future__ import annotations

import re
import unicodedata
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from rmboost.inspection.view import View, drawn
from rmboost.preferences import Row, parse
from rmboost.visible import ACTIVE, one_line, visible

SGR = re.compile(r"\x1b\[[0-9;]*m")


def page(row: Row, width: int = 80, colour: bool = False, full: bool = False) -> str:
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    return drawn(View(width, signs=not colour, full=full).row(row, "1 of 1"), console)


def pair(chosen: str, rejected: str, **fields: Any) -> Row:
    return parse({"prompt": "Q?", "chosen": chosen, "rejected": rejected, **fields}, 1, "p.jsonl, line 1")


def body(text: str) -> str:
    """What stands between the borders, as one line."""
    return " ".join(line.strip("│ ") for line in text.splitlines() if line.startswith("│"))


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
scripts = st.text(
    st.sampled_from("ab .\n\t山がé字🗻\u200d\ufe0f\u0301👍🏽한[]/:=\\{}" + "\x1b\x9b\u202e\r"), max_size=120
)
hostile = st.one_of(st.text(max_size=80), scripts)


@given(hostile, hostile, hostile, st.sampled_from([40, 80, 120, 200]), st.booleans())
def test_no_data_drives_the_terminal_and_no_line_is_too_long(
    one: str, two: str, three: str, width: int, colour: bool
) -> None:
    row = pair(one, two, id=three, aspect=three, label=two, prompt=three, rmboost={"second": "chosen"})
    text = page(row, width, colour)
    plain = SGR.sub("", text) if colour else text
    acting = {c for c in plain if c != "\n" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    assert not acting
    assert not ACTIVE.search(plain)
    assert max(map(cell_len, plain.splitlines())) <= width


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("text", ["富士山は標高" * 60, FAMILY * 40, "x" * 999, "👍🏽 " * 150, "é" * 300, "a\tb\n" * 9])
def test_wide_and_long_words_fit(text: str, width: int) -> None:
    lines = page(pair(text, text[5:] + "!"), width).splitlines()
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("markup", ["[bold]x[/bold]", "[/]", "[link=http://x]y[/link]", ":smile:", "[red", "\\[x]"])
def test_markup_is_text(markup: str) -> None:
    text = page(pair(f"one {markup} two", "one two", id=markup, aspect=markup))
    assert text.count(markup) == 3
    assert f"one {{+{markup}+}} two" in text


@pytest.mark.parametrize(
    ("raw", "sign"),
    [
        ("\x1b[2J", "␛[2J"),
        ("a\rb", "a␍b"),
        ("\x07\x00\x7f", "␇␀␡"),
        ("\x9b", "<U+009B>"),
        ("\u202egpj", "<U+202E>gpj"),
        ("a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
        ("tab\tand\nline", "tab\tand\nline"),
        (FAMILY + " 日本 é", FAMILY + " 日本 é"),
    ],
)
def test_active_characters_are_shown_as_signs(raw: str, sign: str) -> None:
    assert visible(raw) == sign


def test_every_control_and_direction_of_unicode_is_active() -> None:
    directions = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN")
    for code in range(0x110000):
        character = chr(code)
        acts = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        acts |= unicodedata.bidirectional(character) in directions
        if acts and character not in "\n\t\u200c\u200d":
            assert ACTIVE.match(character), f"U+{code:04X}"


def test_a_title_stays_one_short_line() -> None:
    assert one_line("a\nb\tc") == "a⏎b c"
    assert one_line("x" * 1000, 20) == "x" * 19 + "…"


def test_marks_are_signs_without_colour_and_underlined_with_it() -> None:
    row = pair("a good answer", "a bad answer")
    assert "a {+good+} answer a [-bad-] answer" in body(page(row))
    coloured = page(row, colour=True)
    assert "\x1b[1;4;32mgood\x1b[0m" in coloured
    assert "\x1b[1;4;31mbad\x1b[0m" in coloured
    assert "{+" not in coloured


def test_every_line_of_a_longer_difference_is_marked() -> None:
    text = page(pair("Start.\n\nNew one.\nNew two.\n\nThe end of it.", "Start.\n\nThe end of it."))
    assert "│ {+New one.+} " in text and "│ {+New two.+} " in text


@pytest.mark.parametrize(
    ("chosen", "rejected", "note"),
    [
        ("same", "same", "Both texts are the same"),
        ("two words", "two  words", "They differ only in spaces and line breaks"),
        ("Lisbon is mild", "No idea at all", "Little in common (0% of the shorter one's words)"),
        ("something", "", "(empty)"),
    ],
)
def test_notes(chosen: str, rejected: str, note: str) -> None:
    assert note in page(pair(chosen, rejected))


def test_spaces_that_differ_can_be_seen() -> None:
    assert "{+⏎+}" in page(pair("if a:\n    b", "if a:\n  b"))
    assert "{+····+}b" in page(pair("if a:\n    b", "if a:\n  b"))


def test_turns_are_told_apart() -> None:
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    answers = [[{"role": "assistant", "content": text}] for text in ("Hello.", "Hey.")]
    row = parse({"prompt": prompt, "chosen": answers[0], "rejected": answers[1]}, 1, "")
    assert "system Be brief.  user Hi" in body(page(row))


def test_a_reject_reads_as_an_edit_of_the_first() -> None:
    row = parse({"reason": "leak", "first": "It is so.", "second": "Worse: it is so.", "prompt": "Q"}, 1, "")
    text = page(row)
    assert "╭─ first ·" in text and "╭─ second ·" in text
    assert "[-It-] is so. {+Worse: it+} is so." in body(text)
