"""What is exported as Jelly is read back by others as what it was."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, parse
from rdflib import Dataset

from conftest import REPOSITORY, Run
from spacecoop import workspace
from spacecoop.stores import exports, jelly
from spacecoop.stores.exports import FORMATS, ExportError, Form

PLACE = workspace.read(REPOSITORY)
DUMP = REPOSITORY / "out" / "dataset.nq"


def by_rdflib(data: bytes) -> set[tuple[str, ...]]:
    """What rdflib reads by pyjelly's plug-in."""
    import rdflib

    rdflib.NORMALIZE_LITERALS = False
    return {
        tuple(term.n3() if term else "" for term in quad) for quad in Dataset().parse(data=data, format="jelly").quads()
    }


def by_pyjelly(path: Path) -> list[str]:
    """What pyjelly itself reads, in its order, as N-Quads without the last full stop."""
    from pyjelly.integrations.generic.parse import parse_jelly_flat

    with path.open("rb") as file:
        return [" ".join(str(term) for term in statement).strip() for statement in parse_jelly_flat(file)]


def test_the_whole_dataset_comes_back_from_rdflib(tmp_path: Path) -> None:
    import rdflib

    (path,) = exports.write(PLACE, Form(FORMATS["jelly"]), tmp_path / "all.jelly")

    rdflib.NORMALIZE_LITERALS = False
    wanted = Dataset().parse(DUMP, format="nquads")
    assert by_rdflib(path.read_bytes()) == {
        tuple(term.n3() if term else "" for term in quad) for quad in wanted.quads()
    }
    assert path.stat().st_size < DUMP.stat().st_size / 4


def test_the_order_of_the_dataset_is_kept(tmp_path: Path) -> None:
    (path,) = exports.write(PLACE, Form(FORMATS["jelly"]), tmp_path / "all.jelly")
    graphs = [line.rpartition(" ")[2] for line in by_pyjelly(path)]

    assert graphs == [str(quad.graph_name) for quad in parse(path=str(DUMP))]


def test_every_kind_of_term_comes_back_as_it_was(tmp_path: Path) -> None:
    node, day = NamedNode("https://example.org/a"), NamedNode("http://www.w3.org/2001/XMLSchema#date")
    objects: list[Literal | BlankNode | NamedNode] = [
        Literal(""),
        Literal("plain \U0001f680"),
        Literal("mot", language="fr"),
        Literal("2026-01-02", datatype=day),
        Literal("01", datatype=NamedNode("http://www.w3.org/2001/XMLSchema#integer")),
        BlankNode("b"),
        NamedNode("https://example.org/é#x"),
        NamedNode("urn:x"),
    ]
    quads = [Quad(node, node, one, graph) for one in objects for graph in (DefaultGraph(), NamedNode("urn:g"))]
    jelly.write(quads, tmp_path / "all.jelly")

    assert by_pyjelly(tmp_path / "all.jelly") == [str(quad) for quad in quads]


def test_the_same_dataset_gives_the_same_bytes_under_any_hash_seed(run: Run, tmp_path: Path) -> None:
    names = [tmp_path / f"{seed}.jelly.gz" for seed in "123"]
    for path in names:
        done = run("export", "--format", "jelly", "--gzip", "-o", path, PYTHONHASHSEED=path.stem[0])
        assert done.returncode == 0, done.stderr

    assert len({path.read_bytes() for path in names}) == 1
    assert by_rdflib(gzip.decompress(names[0].read_bytes()))


def test_parts_hold_together_all(tmp_path: Path) -> None:
    paths = exports.write(PLACE, Form(FORMATS["jelly"], split=1000), tmp_path)
    parts = [by_pyjelly(path) for path in paths]

    assert max(map(len, parts)) == 1000
    assert sum(map(len, parts)) == DUMP.read_bytes().count(b"\n")


def test_without_the_library_the_extra_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyjelly", None)

    with pytest.raises(ExportError, match=r"pip install 'spacecoop\[jelly\]'"):
        exports.write(PLACE, Form(FORMATS["jelly"]), tmp_path / "all.jelly")

    assert list(tmp_path.iterdir()) == []
