"""The manner check: prefaces, offers and markdown that only one response has."""

from __future__ import annotations

import pytest

from check_cases import blamed, check, pair, verdict
from rmboost.checks import Check
from rmboost.records import Drop

PROMPT = "Give me two reasons to learn chess."
PLAIN = "Chess teaches patience, and it brings people together."

TRAITS = {
    "assent": (f"Sure! {PLAIN}", "preface"),
    "here is": (f"Here are two reasons: {PLAIN}", "preface"),
    "praise": (f"Great question! {PLAIN}", "preface"),
    "German preface": (f"Gerne! {PLAIN}", "preface"),
    "French preface": (f"Bien sûr ! {PLAIN}", "preface"),
    "Spanish preface": (f"¡Claro! {PLAIN}", "preface"),
    "Chinese preface": (f"当然！{PLAIN}", "preface"),
    "let me know": (f"{PLAIN} Let me know if you want more!", "closing-offer"),
    "hope": (f"{PLAIN}\n\nI hope this helps!", "closing-offer"),
    "would you like": (f"{PLAIN} Would you like me to explain the rules?", "closing-offer"),
    "German offer": (f"{PLAIN} Ich hoffe, das hilft dir!", "closing-offer"),
    "heading": (f"## Reasons\n{PLAIN}", "markdown"),
    "bold": (f"**Patience**: {PLAIN}", "markdown"),
    "bold with underscores": (f"__Patience and company__: {PLAIN}", "markdown"),
    "bullets": ("- patience\n- company", "markdown"),
    "nested bullets": ("- patience\n  - you wait\n- company", "markdown"),
    "numbers": ("1. patience\n2. company\n3. memory", "markdown"),
    "table": ("| reason |\n|---|\n| patience |", "markdown"),
    "fence": ("```\npatience\n```", "markdown"),
}


@pytest.mark.parametrize(("text", "reason"), TRAITS.values(), ids=TRAITS)
def test_a_trait_of_one_side_is_named_and_the_second_blamed(text: str, reason: str) -> None:
    assert blamed("manner", pair(PROMPT, PLAIN, text)) == (reason, 1)
    assert blamed("manner", pair(PROMPT, text, PLAIN)) == (reason, 1)
    assert blamed("manner", pair(PROMPT, text, text.replace("patience", "memory"))) is None, "both have it"


def test_all_traits_are_told_with_their_words() -> None:
    dropped = verdict(check("manner"), pair(PROMPT, f"Sure! {PLAIN} I hope this helps!", "- patience\n- company"))
    assert isinstance(dropped, Drop)
    assert dropped.detail == (
        "only the first response has 'sure!'; only the first response has 'i hope this helps'; "
        "only the second response has '- patience\\n- company'"
    )


def test_such_pairs_are_kept_with_a_flag_unless_the_user_says_otherwise() -> None:
    assert check("manner").on_fail == "flag"
    assert check("manner", on_fail="retry").on_fail == "retry"
    assert Check.model_fields["on_fail"].default == "retry"


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Is chess fun?", "Of course! It is."),
        ("Write an email to the club.", "Dear all, see you on Friday. Let me know if you cannot come."),
        ("What is 2 to the 3?", "2 ** 3 = 8 and 3 ** 2 = 9"),
        ("How does it begin?", "1. e4 e5 is common."),
        ("What is dunder init?", "A method, __init__ by name."),
    ],
)
def test_what_the_prompt_brings_with_it_is_no_trait(prompt: str, text: str) -> None:
    assert blamed("manner", pair(prompt, PLAIN, text)) is None
