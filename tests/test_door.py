"""Whatever happens inside, the door tells it in a line, with exit code 0, 1, 2, or 130 for an interrupted command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import heed_interrupts
from spacecoop import cli
from spacecoop.commands import build, explain
from spacecoop.findings import visible


def test_what_nobody_foresaw_is_told_as_a_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, birds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise RuntimeError("the \x1b[31mroof\nis off")

    monkeypatch.setattr(build, "run", fail)

    assert cli.main(["-C", str(birds), "build"]) == cli.REPAIR
    told = capsys.readouterr().err
    assert told.startswith(
        "spacecoop build: this is a fault of the program, not yours: RuntimeError: the \\x1b[31mroof"
    )
    assert told.count("\n") == 1
    monkeypatch.setenv("SPACECOOP_DEBUG", "1")
    with pytest.raises(RuntimeError):
        cli.main(["-C", str(birds), "build"])


def test_a_full_disk_is_told_with_the_file(
    monkeypatch: pytest.MonkeyPatch, birds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise OSError(28, "No space left on device", "out/a")

    monkeypatch.setattr(explain, "run", fail)

    assert cli.main(["-C", str(birds), "explain", "--list"]) == cli.REPAIR
    told = capsys.readouterr().err
    assert told.startswith("spacecoop explain: out/a: No space left on device: ")
    assert told.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a system without /dev/full")
def test_output_that_cannot_be_written_is_told_once() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "spacecoop", "explain", "--list"]
        done = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True)

    assert done.returncode == cli.REPAIR
    assert done.stderr.startswith("spacecoop explain: No space left on device: ")
    assert done.stderr.count("\n") == 1


def test_a_reader_who_has_enough_ends_the_command_in_silence() -> None:
    command = [sys.executable, "-m", "spacecoop", "explain", "--list"]
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(command, check=False, stdout=writes, stderr=subprocess.PIPE, text=True)
    os.close(writes)

    assert (done.returncode, done.stderr) == (cli.DONE, "")


@pytest.mark.parametrize("seconds", [0.02, 0.1, 0.2, 0.4])
def test_an_interrupt_at_any_time_leaves_no_traceback(birds: Path, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "spacecoop", "-C", str(birds), "build", "--no-cache"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=60)[1]

    ours = str(Path(cli.__file__).parent)
    assert ours not in told  # what the interpreter says before it comes to the program is its own
    assert process.returncode in (cli.DONE, cli.INTERRUPTED, -signal.SIGINT, 1)


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert visible("a\x1b[2Jb\u202ec\rd\udc80") == "a\\x1b[2Jb\\u202ec\\rd\\udc80"
    assert visible("é 中\tx\n") == "é 中\tx\n"
