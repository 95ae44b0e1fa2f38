from __future__ import annotations

from pathlib import Path

import pytest

from spacecoop import asking
from spacecoop.asking import AskError, Output, Question
from spacecoop.queries import indexes, library
from spacecoop.queries.sandbox import Limits

LINES = "".join(f'<http://e/{number}> <http://e/p> "{number}" .\n' for number in range(3_000))
COUNT = library.parse("SELECT (COUNT(*) AS ?n) { ?s ?p ?o . ?s ?q ?o }", "count", "count")


@pytest.fixture
def indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A file that counts as large, and where indexes are kept."""
    monkeypatch.setattr(indexes, "LARGE", 10)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    data = tmp_path / "data.nt"
    data.write_text(LINES)
    return data, tmp_path / "home" / "spacecoop" / "index"


def counted(data: Path, folder: Path) -> str:
    outcome = asking.ask(Question(COUNT, data=(data,)), Output("csv", folder / "n.csv"), Limits(), lambda _: None)

    assert outcome is not None
    assert outcome.source.endswith("indexed")
    return (folder / "n.csv").read_text()


def test_an_index_is_read_with_no_door_open(indexed: tuple[Path, Path], tmp_path: Path) -> None:
    data, cache = indexed

    assert counted(data, tmp_path) == counted(data, tmp_path) == "n\n3000\n"
    assert len([entry for entry in cache.iterdir() if entry.name != "digests"]) == 1


@pytest.mark.parametrize("much", [0.02, 0.5, 1])
def test_an_index_whose_bytes_have_turned_is_built_anew(
    much: float, indexed: tuple[Path, Path], tmp_path: Path
) -> None:
    data, cache = indexed
    counted(data, tmp_path)
    (index,) = (entry for entry in cache.iterdir() if entry.name != "digests")
    for part in index.glob("*.sst"):
        content = bytearray(part.read_bytes())
        turned = max(30, int(len(content) * much))
        content[:turned] = bytes(turned)
        part.write_bytes(content)

    assert counted(data, tmp_path) == "n\n3000\n"


def test_a_function_that_there_is_not_is_no_fault_of_the_index(indexed: tuple[Path, Path], tmp_path: Path) -> None:
    data, cache = indexed
    counted(data, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    unknown = library.parse("SELECT * { ?s ?p ?o FILTER (<http://e/f>(?o)) }", "it", "it")

    with pytest.raises(AskError, match="it: there is no function <http://e/f>"):
        asking.ask(Question(unknown, data=(data,)), Output("csv", tmp_path / "n.csv"), Limits(), lambda _: None)

    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == before


def test_the_columns_of_a_star_are_in_the_order_of_the_query(tmp_path: Path) -> None:
    (tmp_path / "data.nt").write_text('<http://e/s> <http://e/p> "o" .\n')
    star = library.parse("SELECT * { ?s ?p ?o }", "it", "it")

    asking.ask(
        Question(star, data=(tmp_path / "data.nt",)), Output("csv", tmp_path / "n.csv"), Limits(), lambda _: None
    )

    assert (tmp_path / "n.csv").read_bytes() == b"s,p,o\r\nhttp://e/s,http://e/p,o\r\n"


def test_several_readers_use_one_index_at_once(indexed: tuple[Path, Path], tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    data, _ = indexed
    folders = [tmp_path / str(number) for number in range(4)]
    for folder in folders:
        folder.mkdir()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(lambda folder: counted(data, folder), folders))

    assert answers == {"n\n3000\n"}


def test_a_million_rows_are_written_in_bounded_memory(tmp_path: Path) -> None:
    data = tmp_path / "data.nt"
    data.write_text(LINES[: LINES.index("<http://e/1000>")])
    all_pairs = library.parse("SELECT ?a ?b { ?a ?p ?x . ?b ?q ?y }", "pairs", "pairs")

    outcome = asking.ask(
        Question(all_pairs, data=(data,)), Output("csv", tmp_path / "rows.csv"), Limits(120, 300), lambda _: None
    )

    assert outcome is not None
    assert outcome.rows == 1_000_000
    with (tmp_path / "rows.csv").open() as stream:
        assert next(stream) == "a,b\n"
        assert next(stream) == "http://e/0,http://e/0\n"


def test_what_is_wrong_is_said_by_its_name(tmp_path: Path) -> None:
    wrong = library.parse("SELECT * { ?s", "wrong", "wrong")
    (tmp_path / "a.nt").write_text(LINES)

    with pytest.raises(AskError, match="wrong: line 1, column "):
        asking.ask(Question(wrong, data=(tmp_path / "a.nt",)), Output(), Limits(), lambda _: None)
