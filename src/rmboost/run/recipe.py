"""The recipe of a run: everything it is made of, built from its settings and checked before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from rmboost import checks, exports, judges, methods, registry
from rmboost.amounts import number
from rmboost.aspects import AspectSet
from rmboost.checks import Check
from rmboost.config import Config
from rmboost.errors import ConfigError, InputError
from rmboost.exports import Export
from rmboost.exports.provenance import provenance, reject
from rmboost.labels import gold
from rmboost.labels.noise import Marks
from rmboost.labels.verification import Sample, Verify, column
from rmboost.methods import Method
from rmboost.methods.given import Given
from rmboost.preferences.labelled import Pairs
from rmboost.records import Job, Kept, Outcome, Prompt
from rmboost.run import roles
from rmboost.run.fingerprint import settings_of
from rmboost.run.plan import Plan
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
    calls: int = 2
    """that a job takes where nothing is drawn again; the rehearsal counts them"""

    @classmethod
    def prepare(cls, prompts: Path, config: Config, known: Mapping[str, Any] | None = None) -> Recipe:
        """Raises ConfigError, InputError and, where an endpoint must name its model, EndpointError.

        known: fields of a survey that an earlier run made of its prompts, which may be the same.
        """
        config = roles.resolve(config)
        method = methods.method(config.method)
        given = isinstance(method, Given)
        if given and config.verify.policy == "flip":
            raise ConfigError("verify.policy: flip exchanges the sides of new pairs, not of a file's", "policy: flag")
        source = registry.validate(
            Pairs if given else Source, {"path": str(prompts), **config.input.model_dump()}, "input"
        )
        found = source.survey() if isinstance(source, Pairs) else survey(source, known)
        if given:  # the pairs are there already
            config = config.model_copy(update={"repetitions": 1, "target": None})
        _refuse_unreachable(config, found)
        export = {"name": "given"} if given else {"name": "trl", "plain": found.plain, "bare": found.bare}
        return cls(
            config,
            source,
            found,
            method,
            tuple(registry.build("check", checks.CATALOGUE, Check, each) for each in config.checks),
            registry.build("export", exports.CATALOGUE, Export, export),
            Templates(config.prompts),
            _plan(method, config),
        )

    @property
    def available(self) -> int:
        """How many jobs the input is good for."""
        return self.survey.count * self.config.repetitions

    @property
    def ordered(self) -> int:
        """How many jobs a run begins with; with a target more may follow."""
        return self.config.target or self.available

    @property
    def extent(self) -> str:
        """``24 prompts``, or ``24 prompts × 2``."""
        repetitions = self.config.repetitions
        return f"{number(self.survey.count, 'prompt')}{f' × {repetitions}' if repetitions > 1 else ''}"

    def jobs(self, start: int = 0) -> Iterator[Job]:
        """The jobs in input order, from number ``start`` on; those of a prompt follow one another.

        With a target, each prompt comes once before any comes twice: more repetitions then only make the list longer.
        Raises InputError, while it is iterated, where the input cannot be used or holds less than was surveyed.
        """
        turns = self._in_passes(start) if self.config.target else self._prompt_by_prompt(start)
        index = start - 1
        for index, (prompt, repetition) in enumerate(turns, start):
            yield Job(prompt, index, repetition, self.config.seed, self.plan.spec(index))
        if index + 1 < self.available:
            problem = f"{self.source.path} was changed meanwhile: {self.extent} had been counted, and it ends before"
            raise InputError(problem, "the same command reads it anew")

    def _prompt_by_prompt(self, start: int) -> Iterator[tuple[Prompt, int]]:
        first, skip = divmod(start, self.config.repetitions)
        prompts = self.source.prompts(self.survey, first)
        turns = ((prompt, repetition) for prompt in prompts for repetition in range(self.config.repetitions))
        return islice(turns, skip, None)

    def _in_passes(self, start: int) -> Iterator[tuple[Prompt, int]]:
        begun, first = divmod(start, self.survey.count)
        for repetition in range(begun, self.config.repetitions):
            for prompt in self.source.prompts(self.survey, first if repetition == begun else 0):
                yield prompt, repetition

    @cached_property
    def settings(self) -> dict[str, Any]:
        """All that a row depends on besides its prompt. A sample of so many jobs depends on all of them."""
        found = settings_of(self.config, self.method, self.templates, self.folders)
        for check in self.checks:
            found["data"] |= check.data()
        if self.verify:
            found["verify"]["drawn"] = self.sample.share
        return found

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the templates that it may ask with, besides ``respond``: the method's own, and its judges'."""
        asking = (self.method.labeller, self.verify and self.verify.judge)
        of_judges = (folder for each in asking if each for folder in each.folders)
        return tuple(dict.fromkeys((self.config.method["name"], *of_judges)))

    @property
    def template_texts(self) -> dict[str, str]:
        """What the models were told, by file: a run can be read without the folder that its templates came from."""
        used = self.settings["templates"]
        return {file: text for name in used for file, text in self.templates.sources(name).items()}

    def checks_of(self, job: Job) -> tuple[Check, ...]:
        """The checks that look at this job's pair: the judge, dearest of all, comes last and if the job is drawn."""
        return (*self.checks, self.verify) if self.verify and job in self.sample else self.checks

    @cached_property
    def verify(self) -> Verify | None:
        """The judge as a check; none where no pair is verified."""
        how = self.config.verify
        if not how.sample:
            return None
        return Verify(judge=judges.judge(how.judge), policy=how.policy, aspects=self.config.verified_aspects)

    @cached_property
    def sample(self) -> Sample:
        """The jobs whose pairs are verified."""
        return Sample.draw(self.config.verify.sample or "all", islice(self.jobs(), self.ordered), self.config.seed)

    @cached_property
    def gold(self) -> Marks | None:
        """How often the judge is wrong on pairs that people labelled, where it was asked the same of them.

        Raises InputError.
        """
        path = self.config.verify.gold
        found = gold.read_marks(path) if path and self.verify else None
        return None if self.gold_apart else found

    @cached_property
    def gold_apart(self) -> bool:
        """Whether ``verify.gold`` was judged as a whole and these pairs are on their aspects, or the reverse."""
        how = self.config.verify
        return bool(how.gold and self.verify and gold.asked_about(how.gold) not in ("", how.about))

    @cached_property
    def undefined(self) -> tuple[int, int]:
        """Of how many pairs of a file the judge's set defines no aspect, and of how many some.

        The first are judged as a whole, the others on the rest of their aspects.
        """
        known = self.config.verified_aspects
        if not known or not isinstance(self.method, Given):
            return 0, 0
        pairs = (set(getattr(job.prompt, "aspects", ())) for job in self.jobs() if job in self.sample)
        found = [(len(named & {*known.names}), len(named)) for named in pairs]
        return sum(not some for some, _ in found), sum(0 < some < every for some, every in found)

    @cached_property
    def strangers(self) -> frozenset[str]:
        """The models that judged ``verify.gold``, where they are not those that judge here."""
        path = self.config.verify.gold
        asked = [role.model or "" for role in roles.judging(self.config).values()]
        return gold.strangers(path, asked) if path and self.verify else frozenset()

    @property
    def leakage(self) -> dict[str, str]:
        """How the judges are related to those that write, or wrote, the responses."""
        return roles.leakage(self.config, self.survey.writers)

    def row(self, outcome: Outcome) -> dict[str, Any]:
        """What is written of a job."""
        if isinstance(outcome, Kept):
            judged = {"judge": column(outcome.pair.evidence)} if self.verify else {}
            origin = {} if outcome.pair.method == "given" else {"rmboost": provenance(outcome, self.templates)}
            return {**self.export.row(outcome.pair), **judged, **origin}
        return reject(outcome)


def _refuse_unreachable(config: Config, found: Survey) -> None:
    """Raises ConfigError for a target that is out of reach even if no pair is lost."""
    if config.target and config.target > found.count * config.repetitions:
        most = f"{number(found.count, 'prompt')} × {config.repetitions}"
        hint = f"--repetitions {-(-config.target // found.count)}, or more prompts"
        raise ConfigError(f"target: {number(config.target, 'pair')} cannot be made of {most}", hint)


def refuse_undefined(judged: AspectSet | None, method: Method) -> None:
    """Raises ConfigError where a judge is to look at aspects that the set it is told of does not define."""
    if judged and (undefined := sorted(method.names - {*judged.names})):
        problem = f"verify.about: aspects: the judge's set does not define {', '.join(undefined)}"
        raise ConfigError(problem, "--set verify.aspects=FILE.yaml with these, or --set verify.about=overall")


_LONGEST_BLOCK = 5_000
"""Places of a block: to lay one out takes time that grows with their square, for these up to three seconds."""


def _plan(method: Method, config: Config) -> Plan:
    """Raises ConfigError for a weight of what is never ordered, and for weights that are too large."""
    cells = method.cells()
    names = {name for cell in cells for name in (cell.label, *cell.aspects)}
    for name in config.weights:
        if name not in names:
            raise ConfigError(f"weights: {name!r} is no label or aspect of this run", registry.suggest(name, names))
    plan = Plan(cells, config.seed, config.weights)
    if plan.block_size > _LONGEST_BLOCK:
        problem = (
            f"weights: a block that holds all of them has {plan.block_size:,} places, more than {_LONGEST_BLOCK:,}"
        )
        raise ConfigError(
            problem, "smaller ones in the same proportion: what counts is how often one comes for another"
        )
    return plan
