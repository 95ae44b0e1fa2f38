"""A mapping set in; its links, and the set itself as RDF with a linkset for each predicate, out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.iris import TYPE, local_name
from spacecoop.links.mappings import (
    IRI,
    MANY,
    NOT,
    SET_SLOTS,
    SLOTS,
    Link,
    MappingSet,
    expand,
    find_namespace,
    mapping_iri,
    values_of,
)

_OWL = "http://www.w3.org/2002/07/owl#"
_SSSOM = "https://w3id.org/sssom/"
_VOID = "http://rdfs.org/ns/void#"
_XSD = "http://www.w3.org/2001/XMLSchema#"


def quads(mappings: Sequence[Link], graph: str) -> list[Quad]:
    """Return the links as quads in one graph."""
    home = NamedNode(graph)
    return [Quad(NamedNode(one.subject), NamedNode(one.predicate), NamedNode(one.object), home) for one in mappings]


def describe(mapping_set: MappingSet, confidence: float, dataset: str, fallback: str, graph: str) -> list[Quad]:
    """Return the mapping set itself as quads in one graph, rejected candidates too, with a VoID linkset a predicate.

    The terms are those of SSSOM 1.0's schema; no node is blank, as each mapping is named by what it maps.
    *dataset* is the IRI that the links lead from, *fallback* that of a set without a ``mapping_set_id``.
    """
    home, set_iri = NamedNode(graph), str(mapping_set.header.get("mapping_set_id") or fallback)
    this = NamedNode(set_iri)
    quads = [Quad(this, TYPE, NamedNode(f"{_SSSOM}MappingSet"), home)]
    for key, (slot, datatype) in SET_SLOTS.items():
        given = mapping_set.header.get(key) or []
        for value in given if isinstance(given, list) else [given]:
            quads.append(Quad(this, NamedNode(slot), _term(str(value), datatype, mapping_set.curies), home))
    for one in mapping_set.mappings:
        node = NamedNode(mapping_iri(set_iri, one))
        quads.append(Quad(this, NamedNode(f"{_SSSOM}mappings"), node, home))
        quads.append(Quad(node, TYPE, NamedNode(f"{_OWL}Axiom"), home))
        for column, (slot, datatype) in SLOTS.items():
            cell = one.cells.get(column, "")
            for value in values_of(cell) if column in MANY else [cell]:
                if value:
                    quads.append(Quad(node, NamedNode(slot), _term(value, datatype, mapping_set.curies), home))
    return quads + _linksets(mapping_set, confidence, dataset, this, home)


def _linksets(mapping_set: MappingSet, confidence: float, dataset: str, this: NamedNode, home: NamedNode) -> list[Quad]:
    """Describe the published links of each predicate (VoID, section 5); there is none where no source is named."""
    source = str(mapping_set.header.get("object_source") or "")
    if not source:
        return []
    quads = []
    ours, theirs = NamedNode(dataset), _term(source, IRI, mapping_set.curies)
    counts = Counter(one.predicate for one in mapping_set.list_accepted(confidence))
    for predicate, count in sorted(counts.items()):
        linkset = NamedNode(f"{find_namespace(this.value)}linkset-{local_name(predicate)}")
        for slot, value in (
            ("target", ours),
            ("target", theirs),
            ("subjectsTarget", ours),
            ("objectsTarget", theirs),
            ("linkPredicate", NamedNode(predicate)),
            ("triples", Literal(str(count), datatype=NamedNode(f"{_XSD}integer"))),
        ):
            quads.append(Quad(linkset, NamedNode(_VOID + slot), value, home))
        quads.append(Quad(linkset, TYPE, NamedNode(f"{_VOID}Linkset"), home))
        quads.append(Quad(linkset, NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom"), this, home))
    return quads


def _term(value: str, datatype: str, curies: Mapping[str, str]) -> NamedNode | Literal:
    if datatype == IRI:
        return NamedNode(expand("sssom:NegatedPredicate" if value == NOT else value, curies))
    return Literal(value, datatype=NamedNode(datatype))
