from __future__ import annotations

from typing import Any

import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, Store

from spacecoop.queries import sparql
from spacecoop.queries.sparql import (
    QueryError,
    bound,
    explain,
    find_undeclared,
    form,
    is_ordered,
    mask,
    outward,
    redirect,
    write_term,
)

ECHO = "SELECT ?x WHERE { VALUES ?x { UNDEF } FILTER (BOUND(?x)) }"
ATTACKS = [
    '" } INSERT DATA { <a:a> <a:b> <a:c> } #',
    "' } UNION { ?s ?p ?o } #",
    '""" } #',
    "\\",
    '\\" } #',
    "\\u0022 } #",
    "\\\\u0022 } #",
    "\\U00000022 } #",
    "\\u005C\\u0022 }",
    "\n} } # \r\n",
    "?x $x <http://e/> { } # \t",
    "\u2028\u0085\x0b\x00\x7f",
    "}",
    "UNDEF",
    "𝔘\U0010ffff",
]


def echoed(value: str) -> tuple[str, str]:
    """What two engines make of a string that is bound."""
    text = bound(ECHO, {"x": [Literal(value)]})
    answer: Any = Store().query(text)
    (solution,) = answer
    row: Any = next(iter(rdflib.Graph().query(text)))
    return solution["x"].value, str(row[0])


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_string_that_would_end_its_block_comes_back_as_it_is_from_two_engines(attack: str) -> None:
    assert echoed(attack) == (attack, attack)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\uU\"'{}#<>\n\r0041")))
def test_any_string_comes_back_as_it_is_from_two_engines(text: str) -> None:
    assert echoed(text) == (text, text)


@pytest.mark.parametrize("iri", ["http://e/> } #", "http://e/a b", "http://e/\\u003E", 'http://e/"', "http://e/{"])
def test_what_is_not_an_iri_is_not_bound(iri: str) -> None:
    try:
        node = NamedNode(iri)
    except ValueError:
        return
    with pytest.raises(QueryError, match="is not an IRI"):
        write_term(node)


def test_a_blank_node_is_not_bound() -> None:
    with pytest.raises(QueryError, match="only an IRI or a literal"):
        write_term(BlankNode("a"))


def test_several_values_and_none_at_all_are_bound() -> None:
    several = bound(ECHO, {"x": [NamedNode("http://e/a"), Literal("b", language="fr")]})
    none = bound(several, {"x": []})

    assert 'VALUES ?x { <http://e/a> "b"@fr }' in several
    assert none == ECHO


def test_every_block_of_a_name_is_bound_and_no_other_name() -> None:
    text = "SELECT * { VALUES ?x { 1 } VALUES ?xy { 2 } { SELECT * { values $x\n{ 1 } } } } # VALUES ?x { 1 }"

    done = bound(text, {"x": [Literal("é")]})

    assert done.count('"é"') == 2
    assert "?xy { 2 }" in done
    assert done.endswith("# VALUES ?x { 1 }")


def test_a_name_without_a_block_says_what_to_write() -> None:
    with pytest.raises(QueryError, match=r"write VALUES \?y { UNDEF } where it is to be bound"):
        bound(ECHO, {"y": []})


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { SERVICE <http://e/> { ?s ?p ?o } }",
        "SELECT * { service silent <http://e/> { ?s ?p ?o } }",
        "SELECT * { ?s ?p ?o . FILTER EXISTS { SERVICE <http://e/> { ?s ?p ?o } } }",
        "SELECT * { { SELECT * { OPTIONAL { SERVICE#\n<http://e/> { ?s ?p ?o } } } } }",
        "PREFIX e: <http://e/> SELECT * { SERVICE e: { ?s ?p ?o } }",
        "ASK { FILTER (?a<?b) # '''\n SERVICE <http://e/> { ?s ?p ?o } # '''\n }",
    ],
)
def test_a_service_is_found_wherever_it_stands(text: str) -> None:
    assert outward(text, {}).services == ("http://e/",)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { S\\u0045RVICE <http://e/> { ?s ?p ?o } }",
        "SELECT * { \\u0053\\u0045\\u0052\\u0056\\u0049\\u0043\\u0045 <http://e/> { ?s ?p ?o } }",
        "SELECT * FR\\U0000004FM <http://e/> { ?s ?p ?o }",
    ],
)
def test_a_keyword_hidden_by_escapes_is_never_taken_for_harmless(text: str) -> None:
    try:
        found = outward(text, {})
    except QueryError:
        return
    assert found.services or found.graphs


def test_a_service_named_by_a_variable_is_found() -> None:
    assert outward("SELECT * { ?x ?y ?e . SERVICE ?e { ?s ?p ?o } }", {}).services == ("?e",)


def test_the_words_alone_are_harmless() -> None:
    text = 'SELECT * { ?service ?from "SERVICE <http://e/> {" . <http://e/service> ?p 1 } # FROM <http://e/>'

    assert outward(text, {}) == sparql.Outward()


def test_graphs_of_from_are_found() -> None:
    text = "PREFIX e: <http://e/> SELECT * FROM <http://g/> FROM NAMED e:n { ?s ?p ?o }"

    assert outward(text, {}).graphs == ("http://g/", "http://e/n")


def test_an_iri_of_from_or_service_is_completed_by_the_base() -> None:
    text = "BASE <http://e/x/> SELECT * FROM <g> { SERVICE <s> { ?s ?p ?o } }"

    assert sparql.outward(text, {}) == sparql.Outward(("http://e/x/s",), ("http://e/x/g",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * { ?s ?p ?o }", "SELECT ?s ?p ?o { ?s ?p ?o }"),
        ("select distinct*{ ?s ?p ?o }", "select distinct ?s ?p ?o { ?s ?p ?o }"),
        ("# SELECT *\nSELECT * { $p ?o '?s' . ?s ?p 1 }", "# SELECT *\nSELECT ?p ?o ?s { $p ?o '?s' . ?s ?p 1 }"),
        ("SELECT ?s { { SELECT * { ?s ?p ?o } } }", "SELECT ?s { { SELECT * { ?s ?p ?o } } }"),
        ("SELECT (COUNT(*) AS ?o) { ?s ?p ?x }", "SELECT (COUNT(*) AS ?o) { ?s ?p ?x }"),
        ("SELECT * { <e:s> <e:p> <e:o> }", "SELECT * { <e:s> <e:p> <e:o> }"),
        ("SELECT * { ?s ?p ?\\u006f }", "SELECT * { ?s ?p ?\\u006f }"),
    ],
)
def test_a_star_gives_the_columns_in_the_order_of_the_query(text: str, expected: str) -> None:
    assert sparql.spell_out(text, ["o", "p", "s"]).replace("o{", "o {") == expected


def test_a_service_is_found_in_a_text_that_no_parser_reads() -> None:
    assert outward("SELECT * { SERVICE <http://e/> { } LATERAL { } <<<", {}).services == ("http://e/",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * {}", "SELECT"),
        ("# DELETE\nPREFIX ask: <http://e/DELETE> construct WHERE {}", "CONSTRUCT"),
        ("BASE <http://e/SELECT> DESCRIBE <a>", "DESCRIBE"),
        ("INSERT { ?s ?p ?o } WHERE { SELECT * {} }", "UPDATE"),
        ("LOAD <http://e/>", "UPDATE"),
        ("PREFIX e: <http://e/> WITH e:g DELETE { } WHERE { }", "UPDATE"),
        ("?select {}", ""),
    ],
)
def test_the_form_of_a_query_is_told(text: str, expected: str) -> None:
    assert form(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * {} ORDER BY ?s", True),
        ("SELECT * {} order\nby ?s LIMIT 1", True),
        ("SELECT * { { SELECT * {} ORDER BY ?s } }", False),
        ("SELECT * {} # ORDER BY ?s", False),
        ("SELECT * { ?s ?p 'ORDER BY ' }", False),
        ("SELECT * {} ORDER BY ?s VALUES ?s { 1 }", True),
    ],
)
def test_whether_a_query_orders_its_rows_is_told(text: str, expected: bool) -> None:
    assert is_ordered(text) is expected


def test_masking_keeps_every_place() -> None:
    text = "SELECT * { ?s <http://e/#a> '''}\n''' } # }"

    assert len(mask(text)) == len(text)
    assert mask(text).count("}") == 1
    assert mask(text).count("\n") == 1


def test_prefixes_that_are_used_and_not_declared_are_told() -> None:
    known = {"a": "http://a/", "b": "http://b/", "c": "http://c/"}

    assert find_undeclared("PREFIX a: <http://e/> SELECT * { a:x b:y 'c:z' }", known) == {"b": "http://b/"}


def explained(text: str) -> str:
    with pytest.raises(SyntaxError) as caught:
        Store().query(text, prefixes={"known": "http://e/"})
    return explain(caught.value, text, {"known": "http://e/"})


def test_a_syntax_error_is_shown_in_its_line() -> None:
    assert explained("SELECT *\n{ ?s ?p ?o ]") == (
        "line 2, column 13: this is not SPARQL, here or shortly before\n  { ?s ?p ?o ]\n              ^"
    )


def test_a_missing_prefix_that_is_known_somewhere_gets_the_line_to_add() -> None:
    told = explained("SELECT *\n{ ?s known:a skos:Concept }")

    assert told == (
        "line 2, column 14: the prefix skos: is not declared; add this line: "
        "PREFIX skos: <http://www.w3.org/2004/02/skos/core#>\n  { ?s known:a skos:Concept }\n               ^"
    )


def test_a_service_is_led_elsewhere_and_nothing_else_is_touched() -> None:
    text = "SELECT * { SERVICE SILENT <http://e/> { ?s ?p 'SERVICE <http://e/>' } } # SERVICE <http://e/>"

    done = redirect(text, ["http://e/"], {"http://e/": "GRAPH <http://g/>"})

    assert done == "SELECT * {  GRAPH <http://g/> { ?s ?p 'SERVICE <http://e/>' } } # SERVICE <http://e/>"


def test_a_service_that_cannot_be_led_elsewhere_is_refused() -> None:
    with pytest.raises(QueryError, match="in full"):
        redirect("SELECT * { SERVICE e: { } }", ["http://e/"], {"http://e/": "GRAPH <http://g/>"})


def test_of_a_long_line_of_a_query_what_is_around_the_place_is_shown() -> None:
    told, source, caret = explained(f"SELECT * {{ {'?s ?p ?o . ' * 2000} ?s ! }}").splitlines()
    assert "column 22" in told
    assert len(source) < 200
    assert "!" in source[caret.index("^") - 4 : caret.index("^") + 3]
