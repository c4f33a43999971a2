"""The verdict: what the figures mean for whoever trains on the data, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rmboost.report.estimates import Figure

Level = Literal["bad", "look", "unclear", "fine", "missing"]


class Rule(NamedTuple):
    """Above which value a figure is worth a look, and above which it is bad; what it says, and why that matters.

    centre: what the figure would be in data without this fault, where both ends are bad.
    """

    figure: str
    look: float
    bad: float
    says: str
    why: str
    centre: float | None = None


_OF_PAIRS = "of the pairs that differ in it"
RULES = (
    Rule("label_noise", 0.10, 0.20, "A judge contradicts {} of the labels that it decides.", "Noise costs accuracy."),
    Rule("longer_wins", 0.55, 0.65, "The longer response wins {}.", "Length can be learnt in place of quality."),
    Rule("shorter_wins", 0.55, 0.65, "The shorter response wins {}.", "Length can be learnt in place of quality."),
    Rule("sentences_wins", 0.60, 0.70, "More sentences win {}.", "They can be counted without reading them."),
    Rule("markdown_wins", 0.60, 0.70, "More markdown wins {}.", "Markup can be learnt in place of quality."),
    Rule("likeness_wins", 0.60, 0.70, "More of the prompt's words win {}.", "Echo can be learnt in place of quality."),
    Rule("second_wins", 0.05, 0.15, "What was written second wins {}.", "Being an edit gives the label away.", 0.5),
    Rule("length_d", 0.3, 0.8, "Chosen and rejected lengths are {} standard deviations apart.", "Length tells.", 0.0),
    Rule("probe_auc", 0.65, 0.80, "Words alone tell chosen from rejected: AUC {}.", "The words below may be leaks."),
    Rule("probe_second_auc", 0.80, 0.95, "Words alone tell second from first: AUC {}.", "Editing leaves a trace."),
    Rule("identical_pairs", 0.0, 0.01, "Both responses are the same in {} of the pairs.", "They teach nothing."),
    Rule("near_duplicate_prompts", 0.05, 0.20, "{} of the prompts have a near-duplicate.", "They count twice."),
    Rule("near_duplicate_responses", 0.05, 0.20, "{} of the responses return under other prompts.", "Stock answers."),
    Rule("contaminated_prompts_13", 0.0, 0.01, "{} of the prompts share 13 words with --against.", "Leave them out."),
    Rule("equal_after_512", 0.01, 0.05, "{} of the pairs are the same up to token 512.", "OpenRLHF cuts there."),
    Rule("too_long_1024", 0.05, 0.20, "{} of the pairs have more than 1024 tokens.", "TRL leaves them out unsaid."),
)
_WINS = tuple(rule.figure for rule in RULES if rule.figure.endswith("_wins"))
_ADVICE = {"label_noise": "rmboost judge FILE", "contaminated_prompts_13": "--against FILE"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence on one figure. For a figure that is missing: what is missing, and what to type."""

    level: Level
    figure: str
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
    order: tuple[Level, ...] = ("bad", "look", "unclear", "fine", "missing")
    findings = sorted((_finding(rule, figures[rule.figure]) for rule in RULES), key=lambda f: order.index(f.level))
    counts = {level: sum(finding.level == level for finding in findings) for level in order}
    worst: Level = next((level for level in order[:3] if counts[level]), "fine")
    return Verdict(worst, _headline(worst, counts, figures), tuple(findings))


def _headline(worst: Level, counts: Mapping[Level, int], figures: Mapping[str, Figure]) -> str:
    more = f", and {_things(counts['look'])} worth a look" if counts["look"] else ""
    lines = {
        "bad": f"Not ready to train on: {_things(counts['bad'])} will be learnt in place of quality{more}.",
        "look": f"Usable with care: {_things(counts['look'])} worth a look.",
        "unclear": f"Too few pairs to tell: {_things(counts['unclear'])} may be there or may be chance.",
        "fine": "No shortcut was found.",
    }
    unknown = "" if figures["label_noise"].value is not None else " How often the labels are wrong was not measured."
    return lines[worst] + unknown


def _things(n: int) -> str:
    return "one thing" if n == 1 else f"{n} things"


def _finding(rule: Rule, figure: Figure) -> Finding:
    if figure.value is None:
        advice = f": {_ADVICE[rule.figure]}" if rule.figure in _ADVICE else ""
        return Finding("missing", rule.figure, f"{figure.why or 'not measured'}{advice}", "")
    return Finding(_level(rule, figure), rule.figure, rule.says.format(_value(rule, figure)), rule.why)


def _level(rule: Rule, figure: Figure) -> Level:
    value, harmless = _distance(rule, figure)
    if harmless > rule.bad:
        return "bad"
    if harmless > rule.look:
        return "look"
    return "unclear" if value > rule.look else "fine"


def _distance(rule: Rule, figure: Figure) -> tuple[float, float]:
    """The figure, and the least that its interval allows; from its centre, if it has one."""
    assert figure.value is not None
    low = figure.value if figure.low is None else figure.low
    if rule.centre is None:
        return figure.value, low
    high = figure.value if figure.high is None else figure.high
    return abs(figure.value - rule.centre), max(0.0, low - rule.centre, rule.centre - high)


def _value(rule: Rule, figure: Figure) -> str:
    shown = plain(figure) if rule.figure in ("length_d", "probe_auc", "probe_second_auc") else percent(figure)
    return f"{shown} {_OF_PAIRS}" if rule.figure in _WINS and rule.figure != "second_wins" else shown


def percent(figure: Figure) -> str:
    """``62.4 % (58.1–66.5)``; a dash for what was not measured."""
    if figure.value is None:
        return "–"
    ends = "" if figure.low is None or figure.high is None else f" ({100 * figure.low:.1f}–{100 * figure.high:.1f})"
    return f"{100 * figure.value:.1f} %{ends}"


def plain(figure: Figure) -> str:
    """``0.62 (0.58 to 0.66)``; a dash for what was not measured."""
    if figure.value is None:
        return "–"
    ends = "" if figure.low is None or figure.high is None else f" ({figure.low:.2f} to {figure.high:.2f})"
    return f"{figure.value:.2f}{ends}".replace("-", "−")
