"""A store's own list of what it was sent: read, taken off before a graph changes, put back after it was proven."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spacecoop.graphs import Graph
from spacecoop.graphstore import Store

_SUM = "http://schema.org/sha256"
_COUNT = "http://rdfs.org/ns/void#triples"
_INTEGER = "http://www.w3.org/2001/XMLSchema#integer"

Noted = dict[str, dict[str, set[str]]]
"""What the list says: by graph and property, the values."""


def read(store: Store) -> Noted:
    """Read the store's own list, in pages by graph."""
    noted: Noted = {}
    for predicate in (_SUM, _COUNT):
        last = ""
        while True:
            rows = store.select(
                f'SELECT ?g ?v WHERE {{ GRAPH <{store.own}> {{ ?g <{predicate}> ?v }} FILTER(STR(?g) > "{last}") }}'
                f" ORDER BY ?g LIMIT {store.dialect.rows}"
            )
            if not rows:
                break
            for row in rows:
                noted.setdefault(row["g"].value, {_SUM: set(), _COUNT: set()})[predicate].add(str(row["v"].value))
            last = rows[-1]["g"].value
    return noted


def settled(noted: Noted) -> dict[str, tuple[str, int]]:
    """Return, for each graph of which the list says one thing only, its digest and number of triples."""
    found = {}
    for graph, said in noted.items():
        if len(said[_SUM]) == len(said[_COUNT]) == 1:
            (sum_,), (count,) = said[_SUM], said[_COUNT]
            if re.fullmatch("[0-9a-f]{64}", sum_) and count.isdigit():
                found[graph] = (sum_, int(count))
    return found


def forget(store: Store, noted: Noted, gone: Iterable[str]) -> None:
    """Take graphs off the store's own list, before they change."""
    lines = []
    for graph in gone:
        said = noted.pop(graph, {})
        lines += [f'<{graph}> <{_SUM}> "{value}" .' for value in sorted(said.get(_SUM, ()))]
        lines += [f'<{graph}> <{_COUNT}> "{value}"^^<{_INTEGER}> .' for value in sorted(said.get(_COUNT, ()))]
    if lines:
        store.delete(store.own, lines)


def remember(store: Store, proven: Iterable[Graph]) -> None:
    """Put graphs on the store's own list, after they were read back."""
    lines = [
        f'<{graph.iri}> <{_SUM}> "{graph.digest}" ; <{_COUNT}> "{graph.statements}"^^<{_INTEGER}> .' for graph in proven
    ]
    if lines:
        store.insert(store.own, lines)
