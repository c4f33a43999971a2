"""The phrases of ``configs/phrases/``: what gives a response away, one file a language.

A new language is a new file there. Texts of all languages are looked at with all phrases: a phrase whose words a
text does not have costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property

from pydantic import field_validator

from rmboost import resources
from rmboost.records import Prompt
from rmboost.registry import Component, validate


class Phrase(Component):
    """A pattern, and words of which a text must have one for it to be tried (none: it is tried on every text)."""

    words: frozenset[str] = frozenset()
    pattern: str

    @field_validator("words", mode="before")
    @classmethod
    def _split(cls, value: str) -> list[str]:
        return value.split(",")

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def find(self, text: str) -> str:
        """The telling bit of a plain text, or nothing."""
        found = self._compiled.search(text)
        return found[found.lastindex or 0].strip(" :*_[]()") if found else ""


Phrases = tuple[Phrase, ...]


class Language(Component):
    """The phrases of a language. ``parts`` are what ``<name>`` in a pattern stands for."""

    parts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    task: Phrases = ()
    edit: Phrases = ()
    asks_for_edit: Phrases = ()
    refusal: Phrases = ()
    apology: Phrases = ()
    asks_for_voice: Phrases = ()


def found(kind: str, text: str) -> Iterator[str]:
    """The telling bits of a plain text that phrases of this kind (a field of Language) find, in any language.

    The words come first: most texts have none of them, and then no pattern is tried.
    """
    phrases, words = _phrases(kind)
    present = {word for root, rooted in words.items() if root in text for word in rooted if word in text}
    for phrase in phrases:
        if not (phrase.words and phrase.words.isdisjoint(present)) and (bit := phrase.find(text)):
            yield bit


def plain(text: str) -> str:
    """The text as patterns see it: lower case, straight apostrophes."""
    return text.lower().replace("’", "'")


def asks_for(kind: str, prompt: Prompt) -> bool:
    """Does the prompt ask for an ``edit`` of a text, or for words in somebody's ``voice``?"""
    return any(found(f"asks_for_{kind}", plain(prompt.text)))


@cache
def _phrases(kind: str) -> tuple[Phrases, dict[str, set[str]]]:
    """The phrases of a kind in all languages, and all their words under the longest part of each."""
    phrases = tuple(phrase for language in _languages() for phrase in getattr(language, kind))
    words: dict[str, set[str]] = {}
    for word in sorted({word for phrase in phrases for word in phrase.words}):
        words.setdefault(max(word.split(), key=len), set()).add(word)
    return phrases, words


@cache
def _languages() -> tuple[Language, ...]:
    files = sorted((resources.folder("configs") / "phrases").glob("*.yaml"))
    return tuple(_filled(resources.read_yaml(file), str(file)) for file in files)


def _filled(values: dict[str, object], where: str) -> Language:
    """A language with the parts put into its patterns."""
    raw = validate(Language, values, where)
    names = re.compile("|".join(f"<{name}>" for name in raw.parts) or r"(?!)")

    def fill(pattern: str) -> str:
        return names.sub(lambda found: fill(raw.parts[found[0][1:-1]]), pattern)

    def filled(kind: Phrases) -> Phrases:
        return tuple(phrase.model_copy(update={"pattern": fill(phrase.pattern)}) for phrase in kind)

    return raw.model_copy(update={name: filled(value) for name, value in raw if name != "parts"})
