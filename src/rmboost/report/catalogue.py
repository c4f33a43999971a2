"""The figures of a report by name: what ``--json`` prints and ``--fail-on`` can be told."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rmboost.errors import ConfigError
from rmboost.registry import suggest
from rmboost.report.estimates import Figure

FIGURES: Mapping[str, str] = {
    "pairs": "pairs in the file",
    "kept_share": "share of the settled prompts that made a pair",
    "label_noise": "share of a judge's verdicts that contradict the label; a tie does not. Where a sample was judged, "
    "pairs that were dropped or exchanged for it count, as it stands for the rest; where all were, it is 0, as none is "
    "left",
    "label_noise.better": "the same where the label is better",
    "label_noise.worse": "the same where the label is worse",
    "label_noise_decided": "the same of the verdicts that are no tie",
    "label_noise_corrected": "share of wrong labels, the judge's mistakes on gold data taken out; where it dropped or "
    "exchanged pairs of a file of which it saw all, of those labels that it left",
    "judged_share": "share of the pairs that a judge looked at",
    "judge_ties": "share of the verdicts that are ties",
    "judge_unreadable": "share of the verdicts that could not be read",
    "longer_wins": "share of the pairs in which the longer response is chosen",
    "longer_wins.better": "the same where the label is better",
    "longer_wins.worse": "the same where the label is worse",
    "shorter_wins": "share of the pairs in which the shorter response is chosen",
    "sentences_wins": "share of the pairs in which the response with more sentences is chosen",
    "markdown_wins": "share of the pairs in which the response with more markdown is chosen",
    "likeness_wins": "share of the pairs in which the response with more of the prompt's words is chosen",
    "second_wins": "share of the pairs in which the response that was written second is chosen",
    "length_d": "Cohen's d of length, chosen against rejected, in words",
    "length_d.better": "the same where the label is better",
    "length_d.worse": "the same where the label is worse",
    "length_ratio": "length of the chosen response over the rejected one's, geometric mean",
    "probe_auc": "AUC of a bag-of-words probe, chosen against rejected",
    "probe_second_auc": "AUC of a bag-of-words probe, second-written against first-written",
    "identical_pairs": "share of the pairs whose responses are the same",
    "repeated_prompts": "share of the pairs whose prompt came before",
    "near_duplicate_prompts": "share of the different prompts that have a near-duplicate",
    "near_duplicate_responses": "share of the responses that have a near-duplicate under another prompt",
    "distinct_1": "share of different words among 2,000 of chosen responses that are drawn at random",
    "distinct_2": "share of different word pairs there",
    "distinct_3": "share of different word triples there",
    "self_similarity": "mean cosine of two chosen responses to different prompts",
    "contaminated_prompts_8": "share of the pairs whose prompt has a run of 8 words of the --against files (the worst "
    "of them)",
    "contaminated_prompts_13": "the same with 13 words",
    "contaminated_responses_8": "share of the pairs with such a run of 8 words in a response",
    "contaminated_responses_13": "the same with 13 words",
    "too_long_512": "share of the pairs of more than 512 tokens",
    "too_long_1024": "share of the pairs of more than 1024 tokens",
    "equal_after_512": "share of the pairs that are the same up to token 512",
    "equal_after_1024": "share of the pairs that are the same up to token 1024",
    "calls": "calls that the run made",
    "tokens": "tokens that the run took, in and out",
    "tokens_per_pair": "the same for each pair kept",
    "cost": "what the run cost at the prices of its config",
    "cost_per_pair": "the same for each pair kept",
    "seconds": "seconds that the run's last process took",
}

_NO_SHARES = ("_d", "_auc", "_ratio", "_similarity")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_LIMIT = re.compile(r"\s*([\w.]+?)(?:\.(low|high))?\s*(>=|<=|>|<)\s*([-+]?[\d.]+(?:e[-+]?\d+)?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limit:
    """``longer_wins>0.60``, or an end of the interval, ``longer_wins.low>0.60``: what is not wanted."""

    text: str
    name: str
    part: str
    compare: Callable[[float, float], bool]
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Raises ConfigError for what is no limit, and for a figure that does not exist."""
        found = _LIMIT.fullmatch(text)
        try:
            name, part, sign, bound = found.groups() if found else ("", "", "", "")
            limit = cls(text.strip(), name, part or "value", _COMPARE[sign], float(bound))
        except (KeyError, ValueError):
            raise ConfigError(f"--fail-on {text!r} is no limit", "--fail-on 'longer_wins>0.60'") from None
        if name not in FIGURES:
            raise ConfigError(f"--fail-on {text!r}: there is no figure {name!r}", suggest(name, FIGURES))
        return limit

    def broken(self, figures: Mapping[str, Figure]) -> str:
        """What to say of figures that break it; empty when they keep it. A figure that is missing breaks it."""
        figure = figures[self.name]
        value = getattr(figure, self.part)
        if value is None:
            return f"{self.text}: {self.name} was not measured ({figure.why or 'it has no interval'})"
        return f"{self.text}: it is {value:.4g}" if self.compare(value, self.bound) else ""


def is_share(name: str) -> bool:
    """Whether a figure, of those that are no count, is shown in percent: not a distance, an area or a ratio."""
    return not name.partition(".")[0].endswith(_NO_SHARES)


def limits(texts: Iterable[str]) -> list[Limit]:
    """Each text as a limit. Raises ConfigError."""
    return [Limit.parse(text) for text in texts]
