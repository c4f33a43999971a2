"""The language check: switches of language and script, and names, quotations and code that are none."""

from __future__ import annotations

import pytest

from check_cases import blamed, check, pair, verdict
from rmboost.records import Drop

PROMPT = "Tell me about the tower."
TEXTS = {
    "en": "The tower is made of iron and was built for a fair that was held in the same year.",
    "de": "Der Turm ist aus Eisen und wurde für eine Ausstellung gebaut, die im gleichen Jahr stattfand.",
    "fr": "La tour est en fer et elle a été construite pour une exposition qui eut lieu la même année.",
    "es": "La torre es de hierro y fue construida para una feria que se celebró el mismo año.",
    "pt": "A torre é de ferro e foi construída para uma feira que não durou mais do que um ano.",
    "ru": "Башня сделана из железа и была построена для выставки, которая прошла в том же году.",
    "zh": "这座塔是用铁建成的，是为了同年举办的一次博览会而建的。",
    "ja": "この塔は鉄でできていて、同じ年に開かれた博覧会のために建てられました。",
    "ar": "البرج مصنوع من الحديد وبني من أجل معرض أقيم في العام نفسه.",
}
QUOTING = (
    "“I ought to be jealous of the tower, for she is more famous than I am, wherever I go”: so sprach ihr Erbauer, und "
    "er meinte es nicht nur im Scherz, denn kaum jemand kannte die Brücken, die er in aller Welt gebaut hatte."
)


@pytest.mark.parametrize("one", TEXTS)
@pytest.mark.parametrize("other", TEXTS)
def test_a_switch_is_found_and_the_second_response_blamed(one: str, other: str) -> None:
    assert blamed("language", pair(PROMPT, TEXTS[one], TEXTS[other])) == (None if one == other else ("language", 1))


def test_the_languages_are_named() -> None:
    dropped = verdict(check("language"), pair(PROMPT, TEXTS["en"], TEXTS["de"]))
    assert isinstance(dropped, Drop)
    assert "the first response is in 'en'" in dropped.detail
    assert "the second in 'de'" in dropped.detail
    dropped = verdict(check("language"), pair(PROMPT, TEXTS["en"], TEXTS["ja"]))
    assert isinstance(dropped, Drop)
    assert dropped.detail == "the first response is in latin letters, the second in japanese letters"


@pytest.mark.parametrize(
    ("prompt", "first", "second"),
    [
        (PROMPT, TEXTS["en"], "Iron, 1889, 330 m."),
        (PROMPT, TEXTS["en"], f"{TEXTS['en']} In Chinese it is 埃菲尔铁塔, in Russian Эйфелева башня."),
        (PROMPT, TEXTS["en"], "Use this:\n```python\nfor name in names:\n    print(name)\n```\nIt prints the names."),
        (PROMPT, TEXTS["de"], "Ein Turm mit Lift, Shop und Skybar für Touristen aus der ganzen Welt."),
        (PROMPT, TEXTS["de"], QUOTING),
        ("Greet me in any language.", TEXTS["en"], TEXTS["fr"]),
        (PROMPT, "42", TEXTS["ru"]),
        (PROMPT, "", TEXTS["zh"]),
    ],
)
def test_names_quotations_code_and_what_is_too_short_are_no_switch(prompt: str, first: str, second: str) -> None:
    assert blamed("language", pair(prompt, first, second)) is None
    assert blamed("language", pair(prompt, second, first)) is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("For å lage pannekaker trenger du egg, melk og mel.", "Jeg anbefaler å gå en tur hver dag."),
        ("Hovedstaden i Norge er Oslo.", "Hovudstaden i Noreg er Oslo, og eg rår deg til å gå ein tur kvar dag."),
        ("Matahari terbit dari timur karena bumi berputar.", "Gunung tertinggi di dunia ialah Everest."),
        ("Ang kabisera ng Pilipinas ay Maynila.", "Kumukulo ang tubig sa sandaang digri."),
    ],
)
def test_near_languages_are_taken_for_one(first: str, second: str) -> None:
    assert blamed("language", pair(PROMPT, first, second)) is None
    assert blamed("language", pair(PROMPT, second, TEXTS["en"])) == ("language", 1)


def test_how_sure_a_language_must_be_can_be_set() -> None:
    names = pair(PROMPT, TEXTS["en"], "Torre de Belém, Torre di Pisa, Tour Eiffel.")
    assert blamed("language", names) is None
    assert blamed("language", names, min_confidence=0.1) == ("language", 1)
