"""Turtle or TriG in, its facts out; the place of a statement is the line on which its subject stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urljoin

from pyoxigraph import DefaultGraph, NamedNode, Quad, Triple, parse

from spacecoop import quads
from spacecoop.facts.records import Facts, Layout, Reference
from spacecoop.findings import Place, finding
from spacecoop.iris import TYPE, is_iri, local_name
from spacecoop.places import Places
from spacecoop.syntaxes import BY_ENDING

_PREFIX = re.compile(r"@?prefix\s+([\w-]*):\s*<([^>]*)>", re.IGNORECASE)
_SUBJECT = re.compile(r"\s*(?:<([^>\s]*)>|([\w-]*):([\w.-]+))\s")


def read(text: str, file: str, layout: Layout) -> Facts:
    """Read a file; what is wrong with it is among its findings."""
    syntax = BY_ENDING[f".{file.rpartition('.')[2]}"]
    try:
        parsed = list(parse(text, format=syntax.format, base_iri=layout.document))
    except SyntaxError as error:
        place = Place(file, error.lineno or 1, error.offset or 1)
        return Facts(None, (), Places(file), (), (finding("rdf", place, syntax=syntax.name, reason=error.msg),))
    graphs = {*layout.graphs.values(), layout.assertion, layout.provenance}
    lines = _subject_places(text, file, layout.document)
    subjects = {quads.text(quad.subject): Place(file) for quad in parsed}
    places = Places(file, subjects | {node: place for node, place in lines.items() if node in subjects})
    findings, read = [], []
    for quad in parsed:
        subject = quads.text(quad.subject)
        home = quad.graph_name
        if isinstance(quad.subject, Triple) or isinstance(quad.object, Triple):
            findings.append(finding("triple-term", places.find(subject)))
            continue
        if isinstance(home, DefaultGraph):
            home = NamedNode(layout.graph_of_subject(subject))
        elif quads.text(home) not in graphs:
            named = {"graph": quads.text(home), "graphs": ", ".join(sorted(graphs))}
            findings.append(finding("foreign-graph", places.find(subject), **named))
            continue
        read.append(Quad(quad.subject, quad.predicate, quad.object, home))
    outside = {quads.text(quad.subject) for quad in read} - {layout.document}
    roots = sorted(node for node in outside if not node.startswith((f"{layout.document}#", "_:")))
    if layout.pubinfo and len(roots) != 1:
        findings.append(finding("no-root", Place(file)))
    return Facts(
        roots[0] if layout.pubinfo and roots else None, tuple(read), places, _references(read, places), tuple(findings)
    )


def _references(read: Iterable[Quad], places: Places) -> tuple[Reference, ...]:
    """Return the IRIs that are used as values; Turtle has them written out."""
    return tuple(
        Reference(
            quad.object.value,
            local_name(quad.object.value),
            local_name(quad.predicate.value),
            places.find(quads.text(quad.subject)),
            written_out=True,
        )
        for quad in read
        if isinstance(quad.object, NamedNode) and quad.predicate != TYPE
    )


def _subject_places(text: str, file: str, document: str) -> dict[str, Place]:
    """Return the first line of Turtle that begins with each IRI."""
    prefixes = dict(_PREFIX.findall(text))
    places: dict[str, Place] = {}
    for number, line in enumerate(re.split(r"\r\n?|\n", text), 1):
        if found := _SUBJECT.match(f"{line} "):
            iri, prefix, name = found.groups()
            iri = iri if iri is not None else prefixes.get(prefix, "") + name
            iri = iri if is_iri(iri) else _join(document, iri)
            places.setdefault(iri, Place(file, number, len(line) - len(line.lstrip()) + 1))
    return places


def _join(document: str, iri: str) -> str:
    try:
        return urljoin(document, iri)
    except ValueError:  # a host in brackets that is none: it stands in a text, not in a triple
        return iri
