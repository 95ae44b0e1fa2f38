"""A store's own list of what it was sent: read, taken off before a graph changes, put back after it was proven."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from spacecoop.stores.graphs import Graph
from spacecoop.stores.graphstore import Store

_SUM = "http://schema.org/sha256"
_SIZE = "http://schema.org/numberOfItems"
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


class Whole(NamedTuple):
    """What the list says of everything: a digest, how many named graphs there were then, and how many there are."""

    digest: str
    names: int
    named: int


def whole(store: Store) -> str:
    """Return the IRI by which the list speaks of everything; as no graph of ours has it, it is forgotten first."""
    return f"{store.own}#whole"


def read_whole(store: Store) -> Whole | None:
    """Read what the list says of everything; None where it says nothing, or more than one thing."""
    rows = store.select(
        f"SELECT ?sum ?size ?now WHERE {{ {{ SELECT (COUNT(?g) AS ?now) WHERE {{ GRAPH ?g {{}} }} }}"
        f" GRAPH <{store.own}> {{ <{whole(store)}> <{_SUM}> ?sum ; <{_SIZE}> ?size }} }}",
        "sum",
        "size",
        "now",
    )
    texts = [[getattr(row[name], "value", "") for name in ("sum", "size", "now")] for row in rows]
    if len(texts) != 1 or not re.fullmatch(r"[0-9a-f]{64} [0-9]{1,18} [0-9]{1,18}", " ".join(texts[0]), re.ASCII):
        return None
    return Whole(texts[0][0], int(texts[0][1]), int(texts[0][2]))


def remember_whole(store: Store, digest: str, names: int) -> None:
    """Put on the list what is said of everything, after all of it was proven."""
    everything = f"GRAPH <{store.own}> {{ <{whole(store)}>"
    store.update(
        f"DELETE WHERE {{ {everything} ?p ?o }} }} ;\n"
        f'INSERT DATA {{ {everything} <{_SUM}> "{digest}" ; <{_SIZE}> "{names}" }} }}'
    )
