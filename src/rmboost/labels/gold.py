"""A judge against people: what it says of pairs whose labels are theirs, and what leads it astray.

Position bias is measured as in Lee et al., RLAIF, arXiv 2309.00267, appendix B: the share of pairs of which the same
position wins in both orders.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmboost.claim import run_folder
from rmboost.errors import InputError
from rmboost.intervals import Share, clustered
from rmboost.labels.noise import Marks, marks_by_prompt
from rmboost.manifest import read_manifest
from rmboost.preferences import Preferences, Row
from rmboost.texts import count

_MAKES_GOLD = "rmboost judge FILE --gold -o gold.jsonl writes some"
_SAME_LENGTH = 0.1
"""Responses whose numbers of words differ by no more than this share of the longer are of about the same length."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair that people labelled: the column ``judge`` of its row, how many words its responses have, its prompt."""

    verdict: Mapping[str, Any]
    chosen_words: int
    rejected_words: int
    prompt: Hashable

    @property
    def length(self) -> str:
        """``chosen longer``, ``chosen shorter`` or ``about as long``."""
        difference = self.chosen_words - self.rejected_words
        if abs(difference) <= _SAME_LENGTH * max(self.chosen_words, self.rejected_words):
            return "about as long"
        return "chosen longer" if difference > 0 else "chosen shorter"

    @property
    def same_place(self) -> str | None:
        """Which position wins in both orders, ``first`` or ``second``; None where a response does, or neither."""
        ahead, behind = self.verdict["p_shown_first"], self.verdict["p_shown_second"]
        if ahead > 0.5 > behind:
            return "first"
        return "second" if ahead < 0.5 < behind else None


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a judge stands to people's labels. The intervals know which pairs are of one prompt.

    agreement: of the pairs that it decides, where both orders prefer the same response. lean: of all that could be
    read, by ``p_chosen``, so that a weak preference counts though one order outweighs the other. flips: orders that
    disagree. same_place: pairs of which one position wins in both orders. first_place: of these, the first.
    by_length: ``lean`` where the chosen response is longer, shorter, or about as long.
    """

    agreement: Share
    ties: Share
    lean: Share
    flips: Share
    same_place: Share
    first_place: Share
    unreadable: Share
    by_length: Mapping[str, Share]

    def dump(self) -> dict[str, Any]:
        """As JSON."""
        named = {name: getattr(self, name) for name in self.__slots__ if name != "by_length"}
        return {
            **{name: each.dump() for name, each in named.items()},
            "by_length": {length: each.dump() for length, each in self.by_length.items()},
        }


def agreement(pairs: Iterable[Judged]) -> Agreement | None:
    """Figures over the pairs that were judged; None without any."""
    judged = [pair for pair in pairs if pair.verdict.get("winner")]
    if not judged:
        return None
    read = [pair for pair in judged if pair.verdict["winner"] != "unreadable"]
    placed = [pair for pair in read if pair.same_place]
    decided = [pair for pair in read if pair.verdict["winner"] != "tie"]
    lengths = sorted({pair.length for pair in read})
    return Agreement(
        agreement=_share(decided, lambda pair: pair.verdict["winner"] == "chosen"),
        ties=_share(read, lambda pair: pair.verdict["winner"] == "tie"),
        lean=_lean(read),
        flips=_share(read, lambda pair: not pair.verdict["orders_agree"]),
        same_place=_share(read, lambda pair: pair.same_place is not None),
        first_place=_share(placed, lambda pair: pair.same_place == "first"),
        unreadable=_share(judged, lambda pair: pair.verdict["winner"] == "unreadable"),
        by_length={length: _lean([pair for pair in read if pair.length == length]) for length in lengths},
    )


def _lean(read: Iterable[Judged]) -> Share:
    decided = [pair for pair in read if pair.verdict["p_chosen"] != 0.5]
    return _share(decided, lambda pair: pair.verdict["p_chosen"] > 0.5)


def _share(pairs: Iterable[Judged], so: Callable[[Judged], bool]) -> Share:
    return clustered((so(pair), pair.prompt) for pair in pairs)


def of_file(path: Path) -> Agreement | None:
    """Figures over a judged file whose labels are people's; None where nothing in it was judged. Raises InputError."""
    return agreement(map(_judged, Preferences(path)))


def _judged(row: Row) -> Judged:
    chosen, rejected = map(count, row.texts)
    return Judged(row.judge, chosen, rejected, row.prompt_text)


def strangers(path: Path, asked: Iterable[str]) -> frozenset[str]:
    """The models whose verdicts a judged file holds, where none of these is among them; a server may sign with more
    than the name that it was asked for, or with less.
    """
    known = frozenset(str(row.judge["model"]) for row in Preferences(path, _MAKES_GOLD) if row.judge.get("model"))
    same = any(one.startswith(other) or other.startswith(one) for one in known for other in asked)
    return frozenset() if same else known


def names_aspects(path: Path) -> bool:
    """Whether a pair of a file names an aspect: without, a judge is asked about the whole. Raises InputError."""
    return any(row.aspects for row in Preferences(path))


def asked_about(path: Path) -> str:
    """What the judge of a file was asked about: ``overall`` or ``aspects``; "" where nothing tells.

    Raises InputError, and StoreError for a manifest that cannot be read.
    """
    if not names_aspects(path):
        return "overall"
    settings = read_manifest(run_folder(path)).get("settings", {})
    return str(settings.get("verify", {}).get("about", ""))


def read_marks(path: Path) -> Marks:
    """How the verdicts in a judged file stand to its labels. Raises InputError for a file without verdicts."""
    found = marks_of(path)
    if not found.read:
        raise InputError(f"{path} holds no verdict", _MAKES_GOLD)
    return found


def marks_of(path: Path) -> Marks:
    """The same, where a file may hold none. A pair that was exchanged for its verdict had the other label."""
    rows = ((row.judge, row.prompt_text) for row in Preferences(path, _MAKES_GOLD))
    return marks_by_prompt(("rejected" if said.get("flipped") else said.get("winner"), prompt) for said, prompt in rows)
