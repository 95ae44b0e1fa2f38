"""Graphs of ours and a store in; what differs there, by value, out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spacecoop.stores import dialects, graphs
from spacecoop.stores.digests import XSD, digest, value_line
from spacecoop.stores.graphs import Graph
from spacecoop.stores.graphstore import Store, batches, begin

SHOWN = 3
"""How many differing triples of a graph are kept to be shown."""
_AT_ONCE = 20_000
"""How many triples are read at once; so many lines, several times over, are held in memory."""


@dataclass(frozen=True)
class Difference:
    """How a graph in the store differs from ours: how many triples, and the first of them."""

    graph: str
    missing: int
    extra: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.examples)
        return f"<{self.graph}>: {self.missing:,} missing, {self.extra:,} too many{lines}"


@dataclass(frozen=True)
class Comparison:
    """Our lines beside a store's: by value, so that a spelling that the store changes is no difference."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    respelled: Counter[str] = field(default_factory=Counter)
    """How many triples came back in another spelling, by the reason."""

    def difference(self, graph: str) -> Difference | None:
        """Return it as a difference of a graph, None where there is none."""
        if not self.missing and not self.extra:
            return None
        examples = [f"- {line} ." for line in self.missing[:SHOWN]] + [f"+ {line} ." for line in self.extra[:SHOWN]]
        return Difference(graph, len(self.missing), len(self.extra), tuple(example[:400] for example in examples))


SAME = Comparison((), ())


def compare(ours: Iterable[str], theirs: Iterable[str]) -> Comparison:
    """Compare lines by value."""
    here = {value_line(line): line for line in ours}
    there = {value_line(line): line for line in theirs}
    respelled: Counter[str] = Counter()
    for value in here.keys() & there.keys():
        if here[value] != there[value]:
            reasons = [change.words for change in dialects.find_changes(here[value])]
            respelled[reasons[0] if reasons else _respelling(here[value], there[value])] += 1
    return Comparison(
        tuple(here[value] for value in sorted(here.keys() - there.keys())),
        tuple(there[value] for value in sorted(there.keys() - here.keys())),
        respelled,
    )


def _respelling(ours: str, theirs: str) -> str:
    return f"{_end(theirs)} for {_end(ours)}"


def _end(line: str) -> str:
    """Return a triple's literal, short; of one with a language, only that."""
    found = re.search(r'"@[\w-]+$|"[^"]*"\^\^<[^>]*>$', line)
    return found[0].replace(f"<{XSD}", "xsd:").removesuffix(">") if found else "a value"


def compare_graphs(store: Store, ours: Sequence[Graph], sizes: Mapping[str, int]) -> Iterator[tuple[Graph, Comparison]]:
    """Yield graphs with what comes of reading them whole from a store; *sizes* are those expected there.

    While some are compared, the next are on their way. A graph is read from our files only where its digest there is
    another one.
    """
    by_iri = {graph.iri: graph for graph in ours}
    waiting = None
    for batch in batches({iri: sizes.get(iri, 0) for iri in by_iri}, _AT_ONCE, store.dialect.names):
        following = begin(store.contents, batch)
        if waiting:
            yield from judge(by_iri, waiting.result())
        waiting = following
    if waiting:
        yield from judge(by_iri, waiting.result())


def judge(ours: Mapping[str, Graph], theirs: Mapping[str, Sequence[str]]) -> Iterator[tuple[Graph, Comparison]]:
    """Yield graphs with what comes of comparing them with the lines that a store gave."""
    other = [ours[iri] for iri, lines in theirs.items() if digest(lines) != ours[iri].exact]
    found = {graph.iri: compare(lines, theirs[graph.iri]) for graph, lines in graphs.lines(other)}
    for iri in theirs:
        yield ours[iri], found.get(iri, SAME)
