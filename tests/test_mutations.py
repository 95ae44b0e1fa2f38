"""Whatever is wrong with a file of a workspace, a command ends with 0, 1 or 2 and says why."""

from __future__ import annotations

import subprocess
import sys

import pytest

import fuzz
from conftest import REPOSITORY


@pytest.mark.parametrize(("home", "count"), [("birds", 160), ("small", 24)])
def test_a_changed_file_is_told_or_accepted_and_never_a_fault_of_the_program(home: str, count: int) -> None:
    command = [sys.executable, "tests/fuzz.py", "--cheap", "--seed", "1", "--in", home, "--count", str(count)]

    done = subprocess.run(command, cwd=REPOSITORY, text=True, capture_output=True, timeout=900, check=False)

    assert (done.returncode, done.stdout) == (0, f"{count} changed files, 0 faults\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "told", "fault"),
    [
        (0, "", ""),
        (1, "articles/a.yaml:1:1: violation: …", ""),
        (3, "…", "it ended with 3 after 1 s"),
        (-9, "", "it ended with -9 after 1 s"),
        (1, "", "it failed and said nothing"),
        (1, "this is a fault of the program, not yours: ValueError", "fault of the program"),
        (1, "Traceback (most recent call last)", "Traceback (most recent"),
        (0, "a\x1b[31mb", "it told a sign that a terminal obeys"),
    ],
)
def test_what_should_not_happen_is_seen(code: int, told: str, fault: str) -> None:
    assert fuzz.judge(code, told, 1.0) == fault
