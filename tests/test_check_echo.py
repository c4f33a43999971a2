"""The echo check: the prompt said again, and answers that rightly hold words of it."""

from __future__ import annotations

import pytest

from check_cases import blamed, check, pair, verdict
from rmboost.records import Pair, Prompt, Response

ANSWER = "It began with the murder of an archduke and ended with four empires gone."
QUESTION = "What were the main causes of the First World War, and how did it end?"
GRAMMAR = "Correct the grammar: She go to school every day and he like the teacher very much because he are kind."
PASSAGE = (
    "The heart has four chambers. The left ventricle pumps blood into the body. It has the thickest wall of all.\n\n"
    "Which chamber pumps blood into the body?"
)
CODE = 'def add(left, right):\n    """The sum of two numbers."""\n    return'

ECHOES = {
    "the prompt itself": (QUESTION, QUESTION),
    "a short prompt itself": ("Tell me a joke", "Tell me a joke"),
    "in other case and spaces": (QUESTION, f"  {QUESTION.upper()}\n"),
    "before the answer": (QUESTION, f"{QUESTION} {ANSWER}"),
    "after the answer": (QUESTION, f"{ANSWER}\n\n{QUESTION}"),
    "as a heading": (QUESTION, f"**{QUESTION}**\n\n{ANSWER}"),
    "in quotes": (QUESTION, f'"{QUESTION}" {ANSWER}'),
    "with one word changed": (QUESTION, f"{QUESTION.replace('First', 'Second')} {ANSWER}"),
    "instruction and text": (GRAMMAR, f"{GRAMMAR} She goes to school."),
    "instruction and corrected text": (GRAMMAR, GRAMMAR.replace("She go", "She goes").replace("he like", "he likes")),
    "passage and question": (PASSAGE, f"{PASSAGE}\n\nThe left ventricle."),
    "over several lines": (PASSAGE, PASSAGE.replace("\n\n", " ")),
    "with a label": (QUESTION, f"Question: {QUESTION}\nAnswer: {ANSWER}"),
    "of another script": ("二十世纪" * 11, "二十世纪" * 11),
    "twice": (QUESTION, f"{QUESTION}\n{QUESTION}"),
}

CLEAN = {
    "an answer": (QUESTION, ANSWER),
    "a short prompt as a heading": ("What is love?", "What is love? A song of 1993."),
    "words of the question": (QUESTION, f"The main causes of the First World War were many. {ANSWER}"),
    "corrected grammar": (
        GRAMMAR,
        "She goes to school every day and he likes the teacher very much because he is kind.",
    ),
    "text that needs no correction": (f"Fix the grammar: {ANSWER}", ANSWER),
    "text before the instruction": (f"{ANSWER}\n\nIs this sentence correct? Rewrite it if not.", ANSWER),
    "a sentence of the passage": (PASSAGE, "The left ventricle pumps blood into the body."),
    "the passage without the question": (PASSAGE, PASSAGE.partition("\n\n")[0]),
    "the end of the question": (QUESTION, f"How did it end? {ANSWER}"),
    "code to be completed": (CODE, f"{CODE} left + right"),
    "a translation": (f"Translate into German: {ANSWER}", "Es begann mit dem Mord an einem Erzherzog."),
    "a quotation of half of it": (QUESTION, f"You ask what the main causes of the First World War were. {ANSWER}"),
    "both ends, far apart": (
        QUESTION,
        f"What were the main causes of it? {ANSWER * 3} Here is the First World War, and how did it end?",
    ),
    "an empty answer": (QUESTION, ""),
    "a poem that ends like its title": ("Write a poem: Rain.", "Rain on the roof,\nrain in the lane,\nrain."),
}


@pytest.mark.parametrize(("prompt", "text"), ECHOES.values(), ids=ECHOES)
def test_an_echo_is_found_on_either_side(prompt: str, text: str) -> None:
    assert blamed("echo", pair(prompt, ANSWER, text)) == ("echo", 1)
    assert blamed("echo", pair(prompt, text, ANSWER)) == ("echo", 0)


@pytest.mark.parametrize(("prompt", "text"), CLEAN.values(), ids=CLEAN)
def test_words_of_the_prompt_are_no_echo(prompt: str, text: str) -> None:
    assert blamed("echo", pair(prompt, ANSWER, text)) is None


def test_only_the_last_turn_counts() -> None:
    turns = ({"role": "user", "content": QUESTION}, {"role": "assistant", "content": ANSWER})
    prompt = Prompt("p", (*turns, {"role": "user", "content": "And who won?"}))  # type: ignore[arg-type]
    conversation = Pair(prompt, Response(QUESTION, "m", call=0), Response(ANSWER, "m", call=1), "rmboost")
    assert verdict(check("echo"), conversation) is conversation
