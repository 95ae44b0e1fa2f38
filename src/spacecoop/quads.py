"""Quads in, the same quads fit to be published out: named, derived, enveloped, sorted."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, QueryTriples, Store, Triple

from spacecoop import reach
from spacecoop.iris import TYPE, local_name

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
        if isinstance(quad.subject, BlankNode):
            content[quad.subject.value].append(quad)
        if isinstance(quad.object, BlankNode):
            parents[quad.object.value].append(quad)
    labels = sorted({*content, *parents})
    digests: dict[str, str | None] = {}

    def digest(label: str) -> str | None:
        if label not in digests:
            digests[label] = None  # so that a cycle ends here, without a digest
            lines = []
            for quad in content[label]:
                child = digest(quad.object.value) if isinstance(quad.object, BlankNode) else str(quad.object)
                if child is None:
                    return None
                lines.append(f"{quad.predicate} {child}")
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
    renamed = [_rename(quad, names) for quad in quads]
    return renamed, {f"_:{label}": iri for label, iri in names.items()}, [f"_:{label}" for label in unnamed]


def _mint(parent: str, document: str, relation: str, digest: str) -> str:
    if not parent.startswith(document):
        parent = document  # what hangs on someone else's IRI still gets one of ours
    return f"{parent}{'-' if '#' in parent else '#'}{relation}-{digest}"


def _rename(quad: Quad, names: Mapping[str, str]) -> Quad:
    subject, object_ = quad.subject, quad.object
    if isinstance(subject, BlankNode) and subject.value in names:
        subject = NamedNode(names[subject.value])
    if isinstance(object_, BlankNode) and object_.value in names:
        object_ = NamedNode(names[object_.value])
    return Quad(subject, quad.predicate, object_, quad.graph_name)


def derive(quads: Sequence[Quad], rules: Mapping[str, str], graphs: Sequence[str]) -> list[Quad]:
    """Return the quads with what the CONSTRUCT *rules* (texts by name) make of them, in one pass.

    A derived triple goes into the graph that describes its subject, the first of *graphs* otherwise.
    Raises DeriveError with the rule's name.
    """
    store = Store()
    store.extend(quads)
    home: dict[str, NamedNode | BlankNode | DefaultGraph] = {}
    for quad in sorted(quads, key=lambda quad: graphs.index(text(quad.graph_name)), reverse=True):
        home[str(quad.subject)] = quad.graph_name
    derived = list(quads)
    for rule, query in sorted(rules.items()):
        try:
            made = store.query(reach.stay(query), use_default_graph_as_union=True)
            if not isinstance(made, QueryTriples):
                raise DeriveError(rule, "it is not a CONSTRUCT query")
            for triple in made:
                graph = home.get(str(triple.subject), NamedNode(graphs[0]))
                derived.append(Quad(triple.subject, triple.predicate, triple.object, graph))
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


def arrange(quads: Iterable[Quad]) -> list[Quad]:
    """Sort quads by graph, subject, property (the class first) and value; keep each triple in one graph only."""
    homes: dict[Triple, Quad] = {}
    for quad in quads:
        before = homes.setdefault(quad.triple, quad)
        if before is not quad and text(quad.graph_name) < text(before.graph_name):
            homes[quad.triple] = quad
    return sorted(homes.values(), key=_order)


def _order(quad: Quad) -> tuple[str, str, str, tuple[str, str]]:
    predicate = "" if quad.predicate == TYPE else quad.predicate.value
    return text(quad.graph_name), text(quad.subject), predicate, _object_order(quad)


def _object_order(quad: Quad) -> tuple[str, str]:
    value = quad.object
    return (value.language or "", str(value)) if isinstance(value, Literal) else ("", str(value))


def has_blank_node(quad: Quad) -> bool:
    """Tell whether a quad has a blank node in it."""
    return isinstance(quad.subject, BlankNode) or isinstance(quad.object, BlankNode)
