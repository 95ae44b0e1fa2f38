from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from conftest import REPOSITORY, Run
from spacecoop import starter


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_all_that_a_workspace_needs_and_no_article(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    for folder in starter.SHIPPED:
        for path in (REPOSITORY / folder).rglob("*.*"):
            if not {*path.relative_to(REPOSITORY).parts} & {*starter.OURS}:
                assert f"spacecoop/workspace_files/{path.relative_to(REPOSITORY).as_posix()}" in names
    assert not [name for name in names if any(part in name for part in ("a001", "/out/", "/proposed/", "dropped.tsv"))]


def test_the_installed_wheel_makes_and_builds_a_workspace_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    isolated = f"import sys; sys.path.insert(0, {str(site)!r}); from spacecoop.cli import main; sys.exit(main())"

    def run(*words: str) -> str:
        command = [sys.executable, "-I", "-c", isolated, *words]
        settings = {name: value for name, value in os.environ.items() if not name.startswith("SPACECOOP_")}
        done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=True)
        return done.stdout

    assert run("init", "mine").startswith("made mine with ")
    assert run("-C", "mine", "validate") == "no findings\n"
    assert run("-C", "mine", "build").startswith("published 1 article in ")
    assert run("-C", "mine", "anchor", "--check") == (
        "2 anchors checked, 0 differ, 0 skipped (their text is not at hand)\n"
    )
    check_nothing_private_is_added(tmp_path / "mine")


def check_nothing_private_is_added(folder: Path) -> None:
    """Add all of a workspace to Git, and see that neither a text nor a cache is among it."""
    (folder / "texts" / "mine.txt").write_text("Somebody's words.")
    (folder / "articles" / ".a001.yaml.new").write_text("what a killed run left")
    git = ["git", "-C", str(folder)]
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    added = subprocess.run([*git, "ls-files"], check=True, capture_output=True, text=True).stdout.split()

    assert {".gitignore", "spacecoop.toml", "out/manifest.json"} < set(added)
    assert not [name for name in added if "texts/" in name or "cache" in name or name.endswith((".new", ".lock"))]


def test_git_takes_no_private_text_and_no_cache_of_a_workspace_made_from_the_checkout(tmp_path: Path, run: Run) -> None:
    assert run("init", "mine", cwd=tmp_path).returncode == 0
    assert run("-C", "mine", "build", cwd=tmp_path).returncode == 0

    check_nothing_private_is_added(tmp_path / "mine")


def test_init_writes_the_workflow_for_github_pages_where_it_is_asked_for(tmp_path: Path, run: Run) -> None:
    assert run("init", "without", cwd=tmp_path).returncode == 0
    assert run("init", "with", "--github-pages", cwd=tmp_path).returncode == 0
    files = {path.relative_to(tmp_path / "with").as_posix() for path in (tmp_path / "with").rglob("*")}
    text = (tmp_path / "with" / starter.WORKFLOWS).read_text("utf-8")
    steps = yaml.safe_load(text)["jobs"]["site"]["steps"]
    commands = [step["run"].split() for step in steps if "run" in step]

    assert not [path for path in (tmp_path / "without").rglob("*") if path.suffix == ".yml"]
    assert starter.WORKFLOW not in files
    assert [words[0] for words in commands] == ["pip", *["spacecoop"] * 3]
    for words in commands[1:]:
        assert (REPOSITORY / "src" / "spacecoop" / "commands" / f"{words[1]}.py").is_file()
    told = (REPOSITORY / "docs" / "hosting.md").read_text("utf-8")
    assert {step["uses"] for step in steps if "uses" in step} == set(re.findall(r"uses: (\S+)", told))


def test_a_workspace_without_rules_of_drafting_is_told_where_to_get_them(tmp_path: Path, run: Run) -> None:
    assert run("init", "mine", cwd=tmp_path).returncode == 0
    shutil.rmtree(tmp_path / "mine" / "drafting")
    (tmp_path / "mine" / "texts" / "mine.txt").write_text("Samplia and Examplia signed an agreement.")

    done = run("-C", "mine", "--lang", "fr", "draft", "texts/mine.txt", "--language", "en", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr.startswith("spacecoop draft: drafting/rules.toml n'est pas là ; créez un espace avec")


def test_init_refuses_a_folder_with_something_in_it(tmp_path: Path, run: Run) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()

    done = run("init", "full", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr == "spacecoop init: full is not empty; name a folder that is empty or not there\n"
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
