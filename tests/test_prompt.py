"""`spacecoop query -i`, driven through a terminal."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("prompt_toolkit", reason="the prompt needs the extra `interactive`")
pty = pytest.importorskip("pty", reason="there are pseudo-terminals on POSIX only")


class Terminal:
    """A terminal with the program in it."""

    def __init__(self, home: Path, workspace: Path) -> None:
        self.master, slave = pty.openpty()
        settings = {"XDG_CACHE_HOME": str(home), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "COLUMNS": "100"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "spacecoop", "query", "-i", "--format", "csv"],
            cwd=workspace,
            env={**os.environ, **settings},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def ask(self, text: str) -> None:
        """Type a line once the prompt is there, which it shows by taking charge of the terminal."""
        self.wait_for("\x1b[?2004h")
        self.wait_for("\x1b[?25h")
        self.type(text)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def wait_for(self, text: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} was not seen in {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536).decode("utf-8", "replace")
        self.seen = self.seen[self.seen.index(text) + len(text) :]


@pytest.fixture
def terminal(frozen: Path, tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path, frozen)
    try:
        terminal.wait_for("Ctrl-D ends")
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait()
        os.close(terminal.master)


def test_questions_are_asked_one_after_the_other(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ask("speakers\r")
    terminal.wait_for("Numerama,27,0")
    terminal.ask("SELECT (COUNT(*) AS ?agreements) {\r?s a spc:Agreement\r}\r")
    terminal.wait_for("agreements\r\r\n1")  # CSV ends lines with CR LF, and the terminal adds a CR
    terminal.ask("SELECT * { ?s nope:p ?o }\r")
    terminal.wait_for("the prefix nope: is not declared")
    terminal.ask(".list\r")
    terminal.wait_for("Which agreements are reported as signed")
    terminal.ask("\x04")

    assert terminal.process.wait(20) == 0
    assert "+SELECT (COUNT(*) AS ?agreements) {" in (tmp_path / "spacecoop" / "history").read_text()


def test_what_is_begun_is_completed(terminal: Terminal) -> None:
    terminal.ask("ASK { ?s a spc:Agreem\t")
    time.sleep(0.5)
    terminal.type(" }\r")
    terminal.wait_for("true")
    terminal.ask("\x04")

    assert terminal.process.wait(20) == 0
