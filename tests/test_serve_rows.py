"""How many rows a document of results has, counted while it is written."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, Store

from spacecoop.server import rows, worker

PIECES = [*'a"\\{}[]:,<>\n\r\t', "<result>", '},{"x":{', '\\"', ",{", "é"]
STRANGE = st.lists(st.sampled_from(PIECES), max_size=10).map("".join)


def written(values: list[str], text: str, kind: str) -> tuple[bytes, int]:
    store = Store()
    for number, value in enumerate(values):
        store.add(Quad(NamedNode(f"https://a.example/{number}"), NamedNode("https://a.example/p"), Literal(value)))
    store.add(Quad(NamedNode("https://a.example/x"), NamedNode("https://a.example/q"), NamedNode("https://a.example/")))
    found = store.query(text)
    number = sum(1 for _ in store.query(text))  # type: ignore[misc,union-attr]
    document = found.serialize(format=worker.RESULTS[kind])  # type: ignore[arg-type]
    assert document is not None
    return document, number


@pytest.mark.parametrize("kind", list(worker.RESULTS))
@given(st.lists(STRANGE, max_size=8), st.integers(1, 40), st.booleans())
def test_rows_are_counted_as_the_engine_counts_them(kind: str, values: list[str], step: int, sparse: bool) -> None:
    text = (
        "SELECT * { { ?s ?p ?o } UNION { ?s <https://a.example/q> ?x } UNION {} }"
        if sparse
        else "SELECT * { ?s ?p ?o }"
    )
    document, number = written(values, text, kind)
    count = rows.counter(kind)

    assert sum(count(document[at : at + step]) for at in range(0, len(document), step)) == number


@pytest.mark.parametrize("kind", list(worker.RESULTS))
def test_a_document_without_columns_has_rows_too(kind: str) -> None:
    document, number = written([], "SELECT * {}", kind)

    assert (rows.counter(kind)(document), number) == (1, 1)


def test_triples_are_the_same_whether_they_are_counted_or_not() -> None:
    store = Store()
    picked = random.Random(3)  # noqa: S311
    for _ in range(300):
        store.add(Quad(*(NamedNode(f"https://a.example/{picked.randrange(20)}") for _ in range(3))))
    text = "CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }"
    question: dict[str, Any] = {"query": text, "base": "https://a.example/", "default": [], "named": []}
    for kind, syntax in worker.GRAPHS.items():
        output = io.BytesIO()
        number = worker.answer(store, {**question, "accept": [kind]}, output, 1_000)

        assert number == sum(1 for _ in store.query(text))  # type: ignore[misc,union-attr]
        frames = io.BytesIO(output.getvalue())
        assert worker.receive(frames) == kind.encode()
        body = bytearray()
        while (part := worker.receive(frames)) is not None:
            body += part
        assert body == store.query(text).serialize(format=syntax)  # type: ignore[arg-type]
        with pytest.raises(worker.TooMany):
            worker.answer(store, {**question, "accept": [kind]}, io.BytesIO(), number - 1)
        assert worker.answer(store, {**question, "accept": [kind]}, io.BytesIO(), number) == number


def test_an_answer_ends_at_its_rows() -> None:
    store = Store()
    for number in range(50):
        store.add(Quad(NamedNode(f"https://a.example/{number}"), NamedNode("https://a.example/p"), Literal(number)))
    question: dict[str, Any] = {
        "query": "SELECT * { ?s ?p ?o }",
        "base": "https://a.example/",
        "default": [],
        "named": [],
    }
    for kind in worker.RESULTS:
        assert worker.answer(store, {**question, "accept": [kind]}, io.BytesIO(), 50) == 50
        with pytest.raises(worker.TooMany):
            worker.answer(store, {**question, "accept": [kind]}, io.BytesIO(), 49)
