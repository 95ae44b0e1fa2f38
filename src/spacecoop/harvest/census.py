"""Published quads in, article by article; the numbers that describe the whole dataset out."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.iris import namespace
from spacecoop.quads import text

_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_OF_LINKS = frozenset(
    {
        "http://rdfs.org/ns/void#objectsTarget",
        "http://rdfs.org/ns/void#target",
        "http://www.w3.org/2002/07/owl#annotatedTarget",
        "https://w3id.org/sssom/object_source",
    }
)
"""Properties that tell of links, such as of one that was rejected, and make none."""


@dataclass(frozen=True)
class Counts:
    """What VoID asks of a dataset (VoID, section 4.6), of distinct triples; and the days that its claims span."""

    triples: int
    entities: int
    """Subjects under the dataset's own base IRI."""
    subjects: int
    objects: int
    documents: int
    classes: Mapping[str, int]
    """By class: how many things are said to be of it."""
    properties: Mapping[str, int]
    """By property: how many triples have it."""
    links: Mapping[str, Mapping[str, int]]
    """By target namespace and property: how many triples link to it."""
    vocabularies: tuple[str, ...]
    """The namespaces of all properties and classes."""
    earliest: str | None
    latest: str | None


class Digests:
    """A growing collection of texts of which only the number of distinct ones is asked."""

    def __init__(self) -> None:
        self._shards = [array("Q") for _ in range(256)]

    def update(self, texts: Iterable[str]) -> None:
        """Add texts."""
        for one in texts:
            digest = _digest(one)
            self._shards[digest[0]].append(int.from_bytes(digest, "big"))

    def __len__(self) -> int:
        return sum(len(set(shard)) for shard in self._shards)  # one shard at a time, so that memory stays small


@dataclass
class Census:
    """Counts distinct triples, terms and links; eight bytes are kept of each distinct term, not the term."""

    base: str
    targets: Sequence[str] = ()
    """The namespaces to which links are counted."""
    begins: Sequence[str] = ()
    ends: Sequence[str] = ()
    """The properties whose values bound the time that claims are about."""
    _entities: Digests = field(default_factory=Digests)
    _others: Digests = field(default_factory=Digests)
    _objects: Digests = field(default_factory=Digests)
    _seen: set[bytes] = field(default_factory=set)
    _triples: int = 0
    _documents: int = 0
    _classes: Counter[str] = field(default_factory=Counter)
    _properties: Counter[str] = field(default_factory=Counter)
    _links: Counter[tuple[str, str]] = field(default_factory=Counter)
    _earliest: str | None = None
    _latest: str | None = None

    def add(self, quads: Iterable[Quad], document: str | None = None) -> None:
        """Count the quads of one article, whose document IRI is given; or of the shared graphs.

        A triple about a thing of the document stands in no other article, so only the others are remembered.
        """
        self._documents += document is not None
        subjects: set[str] = set()
        objects: set[str] = set()
        for quad in quads:
            subject, predicate, object_ = text(quad.subject), quad.predicate.value, quad.object
            if document is None or not subject.startswith(document):
                digest = _digest(str(quad.triple))
                if digest in self._seen:
                    continue
                self._seen.add(digest)
            subjects.add(subject)
            objects.add(str(object_))
            self._triples += 1
            self._properties[predicate] += 1
            if predicate == _TYPE:
                self._classes[text(object_)] += 1
            if isinstance(object_, NamedNode):
                self._links.update((target, predicate) for target in self._linked(subject, predicate, text(object_)))
            elif isinstance(object_, Literal):
                self._date(predicate, text(object_))
        self._entities.update(one for one in subjects if one.startswith(self.base))
        self._others.update(one for one in subjects if not one.startswith(self.base))
        self._objects.update(objects)

    def _linked(self, subject: str, predicate: str, object_: str) -> Iterator[str]:
        """Yield the namespaces that a triple is a link to: from elsewhere, and itself no remark about links."""
        for target in self.targets:
            if object_.startswith(target) and not subject.startswith(target) and predicate not in _OF_LINKS:
                yield target

    def _date(self, predicate: str, value: str) -> None:
        if predicate in self.begins:
            self._earliest = min(self._earliest or value, value)
        if predicate in self.ends:
            self._latest = max(self._latest or value, value)

    @property
    def bounds(self) -> tuple[str | None, str | None]:
        """The first and the last day that claims are about, so far."""
        return self._earliest, self._latest

    def counts(self) -> Counts:
        """Return the numbers of all that was added."""
        links: dict[str, dict[str, int]] = {target: {} for target in self.targets}
        for (target, predicate), number in sorted(self._links.items()):
            links[target][predicate] = number
        entities = len(self._entities)
        return Counts(
            triples=self._triples,
            entities=entities,
            subjects=entities + len(self._others),
            objects=len(self._objects),
            documents=self._documents,
            classes=dict(sorted(self._classes.items())),
            properties=dict(sorted(self._properties.items())),
            links=links,
            vocabularies=tuple(sorted({namespace(iri) for iri in (*self._properties, *self._classes)})),
            earliest=self._earliest,
            latest=self._latest,
        )


def _digest(one: str) -> bytes:
    return hashlib.blake2b(one.encode(), digest_size=8).digest()
