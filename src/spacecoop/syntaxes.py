"""The syntaxes of RDF that are read and written, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyoxigraph import RdfFormat


@dataclass(frozen=True)
class Syntax:
    """One syntax: its name, media type and file ending, whether it holds named graphs and prefixes."""

    name: str
    media_type: str
    ending: str
    named_graphs: bool = False
    prefixes: bool = False

    @property
    def format(self) -> RdfFormat:
        """The syntax as pyoxigraph names it."""
        from pyoxigraph import RdfFormat

        found = RdfFormat.from_media_type(self.media_type)
        assert found is not None, self.media_type
        return found


TURTLE = Syntax("Turtle", "text/turtle", ".ttl", prefixes=True)
TRIG = Syntax("TriG", "application/trig", ".trig", named_graphs=True, prefixes=True)
NTRIPLES = Syntax("N-Triples", "application/n-triples", ".nt")
NQUADS = Syntax("N-Quads", "application/n-quads", ".nq", named_graphs=True)
JSONLD = Syntax("JSON-LD", "application/ld+json", ".jsonld", named_graphs=True)
RDFXML = Syntax("RDF/XML", "application/rdf+xml", ".rdf")

SYNTAXES = (TURTLE, TRIG, NTRIPLES, NQUADS, JSONLD, RDFXML)
BY_ENDING: Mapping[str, Syntax] = {syntax.ending: syntax for syntax in SYNTAXES}
