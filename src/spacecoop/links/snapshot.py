"""Items in; a frozen, dated extract of them as N-Triples with a manifest out, and back."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple, parse

from spacecoop import jsontext
from spacecoop.links.wikidata import Item, Value

LICENCE = "https://creativecommons.org/publicdomain/zero/1.0/"
"""Wikidata's structured data is in the public domain (wikidata.org, "Wikidata:Licensing")."""


@dataclass(frozen=True)
class Manifest:
    """Where a snapshot is from, and what can be read from its silence."""

    source: str
    date: str
    """The oldest day on which any of it was asked for."""
    items: int
    statements: int
    sha256: str
    """Of the N-Triples file."""
    properties: tuple[str, ...]
    """Those that were asked for: where one is missing here, it was missing there. No other silence says anything."""
    licence: str = LICENCE
    note: str = ""
    evidence: dict[str, str] = field(default_factory=dict)
    """By item: what vouches for it, where that is not the source."""


@dataclass(frozen=True)
class Snapshot:
    """The items of a snapshot, by IRI, with its manifest."""

    items: dict[str, Item]
    manifest: Manifest

    def missing(self, item: str, name: str) -> bool | None:
        """Tell whether an item has no value of a property; None where the snapshot cannot know."""
        if item in self.items and self.items[item].values(name):
            return False
        return True if item in self.items and name in self.manifest.properties else None


class DamagedError(Exception):
    """A snapshot is not what its manifest says."""


def write(items: Iterable[Item], source: str, properties: Sequence[str]) -> tuple[str, str]:
    """Return the N-Triples of items and the manifest as JSON; the same items give the same bytes."""
    kept = sorted((item for item in items if item.exists), key=lambda item: item.iri)
    lines = sorted(
        f"{Triple(NamedNode(item.iri), NamedNode(name), value)} .\n" for item in kept for name, value in item.facts
    )
    text = "".join(lines)
    date = min((item.date for item in kept), default="")
    return text, write_manifest(
        Manifest(
            source=source,
            date=date,
            items=len(kept),
            statements=len(lines),
            sha256=digest(text.encode()),
            properties=tuple(sorted(properties)),
        )
    )


def write_manifest(manifest: Manifest) -> str:
    """Return a manifest as the JSON that is kept beside the snapshot."""
    return json.dumps(asdict(manifest), ensure_ascii=False, indent=1) + "\n"


def read(triples: bytes, manifest: bytes) -> Snapshot:
    """Read a snapshot; raises DamagedError where the two do not belong together, or cannot be read."""
    try:
        known = {one.name for one in fields(Manifest)}
        said = {key: value for key, value in jsontext.parse(manifest).items() if key in known}
        stated = Manifest(**{**said, "properties": tuple(said["properties"])})
        facts: defaultdict[str, list[tuple[str, Value]]] = defaultdict(list)
        for quad in parse(triples, format=RdfFormat.N_TRIPLES):
            if not isinstance(quad.object, (NamedNode, Literal)):
                raise DamagedError(f"{quad.subject} has a value that is neither an IRI nor a literal")
            facts[quad.subject.value].append((quad.predicate.value, quad.object))
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise DamagedError(f"it cannot be read: {error}") from error
    if digest(triples) != stated.sha256:
        raise DamagedError(f"its digest is {digest(triples)}, the manifest says {stated.sha256}")
    items = {iri: Item(iri, tuple(said), None, stated.date) for iri, said in sorted(facts.items())}
    return Snapshot(items, stated)


def quads(triples: bytes, graph: str) -> list[Quad]:
    """Return the statements of a snapshot as quads in one graph."""
    home = NamedNode(graph)
    return [Quad(one.subject, one.predicate, one.object, home) for one in parse(triples, format=RdfFormat.N_TRIPLES)]


def digest(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes."""
    return hashlib.sha256(data).hexdigest()
