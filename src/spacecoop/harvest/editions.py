"""A published article's quads in; which edition of it this is, and of when, out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pyoxigraph import Literal, Quad

from spacecoop.quads import text

_DCT = "http://purl.org/dc/terms/"
_DATES = (f"{_DCT}created", f"{_DCT}modified")
_DERIVED_FROM = "http://www.w3.org/ns/prov#wasDerivedFrom"
_TITLES = (
    f"{_DCT}title",
    "http://schema.org/headline",
    "http://schema.org/name",
    "http://www.w3.org/2000/01/rdf-schema#label",
)


@dataclass(frozen=True)
class Edition:
    """One article as it is published: its content's digest, and the date that its record gives."""

    slug: str
    iri: str
    sha256: str
    """Of its N-Quads."""
    date: str | None
    """The newest of its record's dates, an xsd:dateTime in UTC; None where the record gives none."""
    source: str
    """The IRI of the news article."""
    title: Mapping[str, str]
    """The title by language, "" where none is said; empty where there is no title."""


def edition(quads: Iterable[Quad], slug: str, iri: str, sha256: str) -> Edition:
    """Read an article's edition from its quads."""
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
    return Edition(slug, iri, sha256, newest(quads, iri), source, dict(sorted(titles.items())))


def newest(quads: Iterable[Quad], iri: str) -> str | None:
    """Return the newest of the dates that *quads* give for the creation and change of a document, in UTC."""
    dates = [text(quad.object) for quad in quads if text(quad.subject) == iri and quad.predicate.value in _DATES]
    moments = [moment for date in dates if (moment := _moment(date)) is not None]
    return written(max(moments)) if moments else None


def _moment(date: str) -> datetime | None:
    """Read an xsd:date or xsd:dateTime; without a time zone it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def written(moment: datetime) -> str:
    """Write a moment as xsd:dateTime in UTC, to the second.

    >>> written(datetime(2026, 11, 23, tzinfo=UTC))
    '2026-11-23T00:00:00Z'
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def of_the_build(dates: Iterable[str | None]) -> str | None:
    """Return the date of a build: what SOURCE_DATE_EPOCH says, or else the newest of its inputs' dates."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if epoch.isdigit():
        return written(datetime.fromtimestamp(int(epoch), UTC))
    return max((date for date in dates if date), default=None)
