"""RLAIF: two responses to the same prompt, and a judge that says which is better, with a soft label.

Lee et al., RLAIF vs. RLHF: Scaling Reinforcement Learning from Human Feedback with AI Feedback, arXiv 2309.00267,
section 2.1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from rmboost import judges
from rmboost.ask import Ask
from rmboost.errors import ReplyError
from rmboost.judges import Judge, JudgeOptions, Verdict
from rmboost.methods import Method
from rmboost.records import Job, Pair, Response
from rmboost.together import together


class RLAIF(Method):
    """Sample two responses at once; the judge, asked in both orders, says which is chosen.

    The row keeps the soft label, ``p_chosen``: the mean of both orders' probabilities. judge: who judges, and how;
    ``{name: pairwise, reasoning: true}`` lets it reason first. ties: pairs on which the two orders disagree are kept
    as the mean leans, which the paper does, since it trains on ``p_chosen``; or dropped. A mean of ½ makes no pair.
    """

    judge: JudgeOptions = Field(default_factory=lambda: {"name": "pairwise"})
    ties: Literal["keep", "drop"] = "keep"

    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        first, second = await together(*(ask("responder", "respond", prompt=job.prompt) for _ in range(2)))
        if first.text == second.text:
            raise ReplyError("identical", "the second response is the first", second)
        verdict = await self.labeller.compare(job.prompt, first.text, second.text, ask)
        if self._p_first(verdict, second) > 0.5:
            return Pair(job.prompt, first, second, "rlaif", evidence=verdict.soft_label)
        return Pair(job.prompt, second, first, "rlaif", evidence=verdict.exchanged.soft_label)

    @property
    def samples(self) -> int:
        return 2

    @property
    def labeller(self) -> Judge:
        return judges.judge(self.judge, templates="rlaif")

    def _p_first(self, verdict: Verdict, second: Response) -> float:
        """The probability that the first response is better, which is not ½.

        Raises ReplyError where the judge cannot be read, which asks it again about the same responses; and for a tie
        that makes no pair, which is final: to draw until the judge is sure would make another set of pairs.
        """
        if verdict.p_first is None:
            raise ReplyError("unreadable", verdict.problem, replace(second, text="", call=second.call + 1))
        if verdict.p_first == 0.5 or (verdict.winner == "tie" and self.ties == "drop"):
            ahead, behind = verdict.shown
            detail = f"p of the first response: {ahead:.2f} where it is shown first, {behind:.2f} where second"
            raise ReplyError("tie", detail, second, final=True)
        return verdict.p_first
