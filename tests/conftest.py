"""What several tests start from."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from browsing import CHROMIUM

settings.register_profile("patient", deadline=None)  # a machine that does other work too makes no example wrong
settings.load_profile("patient")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it, each program that a test starts compiles all of ours anew

REPOSITORY = Path(__file__).parent.parent
Run = Callable[..., subprocess.CompletedProcess[str]]

IN_VAIN = {
    "subject_id": "id:numerama",
    "predicate_id": "schema:sameAs",
    "object_id": "sssom:NoTermFound",
    "mapping_justification": "semapv:ManualMappingCuration",
    "reviewer_id": "spacecoop:team",
    "mapping_date": "2026-11-24",
    "confidence": "1",
    "comment": "Looked for by its name.",
}
"""A line of links/ that says that somebody looked, and found nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="renew the golden files; read the difference")


def pytest_configure(config: pytest.Config) -> None:
    """Build once what a fresh clone lacks of out/, before the tests are collected; what is there stays as it is."""
    if hasattr(config, "workerinput"):
        return
    from spacecoop import folders, publish, workspace
    from spacecoop.documents import Unreadable
    from spacecoop.progress import silent
    from spacecoop.work import FAST

    place = workspace.read(REPOSITORY)
    if all((place.out / name).is_file() for name in folders.list_names(place.out) or ["-"]):
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            publish.write(place, Path(folder), FAST, silent, cached=False)
        except (publish.Rejected, Unreadable):
            return  # the tests will say it better
        for path in Path(folder).rglob("*"):
            target = place.out / path.relative_to(folder)
            if path.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def heed_interrupts() -> None:
    """Have a process that is started end at an interrupt or a hang-up, even where who runs the tests ignores them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--accept"))


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """A tiny workspace about something else, with another vocabulary."""
    return Path(shutil.copytree(REPOSITORY / "tests" / "birds", tmp_path / "birds"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A new workspace as `spacecoop init` makes it, with one invented article."""
    from spacecoop import starter

    starter.create(tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's vocabulary, shapes and queries over two articles that stay as they are, built; only to read.

    What a test says of rows and counts it says of these, so that a new article or entity changes no test.
    """
    from spacecoop import publish, workspace

    folder = tmp_path_factory.mktemp("frozen") / "workspace"
    shutil.copytree(REPOSITORY / "tests" / "frozen", folder)
    for name in ("ontology", "shapes", "queries", "pages"):
        shutil.copytree(REPOSITORY / name, folder / name)
    shutil.copy(REPOSITORY / "spacecoop.toml", folder)
    publish.publish(workspace.read(folder))
    return folder


@pytest.fixture(scope="session")
def run() -> Run:
    """Run the program as a user does, in a process of its own, and return what it did."""

    def run(*words: str | Path, cwd: Path = REPOSITORY, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C.UTF-8", **settings}
        command = [sys.executable, "-m", "spacecoop", *map(str, words)]
        return subprocess.run(
            command, cwd=cwd, env=environment, text=True, capture_output=True, timeout=120, check=False
        )

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, as playwright drives it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
