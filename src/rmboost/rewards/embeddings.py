"""Frozen sentence embeddings, and a linear reward on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from pydantic import Field, NonNegativeInt

from rmboost.rewards import Answer, Rows
from rmboost.rewards.encoder import Encoded
from rmboost.rewards.linear import Linear


class Embeddings(Linear, Encoded):
    """The encoder's mean over the response's tokens, scaled to length 1 as it was trained to be used.

    It does not read the prompt: with it, less was learnt from people's pairs (docs/concepts/reward-models.md).
    """

    prompt_tokens: NonNegativeInt = 0
    tokens: int = Field(default=256, ge=8, le=512)

    def read(self, answers: Sequence[Answer]) -> Rows:
        body = self.body()
        rows = np.zeros((len(answers), body.config.hidden_size), dtype=np.float32)
        for place, states in self.states(body, answers):
            rows[place] = torch.nn.functional.normalize(states.mean(0), dim=0).cpu().numpy()
        return rows
