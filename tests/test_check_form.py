"""The form check: empty, garbled, torn markup, loops, and texts that only look like it."""

from __future__ import annotations

import pytest

from check_cases import blamed, pair

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
    "chat marker": (f"{ANSWER}<|im_end|>\n<|im_start|>user", "stray-tags"),
    "llama marker": (f"[INST] {ANSWER} [/INST]", "stray-tags"),
    "end of text": (f"{ANSWER}</s>", "stray-tags"),
    "alpaca heading": (f"{ANSWER}\n\n### Instruction:\nNext", "stray-tags"),
    "open fence": ("Run this:\n```sh\nboil egg\n", "unbalanced-fence"),
    "open fence before another": ("```py\na = 1\n\nand\n\n```py\nb = 2\n```", "unbalanced-fence"),
    "replacement character": ("Put the egg into boiling w\ufffdter.", "garbled"),
    "control character": ("Put the egg\x00 into boiling water.", "garbled"),
    "a sentence again and again": (ANSWER + " " + SENTENCE * 4, "repetition"),
    "a sentence three times in the middle": (SENTENCE * 3 + ANSWER, "repetition"),
    "two lines in turn": ("Boil the water.\nAdd the egg.\n" * 6, "repetition"),
    "a word": ("egg " * 20, "repetition"),
    "a numbered list of the same": ("\n".join(f"{n}. Boil the egg" for n in range(1, 12)), "repetition"),
    "without spaces": ("把鸡蛋放进开水里煮。" * 5, "repetition"),
    "an emoji": ("😊" * 200, "repetition"),
    "syllables": ("haha" * 20, "repetition"),
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
    "html": "<p>Put the egg into <s>cold</s> <b>boiling</b> water.</p>",
    "a tag in code": "Send `<response>` or\n```xml\n<response>egg</response>\n```",
    "less than": "If the egg is < 60 g, wait 6 minutes; if it is > 60 g, wait 7.",
    "a table": "| egg | time |\n|---|---|\n" + "".join(f"| {n} g | {n - 50} min |\n" for n in range(55, 70)),
    "rules": "- - - - - - - - - - - - - - - - - - - - - - - - - - - -\nBoil it.",
    "a refrain": "Boil it, boil it,\nlet it be.\nPeel it, peel it,\nlet it be.\nSalt it, salt it,\nlet it be.",
    "a list with one beginning": "".join(f"{n}. You should boil the {n}th egg\n" for n in range(1, 12)),
    "zeros": "[" + ", ".join("0" * 40) + "]",
    "other scripts": "把鸡蛋放进开水里煮七分钟，然后用冷水冲一下。",
}


@pytest.mark.parametrize(("text", "reason"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_found_on_either_side(text: str, reason: str) -> None:
    assert blamed("form", pair(PROMPT, ANSWER, text)) == (reason, 1)
    assert blamed("form", pair(PROMPT, text, ANSWER)) == (reason, 0)


@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN)
def test_a_sound_text_is_kept(text: str) -> None:
    assert blamed("form", pair(PROMPT, ANSWER, text)) is None


def test_tags_that_the_prompt_is_about_are_no_stray_ones() -> None:
    assert blamed("form", pair("What is <think> for?", ANSWER, "Models reason after <think> and then answer.")) is None


def test_how_long_a_loop_may_be_can_be_set() -> None:
    text = "row your boat. " * 4
    assert blamed("form", pair(PROMPT, ANSWER, text), min_loop=6) == ("repetition", 1)
    assert blamed("form", pair(PROMPT, ANSWER, text), min_loop=12) is None
