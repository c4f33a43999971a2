"""Reward models: what each kind can learn, and cannot, from pairs where the answer is known."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from check_cases import HOSTILE
from rmboost.errors import ConfigError
from rmboost.rewards import CATALOGUE, Answer, RewardModel, TextPair, form, load
from rmboost.rewards.study import Study

WORDS = ["river", "stone", "lamp", "paper", "window", "garden", "table", "bread", "music", "winter", "engine", "letter"]


def pairs(count: int, chosen: str, rejected: str, seed: int = 0) -> list[TextPair]:
    """Pairs whose two responses are the same random words but for what is filled in around them."""
    random = Random(seed)
    texts = (" ".join(random.choices(WORDS, k=6)) for _ in range(count))
    return [
        TextPair(f"Question {place} of {seed}", chosen.format(text), rejected.format(text))
        for place, text in enumerate(texts)
    ]


def accuracy(name: str, train: Sequence[TextPair], test: Sequence[TextPair]) -> float:
    return Study(load(name), {"train": train, "test": test}).evaluate(["train"], "test", seeds=[0]).value


@pytest.mark.parametrize(
    ("chosen", "rejected", "learnt_by"),
    [
        ("{} truly", "{} maybe", {"ngrams", "ngrams-form"}),
        ("{}", "{} {}", {"form", "ngrams-form"}),
        ("{} {}", "{}", {"longer", "form", "ngrams-form"}),
        ("- {}\n- {}", "1 {} 1 {}", {"form", "ngrams", "ngrams-form"}),
        ("{}.", "{}", {"form", "ngrams-form"}),
    ],
)
def test_what_each_kind_sees(chosen: str, rejected: str, learnt_by: set[str]) -> None:
    blind = {"longer": 0.5, "ngrams": 0.5}
    chosen, rejected = (text.replace("{}", "{0}") for text in (chosen, rejected))
    train, test = pairs(60, chosen, rejected), pairs(40, chosen, rejected, seed=1)
    for name in ("longer", "form", "ngrams", "ngrams-form"):
        found = accuracy(name, train, test)
        if name in learnt_by:
            assert found > 0.95, name
        else:
            assert found <= max(blind.get(name, 0.5), 0.7), name


def test_ngrams_do_not_see_how_often_a_text_is_said() -> None:
    rows = load("ngrams").read([answer for pair in pairs(1, "{0}", "{0} {0}") for answer in pair.answers])
    assert abs(rows[0] - rows[1]).max() < 0.2
    assert np.linalg.norm(rows.toarray(), axis=1) == pytest.approx([1, 1])


@pytest.mark.parametrize("name", ["form", "ngrams", "ngrams-form"])
def test_pairs_read_backwards_teach_the_opposite(name: str) -> None:
    model = load(name)
    sides = [list(side) for side in zip(*(p.answers for p in pairs(30, "{0} yes", "no, {0}")), strict=True)]
    chosen, rejected = (model.read(side) for side in sides)
    forwards, backwards = model.fit(chosen, rejected, 0), model.fit(rejected, chosen, 0)
    assert forwards(chosen) == pytest.approx(-backwards(chosen), abs=1e-2)
    assert (forwards(chosen) > forwards(rejected)).all()


@pytest.mark.parametrize("name", ["form", "ngrams", "ngrams-form"])
def test_one_seed_one_model(name: str) -> None:
    study = Study(load(name), {"train": pairs(30, "{0} yes", "no, {0}"), "test": pairs(20, "yes {0}", "{0}", seed=1)})
    assert study.evaluate(["train"], "test").as_json() == study.evaluate(["train"], "test").as_json()


@pytest.mark.parametrize(
    ("prompt", "response", "feature", "wanted"),
    [
        ("", "One. Two! Three", "sentences, log", np.log(3)),
        ("", "One at 3.14, e.g. here.", "sentences, log", np.log(2)),
        ("", "Intro:\n- a\n* b\n3. c", "list items, log", np.log(4)),
        ("", "# Title\ntext", "has headings", 1),
        ("", "a #tag", "has headings", 0),
        ("", "It stops in the mid", "ends as a sentence does", 0),
        ("", "It stops (here).", "ends as a sentence does", 1),
        ("", "I am sure", "says I", 1),
        ("", "Part II", "says I", 0),
        ("", "2024 is it", "digits, share", 0.4),
        ("Where is the blue lamp?", "The blue lamp burns", "words from the prompt, share", 0.75),
        ("Where is the blue lamp?", "The lamp, blue", "pairs of words from the prompt, share", 0),
        ("Where is the blue lamp?", "The blue lamp burns", "words of the prompt taken up, share", 0.6),
        ("", "a b a b", "different words, share", 0.5),
    ],
)
def test_form(prompt: str, response: str, feature: str, wanted: float) -> None:
    (row,) = load("form").read([TextPair(prompt, response, "").answers[0]])
    unit, _ = form.FEATURES[feature]
    assert row[list(form.FEATURES).index(feature)] * unit == pytest.approx(wanted)


@pytest.mark.parametrize("response", ["", " \n", "....", "ÄÖ 漢字かな。", "```\n", "\x00\ud800"])
def test_any_text_has_a_form(response: str) -> None:
    rows = load("ngrams-form").read([TextPair("", response, "").answers[0]])
    assert np.isfinite(rows.toarray()).all()


def test_unknown_names_and_options() -> None:
    with pytest.raises(ConfigError, match="unknown reward model 'ngram'") as found:
        load("ngram")
    assert found.value.hint == "did you mean 'ngrams'?"
    with pytest.raises(ConfigError, match="reward model form: strenght: no such option"):
        load({"name": "form", "strenght": 1})


def test_a_missing_package_is_said_with_what_to_install() -> None:
    program = """
import sys
from rmboost import errors, rewards
assert not {"numpy", "sklearn", "torch"} & set(sys.modules), "listing the kinds must cost nothing"
sys.modules["sklearn"] = None
try:
    rewards.load("ngrams")
except errors.ConfigError as error:
    print(error, "|", error.hint)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    needed = "reward model ngrams needs the package sklearn, which is not installed"
    assert done.stdout == f"{needed} | pip install 'rmboost[rm]'\n"


def test_the_catalogue_leads_to_files() -> None:
    light = [name for name, place in CATALOGUE.items() if "embeddings" not in place and "finetuned" not in place]
    assert all(isinstance(load(name), RewardModel) for name in light)


@pytest.mark.parametrize("name", ["ngrams", "ngrams-form"])
@pytest.mark.parametrize(("chosen", "rejected"), [("{}是真的", "{}是假的"), ("{}ほんとう", "{}うそだよ")])
def test_a_language_without_spaces_is_learnt_by_its_characters(name: str, chosen: str, rejected: str) -> None:
    """A clause was one word, which no other text has."""

    def clauses(seed: int) -> list[TextPair]:
        random = Random(seed)
        texts = ["".join(random.choices("天地山水火木金土日月星風雨雪", k=12)) for _ in range(60)]
        return [TextPair(text[:5], chosen.format(text), rejected.format(text)) for text in texts]

    assert accuracy(name, clauses(0), clauses(1)) > 0.95


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("我喜欢 tea2", ["我", "喜", "欢", "tea2"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("It's snake_case, naïve… 3.5", ["It", "s", "snake_case", "naïve", "3", "5"]),  # as of \w+
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert form.WORD.findall(text) == words


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_makes_its_form_slow(name: str) -> None:
    found = dict(zip(form.FEATURES, form.measure([Answer("Why?", HOSTILE[name])])[0], strict=True))
    sentences = {"fences": 25_000, "lines after words of leaks": 2, "blanks to fill in": 2}.get(name, 1)
    assert np.exp(found["sentences, log"] / 2) == pytest.approx(sentences)  # what is quadratic takes minutes
    assert found["list items, log"] == found["has headings"] == 0


def test_items_headings_and_sentences_are_counted_across_empty_lines() -> None:
    text = "\n\n# One...\n\n\n  - a.b?! c\n-\n\t1) d… e.\n\n  2. f"
    found = dict(zip(form.FEATURES, form.measure([Answer("Why?", text)])[0], strict=True))
    assert np.exp(found["list items, log"] / 2) == pytest.approx(5)
    assert found["has headings"] == 2
    assert np.exp(found["sentences, log"] / 2) == pytest.approx(9)
