"""The pages are true: their commands are run, their Python is run, their files exist."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import REPOSITORY
from spacecoop import publish, workspace

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def sessions(page: Path) -> list[tuple[str, list[str]]]:
    """Each command of a page's console blocks, with the lines that are shown of its output."""
    found: list[tuple[str, list[str]]] = []
    for block in blocks(page, "console"):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def matches(shown: list[str], output: str) -> bool:
    """Tell whether an output is as it is shown; `...` stands for any text, and as a line for any lines."""
    pattern = "".join(
        r"(.*\n)*" if line == "..." else re.escape(line).replace(re.escape("..."), ".*") + r" *\n" for line in shown
    )
    return re.fullmatch(pattern, output) is not None


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout with an environment in it, as a reader of the README has after `make build`."""
    folder = tmp_path_factory.mktemp("checkout") / "spacecoop"
    ignored = shutil.ignore_patterns(".git", ".venv", ".*_cache", "golden", "__pycache__")
    shutil.copytree(REPOSITORY, folder, ignore=ignored)
    (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_does_what_the_page_shows(page: Path, checkout: Path) -> None:
    for command, shown in sessions(page):
        words = command.replace("make build", ".venv/bin/spacecoop build")  # make itself is tried by CI
        environment = {**os.environ, "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}", "COLUMNS": "120"}
        done = subprocess.run(
            words, shell=True, cwd=checkout, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert matches(shown, done.stdout), f"{command} printed\n{done.stdout}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_of_a_page_runs(page: Path, checkout: Path) -> None:
    for block in blocks(page, "python"):
        subprocess.run([sys.executable, "-c", block], cwd=checkout, check=True, capture_output=True)


def test_the_pieces_of_the_vocabularys_page_make_one_good_fact_file(small: Path) -> None:
    pieces = blocks(REPOSITORY / "docs" / "vocabulary.md", "yaml")
    (small / "articles" / "example.yaml").unlink()
    (small / "entities" / "example.yaml").write_text(pieces[0], "utf-8")
    article = "".join(piece for piece in pieces[1:] if re.match(r"url:|claims:|matters:", piece))
    (small / "articles" / "x001.yaml").write_text(article, "utf-8")

    assert publish.validate(workspace.read(small)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_has_commands_to_run() -> None:
    assert len(sessions(REPOSITORY / "README.md")) >= 5
