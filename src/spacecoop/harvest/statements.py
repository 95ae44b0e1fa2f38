"""Words in, quads out: a short way to say things in the vocabularies of catalogues and feeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad

from spacecoop.iris import RDF

PREFIXES = {
    "adms": "http://www.w3.org/ns/adms#",
    "as": "https://www.w3.org/ns/activitystreams#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "ldes": "https://w3id.org/ldes#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": RDF,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "sh": "http://www.w3.org/ns/shacl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "tree": "https://w3id.org/tree#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "void": "http://rdfs.org/ns/void#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
"""The vocabularies that are known here."""

Texts = Mapping[str, str]
"""One text in several languages."""


@dataclass(frozen=True)
class Speaker:
    """Makes quads in one graph: ``say(iri, dcterms_title=…)``; what is None or empty is not said."""

    graph: str = ""
    """Its IRI; the default graph without one."""

    def __call__(self, subject: str, /, a: Any = (), **statements: Any) -> list[Quad]:
        """Return a quad for each kind *a* of the subject, and for each value of each ``prefix_name``."""
        kinds = [a] if isinstance(a, str) else a
        rows = [("rdf:type", kind) for kind in kinds]
        for key, value in statements.items():
            many = value if isinstance(value, (list, tuple)) else [value]
            rows += [(key.replace("_", ":", 1), one) for one in many if one]
        graph = NamedNode(self.graph) if self.graph else DefaultGraph()
        return [Quad(node(subject), node(key), node(value), graph) for key, value in rows]


def node(value: Any) -> Any:
    """Return a term: a literal as it is, ``prefix:name`` of the vocabularies above, or an IRI."""
    if not isinstance(value, str):
        return value
    prefix, _, name = value.partition(":")
    return NamedNode(PREFIXES[prefix] + name if prefix in PREFIXES and not name.startswith("//") else value)


def texts(many: Texts) -> list[Literal]:
    """Return one text in several languages as literals."""
    return [Literal(text, language=language) if language else Literal(text) for language, text in many.items()]


def moment(text: str | None) -> Literal | None:
    """Return an xsd:dateTime, if there is one."""
    return Literal(text, datatype=NamedNode(PREFIXES["xsd"] + "dateTime")) if text else None


def put_in_one_graph(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Yield the same statements in one graph, so that flat syntaxes have each once."""
    graph = NamedNode("urn:x-spacecoop:one")  # flat syntaxes leave it out
    return (Quad(quad.subject, quad.predicate, quad.object, graph) for quad in quads)
