"""A context that cannot be used is told at the line of the definition that is wrong, in both languages."""

from __future__ import annotations

import json

import pytest

from conftest import REPOSITORY
from spacecoop.documents import Unreadable
from spacecoop.facts import definitions

WRONG = {
    '{\n"@context": {\n"a": 3}}': ("f:3:1", "a is to be an IRI"),
    '{"@context": {\n"a": {"@id": "q"}}}': ("f:2:1", "a is to be an IRI"),
    '{"@context": {\n"a": "http://x/", "b": "http://y/",\n"a": "http://z/"}}': ("f:3:1", "a is to be defined once"),
    '{"@context": {"b": {"@id": "http://x/y", "@context": {\n"c": {"@id": "d"}}}}}': ("f:2:1", "b.@context.c is to be"),
    '{"@context": {\n"@vocabb": "http://x/"}}': ("f:2:1", "another keyword, such as @vocab"),
    '{"@context": {\n"@language": "en-a"}}': ("f:2:1", "a language tag"),
    '{"@context": {"a": {"@id": "http://x/",\n"@context": "http://127.0.0.1:9/"}}}': ("f:2:1", "nothing is fetched"),
    '{"@context": {"a": {"@id": "http://x/", "@context": {\n"@import": "file:///x"}}}}': ("f:2:1", "@import is to be"),
    '{"@context": {"a": "b", "b": "a"}}': ("f:1:1", "Cyclic"),
    "[1]": ("f:1:1", 'an object with "@context"'),
    "{": ("f:1:2", "JSON"),
    "[" * 5000: ("f:1:1", "nested too deep"),
    '{"@context": ' + '{"a": {"@id": "http://a/", "@context":' * 20 + "{}" + "}}" * 20 + "}": ("f:1", "8 contexts"),
}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_wrong_definition_is_told_at_its_line(text: str) -> None:
    place, said = WRONG[text]

    with pytest.raises(Unreadable) as refused:
        definitions.read(text.encode(), "f")

    found = refused.value.finding
    assert str(found.place).startswith(place)
    assert said in found.message["en"]
    assert "le contexte ne peut servir" in found.message["fr"]


def test_the_contexts_that_we_have_are_as_they_are_to_be() -> None:
    for path in (REPOSITORY / "ontology", REPOSITORY / "tests" / "birds" / "ontology"):
        data = (path / "context.jsonld").read_bytes()

        assert definitions.read(data, "f") == json.loads(data)["@context"]
