from __future__ import annotations

import pytest
from pyoxigraph import RdfFormat, parse

from conftest import REPOSITORY
from spacecoop.stores import dialects
from spacecoop.stores.dialects import CHANGES, DIALECTS
from spacecoop.stores.digests import XSD

A = "<https://a.example/>"
LONG = f"<https://a.example/{'x' * 1870}>"
EXAMPLES = {
    "a blank node": "_:b",
    "an IRI of more than 1,879": LONG,
    "an IRI with dot segments": "<http://a.example/b/../c>",
    "a literal of more than 1 MB": f'"{"x" * 1_000_001}"',
    "a literal of more than 16 MB": f'"{"x" * 16_000_001}"',
    "a number with a needless": f'"01"^^<{XSD}integer>',
    "a word for an integer": f'"abc"^^<{XSD}integer>',
    "an integer of 2147483648": f'"3000000000"^^<{XSD}integer>',
    "a datatype derived": f'"5"^^<{XSD}int>',
    "a decimal that ends in 0": f'"1.50"^^<{XSD}decimal>',
    "a decimal of more than 15": f'"3.1415926535897932384"^^<{XSD}decimal>',
    "a floating-point number, ": f'"1e0"^^<{XSD}double>',
    "a floating-point number of": f'"0.12345678"^^<{XSD}double>',
    "a boolean as a digit": f'"1"^^<{XSD}boolean>',
    "a fraction of a second, ": f'"2019-03-25T10:00:00.5Z"^^<{XSD}dateTime>',
    "a fraction of a second of": f'"2019-03-25T10:00:00.123456789Z"^^<{XSD}dateTime>',
    "a zone of -00:00": f'"2019-03-25T10:00:00-00:00"^^<{XSD}dateTime>',
    "a midnight": f'"2019-03-25T24:00:00Z"^^<{XSD}dateTime>',
    "an xsd:dateTimeStamp": f'"2019-03-25T10:00:00Z"^^<{XSD}dateTimeStamp>',
    "a year before 1": f'"-0044-03-15"^^<{XSD}date>',
    "a duration of days": f'"PT36H"^^<{XSD}dayTimeDuration>',
    "a time without a zone": f'"10:00:00"^^<{XSD}time>',
    "a point or shape": '"POINT(1 2)"^^<http://www.opengis.net/ont/geosparql#wktLiteral>',
}
SAFE = [
    '"é中😀"@fr',
    '"plain"',
    f'"0"^^<{XSD}integer>',
    f'"-12"^^<{XSD}integer>',
    f'"true"^^<{XSD}boolean>',
    f'"1.5"^^<{XSD}decimal>',
    f'"2019-03-25"^^<{XSD}date>',
    f'"2019-03"^^<{XSD}gYearMonth>',
    f'"2019"^^<{XSD}gYear>',
    f'"2019-03-25T10:00:00Z"^^<{XSD}dateTime>',
    "<https://a.example/é>",
    f"<https://a.example/{'x' * 1860}>",
]


def triple(term: str) -> str:
    return f"{A} {A} {term}"


@pytest.mark.parametrize(("words", "term"), EXAMPLES.items(), ids=[*EXAMPLES])
def test_each_known_change_is_seen_in_its_example(words: str, term: str) -> None:
    found = [change.words for change in dialects.find_changes(triple(term))]

    assert any(f"{one}, ".startswith(words) for one in found), found
    assert dialects.may_be_lost([triple(term)])


def test_every_known_change_has_an_example() -> None:
    assert [
        change.words for change in CHANGES if not any(f"{change.words}, ".startswith(one) for one in EXAMPLES)
    ] == []
    assert {name for change in CHANGES for name in (*change.respelled, *change.lost)} <= {*DIALECTS, "*"}


@pytest.mark.parametrize("term", SAFE)
def test_a_term_that_all_stores_keep_is_not_remarked(term: str) -> None:
    assert dialects.find_changes(triple(term)) == []


def test_what_is_lost_depends_on_the_store() -> None:
    words = "a floating-point number of more than 6 digits, which is cut"

    assert dialects.loses(words, "virtuoso")
    assert not dialects.loses(words, "oxigraph")


def test_what_is_published_here_is_kept_by_every_store() -> None:
    quads = list(parse(path=str(REPOSITORY / "out" / "dataset.nq"), format=RdfFormat.N_QUADS))
    changed = [(str(quad), change.words) for quad in quads for change in dialects.find_changes(str(quad.triple))]

    assert len(quads) > 3000
    assert changed == []
