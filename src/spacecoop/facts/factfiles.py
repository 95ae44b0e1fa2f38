"""Fact files in, quads and the place of each statement out: one file at a time, whatever its syntax."""

from __future__ import annotations

from spacecoop import documents, quads
from spacecoop.documents import Unreadable
from spacecoop.facts import bulk, turtle, yamlld
from spacecoop.facts.context import Reader
from spacecoop.facts.records import Facts, Layout
from spacecoop.findings import finding
from spacecoop.places import Places


def read(data: bytes, file: str, reader: Reader, layout: Layout, line: int = 1) -> Facts:
    """Read one fact file, or the article at a *line* of a file of many, and name its blank nodes.

    Everything wrong with it is among the findings of what is returned; it never raises for bad input.
    """
    try:
        if file.endswith((".ttl", ".trig")):
            return _name_blank_nodes(turtle.read(documents.decode(data, file), file, layout), layout.document)
        if bulk.ends(file):
            return _name_blank_nodes(
                yamlld.read(bulk.document(data, file, reader, line), reader, layout), layout.document
            )
        return _name_blank_nodes(yamlld.read(documents.read(data, file), reader, layout), layout.document)
    except Unreadable as error:
        return Facts(None, (), Places(file), (), (error.finding,))


def _name_blank_nodes(read: Facts, document: str) -> Facts:
    """Return the facts with an IRI for each blank node; those that get none are findings."""
    renamed, names, unnamed = quads.name_blank_nodes(read.quads, document)
    findings = tuple(finding("unnamed-node", read.places.find(label)) for label in unnamed)
    kept = tuple(quad for quad in renamed if not quads.has_blank_node(quad)) if unnamed else tuple(renamed)
    unread = frozenset(names.get(label, label) for label in read.unread)
    places = read.places.rename(names)
    return Facts(read.root, kept, places, read.references, read.findings + findings, unread)
