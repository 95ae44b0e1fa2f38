"""A full disk, a full device and a closed stream end a command with one line, and out/ stays as it was."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spacecoop import publish, workspace

FULL = Path("/dev/full")
COMMANDS = [("validate",), ("build",), ("query", "--list"), ("query", "flocks"), ("query", "flocks", "--format", "csv")]


def start(*words: str, folder: Path, before: Callable[[], None] | None = None, **streams: object) -> tuple[int, str]:
    """Run a command; return its code and what it said on standard error."""
    done = subprocess.run(  # type: ignore[call-overload]
        [sys.executable, "-m", "spacecoop", "-C", str(folder), *words],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=before,
        **{"stdout": subprocess.DEVNULL, **streams},
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_full_device_is_told_in_one_line(birds: Path, words: tuple[str, ...]) -> None:
    publish.publish(workspace.read(birds))

    with FULL.open("w") as full:
        code, told = start(*words, folder=birds, stdout=full)

    assert code == 1
    assert told.count("\n") == 1
    assert "No space left on device" in told


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_closed_output_is_written_to_nobody(birds: Path, words: tuple[str, ...]) -> None:
    publish.publish(workspace.read(birds))

    code, told = start(*words, folder=birds, before=lambda: os.close(1), stdout=None)

    assert (code, told) == (0, "")


@pytest.mark.parametrize("room", [0, 2_000, 12_000])
def test_a_build_that_has_no_room_leaves_what_was_there(birds: Path, room: int) -> None:
    publish.publish(workspace.read(birds))
    before = {path: path.read_bytes() for path in sorted((birds / "out").rglob("*")) if path.is_file()}
    article = birds / "articles" / "cranes.yaml"
    article.write_text(article.read_text("utf-8").replace("40", "41"), "utf-8")

    code, told = start("build", folder=birds, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))

    assert code == 1
    assert told.count("\n") == 1
    assert "File too large" in told
    assert {path: path.read_bytes() for path in sorted((birds / "out").rglob("*")) if path.is_file()} == before
    assert [path.name for path in birds.iterdir() if path.name.startswith(".out")] == []
    assert start("build", folder=birds)[0] == 0
