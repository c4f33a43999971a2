"""Write what can go stale from the code itself: the reference pages, and the folders in the README.

python docs/generate.py            # write
python docs/generate.py --check    # write nothing; exit code 1 and a list when something is stale
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic_core import PydanticUndefined

from rmboost import aspects, backends, checks, cli, judges, methods
from rmboost.ask import Ask
from rmboost.budget import Ceilings, Price
from rmboost.config import Config, RoleConfig
from rmboost.errors import ReplyError
from rmboost.judges.pairwise import Pairwise
from rmboost.judges.rubric import Rubric
from rmboost.labels.verification import Verification
from rmboost.records import Job, Message, Prompt, Response
from rmboost.registry import Component
from rmboost.report.catalogue import FIGURES
from rmboost.run.plan import Plan
from rmboost.sources import InputOptions

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "rmboost"
WIDTH = 80
METHODS: tuple[dict[str, Any], ...] = (
    {"name": "rmboost", "style": "plan"},
    {"name": "rmboost", "style": "direct"},
    {"name": "rmboost", "style": "direct", "contrast": True},
    {"name": "rlcd"},
    {"name": "rlaif"},
    {"name": "rlaif", "judge": {"reasoning": True}},
    {"name": "west-of-n"},
    {"name": "west-of-n", "scorer": {"reasoning": True}},
    {"name": "ultrafeedback", "principles": True},
    {"name": "self-rewarding"},
    {"name": "constitutional"},
    {"name": "self-taught"},
    {"name": "synpo", "generate_prompts": True},
)
"""With the options that make them ask with each of their templates."""

TABLES: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "tables.yaml").read_text(encoding="utf-8"))


def main() -> None:
    pages = {ROOT / "docs" / "reference" / f"{name}.md": page() for name, page in PAGES.items()}
    readme = ROOT / "README.md"
    if readme.is_file():
        pages[readme] = with_tree(readme.read_text(encoding="utf-8"))
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        print(f"{'stale' if '--check' in sys.argv else 'written'}: {path.relative_to(ROOT)}")
    if "--check" in sys.argv:
        sys.exit(f"{len(stale)} stale, python docs/generate.py writes them" if stale else 0)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(pages[path], encoding="utf-8")


def cli_page() -> str:
    """The help of every command."""
    parts = ["# Commands"]
    for context in _contexts(cli.cli, "rmboost", None):
        parts += [f"## {context.command_path}", _fenced(context.get_help())]
    return _page(*parts, "## Exit codes", _table(("code", "meaning"), exit_codes().items()))


def exit_codes() -> dict[str, str]:
    """The exit codes, from where they are decided."""
    text = " ".join((cli.__doc__ or "").partition("Exit codes:")[2].split()).rstrip(".")
    return dict(part.split(" ", 1) for part in re.split(r", (?=\d+ )", text))


def settings_page() -> str:
    """Every setting with its kind, default and meaning."""
    return _page(
        "# Settings",
        TABLES["prose"]["settings"],
        "## A run",
        _fields(Config),
        "## A role: `responder`, `rewriter`, `drafter`, `judge`",
        _text(RoleConfig),
        _fields(RoleConfig),
        "## `ceilings`",
        _text(Ceilings),
        _fields(Ceilings),
        "## A price",
        _text(Price),
        _fields(Price),
        "## `input`",
        _text(InputOptions),
        _fields(InputOptions),
        "## `verify`",
        _text(Verification),
        _fields(Verification),
        *_catalogue("`verify.judge`", judges.CATALOGUE, "`verify: {judge: {name: pairwise, votes: 5}}`"),
        *_catalogue("Scorers", judges.SCORERS, TABLES["prose"]["scorers"]),
        *_catalogue("`method`", methods.CATALOGUE, "`method: {name: rmboost, style: plan}`"),
        *_catalogue("`checks`", checks.CATALOGUE, "`checks: [form, {name: similarity, max_similarity: 0.9}]`"),
        *_catalogue("Backends", backends.CATALOGUE, TABLES["prose"]["backends"]),
    )


def output_page() -> str:
    """Rows, files and exit codes."""
    return _page(
        "# Output",
        "## A pair",
        "One JSON object a line, in the order of the input.",
        _named("pair", "column"),
        TABLES["prose"]["shapes"],
        "### The column `rmboost`",
        _named("provenance", "key"),
        "### The column `judge`",
        TABLES["prose"]["judge"],
        _named("judge", "key"),
        "## A reject",
        "In `rejects.jsonl` of the run folder, in the order of the input.",
        _named("reject", "column"),
        "## The run folder",
        "`pairs.jsonl` has `pairs.run/` beside it.",
        _named("folder", "file"),
        "`--fresh` moves folder and pairs to `pairs.run.<time>/`.",
        "## The summary",
        "`--summary FILE` writes what the closing table says.",
        _named("summary", "key"),
        "## The status",
        "`rmboost status FILE --json`; of a folder, a list of its runs.",
        _named("status", "key"),
        "## The figures of a report",
        "`figures` in `rmboost report --json`, each with its interval where there is one, and what `--fail-on` takes.",
        _table(("figure", "what it is"), ((f"`{name}`", text) for name, text in FIGURES.items())),
        "## Exit codes",
        _table(("code", "meaning"), exit_codes().items()),
    )


def aspects_page() -> str:
    """The shipped aspect sets."""
    parts = ["# Aspect sets", "Chosen with `--aspects NAME`; a YAML file of your own with `--aspects my-set.yaml`."]
    for file in sorted((ROOT / "configs" / "aspects").glob("*.yaml")):
        found = aspects.load(file.stem)
        rows = ((each.name, each.definition, each.better, each.worse) for each in found.aspects)
        source = f"Source: {found.source.rstrip('.')}." if found.source else ""
        parts += [f"## {file.stem}", f"{found.description} {source}".strip()]
        parts += [_table(("aspect", "definition", "to make it better", "to make it worse"), rows)]
    return _page(*parts)


def code_page() -> str:
    """Every file of the source."""
    return _page(
        "# Every file in a line",
        "What may import what: [design.md, section 7](../design.md).",
        _fenced(_aligned([_named_file(*found) for found in _walk(PACKAGE, 0)])),
    )


def templates_page() -> str:
    """Which template is rendered for which role, and what it is given."""
    rows = [
        (f"{name}.md.j2", ", ".join(sorted(roles)), ", ".join(f"`{each}`" for each in sorted(given)))
        for name, (roles, given) in sorted(asyncio.run(_rendered()).items())
    ]
    return _page(
        "# Templates",
        TABLES["prose"]["templates"],
        _table(("template", "asked of", "is given"), rows),
        "## Variables",
        _named("variables", "variable"),
        TABLES["prose"]["tags"],
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "cli": cli_page,
    "settings": settings_page,
    "output": output_page,
    "aspects": aspects_page,
    "templates": templates_page,
    "code": code_page,
}


def with_tree(text: str) -> str:
    """The README with a fresh tree between its markers; as it was when it has none."""
    start, end = "<!-- tree -->\n", "<!-- /tree -->"
    if start not in text or end not in text:
        return text
    before, _, rest = text.partition(start)
    return f"{before}{start}{_fenced(tree())}\n{end}{rest.partition(end)[2]}"


def tree() -> str:
    """A line for each folder at the top, and for each package of the source."""
    lines = [(f"{name}/", line) for name, line in TABLES["top"].items() if (ROOT / name).is_dir()]
    lines.append(("src/rmboost/", first_sentence(PACKAGE / "__init__.py")))
    packages = (found for found in _walk(PACKAGE, 1) if found[1].is_dir() and found[1].parent == PACKAGE)
    return _aligned([*lines, *(_named_file(*found) for found in packages)])


def first_sentence(path: Path) -> str:
    """The first sentence of a module's docstring."""
    paragraph = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n\n")[0]
    sentence = re.split(r"(?<=[.!?])\s", " ".join(paragraph.split()))[0]
    return sentence.rstrip(".").replace("``", "")


def _walk(folder: Path, depth: int) -> Iterator[tuple[int, Path]]:
    """The files of a package with what they do, folders after files."""
    paths = (path for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file())
    for path in sorted(paths, key=lambda path: (path.is_dir(), path.name)):
        if path.name != "__init__.py":
            yield depth, path
        if path.is_dir():
            yield from _walk(path, depth + 1)


def _named_file(depth: int, path: Path) -> tuple[str, str]:
    """A file or package, indented, and what it is for."""
    name, source = (f"{path.name}/", path / "__init__.py") if path.is_dir() else (path.name, path)
    return f"{'  ' * depth}{name}", first_sentence(source)


def _aligned(lines: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {line}" for name, line in lines)


def _contexts(command: click.Command, name: str, parent: click.Context | None) -> Iterator[click.Context]:
    """A command's context, then those of its commands."""
    context = command.make_context(name, [], parent, resilient_parsing=True, terminal_width=WIDTH)
    yield context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            if found := command.get_command(context, inner):
                yield from _contexts(found, inner, context)


def _catalogue(title: str, catalogue: Mapping[str, str], use: str) -> Iterator[str]:
    """A section a component: what it is, and its options."""
    yield f"## {title}"
    yield use
    for name, place in catalogue.items():
        module, _, attribute = place.partition(":")
        component: type[Component] = getattr(import_module(module), attribute)
        yield f"### `{name}`"
        yield _text(component)
        if component.model_fields:
            yield _fields(component)


def _fields(model: type[Component]) -> str:
    """The fields of a model as a table; without the column of meanings where its docstring tells them."""
    owners = [owner for owner in reversed(model.__mro__) if issubclass(owner, Component) and owner is not Component]
    declared = {name: (kind, meaning) for owner in owners for name, kind, meaning in _declared(owner)}
    rows = [(f"`{name}`", _kind(kind), _default(model, name), meaning) for name, (kind, meaning) in declared.items()]
    if not any(meaning for *_, meaning in rows):
        return _table(("option", "kind", "default"), (row[:3] for row in rows))
    return _table(("setting", "kind", "default", "meaning"), rows)


def _declared(model: type[Component]) -> Iterator[tuple[str, str, str]]:
    """Name, annotation and docstring of each field, as they stand in the source."""
    (defined,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(defined, ast.ClassDef)
    for node, after in zip(defined.body, [*defined.body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.AnnAssign):
            told = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
            yield ast.unparse(node.target), ast.unparse(node.annotation), told.replace("``", "`")


def _kind(annotation: str) -> str:
    """An annotation in words."""

    def choices(literal: re.Match[str]) -> str:
        return " | ".join(f"`{choice}`" for choice in ast.literal_eval(f"[{literal[1]}]"))

    parts = re.sub(r"Literal\[([^]]*)\]", choices, annotation).split(" | ")
    return " or ".join(TABLES["kinds"].get(part, part) for part in parts)


def _default(model: type[Component], name: str) -> str:
    value = model.model_fields[name].get_default(call_default_factory=True, validated_data={})  # pydantic 2.10 wants it
    if value is PydanticUndefined:
        return "*required*"
    if value is None or isinstance(value, Component):
        return ""
    if name == "checks":
        value = [each["name"] for each in value]
    return f"`{yaml.safe_dump(value, default_flow_style=True).partition(chr(10))[0]}`"


async def _rendered() -> dict[str, tuple[set[str], set[str]]]:
    """For each template, the roles that it is sent to and the names of what it is given."""
    seen: dict[str, tuple[set[str], set[str]]] = {}
    number = count()  # equal responses would be drawn again, and not scored
    told: Message = {"role": "user", "content": "Why?"}

    async def ask(
        role: str, template: str, /, *, logprobs: int = 0, again: Response | None = None, **values: Any
    ) -> Response:
        del logprobs, again
        roles, given = seen.setdefault(template, (set(), set()))
        roles.add(role)
        given.update(values)
        tags = {"aspects": "helpfulness", "instruction": "Why so?", "response": f"Because of {next(number)}."}
        return Response("".join(f"<{tag}>{text}</{tag}>" for tag, text in tags.items()), "fake")

    for options in METHODS:
        method = methods.method(options)
        cells = Plan(method.cells(), 0)
        for index in range(len(method.cells()) or 1):
            with suppress(ReplyError):  # one reply is no answer to all questions; templates count
                await method.make_pair(Job(Prompt("id", (told,), True), index, spec=cells.spec(index)), ask)
    await _render_judges(ask)
    return seen


async def _render_judges(ask: Ask) -> None:
    """Each template of the judges and scorers."""
    prompt = Prompt("id", ({"role": "user", "content": "Why?"},), True)
    for reasoning in (False, True):
        await Pairwise(reasoning=reasoning, tries=1).compare(prompt, "x", "y", ask)
        await Rubric(reasoning=reasoning, tries=1).score(prompt, "x", ask)


def _text(component: type) -> str:
    """A docstring as Markdown."""
    return inspect.cleandoc(component.__doc__ or "").replace("``", "`")


def _named(table: str, first: str) -> str:
    """A table of ``tables.yaml``: names and what they hold."""
    return _table((first, "is" if first == "variable" else "holds"), TABLES[table].items())


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _fenced(text: str) -> str:
    return f"```\n{text.rstrip()}\n```"


def _page(*parts: str) -> str:
    note = "<!-- Written by docs/generate.py from the code: change it there. -->"
    return "\n\n".join([note, *(part for part in parts if part)]) + "\n"


if __name__ == "__main__":
    main()
