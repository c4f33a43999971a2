"""What counts as a word and as a sentence, in many scripts."""

from __future__ import annotations

import re
import unicodedata

import pytest

from check_cases import HOSTILE
from rmboost.report.surface import markdown, sentences
from rmboost.report.text import words_of

SENTENCES = {
    "Hindi": "हिन्दी में यह एक छोटा वाक्य है",
    "Bengali": "আমি বাংলায় একটি বাক্য লিখি",
    "Tamil": "நான் தமிழில் எழுதுகிறேன்",
    "Thai": "ภาษาไทย ที่นี่ น้ำ",
    "Arabic, vowelled": "كَتَبَ الطَّالِبُ الدَّرْسَ",
    "Hebrew, vowelled": "בְּרֵאשִׁית בָּרָא אֱלֹהִים",
    "Persian, with a joiner": "او می\u200cخواهد",
    "Burmese": "မြန်မာ စာ",
    "German, accents apart": unicodedata.normalize("NFD", "schöne grüße"),
}


@pytest.mark.parametrize("script", SENTENCES)
def test_words_are_whole_in_every_script_with_spaces(script: str) -> None:
    assert words_of(SENTENCES[script]) == SENTENCES[script].split()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don’t well-known_name 3.5 é!", ["don’t", "well", "known", "name", "3", "5", "é"]),
        ("漢字かな abc", ["漢", "字", "か", "な", "abc"]),
        ("𠮷野", ["𠮷", "野"]),
        ("בית־ספר", ["בית", "ספר"]),
        ("བོད་སྐད", ["བོད", "སྐད"]),
        ("❤\ufe0f \u0301 1\ufe0f\u20e3", ["1"]),
    ],
)
def test_words_end_at_points_and_signs(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_english_words_are_those_of_before() -> None:
    text = "“It’s 9 o’clock,” said José — the naïve co-author of snake_case… in 1999’s café; what’s 2×2?"
    assert words_of(text) == re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("यह एक है। वह दो है।", 2),
        ("यह एक है।वह दो है।", 2),
        ("یہ ایک ہے۔ کیا؟ ہاں۔", 3),
        ("كيف حالك؟ بخير.", 2),
        ("पहली पंक्ति है\nदूसरी पंक्ति है", 2),
        ("One. Two!\nA heading\n\n- an item", 4),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert sentences(text) == count


MARKS = {"backticks": 1, "fences": 25_000}
WITHOUT_WORDS = ("backticks", "fences", "brackets", "braces", "links", "ends of thinking")
LINES_OF_WORDS = ("lines after words of leaks", "blanks to fill in")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_makes_counting_marks_slow(name: str) -> None:
    assert markdown(HOSTILE[name]) == MARKS.get(name, 0)  # what is quadratic takes minutes


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_makes_counting_sentences_slow(name: str) -> None:
    assert sentences(HOSTILE[name]) == (0 if name in WITHOUT_WORDS else 2 if name in LINES_OF_WORDS else 1)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("See [the page](https://en.wikipedia.org/wiki/Cat_(animal)) and [1](b).", 2),
        ("[![a picture](a.png)](b.html)", 1),
        ("a [note [of mine](x)", 1),
        ("[a]\n(b) [](c) [d]()", 0),
    ],
)
def test_links(text: str, count: int) -> None:
    assert markdown(text) == count
