"""A published article's quads in; which edition of it this is, and of when, out."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.quads import read_literal, rows, text

_DCT = "http://purl.org/dc/terms/"
_DATES = (f"<{_DCT}created>", f"<{_DCT}modified>")
_DERIVED_FROM = "http://www.w3.org/ns/prov#wasDerivedFrom"
_TITLES = (
    f"{_DCT}title",
    "http://schema.org/headline",
    "http://schema.org/name",
    "http://www.w3.org/2000/01/rdf-schema#label",
)
_PUBLISHERS = ("http://schema.org/publisher", f"{_DCT}publisher")
_ISSUED = (f"{_DCT}issued", "http://schema.org/datePublished")
_LANGUAGES = ("http://schema.org/inLanguage", f"{_DCT}language")


@dataclass(frozen=True, slots=True)
class Edition:
    """One article as it is published: its content's digest, and the date that its record gives."""

    slug: str
    iri: str
    sha256: str
    """Of its N-Quads."""
    date: str | None
    """The newest of its record's dates, an xsd:dateTime in UTC; None where the record gives none."""


@dataclass(frozen=True)
class Notice:
    """What people are told of an article that is new."""

    source: str
    """The IRI of the news article."""
    title: Mapping[str, str]
    """The title by language, "" where none is said; empty where there is no title."""
    publisher: str = ""
    """The IRI of the news article's publisher; empty where none is said."""
    issued: str = ""
    """When the news article came out, as it is written."""
    language: str = ""
    """The language of the news article."""
    claims: tuple[Mapping[str, str], ...] = ()
    """What is claimed, by language, in the order of the claims' identifiers."""
    subjects: tuple[str, ...] = ()
    """The IRIs that the assertions lead to, the one that is named most often first."""


def edition(quads: Sequence[Quad], slug: str, iri: str, sha256: str) -> Edition:
    """Read an article's edition from its quads."""
    return Edition(slug=slug, iri=iri, sha256=sha256, date=newest(quads, iri))


def notice(quads: Iterable[Quad], iri: str) -> Notice:
    """Read from an article's quads what people are told of it."""
    quads = list(quads)
    source = next(
        (
            text(quad.object)
            for quad in quads
            if quad.predicate.value == _DERIVED_FROM and text(quad.subject) == f"{iri}#assertion"
        ),
        iri,
    )
    titles = {
        quad.object.language or "": text(quad.object)
        for quad in quads
        if text(quad.subject) in (iri, source) and quad.predicate.value in _TITLES and isinstance(quad.object, Literal)
    }
    about = {quad.predicate.value: text(quad.object) for quad in quads if text(quad.subject) == source}
    publisher, issued, language = (
        next((about[name] for name in names if name in about), "") for names in (_PUBLISHERS, _ISSUED, _LANGUAGES)
    )
    asserted = [quad for quad in quads if text(quad.graph_name) == f"{iri}#assertion"]
    named = Counter(text(quad.object) for quad in asserted if isinstance(quad.object, NamedNode))
    subjects = sorted(set(named) - {publisher, source}, key=lambda name: (-named[name], name))
    return Notice(
        source=source,
        title=dict(sorted(titles.items())),
        publisher=publisher,
        issued=issued,
        language=language,
        claims=tuple(_claims(asserted, source)),
        subjects=tuple(subjects),
    )


def _claims(asserted: Iterable[Quad], source: str) -> list[Mapping[str, str]]:
    """Return what the things say that name *source* as their source, in the order of their identifiers."""
    said: defaultdict[str, dict[str, str]] = defaultdict(dict)
    order: dict[str, str] = {}
    of_source = set()
    for quad in asserted:
        subject, predicate = text(quad.subject), quad.predicate.value
        if predicate == f"{_DCT}source" and text(quad.object) == source:
            of_source.add(subject)
        elif predicate == f"{_DCT}identifier":
            order[subject] = text(quad.object)
        elif predicate == f"{_DCT}description" and isinstance(quad.object, Literal):
            said[subject][quad.object.language or ""] = text(quad.object)
    return [said[name] for name in sorted(of_source, key=lambda name: (order.get(name, ""), name)) if name in said]


def newest(quads: Sequence[Quad], iri: str) -> str | None:
    """Return the newest of the dates that *quads* give for the creation and change of a document, in UTC."""
    subject = f"<{iri}>"
    dates = [
        read_literal(row[3]).value
        for row in rows(quads)
        if row[2] in _DATES and row[1] == subject and row[3].startswith('"')
    ]
    moments = [moment for date in dates if (moment := _moment(date)) is not None]
    return write_moment(max(moments)) if moments else None


def _moment(date: str) -> datetime | None:
    """Read an xsd:date or xsd:dateTime; without a time zone it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def write_moment(moment: datetime) -> str:
    """Write a moment as xsd:dateTime in UTC, to the second.

    >>> write_moment(datetime(2026, 11, 23, tzinfo=UTC))
    '2026-11-23T00:00:00Z'
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def date_build(dates: Iterable[str | None]) -> str | None:
    """Return the date of a build: what SOURCE_DATE_EPOCH says, or else the newest of its inputs' dates."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        return write_moment(datetime.fromtimestamp(int(epoch), UTC))
    return max((date for date in dates if date), default=None)
