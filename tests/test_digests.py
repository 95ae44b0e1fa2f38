from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad, Store, Triple

from spacecoop.stores.digests import XSD, digest, value_line

A = NamedNode("https://a.example/")


def triple(text: str, kind: str) -> str:
    return str(Triple(A, A, Literal(text, datatype=NamedNode(XSD + kind))))


SAME = [
    (("01", "integer"), ("1", "integer")),
    (("-0", "integer"), ("0", "integer")),
    (("3000000000", "integer"), ("3000000000", "decimal")),
    (("5", "int"), ("5", "integer")),
    (("5", "nonNegativeInteger"), ("5", "integer")),
    (("1.50", "decimal"), ("1.5", "decimal")),
    ((".5", "decimal"), ("0.5", "decimal")),
    (("1", "double"), ("1.0e0", "double")),
    (("INF", "double"), ("+INF", "double")),
    (("1.10", "float"), ("1.1", "float")),
    (("1", "boolean"), ("true", "boolean")),
    (("2019-03-25T10:00:00.500Z", "dateTime"), ("2019-03-25T10:00:00.5+00:00", "dateTime")),
    (("2019-03-25T24:00:00Z", "dateTime"), ("2019-03-26T00:00:00Z", "dateTime")),
    (("2019-03-25T10:00:00Z", "dateTimeStamp"), ("2019-03-25T10:00:00Z", "dateTime")),
    (("PT36H", "dayTimeDuration"), ("P1DT12H", "dayTimeDuration")),
    (("2019-03-25+00:00", "date"), ("2019-03-25Z", "date")),
]
OTHER = [
    (("1", "integer"), ("2", "integer")),
    (("1", "integer"), ("1", "double")),
    (("1", "integer"), ("1", "string")),
    (("3.14159265358979323846", "decimal"), ("3.141592653589793", "decimal")),
    (("0.12345678901234567", "double"), ("0.123457", "double")),
    (("abc", "integer"), ("0", "integer")),
    (("true", "boolean"), ("false", "boolean")),
    (("2019-03-25T10:00:00.123456789Z", "dateTime"), ("2019-03-25T10:00:00.123456Z", "dateTime")),
    (("2019-03-25T10:00:00-00:00", "dateTime"), ("2019-03-25T10:00:00", "dateTime")),
    (("P1M", "duration"), ("P30D", "duration")),
    (("0" * 5 + "1", "string"), ("1", "string")),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_value_gives_the_same_line(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert value_line(triple(*one)) == value_line(triple(*other))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_value_gives_another_line(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert value_line(triple(*one)) != value_line(triple(*other))


def test_a_language_tag_is_the_same_in_any_case_but_its_text_is_not() -> None:
    def line(text: str, language: str) -> str:
        return value_line(str(Triple(A, A, Literal(text, language=language))))

    assert line("Ab", "fr-CA") == line("Ab", "fr-ca")
    assert line("Ab", "fr-CA") != line("ab", "fr-ca")


@pytest.mark.parametrize("form", [one for pair in SAME for one in pair])
def test_what_oxigraph_s_store_respells_keeps_its_line(form: tuple[str, str]) -> None:
    store = Store()
    store.add(Quad(A, A, Literal(form[0], datatype=NamedNode(XSD + form[1])), A))

    assert [value_line(str(quad.triple)) for quad in store] == [value_line(triple(*form))]


@given(st.lists(st.text(max_size=5), unique=True), st.randoms())
def test_the_order_of_lines_does_not_change_their_digest(lines: list[str], random: object) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert digest(shuffled) == digest(lines)


def test_the_digest_is_that_of_sha256sum_over_the_sorted_lines() -> None:
    assert digest(["b", "a"]) == "911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2"
