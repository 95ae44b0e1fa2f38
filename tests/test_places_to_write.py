"""What is written to where a user says: a link stays, a device or a pipe is written to, and absurd bounds are told."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from pathlib import Path

import pytest

from spacecoop import cli, documents, starter

WRITING = {"query": ("query", "claims", "--format", "csv", "--output"), "export": ("export", "-o")}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new workspace that was built."""
    root = tmp_path_factory.mktemp("places") / "home"
    starter.create(root)
    assert cli.main(["-C", str(root), "build", "--no-site"]) == cli.DONE
    return root


def test_a_saved_file_leaves_a_link_and_replaces_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old", "utf-8")
    (tmp_path / "link").symlink_to("file")
    documents.save(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text("utf-8") == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
@pytest.mark.parametrize("command", WRITING)
def test_a_pipe_is_written_to_and_stays(home: Path, tmp_path: Path, command: str) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    heard: list[str] = []
    listener = threading.Thread(target=lambda: heard.append(pipe.read_text("utf-8")), daemon=True)
    listener.start()
    assert cli.main(["-C", str(home), *WRITING[command], str(pipe)]) == cli.DONE
    listener.join(30)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert "example" in heard[0]
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("command", WRITING)
def test_a_link_stays_where_an_answer_is_written(home: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/file")
    assert cli.main(["-C", str(home), *WRITING[command], str(tmp_path / "link")]) == cli.DONE
    assert (tmp_path / "link").is_symlink()
    assert "example" in (tmp_path / "there" / "file").read_text("utf-8")


@pytest.mark.parametrize(
    "words", [("--memory", "9" * 30), ("--limit", "9" * 300), ("--limit", "1", "--page", "9" * 300)]
)
def test_an_absurd_bound_is_no_fault(
    home: Path, tmp_path: Path, words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "workspace"
    shutil.copytree(home, root)
    assert cli.main(["-C", str(root), "query", "claims", *words]) == cli.DONE
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told
    assert "fault of the program" not in told
