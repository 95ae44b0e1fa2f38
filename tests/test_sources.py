from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode, Quad, Store

from spacecoop.queries import sources
from spacecoop.queries.sources import Local, SourceError
from spacecoop.queries.sparql import QueryError

TURTLE = '<http://e/a> <http://www.w3.org/2000/01/rdf-schema#label> "A"@en .'
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"


def count(source: Local) -> int:
    answer: Any = source.answer(COUNT)
    (row,) = answer
    return int(row["n"].value)


def put(path: Path, text: str = TURTLE) -> Path:
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.ttl", "a.nt", "a.nq", "a.trig", "a.ttl.gz", "a.n3", "A.TTL"])
def test_a_file_is_read_by_its_ending_packed_or_not(name: str, tmp_path: Path) -> None:
    assert count(sources.files({put(tmp_path / name): ""}, "it", {})) == 1


def test_several_files_are_seen_as_one(tmp_path: Path) -> None:
    one, other = put(tmp_path / "a.ttl"), put(tmp_path / "b.nq", "<e:s> <e:p> <e:o> <e:graph> .")

    assert count(sources.files({one: "", other: ""}, "both", {})) == 2


def test_a_file_may_go_to_a_graph(tmp_path: Path) -> None:
    source = sources.files({put(tmp_path / "a.nt"): "http://e/g"}, "it", {})

    assert source.has_graph("http://e/g")
    assert not source.has_graph("http://e/other")
    assert not source.has_graph("not an iri")


def test_a_store_is_opened_to_be_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.add(Quad(NamedNode("e:s"), NamedNode("e:p"), NamedNode("e:o"), NamedNode("e:g")))
    store.flush()
    del store

    assert count(sources.folder(tmp_path / "store", {})) == 1


def test_a_store_that_is_being_written_is_not_read(tmp_path: Path) -> None:
    import subprocess
    import sys

    opened = f"s = pyoxigraph.Store({str(tmp_path / 'store')!r})"
    program = f"import pyoxigraph, sys; {opened}; print('up', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(SourceError, match="open for writing"):
            sources.folder(tmp_path / "store", {})
        assert writer.stdin is not None
        writer.stdin.close()


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not the folder of an Oxigraph store"):
        sources.folder(tmp_path, {})


def test_names_that_several_things_have_are_not_guessed(tmp_path: Path) -> None:
    source = sources.files({put(tmp_path / "a.ttl", TURTLE + TURTLE.replace("http://e/a", "http://e/b")): ""}, "it", {})

    with pytest.raises(QueryError, match="may be any of a, b; say which"):
        source.resolve("A", "")


def test_labels_come_in_the_first_language_that_there_is(tmp_path: Path) -> None:
    labels = "".join(
        f'<http://e/{thing}> <http://www.w3.org/2000/01/rdf-schema#label> "{text}"@{language} .'
        for thing, text, language in [("a", "A-fr", "fr"), ("a", "A-en", "en"), ("b", "B-zh", "zh")]
    )
    source = sources.files({put(tmp_path / "a.ttl", labels): ""}, "it", {})

    assert source.labels(["http://e/a", "http://e/b", "http://e/c"], ("en", "fr")) == {
        "http://e/a": "A-en",
        "http://e/b": "B-zh",
    }
