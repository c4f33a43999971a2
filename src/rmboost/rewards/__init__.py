"""Reward models: small ones, trained on pairs in order to see what the pairs teach. The contract and the catalogue.

Each gives a response a number, and learns that number from pairs alone, by the model of Bradley and Terry (1952):
P(chosen is preferred) = sigmoid(reward of chosen − reward of rejected). docs/concepts/reward-models.md says what
they can show. To add one: a file here with a subclass of RewardModel, a line in CATALOGUE.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from rmboost.errors import ConfigError
from rmboost.registry import Component, build

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CATALOGUE = {
    "longer": "rmboost.rewards.longer:Longer",
    "form": "rmboost.rewards.linear:Form",
    "ngrams": "rmboost.rewards.linear:Ngrams",
    "ngrams-form": "rmboost.rewards.linear:NgramsForm",
    "embeddings": "rmboost.rewards.embeddings:Embeddings",
    "finetuned": "rmboost.rewards.finetuned:Finetuned",
}
"""The first two are blind to content, and what the others must beat."""


class Answer(NamedTuple):
    """A response to a prompt, as a reward model sees them."""

    prompt: str
    response: str


@dataclass(frozen=True, slots=True)
class TextPair:
    """A pair as plain text. group: a name for what must not stand in training and test at once, beside the prompt."""

    prompt: str
    chosen: str
    rejected: str
    group: str = ""

    @property
    def answers(self) -> tuple[Answer, Answer]:
        """Chosen, then rejected."""
        return Answer(self.prompt, self.chosen), Answer(self.prompt, self.rejected)


Rows = Any
"""A row for each answer, in an array or a sparse matrix: an array of indices takes rows from it."""
Reward = Callable[[Rows], "NDArray[np.float64]"]
"""A trained model: a number for each row, of which only differences within a prompt mean anything."""


class RewardModel(Component):
    """A kind of reward model. Its options are the same for all data, so that only the data differs."""

    @abstractmethod
    def read(self, answers: Sequence[Answer]) -> Rows:
        """All that needs no training, so that it is done once for many trainings."""

    @abstractmethod
    def fit(self, chosen: Rows, rejected: Rows, seed: int) -> Reward:
        """Train on pairs, of which row i of both is the i-th; the same rows and seed give the same reward."""


def load(given: str | Mapping[str, Any]) -> RewardModel:
    """A reward model from its name, or from a mapping with ``name`` and options.

    Raises ConfigError for names and options that are not known, and when a package it needs is not installed.
    """
    try:
        return build("reward model", CATALOGUE, RewardModel, given)
    except ModuleNotFoundError as error:
        name, package = given if isinstance(given, str) else given["name"], str(error.name).partition(".")[0]
        raise ConfigError(
            f"reward model {name} needs the package {package}, which is not installed", "pip install 'rmboost[rm]'"
        ) from None
