"""Published quads in, article by article; the numbers that describe the whole dataset out."""

from __future__ import annotations

import hashlib
import sys
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Triple, parse

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


@dataclass(frozen=True)
class Scope:
    """What is counted: things under a base IRI, links to some namespaces, days that some properties give."""

    base: str
    targets: tuple[str, ...] = ()
    """The namespaces to which links are counted."""
    begins: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    """The properties whose values bound the time that claims are about."""


@dataclass(frozen=True)
class Tally:
    """What one article adds to the counts: sums of what it alone says, and what other articles may say too."""

    triples: int
    classes: Mapping[str, int]
    properties: Mapping[str, int]
    links: tuple[tuple[str, str, int], ...]
    """Target namespace, property, and how many triples."""
    earliest: str | None
    latest: str | None
    entities: str
    others: str
    objects: str
    """Digests of distinct terms, eight bytes each, sorted, in hexadecimal."""
    common: tuple[str, ...]
    """Lines of N-Triples about things that are not the document's."""


def tally(quads: Iterable[Quad], document: str, scope: Scope) -> Tally:
    """Count the quads of one article, whose document IRI is given.

    A triple about a thing of the document stands in no other article, so only the others are kept as they are.
    """
    own, common = [], set()
    for quad in quads:
        if text(quad.subject).startswith(document):
            own.append(quad)
        else:
            common.add(f"{quad.triple} .")
    return _sum(own, scope, tuple(sorted(common)))


def _sum(triples: Iterable[Quad | Triple], scope: Scope, common: tuple[str, ...] = ()) -> Tally:
    """Count triples, each of which is given once."""
    triples = list(triples)
    subjects: set[str] = set()
    objects: set[str] = set()
    classes: Counter[str] = Counter()
    properties: Counter[str] = Counter()
    links: Counter[tuple[str, str]] = Counter()
    begun, ended = [], []
    for one in triples:
        subject, predicate, object_ = text(one.subject), one.predicate.value, one.object
        subjects.add(subject)
        objects.add(str(object_))
        properties[predicate] += 1
        if predicate == _TYPE:
            classes[text(object_)] += 1
        if isinstance(object_, NamedNode):
            links.update((target, predicate) for target in _find_linked(subject, predicate, object_.value, scope))
        elif isinstance(object_, Literal):
            begun += [object_.value] if predicate in scope.begins else []
            ended += [object_.value] if predicate in scope.ends else []
    return Tally(
        triples=len(triples),
        classes=dict(sorted(classes.items())),
        properties=dict(sorted(properties.items())),
        links=tuple((*key, count) for key, count in sorted(links.items())),
        earliest=min(begun, default=None),
        latest=max(ended, default=None),
        entities=_digests(one for one in subjects if one.startswith(scope.base)),
        others=_digests(one for one in subjects if not one.startswith(scope.base)),
        objects=_digests(objects),
        common=common,
    )


def _find_linked(subject: str, predicate: str, object_: str, scope: Scope) -> Iterator[str]:
    """Yield the namespaces that a triple is a link to: from elsewhere, and itself no remark about links."""
    for target in scope.targets:
        if object_.startswith(target) and not subject.startswith(target) and predicate not in _OF_LINKS:
            yield target


class Digests:
    """A growing collection of texts of which only the number of distinct ones is asked."""

    _SHARDS = 16

    def __init__(self) -> None:
        self._shards = [array("Q") for _ in range(self._SHARDS)]

    def update(self, packed: str) -> None:
        """Add the sorted digests of texts."""
        digests = array("Q", bytes.fromhex(packed))
        if sys.byteorder == "little":
            digests.byteswap()
        start = 0
        for number in range(1, self._SHARDS + 1):
            end = bisect_left(digests, number << 60) if number < self._SHARDS else len(digests)
            self._shards[number - 1].extend(digests[start:end])
            start = end

    def __len__(self) -> int:
        return sum(len(set(shard)) for shard in self._shards)  # one shard at a time, so that memory stays small


class Counting:
    """Adds up what articles and the shared graphs say; eight bytes are kept of each distinct term, not the term."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._entities, self._others, self._objects = Digests(), Digests(), Digests()
        self._seen: set[bytes] = set()
        self._triples = self._documents = 0
        self._classes: Counter[str] = Counter()
        self._properties: Counter[str] = Counter()
        self._links: Counter[tuple[str, str]] = Counter()
        self._earliest: str | None = None
        self._latest: str | None = None

    def add(self, article: Tally) -> None:
        """Add what an article says."""
        self._documents += 1
        self._add(article)
        self.add_common(article.common)

    def add_common(self, lines: Iterable[str]) -> None:
        """Add triples, as lines of N-Triples, that may have been added before."""
        new = {digest: line for line in lines if (digest := _digest(line)) not in self._seen}
        self._seen.update(new)
        if new:
            self._add(_sum(parse("\n".join(new.values()), format=RdfFormat.N_TRIPLES), self.scope))

    def _add(self, one: Tally) -> None:
        self._triples += one.triples
        self._classes.update(one.classes)
        self._properties.update(one.properties)
        self._links.update({(target, predicate): count for target, predicate, count in one.links})
        self._entities.update(one.entities)
        self._others.update(one.others)
        self._objects.update(one.objects)
        self._earliest = min((day for day in (self._earliest, one.earliest) if day), default=None)
        self._latest = max((day for day in (self._latest, one.latest) if day), default=None)

    @property
    def bounds(self) -> tuple[str | None, str | None]:
        """The first and the last day that claims are about, so far."""
        return self._earliest, self._latest

    def counts(self) -> Counts:
        """Return the numbers of all that was added."""
        links: dict[str, dict[str, int]] = {target: {} for target in self.scope.targets}
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


def _digests(texts: Iterable[str]) -> str:
    return b"".join(sorted({_digest(one) for one in texts})).hex()
