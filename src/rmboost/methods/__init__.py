"""Methods: ways to make a pair. The contract and the catalogue.

To add one: a file here with a subclass of Method, a line in CATALOGUE, a folder in ``prompts/``, a YAML in
``configs/``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from rmboost.ask import Ask
from rmboost.judges import Judge, Scorer
from rmboost.records import Job, Pair, Spec
from rmboost.registry import Component, build, load

CATALOGUE = {
    "rmboost": "rmboost.methods.rmboost:RMBoost",
    "rlaif": "rmboost.methods.rlaif:RLAIF",
    "rlcd": "rmboost.methods.rlcd:RLCD",
    "west-of-n": "rmboost.methods.west_of_n:WestOfN",
    "ultrafeedback": "rmboost.methods.ultrafeedback:UltraFeedback",
    "self-rewarding": "rmboost.methods.self_rewarding:SelfRewarding",
    "constitutional": "rmboost.methods.constitutional:Constitutional",
    "self-taught": "rmboost.methods.self_taught:SelfTaught",
    "synpo": "rmboost.methods.synpo:SynPO",
    "given": "rmboost.methods.given:Given",
}


class Method(Component):
    """A paper's algorithm. It knows no model, template text, retry or storage: it has ``ask``."""

    @abstractmethod
    async def make_pair(self, job: Job, ask: Ask) -> Pair:
        """One pair for this job. Its calls are asked in an order that depends on nothing but the answers.

        Raises ReplyError for a reply that cannot be used; the run then draws that call anew.
        """

    @property
    def writers(self) -> tuple[str, ...]:
        """The roles that have a hand in the responses."""
        return ("responder",)

    @property
    def labeller(self) -> Judge | Scorer | None:
        """Whose opinion makes the label; None where it is there by construction."""
        return None

    @property
    def labellers(self) -> tuple[str, ...]:
        """The roles that the labeller asks."""
        return self.labeller.roles if self.labeller else ()

    @property
    def samples(self) -> int:
        """How many responses the responder gives to the very same request, which nothing but chance makes differ."""
        return 1

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that are asked."""
        return tuple(dict.fromkeys((*self.writers, *self.labellers)))

    def cells(self) -> Sequence[Spec]:
        """What the plan spreads evenly over the input; empty when the method orders nothing."""
        return ()

    @property
    def names(self) -> frozenset[str]:
        """The aspects, qualities or principles that its pairs may bear."""
        return frozenset(name for cell in self.cells() for name in cell.aspects)

    def data(self) -> Mapping[str, str]:
        """Hashes of what the method read from files of its own, by name; a change of them is a change of settings."""
        return {}


def method(given: str | Mapping[str, Any]) -> Method:
    """The method of a name, or of a mapping with ``name`` and options. Raises ConfigError."""
    return build("method", CATALOGUE, Method, given)


def having(option: str) -> list[str]:
    """The methods that have an option of this name."""
    return [name for name, entry in CATALOGUE.items() if option in load(entry).model_fields]
