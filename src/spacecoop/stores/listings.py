"""A store's own list of what it was sent: read, taken off before a graph changes, put back after it was proven."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spacecoop.stores.graphs import Graph
from spacecoop.stores.graphstore import Store

_SUM = "http://schema.org/sha256"
_LINE = re.compile(rf'<([^<>\s]*)> <{re.escape(_SUM)}> "([^"\\]*)"')

Noted = dict[str, set[str]]
"""What the list says: by graph, the digests."""


def read(store: Store, size: int) -> Noted:
    """Read the list of a store, in whose graph for that there are *size* triples."""
    noted: Noted = {}
    for line in store.contents({store.own: size})[store.own] if size else ():
        if found := _LINE.fullmatch(line):
            noted.setdefault(found[1], set()).add(found[2])
    return noted


def find_settled(noted: Noted) -> dict[str, str]:
    """Return, for each graph of which the list says one thing only, its digest."""
    return {graph: next(iter(sums)) for graph, sums in noted.items() if len(sums) == 1}


def forget(store: Store, noted: Noted, gone: Iterable[str]) -> None:
    """Take graphs off the list, before they change."""
    lines = [f'<{graph}> <{_SUM}> "{sum_}" .' for graph in gone for sum_ in sorted(noted.pop(graph, ()))]
    if lines:
        store.delete(store.own, lines)


def remember(store: Store, proven: Iterable[Graph]) -> None:
    """Put graphs on the list, after they were read back."""
    lines = [f'<{graph.iri}> <{_SUM}> "{graph.digest}" .' for graph in proven]
    if lines:
        store.insert(store.own, lines)
