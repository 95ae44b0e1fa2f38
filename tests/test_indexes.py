from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

import pytest

from spacecoop.queries import indexes, sources
from spacecoop.queries.indexes import SourceError
from test_sources import TURTLE, count, put


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A file that counts as large, and a cache."""
    monkeypatch.setattr(indexes, "LARGE", 10)
    return put(tmp_path / "data.ttl"), tmp_path / "cache"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.ttl", "<e:s> <e:p>", "a.ttl: "),
        ("a.docx", TURTLE, "is not that of an RDF file; there are .ttl"),
        ("a.ttl.gz", None, "a.ttl.gz: "),
        ("gone.ttl", "", "gone.ttl: No such file"),
        ("a.jsonld", '{"@context": "http://127.0.0.1:9/context", "@id": "e:a"}', "a.jsonld: "),
    ],
)
def test_what_cannot_be_read_says_so(name: str, text: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if text is None:
        path.write_bytes(gzip.compress(TURTLE.encode())[:-9])
    elif text:
        path.write_text(text)

    with pytest.raises(SourceError, match=says):
        sources.files({path: ""}, "it", {}, cache=tmp_path / "cache")


def test_a_large_file_is_indexed_once_and_the_index_opened_after_that(indexed: tuple[Path, Path]) -> None:
    path, cache = indexed

    first = sources.files({path: ""}, "it", {}, cache=cache)
    (index,) = (entry for entry in cache.iterdir() if entry.name != "digests")
    built = index.stat().st_mtime_ns
    second = sources.files({path: ""}, "it", {}, cache=cache)

    assert first.cached
    assert count(first) == count(second) == 1
    assert index.stat().st_mtime_ns == built


def test_a_changed_file_gets_an_index_of_its_own(indexed: tuple[Path, Path]) -> None:
    path, cache = indexed
    sources.files({path: ""}, "it", {}, cache=cache)

    put(path, TURTLE + "<e:s> <e:p> <e:o> .")

    assert count(sources.files({path: ""}, "it", {}, cache=cache)) == 2


@pytest.mark.parametrize("spoil", ["truncate", "delete", "mark"])
def test_a_damaged_index_is_built_anew(spoil: str, indexed: tuple[Path, Path]) -> None:
    path, cache = indexed
    sources.files({path: ""}, "it", {}, cache=cache)
    (index,) = (entry for entry in cache.iterdir() if entry.name != "digests")
    victims = sorted(index.glob("complete.json" if spoil == "mark" else "*.sst"))
    assert victims
    for victim in victims:
        if spoil == "delete":
            victim.unlink()
        else:
            victim.write_bytes(victim.read_bytes()[:5])

    assert count(sources.files({path: ""}, "it", {}, cache=cache)) == 1


def test_an_index_can_be_forgotten(indexed: tuple[Path, Path]) -> None:
    path, cache = indexed
    sources.files({path: ""}, "it", {}, cache=cache)

    assert indexes.forget({path: ""}, cache)
    assert not indexes.forget({path: ""}, cache)


def test_an_index_that_nobody_opens_and_what_an_interruption_left_are_deleted_by_the_next_build(
    indexed: tuple[Path, Path],
) -> None:
    path, cache = indexed
    sources.files({path: ""}, "it", {}, cache=cache)
    (old,) = (entry for entry in cache.iterdir() if entry.name != "digests")
    left, going_on = cache / ".new-left", cache / ".new-going-on"
    left.mkdir()
    going_on.mkdir()
    past = time.time() - 40 * 24 * 3600
    for entry in (left, old / "complete.json", *cache.glob("digests/*")):
        os.utime(entry, (past, past))

    put(path, TURTLE + "<e:s> <e:p> <e:o> .")
    sources.files({path: ""}, "it", {}, cache=cache)

    assert not old.exists() and not left.exists()
    assert going_on.exists()
    assert len(list(cache.glob("digests/*"))) == 1
    assert len(list(cache.glob("*/complete.json"))) == 1


def test_an_index_that_is_opened_now_and_then_is_kept(indexed: tuple[Path, Path]) -> None:
    path, cache = indexed
    sources.files({path: ""}, "it", {}, cache=cache)
    (mark,) = cache.glob("*/complete.json")
    os.utime(mark, (0, 0))

    sources.files({path: ""}, "it", {}, cache=cache)

    assert mark.stat().st_mtime > 0


@pytest.mark.parametrize("name", ["a.ttl", "a.ttl.gz"])
def test_a_byte_order_mark_is_passed_over(name: str, tmp_path: Path) -> None:
    assert count(sources.files({put(tmp_path / name, "\ufeff" + TURTLE): ""}, "it", {})) == 1


def test_what_is_no_file_says_what_would_help(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a folder; name the files in it"):
        sources.files({tmp_path: ""}, "it", {}, cache=tmp_path)
    with pytest.raises(SourceError, match="nothing is fetched"):
        sources.files({Path("https://e.example/a.ttl"): ""}, "it", {}, cache=tmp_path)


def test_indexes_are_kept_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert indexes.home() == tmp_path / "spacecoop" / "index"

    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert indexes.home().is_absolute()
