"""A build with nothing changed leaves out/ as it is; whatever could make a difference makes one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spacecoop import cache, publish, standing, workspace
from spacecoop.cache import Cache
from spacecoop.folders import MANIFEST
from spacecoop.harvest import history


def tree(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def builds(place: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Build; tell whether anything was written."""
    written = []

    def write(**given: Any) -> publish.Published:
        written.append(given)
        return WRITE(**given)

    with monkeypatch.context() as patch:
        patch.setattr(publish, "write", write)
        publish.publish(workspace.read(place))
    return bool(written)


WRITE = publish.write

READS = """
import os, sys
from pathlib import Path
root, seen = Path(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def watch(event, given):
    if event == "open" and isinstance(given[0], (str, bytes, os.PathLike)) and given[2] & 3 == 0:
        os.write(seen, os.fsencode(os.path.abspath(os.fsdecode(given[0]))) + b"\\n")
sys.addaudithook(watch)  # forked processes keep it
from spacecoop import publish, workspace
publish.publish(workspace.read(root), cached=False)
"""


@pytest.mark.parametrize("which", ["birds", "small"])
def test_a_build_reads_no_file_of_the_workspace_that_is_not_part_of_its_digest(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place: Path = request.getfixturevalue(which)
    subprocess.run([sys.executable, "-c", READS, str(place), str(tmp_path / "seen")], check=True)

    read = {Path(line) for line in (tmp_path / "seen").read_text("utf-8").splitlines()}
    of_ours = {path.relative_to(place) for path in read if path.is_relative_to(place) and path.is_file()}
    made = {path for path in of_ours if path.parts[0] in ("out", ".cache")}
    known = {path.relative_to(place) for path in standing.sources(workspace.read(place))} | {Path(history.HISTORY)}

    assert len(of_ours - made) > 5
    assert sorted(of_ours - made - known) == []


def test_with_nothing_changed_nothing_is_written_and_the_same_is_said(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (birds / "articles" / "other.yaml").write_text((birds / "articles" / "cranes.yaml").read_text("utf-8"), "utf-8")
    with pytest.raises(publish.Rejected):
        publish.publish(workspace.read(birds))  # a refused build leaves no record
    (birds / "articles" / "other.yaml").unlink()
    first = publish.publish(workspace.read(birds))
    before = {path: path.stat().st_mtime_ns for path in (birds / "out").rglob("*")}
    (birds / "out" / "CNAME").write_text("mine")
    (birds / ".out.new-4243" / "x").mkdir(parents=True)

    second = publish.publish(workspace.read(birds))

    assert (second.files, second.articles) == (first.files, first.articles)
    assert [found.rule for found in second.findings] == [*(found.rule for found in first.findings), "out-kept"]
    (birds / "out" / "CNAME").unlink()
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }
    assert not (birds / ".out.new-4243").exists()
    assert not builds(birds, monkeypatch)


def same_size(path: Path) -> None:
    """Change a file and nothing that a listing shows, but for the time of the change of its node."""
    old, data = path.stat(), bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))


def put_a_link(path: Path) -> None:
    shutil.move(path, path.with_name("there"))
    path.symlink_to("there")


def put_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


HARMS: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\n"),
    "same size and time": same_size,
    "a link": put_a_link,
    "a folder": put_a_folder,
}


@pytest.mark.parametrize("name", ["dataset.ttl", "article/cranes.nq", "dataset.nq.gz", MANIFEST])
@pytest.mark.parametrize("harm", HARMS)
def test_a_file_in_out_that_is_not_what_it_was_is_made_anew(birds: Path, name: str, harm: str) -> None:
    publish.publish(workspace.read(birds))
    wanted = tree(birds / "out")
    publish.publish(workspace.read(birds))

    HARMS[harm](birds / "out" / name)
    publish.publish(workspace.read(birds))

    made = tree(birds / "out")
    made.pop("there", None) or made.pop("article/there", None)
    assert made == wanted


EDITS: dict[str, Callable[[Path], object]] = {
    "an article": lambda place: edit(place / "articles" / "cranes.yaml", "sky: clear", "sky: grey"),
    "the settings": lambda place: edit(place / "spacecoop.toml", "[prefixes]", "# aside\n[prefixes]"),
    "a new article": lambda place: (place / "articles" / "new.yaml").write_text("x"),
    "the history": lambda place: edit(place / history.HISTORY, "\n", "\n# aside\n"),
    "a new shape": lambda place: (place / "shapes" / "more.ttl").write_text(""),
}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.mark.parametrize("change", EDITS)
def test_every_change_of_a_source_is_built(birds: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish.publish(workspace.read(birds))
    assert not builds(birds, monkeypatch)

    EDITS[change](birds)
    try:
        assert builds(birds, monkeypatch)
    except publish.Rejected:
        pass  # it was looked at
    else:
        assert publish.check(workspace.read(birds)) == []


def test_another_program_another_engine_and_another_date_are_built(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workspace.read(birds)
    keys = {standing.inputs(place, "fast"), standing.inputs(place, "both")}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    keys.add(standing.inputs(place, "fast"))
    monkeypatch.setattr(cache, "program", lambda: b"another")
    keys.add(standing.inputs(place, "fast"))

    assert len(keys) == 4


@pytest.mark.parametrize("record", [b"", b"[]", b"{}", b'{"key": 1}', b"null", "as it was, but for another manifest"])
def test_a_record_made_by_hand_is_not_believed(
    birds: Path, record: bytes | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(workspace.read(birds))
    wanted = tree(birds / "out")
    kept = Cache(birds / ".cache" / "standing")
    if isinstance(record, str):
        edit(birds / "out" / MANIFEST, '"statements": 0', '"statements": 7')
        record = json.dumps({**json.loads(kept.load()["built"]), "manifest": "0" * 64}).encode()
    kept.keep({"built": record}, ())

    assert builds(birds, monkeypatch)
    assert tree(birds / "out") == wanted


def test_a_source_that_is_edited_while_a_build_runs_is_built_the_next_time(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(**given: Any) -> publish.Published:
        published = WRITE(**given)
        edit(birds / "articles" / "cranes.yaml", "sky: clear", "sky: grey")
        return published

    with monkeypatch.context() as patch:
        patch.setattr(publish, "write", write)
        publish.publish(workspace.read(birds))

    assert builds(birds, monkeypatch)
    assert publish.check(workspace.read(birds)) == []


def test_what_is_remarked_once_is_not_remarked_again(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    EDITS["an article"](birds)

    said = [{found.rule for found in publish.publish(workspace.read(birds)).findings} for _ in range(3)]

    cold = {found.rule for found in publish.publish(workspace.read(birds), cached=False).findings}
    assert said[1] == said[2] == cold


def test_the_program_is_known_by_its_libraries_too(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.program.__wrapped__()
    assert "pyoxigraph" in dict(cache._libraries())

    monkeypatch.setattr(cache, "_libraries", lambda: iter([("pyoxigraph", "9")]))

    assert cache.program.__wrapped__() != before


def test_a_program_that_is_not_installed_is_known_by_its_sources() -> None:
    code = """
        from importlib import metadata
        def absent(name): raise metadata.PackageNotFoundError(name)
        metadata.requires = absent
        from spacecoop import cache
        print(len(cache.program()), list(cache._libraries()))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)

    assert done.stdout == "32 []\n"
