"""The architecture, held to its word: imports point up the list in docs/design.md, and nothing grows out of hand."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
FILE_LINES, FUNCTION_LINES = 300, 45
CONTRACTS = ("backends", "checks", "client", "exports", "methods", "records", "errors")
VAGUE = {"utils", "util", "common", "helpers", "misc"}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


MODULES = {_module(path): path for path in sorted(SOURCE.rglob("*.py"))}


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _statements(node: ast.AST, *, inside: bool) -> Iterator[ast.AST]:
    """All nodes below; functions are looked into only when ``inside``, what is for type checkers never."""
    for child in ast.iter_child_nodes(node):
        if _is_for_types(child) or (not inside and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)):
            continue
        yield child
        yield from _statements(child, inside=inside)


def _imports(module: str, *, inside: bool) -> set[str]:
    """The modules of ours that this one imports; ``inside``: also those that its functions import when called."""
    found = set()
    for node in _statements(ast.parse(MODULES[module].read_text(encoding="utf-8")), inside=inside):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {name if name in MODULES else str(node.module) for name in names}
    return {name for name in found if name in MODULES}


def _layers() -> dict[str, int]:
    """The line of the list in docs/design.md on which each module or package stands; the package itself is on top."""
    listed = re.search(r"^```layers\n(.*?)^```", (ROOT / "docs" / "design.md").read_text(encoding="utf-8"), re.M | re.S)
    assert listed, "docs/design.md has no list of layers"
    lines = listed[1].splitlines()
    return {"": -1} | {name: number for number, line in enumerate(lines) for name in line.split()}


def _part(module: str) -> str:
    """The part of the program that a module belongs to, as the list names it."""
    return module.removeprefix("rmboost").removeprefix(".").partition(".")[0]


def test_every_part_stands_in_the_list_once_and_nothing_else_does() -> None:
    parts = {_part(module) for module in MODULES} - {"__main__"}
    assert parts == set(_layers())


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"rmboost.__main__"}))
def test_imports_point_up_the_list(module: str) -> None:
    layers, part = _layers(), _part(module)
    down = {
        name
        for name in _imports(module, inside=True)
        if _part(name) != part and layers[_part(name)] >= layers[part]
    }
    assert not down, f"{module} stands above {', '.join(sorted(down))}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    TopologicalSorter({module: _imports(module, inside=False) for module in MODULES}).prepare()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_modules_are_small_and_say_what_they_are(module: str) -> None:
    text = MODULES[module].read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert not VAGUE & set(module.split("."))
    assert len(text.splitlines()) <= FILE_LINES
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, f"{node.name} is long"


@pytest.mark.parametrize("name", CONTRACTS)
def test_what_others_build_on_is_explained(name: str) -> None:
    path = MODULES[f"rmboost.{name}"]
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name}.{node.name} has no docstring"


def test_no_mock_library_and_nothing_left_to_do() -> None:
    for path in [*MODULES.values(), *(ROOT / "tests").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"unittest\.mock|import mock\b|\bMagic[M]ock", text), path
        assert not re.search(r"\bTO[D]O\b|\bFIX[M]E\b", text), path
        assert not re.search(r"except[^:\n]*:\s*pass\s*$(?!\s*else)", text, re.M), path
