"""Quads in, the same quads fit to be published out: named, derived, enveloped, sorted."""

from __future__ import annotations

import functools
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, QueryTriples, Store, Triple, parse, serialize

from spacecoop import reach
from spacecoop.iris import TYPE, TYPE_ROW, local_name
from spacecoop.syntaxes import NQUADS, NTRIPLES

Term = NamedNode | BlankNode | Literal | Triple
"""What may stand in an answer, or as the value of a statement."""

_NP = "http://www.nanopub.org/nschema#"
_DERIVED_FROM = NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom")
_IN_DATASET = NamedNode("http://rdfs.org/ns/void#inDataset")
_LICENCE = NamedNode("http://purl.org/dc/terms/license")


def text(term: Term | DefaultGraph) -> str:
    """Return a term as plain text: an IRI, the words of a literal, or a blank node's label with ``_:``."""
    if isinstance(term, NamedNode | Literal):
        return term.value
    return f"_:{term.value}" if isinstance(term, BlankNode) else str(term)


Row = tuple[str, str, str, str]
"""The graph, subject, property and value of a quad, each as N-Quads write it; the default graph is empty."""


def rows(quads: Sequence[Quad]) -> Sequence[Row]:
    """Return quads as rows of text, which is faster than asking each quad for its terms."""
    return quads.rows if isinstance(quads, Arranged) else _split(quads)


def _split(quads: Sequence[Quad]) -> list[Row]:
    said = serialize(quads, format=NQUADS.format)
    assert said is not None
    found = []
    for line in said.decode().split("\n")[:-1]:  # a text may hold other ends of lines, such as U+2028
        subject, predicate, rest = line[:-2].split(" ", 2)
        value, _, graph = rest.rpartition(" ")
        if not value or '"' in graph or graph[0] not in "<_":  # a value, or what it ends with
            value, graph = rest, ""
        found.append((graph, subject, predicate, value))
    return found


def plain(term: str) -> str:
    """Return a term that is no literal, as N-Quads write it, as ``text`` does."""
    return term[1:-1] if term.startswith("<") else term


def read_literal(term: str) -> Literal:
    """Return the literal that N-Quads write so."""
    value = next(iter(parse(f"<x:s> <x:p> {term} .", format=NTRIPLES.format))).object
    assert isinstance(value, Literal), term
    return value


class Arranged(tuple[Quad, ...]):
    """Quads in their order, with what several syntaxes make of them, made once."""

    @functools.cached_property
    def rows(self) -> Sequence[Row]:
        """The same as rows of text."""
        return _split(self)

    @functools.cached_property
    def flat(self) -> Sequence[Triple]:
        """The triples without their graphs, those of one article sorted together by subject.

        The shared graphs, whose IRIs have no fragment, count as one.
        """
        return [quad.triple for _, quad in self._by_subject]

    @functools.cached_property
    def flat_rows(self) -> Sequence[Row]:
        """The same as rows of text."""
        return [row for row, _ in self._by_subject]

    @functools.cached_property
    def _by_subject(self) -> Sequence[tuple[Row, Quad]]:
        found: list[tuple[Row, Quad]] = []
        for _, group in groupby(zip(self.rows, self, strict=True), key=lambda pair: name_article(pair[0][0])):
            said: defaultdict[str, list[tuple[Row, Quad]]] = defaultdict(list)
            for pair in group:
                said[pair[0][1]].append(pair)  # properties stay in order within a graph
            found += [pair for subject in sorted(said, key=plain) for pair in said[subject]]
        return found


def name_article(graph: str) -> str:
    """Return the article that a graph is of, as N-Quads write them; nothing for the shared ones, without a fragment."""
    document, fragment, _ = graph.partition("#")
    return document if fragment else ""


class DeriveError(Exception):
    """A derive rule is not a CONSTRUCT query, or failed."""


def name_blank_nodes(quads: Iterable[Quad], document: str) -> tuple[list[Quad], dict[str, str], list[str]]:
    """Give each blank node an IRI made of its parent, the property that leads to it and a digest of its content.

    The same facts give the same IRI, and an edit elsewhere changes none. Returns the quads, the new IRIs by
    blank label, and the labels of those that got none: no parent, several, or a cycle.
    """
    quads = list(quads)
    content: defaultdict[str, list[Quad]] = defaultdict(list)
    parents: defaultdict[str, list[Quad]] = defaultdict(list)
    for quad in quads:
        subject, _, value, _ = quad
        if isinstance(subject, BlankNode):
            content[subject.value].append(quad)
        if isinstance(value, BlankNode):
            parents[value.value].append(quad)
    labels = sorted({*content, *parents})
    digests: dict[str, str | None] = {}

    def digest(label: str) -> str | None:
        if label not in digests:
            digests[label] = None  # so that a cycle ends here, without a digest
            lines = []
            for _, predicate, value, _ in content[label]:
                child = digest(value.value) if isinstance(value, BlankNode) else str(value)
                if child is None:
                    return None
                lines.append(f"{predicate} {child}")
            digests[label] = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
        return digests[label]

    names: dict[str, str] = {}

    def name(label: str) -> str | None:
        if label not in names:
            above, own = parents[label], digest(label)
            if len(above) != 1 or own is None:
                return None
            parent = above[0].subject
            start = name(parent.value) if isinstance(parent, BlankNode) else text(parent)
            if start is None:
                return None
            names[label] = _mint(start, document, local_name(above[0].predicate.value), own[:8])
        return names[label]

    unnamed = [label for label in labels if name(label) is None]
    old = {id(quad) for some in (*content.values(), *parents.values()) for quad in some}
    renamed = [_rename(quad, names) if id(quad) in old else quad for quad in quads]
    return renamed, {f"_:{label}": iri for label, iri in names.items()}, [f"_:{label}" for label in unnamed]


def _mint(parent: str, document: str, relation: str, digest: str) -> str:
    if not parent.startswith(document):
        parent = document  # what hangs on someone else's IRI still gets one of ours
    return f"{parent}{'-' if '#' in parent else '#'}{relation}-{digest}"


def _rename(quad: Quad, names: Mapping[str, str]) -> Quad:
    subject, predicate, object_, graph = quad
    if isinstance(subject, BlankNode) and subject.value in names:
        subject = NamedNode(names[subject.value])
    if isinstance(object_, BlankNode) and object_.value in names:
        object_ = NamedNode(names[object_.value])
    return Quad(subject, predicate, object_, graph)


def derive(quads: Sequence[Quad], rules: Mapping[str, str], graphs: Sequence[str]) -> list[Quad]:
    """Return the quads with what the CONSTRUCT *rules* (texts by name) make of them, in one pass.

    A derived triple goes into the graph that describes its subject, the first of *graphs* otherwise.
    Raises DeriveError with the rule's name.
    """
    store = Store()
    store.extend(quads)
    rank: dict[Term | DefaultGraph, int] = {NamedNode(graph): number for number, graph in enumerate(graphs)}
    home: dict[Term, NamedNode | BlankNode | DefaultGraph] = {}
    for subject, _, _, graph in quads:
        before = home.setdefault(subject, graph)
        if before is not graph and rank[graph] < rank[before]:
            home[subject] = graph
    derived, first = list(quads), NamedNode(graphs[0])
    for rule, query in sorted(rules.items()):
        try:
            made = store.query(reach.stay(query), use_default_graph_as_union=True)
            if not isinstance(made, QueryTriples):
                raise DeriveError(rule, "it is not a CONSTRUCT query")
            for triple in made:
                subject, predicate, value = triple
                derived.append(Quad(subject, predicate, value, home.get(subject, first)))
        except (SyntaxError, OSError, ValueError) as error:
            raise DeriveError(rule, str(error)) from error
    return derived


@dataclass(frozen=True)
class Envelope:
    """The four graphs of one article, in the shape of a nanopublication (nanopub.net guidelines)."""

    document: str

    @property
    def head(self) -> str:
        """The graph that names the other three."""
        return f"{self.document}#head"

    @property
    def assertion(self) -> str:
        """The graph of what the article says."""
        return f"{self.document}#assertion"

    @property
    def provenance(self) -> str:
        """The graph of where that comes from."""
        return f"{self.document}#provenance"

    @property
    def pubinfo(self) -> str:
        """The graph of who published it here, when and how."""
        return f"{self.document}#pubinfo"

    def quads(self, source: str, licence: str, dataset: str) -> list[Quad]:
        """Return the quads that hold the graphs together; *source* is the article, and all are IRIs."""
        document, head = NamedNode(self.document), NamedNode(self.head)
        assertion = NamedNode(self.assertion)
        links = {"hasAssertion": self.assertion, "hasProvenance": self.provenance, "hasPublicationInfo": self.pubinfo}
        return [
            Quad(document, TYPE, NamedNode(f"{_NP}Nanopublication"), head),
            *(Quad(document, NamedNode(_NP + link), NamedNode(graph), head) for link, graph in links.items()),
            Quad(assertion, _DERIVED_FROM, NamedNode(source), NamedNode(self.provenance)),
            Quad(document, _LICENCE, NamedNode(licence), NamedNode(self.pubinfo)),
            Quad(document, _IN_DATASET, NamedNode(dataset), NamedNode(self.pubinfo)),
        ]


def arrange(quads: Iterable[Quad]) -> Arranged:
    """Sort quads by graph, subject, property (the class first) and value; keep each triple in one graph only."""
    quads = list(quads)
    homes: dict[tuple[str, ...], tuple[_Order, Row, Quad]] = {}
    for row, quad in zip(_split(quads), quads, strict=True):
        triple, order = row[1:], _order(row)
        before = homes.get(triple)
        if before is None or order < before[0]:  # by their graphs: all else is the same
            homes[triple] = order, row, quad
    sorted_ = sorted(homes.values(), key=itemgetter(0))
    arranged = Arranged(quad for _, _, quad in sorted_)
    arranged.rows = [row for _, row, _ in sorted_]
    return arranged


_Order = tuple[str, str, str, str, str]
_NO_GRAPH = str(DefaultGraph())


def _order(row: Row) -> _Order:
    graph, subject, predicate, value = row
    language = ""
    if value[0] == '"' and value[-1] not in '">':
        language = value[value.rindex('"') + 2 :].partition("--")[0]  # without its direction
    return (
        graph[1:-1] if graph[:1] == "<" else graph or _NO_GRAPH,  # as ``plain`` does, which takes longer
        subject[1:-1] if subject[0] == "<" else subject,
        "" if predicate == TYPE_ROW else predicate[1:-1],
        language,
        value,
    )


def has_blank_node(quad: Quad) -> bool:
    """Tell whether a quad has a blank node in it."""
    return isinstance(quad.subject, BlankNode) or isinstance(quad.object, BlankNode)
