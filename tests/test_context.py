"""A context whose scoped contexts are lifted to the top means what it meant."""

from __future__ import annotations

from typing import Any

import pytest

from spacecoop import documents
from spacecoop.facts import context, yamlld
from spacecoop.facts.context import Lifted, Reader
from spacecoop.facts.records import Layout

DOCUMENT = "https://example.org/article/a"
ASSERTION = f"{DOCUMENT}#assertion"
TOP: dict[str, Any] = {
    "x": "https://example.org/x#",
    "id": "@id",
    "digest": "x:digest",
    "start": "x:start",
    "name": {"@id": "x:name", "@container": "@language"},
    "near": {"@id": "x:near", "@context": {"digest": "x:nearDigest", "far": {"@id": "https://example.org/far"}}},
    "span": {
        "@id": "x:span",
        "@context": {
            "digest": {"@id": "x:spanDigest", "@type": "x:hex"},
            "at": {"@id": "x:at", "@context": {"start": {"@id": "x:from", "@type": "x:number"}, "near": "x:beside"}},
        },
    },
}
FACTS = """
id: this:a
digest: one
start: two
near: {digest: three, far: four, span: {digest: five}}
span:
  - digest: six
    start: seven
    name: {en: eight}
    at: {start: 9, near: ten, digest: eleven}
  - near: {digest: twelve, at: {start: 13}}
"""


def read(source: Any, facts: str, lift: bool) -> tuple[list[str], list[str]]:
    """Return the quads of a fact file, and what is said of it."""
    terms, lifted = context.lift(source) if lift else (source, Lifted())
    reader = Reader(terms, context.scope(source, "https://example.org/id/", lifted), {})
    layout = Layout(DOCUMENT, {"*": ASSERTION}, ASSERTION, ASSERTION)
    found = yamlld.read(documents.read(facts.encode(), "a.yaml"), reader, layout)
    return sorted(str(quad) for quad in found.quads), [str(one) for one in found.findings]


def test_keys_mean_inside_of_others_what_their_scoped_contexts_say_wherever_these_stand() -> None:
    flat, lifted = context.lift(TOP)

    assert "@context" not in str(flat)
    assert lifted.within
    assert read(TOP, FACTS, lift=True) == read(TOP, FACTS, lift=False)
    assert len(read(TOP, FACTS, lift=True)[0]) > 15


@pytest.mark.parametrize(
    "inner",
    [
        {"@vocab": "https://example.org/v#", "far": "x:far"},
        {"digest": None},
        {"digest": "@type"},
        {"digest": "far"},
        {"x": "https://example.org/other#"},
        {"y": "https://example.org/y#", "digest": "y:digest"},
        {"digest": {"@type": "x:hex"}},
        {"digest": {"@reverse": "x:of"}},
        {"digest": {"@id": "x:d", "@context": None}},
        ["https://example.org/context"],
        None,
    ],
)
def test_a_scoped_context_that_does_more_than_define_terms_stays_where_it_is(inner: Any) -> None:
    source = {**TOP, "other": {"@id": "x:other", "@context": inner}}

    assert context.lift(source) == (source, Lifted())


def test_a_name_that_is_taken_is_given_to_no_other() -> None:
    source = {**TOP, "span.digest": "x:taken"}

    assert context.lift(source) == (source, Lifted())
