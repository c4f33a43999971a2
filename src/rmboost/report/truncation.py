"""What a trainer's length limit does to pairs: too long to be kept, or cut until both sides are the same."""

from __future__ import annotations

from dataclasses import dataclass

from rmboost.report.estimates import Figure, proportion
from rmboost.report.table import Table

LIMITS = (512, 1024)
"""tokens of prompt and response together: the defaults of OpenRLHF and RewardBench, and of TRL"""


@dataclass(frozen=True)
class Cut:
    """too_long: pairs of which a side is over the limit (TRL's RewardTrainer leaves them out without a word).

    equal: pairs whose sides are the same after the limit, so that they teach nothing.
    """

    limit: int
    too_long: Figure
    equal: Figure


def truncation(table: Table) -> list[Cut]:
    """For each limit."""
    longest, prompts = table.sides("tokens").max(axis=1, initial=0), table.places("prompt")
    return [
        Cut(
            limit,
            proportion(longest > limit, prompts),
            proportion(table.column("shared") >= limit, prompts),
        )
        for limit in LIMITS
    ]
