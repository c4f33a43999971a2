"""Prompt templates: Jinja2 files that say, turn by turn, what a model is sent.

    {% turn "system" %}You improve answers.{% endturn %}
    {% turn "user" %}{{ prompt.text }}{% endturn %}

Variables are strict, rendering is sandboxed, and values are data: a ``{{`` inside a prompt or a response stays text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    nodes,
)
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rmboost import resources
from rmboost.errors import ConfigError
from rmboost.records import Message
from rmboost.registry import suggest

SUFFIX = ".md.j2"
_ROLES = ("system", "user", "assistant")


class TurnExtension(Extension):
    """``{% turn role %} … {% endturn %}``: what stands inside becomes one message of that role."""

    tags = {"turn"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        role = parser.parse_expression()
        body = parser.parse_statements(("name:endturn",), drop_needle=True)
        collect = self.call_method("_collect", [nodes.ContextReference(), role])
        return nodes.CallBlock(collect, [], [], body).set_lineno(line)

    def _collect(self, context: Any, role: str, caller: Callable[[], str]) -> str:
        if role not in _ROLES:
            raise TemplateError(f"turn {role!r} is not one of {', '.join(_ROLES)}")
        context["_turns"].append({"role": role, "content": caller().strip()})
        return ""


class Templates:
    """The templates of a run: the user's folder first, if there is one, then the shipped ``prompts/``."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folders = [*([folder] if folder else []), resources.folder("prompts")]
        self._jinja = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._folders),
            undefined=StrictUndefined,
            extensions=[TurnExtension],
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
        )
        self._load = lru_cache(maxsize=None)(self._load_uncached)

    def render(self, name: str, **values: Any) -> tuple[Message, ...]:
        """The messages of a template. Raises ConfigError for a missing template or variable."""
        turns: list[Message] = []
        try:
            outside = self._load(name).render(_turns=turns, **values)
        except TemplateSyntaxError as error:
            raise ConfigError(f"template {error.name}, line {error.lineno}: {error.message}") from None
        except TemplateError as error:
            raise ConfigError(
                f"template {name}: {error.message}", f"it is given: {', '.join(sorted(values))}"
            ) from None
        if outside.strip() or not turns:
            raise ConfigError(f"template {name}: text outside of a turn: {outside.strip()[:60]!r}")
        return tuple(turns)

    def digest(self, name: str) -> str:
        """A short hash of the template's source, for the record of a row."""
        source, _, _ = self._source(name)
        return hashlib.sha256(source.encode()).hexdigest()[:12]

    def names(self, *prefixes: str) -> list[str]:
        """The templates whose names begin with one of these."""
        found = self._jinja.list_templates(filter_func=lambda file: file.endswith(SUFFIX))
        return [name for file in found if (name := file.removesuffix(SUFFIX)).startswith(prefixes)]

    def _load_uncached(self, name: str) -> Template:
        self._source(name)
        return self._jinja.get_template(name + SUFFIX)

    def _source(self, name: str) -> tuple[str, Any, Any]:
        loader = self._jinja.loader
        assert loader is not None
        try:
            return loader.get_source(self._jinja, name + SUFFIX)  # type: ignore[return-value]
        except TemplateNotFound:
            known = [file.removesuffix(SUFFIX) for file in loader.list_templates() if file.endswith(SUFFIX)]
            raise ConfigError(f"no template {name!r}", suggest(name, known)) from None
