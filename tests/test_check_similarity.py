"""The similarity check: pairs that say the same, and small edits that are the whole point."""

from __future__ import annotations

from dataclasses import replace

import pytest

from check_cases import blamed, check, pair, verdict
from rmboost.errors import ConfigError
from rmboost.records import Pair

PROMPT = "Tell me about the tower."
ANSWER = (
    "The tower was built in 1889 for a fair and is 330 metres high. It is made of iron, weighs about 10,000 tonnes, "
    "and was meant to stand for twenty years. Every evening it shines for some minutes after each full hour, and "
    "visitors can take a lift or climb the stairs to the second floor. People like to meet near it."
)
CODE = "It returns the last item:\n```python\ndef last(items):\n    return items[-1]\n```\nIt takes a list."
BARE = "def last(items):\n    if not items:\n        return None\n    return items[-1]"
CHINESE = (
    "这座塔建于十九世纪末，是为了一次博览会而建的。它由铁制成，本来只打算保留二十年，"
    "后来却成为城市的象征，每年有数百万人参观。"
)
LIFT, STAIRS = "take a lift or climb the stairs", "climb the stairs or take a lift"

COPIES = {
    "the same": (ANSWER, ANSWER, "identical"),
    "white space around it": (ANSWER, f"\n{ANSWER}  ", "identical"),
    "spaces": (ANSWER, ANSWER.replace(". ", ".\n\n"), "near-copy"),
    "case": (ANSWER, ANSWER.upper(), "near-copy"),
    "punctuation": (ANSWER, ANSWER.replace(",", " –").replace("10 –000", "10,000"), "near-copy"),
    "markdown": (ANSWER, ANSWER.replace("tower", "**tower**").replace("fair", "*fair*"), "near-copy"),
    "short, in case": ("In Paris.", "in paris", "near-copy"),
    "quotes": ('He said "no".', "He said “no”.", "near-copy"),
    "one synonym": (ANSWER, ANSWER.replace("shines", "glows"), "near-copy"),
    "a word less": (ANSWER, ANSWER.replace("about ", ""), "near-copy"),
    "a closing offer": (ANSWER, f"{ANSWER} I hope this helps!", "near-copy"),
    "two words moved": (ANSWER, ANSWER.replace(LIFT, STAIRS), "near-copy"),
    "prose around the same code": (f"{ANSWER}\n{CODE}", f"{ANSWER}\n{CODE}".replace("shines", "glows"), "near-copy"),
    "a sentence after the same code": (CODE, CODE.replace("It takes a", "This takes a"), "near-copy"),
    "blank lines in code": (BARE, BARE.replace("\n    return items", "\n\n    return items"), "near-copy"),
    "without spaces": (CHINESE, CHINESE.replace("象征", "标志"), "near-copy"),
    "punctuation of Chinese": ("答案是：北京，中国的首都。", "答案是:北京,中国的首都", "near-copy"),
    "brackets of Japanese": ("「東京」です。", "東京です", "near-copy"),
    "punctuation of Hindi": ("नमस्ते दुनिया।", "नमस्ते दुनिया", "near-copy"),
    "punctuation of Arabic": ("مرحبا، كيف حالك؟", "مرحبا كيف حالك", "near-copy"),
    "a space without width": ("\u200bIt is in Paris.", "It is in Paris", "near-copy"),
    "accents set apart": ("The café is nice.", "The cafe\u0301 is nice", "near-copy"),
    "accents set apart, at the start": ("Été comme hiver.", "E\u0301te\u0301 comme hiver", "near-copy"),
    "a new sentence start": (ANSWER, ANSWER.replace("People like", "Many like"), "near-copy"),
}  # fmt: skip

PAIRS = {
    "another answer": (ANSWER, "It is a tall thing in a city that people look at."),
    "half of it": (ANSWER, ANSWER[: len(ANSWER) // 2]),
    "a number": (ANSWER, ANSWER.replace("1889", "1898")),
    "a decimal point": ("It is 1.5 metres.", "It is 15 metres."),
    "a sign": ("It is -5 degrees.", "It is 5 degrees."),
    "a derivative": ("f'(x) = 2x", "f(x) = 2x"),
    "a second derivative": ("It is f''(x) = 2.", "It is f'(x) = 2."),
    "a language with a sign": ("C#", "C"),
    "a language with a sign, in a sentence": ("It is written in C#.", "It is written in C."),
    "a negation": (ANSWER, ANSWER.replace("visitors can take", "visitors can not take")),
    "a contracted negation": (ANSWER, ANSWER.replace("visitors can take", "visitors can't take")),
    "a name": (ANSWER.replace("a fair", "a fair in Paris"), ANSWER.replace("a fair", "a fair in Rome")),
    "an index in code": (CODE, CODE.replace("items[-1]", "items[0]")),
    "an operator in bare code": ("if (a < b) {\n  return a;\n}", "if (a > b) {\n  return a;\n}"),
    "an indent in code": (BARE, BARE.replace("    return items", "        return items")),
    "inline code": (f"{ANSWER} Run `tower --up`.", f"{ANSWER} Run `tower --down`."),
    "one word of few": ("It is hot.", "It is cold."),
    "many words": (
        ANSWER,
        ANSWER.replace("the", "this").replace("and", "or").replace("for", "at").replace("is", "was"),
    ),
    "a negation without spaces": (CHINESE, CHINESE.replace("是为了", "不是为了")),
    "empty": (ANSWER, ""),
}


@pytest.mark.parametrize(("first", "second", "reason"), COPIES.values(), ids=COPIES)
def test_a_copy_is_found_and_the_second_response_blamed(first: str, second: str, reason: str) -> None:
    assert blamed("similarity", pair(PROMPT, first, second)) == (reason, 1)
    assert blamed("similarity", pair(PROMPT, second, first)) == (reason, 1)


@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS)
def test_a_difference_that_can_matter_is_kept(first: str, second: str) -> None:
    assert blamed("similarity", pair(PROMPT, first, second)) is None
    assert blamed("similarity", pair(PROMPT, second, first)) is None


def test_the_evidence_is_the_share_of_words_in_common() -> None:
    kept = verdict(check("similarity"), pair(PROMPT, "one two three four", "one two six four"))
    assert isinstance(kept, Pair)
    assert kept.evidence == {"similarity": 0.75}


def test_evidence_of_other_checks_stays() -> None:
    before = pair(PROMPT, "yes", "no")
    kept = verdict(check("similarity"), Pair(before.prompt, before.chosen, before.rejected, "m", evidence={"other": 1}))
    assert isinstance(kept, Pair)
    assert kept.evidence == {"other": 1, "similarity": 0.0}


def test_the_limit_can_be_set() -> None:
    one_synonym = pair(PROMPT, ANSWER, ANSWER.replace("shines", "glows"))
    assert blamed("similarity", one_synonym, max_similarity=0.99) is None
    assert blamed("similarity", pair(PROMPT, "one two three four", "one two six four"), max_similarity=0.7)


def test_an_edit_that_keeps_nothing_is_another_text_but_a_fresh_answer_may_be() -> None:
    other = "Bread wants flour, water, salt, and patience above all else. " * 6
    fresh = pair(PROMPT, ANSWER, other)
    assert blamed("similarity", fresh) is None
    assert blamed("similarity", replace(fresh, plan="I will change it all.")) == ("rewritten", 1)
    assert blamed("similarity", replace(fresh, plan="I will change it all."), min_similarity=0) is None
    assert blamed("similarity", replace(pair(PROMPT, "It is tall.", "No."), plan="Shorter.")) is None, "short ones may"


def test_a_limit_above_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="check similarity: max_similarity"):
        check("similarity", max_similarity=92)
