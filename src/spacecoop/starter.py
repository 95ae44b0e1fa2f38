"""The files of a new workspace: those that ship with the program, and a small example."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

SHIPPED = ("drafting", "ontology", "queries", "shapes")
OURS = ("__pycache__", ".*", "proposed", "dropped.tsv")
"""What a folder that ships may hold of the work in it, and a new workspace has no use for."""
RENAMED = {"gitignore": ".gitignore"}
"""Names that the files of the starter get in a workspace: a package does not carry names with a dot reliably."""
WORKFLOW, WORKFLOWS = "github-pages.yml", ".github/workflows/pages.yml"
"""What puts the site on GitHub Pages; and where GitHub looks for it."""


def sources() -> Iterator[Path]:
    """Yield the folders whose contents make up a new workspace."""
    package = Path(str(resources.files("spacecoop")))
    yield package / "starter"
    installed = package / "workspace_files"
    # in a checkout they stand beside src/, and only the wheel has copies of them
    home = installed if installed.is_dir() else package.parent.parent
    for name in SHIPPED:
        yield home / name


def create(folder: Path, github_pages: bool = False) -> list[Path]:
    """Write a new workspace into a folder that is empty or not there; return its files.

    With *github_pages* it has the workflow that publishes its site. Raises FileExistsError where something is in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is not empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        for source in sources():
            target = beside if source.name == "starter" else beside / source.name
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*OURS))
        for shipped, name in RENAMED.items():
            (beside / shipped).rename(beside / name)
        if github_pages:
            (beside / WORKFLOWS).parent.mkdir(parents=True)
            (beside / WORKFLOW).rename(beside / WORKFLOWS)
        else:
            (beside / WORKFLOW).unlink()
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())
