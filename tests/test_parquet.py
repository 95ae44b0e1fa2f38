"""Articles a row each of a Parquet file are published as those of lines are, and a file that cannot be read is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import Run
from spacecoop import publish, workspace
from spacecoop.facts import bulk, parquet
from test_bulk import empty, files, leaflet, told

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed; `.ci/extended` installs it")
pyarrow_parquet = pytest.importorskip("pyarrow.parquet")
pytestmark = pytest.mark.extended

__all__ = ["empty"]


def write(path: Path, rows: list[Any], **options: Any) -> None:
    """Write a file with one column of articles."""
    pyarrow_parquet.write_table(pyarrow.table({"article": rows}), path, **options)


def rules(place: Path) -> list[tuple[int, int, str]]:
    return [(one.place.line, one.place.column, one.rule) for one in told(place) if one.place.file.endswith(".parquet")]


def test_rows_and_lines_give_the_same_bytes(empty: Path) -> None:
    texts = [leaflet("one", 1), leaflet("two", 2, 'a\n"b" \U0001f680 \u2028'), leaflet(None, 3)]
    lines, rows = empty / "articles" / "many.jsonl", empty / "articles" / "many.parquet"
    lines.write_text("\n".join(texts), "utf-8")
    publish.publish(workspace.read(empty))
    wanted = files(empty / "out")
    lines.unlink()

    write(rows, [json.dumps(json.loads(text), indent=1) for text in texts], row_group_size=2)  # a row of many lines
    publish.publish(workspace.read(empty), cached=False)

    assert files(empty / "out") == wanted
    for kind in (pyarrow.large_binary(), pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), pyarrow.string_view()):
        write(rows, pyarrow.array(texts, pyarrow.string()).cast(kind), compression="zstd")
        assert rules(empty) == []
    assert len(list((empty / ".cache" / "bulk").iterdir())) == 1


def test_what_is_wrong_with_a_row_is_told_there_and_the_others_are_read(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = leaflet("unknown", 2).replace('"species"', '\n"spices"')
    rows = [leaflet("good", 1), unknown, None, '{"slug": "cut",\n "id": ', leaflet("long", 5, "x" * 5_000), "", "[1]"]
    monkeypatch.setattr(bulk, "MOST_BYTES", 4_500)

    write(empty / "articles" / "many.parquet", [row and row.encode() for row in [*rows, b"{\xff}".decode("latin-1")]])

    column = unknown.index('"spices"') + 1
    assert set(rules(empty)) >= {
        (2, column, "unknown-key"),
        (3, 1, "row-empty"),
        (4, len(rows[3] or "") + 1, "json"),
        (5, 1, "line-size"),
        (7, 1, "not-a-mapping"),
        (8, 2, "json"),
    }
    said = [one.line() for one in told(empty) if one.rule == "row-empty"]
    assert said and "as have 1 more rows" in said[0]
    with pytest.raises(publish.Rejected):
        publish.publish(workspace.read(empty))
    assert not (empty / "out").exists()


def test_a_file_that_cannot_be_read_is_told_with_what_would_help(empty: Path, tmp_path: Path) -> None:
    path = empty / "articles" / "many.parquet"
    write(tmp_path / "whole", [leaflet(f"s{number}", number) for number in range(40)], compression="zstd")
    whole = (tmp_path / "whole").read_bytes()
    middle = len(whole) // 2
    for data in (b"", b"not Parquet at all", whole[:-20], whole[:middle] + bytes(50) + whole[middle + 50 :]):
        path.write_bytes(data)
        assert "parquet" in {rule for _, _, rule in rules(empty)}

    for columns in ({"text": ["a"]}, {"article": [{"id": "a"}]}, {"article": [1]}):
        pyarrow_parquet.write_table(pyarrow.table(columns), path)
        assert [(line, rule) for line, _, rule in rules(empty)] == [(1, "parquet-column")]


def test_a_row_that_takes_too_much_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "MEGABYTES", 100)
    write(tmp_path / "huge", ["x" * 150_000_000], compression="zstd")

    assert (tmp_path / "huge").stat().st_size < 100_000
    assert parquet.copy(tmp_path / "huge", tmp_path / "copy", 8_000_000, 10**12).rule == "parquet-size"


def test_a_small_file_of_very_much_is_not_unpacked(tmp_path: Path) -> None:
    write(tmp_path / "bomb", ["x" * 100_000] * 1_000)

    read = parquet.copy(tmp_path / "bomb", tmp_path / "copy", 8_000_000, 1_000_000)

    assert (read.rule, len(read.sizes)) == ("packed-size", 10)
    assert (tmp_path / "copy").stat().st_size == 1_000_000


def test_without_pyarrow_it_is_said_what_to_install(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(empty / "articles" / "many.parquet", [leaflet("one", 1)])
    (empty / "articles" / "more.jsonl").write_text("{}")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    found = [one for one in told(empty) if one.place.file.endswith(".parquet")]

    assert [one.line("fr") for one in found] == [
        "articles/many.parquet:1:1: violation: pyarrow lit le Parquet, et il n'est pas installé; "
        "« pip install 'spacecoop[parquet]' » l'apporte [parquet-extra]"
    ]
    assert "line-nameless" in {one.rule for one in told(empty)}


def test_a_damaged_file_has_no_traceback(empty: Path, run: Run) -> None:
    (empty / "articles" / "many.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")

    done = run("-C", empty, "build")

    assert done.returncode == 1
    assert "articles/many.parquet:1:1: violation: this file could not be read within" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
