"""What one file says, and where it says it: the words that those who read files and those who check them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyoxigraph import Quad

    from spacecoop.findings import Finding, Place
    from spacecoop.places import Places


@dataclass(frozen=True)
class Layout:
    """Where the parts of one file go."""

    document: str
    """The IRI of the document that the file becomes; ``this:`` names are its fragments."""
    graphs: Mapping[str, str]
    """Graph IRIs by top key; ``*`` is every other key."""
    assertion: str
    provenance: str
    pubinfo: str | None = None
    """The graph in which a node without an id is the document itself; none in shared files."""

    def graph(self, key: str) -> str:
        """Return the graph of what stands under a top key."""
        return self.graphs.get(key, self.graphs["*"])

    def graph_of_subject(self, subject: str) -> str:
        """Return the graph of a statement that comes without one."""
        if subject == self.document and self.pubinfo:
            return self.pubinfo
        return self.assertion if subject.startswith((f"{self.document}#", "_:")) else self.provenance


@dataclass(frozen=True)
class Reference:
    """An IRI that a file uses, as it is written there."""

    iri: str
    name: str
    key: str
    place: Place
    written_out: bool = False
    """Whether the file has the whole IRI, as Turtle does, and no word of ours for it."""


@dataclass(frozen=True)
class Facts:
    """What one file says, and where it says it."""

    root: str | None
    """The IRI of what the file is about."""
    quads: tuple[Quad, ...]
    places: Places
    references: tuple[Reference, ...]
    findings: tuple[Finding, ...]
    unread: frozenset[str] = frozenset()
    """The nodes of which something could not be read, so that no rule can judge them yet."""
