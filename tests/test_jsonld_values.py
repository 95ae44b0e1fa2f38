"""A literal stands in JSON-LD as a JSON writer would have it, whatever its characters."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.output import body
from spacecoop.syntaxes import JSONLD

_THING, _SAYS = NamedNode("http://e/thing"), NamedNode("http://e/says")
_DATE = "http://www.w3.org/2001/XMLSchema#date"
_CHARACTERS = st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from('"\\\x00\x1f\x7f\x85\u2028\u2029u'))


@given(st.text(_CHARACTERS), st.sampled_from(["plain", "en", "date"]))
def test_a_literal_is_written_as_json_writes_it(words: str, kind: str) -> None:
    literal = {
        "plain": Literal(words),
        "en": Literal(words, language="en"),
        "date": Literal(words, datatype=NamedNode(_DATE)),
    }[kind]
    wanted = {
        "plain": words,
        "en": {"@value": words, "@language": "en"},
        "date": {"@value": words, "@type": "xsd:date"},
    }[kind]
    said = body([Quad(_THING, _SAYS, literal)], JSONLD, {"xsd": "http://www.w3.org/2001/XMLSchema#"}).decode()

    node = {"@id": "http://e/thing", "http://e/says": [wanted]}
    assert said == json.dumps(node, ensure_ascii=False)
