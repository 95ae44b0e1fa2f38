"""SPARQL 1.1 Protocol, its query part: an HTTP request in, the question and the media types that are wanted out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

from spacecoop.server.refusals import Refused

FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"
FORMATS = {
    "json": ("application/sparql-results+json", "application/ld+json"),
    "xml": ("application/sparql-results+xml", "application/rdf+xml"),
    "csv": ("text/csv",),
    "tsv": ("text/tab-separated-values",),
    "turtle": ("text/turtle",),
    "ttl": ("text/turtle",),
    "nt": ("application/n-triples",),
    "ntriples": ("application/n-triples",),
    "rdfxml": ("application/rdf+xml",),
    "jsonld": ("application/ld+json",),
    "n3": ("text/turtle",),  # these four as SPARQLWrapper says them
    "rdf": ("application/rdf+xml",),
    "rdf+xml": ("application/rdf+xml",),
    "json-ld": ("application/ld+json",),
}
"""What ``format=`` may name, beside media types themselves."""
SPELLINGS = {
    "application/json": ("application/sparql-results+json", "application/ld+json"),
    "application/xml": ("application/sparql-results+xml", "application/rdf+xml"),
    "text/plain": ("application/n-triples",),
}
"""Media types that older clients ask for, and what they get."""
REMEMBERED = 1_000
"""Characters of a header Accept that is read once, and not again for each request."""


class BadRequest(Refused):
    """A request is not one of the protocol's."""


@dataclass(frozen=True)
class Question:
    """A query with its dataset (SPARQL 1.1 Protocol, section 2.1)."""

    query: str
    default: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    format: str = ""


def read(method: str, query_string: bytes, content_type: str, body: bytes) -> Question | None:
    """Return what is asked; None where nothing is (a GET without a query); raises BadRequest."""
    said = pairs(query_string)
    kind = content_type.partition(";")[0].strip().lower()
    if method == "POST":
        if kind == UPDATE:
            raise BadRequest(403, "this endpoint is read-only: updates are refused")
        if kind == QUERY:
            said = [*said, ("query", _decode(body))]
        elif kind == FORM:
            said = [*said, *pairs(body)]
        else:
            raise BadRequest(415, "a question comes as {} or {}", FORM, QUERY)
    if any(name == "update" for name, _ in said):
        raise BadRequest(403 if method == "POST" else 400, "this endpoint is read-only: updates are refused")
    queries = [value for name, value in said if name == "query"]
    if not queries:
        if method == "GET" and not said:
            return None
        raise BadRequest(400, "there is no query; say query=SELECT ...")
    if len(queries) > 1:
        raise BadRequest(
            400, "there are {} queries; a request has one (SPARQL 1.1 Protocol, section 2.1)", len(queries)
        )
    formats = [value for name, value in said if name == "format"]
    return Question(
        queries[0],
        tuple(value for name, value in said if name == "default-graph-uri"),
        tuple(value for name, value in said if name == "named-graph-uri"),
        formats[-1] if formats else "",
    )


def list_accepted(question: Question, accept: str | None) -> list[str]:
    """Return the media types that are wanted, the most wanted first; raises BadRequest for a format that is none."""
    if question.format:
        name = question.format.lower().replace(" ", "+")  # a plus that was not escaped
        if "/" not in name:
            if name not in FORMATS:
                raise BadRequest(406, "no format {} (there are: {})", repr(question.format[:40]), ", ".join(FORMATS))
            return list(FORMATS[name])
        accept = name  # media types, as Accept has them
    accept = accept or "*/*"
    return list(_read_accept(accept) if len(accept) <= REMEMBERED else _read_accept.__wrapped__(accept))


@lru_cache(256)
def _read_accept(accept: str) -> tuple[str, ...]:
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    wanted = [kind for kind, quality in sorted(ranges, key=lambda each: -each[1]) if quality > 0]
    return tuple(spelling for kind in wanted for spelling in (kind, *SPELLINGS.get(kind, ())))


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (word.strip().lower() for word in part.split(";"))
    quality = 1.0
    for word in parameters:
        if found := re.fullmatch(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)", word):
            quality = float(found[1])
    return kind, quality


def pairs(text: bytes) -> list[tuple[str, str]]:
    """Return the names and values of a form or of an address's query; raises BadRequest."""
    try:
        return parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError as error:
        raise BadRequest(400, "the parameters cannot be read: {}", type(error).__name__) from None


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise BadRequest(400, "the query is not UTF-8") from None


def describe(endpoint: str, dataset: str, limits: Mapping[str, int | float], formats: Sequence[str]) -> str:
    """Return the service description as Turtle (SPARQL 1.1 Service Description), with the bounds in words."""
    rows = [f"sd:resultFormat <{iri}>" for iri in formats]
    bounds = "; ".join(f"{name}: {value}" for name, value in limits.items())
    statements = " ;\n    ".join(
        [
            "a sd:Service",
            f"sd:endpoint <{endpoint}>",
            "sd:supportedLanguage sd:SPARQL11Query",
            "sd:feature sd:UnionDefaultGraph",
            *rows,
            f"sd:defaultDataset <{endpoint}#dataset>",
            f'rdfs:comment "Read-only. The default graph is the union of all graphs. Bounds: {bounds}."@en',
        ]
    )
    return (
        "@prefix sd: <http://www.w3.org/ns/sparql-service-description#> .\n"
        "@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "@prefix void: <http://rdfs.org/ns/void#> .\n\n"
        f"<{endpoint}#service> {statements} .\n\n"
        f"<{endpoint}#dataset> a sd:Dataset ;\n    rdfs:seeAlso <{dataset}> .\n"
    )
