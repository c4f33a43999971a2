"""The settings of a run: one YAML file, overridden by flags and ``--set``, checked before anything is asked."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
)

from rmboost import aspects, judges, methods
from rmboost.aspects import AspectSet
from rmboost.budget import Ceilings, Price
from rmboost.config import parameters
from rmboost.config.addresses import Addresses
from rmboost.config.parameters import Further, Headers
from rmboost.errors import ConfigError
from rmboost.labels.verification import Verification
from rmboost.registry import Component, named, spell_out, validate
from rmboost.resources import parse_yaml, read_yaml
from rmboost.sources import InputOptions

DEFAULT_CHECKS = ("form", "length", "echo", "language", "leak", "refusal", "manner", "similarity")

Temperature = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1)]
MethodOptions = Annotated[dict[str, Any], named("rmboost")]
"""A field for the name of a method and its options."""


class RoleConfig(Component):
    """Who sits in a role and how it is sampled. What is not set is left to the server."""

    model: str | None = None
    """a name that the endpoint knows, ``local``, ``local:NAME``, ``local:/path/to.gguf``, ``fake``; none: the run's"""
    base_url: Addresses = None
    """where an OpenAI-compatible server answers, or a list of places; none: the run's base_url"""
    api_key_env: str = "OPENAI_API_KEY"
    """name of the environment variable that holds the key"""
    headers_env: Headers = Field(default_factory=dict)
    """further headers of each request, each with the name of the variable that holds it: ``{X-Team: TEAM}``"""
    timeout: PositiveFloat = 600
    """seconds without a byte from the server until a request is sent again"""
    temperature: Temperature | None = None
    top_p: Share | None = None
    max_tokens: PositiveInt | None = None
    """an answer that reaches it counts as truncated and is drawn again"""
    extra: Further = Field(default_factory=dict)
    """further parameters of the request body, sent as they are (top_k, min_p, chat_template_kwargs, …)"""
    options: dict[str, Any] = Field(default_factory=dict)
    """options of the backend itself (local: threads, slots, context, repeatable; fake: latency)"""

    @classmethod
    def instead(cls, name: str, within: str) -> str:
        if judges.have(name):
            return f"it is of the judge, not of its model: verify.judge.{name}"
        return parameters.instead(name, within, cls.model_fields)

    @property
    def sampling(self) -> dict[str, Any]:
        """The sampling parameters that are set."""
        named = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens}
        return {name: value for name, value in named.items() if value is not None} | self.extra


class Config(Component):
    """All settings of a run. ``rmboost generate --dry-run`` shows them resolved."""

    method: MethodOptions = Field(default_factory=lambda: {"name": "rmboost"})
    """name of the method, and its options"""
    model: str | None = None
    """for every role that names none; none: what the endpoint serves, or the embedded model without an endpoint"""
    base_url: Addresses = None
    """where an OpenAI-compatible server answers; several share the work, ``URL,weight=2`` for a bigger one"""
    repeatable: bool = False
    """have the embedded model give the same texts in every run on this machine, at two thirds of its speed or less"""
    responder: RoleConfig = RoleConfig()
    """writes the first response"""
    rewriter: RoleConfig = RoleConfig()
    """edits it into the second"""
    drafter: RoleConfig = RoleConfig()
    """a weaker model, asked only where a method contrasts two (``method.contrast``); none: ``local:smollm2-135m``"""
    judge: RoleConfig = RoleConfig()
    """compares responses or rates them; none: the run's own model, but best one of another family than the writers'"""
    judges: dict[str, RoleConfig] = Field(default_factory=dict)
    """further judges, for a panel, by names of your own: ``{llama: {model: …}, gemma: {model: …}}``"""
    writers: dict[str, RoleConfig] = Field(default_factory=dict)
    """further models that write responses, by names of your own, for methods that ask several (``method.others``)"""
    on_policy: bool = False
    """both responses of a pair from one model: other settings are refused, and small models are not contrasted"""
    verify: Verification = Verification()
    """which pairs the judge looks at, and what becomes of those whose label it contradicts"""
    checks: tuple[dict[str, Any], ...] = tuple({"name": name} for name in DEFAULT_CHECKS)
    """in the order in which they look at a pair"""
    weights: dict[str, PositiveInt] = Field(default_factory=dict)
    """how often a label or an aspect is ordered for each time that the others are: ``{correctness: 3}``"""
    repetitions: PositiveInt = 1
    """pairs to make of each prompt, each from a first response of its own"""
    target: PositiveInt | None = None
    """go on until so many pairs are kept, balanced exactly: what checks reject is ordered again of further prompts"""
    seed: int = 0
    draws: PositiveInt = 4
    """how often an answer that a check refuses is drawn before the job is rejected"""
    tries: PositiveInt = 6
    """how often a request that the server fails is sent before its job fails"""
    concurrency: PositiveInt | Literal["auto"] = "auto"
    """calls in flight at once, at each endpoint; auto: found out, and the slots of an embedded model"""
    rpm: PositiveFloat | None = None
    """requests a minute at most, at each endpoint"""
    tpm: PositiveFloat | None = None
    """tokens a minute at most, at each endpoint"""
    patience: PositiveFloat = 600
    """seconds for which a request that the server refuses (429) is sent again"""
    max_failures: PositiveInt = 20
    """calls given up in a row until the run stops; or jobs without a pair (50 at least) where none has made one"""
    prices: dict[str, Price] = Field(default_factory=dict)
    """of a million tokens, by model name or its beginning: ``{gpt-4.1: {input: 2, cached_input: 0.5, output: 8}}``"""
    ceilings: Ceilings = Ceilings()
    """where the run stops of itself"""
    prompts: Path | None = None
    """a folder of your own templates, looked in before the shipped ones"""
    input: InputOptions = InputOptions()
    """how the prompt file is read"""

    @field_validator("concurrency", mode="before")
    @classmethod
    def _is_a_number_or_auto(cls, value: Any) -> Any:
        if value != "auto" and not (str(value).isdecimal() and int(value)):
            raise ValueError(f"{value!r} is neither auto nor a number of calls")
        return value

    @field_validator("checks", mode="before")
    @classmethod
    def _names_are_short_for_checks(cls, value: Any) -> Any:
        items = [value] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise ValueError("a list of names, or of mappings with a name and options")
        return [{"name": item} if isinstance(item, str) else item for item in items]

    @field_validator("judges", "writers")
    @classmethod
    def _names_are_free(cls, value: dict[str, RoleConfig], info: ValidationInfo) -> dict[str, RoleConfig]:
        if taken := sorted(value.keys() & {*cls.model_fields, *info.data.get("judges", ())}):
            raise ValueError(f"{taken[0]} is the name of a setting or of a judge, choose another for this role")
        return value

    @classmethod
    def instead(cls, name: str, within: str) -> str:
        """Flags are named without the place where their setting stands."""
        name = name.replace("-", "_")
        if not (places := list(cls._places(name))):
            return super().instead(name, within)
        return "it stands further down: " + " or ".join(
            f"{place}{of} (in Python {place.replace('.', '__')})" for place, of in places
        )

    @classmethod
    def _places(cls, name: str) -> Iterator[tuple[str, str]]:
        """The settings of this name that stand further down, and whose they are."""
        if having := methods.having(name):
            of = "" if len(having) == len(methods.CATALOGUE) else f" of {' or '.join(having)}"
            yield f"method.{name}", of
        if judges.have(name):
            yield f"verify.judge.{name}", ""
        for field, info in cls.model_fields.items():
            kind = info.annotation
            if isinstance(kind, type) and issubclass(kind, Component):
                if name in kind.model_fields:
                    yield f"{field}.{name}", ""
                if kind is RoleConfig and name in parameters.FURTHER:
                    yield f"{field}.extra.{name}", ""

    @property
    def roles(self) -> dict[str, RoleConfig]:
        """Every role with its settings, also those that the user named."""
        return {name: value for name, value in self if isinstance(value, RoleConfig)} | self.judges | self.writers

    @property
    def verified_aspects(self) -> AspectSet | None:
        """The aspects that the judge is asked about; None: it is asked about the whole. Raises ConfigError."""
        if not self.verify.sample or self.verify.about == "overall":
            return None
        return aspects.load(self.verify.aspects or self.method.get("aspects") or "general")

    def seat(self, roles: Mapping[str, RoleConfig]) -> Config:
        """The same settings with these roles in place of those of the same names."""
        judges, writers = (
            {name: roles.get(name, role) for name, role in named.items()} for named in (self.judges, self.writers)
        )
        own = {name: role for name, role in roles.items() if name not in judges | writers}
        return self.model_copy(update={**own, "judges": judges, "writers": writers})


def load(
    path: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    sets: Iterable[str] = (),
    over: Mapping[str, Any] | None = None,
    where: str = "",
) -> Config:
    """A Config from a YAML file, flags (dotted names) and ``a.b=value`` strings, the later ones winning.

    over: settings that are laid over all of these, part by part. where: what an error names, if not the file.
    Raises ConfigError for a file that is no YAML mapping, and for each option that is unknown or of the wrong kind.
    """
    values = {name: value for name, value in (read_yaml(path) if path else {}).items() if value is not None}
    if "method" in values:
        values["method"] = spell_out(values["method"], "rmboost")
    for name, value in deepcopy(dict(over or {})).items():  # so that options of its method have somewhere to go
        _lay(values, name, value)
    for name, value in (flags or {}).items():
        if value is not None:
            _put(values, name, value)
    for assignment in sets:
        _put(values, *_parse(assignment))
    for name, value in (over or {}).items():  # it has the last word
        _lay(values, name, value)
    return _without_keys(validate(Config, values, where or (str(path) if path else "settings")))


def _without_keys(config: Config) -> Config:
    """Raises ConfigError where the name of a variable may be the key itself, which is not repeated: all but capitals,
    and what is no variable either."""
    for role, settings in config.roles.items():
        named = {"api_key_env": settings.api_key_env}
        named |= {f"headers_env.{header}": variable for header, variable in settings.headers_env.items()}
        for place, name in named.items():
            if not re.fullmatch("[A-Z_][A-Z0-9_]*", name) and name not in os.environ:
                problem = f"{role}.{place} names the variable that holds it; there is none of this name"
                raise ConfigError(problem, f"export MY_KEY=…, and write {place.partition('.')[2] or place}: MY_KEY")
    return config


def _parse(assignment: str) -> tuple[str, Any]:
    name, equals, value = assignment.partition("=")
    if not equals or not name:
        raise ConfigError(f"--set {assignment!r} has no name=value", "--set rewriter.temperature=0.7")
    try:
        return name.strip(), parse_yaml(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = getattr(error, "problem", None) or error
        quoted = "" if value.lstrip().startswith(("{", "[")) else f"--set '{name}=\"…\"'"
        raise ConfigError(f"--set {name}: {value!r} is not a YAML value: {why}", quoted) from None


def _lay(values: dict[str, Any], name: str, value: Any) -> None:
    """Set a value; of a mapping each part, unless it is another component than the one that is there."""
    value = spell_out(value) if name == "method" else value
    there = values.get(name)
    if isinstance(value, dict) and isinstance(there, dict) and value.get("name") in (None, there.get("name")):
        for each, part in value.items():
            _lay(there, each, part)
    elif value is not None:
        values[name] = value


def _put(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Set a nested value. Naming another method drops the options of the one before."""
    *path, last = dotted.split(".")
    if dotted in ("method", "method.name"):
        there = values.get("method", {})
        if not isinstance(there, dict) or there.get("name", "rmboost") != value:
            values["method"] = value if isinstance(value, dict) else {"name": value}
        return
    for step in path:
        values = values.setdefault(step, {"name": "rmboost"} if step == "method" else {})
        if not isinstance(values, dict):
            hint = f"{step}: {{name: {values}}} has room for more" if isinstance(values, str) else ""
            raise ConfigError(f"{dotted}: {step} is a single value, nothing can be set inside it", hint)
    values[last] = value
