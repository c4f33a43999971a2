"""The recipe of a run: everything it is made of, built from its settings and checked before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmboost import checks, exports, methods, registry, roles
from rmboost.checks import Check
from rmboost.config import Config
from rmboost.errors import ConfigError
from rmboost.exports import Export
from rmboost.exports.provenance import provenance, reject
from rmboost.methods import Method
from rmboost.plan import Plan
from rmboost.records import Job, Kept, Outcome
from rmboost.sources import Source, Survey, survey
from rmboost.templates import Templates


@dataclass(frozen=True)
class Recipe:
    """What a run is made of."""

    config: Config
    source: Source
    survey: Survey
    method: Method
    checks: tuple[Check, ...]
    export: Export
    templates: Templates
    plan: Plan

    @classmethod
    def prepare(cls, prompts: Path, config: Config, known: Mapping[str, Any] | None = None) -> Recipe:
        """Raises ConfigError, InputError and, where an endpoint must name its model, EndpointError.

        known: fields of a survey that an earlier run made of its prompts, which may be the same.
        """
        config = roles.resolve(config)
        source = registry.validate(Source, {"path": str(prompts), **config.input.model_dump()}, "input")
        method = registry.build("method", methods.CATALOGUE, Method, config.method)
        found = survey(source, known)
        return cls(
            config,
            source,
            found,
            method,
            tuple(registry.build("check", checks.CATALOGUE, Check, each) for each in config.checks),
            registry.build("export", exports.CATALOGUE, Export, {"name": "trl", "plain": found.plain}),
            Templates(config.prompts),
            _plan(method, config),
        )

    def jobs(self, start: int = 0) -> Iterator[Job]:
        """The jobs in input order, from number ``start`` on."""
        for index, prompt in enumerate(self.source.prompts(self.survey, start), start):
            yield Job(prompt, index, seed=self.config.seed, spec=self.plan.spec(index))

    def row(self, outcome: Outcome) -> dict[str, Any]:
        """What is written of a job."""
        if isinstance(outcome, Kept):
            return {**self.export.row(outcome.pair), "rmboost": provenance(outcome, self.templates)}
        return reject(outcome)


def _plan(method: Method, config: Config) -> Plan:
    """Raises ConfigError for a weight of what is never ordered."""
    cells = method.cells()
    names = {name for cell in cells for name in (cell.label, *cell.aspects)}
    for name in config.weights:
        if name not in names:
            raise ConfigError(f"weights: {name!r} is no label or aspect of this run", registry.suggest(name, names))
    return Plan(cells, config.seed, config.weights)
