"""An entity of ours and an item of Wikidata in; in what they agree, and what argues against it, out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.findings import Finding, Place, finding
from spacecoop.iris import local_name, shorten
from spacecoop.links.wikidata import LABEL, Item

_LABELS = (LABEL, "http://www.w3.org/2004/02/skos/core#prefLabel")
_ALIASES = ("http://www.w3.org/2004/02/skos/core#altLabel",)
_ANY_LANGUAGE = ("", "mul")


@dataclass(frozen=True)
class Entity:
    """What is known of a thing of ours that an item can be compared with."""

    iri: str
    labels: tuple[Literal, ...]
    aliases: tuple[Literal, ...]
    kinds: tuple[str, ...]
    """The IRIs that classify it and for which classes of Wikidata are expected."""
    ids: Mapping[str, frozenset[str]]
    """Its outside ids, by the property of Wikidata that holds the like."""

    @property
    def names(self) -> tuple[Literal, ...]:
        """Labels, then aliases."""
        return self.labels + self.aliases


@dataclass(frozen=True)
class SameName:
    """A name that both have."""

    ours: Literal
    preferred: bool
    """Whether it is a label of both, and no alias."""


def entities(
    quads: Iterable[Quad], expected: Mapping[str, Sequence[str]], ids: Mapping[str, Sequence[str]]
) -> dict[str, Entity]:
    """Return what quads say of each thing that has a label.

    *expected* has the classes of Wikidata by what classifies ours, *ids* our properties by Wikidata's.
    """
    said: dict[str, list[tuple[str, NamedNode | Literal]]] = {}
    for quad in quads:
        if isinstance(quad.subject, NamedNode) and isinstance(quad.object, (NamedNode, Literal)):
            said.setdefault(quad.subject.value, []).append((quad.predicate.value, quad.object))
    found = {}
    for iri, about in said.items():
        labels = _literals(about, _LABELS)
        if labels:
            kinds = {value.value for _, value in about if isinstance(value, NamedNode)} & set(expected)
            outside = {
                theirs: frozenset(value.value for name, value in about if name in ours) for theirs, ours in ids.items()
            }
            found[iri] = Entity(
                iri,
                labels,
                _literals(about, _ALIASES),
                tuple(sorted(kinds)),
                {theirs: values for theirs, values in outside.items() if values},
            )
    return found


def _literals(about: Iterable[tuple[str, object]], properties: Sequence[str]) -> tuple[Literal, ...]:
    found = {value for name, value in about if name in properties and isinstance(value, Literal)}
    return tuple(sorted(found, key=lambda one: (one.language or "", one.value)))


def same_names(entity: Entity, item: Item) -> list[SameName]:
    """Return our names that the item has in the same language, or in one that is for all."""
    theirs = {(_language(name), fold(name.value)) for name in item.names()}
    labels = {(_language(name), fold(name.value)) for name in item.values(LABEL) if isinstance(name, Literal)}
    found = []
    for name in entity.names:
        ours = _language(name)
        keys = {(language, fold(name.value)) for language in (ours, *_ANY_LANGUAGE)}
        if ours in _ANY_LANGUAGE:
            keys |= {key for key in theirs if key[1] == fold(name.value)}
        if keys & theirs:
            found.append(SameName(name, name in entity.labels and bool(keys & labels)))
    return found


def _language(name: Literal) -> str:
    return (name.language or "").partition("-")[0].lower()


def fold(name: str) -> str:
    """Return a name without what spellings differ in: case, width, punctuation, hyphens.

    >>> fold("Chang’e-6") == fold("chang'e 6"), fold("SMOS") == fold("SMAP")
    (True, False)
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(re.findall(r"[^\W_]+", plain))


def fits(entity: Entity, item: Item, expected: Mapping[str, Sequence[str]]) -> bool | None:
    """Tell whether the item is of a class that each kind of the entity is expected to have; None: nobody knows."""
    if not entity.kinds or item.classes is None:
        return None
    return all(item.classes & set(expected[kind]) for kind in entity.kinds)


def compare_ids(mine: Mapping[str, frozenset[str]], item: Item) -> dict[str, bool]:
    """Return, for each property with values on both sides, whether one of them is the same."""
    verdicts = {}
    for name, values in mine.items():
        theirs = {_plain(value.value) for value in item.values(name)}
        if theirs and values:
            verdicts[name] = bool(theirs & {_plain(value) for value in values})
    return verdicts


def _plain(identifier: str) -> str:
    """Return an id without what spellings differ in.

    >>> _plain("https://cnes.fr/"), _plain("0000 0001 2201 6490"), _plain("https://ror.org/04h1h0y33")
    ('cnes.fr', '0000000122016490', '04h1h0y33')
    """
    text = re.sub(r"^https?://(www\.|ror\.org/|isni\.org/isni/)?", "", identifier.casefold())
    return text.replace(" ", "").rstrip("/")


@dataclass(frozen=True)
class Criteria:
    """What items are measured against."""

    source: str
    """What was asked, as findings call it."""
    expected: Mapping[str, Sequence[str]]
    frozen: Mapping[str, Item]
    """What the snapshot says of each item."""
    ids: Sequence[str]
    """The properties of Wikidata that hold outside ids."""
    prefixes: Mapping[str, str]


def check(entity: Entity | None, item: Item, place: Place, name: Place, criteria: Criteria) -> list[Finding]:
    """Return what speaks against the link of an entity to an item; *place* is where the item's name stands."""
    theirs = shorten(item.iri, criteria.prefixes)
    if not item.exists:
        return [finding("link-missing", place, source=criteria.source, object=theirs, date=item.date)]
    if item.target:
        target = shorten(item.target, criteria.prefixes)
        return [finding("link-redirect", place, suggestion=target, object=theirs, date=item.date)]
    findings = []
    if entity is not None:
        findings += _labels(entity, item, name, criteria) + _classes(entity, item, place, criteria)
    known = (("the entity", entity.ids if entity else {}), ("the snapshot", _freeze_ids(item.iri, criteria)))
    for where, ids in known:
        for one, agrees in sorted(compare_ids(ids, item).items()):
            if not agrees:
                values = {
                    "theirs": ", ".join(value.value for value in item.values(one)),
                    "ours": ", ".join(sorted(ids[one])),
                    "where": where,
                }
                findings.append(
                    finding("link-id", place, property=shorten(one, criteria.prefixes), object=theirs, **values)
                )
    return findings


def _freeze_ids(iri: str, criteria: Criteria) -> dict[str, frozenset[str]]:
    frozen = criteria.frozen.get(iri)
    if frozen is None:
        return {}
    return {one: frozenset(value.value for value in frozen.values(one)) for one in criteria.ids}


def _labels(entity: Entity, item: Item, place: Place, criteria: Criteria) -> list[Finding]:
    if same_names(entity, item):
        return []
    ours = ", ".join(name.value for name in entity.labels)
    theirs = ", ".join(dict.fromkeys(name.value for name in item.names()[:3])) or "-"
    names = {"subject": shorten(entity.iri, criteria.prefixes), "object": shorten(item.iri, criteria.prefixes)}
    return [finding("link-label", place, ours=ours, theirs=theirs, **names)]


def _classes(entity: Entity, item: Item, place: Place, criteria: Criteria) -> list[Finding]:
    if fits(entity, item, criteria.expected) is not False or item.classes is None:
        return []
    wrong = next(kind for kind in entity.kinds if not item.classes & set(criteria.expected[kind]))
    expected = ", ".join(shorten(one, criteria.prefixes) for one in criteria.expected[wrong])
    found = ", ".join(local_name(value.value) for value in item.values("http://www.wikidata.org/prop/direct/P31"))
    values = {"object": shorten(item.iri, criteria.prefixes), "kind": shorten(wrong, criteria.prefixes)}
    return [finding("link-class", place, expected=expected, found=found or "-", **values)]
