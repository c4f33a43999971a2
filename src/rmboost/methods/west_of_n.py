"""West-of-N: of N responses to the same prompt, the best against the worst.

Pace et al., West-of-N: Synthetic Preferences for Self-Improving Reward Models, arXiv 2401.12086, section 4.
"""

from __future__ import annotations

from math import exp

from pydantic import Field, NonNegativeFloat, model_validator

from rmboost import judges
from rmboost.ask import Ask
from rmboost.errors import ReplyError
from rmboost.judges import Scorer, ScorerOptions
from rmboost.methods import Method, candidates
from rmboost.records import Job, Pair


class WestOfN(Method):
    """Sample N responses at once, score each, and take the best as chosen and the worst as rejected.

    n: how many. scorer: who scores them, and how. min_margin: pairs whose scores are nearer than this are dropped. The
    paper's quantile needs all pairs: ``rmboost filter pairs.jsonl --by margin --keep 50%`` (docs/guides/methods.md).
    """

    n: int = Field(default=4, ge=2)
    scorer: ScorerOptions = Field(default_factory=lambda: {"name": "rubric"})
    min_margin: NonNegativeFloat = 0

    @model_validator(mode="after")
    def _can_be_reached(self) -> WestOfN:
        if self.min_margin > (span := self.labeller.span):
            raise ValueError(f"min_margin {self.min_margin:g} is more than best and worst can be apart, {span:g}")
        return self

    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        responses = [ask("responder", "respond", prompt=job.prompt) for _ in range(self.n)]
        rated = await candidates.rated(job, responses, self.labeller, ask)
        best = candidates.best(rated, job.random("best"))
        worst = candidates.worst(best, rated, job.random("worst"))
        margin = round(best.mean - worst.mean, 6)  # 4.333333 - 3.333333 is a little less than 1
        if margin < self.min_margin:
            detail = f"{best.mean:g} and {worst.mean:g} are nearer than {self.min_margin:g}"
            raise ReplyError("small-margin", detail, worst.response, final=True)
        evidence = {
            "margin": margin,
            "confidence": round(1 / (1 + exp(-margin)), 6),  # Bradley-Terry, the score taken for a reward
            "scores": [each.mean for each in rated],
            "soft": all(each.scores.soft for each in rated),
            "scored_by": best.scores.model,
        }
        return Pair(job.prompt, best.response, worst.response, "west-of-n", evidence=evidence)

    @property
    def samples(self) -> int:
        return self.n

    @property
    def labeller(self) -> Scorer:
        return judges.scorer(self.scorer, templates="west-of-n")
