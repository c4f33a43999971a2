"""The refusal check: the assistant declines, and texts that only sound like it."""

from __future__ import annotations

import pytest

from check_cases import blamed, pair

PROMPT = "How did Caesar and Cleopatra meet?"
ANSWER = "She had herself carried into his rooms in Alexandria, wrapped in a sack for bedding."

REFUSALS = {
    "sorry": "I'm sorry, but I cannot assist with that request.",
    "typographic apostrophe": "I’m sorry, but I can’t help with that.",
    "political": "I'm sorry, but I cannot engage in discussions regarding political matters.",
    "language model": "As an AI language model, I cannot talk about the past.",
    "i am an assistant": "Sorry, but I am an AI assistant and I am not able to discuss that.",
    "unable": "I am unable to provide information on that topic.",
    "bare": "I can't assist with that.",
    "fulfil": "I cannot fulfill your request. I am just a model.",
    "guidelines": "Talking about this goes against my guidelines.",
    "apologise": "I apologize, but I can't provide an answer to this.",
    "unfortunately": "Unfortunately, I cannot answer questions about living people.",
    "decline": "I must respectfully decline to answer.",
    "not appropriate": "It is not appropriate for me to discuss relationships.",
    "comfortable": "I'm not comfortable talking about this.",
    "ability": "I'm sorry, I don't have the ability to look up history.",
    "rather not": "I'd rather not answer that.",
    "not comfortable writing": "I do not feel comfortable writing about this.",
    "inconvenience": "I apologize for the inconvenience, but I am not able to share this.",
    "bold": "**I'm sorry, but I can't help with that.**",
    "German": "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
    "German model": "Als KI-Sprachmodell kann ich dazu keine Meinung haben.",
}

CLEAN = {
    "an answer": ANSWER,
    "a quotation": '"I cannot help you," said Caesar, and she laughed.',
    "a sorry story": "Sorry to say, nobody knows; the sack is a tale by Plutarch.",
    "unfortunately": "Unfortunately, we have only one source for this meeting.",
    "cannot": "You cannot know it for sure. Historians have only one source.",
    "further on": f"{ANSWER} {ANSWER} Whether it is true, I cannot answer that with certainty.",
    "afraid": "I'm afraid the story is a little dull: they met at court.",
    "declined": "She declined to wait, and had herself smuggled in.",
    "AI as a topic": "As AI language models spread, people ask such questions more often.",
    "praise": "I can't recommend this story enough.",
    "no": "No, they never met before that evening.",
    "unable": "Unable to enter by the gate, she came in a sack.",
    "against": "It was against the guidelines of the court.",
    "assist": "Caesar could not assist her brother, and chose her side.",
    "German": "Leider kann man das nicht genau sagen; es gibt nur eine Quelle.",
}


HEDGES = {
    "no feelings": "As an AI, I don't have personal feelings, but many people like the story.",
    "no opinions": "As an AI language model, I do not have opinions. They met in Alexandria.",
    "at the end": f"{ANSWER} {ANSWER} Please note that I am just an AI and may be wrong.",
    "in the middle": f"{ANSWER} My knowledge cutoff is 2023. {ANSWER}",
    "happy to help": "As an AI language model, I am happy to tell you: in Alexandria.",
    "German": "Als KI habe ich keine Gefühle, aber die Geschichte ist schön.",
    "French": "En tant que modèle de langage, je n'ai pas d'avis, mais c'était à Alexandrie.",
    "Spanish": "Como modelo de lenguaje, no tengo opiniones; fue en Alejandría.",
    "Chinese": "作为一个人工智能，我没有感情，不过他们是在亚历山大相遇的。",
}


@pytest.mark.parametrize("text", HEDGES.values(), ids=HEDGES)
def test_talk_of_the_assistants_own_limits_is_found_when_one_side_has_it(text: str) -> None:
    assert blamed("refusal", pair(PROMPT, ANSWER, text)) == ("hedge", 1)
    assert blamed("refusal", pair(PROMPT, text, ANSWER)) == ("hedge", 0)
    assert blamed("refusal", pair(PROMPT, text, f"{ANSWER} As an AI, I may be wrong.")) is None


def test_a_robot_in_a_story_has_no_limits_of_ours() -> None:
    assert blamed("refusal", pair("Write a story about a robot.", ANSWER, "I am an AI, it said, and slept.")) is None


@pytest.mark.parametrize("text", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_found_on_either_side(text: str) -> None:
    assert blamed("refusal", pair(PROMPT, ANSWER, text)) == ("refusal", 1)
    assert blamed("refusal", pair(PROMPT, text, ANSWER)) == ("refusal", 0)


@pytest.mark.parametrize("text", CLEAN.values(), ids=CLEAN)
def test_an_answer_is_no_refusal(text: str) -> None:
    assert blamed("refusal", pair(PROMPT, ANSWER, text)) is None


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Write an email to cancel on Friday.", "I'm sorry, but I can't make it on Friday."),
        ("Write a message to Tom, who moves house.", "Sorry, I can't help you carry the boxes on Saturday."),
        ("Decline a party politely.", "I'm sorry, but I can't offer more than a short visit."),
        ("Write a scene with a shy knight.", "I must decline, my lady."),
        ("Translate: Ich kann nicht antworten.", "I can't answer."),
    ],
)
def test_a_refusal_in_somebody_elses_voice_is_an_answer(prompt: str, text: str) -> None:
    assert blamed("refusal", pair(prompt, "Dear all, see you soon.", text)) is None


def test_an_assistant_refuses_to_write_too() -> None:
    text = "I'm sorry, but I can't assist with that."
    assert blamed("refusal", pair("Write an email to cancel on Friday.", ANSWER, text)) == ("refusal", 1)


def test_when_both_refuse_the_first_is_drawn_again_unless_such_pairs_are_wanted() -> None:
    both = pair(PROMPT, "I can't assist with that.", "I'm sorry, but I can't help with that. A librarian can.")
    assert blamed("refusal", both) == ("refusal", 0)
    assert blamed("refusal", both, keep_both=True) is None
    one = pair(PROMPT, "I can't assist with that.", ANSWER)
    assert blamed("refusal", one, keep_both=True) == ("refusal", 0)
