"""A byte order mark changes nothing, and a file that is no UTF-8 is told, whichever file of a workspace it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conftest import REPOSITORY
from spacecoop import cli

FILES = ("shapes/core.ttl", "queries/compare/same.rq", "pages/birds.css", "pages/birds.html", "queries/flocks.rq")


@pytest.fixture
def whole(birds: Path) -> Path:
    """The tiny workspace, with a file of every kind."""
    shutil.copytree(REPOSITORY / "tests" / "data" / "every-kind", birds, dirs_exist_ok=True)
    (birds / "pages" / "birds.css").write_text("body { color: black }\n", "utf-8")
    return birds


@pytest.mark.parametrize("name", FILES)
def test_a_byte_order_mark_changes_nothing(whole: Path, name: str) -> None:
    path = whole / name
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert cli.main(["-C", str(whole), "build"]) == cli.DONE


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_utf_8_is_told_with_its_file(whole: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = whole / name
    path.write_bytes(path.read_bytes() + b"\xff\n")

    assert cli.main(["-C", str(whole), "build"]) == cli.REPAIR

    told = capsys.readouterr()
    assert name in told.out + told.err
    assert "fault of the program" not in told.err
