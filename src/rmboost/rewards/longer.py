"""Longer wins: the baseline that learns nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rmboost.rewards import Answer, Reward, RewardModel, Rows
from rmboost.texts import count


class Longer(RewardModel):
    """The reward is the number of words, whatever the pairs say."""

    def read(self, answers: Sequence[Answer]) -> Rows:
        return np.array([count(answer.response) for answer in answers], dtype=np.float64)

    def fit(self, chosen: Rows, rejected: Rows, seed: int) -> Reward:  # noqa: ARG002 - the contract's
        return np.asarray
