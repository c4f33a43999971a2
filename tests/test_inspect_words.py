"""What differs between two texts, and what is left out of long ones."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmboost.inspection.excerpt import excerpt
from rmboost.inspection.words import Part, compare
from rmboost.texts import count


def marked(parts: tuple[Part, ...]) -> str:
    signs = {"same": "{}", "differs": "[{}]", "omitted": "<{}>"}
    return "".join(signs[part.mark].format(part.text) for part in parts)


@pytest.mark.parametrize(
    ("left", "right", "left_marked", "right_marked"),
    [
        ("the red fox ran", "the old fox ran", "the [red] fox ran", "the [old] fox ran"),
        ("it is not hot", "it is hot", "it is [not] hot", "it is hot"),
        ("same", "same", "same", "same"),
        ("", "new", "", "[new]"),
        ("One. Two. Three.", "One. Three.", "One. [Two.] Three.", "One. Three."),
        ("Do a.\n\nDo b.\n\nDo c.", "Do a.\n\nDo c.", "Do a.\n\n[Do b.]\n\nDo c.", "Do a.\n\nDo c."),
        ("x is 3.14 now", "x is 3.15 now", "x is [3.14] now", "x is [3.15] now"),
        ("I don't know", "I do know", "I [don't] know", "I [do] know"),
        ("if a:\n    b", "if a:\n  b", "if a:[\n    ]b", "if a:[\n  ]b"),
        ("end", "end ", "end", "end[ ]"),
        (" ", "\n", "[ ]", "[\n]"),
        ("標高は高い山", "標高は低い山", "標高は[高]い山", "標高は[低]い山"),
        (
            "we walked slowly, happily home",
            "we jumped quickly, angrily home",
            "we [walked slowly, happily] home",
            "we [jumped quickly, angrily] home",
        ),
    ],
)
def test_marks(left: str, right: str, left_marked: str, right_marked: str) -> None:
    compared = compare(left, right)
    assert marked(compared.left) == left_marked
    assert marked(compared.right) == right_marked


@pytest.mark.parametrize(
    ("left", "right", "little"),
    [
        ("Paris", "London", True),
        ("4", "The answer is 4", False),
        ("I cannot help with that today", "Basil wants light and warmth, and rarely water", True),
        ("The cat sat on the mat", "The cat sat on a mat", False),
        ("", "", False),
        ("", "word", True),
    ],
)
def test_little_in_common(left: str, right: str, little: bool) -> None:
    assert compare(left, right).little_in_common == little


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("one two", 2),
        ("  a\nb\tc ", 3),
        ("富士山", 3),
        ("高さ is 3,776 m", 5),
        ("été là", 2),
        ("한국어 문장", 2),
    ],
)
def test_words_are_counted_as_people_do(text: str, words: int) -> None:
    assert count(text) == words


# Few words make many matches, and every kind of space and script comes up.
wordy = st.lists(st.sampled_from(["a", "b", "the", ".", ",", " ", "\n", "\n\n", "  ", "山", "é", "\t"]), max_size=40)
texts = st.one_of(wordy.map("".join), wordy.map(" ".join), st.text(max_size=60))


@given(texts, texts)
def test_the_parts_are_the_text(left: str, right: str) -> None:
    compared = compare(left, right)
    assert "".join(part.text for part in compared.left) == left
    assert "".join(part.text for part in compared.right) == right
    assert 0 <= compared.shared <= 1


@given(texts, texts)
def test_what_is_not_marked_is_the_same_words_on_both_sides(left: str, right: str) -> None:
    compared = compare(left, right)
    common = ["".join(p.text for p in side if p.mark == "same") for side in (compared.left, compared.right)]
    assert "".join(common[0].split()) == "".join(common[1].split())
    differs = any(part.mark == "differs" for part in compared.left + compared.right)
    assert differs == (left != right)


@given(texts, texts, st.integers(min_value=1, max_value=400), st.integers(min_value=1, max_value=30))
def test_an_excerpt_put_together_is_the_text(left: str, right: str, room: int, times: int) -> None:
    for part in (compare(left * times, right * times).left, (Part(left * times),)):
        short = excerpt(part, room)
        assert "".join(p.text for p in short) == left * times
        kept = "".join(p.text for p in short if p.mark != "omitted")
        assert len(kept) <= room or short == part


def test_an_excerpt_keeps_what_differs_and_folds_what_does_not() -> None:
    words = [f"w{i}" for i in range(2000)]
    left, right = words[:], words[:]
    left[1000] = "LEFT"
    right[1000] = "RIGHT"
    short = excerpt(compare(" ".join(left), " ".join(right)).left, 4000)
    assert [part.mark for part in short] == ["same", "omitted", "same", "differs", "same", "omitted", "same"]
    assert short[3].text == "LEFT"
    assert short[2].text.endswith("w999 ") and short[4].text.startswith(" w1001")


def test_texts_of_a_book_s_length_are_compared_at_once() -> None:
    draw = random.Random(0)
    left = [f"w{draw.randrange(5000)}" for _ in range(200_000)]
    right = [*left[:100_000], "other", *left[100_001:]]
    began = time.process_time()
    assert len(compare(" ".join(left), " ".join(right)).left) == 3
    assert compare(" ".join(left), " ".join(reversed(left))).little_in_common
    assert time.process_time() - began < 10
