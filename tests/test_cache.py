from __future__ import annotations

import sqlite3
from pathlib import Path

from spacecoop import cache
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
