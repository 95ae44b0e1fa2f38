from __future__ import annotations

import sqlite3
from pathlib import Path

from conftest import Run
from spacecoop import cache, publish, workspace
from spacecoop.cache import Cache


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
