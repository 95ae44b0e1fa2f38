"""A reviewed mapping set (SSSOM/TSV) in; links to outside entities, and the set itself as RDF, out."""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from spacecoop import documents
from spacecoop.documents import Document, Steps, Unreadable
from spacecoop.findings import Finding, Place, finding
from spacecoop.iris import RDF, is_iri, is_name, local_name
from spacecoop.messages import Words

REQUIRED = ("subject_id", "predicate_id", "object_id", "mapping_justification")
REQUIRED_OF_SET = ("mapping_set_id", "license")
NOT = "Not"
"""The modifier of a candidate that was looked at and rejected (SSSOM 1.0, predicate_modifier)."""
NO_TERM = "https://w3id.org/sssom/NoTermFound"
"""The object of a mapping that says that somebody looked, and found nothing (SSSOM 1.0): no link is published."""

_BUILT_IN = {
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": RDF,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "semapv": "https://w3id.org/semapv/vocab/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "sssom": "https://w3id.org/sssom/",
}
"""The prefixes that every SSSOM file has (SSSOM 1.0, "Identifiers")."""

_DCTERMS = "http://purl.org/dc/terms/"
_OWL = _BUILT_IN["owl"]
_PAV = "http://purl.org/pav/"
_RDFS = _BUILT_IN["rdfs"]
_SSSOM = _BUILT_IN["sssom"]
_XSD = "http://www.w3.org/2001/XMLSchema#"

IRI, TEXT = "", f"{_XSD}string"
SLOTS = {
    "subject_id": (f"{_OWL}annotatedSource", IRI),
    "predicate_id": (f"{_OWL}annotatedProperty", IRI),
    "object_id": (f"{_OWL}annotatedTarget", IRI),
    "author_id": (f"{_PAV}authoredBy", IRI),
    "comment": (f"{_RDFS}comment", TEXT),
    "confidence": (f"{_SSSOM}confidence", f"{_XSD}decimal"),  # not double, which stores rewrite
    "creator_id": (f"{_DCTERMS}creator", IRI),
    "mapping_date": (f"{_DCTERMS}created", f"{_XSD}date"),
    "mapping_justification": (f"{_SSSOM}mapping_justification", IRI),
    "mapping_source": (f"{_SSSOM}mapping_source", IRI),
    "object_label": (f"{_SSSOM}object_label", TEXT),
    "predicate_modifier": (f"{_SSSOM}predicate_modifier", IRI),
    "reviewer_id": (f"{_SSSOM}reviewer_id", IRI),
    "reviewer_label": (f"{_SSSOM}reviewer_label", TEXT),
    "subject_label": (f"{_SSSOM}subject_label", TEXT),
}
"""The columns that are published, each with its property and the datatype of its values (SSSOM 1.1, slot_uri)."""
SET_SLOTS = {
    "comment": (f"{_RDFS}comment", TEXT),
    "creator_id": (f"{_DCTERMS}creator", IRI),
    "license": (f"{_DCTERMS}license", IRI),
    "mapping_set_description": (f"{_DCTERMS}description", TEXT),
    "mapping_set_title": (f"{_DCTERMS}title", TEXT),
    "mapping_set_version": (f"{_OWL}versionInfo", TEXT),
    "object_source": (f"{_SSSOM}object_source", IRI),
}
_PROPAGATED = ("mapping_date", "subject_type", "object_type")
"""The slots that we read and that a heading may give for all rows that have no such column (SSSOM 1.0, propagation)."""
_NO_THINGS = frozenset({"rdfs literal", "composed entity expression"})
"""The types of a subject or object that has no IRI of its own (SSSOM 1.1, entity_type_enum)."""
MANY = {"author_id", "creator_id", "mapping_source", "reviewer_id", "reviewer_label"}
"""The columns that hold several values, with ``|`` between them."""


@dataclass(frozen=True)
class Link:
    """One line of a mapping set: that a thing of ours is, or is not, the outside one."""

    subject: str
    predicate: str
    object: str
    confidence: float
    negated: bool
    place: Place
    columns: Mapping[str, Place]
    cells: Mapping[str, str] = field(default_factory=dict)
    """The line as it is written, by column."""


@dataclass(frozen=True)
class MappingSet:
    """A mapping set: its mappings in the order of the file, and what is wrong with it."""

    mappings: tuple[Link, ...]
    findings: tuple[Finding, ...]
    header: Mapping[str, Any] = field(default_factory=dict)
    curies: Mapping[str, str] = field(default_factory=dict)

    def list_accepted(self, confidence: float) -> list[Link]:
        """Return the mappings that are to be published: affirmed, and at least so confident (0 to 1)."""
        found = (one for one in self.mappings if NO_TERM not in (one.subject, one.object) and not one.negated)
        return [one for one in found if one.confidence >= confidence]

    def list_vain(self) -> list[Link]:
        """Return the mappings that say that somebody looked for a thing of ours, and found nothing."""
        return [one for one in self.mappings if one.object == NO_TERM and one.subject != NO_TERM and not one.negated]


def read(data: bytes, file: str, prefixes: Mapping[str, str]) -> MappingSet:
    """Read a mapping set in SSSOM/TSV with its metadata in comment lines (SSSOM 1.0, TSV serialisation)."""
    try:
        lines = [line.rstrip("\r\n") for line in documents.lines(documents.decode(data, file))]
        head = list(takewhile(lambda line: line.startswith("#"), lines))
        heading = _Heading(documents.read("\n".join(line[1:] for line in head).encode(), file), head, prefixes)
    except Unreadable as error:
        return MappingSet((), (error.finding,))
    header, curies, findings = heading.header, heading.curies, heading.findings
    first = len(head)
    rows = list(rows_of(lines[first:], first + 1))
    columns = rows[0][1] if rows else []
    given = {key: str(header[key]) for key in _PROPAGATED if header.get(key) and key not in columns}
    missing = [column for column in REQUIRED if column not in columns and not _is_text(column, columns, given)]
    if missing:
        place = Place(file, first + 1)
        wrong = (finding("mapping-columns", place, column=one) for one in missing)
        return MappingSet((), (*findings, *wrong))
    mappings: list[Link] = []
    seen: dict[tuple[str, str], int] = {}
    for number, written in rows[1:]:
        if not any(written):
            continue
        unsaid = columns[len(written) :]  # a row may end before its empty cells
        cells = [*written, *("" for _ in unsaid)] if not set(unsaid) & set(REQUIRED) else written
        if len(cells) != len(columns):
            findings.append(finding("mapping-cells", Place(file, number), found=len(cells), expected=len(columns)))
            continue
        row = _Row({**given, **dict(zip(columns, cells, strict=True))}, file, number, columns, curies, findings)
        mapping = row.mapping()
        if mapping is None:
            continue
        if not is_iri(mapping_iri("http://a/", mapping)):  # it would have no name of its own
            row.refuse("object_id", _CURIE)
            continue
        pair = (mapping.subject, mapping.object)
        if pair in seen:
            names = {"subject": row.cells["subject_id"], "object": row.cells["object_id"]}
            findings.append(finding("mapping-twice", mapping.place, line=seen[pair], **names))
        seen.setdefault(pair, number)
        mappings.append(mapping)
    return MappingSet(tuple(mappings), tuple(findings), header, curies)


def _is_text(column: str, columns: Sequence[str], given: Mapping[str, str]) -> bool:
    """Tell whether what a column of IRIs would hold may be a text instead, which stands under its label."""
    side = column.partition("_")[0]
    return f"{side}_label" in columns and (f"{side}_type" in columns or f"{side}_type" in given)


def rows_of(lines: Iterable[str], first: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of its first line.

    A cell may stand in double quotes, and then hold tabs, doubled quotes and line breaks (SSSOM 1.0, TSV, quoting).
    """
    reader = csv.reader((f"{line}\n" for line in lines), delimiter="\t")
    number = first
    try:
        for cells in reader:
            yield number, cells
            number = first + reader.line_num
    except csv.Error:  # a cell beyond all bounds, such as a quote that nothing closes
        yield number, []


_CURIE = Words("prefix:name, with a prefix of the curie_map")
_IRI_OR_CURIE = Words("an IRI, or prefix:name")


class _Heading:
    """What stands before the rows, each value as it is to be: what is not is left out, with a finding at its place."""

    def __init__(self, document: Document, lines: Sequence[str], prefixes: Mapping[str, str]) -> None:
        self._document, self._lines = document, lines
        self.findings: list[Finding] = []
        self.header: dict[str, Any] = document.data if isinstance(document.data, dict) else {}
        if document.data is not None and not isinstance(document.data, dict):
            expected = Words("keys, such as mapping_set_id: …")
            self._refuse((), document.data, Words("the heading"), expected)
        self.curies = _BUILT_IN | dict(prefixes) | self._curie_map()
        self._check_slots()
        place = Place(document.file)
        self.findings += [finding("mapping-set", place, key=one) for one in REQUIRED_OF_SET if not self.header.get(one)]

    def _refuse(self, steps: Steps, value: Any, column: str | Mapping[str, str], expected: Mapping[str, str]) -> None:
        place = self._document.place(steps)
        column_of_text = place.column + 1 if place.line <= len(self._lines) else place.column  # behind the sign #
        place = Place(place.file, place.line, column_of_text)
        self.findings.append(finding("mapping-value", place, value=value, column=column, expected=expected))

    def _curie_map(self) -> dict[str, str]:
        given = self.header.get("curie_map") or {}
        if not isinstance(given, dict):
            expected = Words("an IRI for each prefix")
            self._refuse(("curie_map",), given, "curie_map", expected)
            given = {}
        curies = {}
        for prefix, iri in given.items():
            if not is_name(prefix):
                self._refuse(("curie_map", prefix), prefix, "curie_map", Words("a prefix"))
            elif isinstance(iri, str) and is_iri(iri):
                curies[prefix] = iri
            else:
                self._refuse(("curie_map", prefix), iri, prefix, Words("an IRI"))
        return curies

    def _check_slots(self) -> None:
        """Keep of each value that is published only what can be."""
        for key, datatype in {"mapping_set_id": IRI, **{key: slot[1] for key, slot in SET_SLOTS.items()}}.items():
            given = self.header.get(key)
            if given is None:
                continue
            kept = []
            for at, value in enumerate(given if isinstance(given, list) else [given]):
                steps = (key, at) if isinstance(given, list) else (key,)
                if value is None or isinstance(value, dict | list):
                    self._refuse(steps, value, key, Words("a text"))
                elif datatype == IRI and not is_iri(expand(str(value), self.curies)):
                    self._refuse(steps, value, key, _IRI_OR_CURIE)
                else:
                    kept.append(value)
            self.header[key] = kept[0] if len(kept) == 1 else kept
        if isinstance(self.header.get("mapping_set_id"), list):
            self.header["mapping_set_id"] = next(iter(self.header["mapping_set_id"]), "")


@dataclass(frozen=True)
class _Row:
    cells: Mapping[str, str]
    file: str
    line: int
    columns: list[str]
    curies: Mapping[str, str]
    findings: list[Finding]
    refused: list[str] = field(default_factory=list)
    """The columns whose cell is not what they take."""

    def place(self, column: str) -> Place:
        if column not in self.columns:  # the heading has it, for all rows
            return Place(self.file, self.line)
        before = self.columns[: self.columns.index(column)]
        return Place(self.file, self.line, sum(len(self.cells[one]) + 1 for one in before) + 1)

    def refuse(self, column: str, expected: Mapping[str, str], cell: str | None = None) -> None:
        value = self.cells.get(column, "") if cell is None else cell
        self.refused.append(column)
        self.findings.append(
            finding("mapping-value", self.place(column), value=value, column=column, expected=expected)
        )

    def iri(self, column: str) -> str | None:
        prefix, colon, name = self.cells.get(column, "").partition(":")
        iri = self.curies.get(prefix, "") + name
        if colon and prefix in self.curies and is_iri(iri) and name:
            return iri
        self.refuse(column, _CURIE)
        return None

    def confidence(self) -> float | None:
        if not self.cells.get("confidence"):  # the format can do without it; a link that is published cannot
            self.findings.append(finding("mapping-unreviewed", Place(self.file, self.line), column="confidence"))
            return 0.0
        try:
            confidence = float(self.cells["confidence"])
        except ValueError:
            confidence = -1.0
        if 0 <= confidence <= 1:
            return confidence
        self.refuse("confidence", Words("a number from 0 to 1"))
        return None

    def mapping(self) -> Link | None:
        for side in ("subject", "object"):
            if self.cells.get(f"{side}_type") in _NO_THINGS:
                kind = self.cells[f"{side}_type"]
                self.findings.append(finding("mapping-no-thing", Place(self.file, self.line), side=side, kind=kind))
                return None
        subject, predicate, object_ = (self.iri(one) for one in ("subject_id", "predicate_id", "object_id"))
        self.iri("mapping_justification")
        confidence = self.confidence()
        modifier = self.cells.get("predicate_modifier", "")
        if modifier not in ("", NOT):
            self.refuse("predicate_modifier", Words("Not, or nothing"))
        self.review()
        self.check_others()
        if self.refused or subject is None or predicate is None or object_ is None or confidence is None:
            return None
        columns = {column: self.place(column) for column in ("subject_id", "object_id")}
        place = Place(self.file, self.line)
        return Link(
            subject=subject,
            predicate=predicate,
            object=object_,
            confidence=confidence,
            negated=modifier == NOT,
            place=place,
            columns=columns,
            cells=self.cells,
        )

    def check_others(self) -> None:
        """Refuse what else is published as an IRI and is none."""
        checked = {
            "subject_id",
            "predicate_id",
            "predicate_modifier",
            "object_id",
            "mapping_justification",
            "reviewer_id",
        }
        wrong = [
            (column, value)
            for column, (_, datatype) in SLOTS.items()
            if datatype == IRI and column not in checked and self.cells.get(column)
            for value in (values_of(self.cells[column]) if column in MANY else [self.cells[column]])
            if value and not is_iri(expand(value, self.curies))
        ]
        for column, value in wrong:
            self.refuse(column, _IRI_OR_CURIE, value)

    def review(self) -> None:
        """Ask who looked at it, when, and on what evidence."""
        place = Place(self.file, self.line)
        for column in ("reviewer_id", "mapping_date", "comment"):
            if not self.cells.get(column):
                self.findings.append(finding("mapping-unreviewed", place, column=column))
        date = self.cells.get("mapping_date")
        if date:
            try:
                datetime.date.fromisoformat(date)
            except ValueError:
                self.refuse("mapping_date", Words("a day, such as 2026-11-23"))
        if self.cells.get("reviewer_id"):
            for reviewer in values_of(self.cells["reviewer_id"]):
                if not self.is_known(reviewer):
                    self.refuse("reviewer_id", _CURIE)

    def is_known(self, curie: str) -> bool:
        prefix, colon, name = curie.partition(":")
        return bool(colon and name and prefix in self.curies and is_iri(self.curies[prefix] + name))


def values_of(cell: str) -> list[str]:
    r"""Return the values of a cell, which ``|`` separates; ``\|`` and ``\\`` are signs of a value (SSSOM 1.1).

    >>> values_of(r"a\|b|c")
    ['a|b', 'c']
    """
    return [re.sub(r"\\(.)", r"\1", value) for value in re.findall(r"((?:[^|\\]|\\.)+)", cell)]


def expand(value: str, curies: Mapping[str, str]) -> str:
    """Return what ``prefix:name`` stands for; anything else as it is."""
    prefix, _, name = value.partition(":")
    return curies[prefix] + name if prefix in curies else value


def mapping_iri(mapping_set: str, link: Link) -> str:
    """Return the IRI of a mapping: that of its set, and the names of what it maps."""
    subject = link.cells.get("subject_id", local_name(link.subject)).replace(":", "-")
    return f"{find_namespace(mapping_set)}{subject}-{local_name(link.object)}"


def find_namespace(mapping_set: str) -> str:
    """Return how the IRIs of what a set is made of begin; its own may have a fragment already."""
    return f"{mapping_set}-" if "#" in mapping_set else f"{mapping_set}#"
