"""The architecture, guarded: imports point one way, nothing grows too long, nothing is called utils."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rmboost"
FILES = sorted(SOURCE.rglob("*.py"))

DESIGN = (SOURCE.parents[1] / "docs" / "design.md").read_text(encoding="utf-8")
LAYERS = [
    line.partition("#")[0].replace("/", "").split()
    for line in DESIGN.partition("## 7. ")[2].split("```")[1].strip().splitlines()
]
LEVEL = {part: level for level, line in enumerate(LAYERS) for part in line}


def part(module: str) -> str:
    """``rmboost.backends.openai`` is of the part ``backends``."""
    return [*module.split("."), "__init__"][1]


def module_of(file: Path) -> str:
    names = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Modules of ours that these statements import."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "rmboost":
            if node.module == "rmboost":
                yield from (f"rmboost.{alias.name}" for alias in node.names if alias.name != "__version__")
            else:
                yield node.module


def imported_when_loaded(file: Path) -> Iterator[str]:
    """Not for types alone, not inside functions."""
    return imported(ast.parse(file.read_text(encoding="utf-8")).body)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_one_way(file: Path) -> None:
    here = part(module_of(file))
    for module in imported_when_loaded(file):
        there = part(module)
        assert here == there or LEVEL[there] < LEVEL[here] or _same_level_in_order(here, there), f"{here} -> {there}"


def _same_level_in_order(here: str, there: str) -> bool:
    """Within a layer the later may know the earlier."""
    names = LAYERS[LEVEL[here]]
    return LEVEL[there] == LEVEL[here] and names.index(there) < names.index(here)


def test_every_module_has_a_layer_and_none_is_called_utils() -> None:
    parts = {part(module_of(file)) for file in FILES}
    assert parts == LEVEL.keys(), "the list in docs/design.md has a place for each module, and for no other"
    assert not {file.stem for file in FILES} & {"utils", "util", "common", "helpers", "misc", "types"}


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_files_and_functions_fit_and_public_ones_say_what_they_are(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert text.count("\n") <= 300
    assert ast.get_docstring(tree), "a module says what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 45, node.name
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_imports_inside_functions_point_the_same_way() -> None:
    for file in FILES:
        here = part(module_of(file))
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                for module in imported(ast.walk(function)):
                    assert LEVEL[part(module)] <= LEVEL[here], f"{module_of(file)} -> {module}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    modules = {module_of(file) for file in FILES}
    graph: dict[str, set[str]] = {module: set() for module in modules}
    for file in FILES:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[module_of(file)] |= (names & modules) or ({str(node.module)} & modules)
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert set(order) >= modules
    first, later, last = (order.index(f"rmboost.{name}") for name in ("errors", "client.client", "run.run"))
    assert first < later < last, "edges were read"


CONTRACTS = ("backends", "checks", "client.client", "judges", "errors", "exports", "methods", "records")


@pytest.mark.parametrize("name", CONTRACTS)
def test_contracts_are_explained(name: str) -> None:
    (file,) = (file for file in FILES if module_of(file) == f"rmboost.{name}")
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if part(module_of(file)) in ("methods", "judges", "checks", "labels")],
    ids=module_of,
)
def test_methods_judges_and_checks_know_models_by_ask_alone(file: Path) -> None:
    behind_ask = ("backends", "client", "journal", "pace", "run", "templates")
    assert not [module for module in imported_when_loaded(file) if part(module) in behind_ask]
