"""A quick push looks at what changed since the last one, and at everything where it cannot be sure what that left."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyoxigraph import NamedNode

import storetest
from spacecoop import cli
from storetest import BASE, Graphs, Stub, article, dataset, lines_of, published, status

OWL = f"{BASE}article/owl#assertion"
WHOLE = f"{BASE}graph/push#whole"
SUM = NamedNode("http://schema.org/sha256")
Push = Callable[..., str]


@pytest.fixture
def stub() -> Iterator[Stub]:
    with storetest.stub() as here:
        yield here


@pytest.fixture
def push(stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Push:
    def do(made: Graphs, *words: str, code: int = 0) -> str:
        published(tmp_path, made)
        stub.requests.clear()
        assert cli.main(["-C", str(tmp_path), "push", stub.url, "--dialect", "oxigraph", *words]) == code
        return capsys.readouterr().out

    return do


def looked_at_all(stub: Stub) -> bool:
    return any("GROUP BY" in one.text and "VALUES" not in one.text for one in stub.requests if not one.changes)


def is_settled(stub: Stub) -> bool:
    return any(stub.store.quads_for_pattern(NamedNode(WHOLE), SUM, None, None))


def test_an_edit_costs_questions_about_its_graphs_alone(stub: Stub, push: Push) -> None:
    first = dataset("owl", "tit")
    edited = first | article("owl", word="heard")
    push(first)
    said = push(edited, "--quick")
    again = push(edited, "--quick")

    assert "written: 1 graph of 3 triples" in said
    assert "proven: 2 of 2 graphs (4 triples): 1 read whole and compared, 1 only counted" in said
    assert "believed: 3 graphs (6 triples)" in said
    assert "believed: 5 graphs (10 triples)" in again
    assert not looked_at_all(stub)
    assert stub.changes == []
    assert stub.lines() == lines_of(edited)
    assert "5 read whole and compared" in push(edited, "--verify-only")


def test_what_comes_and_goes_is_seen(stub: Stub, push: Push) -> None:
    push(dataset("owl", "tit"))
    push(dataset("owl", "jay"), "--quick", "--prune")
    assert not looked_at_all(stub)
    assert stub.lines() == lines_of(dataset("owl", "jay"))

    push(dataset("owl"), "--quick")  # the jay stays, no longer published
    assert not is_settled(stub)
    assert "2 graphs ours, no longer published" in push(dataset("owl"), "--quick")
    push(dataset("owl"), "--quick", "--prune")
    assert is_settled(stub)
    assert stub.lines() == lines_of(dataset("owl"))


@pytest.mark.parametrize("gone", ["graph", "cache", "damaged", "version", "two"])
def test_everything_is_looked_at_where_it_is_not_sure_what_the_last_push_left(
    stub: Stub, push: Push, tmp_path: Path, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = dataset("owl", "tit")
    push(made)
    (kept,) = (tmp_path / ".cache" / "pushed").iterdir()
    match gone:
        case "graph":
            stub.store.remove_graph(NamedNode(OWL))
        case "cache":
            kept.unlink()
        case "damaged":
            kept.write_bytes(kept.read_bytes().replace(b"/owl#", b"/tit#"))
        case "version":
            monkeypatch.setattr("spacecoop.stores.graphs.form", lambda: "0" * 64)
        case "two":
            line = f'<{WHOLE}> <http://schema.org/sha256> "{"0" * 64}"'
            stub.store.update(f"INSERT DATA {{ GRAPH <{BASE}graph/push> {{ {line} }} }}")

    said = push(made, "--quick")

    assert looked_at_all(stub)
    assert "believed" not in said
    assert stub.lines() == lines_of(made)


def test_a_push_that_stopped_leaves_nothing_to_believe(stub: Stub, push: Push) -> None:
    first = dataset("owl", "tit")
    edited = first | article("owl", word="heard")
    push(first)
    stub.fault(lambda request: request.method == "PUT", storetest.hang_up_after, 1)
    stub.fault(lambda request: request.method == "PUT", status(400), 1)
    push(edited, "--quick", code=1)

    assert not is_settled(stub)
    push(first, "--quick")
    assert stub.lines() == lines_of(first)
    assert is_settled(stub)


def test_a_graph_in_two_files_is_found_by_a_quick_push_too(
    stub: Stub, push: Push, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push(dataset("owl", "tit"))
    made = dataset("owl", "tit")
    published(tmp_path, made)
    file = tmp_path / "out" / "article" / "owl.nq"
    old = file.read_bytes()
    new = old.replace(b"owl#head> .", b"tit#head> .")
    file.write_bytes(new)
    manifest = tmp_path / "out" / "manifest.json"
    sums = [hashlib.sha256(one).hexdigest() for one in (old, new)]
    manifest.write_text(manifest.read_text("utf-8").replace(sums[0], sums[1]), "utf-8")

    assert cli.main(["-C", str(tmp_path), "push", stub.url, "--dialect", "oxigraph", "--quick"]) == 1
    assert f"the graph <{BASE}article/tit#head> is in" in capsys.readouterr().err
