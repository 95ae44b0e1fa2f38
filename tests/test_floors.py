"""Imports point down only, and neighbours on the floor of steps do not know each other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "spacecoop"
README = SOURCE.parent.parent / "README.md"


def floors() -> dict[str, int]:
    """The floors as the README draws them: a number, then the modules that live there."""
    rows = re.findall(r"^(\d)  ([a-z_ ]+?)(?:   .*)?$", README.read_text("utf-8"), re.MULTILINE)
    return {module: int(number) for number, modules in rows for module in modules.split()}


def imports(path: Path) -> set[str]:
    """The modules of ours that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "spacecoop":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("spacecoop."):
            found.add(node.module.split(".")[1])
    return found


def modules() -> dict[str, Path]:
    single = {path.stem: path for path in SOURCE.glob("*.py") if not path.stem.startswith("__")}
    return single | {f"commands.{path.stem}": path for path in (SOURCE / "commands").glob("[a-z]*.py")}


def test_every_module_has_a_floor_in_the_readme() -> None:
    drawn = floors()

    assert {name for name in modules() if "." not in name} == set(drawn) - {"commands"}


def test_imports_point_down_only() -> None:
    drawn = floors()
    wrong = [
        f"{name} imports {other}"
        for name, path in modules().items()
        for other in imports(path) & set(drawn)
        if drawn[other] >= drawn[name.split(".")[0]] and not (name.startswith("commands.") and other == "cli")
    ]

    assert len(drawn) > 10
    assert wrong == []


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
