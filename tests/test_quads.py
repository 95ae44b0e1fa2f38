from __future__ import annotations

import pytest
from pyoxigraph import Quad, RdfFormat, parse

from spacecoop import quads
from spacecoop.quads import DeriveError

DOCUMENT = "https://example.org/article/a"
PREFIX = "@prefix : <https://example.org/article/a#> . @prefix x: <https://example.org/x#> .\n"


def read(turtle: str) -> list[Quad]:
    return list(parse(PREFIX + turtle, format=RdfFormat.TURTLE, base_iri=DOCUMENT))


def test_the_same_facts_give_the_same_iris_whatever_else_stands_around_them() -> None:
    one, _, _ = quads.name_blank_nodes(read(":a x:p [ x:q 1 ; x:r [ x:s 2 ] ] ."), DOCUMENT)
    other, _, _ = quads.name_blank_nodes(read(":b x:p [ x:q 9 ] . :a x:p [ x:r [ x:s 2 ] ; x:q 1 ] ."), DOCUMENT)

    assert set(one) < set(other)
    assert not any(quads.has_blank_node(quad) for quad in other)


def test_a_change_of_content_changes_the_iri_of_that_node_only() -> None:
    one, _, _ = quads.name_blank_nodes(read(":a x:p [ x:q 1 ] , [ x:q 2 ] ."), DOCUMENT)
    other, _, _ = quads.name_blank_nodes(read(":a x:p [ x:q 1 ] , [ x:q 3 ] ."), DOCUMENT)

    assert len(set(one) & set(other)) == 2


def test_a_node_that_hangs_on_a_foreign_iri_gets_an_iri_of_ours() -> None:
    named, _, _ = quads.name_blank_nodes(read("<https://elsewhere.example/> x:p [ x:q 1 ] ."), DOCUMENT)

    assert {quads.text(quad.object) for quad in named if quad.predicate.value.endswith("#p")} < {
        quads.text(quad.subject) for quad in named
    }
    assert all(quads.text(quad.subject).startswith((DOCUMENT, "https://elsewhere")) for quad in named)


@pytest.mark.parametrize(
    "turtle",
    [
        "_:a x:p _:b . _:b x:p _:a .",
        "[] x:p 1 .",
        ":a x:p _:b . :c x:p _:b . _:b x:q 1 .",
    ],
)
def test_a_blank_node_without_one_parent_gets_no_iri_and_is_said(turtle: str) -> None:
    _, _, unnamed = quads.name_blank_nodes(read(turtle), DOCUMENT)

    assert unnamed


def test_a_derived_triple_goes_where_its_subject_is_described() -> None:
    graphs = [f"{DOCUMENT}#assertion", f"{DOCUMENT}#provenance"]
    text = "@prefix x: <https://example.org/x#> . { } <#provenance> { <#s> x:p 1 } <#assertion> { <#t> x:p 1 }"
    given = list(parse(text, format=RdfFormat.TRIG, base_iri=DOCUMENT))
    rule = "CONSTRUCT { ?s <https://example.org/x#derived> ?o } WHERE { ?s <https://example.org/x#p> ?o }"

    derived = quads.derive(given, {"rule.rq": rule}, graphs)[2:]

    homes = {quads.text(quad.subject): quads.text(quad.graph_name) for quad in derived}
    assert homes == {f"{DOCUMENT}#s": graphs[1], f"{DOCUMENT}#t": graphs[0]}


@pytest.mark.parametrize("rule", ["SELECT * WHERE { ?s ?p ?o }", "CONSTRUCT {", "ASK {}", "CLEAR ALL"])
def test_a_derive_rule_that_constructs_nothing_is_refused_by_name(rule: str) -> None:
    with pytest.raises(DeriveError) as caught:
        quads.derive([], {"wrong.rq": rule}, [DOCUMENT])

    assert caught.value.args[0] == "wrong.rq"


def test_one_triple_stands_in_one_graph_only() -> None:
    text = "@prefix x: <https://example.org/x#> . <#b> { <#s> x:p 1 } <#a> { <#s> x:p 1 , 2 ; a x:C }"
    given = list(parse(text, format=RdfFormat.TRIG, base_iri=DOCUMENT))

    arranged = quads.arrange([*given, *reversed(given)])

    assert [(quads.text(quad.graph_name)[-1], str(quad.predicate)[-3:-1]) for quad in arranged] == [
        ("a", "pe"),
        ("a", "#p"),
        ("a", "#p"),
    ]


def test_a_quad_as_a_row_of_text_has_its_four_terms_whatever_they_hold() -> None:
    objects = [
        *(
            '"a <b> _:c"',
            '"a <b> _:c"@en',
            '"ends with <x>"',
            '"\\" <b> ."',
            '"1"^^<http://x/d>',
            '"a\\nb\u2028c\\\\u0041"',
        ),
        *("<http://x/é>", "_:o"),
    ]
    for graph in ("", "<http://x/g>", "_:g"):
        lines = [f"<http://x/s> <http://x/p> {term} {graph} .\n" for term in objects]
        given = list(parse("".join(lines), format=RdfFormat.N_QUADS, rename_blank_nodes=False))

        assert list(quads.rows(given)) == [(graph, "<http://x/s>", "<http://x/p>", term) for term in objects]
        assert list(quads.arrange(given).rows) == list(quads.rows(list(quads.arrange(given))))
