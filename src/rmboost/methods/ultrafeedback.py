"""UltraFeedback: several responses, best by several models, each scored aspect by aspect.

Cui et al., UltraFeedback: Boosting Language Models with Scaled AI Feedback, arXiv 2310.01377, section 2; how pairs are
made of its scores is Tunstall et al., Zephyr, arXiv 2310.16944, section 3.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Literal

from pydantic import Field

from rmboost import aspects, judges
from rmboost.ask import Ask
from rmboost.aspects import AspectSet
from rmboost.judges import Scorer, ScorerOptions
from rmboost.methods import Method, candidates
from rmboost.methods.candidates import Candidate
from rmboost.records import Job, Pair, Response, stable_hash


class UltraFeedback(Method):
    """Sample N responses at once, score each on each aspect; the best mean is chosen over another of a lower mean.

    n: how many. others: roles that write besides the responder, who writes the first response: ``drafter``, or names
    from ``writers``; each job draws from them, and none writes twice before all have written. none: the responder
    writes all. principles: tell all but the first response one of the aspects to go by, drawn by the job. aspects: a
    shipped set or a YAML file. scorer: who scores, and how. rejected: ``random`` among those with a lower mean, or the
    ``worst``.
    """

    n: int = Field(default=4, ge=2)
    others: tuple[str, ...] = ()
    principles: bool = False
    aspects: str = "ultrafeedback"
    scorer: ScorerOptions = Field(default_factory=lambda: {"name": "rubric"})
    rejected: Literal["random", "worst"] = "random"

    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        first = ask("responder", "respond", prompt=job.prompt)
        rated = await candidates.rated(job, [first, *self._further(job, ask)], self.labeller, ask, self._set.aspects)
        best = candidates.best(rated, job.random("best"))
        other = self._other(best, rated, job)
        evidence = {
            "margin": round(best.mean - other.mean, 6),
            "chosen_scores": _rounded(best),
            "rejected_scores": _rounded(other),
            "means": [each.mean for each in rated],
            "soft": all(each.scores.soft for each in rated),
            "scored_by": best.scores.model,
        }
        return Pair(job.prompt, best.response, other.response, "ultrafeedback", evidence=evidence)

    @property
    def writers(self) -> tuple[str, ...]:
        return ("responder", *self.others)

    @property
    def samples(self) -> int:
        return 1 if self.others or self.principles else self.n

    @property
    def labeller(self) -> Scorer:
        return judges.scorer(self.scorer)

    def data(self) -> Mapping[str, str]:
        return {"aspects": f"{stable_hash(self._set.model_dump()):x}"}

    @cached_property
    def _set(self) -> AspectSet:
        return aspects.load(self.aspects)

    def _further(self, job: Job, ask: Ask) -> Iterator[Awaitable[Response]]:
        """The calls for all responses but the first."""
        random = job.random("principles")
        for role in self._writers(job):
            if self.principles:
                yield ask(role, "ultrafeedback/respond", prompt=job.prompt, aspect=random.choice(self._set.aspects))
            else:
                yield ask(role, "respond", prompt=job.prompt)

    def _writers(self, job: Job) -> Sequence[str]:
        """Who writes all responses but the first."""
        random, known = job.random("writers"), self.others or ("responder",)
        rounds = -(-(self.n - 1) // len(known))
        return [role for _ in range(rounds) for role in random.sample(known, len(known))][: self.n - 1]

    def _other(self, best: Candidate, rated: Sequence[Candidate], job: Job) -> Candidate:
        """The rejected one. Raises ReplyError where none is worse."""
        if self.rejected == "worst":
            return candidates.worst(best, rated, job.random("worst"))
        return job.random("rejected").choice(candidates.worse_than(best, rated))


def _rounded(candidate: Candidate) -> Mapping[str, float]:
    """The scores by aspect."""
    return {name: round(value, 6) for name, value in candidate.scores.values.items() if value is not None}
