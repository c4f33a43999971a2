"""Roles: which model answers for each, what a small one needs, what a person is told of them; and the seats."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rmboost import backends, registry, weights
from rmboost.backends import Backend
from rmboost.backends.endpoint import valid_address
from rmboost.budget import Price, price_of
from rmboost.client.call import Seat
from rmboost.client.lines import Line
from rmboost.config import Config, RoleConfig
from rmboost.config.addresses import weighted
from rmboost.errors import ConfigError, EndpointError
from rmboost.judges import judge
from rmboost.judges.kinship import relation
from rmboost.methods import method as build_method
from rmboost.pace import Limits, Pace

LOCAL = "local"
_CONNECTIONS = 1000
"""As many as a backend has by itself; with more calls at once it is told."""
_DRAFTER = "local:smollm2-135m"
"""Weaker than any model that is worth its while as a rewriter."""

_NO_COPY = {"dry_multiplier": 0.8, "dry_base": 1.75, "dry_allowed_length": 3, "dry_penalty_last_n": 2048}
"""llama.cpp's penalty on runs of words that stand in the prompt: a small model copies what it is to edit."""
_SMALL_MODEL: dict[str, dict[str, Any]] = {
    "responder": {"temperature": 0.3},
    "rewriter": {"temperature": 1.0, "extra": _NO_COPY},
    "drafter": {"temperature": 0.7},
    "judge": {"temperature": 0.7},
}
"""What small models answer best with (docs/yield.md); for others the server's own defaults hold."""
_IMPROVING = ("constitutional", "synpo")
"""Methods whose rewriter writes what is chosen: there the penalty on copies would put its torn words."""
_SMALL_IMPROVER = {"temperature": 0.7}
_SMALL_MODEL_TOKENS = 512
"""A small model that loses its thread writes until its memory is full; this ends it, as a visible reject."""


def resolve(config: Config) -> Config:
    """The same settings with the model of every role that is asked, and a style that is ``auto``, made definite.

    Raises EndpointError when an endpoint is named without a model and serves none or several.
    """
    contrasts = config.method["name"] == "rmboost"
    apart = {"drafter"} if contrasts else set()
    roles = {name: _resolve_role(config, name, role) for name, role in used(config).items() if name not in apart}
    if contrasts:
        method = _resolve_style(config, roles["rewriter"])
        config = config.model_copy(update={"method": method})
        if method["contrast"]:
            drafter = config.drafter.model_copy(update={"model": config.drafter.model or _DRAFTER})
            roles["drafter"] = _resolve_role(config, "drafter", drafter)
    config = config.seat(roles)
    if config.on_policy:
        _refuse_two_writers(config)
    return config


def used(config: Config) -> dict[str, RoleConfig]:
    """The roles that somebody is asked in: by the method, and by the judge where pairs are verified.

    Raises ConfigError for a role that has no settings.
    """
    asked = {*build_method(config.method).roles, *(judge(config.verify.judge).roles if config.verify.sample else ())}
    if unknown := sorted(asked - config.roles.keys()):
        raise ConfigError(f"no role {unknown[0]!r}", f"--set judges.{unknown[0]}.model=NAME, or writers.{unknown[0]}")
    return {name: role for name, role in config.roles.items() if name in asked}


def _refuse_two_writers(config: Config) -> None:
    """Raises ConfigError where the responses of a pair could come from different models."""
    models = {name: used(config)[name].model for name in dict.fromkeys(build_method(config.method).writers)}
    if len({*models.values()}) > 1:
        said = ", ".join(f"{name} {model}" for name, model in models.items())
        hint = " ".join(f"--set {_settings(config, name)}.model=NAME" for name in models)
        raise ConfigError(f"on_policy: the responses would come from different models ({said})", hint)


def _resolve_style(config: Config, rewriter: RoleConfig) -> dict[str, Any]:
    """What suits the rewriter, where the user leaves it open: a small model is shown examples, and cannot improve."""
    small = _is_small(rewriter)
    method = config.method
    style = method.get("style", "auto")
    style = ("direct" if small else "plan") if style == "auto" else style
    contrast = style == "direct" and small and rewriter.model != _DRAFTER and not config.on_policy
    return {"contrast": contrast, **method, "style": style}


def kind(role: RoleConfig) -> str:
    """Which kind of backend a resolved role's model is served by."""
    head = (role.model or "").partition(":")[0]
    return head if head in (LOCAL, "fake") else "openai"


def _is_small(role: RoleConfig) -> bool:
    """Whether it is a model of configs/models.yaml; of a file of somebody's own nothing is known, as of an endpoint."""
    return kind(role) == LOCAL and not weights.is_file(role.model or "")


def seats(config: Config) -> dict[str, Seat]:
    """A seat for every role of resolved settings; roles with the same backend share its line, and so its limits."""
    concurrency = None if config.concurrency == "auto" else config.concurrency
    limits = Limits(concurrency, config.rpm, config.tpm, config.patience)
    built: dict[tuple[Backend, float], Line] = {}
    return {
        name: replace(_seat(role, limits, config.prices, built), settings=_settings(config, name))
        for name, role in used(config).items()
    }


def _settings(config: Config, name: str) -> str:
    """Where the settings of a role stand: ``responder``, ``judges.NAME``."""
    return f"judges.{name}" if name in config.judges else f"writers.{name}" if name in config.writers else name


def judging(config: Config) -> dict[str, RoleConfig]:
    """The roles of the judges, of those that verify pairs and of those that a method asks itself."""
    return {name: role for name, role in used(config).items() if name == "judge" or name in config.judges}


def leakage(config: Config, generators: Iterable[str] = ()) -> dict[str, str]:
    """By role of a judge, how its model is related to those that write, or wrote, the responses: preference leakage."""
    judges, seated = judging(config), used(config)
    writers = [*generators, *(seated[name].model or "" for name in build_method(config.method).writers)]
    return {name: found for name, role in judges.items() if (found := relation(role.model or "", writers))}


def models(config: Config) -> dict[str, str]:
    """The model of each role that is used, in resolved settings."""
    return {name: role.model or "" for name, role in used(config).items()}


def describe(config: Config) -> list[str]:
    """A line for each kind of model in resolved settings: where it runs, and what to expect of it."""
    seated = list(used(config).values())
    small, fake = _models(filter(_is_small, seated)), _models(role for role in seated if kind(role) == "fake")
    lines = [f"model {role.model} at {_address(role)}" for role in seated if kind(role) == "openai"]
    lines += [f"model {role.model}, in this process" for role in seated if kind(role) == LOCAL and not _is_small(role)]
    if small:
        hint = "a real one: --base-url URL --model NAME"
        lines.append(f"model {small}: embedded and small, for a first look and not for training data; {hint}")
    if fake:
        lines.append(f"model {fake}: made-up sentences, for trying a pipeline")
    if config.responder.temperature == 0 and max(config.repetitions, build_method(config.method).samples) > 1:
        lines.append("responder.temperature is 0: the responses to a prompt may all be the same, and make no pair")
    return [*dict.fromkeys(lines), *unset(config)]


def unset(config: Config) -> list[str]:
    """A line for each variable that the settings name, for a key or a header, and that holds nothing."""
    roles: dict[str, list[str]] = {}
    for name, role in used(config).items():
        named = {role.api_key_env, *role.headers_env.values()} - {RoleConfig.model_fields["api_key_env"].default}
        for variable in sorted(named) if kind(role) == "openai" else ():
            if not os.environ.get(variable, "").strip():
                roles.setdefault(variable, []).append(name)
    ask = "is not set, and the endpoint of {} is asked without; export"
    return [f"{variable} {ask.format(' and '.join(names))} {variable}=…" for variable, names in roles.items()]


def _models(roles: Iterable[RoleConfig]) -> str:
    return " and ".join(dict.fromkeys(role.model or "" for role in roles))


def _address(role: RoleConfig) -> str:
    given = role.base_url or tuple(map(valid_address, filter(None, [os.environ.get("OPENAI_BASE_URL")])))
    return " and ".join(given) or "api.openai.com"


def _resolve_role(config: Config, name: str, role: RoleConfig) -> RoleConfig:
    placed = role.model_copy(update=_place(config, role))
    if kind(placed) != LOCAL:
        return placed
    if config.repeatable:
        placed = placed.model_copy(update={"options": {"repeatable": True, **placed.options}})
    if not _is_small(placed):
        return placed
    suited = _SMALL_MODEL.get(name, {})
    if name == "rewriter" and config.method["name"] in _IMPROVING:
        suited = _SMALL_IMPROVER
    defaults = {"max_tokens": _SMALL_MODEL_TOKENS, **suited}
    return placed.model_copy(update={key: value for key, value in defaults.items() if getattr(role, key) in (None, {})})


def _place(config: Config, role: RoleConfig) -> dict[str, Any]:
    """Model and address of a role: its own, else the run's, else the environment's, else the embedded model."""
    in_process = role.model is not None and kind(role) != "openai"  # the run's address is not for this role
    base_url = role.base_url or (None if in_process else config.base_url)
    model = role.model or config.model
    if model is None:
        endpoints = base_url or tuple(filter(None, [os.environ.get("OPENAI_BASE_URL")]))
        model = _only_model([weighted(each)[0] for each in endpoints], role) if endpoints else LOCAL
    return {"model": model, "base_url": base_url}


def _only_model(endpoints: Sequence[str], role: RoleConfig) -> str:
    """The model of the first endpoint that is there."""
    from rmboost.backends.openai import only_model

    *before, last = endpoints
    for endpoint in before:
        try:
            return only_model(endpoint, role.api_key_env, role.headers_env.items())
        except EndpointError as error:
            if not error.unreachable:
                raise
    return only_model(last, role.api_key_env, role.headers_env.items())


def _seat(
    role: RoleConfig, limits: Limits, prices: Mapping[str, Price], built: dict[tuple[Backend, float], Line]
) -> Seat:
    name, lines = kind(role), []
    for address in role.base_url or (None,):
        url, weight = weighted(address) if address else (None, 1.0)
        options = {"name": name, **_options(name, role, url, limits.of(weight))}
        backend = registry.build("backend", backends.CATALOGUE, Backend, options)
        fresh = Line(backend, Pace(limits.of(weight), backend.room), weight)
        lines.append(built.setdefault((backend, weight), fresh))
    price = price_of(role.model or "", prices)
    return Seat(name, lines[0].backend.model, tuple(lines), role.sampling, price)


def _options(name: str, role: RoleConfig, url: str | None, limits: Limits) -> Mapping[str, Any]:
    model = role.model or ""
    if name == "openai":
        headers = tuple(sorted(role.headers_env.items()))
        settings = {"base_url": url, "api_key_env": role.api_key_env, "headers_env": headers, "timeout": role.timeout}
        if limits.concurrency and limits.concurrency > _CONNECTIONS:
            settings["connections"] = limits.concurrency
        return {"model": model, **settings, **role.options}
    if url and name == LOCAL:
        raise ConfigError(f"model {model!r} runs in this process, base_url {url} would not be used")
    return {"model": model.partition(":")[2] or model, **role.options}
