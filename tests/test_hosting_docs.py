"""docs/hosting.md: its files can be read, and they name what is there."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

from conftest import REPOSITORY
from spacecoop import publish, workspace

TEXT = (REPOSITORY / "docs" / "hosting.md").read_text("utf-8")


def block(language: str, start: str) -> str:
    found = [one for one in re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL) if one.startswith(start)]
    assert len(found) == 1
    return str(found[0])


def test_the_workflow_for_github_builds_and_deploys_with_commands_that_there_are() -> None:
    workflow: dict[Any, Any] = yaml.safe_load(block("yaml", "name: Site"))
    steps = workflow["jobs"]["site"]["steps"]
    commands = [step["run"] for step in steps if "run" in step]

    assert workflow[True]["push"] == {"branches": ["main"]}  # YAML 1.1 takes the key `on` for true, and GitHub does not
    assert workflow["permissions"] == {"contents": "read", "pages": "write", "id-token": "write"}
    assert [step["uses"].partition("@")[0] for step in steps if "uses" in step] == [
        "actions/checkout",
        "actions/setup-python",
        "actions/upload-pages-artifact",
        "actions/deploy-pages",
    ]
    assert commands[0] == "make build"
    for command in commands[1:]:
        name = command.removeprefix(".venv/bin/spacecoop ").split()[0]
        assert (REPOSITORY / "src" / "spacecoop" / "commands" / f"{name}.py").is_file()


def test_the_workflow_for_gitlab_publishes_a_folder_called_public() -> None:
    job = yaml.safe_load(block("yaml", "pages:"))["pages"]

    assert job["script"][-1] == "cp -r out public"
    assert job["artifacts"]["paths"] == ["public"]


def test_the_files_that_the_recipes_name_are_written_by_every_build(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    settings = tomllib.loads(block("toml", "[build]"))["build"]

    assert settings["publish"] == "out"
    for name in set(re.findall(r"out/(hosting/[\w.]+|\.htaccess)", TEXT)) - {"hosting/w3id.htaccess"}:
        assert (birds / "out" / name).is_file(), name
    assert (birds / "out" / "_headers").is_file()


def test_make_knows_the_targets_that_the_recipes_call() -> None:
    for target in set(re.findall(r"\bmake (\w+)", TEXT)):
        assert subprocess.run(["make", "-n", target], cwd=REPOSITORY, capture_output=True, check=False).returncode == 0
