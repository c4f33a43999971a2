"""The leak check: talk about the task, and answers that only share words with it."""

from __future__ import annotations

import pytest

from check_cases import blamed, pair

PROMPT = "Why do cats purr?"
ANSWER = "Cats purr when they feel at ease, but also when they are hurt and want to calm down."

LEAKS = {
    "a worse version": f"Here is a worse version of the answer:\n\n{ANSWER}",
    "a worse response, politely": f"Sure! Here's a slightly worse response: {ANSWER}",
    "an improved version": f"Here is an improved version: {ANSWER}",
    "a revised answer": f"Certainly. Below is the revised answer.\n\n{ANSWER}",
    "a better answer": f"Here's a better answer: {ANSWER}",
    "less complete": f"Here is a less complete response. {ANSWER}",
    "typographic apostrophe": f"Here’s a degraded version: {ANSWER}",
    "label line": f"**Improved answer:** {ANSWER}",
    "worse answer line": f"Worse answer: {ANSWER}",
    "good answer line": f"Good answer: {ANSWER}",
    "model answer line": f"**Model answer:**\n\n{ANSWER}",
    "flaw line": f"Its flaw: too short.\n\n{ANSWER}",
    "what contrast asks for": f"{ANSWER} (Answer well and to the point.)",
    "what contrast says": f"{ANSWER} (What matters most in your answer is completeness: how far it covers all.)",
    "what contrast says next": f"{ANSWER} What matters next is error handling: whether the code fails well.",
    "what contrast says, with emphasis": f"What matters most in your answer is **completeness**: how much. {ANSWER}",
    "one word line": f"Rewritten:\n{ANSWER}",
    "brackets": f"[Rewritten] {ANSWER}",
    "worse in brackets": f"{ANSWER} (worse)",
    "the fewshot label": f"Answer: {ANSWER}",
    "why it is worse": f"{ANSWER}\n\nThis response is worse because it leaves out the healing.",
    "less accurate": f"{ANSWER} This answer is less accurate than it could be.",
    "what was done": f"{ANSWER}\n\nNote: I made the answer less complete.",
    "what was done on purpose": f"{ANSWER} I deliberately left out the details about healing.",
    "says that it is wrong": f"{ANSWER} This is the wrong answer.",
    "was rewritten": f"{ANSWER} The response has been rewritten.",
    "rewritten to": f"Rewritten to be less helpful. {ANSWER}",
    "as requested": f"As requested, a worse take on it: {ANSWER}",
    "the original": f"{ANSWER} Compared to the original response, it is short.",
    "response A": f"Response A: {ANSWER}",
    "response 2": f"**Response 2** is this: {ANSWER}",
    "changes": f"{ANSWER}\n\nChanges made:\n- removed the reason",
    "aspect as label": f"Completeness: low\n{ANSWER}",
    "in terms of the aspect": f"{ANSWER} In terms of completeness it could say more.",
    "aspect of the response": f"{ANSWER} I kept the completeness of the response low.",
    "aspect of two words": f"Error handling: {ANSWER}",
    "thinking aloud": f"Okay, the user asked about cats. {ANSWER}",
    "the instruction again": f"Write this answer again, but worse in completeness. {ANSWER}",
    "worse in": f"Sure, here is a version that is worse in accuracy: {ANSWER}",
    "with one flaw": f"Here's the same answer, but with one flaw: {ANSWER}",
    "rewritten, after the noun": f"Here's the answer rewritten to be less accurate: {ANSWER}",
    "a deliberate error": f"{ANSWER} (Note: this response contains a deliberate error.)",
    "introduced": f"{ANSWER} I've introduced an error in the second sentence.",
    "this version": f"This version of the answer is less accurate. {ANSWER}",
    "the above": f"{ANSWER}\n\nThe above response is worse because it is vague.",
    "this is": f"{ANSWER} This is a less accurate answer.",
    "would be": f"An improved version of the answer would be: {ANSWER}",
    "the aspect": f"Here it is with the aspect of completeness improved: {ANSWER}",
    "German": f"Hier ist eine schlechtere Version der Antwort: {ANSWER}",
    "German, as improved": f"Verbesserte Antwort: {ANSWER}",
}

CLEAN = {
    "an answer": ANSWER,
    "about a worse outcome": "Waiting leads to a worse outcome, and a second operation makes it worse still.",
    "about a better answer": "There is no better answer than patience. The answer is less clear for old cats.",
    "about a product": "This is an improved version of the old phone, and the revised edition costs less.",
    "an immune response": "The immune response is weaker in old cats. The response was made worse by stress.",
    "a response time": "We improved the response time of the server; a revised plan is out.",
    "a first response": "The first response to the fire was slow, slower than the original plan.",
    "a letter": "Dear Ms Lee, as requested, I have attached the updated contract. Yours, Ana",
    "a quiz": "Answer B is correct, and the second is worse for cats.",
    "here is a list": "Here is a short list of reasons: comfort, hunger, pain.",
    "here is a better way": "Here is a better way to find out: watch its tail.",
    "other aspects": "Accuracy: 95 %. Speed: high. In terms of price, both are equal.",
    "completeness elsewhere": "For the sake of completeness, lions cannot purr.",
    "intention": "The poet deliberately left out the verb, and intentionally so.",
    "a story": "She rewrote the letter twice and made the reply short. I changed my answer.",
    "edited": "The film was edited to be shorter. It was revised for television.",
    "the flaw that was asked for": "**The flaw:** not all birds fly.",
    "advice on answers": "Listen to the question, then answer well and to the point.",
    "advice on honesty": "What matters most in your answer is honesty: whether the examiner can follow it.",
    "advice on the next thing": "First choose a vet; what matters next is completeness: how much you tell.",
    "an example of an answer": "A good answer: I admire what you make.",
    "a headword": "Better safe than sorry: call a vet.",
    "aspect in the plain sense": "One aspect of purring is healing: its frequency helps bones.",
    "user": "If the user asked for a page, the server sends it.",
    "an error": "I have added some salt. I have made a mistake, and there is an error in this story.",
    "a version": "Here is the version number: 2. Here is an answer from the vet: rest.",
    "answer in passing": "In short, the answer: nobody knows.",
    "http": "The server sends a response: first the status, then the headers.",
    "German": "Die Antwort ist einfach: Es gibt keine bessere Version dieser Theorie.",
}


@pytest.mark.parametrize("text", LEAKS.values(), ids=LEAKS)
def test_talk_about_the_task_is_found_on_either_side(text: str) -> None:
    aspects = ("completeness", "error_handling")
    assert blamed("leak", pair(PROMPT, ANSWER, text, *aspects)) == ("leak", 1)
    assert blamed("leak", pair(PROMPT, text, ANSWER, *aspects)) == ("leak", 0)


@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN)
def test_words_of_the_task_in_an_answer_are_no_leak(text: str) -> None:
    assert blamed("leak", pair(PROMPT, ANSWER, text, "completeness")) is None


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Rewrite this sentence: me like cats", "Here is a revised version: I like cats."),
        ("Can you improve the following text? Cats is nice.", "Improved text: Cats are nice."),
        ("Fix my code", "I've rewritten it with a loop.\n\nChanges made:\n- a loop"),
        ("Fix the bug in this function: def f(xs): return xs[0]", "In this version, I've added a check for that."),
        ("Refactor this code.", "I removed a branch so that it is more compact."),
        ("Improve this script.", "I added a try block, which makes it more robust."),
        ("Shorten my text.", "This edit drops the second paragraph."),
        ("What is new in the log?", "In this version, I/O is buffered, and in this edit it is not."),
        ("Make this email more polite: Come!", "Here's a more polite version: Please come."),
        ("Write two answers, labelled Response A and Response B.", "Response A: yes. Response B: no."),
        ("Write a model answer to this exam question.", "**The model answer:** Cats purr."),
        ("Write a worse version of a famous line.", "Here is a worse version: To do or not to do."),
        ("Schreibe den Satz um: Katzen ist nett.", "Hier ist eine überarbeitete Fassung: Katzen sind nett."),
        ("Rate the completeness of the list.", "Completeness: 3 of 5."),
    ],
)
def test_what_the_prompt_asks_for_is_no_leak(prompt: str, text: str) -> None:
    assert blamed("leak", pair(prompt, ANSWER, text, "completeness")) is None


def test_a_prompt_that_asks_for_an_edit_excuses_no_talk_of_a_worse_one() -> None:
    texts = (
        "Here is a worse version: I likes cats.",
        "I likes cats. This answer introduces an error.",
        "I like cats. I dropped the reason so that the answer is less complete.",
        "I like cats. I changed the verb to make it worse.",
    )
    for text in texts:
        assert blamed("leak", pair("Rewrite this sentence: me like cats", ANSWER, text)) == ("leak", 1)


def test_what_both_responses_say_gives_nothing_away() -> None:
    assert blamed("leak", pair(PROMPT, f"Answer: {ANSWER}", "Answer: nobody knows.")) is None
