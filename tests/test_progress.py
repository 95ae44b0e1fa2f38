"""How far work has come is shown on a terminal, in the user's language, and nowhere else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Run
from spacecoop.progress import Bar

COUNT = """
import time
from spacecoop import progress
bar = progress.Bar("things")
for done in range(41):
    bar(done, 40)
    time.sleep(0.02)
bar(0, 40)
bar(1, 40)
progress.close()
print("over")
"""


def on_a_terminal(*words: str, **settings: str) -> str:
    """Run a program whose standard output and error are a terminal of 100 columns; return what it wrote."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **settings}
    with subprocess.Popen([sys.executable, *words], stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        found = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            found += part
        os.close(ours)
        assert process.wait(60) == 0, found.decode()
    return found.decode()


def test_a_bar_tells_rate_and_time_left_and_goes_away() -> None:
    shown = on_a_terminal("-c", COUNT)

    assert re.search(r"\d+ of 40 things, \d+ a second", shown)
    assert re.search(r"0:00:0\d", shown)
    assert shown.rstrip().endswith("over")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is there again


def test_no_color_has_no_colours() -> None:
    plain = on_a_terminal("-c", COUNT, NO_COLOR="1")

    assert "of 40 things" in plain
    assert not re.search(r"\x1b\[[0-9;]*3[0-9;]*m", plain)
    assert re.search(r"\x1b\[[0-9;]*3[0-9;]*m", on_a_terminal("-c", COUNT))


def test_articles_are_counted_on_a_terminal_in_the_user_s_language(frozen: Path) -> None:
    words = ("-m", "spacecoop", "-C", str(frozen), "--lang", "fr", "validate", "--no-cache")

    assert re.search(r"\d articles sur 2", on_a_terminal(*words))


def test_a_pipe_stays_plain(frozen: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("-C", frozen, "validate", "--no-cache")
    bar = Bar("things")
    bar(1, 3)
    bar(3, 3)

    assert (done.returncode, done.stderr) == (0, "")
    assert capsys.readouterr() == ("", "")
