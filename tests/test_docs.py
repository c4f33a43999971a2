"""The documents are true: what is generated is fresh, links lead somewhere, commands parse, tables are complete."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from conftest import Shell, read_jsonl
from rmboost import config, methods, registry
from rmboost.cli import cli
from rmboost.config import Config
from rmboost.methods import Method

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ABSOLUTE = re.compile(r"(?:(?<=\s)|(?<=\s`)|(?<=[(\"'=])|(?<=\(`))/(?!path/to|dev/|v1\b|tree -->)[A-Za-z]\w+")
"""A path that begins at the root: where something lies on one machine is nobody else's business."""
PROGRAM = re.compile(r"jq -c '[^']*'")
SEPARATORS = {"|", "||", "&&", ";", "&", "<", ">"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands() -> Iterator[tuple[str, tuple[str, ...]]]:
    """The arguments of each ``rmboost …`` in the ``sh`` blocks."""
    for page in PAGES:
        for kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
            if kind == "sh":
                body = PROGRAM.sub("jq", body)  # as long as it may be, it runs no rmboost
                lines = body.replace("\\\n", " ").splitlines()
                yield from ((named(page), arguments) for line in lines for arguments in _calls(line))


def _calls(line: str) -> Iterator[tuple[str, ...]]:
    """The arguments of ``rmboost`` wherever a shell line runs it."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    part: list[str] = []
    for word in [*lexer, ";"]:
        if word not in SEPARATORS:
            part.append(word)
            continue
        place = next((place for place, word in enumerate(part) if Path(word).name == "rmboost"), None)
        if place is not None:
            yield tuple(part[place + 1 :])
        part = []


def test_what_is_generated_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_to_files_of_the_project(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if not re.match(r"[a-z]+:|#", target):
            place = (page.parent / target.partition("#")[0]).resolve()
            assert place.is_relative_to(ROOT), f"{target} lies outside"
            assert place.exists(), f"there is no {target}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_has_a_gap_that_was_to_be_filled(page: Path) -> None:
    assert not re.findall(r"@@|@\w+@|\bTODO\b|\bFIXME\b|\bTBD\b", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_names_a_place_outside_the_project(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not ABSOLUTE.findall(text)
    assert "../" not in LINK.sub("", text)


def test_commands_are_found_in_the_pages() -> None:
    assert list(_calls("cat a | X=1 bin/rmboost generate - -o - | jq . # rmboost no")) == [("generate", "-", "-o", "-")]
    assert len(list(commands())) > 10


@pytest.mark.parametrize(("page", "arguments"), sorted(set(commands())))
def test_commands_in_the_pages_parse(page: str, arguments: tuple[str, ...]) -> None:
    command: click.Command = cli
    context, rest = click.Context(cli, info_name=page), list(arguments)
    while isinstance(command, click.Group):
        name, *rest = rest
        found = command.get_command(context, name)
        assert found, f"there is no command {name}"
        command = found
    parsed = command.make_context(command.name, rest, context)
    if sets := parsed.params.get("sets"):
        config.load(sets=[each.replace("…", "1") for each in sets])


def test_tables_name_the_columns_of_a_real_run(rmboost: Shell, prompts: Path, tmp_path: Path) -> None:
    tables = runpy.run_path(str(ROOT / "docs" / "generate.py"))["TABLES"]
    strict = ("--set", "checks=[{name: similarity, max_similarity: 0.3}]", "--set", "draws=1")
    command = ("generate", prompts, "-o", tmp_path / "o.jsonl", "--model", "fake", *strict)
    done = rmboost(*command, "--summary", tmp_path / "summary.json")
    assert done.code == 0, done.err
    pairs, rejects = read_jsonl(tmp_path / "o.jsonl"), read_jsonl(tmp_path / "o.run" / "rejects.jsonl")
    assert list(pairs[0]) == list(tables["pair"])
    assert list(pairs[0]["rmboost"]) == list(tables["provenance"])
    assert list(rejects[0]) == list(tables["reject"])
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary) == list(tables["summary"])
    assert all(f"`{name}`" in tables["summary"]["tally"] for name in summary["tally"])
    assert list(json.loads(rmboost("status", tmp_path / "o.jsonl", "--json").out)) == list(tables["status"])
    made = {file.name for file in (tmp_path / "o.run").iterdir() if "sqlite-" not in file.name}
    assert made <= set(tables["folder"])


def test_the_written_out_settings_are_the_defaults() -> None:
    file = ROOT / "configs" / "rmboost.yaml"
    written = config.load(file)
    assert set(yaml.safe_load(file.read_text(encoding="utf-8"))) == set(Config.model_fields)
    methods_of = (registry.build("method", methods.CATALOGUE, Method, each.method) for each in (written, Config()))
    assert len(set(methods_of)) == 1
    assert written.model_copy(update={"method": Config().method}) == Config()
