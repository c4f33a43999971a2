"""The encoder fine-tuned: its upper layers learn the reward along with the linear head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import PositiveFloat, PositiveInt
from torch.nn.functional import logsigmoid

from rmboost.rewards import Answer, Reward, Rows
from rmboost.rewards.encoder import Encoded, padded

_SCORED = 64
_MIXED = 8  # batches that pairs are sorted into by length


class Finetuned(Encoded):
    """Bradley–Terry loss, −log sigmoid(reward of chosen − reward of rejected), by AdamW with a linear decay.

    tuned_layers: how many of the upper layers learn; what the ones below make of an answer is read once and kept, 2
    bytes a number (77 KB for 100 tokens). rate, head_rate: highest learning rates of the layers and of the head.
    """

    tuned_layers: PositiveInt = 2
    epochs: PositiveInt = 2
    batch: PositiveInt = 16
    rate: PositiveFloat = 5e-5
    head_rate: PositiveFloat = 1e-3

    def read(self, answers: Sequence[Answer]) -> Rows:
        body = self.body()
        body.encoder.layer = body.encoder.layer[: -self.tuned_layers]
        rows = np.empty(len(answers), dtype=object)
        for place, states in self.states(body, answers):
            rows[place] = states.half().cpu().numpy()
        return rows

    def fit(self, chosen: Rows, rejected: Rows, seed: int) -> Reward:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            tower = _Tower(self)
            self._train(tower, chosen, rejected, np.random.default_rng(seed))
        return lambda rows: _scores(tower, rows)

    def _train(self, tower: _Tower, chosen: Rows, rejected: Rows, random: np.random.Generator) -> None:
        groups = [
            {"params": tower.layers.parameters(), "lr": self.rate},
            {"params": tower.head.parameters(), "lr": self.head_rate},
        ]
        optimizer = torch.optim.AdamW(groups)
        lengths = np.array([max(map(len, pair)) for pair in zip(chosen, rejected, strict=True)])
        batches = [batch for _ in range(self.epochs) for batch in self._batches(lengths, random)]
        schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=len(batches))
        tower.train()
        for places in batches:
            above, below = tower([*chosen[places], *rejected[places]]).chunk(2)
            optimizer.zero_grad()
            (-logsigmoid(above - below).mean()).backward()
            optimizer.step()
            schedule.step()
        tower.eval()

    def _batches(self, lengths: Any, random: np.random.Generator) -> Iterator[Any]:
        """All pairs once, in random batches of pairs about as long as each other, so that little is padding."""
        order = random.permutation(len(lengths))
        for some in np.array_split(order, range(_MIXED * self.batch, len(order), _MIXED * self.batch)):
            alike = some[np.argsort(lengths[some], kind="stable")]
            for start in random.permutation(range(0, len(alike), self.batch)):
                yield alike[start : start + self.batch]


class _Tower(torch.nn.Module):  # type: ignore[misc]
    """The upper layers and a linear head, which gives 0 before training."""

    def __init__(self, model: Finetuned) -> None:
        super().__init__()
        self.layers = model.body().encoder
        self.layers.layer = self.layers.layer[-model.tuned_layers :]
        self.device = model.device
        self.head = torch.nn.Linear(self.layers.config.hidden_size, 1, bias=False).to(model.device)
        torch.nn.init.zeros_(self.head.weight)

    def forward(self, rows: Sequence[Any]) -> torch.Tensor:
        states, mask = padded([torch.from_numpy(row).to(self.device).float() for row in rows])
        hidden = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min  # added to the attention
        states = self.layers(states, attention_mask=hidden).last_hidden_state
        kept = mask.unsqueeze(-1)
        rewards: torch.Tensor = self.head((states * kept).sum(1) / kept.sum(1)).squeeze(-1)
        return rewards


def _scores(tower: _Tower, rows: Rows) -> Any:
    """The rewards; rows of a length are put together, so that little is padding."""
    order = np.argsort([len(row) for row in rows], kind="stable")
    rewards = np.zeros(len(rows))
    with torch.inference_mode():
        for start in range(0, len(order), _SCORED):
            places = order[start : start + _SCORED]
            rewards[places] = tower(list(rows[places])).cpu().numpy()
    return rewards
