"""One build at a time, in a folder of its own; what others left in out/ is theirs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from conftest import Run
from spacecoop import folders, publish, workspace
from spacecoop.documents import Unreadable


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, by path, with the digest of its bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rests(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".out")]


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "spacecoop", "--lang", "en", "-C", str(folder), "build"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_builds_at_once_both_end_well_and_leave_all_of_out(small: Path) -> None:
    publish.publish(workspace.read(small))
    wanted = tree(small / "out")

    for delay in (0.0, 0.05, 0.3):
        one = start(small)
        time.sleep(delay)
        other = start(small)
        told = [build.communicate(timeout=60)[1] for build in (one, other)]
        assert (one.returncode, other.returncode) == (0, 0), told
        assert tree(small / "out") == wanted
        assert rests(small) == []


def test_a_build_that_waits_says_for_whom_and_goes_on_when_that_one_dies(small: Path) -> None:
    hold = textwrap.dedent(
        f"""
        import pathlib, time
        from spacecoop import folders
        with folders.hold(pathlib.Path({str(small / ".cache" / "build.lock")!r})):
            print("held", flush=True)
            time.sleep(60)
        """
    )
    holder = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"

    build = start(small)
    assert build.stderr is not None
    said = build.stderr.readline()
    assert build.poll() is None
    holder.kill()
    holder.communicate()
    build.communicate(timeout=60)

    assert f"another build is at work here (process {holder.pid}, on {os.uname().nodename}, since 20" in said
    assert build.returncode == 0
    assert (small / "out" / "manifest.json").is_file()


def test_a_build_that_waited_too_long_says_who_holds_the_workspace(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "SECONDS", 0.1)
    seen: list[folders.Holder] = []
    lock = small / ".cache" / "build.lock"

    with folders.hold(lock), pytest.raises(Unreadable) as caught, folders.hold(lock, seen.append):
        pass

    assert [holder.process for holder in seen] == [os.getpid()]
    assert f"process {os.getpid()} on " in str(caught.value.finding)
    assert "processus" in caught.value.finding.line("fr")


def test_a_lock_that_cannot_be_made_is_said_in_one_line(small: Path, run: Run) -> None:
    (small / ".cache").write_text("not a folder")

    done = run("-C", small, "build")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_a_dead_build_left_is_taken_away_and_nothing_else(small: Path) -> None:
    for name in (".out.new", ".out.new-4242", ".out.old", ".out.backup", ".output.new-1"):
        (small / name / "x").mkdir(parents=True)
    publish.publish(workspace.read(small))
    (small / ".out.new-4243" / "x").mkdir(parents=True)

    publish.publish(workspace.read(small))

    assert sorted(path.name for path in small.iterdir() if "out" in path.name) == [
        ".out.backup",
        ".output.new-1",
        "out",
    ]


def test_out_may_be_a_link_to_a_folder_elsewhere(small: Path, tmp_path: Path) -> None:
    publish.publish(workspace.read(small))
    wanted = tree(small / "out")
    shutil.rmtree(small / "out")
    (small / "out").symlink_to(tmp_path / "served" / "here")

    for _ in range(2):  # the folder is not there at first, then it is
        publish.publish(workspace.read(small))

        assert (small / "out").is_symlink()
        assert tree(tmp_path / "served" / "here") == wanted
        assert [path.name for path in (tmp_path / "served").iterdir()] == ["here"]
    assert publish.check(workspace.read(small)) == []


def test_out_that_is_a_file_or_a_circle_is_refused_and_stays(small: Path, run: Run) -> None:
    (small / "out").write_text("mine")
    done = run("-C", small, "build", "--check")
    assert done.returncode == 1
    done = run("-C", small, "build")
    assert (done.returncode, "is not a folder" in done.stderr) == (1, True)
    assert (small / "out").read_text() == "mine"

    (small / "out").unlink()
    (small / "out").symlink_to(small / "out")
    done = run("-C", small, "build")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_a_file_of_ones_own_in_out_stays_and_is_told(small: Path, run: Run) -> None:
    run("-C", small, "build")
    (small / "out" / "CNAME").write_text("example.org")
    (small / "out" / "article" / "notes").mkdir()
    (small / "out" / "article" / "notes" / "mine.txt").write_text("mine")
    (small / "out" / "link").symlink_to("nowhere")

    for _ in range(2):
        done = run("-C", small, "build")

        assert done.returncode == 0
        assert [line.partition(":")[0] for line in done.stdout.splitlines() if "[out-kept]" in line] == [
            "out/CNAME",
            "out/article/notes/mine.txt",
            "out/link",
        ]
        assert (small / "out" / "CNAME").read_text() == "example.org"
        assert (small / "out" / "article" / "notes" / "mine.txt").read_text() == "mine"
        assert (small / "out" / "link").is_symlink()
    french = run("--lang", "fr", "-C", small, "build")
    assert "il est resté en place" in french.stdout


@pytest.mark.parametrize("name", ["dataset.ttl", "article", "article/two-states.ttl/mine.txt"])
def test_a_file_of_ones_own_where_a_build_would_write_is_refused_and_out_stays(
    small: Path, run: Run, name: str
) -> None:
    name = name.replace("two-states", "example")
    path = small / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")

    done = run("-C", small, "build")

    assert done.returncode == 1
    assert f"out/{name}:1:1: violation: no build of this workspace wrote this file" in done.stderr
    assert tree(small / "out") == {name: "mine" and hashlib.sha256(b"mine").hexdigest()}
    assert rests(small) == []


def test_what_another_branch_built_is_no_file_of_ones_own(small: Path) -> None:
    publish.publish(workspace.read(small))
    manifest = (small / "out" / "manifest.json").read_text("utf-8")
    article = (small / "articles" / "example.yaml").read_text("utf-8")
    (small / "articles" / "other.yaml").write_text(article.replace("two-states", "three-states"), "utf-8")
    publish.publish(workspace.read(small))

    (small / "articles" / "other.yaml").unlink()
    (small / "out" / "manifest.json").write_text(
        f"<<<<<<< ours\n{manifest}=======\n{manifest}>>>>>>> theirs\n", "utf-8"
    )
    done = publish.publish(workspace.read(small))

    assert [found.rule for found in done.findings] == []
    assert not list((small / "out").rglob("other.*"))


ANOTHER_WAY = """
import os, pathlib, sys
from spacecoop import folders, publish, workspace
folders._exchange = lambda one, other: False
steps = [0]
rename = pathlib.Path.rename
def counted(self, target):
    if steps[0] == int(sys.argv[2]):
        os._exit(9)
    steps[0] += 1
    return rename(self, target)
pathlib.Path.rename = counted
publish.publish(workspace.read(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize("step", [0, 1, 2])
def test_without_an_exchange_in_one_step_a_kill_between_two_renamings_loses_nothing(small: Path, step: int) -> None:
    publish.publish(workspace.read(small))
    old = tree(small / "out")
    article = small / "articles" / "example.yaml"
    article.write_text(article.read_text("utf-8").replace("satellite together", "craft together"), "utf-8")

    killed = subprocess.run([sys.executable, "-c", ANOTHER_WAY, str(small), str(step)], check=False)

    assert killed.returncode == (0 if step == 2 else 9)  # step 0: before both, 1: between them, 2: not at all
    assert (small / "out").exists() is (step != 1)
    if step == 1:
        assert tree(small / ".out.old") == old
    publish.publish(workspace.read(small))
    assert tree(small / "out") != old
    assert publish.check(workspace.read(small)) == []
    assert rests(small) == []


def test_without_an_exchange_in_one_step_a_build_that_is_refused_restores_what_a_killed_one_moved(small: Path) -> None:
    publish.publish(workspace.read(small))
    old = tree(small / "out")
    (small / "out").rename(small / ".out.old")  # as a kill between the two renamings leaves it
    article = small / "articles" / "example.yaml"
    article.write_text("claims: 3\n", "utf-8")

    with pytest.raises(publish.Rejected):
        publish.publish(workspace.read(small))

    assert tree(small / "out") == old
    assert rests(small) == []
