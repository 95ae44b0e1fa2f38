"""A query and what it is asked of in; what a reader is to know of the answer, out, in the reader's language."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyoxigraph import NamedNode

from spacecoop.findings import choose_text
from spacecoop.iris import local_name, namespace, shorten
from spacecoop.messages import Words
from spacecoop.queries import sparql
from spacecoop.queries.library import Query
from spacecoop.queries.sources import Local, Remote, Source

MOST = 2_000_000
"""Statements that are looked through for near names; in what is larger, the first ones serve."""

EMPTY = (
    "the default graph of {} is empty and its named graphs are not: write GRAPH ?g { … }, or have its server take the "
    "union of all graphs (see docs/queries.md)"
)


def lacks(query: Query, source: Source, language: str) -> Iterator[str]:
    """Yield what is to be said of each thing that a query rests on and that the source does not have.

    Raises QueryError for a pattern that cannot be read.
    """
    declared = "".join(f"PREFIX {prefix}: <{iri}> " for prefix, iri in sparql.find_declared(query.text).items())
    for need in query.needs:
        try:
            there = _ask(source, need.pattern, declared)
        except SyntaxError as error:
            raise sparql.QueryError(f"{query.name}: the need {need.pattern!r} is not a graph pattern") from error
        if not there:
            yield choose_text(need.lack, language)


def unknown(iris: Iterable[str], source: Source, prefixes: Mapping[str, str], language: str) -> Iterator[str]:
    """Yield a remark for each IRI that occurs in no statement of the source, with the nearest names that do."""
    there: set[str] | None = None
    for iri in dict.fromkeys(iris):
        if _occurs(iri, source):
            continue
        if there is None:
            there = _names(source)
        near = ", ".join(shorten(one, prefixes) for one in nearest(iri, there))
        advice = Words("; near it: {}", near).text(language) if near else ""
        yield Words("{} occurs in no statement of {}", shorten(iri, prefixes), source.name).text(language) + advice


def empty_default_graph(source: Source, language: str) -> Iterator[str]:
    """Yield a remark where the default graph of an endpoint is empty and named ones are not."""
    if source.network and not _ask(source, "?s ?p ?o") and _ask(source, "GRAPH ?g { ?s ?p ?o }"):
        yield Words(EMPTY, source.name).text(language)


def nearest(iri: str, there: Iterable[str]) -> list[str]:
    """Return up to three IRIs whose names are near: of the same namespace, else of the same name elsewhere.

    >>> nearest("http://e/participnt", ["http://e/participant", "http://f/participnt", "http://e/label"])
    ['http://e/participant']
    """
    home, name = namespace(iri), local_name(iri)
    beside = {local_name(one).casefold(): one for one in sorted(there) if namespace(one) == home}
    close = difflib.get_close_matches(name.casefold(), sorted(beside), n=3, cutoff=0.6)
    return [beside[one] for one in close] or sorted(one for one in there if name and local_name(one) == name)[:3]


def _ask(source: Source, pattern: str, declared: str = "") -> bool:
    answer: Any = source.answer(f"{declared}ASK {{ {pattern} }}")
    return bool(answer)


def _occurs(iri: str, source: Source) -> bool:
    node = NamedNode(iri)
    if isinstance(source, Local):
        store = source.store
        found = itertools.chain(
            store.quads_for_pattern(node, None, None),
            store.quads_for_pattern(None, node, None),
            store.quads_for_pattern(None, None, node),
        )
        return store.contains_named_graph(node) or next(found, None) is not None
    term = sparql.write_term(node)
    anywhere = " UNION ".join(f"{{ {one} }}" for one in (f"{term} ?p ?o", f"?s {term} ?o", f"?s ?p {term}"))
    return _ask(source, f"{anywhere} UNION {{ GRAPH ?g {{ {anywhere} }} }} UNION {{ GRAPH {term} {{ ?s ?p ?o }} }}")


def _names(source: Source) -> set[str]:
    """Return the IRIs that occur in statements; of an endpoint, the properties and classes, and what is at hand."""
    if isinstance(source, Local):
        quads = itertools.islice(source.store.quads_for_pattern(None, None, None, None), MOST)
        terms = (term for quad in quads for term in (quad.subject, quad.predicate, quad.object))
        return {term.value for term in terms if isinstance(term, NamedNode)}
    names = _names(source.names) if isinstance(source, Remote) and source.names is not None else set()
    pattern = "{ ?s ?x ?o } UNION { ?s a ?x } UNION { GRAPH ?g { { ?s ?x ?o } UNION { ?s a ?x } } }"
    answer: Any = source.answer(f"SELECT DISTINCT ?x WHERE {{ {pattern} }} LIMIT 5000")
    return names | {row["x"].value for row in answer if isinstance(row["x"], NamedNode)}
