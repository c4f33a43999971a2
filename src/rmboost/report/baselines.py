"""Content-blind baselines: how often a rule that reads nothing picks the chosen response."""

from __future__ import annotations

from dataclasses import dataclass

from rmboost.report.estimates import Figure, Floats, Ints, missing, proportion
from rmboost.report.table import CHOSEN, NONE, Table


@dataclass(frozen=True)
class Baseline:
    """How often the rule ``says`` wins, of the pairs that it decides; ``ties`` are those that it does not."""

    name: str
    says: str
    wins: Figure
    ties: int


_RULES = (
    ("longer_wins", "longer (more words)", "words", 1),
    ("shorter_wins", "shorter (fewer words)", "words", -1),
    ("sentences_wins", "more sentences", "sentences", 1),
    ("markdown_wins", "more markdown", "markdown", 1),
    ("likeness_wins", "more like the prompt", "likeness", 1),
)


def baselines(table: Table) -> list[Baseline]:
    """Every rule, whatever it says of the data. Two responses that a rule cannot tell apart are a tie."""
    found = [_rule(table, *rule) for rule in _RULES]
    return [*found, _second(table)]


def of_label(table: Table, label: str) -> Figure:
    """``longer_wins`` where the label is this."""
    mask = table.places("label") == table.labels.index(label)
    return _wins(table.sides("words")[mask], table.places("prompt")[mask], 1)[0]


def _rule(table: Table, name: str, says: str, column: str, sign: int) -> Baseline:
    return Baseline(name, says, *_wins(table.sides(column), table.places("prompt"), sign))


def _wins(sides: Floats, prompts: Ints, sign: int) -> tuple[Figure, int]:
    apart = sign * (sides[:, 0] - sides[:, 1])
    decided = apart != 0
    if not decided.any():
        return missing("the same in every pair", 0), len(apart)
    return proportion(apart[decided] > 0, prompts[decided]), int((~decided).sum())


def _second(table: Table) -> Baseline:
    second = table.places("second")
    known = second != NONE
    wins = proportion(second[known] == CHOSEN, table.places("prompt")[known])
    if not known.any():
        wins = missing("the file does not say which response was written second")
    return Baseline("second_wins", "written second", wins, int((~known).sum()))
