"""Which of two responses is better, asked in both orders.

Lee et al., RLAIF, arXiv 2309.00267, sections 2.1 and 3: the softmax over the tokens of the two options, averaged
over both orders against position bias.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rmboost.ask import Ask
from rmboost.aspects import Aspect
from rmboost.errors import ReplyError
from rmboost.judges import Judge, Verdict, likelihood
from rmboost.judges.voter import Voter
from rmboost.parsing import tagged
from rmboost.records import Prompt, Response
from rmboost.together import together

_LETTER = re.compile(
    r"[\W_]*(?:(?:the|final|better|best|response|answer|option|choice|verdict|is|boxed|text)[\W_]+)*([AB])"
    r"(?:[\W_]+is(?:[\W_]+(?:the|better|best|one|response|answer|option|choice))+)?[\W_]*",
    re.IGNORECASE,
)
"""A letter alone, or in words that say no more than that it is the verdict."""


class Pairwise(Voter, Judge):
    """Shows both responses as A and B, and as B and A, and asks which is better."""

    async def compare(
        self, prompt: Prompt, first: str, second: str, ask: Ask, aspects: Sequence[Aspect] = ()
    ) -> Verdict:
        question = "pairwise-reason" if self.reasoning else "pairwise"
        values = {"prompt": prompt, "aspects": aspects}
        ahead, behind = await together(
            self.put(ask, question, self._read, a=first, b=second, **values),
            self.put(ask, question, self._read, a=second, b=first, **values),
        )
        return Verdict(
            (ahead.value, None if behind.value is None else 1 - behind.value),
            ahead.votes + behind.votes,
            ahead.soft and behind.soft,
            ahead.model or behind.model,
            ahead.usage + behind.usage,
            ahead.problem or behind.problem,
        )

    def _read(self, reply: Response) -> tuple[float, float | None]:
        """1 for A and 0 for B, and the probability of A."""
        text = tagged(reply, "verdict")[0] if self.reasoning else reply.text
        match = _LETTER.fullmatch(text)
        if not match:
            raise ReplyError("unreadable", f"{text[:80]!r} is neither A nor B", reply)
        start = reply.text.rindex("<verdict>") + len("<verdict>") if self.reasoning else 0
        offset = reply.text.index(text, start) + match.start(1)
        return float(match[1].upper() == "A"), likelihood.option_a(reply, offset)
