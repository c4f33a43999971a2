"""Self-Rewarding: the model that writes N responses also scores them, and the best is set against the worst.

Yuan et al., Self-Rewarding Language Models, arXiv 2401.10020, section 2: the pairs of one iteration, not the training.
"""

from __future__ import annotations

from pydantic import Field, NonNegativeInt, PositiveInt

from rmboost.ask import Ask
from rmboost.judges import Scorer
from rmboost.judges.rubric import Rubric
from rmboost.methods import Method, candidates
from rmboost.records import Job, Pair


class _Points(Rubric):
    """The paper's question. Scores count as they are said: expected ones, by probabilities, are another paper's."""

    low: int = 0
    high: int = 5
    reasoning: bool = True
    logprobs: NonNegativeInt = 0
    templates: str = "self-rewarding"

    @property
    def _question(self) -> str:
        return "score"


class SelfRewarding(Method):
    """Sample N responses at once; score each by adding points, 0 to 5, after reasoning; best against worst.

    n: how many. votes: how often each is scored; the mean counts. scored_by: the role that scores; the responder, as
    in the paper, or another one to see what the difference is.
    """

    n: int = Field(default=4, ge=2)
    votes: PositiveInt = 3
    scored_by: str = "responder"

    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        responses = [ask("responder", "respond", prompt=job.prompt) for _ in range(self.n)]
        rated = await candidates.rated(job, responses, self.labeller, ask)
        best = candidates.best(rated, job.random("best"))
        worst = candidates.worst(best, rated, job.random("worst"))
        evidence = {
            "margin": round(best.mean - worst.mean, 6),
            "scores": [each.mean for each in rated],
            "scored_by": best.scores.model,
        }
        return Pair(job.prompt, best.response, worst.response, "self-rewarding", evidence=evidence)

    @property
    def samples(self) -> int:
        return self.n

    @property
    def labeller(self) -> Scorer:
        return _Points(role=self.scored_by, votes=self.votes)
