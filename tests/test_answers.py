"""What stores answer, read."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Quad, QueryResultsFormat, QuerySolutions, Store

from spacecoop.stores import answers

IRI = "https://a.example/é"
QUERY = "SELECT ?g ?s ?p ?o WHERE { GRAPH ?g { ?s ?p ?o } }"
XSD = "http://www.w3.org/2001/XMLSchema#"
TERMS = (
    Literal("é\n\t 'x' \"y\" \\ <z> &"),
    Literal(""),
    Literal("x", language="zh-hans"),
    Literal("7", datatype=NamedNode(f"{XSD}integer")),
    Literal("-1.5", datatype=NamedNode(f"{XSD}decimal")),
    Literal("true", datatype=NamedNode(f"{XSD}boolean")),
    Literal("2019-03-25", datatype=NamedNode(f"{XSD}date")),
    NamedNode(IRI),
)


def answered(syntax: QueryResultsFormat, *terms: Literal | NamedNode) -> bytes:
    one = NamedNode(IRI)
    store = Store()
    store.extend(Quad(one, one, term, NamedNode(f"{IRI}{n % 3}")) for n, term in enumerate(terms))
    found = store.query(QUERY)
    assert isinstance(found, QuerySolutions)
    return found.serialize(format=syntax) or b""


def lines(*terms: Literal | NamedNode) -> list[str]:
    return sorted(str(Quad(NamedNode(IRI), NamedNode(IRI), term).triple) for term in terms)


def test_a_table_gives_the_same_triples_as_json_and_xml() -> None:
    table = answers.read_table(answered(QueryResultsFormat.TSV, *TERMS))
    json = answers.read_json(answered(QueryResultsFormat.JSON, *TERMS), "gspo")
    plain = (
        answered(QueryResultsFormat.XML, *TERMS).replace(b"&#10;", b"\n").replace(b"&#9;", b"\t")
    )  # as Virtuoso does
    xml = answers.read_xml(plain, "gspo")

    assert {graph: len(some) for graph, some in table.items()} == {f"{IRI}0": 3, f"{IRI}1": 3, f"{IRI}2": 2}
    assert sorted(line for some in table.values() for line in some) == lines(*TERMS)
    for rows in (json, xml):
        assert rows is not None
        assert sorted(f"{row['s']} {row['p']} {row['o']}" for row in rows) == lines(*TERMS)


def test_a_large_table_is_read_as_a_small_one() -> None:
    many = [Literal(f"x {n}", language="en") for n in range(2_500)]
    odd = [*many, Literal("a\\b"), Literal("3", datatype=NamedNode(f"{XSD}integer"))]

    for terms in (many, odd):
        found = answers.read_table(answered(QueryResultsFormat.TSV, *terms))
        assert sorted(line for some in found.values() for line in some) == lines(*terms)


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "a&#7;b", " a", "a ", "a\n", "\ta", "   ", "a<!-- b -->"])
def test_xml_that_cannot_say_what_is_there_is_not_believed(text: str) -> None:
    answer = answered(QueryResultsFormat.XML, Literal("abc")).replace(b"abc", text.encode())

    assert answers.read_xml(answer, "gspo") is None


@pytest.mark.parametrize(
    "table", [b"", b"?g\t?s\t?p\t?o\n<g>\t<s>\t<p>\t<o>", b"<html>", b"?g\t?s\t?p\t?o\n<g>\t<s>\t<p>\n"]
)
def test_a_table_that_is_cut_or_none_is_refused(table: bytes) -> None:
    with pytest.raises(SyntaxError):
        answers.read_table(table)


def test_rows_without_a_value_are_refused() -> None:
    with pytest.raises(SyntaxError, match=r"no value for \?x"):
        answers.read_json(answered(QueryResultsFormat.JSON, *TERMS), ["x"])
