"""The dumps, partly joined from the articles' own files, are what writing all quads at once would give."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from spacecoop import output, publish, workspace
from spacecoop.cache import Cache
from spacecoop.harvest import dumps, feeds
from spacecoop.syntaxes import NQUADS, Syntax


@pytest.mark.parametrize("syntax", dumps.SYNTAXES, ids=[syntax.name for syntax in dumps.SYNTAXES])
def test_a_dump_is_what_all_quads_together_give(syntax: Syntax, tmp_path: Path) -> None:
    place = workspace.read(REPOSITORY)
    path = place.out / f"dataset{syntax.ending}"
    output.write(output.read(place.out / "dataset.nq"), tmp_path / path.name, syntax, place.prefixes)

    assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_words_that_look_like_the_end_of_a_line_stay_in_their_text(birds: Path) -> None:
    path = birds / "articles" / "cranes.yaml"
    odd = '"a <b> . \\n <c> .\\u2028 <d"'
    path.write_text(path.read_text("utf-8").replace("sky: clear", f"sky: {odd}"), "utf-8")
    place = workspace.read(birds)
    files = {one.path: one for one in publish.publish(place).files}

    quads = list(output.read(place.out / "dataset.nq"))
    triples = (place.out / "dataset.nt").read_text("utf-8").split("\n")
    assert any(" <d" in line for line in triples)
    assert sorted(triples[:-1]) == sorted(f"{quad.triple} ." for quad in quads)
    assert {files[name].statements for name in dumps.NAMES} == {len(quads)}
    assert (
        (place.out / "dataset.nq")
        .read_bytes()
        .startswith((place.out / "article" / f"cranes{NQUADS.ending}").read_bytes())
    )


def of(place: Path) -> dict[str, bytes]:
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def add(place: Path, name: str, word: str) -> None:
    """Write one more article about cranes."""
    text = (REPOSITORY / "tests" / "birds" / "articles" / "cranes.yaml").read_text("utf-8")
    text = text.replace("leaflets/1", f"leaflets/{name}").replace("sky: clear", f"sky: {word}")
    (place / "articles" / f"{name}.yaml").write_text(text, "utf-8")


def test_what_was_kept_of_earlier_builds_makes_no_difference_to_any_byte(birds: Path, tmp_path: Path) -> None:
    steps = [("m", "grey"), ("a", "blue"), ("z", "dark"), ("m", "light"), ("a", None), ("cranes-2", "odd"), ("m", None)]
    for name, word in steps:
        if word is None:
            (birds / "articles" / f"{name}.yaml").unlink()
        else:
            add(birds, name, word)
        publish.publish(workspace.read(birds))
        fresh = tmp_path / "fresh"
        shutil.copytree(birds, fresh, ignore=shutil.ignore_patterns("out", ".cache"))
        publish.publish(workspace.read(fresh), cached=False)
        assert of(birds / "out") == of(fresh / "out"), (name, word)
        shutil.rmtree(fresh)


def test_a_packed_dump_is_one_file_that_holds_the_plain_one(birds: Path) -> None:
    add(birds, "a", "grey")
    publish.publish(workspace.read(birds))

    for name in dumps.NAMES:
        packed = (birds / "out" / f"{name}.gz").read_bytes()
        assert gzip.decompress(packed) == (birds / "out" / name).read_bytes()
        members = len(list(output._members(birds / "out" / f"{name}.gz")))
        assert members == len(list((birds / "articles").iterdir())) + (1 if name.endswith((".nq", ".nt")) else 2)
    assert not (birds / "out" / dumps.ASIDE).exists()


def test_blocks_hold_together_what_the_dump_holds_and_each_article_keeps_its_own(birds: Path) -> None:
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[dumps]\nblocks = 3\n", "utf-8")
    for name in ("a", "b", "c", "d"):
        add(birds, name, "grey")
    place = workspace.read(birds)
    written = {one.path: one for one in publish.publish(place).files}
    names = dumps.block_names(place)

    assert names == ["blocks/0.nq.gz", "blocks/1.nq.gz", "blocks/2.nq.gz", "blocks/shared.nq.gz"]
    held = [gzip.decompress((birds / "out" / name).read_bytes()).splitlines() for name in names]
    together = sorted(line for lines in held for line in lines)
    assert together == sorted((birds / "out" / "dataset.nq").read_bytes().splitlines())
    assert [written[name].statements for name in names] == [len(lines) for lines in held]
    assert len([lines for lines in held[:3] if lines]) > 1
    own = dumps.block_of("a", 3)
    assert any(b"article/a#" in line for line in held[own])
    said = (birds / "out" / "catalog.ttl").read_text("utf-8")
    void = (birds / "out" / "void.ttl").read_text("utf-8")
    assert all(written[name].sha256 in said and name in void for name in names)

    before = {name: (birds / "out" / name).read_bytes() for name in names}
    add(birds, "b", "blue")
    publish.publish(place)
    changed = [name for name in names if (birds / "out" / name).read_bytes() != before[name]]
    assert {f"blocks/{dumps.block_of('b', 3)}.nq.gz"} <= set(changed) <= {names[dumps.block_of("b", 3)], names[3]}
    assert publish.check(place) == []


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a dump that is gone": lambda place: (place / "out" / "dataset.trig").unlink(),
    "a dump with another byte": lambda place: (place / "out" / "dataset.nt.gz").write_bytes(
        bytes([*(place / "out" / "dataset.nt.gz").read_bytes()[:-700], *b"x" * 700])
    ),
    "a layout that is wrong": lambda place: dumps.keep_layout({"cranes": [3] * 10, "a": [7]}, workspace.read(place)),
    "a layout of nonsense": lambda place: Cache(place / ".cache" / "dumps").keep({"layout": b'{"a": "x"}'}, ()),
    "a layout that is a list": lambda place: Cache(place / ".cache" / "dumps").keep({"layout": b"[]"}, ()),
    "a layout that is no JSON": lambda place: Cache(place / ".cache" / "dumps").keep({"layout": b"{"}, ()),
    "an article's file that is gone": lambda place: (place / "out" / "article" / "a.nq").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_dumps_and_caches_are_made_anew(birds: Path, damage: str) -> None:
    add(birds, "a", "grey")
    publish.publish(workspace.read(birds))
    wanted = of(birds / "out")
    add(birds, "a", "blue")
    publish.publish(workspace.read(birds))
    add(birds, "a", "grey")
    (birds / "history.tsv").write_bytes(wanted["feed/versions.tsv"])

    DAMAGES[damage](birds)
    publish.publish(workspace.read(birds))

    assert of(birds / "out") == wanted


def test_what_another_zlib_packed_stays_as_it_is_where_it_holds_the_same(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    path = birds / "out" / "dataset.nq.gz"
    ours = path.read_bytes()
    otherwise = b"".join(gzip.compress(member, 4, mtime=0) for member in output._members(path))
    assert otherwise != path.read_bytes()
    path.write_bytes(otherwise)

    publish.publish(workspace.read(birds), cached=False)
    assert path.read_bytes() == otherwise

    path.write_bytes(b"".join(gzip.compress(member, 9, mtime=0) for member in output._members(path)))  # as we did once
    publish.publish(workspace.read(birds), cached=False)
    assert path.read_bytes() == ours

    path.write_bytes(gzip.compress(gzip.decompress(otherwise), 4, mtime=0))  # one member, as no build packs
    publish.publish(workspace.read(birds), cached=False)
    assert len(list(output._members(path))) > 1


def test_a_page_of_the_feed_that_stays_what_it_was_is_taken_over_and_a_damaged_one_is_not(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    written = feeds._write_page

    def counted(quads: Any, path: Path, *rest: Any) -> output.Written:
        made.append(path.name)
        return written(quads, path, *rest)

    monkeypatch.setattr(feeds, "_write_page", counted)
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[feed]\npage = 2\n", "utf-8")
    for name in ("a", "b", "c", "d"):
        add(birds, name, "grey")
    publish.publish(workspace.read(birds))
    made.clear()

    add(birds, "e", "grey")
    publish.publish(workspace.read(birds))
    assert "1.trig" not in made
    assert feeds.ROOT in made

    made.clear()
    (birds / "out" / "feed" / "1.trig").write_text("# mine\n")
    publish.publish(workspace.read(birds))
    assert "1.trig" in made
    assert publish.check(workspace.read(birds)) == []
