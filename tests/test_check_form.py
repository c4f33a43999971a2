"""The form check: empty, garbled, torn markup, loops, and texts that only look like it."""

from __future__ import annotations

import pytest

from check_cases import blamed, check, pair, verdict
from rmboost.records import Drop

PROMPT = "How do I boil an egg?"
ANSWER = "Put the egg into boiling water, wait seven minutes, and cool it under cold water."
SENTENCE = "Then wait until the water boils again and turn down the heat. "

DEFECTS = {
    "no text": ("", "empty"),
    "white space": (" \n\t ", "empty"),
    "dots": ("…", "empty"),
    "an empty fence": ("```\n```", "empty"),
    "closing tag": (f"{ANSWER}</response>", "stray-tags"),
    "opening tag": (f"<response>\n{ANSWER}", "stray-tags"),
    "aspects tag": (f"<aspects>completeness</aspects> {ANSWER}", "stray-tags"),
    "thinking": (f"<think>The user wants an egg.</think>\n{ANSWER}", "stray-tags"),
    "thinking of others": (f"[THINK]The user wants an egg.[/THINK]{ANSWER}", "stray-tags"),
    "a thought": (f"<thought>The user wants an egg.</thought>\n{ANSWER}", "stray-tags"),
    "a call": (f'<tool_call>{{"name": "egg"}}</tool_call>{ANSWER}', "stray-tags"),
    "chat marker": (f"{ANSWER}<|im_end|>\n<|im_start|>user", "stray-tags"),
    "llama marker": (f"[INST] {ANSWER} [/INST]", "stray-tags"),
    "end of text": (f"{ANSWER}</s>", "stray-tags"),
    "alpaca heading": (f"{ANSWER}\n\n### Instruction:\nNext", "stray-tags"),
    "open fence": ("Run this:\n```sh\nboil egg\n", "unbalanced-fence"),
    "open fence before another": ("```py\na = 1\n\nand\n\n```py\nb = 2\n```", "unbalanced-fence"),
    "open fence with tildes in it": ("```\nboil egg\n~~~\n", "unbalanced-fence"),
    "open tildes": ("~~~sh\nboil egg\n```\n", "unbalanced-fence"),
    "replacement character": ("Put the egg into boiling w\ufffdter.", "garbled"),
    "control character": ("Put the egg\x00 into boiling water.", "garbled"),
    "a sentence again and again": (ANSWER + " " + SENTENCE * 4, "repetition"),
    "a sentence three times in the middle": (SENTENCE * 3 + ANSWER, "repetition"),
    "two lines in turn": ("Boil the water.\nAdd the egg.\n" * 6, "repetition"),
    "a word": ("egg " * 20, "repetition"),
    "a numbered list of the same": ("\n".join(f"{n}. Boil the egg" for n in range(1, 12)), "repetition"),
    "without spaces": ("把鸡蛋放进开水里煮。" * 5, "repetition"),
    "an emoji": ("😊" * 200, "repetition"),
    "a sentence after equal lines of code": ("```\n" + "<div></div>\n" * 15 + "```\n" + SENTENCE * 4, "repetition"),
    "syllables": ("haha" * 20, "repetition"),
}

CUT_OFF = {
    "after a comma": f"{ANSWER} Then peel it,",
    "after a colon": f"{ANSWER} You need:",
    "after an article": "Put it into boiling water and wait for the",
    "in the second sentence": f"{ANSWER} The white is firm when",
    "in the second paragraph": f"{ANSWER}\n\nThe white of the egg is firm when the water has",
    "in a bracket": f"{ANSWER} Salt it (a pinch",
    "before the next point": "1. Boil it\n2. Cool it\n3.",
    "an interval": "All of x in (0, 1] is allowed (but not",
    "German, after a word of many languages": "Das Ei gibt man nach sieben Minuten und ohne Eile in die",
    "Spanish, after a word of many languages": "El huevo se pone en una olla con",
    "French, after a word of many languages": "On pose les œufs dans une assiette et",
    "German": "Das Ei kocht sieben Minuten. Danach wird es mit",
    "Chinese": "把鸡蛋放进开水里煮七分钟。然后把它拿出来放在冷水",
}

WHOLE = {
    "no stop at all": "About seven minutes in boiling water",
    "a list": "You need:\n- water\n- an egg",
    "a signature": f"Dear Ann,\n{ANSWER}\n\nBest wishes,\nBo",
    "a signature without a name": f"Dear Ann,\n{ANSWER}\n\nBest,",
    "verse": "The water sings, the egg is white,\nand we shall have it all tonight",
    "a link": f"{ANSWER} More: https://eggs.example/boil",
    "a hashtag": f"{ANSWER} Enjoy #eggs",
    "an emoji": f"{ANSWER} Enjoy 😊",
    "a number": "The answer is:\n\n42.",
    "a form": "Name:\nEgg size:\nMinutes:",
    "a quotation": f'{ANSWER} "You can\'t unboil it" – A. Cook',
    "code": "for egg in eggs:\n    boil(egg)\n    total = total +",
    "a smiley": f"{ANSWER} It is too late now :(",
    "a letter": "The answer is A",
    "a letter after reasons": "Only the first is a fruit, since the others are roots. So the answer is A",
    "a letter in bold": "The correct answer is **A**",
    "a vitamin": "Vitamin A",
    "a blood type": "Blood type O",
    "a symbol": "The chemical symbol for gold is Au",
    "a name": "The First World War",
    "an operator": "Use a logical AND",
    "a word that is German, too": "A fox lives in a den",
    "a verb that is German, too": "Nobody wants to die",
    "a war": "It was a long civil war",
    "a variable": "Solve the second one for y",
    "a word that is Spanish, too": "He was the king's oldest son",
    "a word that is French, too": "Hold the pan in both hands and then pour",
    "a point of the compass": "El viento viene del sur",
    "an interval, open below": "The solution set is (-3, 5]",
    "an interval, open above": "The function grows on [0, 1) and (2, 3]",
}

CLEAN = {
    "an answer": ANSWER,
    "one word": "Seven.",
    "a number": "7",
    "an emoji": "🥚",
    "a closed fence": "Run this:\n```sh\nboil egg\n```\nDone.",
    "a longer fence around one": "````md\n```sh\nboil egg\n```\n````",
    "a fence inside one of markdown": "```markdown\n# Egg\n```sh\nboil egg\n```\n```",
    "backticks in a sentence": "Type ``` to open a fence, or `boil egg`.",
    "tildes": "~~~\nboil egg\n~~~",
    "marks under an error": "It says:\n```\n    total = price / count\n            ~~~~~~^~~~~~~\n```\nSo guard it.",
    "marks of tildes alone": "It says:\n```\n3 const x: number = 'a';\n        ~~~~~~~~\n```\nSo change the type.",
    "tildes in backticks": "```rst\nTitle\n~~~~~\n```",
    "backticks in tildes": "~~~\n```sh\n~~~",
    "waves": "~~~~ Happy New Year ~~~~\nAll the best to you.",
    "html": "<p>Put the egg into <s>cold</s> <b>boiling</b> water.</p>",
    "a tag in code": "Send `<response>` or\n```xml\n<response>egg</response>\n```",
    "less than": "If the egg is < 60 g, wait 6 minutes; if it is > 60 g, wait 7.",
    "a table": "| egg | time |\n|---|---|\n" + "".join(f"| {n} g | {n - 50} min |\n" for n in range(55, 70)),
    "rules": "- - - - - - - - - - - - - - - - - - - - - - - - - - - -\nBoil it.",
    "a refrain": "Boil it, boil it,\nlet it be.\nPeel it, peel it,\nlet it be.\nSalt it, salt it,\nlet it be.",
    "a list with one beginning": "".join(f"{n}. You should boil the {n}th egg\n" for n in range(1, 12)),
    "equal lines of code": "The board:\n```html\n" + '<div class="cell"></div>\n' * 9 + "```",
    "equal cells": "| a | b |\n|---|---|\n|" + " not known yet |" * 9,
    "equal words between blocks": "".join(f"Run this command now:\n```sh\nboil {'x' * n}\n```\n" for n in range(1, 7))
    + "```html\n"
    + "<div></div>\n" * 15
    + "```",
    "zeros": "[" + ", ".join("0" * 40) + "]",
    "other scripts": "把鸡蛋放进开水里煮七分钟，然后用冷水冲一下。",
}


@pytest.mark.parametrize(("text", "reason"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_on_either_side(text: str, reason: str) -> None:
    assert blamed("form", pair(PROMPT, ANSWER, text)) == (reason, 1)
    assert blamed("form", pair(PROMPT, text, ANSWER)) == (reason, 0)


@pytest.mark.parametrize("text", CUT_OFF.values(), ids=CUT_OFF)
def test_a_text_that_breaks_off_is_found_and_its_end_shown(text: str) -> None:
    dropped = verdict(check("form"), pair(PROMPT, ANSWER, text))
    assert isinstance(dropped, Drop)
    assert (dropped.reason, dropped.call) == ("cut-off", 1)
    assert text.strip()[-2:] in dropped.detail


def test_one_word_is_no_answer_beside_many_unless_a_word_is_asked_for() -> None:
    long = f"{ANSWER} {ANSWER}"
    assert blamed("form", pair(PROMPT, long, "Boil.")) == ("one-word", 1)
    assert blamed("form", pair(PROMPT, "Boil.", long)) == ("one-word", 0)
    assert blamed("form", pair("Is it done? Answer yes or no.", long, "Yes.")) is None
    assert blamed("form", pair("Sag es in einem Wort.", long, "Kochen.")) is None
    assert blamed("form", pair(PROMPT, long, "煮七分钟")) is None
    assert blamed("form", pair(PROMPT, "Boil.", "Wait.")) is None


@pytest.mark.parametrize("text", [*CLEAN.values(), *WHOLE.values()], ids=[*CLEAN, *WHOLE])
def test_a_sound_text_is_kept_and_not_every_one_ends_with_a_stop(text: str) -> None:
    assert blamed("form", pair(PROMPT, ANSWER, text)) is None


def test_tags_that_the_prompt_is_about_are_no_stray_ones() -> None:
    assert blamed("form", pair("What is <think> for?", ANSWER, "Models reason after <think> and then answer.")) is None


def test_how_long_a_loop_may_be_can_be_set() -> None:
    text = "row your boat. " * 4
    assert blamed("form", pair(PROMPT, ANSWER, text), min_loop=6) == ("repetition", 1)
    assert blamed("form", pair(PROMPT, ANSWER, text), min_loop=12) is None
