"""Self-Rewarding: the model that writes N responses also scores them, and the best is set against the worst.

Yuan et al., Self-Rewarding Language Models, arXiv 2401.10020, section 2: the pairs of one iteration, not the training.
"""

from __future__ import annotations

from pydantic import Field, PositiveInt

from rmboost.client import Ask
from rmboost.judges.rubric import Rubric
from rmboost.methods import Method, candidates
from rmboost.records import Job, Pair


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
        rated = await candidates.rated(job, responses, self._scorer, ask)
        best = candidates.best(rated, job.random("best"))
        worst = candidates.worst(best, rated, job.random("worst"))
        evidence = {
            "margin": round(best.mean - worst.mean, 6),
            "scores": [each.mean for each in rated],
            "scored_by": best.scores.model,
        }
        return Pair(job.prompt, best.response, worst.response, "self-rewarding", evidence=evidence)

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("responder", self.scored_by)))

    @property
    def _scorer(self) -> Rubric:
        """Scores as the model says them: an expected score over probabilities would be another paper's."""
        asked = "self-rewarding/score"
        return Rubric(role=self.scored_by, template=asked, low=0, high=5, reasoning=True, logprobs=0, votes=self.votes)
