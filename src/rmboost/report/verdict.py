"""The verdict: what the figures mean for whoever trains on the data, in plain words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Literal

from rmboost.report.catalogue import is_share
from rmboost.report.estimates import Figure
from rmboost.report.rules import RULES, Rule

Level = Literal["bad", "look", "unclear", "fine", "missing"]
_ORDER: tuple[Level, ...] = ("bad", "look", "unclear", "fine", "missing")
_WINS = tuple(rule.figure for rule in RULES if rule.figure.endswith("_wins") and rule.centre is None)
_UNSURE = "That may be a fault or chance: the interval holds both."
_ALONE = "All pairs are of one prompt, which says nothing of others: no interval can be given."
_ADVICE = {"label_noise": "rmboost judge FILE -o judged.jsonl", "contaminated_prompts_13": "--against FILE"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence on one figure, and what follows: what to do only where something is found, else what is not known.

    For a figure that is missing, or as the data were made: why, and what to type.
    """

    level: Level
    figure: str
    topic: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line, and the findings it rests on, the worst first."""

    level: Level
    headline: str
    findings: tuple[Finding, ...]

    def of(self, level: Level) -> list[Finding]:
        """The findings of this level."""
        return [finding for finding in self.findings if finding.level == level]


def verdict(figures: Mapping[str, Figure]) -> Verdict:
    """What all figures come to. A fault counts where even the harmless end of its interval is beyond the threshold."""
    findings = sorted((_finding(rule, figures[rule.figure]) for rule in RULES), key=lambda f: _ORDER.index(f.level))
    worst_of: dict[str, Level] = {}
    for found in findings:
        worst_of.setdefault(found.topic, found.level)
    topics = {level: _listed(topic for topic, its in worst_of.items() if its == level) for level in _ORDER}
    worst: Level = next((level for level in _ORDER[:3] if topics[level]), "fine")
    return Verdict(worst, _headline(worst, topics) + _on_labels(figures), tuple(findings))


def _on_labels(figures: Mapping[str, Figure]) -> str:
    """How many labels are wrong where the findings do not say: a judge that sieved the pairs contradicts none."""
    counted, freed = figures["label_noise"], figures["label_noise_corrected"]
    if counted.value is not None and not counted.why:
        return ""
    if counted.value is None or freed.value is None:
        return " How often the labels are wrong was not measured."
    return f" Of the labels that the judge left, {percent(freed)} are wrong, as far as gold data tell."


def _headline(worst: Level, topics: Mapping[Level, str]) -> str:
    lines = {
        "bad": f"Not ready to train on: {topics['bad']}.",
        "look": f"Usable with care: look at {topics['look']}.",
        "unclear": f"Nothing bad is certain, but there are too few prompts to be sure of {topics['unclear']}.",
        "fine": "Nothing was found that could be learnt in place of quality.",
    }
    more = f" Also look at {topics['look']}." if worst == "bad" and topics["look"] else ""
    return lines[worst] + more


def _listed(topics: Iterable[str]) -> str:
    """``length, markdown and wrong labels``."""
    *before, last = list(topics) or [""]
    return f"{', '.join(before)} and {last}" if before else last


def _finding(rule: Rule, figure: Figure) -> Finding:
    if figure.value is None or figure.why:
        advice = f": {_ADVICE[rule.figure]}" if rule.figure in _ADVICE else ""
        said = f"{figure.why or 'not measured'}{advice}"
        if figure.few:
            return Finding("unclear", rule.figure, rule.topic, f"Nothing is known of {rule.topic}: {said}.", "")
        return Finding("missing", rule.figure, rule.topic, said, "")
    level = _level(rule, figure)
    why = rule.why if level != "unclear" else _ALONE if figure.low is None else _UNSURE
    return Finding(level, rule.figure, rule.topic, rule.says.format(_value(rule, figure)), why)


def _level(rule: Rule, figure: Figure) -> Level:
    value, least, most = _distances(rule, figure)
    if least > rule.bad:
        return "bad"
    if least > rule.look:
        return "look"
    return "unclear" if value > rule.look or most > rule.bad else "fine"


def _distances(rule: Rule, figure: Figure) -> tuple[float, float, float]:
    """The figure, the least and the most that its interval allows; each from the centre, if there is one.

    Without an interval it may be anything, unless it is a count.
    """
    assert figure.value is not None
    low = -inf if figure.low is None else figure.low
    high = inf if figure.high is None else figure.high
    if rule.counted:
        low = high = figure.value
    if rule.centre is None:
        return figure.value, low, high
    below, above = rule.centre - high, low - rule.centre
    return abs(figure.value - rule.centre), max(0.0, below, above), max(-below, -above)


def _value(rule: Rule, figure: Figure) -> str:
    shown = percent(figure) if is_share(rule.figure) else plain(figure)
    return f"{shown} of the pairs that differ in it" if rule.figure in _WINS else shown


def percent(figure: Figure) -> str:
    """``62.4 % (58.1–66.5)``; a dash for what was not measured."""
    if figure.value is None:
        return "–"
    between = "–" if (figure.low or 0) >= 0 else " to "
    return f"{100 * figure.value:.1f} %{_ends(figure, 100, 1, between)}".replace("-", "−")


def plain(figure: Figure) -> str:
    """``0.62 (0.58 to 0.66)``; a dash for what was not measured."""
    if figure.value is None:
        return "–"
    return f"{figure.value:.2f}{_ends(figure, 1, 2, ' to ')}".replace("-", "−")


def _ends(figure: Figure, times: int, digits: int, between: str) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f" ({times * figure.low:.{digits}f}{between}{times * figure.high:.{digits}f})"
