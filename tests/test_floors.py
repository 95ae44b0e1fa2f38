"""Imports point down only, neighbours do not know each other, and the README draws the house as it is."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import Counter
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "spacecoop"
README = SOURCE.parent.parent / "README.md"
ARCHITECTURE = SOURCE.parent.parent / "docs" / "architecture.md"
DOOR = {"commands", "cli"}


def floors() -> dict[str, int]:
    """The floors as the README draws them: a number, then the modules and rooms that are there."""
    rows = re.findall(r"^(\d)  ([a-z_/ ]+?)(?:   .*)?$", README.read_text("utf-8"), re.MULTILINE)
    return {name.rstrip("/"): int(number) for number, names in rows for name in names.split()}


def modules() -> dict[str, Path]:
    """Each module by its dotted name within the program."""
    paths = (path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if not path.stem.startswith("__"))
    return {".".join(path.with_suffix("").parts): SOURCE / path for path in paths}


def imports(path: Path) -> set[str]:
    """The modules of ours that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith("spacecoop."):
            start = node.module.removeprefix("spacecoop").removeprefix(".")
            found |= {f"{start}.{alias.name}".removeprefix(".") for alias in node.names} | {start}
    return found & set(modules())


def test_the_readme_draws_every_module_and_room_and_no_other() -> None:
    assert {name.partition(".")[0] for name in modules()} == set(floors())


def test_the_table_of_modules_names_what_there_is() -> None:
    table = ARCHITECTURE.read_text("utf-8").partition("| module | one sentence |")[2].partition("\n\n")[0]
    named = re.findall(r"`([a-z/]+)`", "".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    there = {name.rpartition(".")[2] for name in modules()} | {f"{name.partition('.')[0]}/" for name in modules()}

    assert len(named) > 30
    assert set(named) - there == set()


def test_imports_point_down_only_and_rooms_do_not_know_each_other() -> None:
    drawn = floors()
    wrong = [
        f"{name} imports {other}"
        for name, path in modules().items()
        for other in imports(path)
        if (here := name.partition(".")[0]) != (there := other.partition(".")[0])
        if drawn[there] >= drawn[here] and not {here, there} <= DOOR
    ]

    assert len(drawn) > 10
    assert wrong == []


def test_no_imports_go_round_in_a_room() -> None:
    graph = {name: imports(path) - {"cli"} for name, path in modules().items()}

    assert list(TopologicalSorter(graph).static_order())  # raises CycleError for a circle


def test_no_module_names_a_term_of_the_vocabulary() -> None:
    ontology = (SOURCE.parent.parent / "ontology" / "spacecoop.ttl").read_text("utf-8")
    terms = set(re.findall(r"^spc:(\w+) a owl:", ontology, re.MULTILINE))
    found = [
        f"{path.name}: {text}"
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(text := node.value, str)
        if "w3id.org/spacecoop" in text or any(f"spc:{term}" in text for term in terms)
    ]

    assert len(terms) > 30
    assert found == []


def test_what_a_module_imports_is_asked_for_in_running_it() -> None:
    project = tomllib.loads((SOURCE.parent.parent / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [name for extra, names in project["optional-dependencies"].items() if extra != "dev" for name in names]
    asked = {re.split(r"[<>=\[]", name)[0].lower() for name in (*project["dependencies"], *extras)}
    providers = packages_distributions()
    missing = [
        f"{module} imports {name}"
        for module, path in modules().items()
        for name in foreign(path)
        if asked.isdisjoint(one.lower().replace("_", "-") for one in providers.get(name, [name]))
    ]

    assert missing == []


def foreign(path: Path) -> set[str]:
    """The packages that a module imports and that are neither Python's nor ours, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"spacecoop", "__future__"}


def test_what_many_modules_speak_of_is_defined_once() -> None:
    defined = Counter(
        name
        for path in modules().values()
        for node in ast.parse(path.read_text("utf-8")).body
        for name in ([node.name] if isinstance(node, ast.ClassDef) else _given(node))
    )

    assert [defined[name] for name in ("Term", "Progress", "Credentials", "Result", "ValidationResult")] == [1] * 5


def _given(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]
