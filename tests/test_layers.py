"""The architecture, guarded: imports point one way, nothing grows too long, nothing is called utils."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rmboost"
FILES = sorted(SOURCE.rglob("*.py"))

LAYERS = [
    "__init__ errors records resources cache",
    "registry rowfile wholefile tally meter plan parsing intervals noise kinship together visible letters texts",
    "reservoir",
    "ask",
    "sets aspects templates journal checkpoint claim weights",
    "budget forecast halt",
    "backends",
    "pace lines retries client jobask",
    "listener signals",
    "judges",
    "checks methods exports sources preferences inspection verification gold labelled rowdiff rewards separability",
    "selection",
    "store config summary",
    "roles fingerprint",
    "recipe",
    "replan status",
    "rehearsal engine replay verify",
    "rounds",
    "run",
    "closing report compare api",
    "cli __main__",
]
LEVEL = {part: level for level, line in enumerate(LAYERS) for part in line.split()}


def part(module: str) -> str:
    """``rmboost.backends.openai`` is of the part ``backends``."""
    return [*module.split("."), "__init__"][1]


def module_of(file: Path) -> str:
    names = file.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imported(file: Path) -> Iterator[str]:
    """Modules of ours that a file imports when it is loaded; not for types alone, not inside functions."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "rmboost":
            if node.module == "rmboost":
                yield from (f"rmboost.{alias.name}" for alias in node.names if alias.name != "__version__")
            else:
                yield node.module


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_imports_point_one_way(file: Path) -> None:
    here = part(module_of(file))
    for module in imported(file):
        there = part(module)
        assert here == there or LEVEL[there] < LEVEL[here] or _same_level_in_order(here, there), f"{here} -> {there}"


def _same_level_in_order(here: str, there: str) -> bool:
    """Within a layer the later may know the earlier."""
    names = LAYERS[LEVEL[here]].split()
    return LEVEL[there] == LEVEL[here] and names.index(there) < names.index(here)


def test_every_module_has_a_layer_and_none_is_called_utils() -> None:
    parts = {part(module_of(file)) for file in FILES}
    assert parts <= LEVEL.keys(), "a new module needs a place in LAYERS and in docs/design.md"
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
            for node in ast.walk(function) if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) else ():
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith("rmboost."):
                    there = part(str(node.module))
                    assert here == there or LEVEL[there] <= LEVEL[here], f"{module_of(file)} -> {node.module}"


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
    assert order.index("rmboost.errors") < order.index("rmboost.client") < order.index("rmboost.run"), "edges were read"


@pytest.mark.parametrize("name", ["backends", "checks", "client", "judges", "errors", "exports", "methods", "records"])
def test_contracts_are_explained(name: str) -> None:
    (file,) = (file for file in FILES if module_of(file) == f"rmboost.{name}")
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if part(module_of(file)) in ("methods", "judges", "checks", "verification")],
    ids=module_of,
)
def test_methods_judges_and_checks_know_models_by_ask_alone(file: Path) -> None:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("rmboost"):
            if node.module == "rmboost.client":
                assert [alias.name for alias in node.names] == ["Ask"]
            assert part(str(node.module)) not in ("backends", "journal", "lines", "pace", "templates", "store")
