"""A reviewed mapping set (SSSOM/TSV) in, links to outside entities out."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from pyoxigraph import NamedNode, Quad

from spacecoop import documents
from spacecoop.documents import Unreadable
from spacecoop.findings import Finding, Place, finding
from spacecoop.iris import is_iri

REQUIRED = ("subject_id", "predicate_id", "object_id", "mapping_justification", "confidence")

_BUILT_IN = {
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "sssom": "https://w3id.org/sssom/",
}
"""The prefixes that every SSSOM file has (SSSOM 1.0, "Identifiers")."""


@dataclass(frozen=True)
class Link:
    """One mapping: that a thing of ours is, or is not, the outside one."""

    subject: str
    predicate: str
    object: str
    confidence: float
    negated: bool
    place: Place
    columns: Mapping[str, Place]


@dataclass(frozen=True)
class MappingSet:
    """A mapping set: its mappings in the order of the file, and what is wrong with it."""

    mappings: tuple[Link, ...]
    findings: tuple[Finding, ...]

    def accepted(self, confidence: float) -> list[Link]:
        """Return the mappings that are to be published: affirmed, and at least so confident (0 to 1)."""
        return [one for one in self.mappings if not one.negated and one.confidence >= confidence]


def read(data: bytes, file: str, prefixes: Mapping[str, str]) -> MappingSet:
    """Read a mapping set in SSSOM/TSV with its metadata in comment lines (SSSOM 1.0, TSV serialisation)."""
    try:
        lines = documents.decode(data, file).splitlines()
        head = [line.removeprefix("#").removeprefix(" ") for line in lines if line.startswith("#")]
        header = documents.read("\n".join(head).encode(), file).data or {}
    except Unreadable as error:
        return MappingSet((), (error.finding,))
    curies = _BUILT_IN | dict(prefixes) | dict(header.get("curie_map", {}) if isinstance(header, dict) else {})
    first = len(head)
    rows = list(csv.reader(lines[first:], delimiter="\t", quoting=csv.QUOTE_NONE))
    columns = rows[0] if rows else []
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        return MappingSet((), tuple(finding("mapping-columns", Place(file, first + 1), column=one) for one in missing))
    mappings: list[Link] = []
    findings: list[Finding] = []
    seen: dict[tuple[str, str], int] = {}
    for number, cells in enumerate(rows[1:], first + 2):
        if not any(cells):
            continue
        if len(cells) != len(columns):
            findings.append(finding("mapping-cells", Place(file, number), found=len(cells), expected=len(columns)))
            continue
        row = _Row(dict(zip(columns, cells, strict=True)), file, number, columns, curies, findings)
        mapping = row.mapping()
        if mapping is None:
            continue
        pair = (mapping.subject, mapping.object)
        if pair in seen:
            names = {"subject": row.cells["subject_id"], "object": row.cells["object_id"]}
            findings.append(finding("mapping-twice", mapping.place, line=seen[pair], **names))
        seen.setdefault(pair, number)
        mappings.append(mapping)
    return MappingSet(tuple(mappings), tuple(findings))


@dataclass(frozen=True)
class _Row:
    cells: Mapping[str, str]
    file: str
    line: int
    columns: list[str]
    curies: Mapping[str, str]
    findings: list[Finding]

    def place(self, column: str) -> Place:
        before = self.columns[: self.columns.index(column)]
        return Place(self.file, self.line, sum(len(self.cells[one]) + 1 for one in before) + 1)

    def refuse(self, column: str, expected: str) -> None:
        value = self.cells[column]
        self.findings.append(
            finding("mapping-value", self.place(column), value=value, column=column, expected=expected)
        )

    def iri(self, column: str) -> str | None:
        prefix, colon, name = self.cells[column].partition(":")
        iri = self.curies.get(prefix, "") + name
        if colon and prefix in self.curies and is_iri(iri) and name:
            return iri
        self.refuse(column, "prefix:name, with a prefix of the curie_map")
        return None

    def confidence(self) -> float | None:
        try:
            confidence = float(self.cells["confidence"])
        except ValueError:
            confidence = -1.0
        if 0 <= confidence <= 1:
            return confidence
        self.refuse("confidence", "a number from 0 to 1")
        return None

    def mapping(self) -> Link | None:
        subject, predicate, object_ = (self.iri(one) for one in ("subject_id", "predicate_id", "object_id"))
        self.iri("mapping_justification")
        confidence = self.confidence()
        modifier = self.cells.get("predicate_modifier", "")
        if modifier not in ("", "Not"):
            self.refuse("predicate_modifier", "Not, or nothing")
        if subject is None or predicate is None or object_ is None or confidence is None:
            return None
        columns = {column: self.place(column) for column in ("subject_id", "object_id")}
        place = Place(self.file, self.line)
        return Link(subject, predicate, object_, confidence, modifier == "Not", place, columns)


def quads(mappings: list[Link], graph: str) -> list[Quad]:
    """Return the links as quads in one graph."""
    home = NamedNode(graph)
    return [Quad(NamedNode(one.subject), NamedNode(one.predicate), NamedNode(one.object), home) for one in mappings]
