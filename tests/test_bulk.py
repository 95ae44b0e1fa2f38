"""Articles a line each are published as those of fact files are, and what is wrong with a line is told at that line."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
import yaml

from spacecoop import documents, publish, workspace
from spacecoop.facts import bulk
from spacecoop.findings import Finding


def leaflet(slug: str | None, number: int, sky: str = "clear") -> str:
    """One line."""
    named = {} if slug is None else {"slug": slug}
    sighting = {"id": "this:morning", "species": "crane", "count": number, "weather": {"sky": sky, "wind": 2.5}}
    printed = {"on": "2026-03-01T08:00:00Z"}
    iri = f"https://example.org/leaflets/{number}"
    return json.dumps({**named, "id": iri, "a": "Leaflet", "printed": printed, "sightings": [sighting]})


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def told(place: Path) -> list[Finding]:
    return publish.validate(workspace.read(place), cached=False)


@pytest.fixture
def empty(birds: Path) -> Path:
    """The birds without an article."""
    for path in (birds / "articles").iterdir():
        path.unlink()
    return birds


def test_lines_and_fact_files_give_the_same_bytes(empty: Path, tmp_path: Path) -> None:
    odd = 'a "b" \\/ \U0001f680 \u2028 é\n\x7f\x85 \\ud83d'
    texts = [leaflet("one", 1), leaflet("two", 2, odd), leaflet("three", 3)]
    assert "\\ud83d\\ude80" in texts[1]
    other = Path(shutil.copytree(empty, tmp_path / "other"))
    (empty / "articles" / "many.jsonl").write_text("\n".join([*texts[:2], "", f"{texts[2]}\r"]), "utf-8")
    for text in texts:
        data = json.loads(text)
        name = data.pop("slug")
        (other / "articles" / f"{name}.yaml").write_text(yaml.safe_dump(data), "utf-8")

    publish.publish(workspace.read(empty))
    publish.publish(workspace.read(other))

    assert files(empty / "out") == files(other / "out")
    assert json.loads((empty / "out" / "article" / "two.jsonld").read_text("utf-8"))
    (empty / "articles" / "many.jsonl").unlink()
    with gzip.open(empty / "articles" / "packed.jsonl.gz", "wt") as stream:
        stream.write("\n".join(texts))
    publish.publish(workspace.read(empty))
    assert files(empty / "out") == files(other / "out")
    assert len(list((empty / ".cache" / "bulk").iterdir())) == 1


def test_a_line_without_a_slug_is_named_by_its_id(empty: Path) -> None:
    (empty / "articles" / "many.jsonl").write_text(leaflet(None, 1))
    publish.publish(workspace.read(empty))
    named = bulk.name("https://example.org/leaflets/1")

    assert (empty / "out" / "article" / f"{named}.nq").is_file()
    (empty / "articles" / "many.jsonl").write_text(f"{leaflet(None, 2)}\n{leaflet(None, 1)}")
    publish.publish(workspace.read(empty))
    assert (empty / "out" / "article" / f"{named}.nq").is_file()


def test_what_is_wrong_with_a_line_is_told_there_and_the_others_are_read(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        leaflet("good", 1),
        '{"slug": "cut", "id": ',
        "[1]",
        '{"slug": "a", "slug": "b", "id": "https://example.org/leaflets/4"}',
        leaflet("unknown", 5).replace('"species"', '"spices"'),
        '{"a": "Leaflet"}',
        leaflet("good", 7),
        leaflet("../bad", 8),
        leaflet("long", 9, "x" * 5_000),
        leaflet("same", 1),
        '{"slug": "deep", "id": ' + "[" * 2_000 + "]" * 2_000 + "}",
        '{"slug": "lone", "id": "https://example.org/leaflets/12", "sightings": [{"weather": {"sky": "\\ud83d"}}]}',
    ]
    monkeypatch.setattr(bulk, "MOST_BYTES", 4_500)
    path = empty / "articles" / "many.jsonl"
    path.write_bytes("\n".join(lines).encode() + b'\n{"slug": "\xff"}\n')

    at = {(found.place.line, found.rule) for found in told(empty) if found.place.file == "articles/many.jsonl"}

    wanted = {
        2: "json",
        3: "not-a-mapping",
        4: "duplicate-key",
        5: "unknown-key",
        6: "line-nameless",
        7: "duplicate-id",
    }
    wanted |= {8: "bad-slug", 9: "line-size", 10: "article-twice", 12: "yaml", 13: "not-utf8"}
    assert set(wanted.items()) <= at
    assert {line for line, _ in at} == {*wanted, 11}
    column = next(found for found in told(empty) if found.rule == "unknown-key").place.column
    assert lines[4][column - 1 :].startswith('"spices"')
    with pytest.raises(publish.Rejected):
        publish.publish(workspace.read(empty))
    assert not (empty / "out").exists()


def test_findings_that_were_kept_move_with_their_line(empty: Path) -> None:
    place, path = workspace.read(empty), empty / "articles" / "many.jsonl"
    wrong = leaflet("wrong", 5).replace('"species"', '"spices"')
    path.write_text(f"{leaflet('a', 1)}\n{wrong}\n")
    assert {found.place.line for found in publish.validate(place)} == {2}

    path.write_text(f"{leaflet('b', 2)}\n{leaflet('a', 1)}\n{wrong}\n")
    assert {found.place.line for found in publish.validate(place)} == {3}
    assert publish.validate(place) == publish.validate(place, cached=False)
    assert [found.place.line for found in publish.validate(place, [path])] == [
        found.place.line for found in publish.validate(place)
    ]


def test_a_packed_file_that_is_cut_or_none_or_a_bomb_is_told(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = empty / "articles" / "many.jsonl.gz"
    whole = gzip.compress("\n".join(leaflet(f"s{number}", number) for number in range(1, 50)).encode())
    for data, rule in (
        (whole[: len(whole) // 2], "gzip"),
        (b"no gzip at all", "gzip"),
        (whole[:-6] + b"xxxxxx", "gzip"),
    ):
        path.write_bytes(data)
        assert [found.rule for found in told(empty) if found.place.file.endswith(".gz")] == [rule]

    monkeypatch.setattr(bulk, "_ANYWAY", 1_000_000)
    path.write_bytes(gzip.compress(b"\n" * 5_000_000))
    assert [found.rule for found in told(empty) if found.place.file.endswith(".gz")] == ["packed-size"]
    path.write_bytes(gzip.compress(b"x" * 30_000_000))
    said = [found.rule for found in told(empty) if found.place.file.endswith(".gz")]
    assert sorted(said) == ["line-size", "packed-size"]
    assert sum(one.stat().st_size for one in (empty / ".cache" / "bulk").iterdir()) < 10_000_000


def test_a_line_that_is_much_too_long_is_passed_over(empty: Path) -> None:
    path = empty / "articles" / "many.jsonl"
    with path.open("wb") as stream:
        stream.write(b'{"id": "')
        stream.truncate(100_000_000)  # a hole: no disk is needed
        stream.seek(0, 2)
        stream.write(f"\n{leaflet('b', 2)}\n".encode())

    assert [(found.place.line, found.rule) for found in told(empty)] == [(1, "line-size")]


def test_a_text_keeps_its_words_as_yaml() -> None:
    for text in ('{"a": "\\u2028\u2028\\\\u0041\\u0041 \x7f"}', '{"a":1,"b":[true,null,"x:y"]}', '{\t"a"\t:\t"b"\t}'):
        assert documents.read(bulk.as_yaml(text).encode(), "x").data == json.loads(text)
