from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import Run
from spacecoop import cache, cli, publish, work, workspace
from spacecoop.cache import Cache
from spacecoop.output import Written
from spacecoop.pages import kept, searching
from spacecoop.stories import accounts, twins
from spacecoop.stories.reasons import Traits


def test_what_is_kept_is_found_again_and_what_is_not_known_is_forgotten(tmp_path: Path) -> None:
    one = Cache(tmp_path / "folder" / "cache")

    one.keep({"a": b"1", "b": b"2"}, [])
    one.keep({"c": b"3"}, ["a"])

    assert one.load() == {"a": b"1", "c": b"3"}


def test_a_damaged_entry_is_not_believed(tmp_path: Path) -> None:
    Cache(tmp_path / "cache").keep({"a": b"1", "b": b"2"}, [])
    with sqlite3.connect(tmp_path / "cache") as database:
        database.execute("UPDATE entry SET value = x'33' WHERE key = 'a'")

    assert Cache(tmp_path / "cache").load() == {"b": b"2"}


def test_a_cache_holds_no_more_than_it_may_and_what_is_oldest_goes_first(tmp_path: Path) -> None:
    one = Cache(tmp_path / "cache", most=250_000)
    for name in ("a", "b", "c", "d"):
        one.keep({name: name.encode() * 100_000}, "abcd")

    assert sorted(one.load()) == ["c", "d"]
    assert (tmp_path / "cache").stat().st_size < 300_000
    one.keep({"a": b"a" * 100_000}, "abcd")
    assert sorted(one.load()) == ["a", "d"]
    one.keep({"large": b"x" * 300_000}, "abcd")
    assert one.load() == {}
    one.keep({"small": b"x"}, ())
    assert (tmp_path / "cache").stat().st_size < 50_000


@pytest.mark.parametrize("value", ["a text", 7, None, b"no JSON", b"[]", b"{}", b'{"slug": "cranes", "findings": 3}'])
def test_a_cache_made_by_hand_ends_no_build(birds: Path, value: object) -> None:
    publish.publish(workspace.read(birds))
    wanted = {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()}
    with sqlite3.connect(birds / ".cache" / "articles") as database:
        for (key,) in database.execute("SELECT key FROM entry").fetchall():
            digest = cache._digest(key, value) if isinstance(value, bytes) else "x"
            database.execute("UPDATE entry SET value = ?, digest = ? WHERE key = ?", (value, digest, key))
    (birds / ".cache" / "standing").unlink()

    publish.publish(workspace.read(birds))

    assert {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()} == wanted


def test_a_file_that_cannot_grow_ends_a_build_in_a_line_and_leaves_out_as_it_was(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    before = {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()}
    path = birds / "articles" / "cranes.yaml"
    path.write_text(path.read_text("utf-8").replace("sky: clear", "sky: grey"), "utf-8")
    command = f"ulimit -f 8; exec {sys.executable} -m spacecoop -C {birds} build"  # files of 4 or 8 kB at most
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(["sh", "-c", command], env=environment, text=True, capture_output=True, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr
    assert {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()} == before
    assert [path.name for path in birds.iterdir() if "out." in path.name] == []


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError("No space left on device (os error 28)")]
)
def test_a_full_disk_is_told_with_what_would_help(
    birds: Path, error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def write(**_: object) -> None:
        raise error

    monkeypatch.setattr(publish, "write", write)

    assert cli.main(["-C", str(birds), "--lang", "en", "build"]) == 1
    said = capsys.readouterr().err
    assert "No space left on device" in said
    assert said.endswith("make room, for example by `spacecoop clean`\n")


def test_a_file_that_is_no_cache_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"SQLite format 3\0 and then nonsense" * 100)
    damaged = Cache(tmp_path / "cache")

    assert damaged.load() == {}
    damaged.keep({"a": b"1"}, [])

    assert damaged.load() == {"a": b"1"}


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = Cache(tmp_path / "file" / "cache")

    nowhere.keep({"a": b"1"}, [])

    assert nowhere.load() == {}


def test_a_key_depends_on_every_part_and_on_where_one_ends() -> None:
    keys = {cache.key(b"a", b"bc"), cache.key(b"ab", b"c"), cache.key(b"abc"), cache.key(b"bc", b"a")}

    assert len(keys) == 4


def test_clean_deletes_what_the_next_build_makes_again_and_nothing_else(birds: Path, run: Run) -> None:
    publish.publish(workspace.read(birds))
    before = {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()}
    for made in ("comparisons", "links"):  # the birds have no accounts to compare
        (birds / ".cache" / made).mkdir(exist_ok=True)
    (birds / ".cache" / "links" / "answer.json").write_text("{}")
    (birds / ".cache" / "mine").write_text("mine")

    done = run("-C", birds, "clean")

    assert done.returncode == 0
    assert "freed" in done.stdout
    left = {path.name for path in (birds / ".cache").iterdir()}
    assert left - {"build.lock"} == {"built.json", "links", "mine"}
    assert {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()} == before
    assert publish.publish(workspace.read(birds)).articles
    assert {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()} == before

    assert run("--lang", "fr", "-C", birds, "clean", "--all").stdout.endswith("octets libérés dans .cache/\n")
    assert not (birds / ".cache" / "links").exists()
    assert "rien à supprimer" in run("--lang", "fr", "-C", birds, "clean").stdout


def test_clean_follows_no_link_and_needs_no_cache(birds: Path, run: Run, tmp_path: Path) -> None:
    assert run("-C", birds, "clean").returncode == 0
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mine").write_text("mine")
    (birds / ".cache").mkdir(exist_ok=True)
    (birds / ".cache" / "feed").symlink_to(tmp_path / "elsewhere")

    run("-C", birds, "clean")

    assert not (birds / ".cache" / "feed").is_symlink()
    assert (tmp_path / "elsewhere" / "mine").read_text() == "mine"


def test_an_entry_is_found_alone_and_a_damaged_one_is_not_believed(tmp_path: Path) -> None:
    one = Cache(tmp_path / "cache")
    one.keep({"a": b"1", "b": b"2"}, ())
    one.add({"c": b"3"})
    with sqlite3.connect(tmp_path / "cache") as database:
        database.execute("UPDATE entry SET value = x'33' WHERE key = 'a'")

    with one.look_up() as find:
        assert [find(name) for name in ("a", "b", "c", "d")] == [None, b"2", b"3", None]
    with Cache(tmp_path / "none").look_up() as find:
        assert find("a") is None


def test_a_cache_that_is_cleared_while_a_build_reads_it_costs_time_and_nothing_else(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(workspace.read(birds))
    wanted = {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()}
    (birds / ".cache" / "standing").unlink()
    believe = work._believe
    asked: list[bool] = []

    def once(source: work.Source, value: bytes | None, whole: bool = True) -> work.Done | None:
        asked.append(value is not None)
        return believe(source, value if len(asked) == 1 else None, whole)

    monkeypatch.setattr(work, "_believe", once)
    publish.publish(workspace.read(birds))

    assert len(asked) > 1
    assert {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()} == wanted


BY_HAND = [b"no JSON", b"[]", b'[{"a": 3}, {"b": [[1]]}]', b'{"path": 3, "bytes": "x"}']
BY_HAND += [b'{"written": [{"path": "../x", "bytes": 1, "sha256": "0", "statements": 0}], "notes": {}}']
BY_HAND += [b'{"written": [], "notes": {"page x": 3}, "page": {"template": 3}, "listed": [[1]]}']
BY_HAND += [b"[" * 100_000]


@pytest.mark.parametrize("value", BY_HAND)
def test_any_cache_made_by_hand_ends_no_build(birds: Path, value: bytes) -> None:
    publish.publish(workspace.read(birds))
    wanted = {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()}
    files = (path for path in (birds / ".cache").iterdir() if path.is_file())
    names = [path.name for path in files if path.read_bytes()[:6] == b"SQLite"]
    for name in names:
        with sqlite3.connect(birds / ".cache" / name) as database:
            for (key,) in database.execute("SELECT key FROM entry").fetchall():
                row = (value, cache._digest(key, value), key)
                database.execute("UPDATE entry SET value = ?, digest = ? WHERE key = ?", row)
    publish.publish(workspace.read(birds))

    assert {"articles", "dumps", "pages", "standing"} <= set(names)
    assert {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()} == wanted


@pytest.mark.parametrize(
    "change",
    [
        lambda told: kept.Told(told.rows, '[[], {"word": ["x"]}]'),
        lambda told: kept.Told(
            {part: dict.fromkeys(pages, '{"a": 3}') for part, pages in told.rows.items()}, told.found
        ),
    ],
)
def test_what_articles_are_said_to_tell_the_pages_is_not_believed_where_it_was_made_by_hand(
    small: Path, change: Callable[[kept.Told], kept.Told]
) -> None:
    publish.publish(workspace.read(small))
    wanted = {path: path.read_bytes() for path in (small / "out").rglob("*") if path.is_file()}
    with sqlite3.connect(small / ".cache" / kept.FOLDER) as database:
        changed = 0
        for key, value in database.execute("SELECT key, value FROM entry").fetchall():
            made = kept._read(value)
            if made is not None and made.told.found:
                packed = kept.pack(replace(made, told=change(made.told)))
                row = (packed, cache._digest(key, packed), key)
                changed += database.execute("UPDATE entry SET value = ?, digest = ? WHERE key = ?", row).rowcount
    (small / ".cache" / "standing").unlink()
    publish.publish(workspace.read(small))

    assert changed
    assert {path: path.read_bytes() for path in (small / "out").rglob("*") if path.is_file()} == wanted


@pytest.mark.parametrize(
    "text", ["no JSON", "3", "[1]", '[[["a", "b", 3]], {}]', '[[], {"word": ["x"]}]', "[" * 100_000]
)
def test_no_piece_of_an_index_is_made_of_another_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        searching.unpack(text)


@pytest.mark.parametrize("value", [*BY_HAND, b"", b"{}", b"3"])
def test_what_was_made_by_hand_is_not_believed(value: bytes) -> None:
    assert accounts._believe(value) is None
    assert twins._believe(value) is None
    assert kept._read(value) is None


def test_what_was_kept_is_believed() -> None:
    traits = Traits({"kind": frozenset({"a", "b"})}, {"time": frozenset({("2020-01-01", "2020-12-31")})})
    told = kept.Told({"names": {"http://e/a": '{"label": ["a\\n"]}\n{}'}}, "[[], {}]")
    about = {"template": "a.html", "anchors": ["b"]}
    made = kept.Made((Written("a.html", 1, "0", 0),), {"page x": "0"}, about, [], told)

    assert twins._believe(twins._pack(traits)) == traits
    assert kept._read(kept.pack(made)) == made
    assert len(accounts._believe(b"<http://e/a> <http://e/b> <http://e/c> .") or ()) == 1
