"""The phrases of ``configs/phrases/``: what gives a response away, one file a language.

A new language is a new file there. Texts of all languages are looked at with all phrases, in one pass over the text
that finds the words of all phrases at once; the pattern of a phrase is tried where one of its words is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation
from pydantic import field_validator

from rmboost import resources
from rmboost.records import Prompt
from rmboost.registry import Component, validate
from rmboost.texts import encodable, plain


class Phrase(Component):
    """A pattern, and groups of words, of each of which a text must have one for it to be tried (no group: it is tried
    on every text).
    """

    words: tuple[frozenset[str], ...] = ()
    pattern: str

    @field_validator("words", mode="before")
    @classmethod
    def _split(cls, value: str) -> list[list[str]]:
        return [group.split(",") for group in value.split(";")]

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    def find(self, text: str) -> str:
        """The telling bit of a plain text, or nothing."""
        found = self._compiled.search(text)
        return found[found.lastindex or 0].strip(" :*_[]()") if found else ""


Phrases = tuple[Phrase, ...]
_ALL = slice(None)


class Phrasebook(Component):
    """The phrases of a language. ``parts`` are what ``<name>`` in a pattern stands for."""

    parts: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    unfinished: Phrases = ()
    asks_for_word: Phrases = ()
    task: Phrases = ()
    edit: Phrases = ()
    asks_for_edit: Phrases = ()
    refusal: Phrases = ()
    apology: Phrases = ()
    hedge: Phrases = ()
    asks_for_voice: Phrases = ()
    preface: Phrases = ()
    asks_yes_or_no: Phrases = ()
    offer: Phrases = ()
    asks_for_language: Phrases = ()


class Reading(NamedTuple):
    """A plain text, and by kind the phrases that are tried on it, in the order of the files."""

    plain: str
    tried: Mapping[str, Sequence[Phrase]]

    def find(self, kind: str, part: slice = _ALL) -> list[str]:
        """The telling bits that phrases of this kind (a field of Phrasebook), in any language, find in a part of it."""
        if kind not in self.tried:
            return []
        text = self.plain[part]
        return [bit for phrase in self.tried[kind] if (bit := phrase.find(text))]


@lru_cache(4)
def read(text: str) -> Reading:
    """What phrases see of a text. Several checks look at it one right after the other: it is worked out once."""
    catalogue, text = _catalogue(), plain(text)
    try:
        present = set(catalogue.matcher.find_matches_as_strings(text, overlapping=True))
    except UnicodeEncodeError:
        return read(encodable(text))
    numbers = {number for word in present if word in catalogue.owners for number in catalogue.owners[word]}
    tried = dict(catalogue.always)
    for number in sorted(numbers):
        kind, phrase = catalogue.phrases[number]
        if all(not group.isdisjoint(present) for group in phrase.words[1:]):
            tried[kind] = (*tried.get(kind, ()), phrase)
    return Reading(text, tried)


def asks(kind: str, prompt: Prompt) -> bool:
    """Does the prompt ask what phrases of this kind find: for an edit of a text, for words in somebody's voice?"""
    return bool(read(prompt.text).find(kind))


@cache
def hashes() -> Mapping[str, str]:
    """A hash of each file, for the record of what a row depends on."""
    return {f"phrases/{file.stem}": hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in _files()}


class _Catalogue(NamedTuple):
    """All phrases with their kinds, the numbers of those whose first group has a word, those without words, by kind."""

    phrases: Sequence[tuple[str, Phrase]]
    owners: Mapping[str, Sequence[int]]
    always: Mapping[str, tuple[Phrase, ...]]
    matcher: AhoCorasick


@cache
def _catalogue() -> _Catalogue:
    languages = [_filled(resources.read_yaml(file), str(file)) for file in _files()]
    kinds = [kind for kind in Phrasebook.model_fields if kind != "parts"]
    phrases = [(kind, phrase) for language in languages for kind in kinds for phrase in getattr(language, kind)]
    owners: dict[str, list[int]] = {}
    always: dict[str, tuple[Phrase, ...]] = {}
    for number, (kind, phrase) in enumerate(phrases):
        if not phrase.words:
            always[kind] = (*always.get(kind, ()), phrase)
        for word in phrase.words[0] if phrase.words else ():
            owners.setdefault(word, []).append(number)
    words = {word for _, phrase in phrases for group in phrase.words for word in group}
    return _Catalogue(phrases, owners, always, AhoCorasick(sorted(words), implementation=Implementation.DFA))


def _files() -> list[Path]:
    return sorted((resources.folder("configs") / "phrases").glob("*.yaml"))


def _filled(values: dict[str, object], where: str) -> Phrasebook:
    """A language with the parts put into its patterns."""
    raw = validate(Phrasebook, values, where)
    names = re.compile("|".join(f"<{name}>" for name in raw.parts) or r"(?!)")

    def fill(pattern: str) -> str:
        return names.sub(lambda found: fill(raw.parts[found[0][1:-1]]), pattern)

    def filled(kind: Phrases) -> Phrases:
        return tuple(phrase.model_copy(update={"pattern": fill(phrase.pattern)}) for phrase in kind)

    return raw.model_copy(update={name: filled(value) for name, value in raw if name != "parts"})
