"""Published quads in, article by article; the numbers that describe the whole dataset out."""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pyoxigraph import Quad, RdfFormat, parse

from spacecoop.harvest.shards import Shards
from spacecoop.iris import TYPE_ROW, namespace
from spacecoop.quads import Row, plain, read_literal, rows

WIDTH = 8
"""How many bytes of a digest are kept."""
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


def tally(quads: Sequence[Quad], document: str, scope: Scope) -> Tally:
    """Count the quads of one article, whose document IRI is given.

    A triple about a thing of the document stands in no other article, so only the others are kept as they are.
    """
    all_ = rows(quads)
    begins = f"<{document}"
    own = [row for row in all_ if row[1].startswith(begins)]
    common = {f"{row[1]} {row[2]} {row[3]} ." for row in all_ if not row[1].startswith(begins)}
    earliest, latest = _span(all_, scope)
    return replace(_sum(own, scope), earliest=earliest, latest=latest, common=tuple(sorted(common)))


def _span(said: Iterable[Row], scope: Scope) -> tuple[str | None, str | None]:
    """Return the first and the last day that triples give."""
    begins, ends = ({f"<{one}>" for one in some} for some in (scope.begins, scope.ends))
    bounds = begins | ends
    days = [(row[2], read_literal(row[3]).value) for row in said if row[2] in bounds and row[3][0] == '"']
    earliest = min((day for predicate, day in days if predicate in begins), default=None)
    return earliest, max((day for predicate, day in days if predicate in ends), default=None)


def _sum(said: Sequence[Row], scope: Scope) -> Tally:
    """Count triples, each of which is given once."""
    subjects = {plain(subject) for subject in {row[1] for row in said}}
    classes = Counter([row[3] for row in said if row[2] == TYPE_ROW])
    properties = Counter([row[2] for row in said])
    targets = tuple(f"<{target}" for target in scope.targets)
    links = Counter(
        (target, plain(row[2]))
        for row in said
        if row[3].startswith(targets)
        for target in _find_linked(plain(row[1]), plain(row[2]), plain(row[3]), scope)
    )
    earliest, latest = _span(said, scope)
    return Tally(
        triples=properties.total(),
        classes=dict(sorted((plain(term), count) for term, count in classes.items())),
        properties=dict(sorted((plain(term), count) for term, count in properties.items())),
        links=tuple((*key, count) for key, count in sorted(links.items())),
        earliest=earliest,
        latest=latest,
        entities=_digests(one for one in subjects if one.startswith(scope.base)),
        others=_digests(one for one in subjects if not one.startswith(scope.base)),
        objects=_digests({row[3] for row in said}),
        common=(),
    )


def _find_linked(subject: str, predicate: str, object_: str, scope: Scope) -> Iterator[str]:
    """Yield the namespaces that a triple is a link to: from elsewhere, and itself no remark about links."""
    for target in scope.targets:
        if object_.startswith(target) and not subject.startswith(target) and predicate not in _OF_LINKS:
            yield target


class Digests:
    """A growing collection of texts of which only the number of distinct ones is asked."""

    def __init__(self) -> None:
        self._shards = Shards()

    def update(self, packed: str) -> None:
        """Add the sorted digests of texts."""
        data = bytes.fromhex(packed)
        firsts, start = data[::WIDTH], 0  # the first byte of each, sorted
        while start < len(firsts):
            number = firsts[start] >> 2
            end = bisect_left(firsts, (number + 1) << 2, start)
            self._shards.add(number, data[start * WIDTH : end * WIDTH])
            start = end

    def __len__(self) -> int:
        return sum(len(set(array("Q", shard))) for shard in self._shards.each())  # one shard at a time is held


class Counting:
    """Adds up what articles and the shared graphs say; in memory there is little of each article."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._own = _Sums(scope)
        self._entities, self._others, self._objects = Digests(), Digests(), Digests()
        self._common = Shards()
        self._documents = 0
        self._earliest: str | None = None
        self._latest: str | None = None
        self._counts: Counts | None = None

    def add(self, article: Tally) -> None:
        """Add what an article says."""
        self._counts = None
        self._documents += 1
        self._own.add(article)
        self._digest(article)
        self._earliest = min((day for day in (self._earliest, article.earliest) if day), default=None)
        self._latest = max((day for day in (self._latest, article.latest) if day), default=None)
        self.add_common(article.common)

    def add_common(self, lines: Iterable[str]) -> None:
        """Add triples, as lines of N-Triples, that may have been added before."""
        self._counts = None
        for line in lines:
            self._common.add(_digest(line)[0] >> 2, f"{line}\n".encode())

    def _digest(self, counted: Tally) -> None:
        self._entities.update(counted.entities)
        self._others.update(counted.others)
        self._objects.update(counted.objects)

    @property
    def bounds(self) -> tuple[str | None, str | None]:
        """The first and the last day that the articles' claims are about, so far."""
        return self._earliest, self._latest

    def counts(self) -> Counts:
        """Return the numbers of all that was added."""
        if self._counts is None:
            self._counts = self._count()
        return self._counts

    def _count(self) -> Counts:
        sums, (earliest, latest) = self._own.copy(), self.bounds
        for shard in self._common.each():
            lines = set(shard.splitlines(keepends=True))
            if lines:
                said = _sum(rows(list(parse(b"".join(lines), format=RdfFormat.N_TRIPLES))), self.scope)
                sums.add(said)
                self._digest(said)
                earliest = min((day for day in (earliest, said.earliest) if day), default=None)
                latest = max((day for day in (latest, said.latest) if day), default=None)
        entities = len(self._entities)
        return Counts(
            triples=sums.triples,
            entities=entities,
            subjects=entities + len(self._others),
            objects=len(self._objects),
            documents=self._documents,
            classes=dict(sorted(sums.classes.items())),
            properties=dict(sorted(sums.properties.items())),
            links=sums.by_target(),
            vocabularies=tuple(sorted({namespace(iri) for iri in (*sums.properties, *sums.classes)})),
            earliest=earliest,
            latest=latest,
        )


class _Sums:
    """Numbers that add up."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.triples = 0
        self.classes: Counter[str] = Counter()
        self.properties: Counter[str] = Counter()
        self.links: Counter[tuple[str, str]] = Counter()

    def add(self, counted: Tally) -> None:
        self.triples += counted.triples
        self.classes.update(counted.classes)
        self.properties.update(counted.properties)
        self.links.update({(target, predicate): count for target, predicate, count in counted.links})

    def copy(self) -> _Sums:
        other = _Sums(self.scope)
        other.triples, other.classes = self.triples, self.classes.copy()
        other.properties, other.links = self.properties.copy(), self.links.copy()
        return other

    def by_target(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {target: {} for target in self.scope.targets}
        for (target, predicate), number in sorted(self.links.items()):
            found[target][predicate] = number
        return found


def _digest(one: str) -> bytes:
    return hashlib.blake2b(one.encode(), digest_size=WIDTH).digest()


def _digests(texts: Iterable[str]) -> str:
    return b"".join(sorted({_digest(one) for one in texts})).hex()
