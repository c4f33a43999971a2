"""Prompt templates: Jinja2 files that say, turn by turn, what a model is sent.

    {% turn "system" %}You improve answers.{% endturn %}
    {% turn "user" %}{{ prompt.text }}{% endturn %}

Variables are strict, rendering is sandboxed, and values are data: a ``{{`` inside a prompt or a response stays text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from secrets import token_hex
from typing import Any, cast

from jinja2 import (
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    meta,
    nodes,
)
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from rmboost import resources
from rmboost.errors import ConfigError
from rmboost.records import Message, canonical_json
from rmboost.registry import suggest

SUFFIX = ".md.j2"
_ROLES = ("system", "user", "assistant")
_MARK = f"\0{token_hex(8)}\0"
"""Stands around role and content of a turn while it is rendered; nobody can have put it into a value."""


_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")


class TurnExtension(Extension):
    """``{% turn role %} … {% endturn %}``: what stands inside becomes one message of that role.

    A turn is rendered as ``mark role mark content mark`` in the text around it: to call something for each took a
    seventh to a quarter of the time of a rendering.
    """

    tags = {"turn"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: Parser) -> list[nodes.Node]:
        line = next(parser.stream).lineno
        role = parser.parse_expression()
        body = parser.parse_statements(("name:endturn",), drop_needle=True)
        if any(found.data == _MARK for node in body for found in node.find_all(nodes.TemplateData)):
            parser.fail("a turn within a turn", line)
        _lstrip(body)
        mark = nodes.TemplateData(_MARK)
        return [nodes.Output([mark, role, mark], lineno=line), *body, nodes.Output([mark], lineno=line)]


_SILENT = (nodes.Assign, nodes.AssignBlock, nodes.Import, nodes.FromImport, nodes.Macro)
"""Statements that write nothing where they stand."""


def _lstrip(body: list[nodes.Node]) -> None:
    """Take away the space that the template itself begins a turn with; that of a value, such as code, is its own."""
    for node in body:
        if isinstance(node, nodes.If):
            for branch in (node.body, *(each.body for each in node.elif_), node.else_):
                _lstrip(branch)
        if isinstance(node, nodes.Output):
            for each in node.nodes:
                if not isinstance(each, nodes.TemplateData):
                    return
                each.data = each.data.lstrip()
                if each.data:
                    return
        elif not isinstance(node, _SILENT):
            return


def _messages(turns: Iterable[tuple[str, str]]) -> Iterator[Message]:
    for role, content in turns:
        if role not in _ROLES:
            raise TemplateError(f"turn {role!r} is not one of {', '.join(_ROLES)}")
        yield cast(Message, {"role": role, "content": _BLANK_LINES.sub("", content.rstrip())})


class Templates:
    """The templates of a run: the user's folder first, if one is named, then the shipped ``prompts/``.

    Raises ConfigError when the folder that is named is none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder and not folder.is_dir():
            raise ConfigError(f"prompts: there is no folder {folder}", "name the folder that your templates are in")
        self._own = folder
        self._folders = [*([folder] if folder else []), resources.folder("prompts")]
        self._jinja = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(self._folders),
            undefined=StrictUndefined,
            extensions=[TurnExtension],
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            auto_reload=False,  # a run has one set of templates from beginning to end
        )
        self._load = lru_cache(maxsize=None)(self._load_uncached)
        self._digest = lru_cache(maxsize=None)(self._digest_uncached)

    def render(self, name: str, **values: Any) -> tuple[Message, ...]:
        """The messages of a template. Raises ConfigError for a missing template or variable, or a mistake in one."""
        with _explained(name, values):
            parts = self._load(name).render(**values).split(_MARK)
            turns = tuple(_messages(zip(parts[1::3], parts[2::3], strict=False)))
        if outside := "".join(parts[::3]).strip():
            raise ConfigError(f"template {name}: text outside of a turn: {outside[:60]!r}")
        if not turns:
            raise ConfigError(f"template {name} has no turn", '{% turn "user" %}…{% endturn %}')
        return turns

    def digest(self, name: str) -> str:
        """A short hash of the template's source and of all that it includes, for the record of a row."""
        return self._digest(name)

    def names(self, *prefixes: str) -> list[str]:
        """The templates whose names begin with one of these."""
        found = self._jinja.list_templates(filter_func=lambda file: file.endswith(SUFFIX))
        return [name for file in found if (name := file.removesuffix(SUFFIX)).startswith(prefixes)]

    def strays(self, folders: Collection[str] = ()) -> dict[Path, str]:
        """The user's templates that stand for no shipped one and are included by none, each with what may be meant.

        folders: those that the settings name, where the user's own templates have a place.
        """
        own, shipped = (set(_templates_in(folder)) if folder else set() for folder in (self._own, self._folders[-1]))
        homes = {name.rpartition("/")[0] for name in shipped}
        placed = {name for name in own if (home := name.rpartition("/")[0]) in folders and home not in homes}
        used = {file for name in own & shipped | placed for file in self.sources(name)}
        strays = sorted(name for name in own - shipped - placed if name + SUFFIX not in used)
        return {self._folders[0] / f"{name}{SUFFIX}": suggest(name, shipped) for name in strays}

    def sources(self, name: str) -> dict[str, str]:
        """The source of a template and of all that it includes, by file."""
        sources: dict[str, str] = {}
        waiting = [name + SUFFIX]
        with _explained(name):
            while waiting:
                if (file := waiting.pop()) not in sources:
                    sources[file] = self._source(file)
                    included = meta.find_referenced_templates(self._jinja.parse(sources[file], file))
                    waiting += [name for name in included if name]
        return sources

    def _load_uncached(self, name: str) -> Template:
        self._source(name + SUFFIX)
        template = self._jinja.get_template(name + SUFFIX)
        template.globals = dict(template.globals)  # is copied with each rendering: a ChainMap takes long
        return template

    def _digest_uncached(self, name: str) -> str:
        return hashlib.sha256(canonical_json(self.sources(name))).hexdigest()[:12]

    def _source(self, file: str) -> str:
        loader = self._jinja.loader
        assert loader is not None
        try:
            return loader.get_source(self._jinja, file)[0]
        except TemplateNotFound:
            name, known = file.removesuffix(SUFFIX), self.names("")
            raise ConfigError(f"no template {name!r}", suggest(name, known)) from None


def _templates_in(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix().removesuffix(SUFFIX) for path in folder.rglob(f"*{SUFFIX}")]


@contextmanager
def _explained(name: str, given: Collection[str] = ()) -> Iterator[None]:
    """A mistake in a template is a ConfigError that names the template, and what it is ``given``."""
    hint = f"it is given: {', '.join(sorted(given))}" if given else ""
    try:
        yield
    except TemplateSyntaxError as error:
        raise ConfigError(f"template {error.name or name}, line {error.lineno}: {error.message}") from None
    except TemplateNotFound as error:
        raise ConfigError(f"template {name}: there is no {error.name}") from None
    except RecursionError:
        raise ConfigError(f"template {name}: it includes or calls itself without end") from None
    except (TemplateError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        raise ConfigError(f"template {name}: {error}", hint) from None
