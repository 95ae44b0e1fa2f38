"""Fact files in, quads and the place of each statement out: one file at a time.

A fact file is YAML that is JSON-LD 1.1 with the workspace's context; Turtle and TriG are read too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from pyoxigraph import DefaultGraph, NamedNode, Quad, Triple, parse

from spacecoop import documents, quads
from spacecoop.documents import Document, Steps, Unreadable
from spacecoop.findings import Finding, Place, finding, suggest
from spacecoop.iris import is_iri, is_name, local_name
from spacecoop.places import Places
from spacecoop.syntaxes import BY_ENDING, JSONLD

if TYPE_CHECKING:
    from spacecoop.context import Scope

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_OWN = "this"
_QUOTE = "quote"


@dataclass(frozen=True)
class Reader:
    """What is needed to read any fact file of a workspace."""

    context: Any
    """The context as JSON, for values that are IRIs already."""
    scope: Scope
    """The same as the keys known at the top of a file."""
    belongs: Mapping[str, str]
    """The key that a key known only inside of others belongs to."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of one file go."""

    document: str
    """The IRI of the document that the file becomes; ``this:`` names are its fragments."""
    graphs: Mapping[str, str]
    """Graph IRIs by top key; ``*`` is every other key."""
    assertion: str
    provenance: str
    pubinfo: str | None = None
    """The graph in which a node without an id is the document itself; none in shared files."""

    def graph(self, key: str) -> str:
        """Return the graph of what stands under a top key."""
        return self.graphs.get(key, self.graphs["*"])

    def graph_of_subject(self, subject: str) -> str:
        """Return the graph of a statement that comes without one."""
        if subject == self.document and self.pubinfo:
            return self.pubinfo
        return self.assertion if subject.startswith((f"{self.document}#", "_:")) else self.provenance


@dataclass(frozen=True)
class Reference:
    """An IRI that a file uses, as it is written there."""

    iri: str
    name: str
    key: str
    place: Place
    written_out: bool = False
    """Whether the file has the whole IRI, as Turtle does, and no word of ours for it."""


@dataclass(frozen=True)
class Facts:
    """What one file says, and where it says it."""

    root: str | None
    """The IRI of what the file is about."""
    quads: tuple[Quad, ...]
    places: Places
    references: tuple[Reference, ...]
    findings: tuple[Finding, ...]
    suspects: frozenset[str] = frozenset()
    """The nodes of which something could not be read, so that no rule can judge them yet."""


def read(data: bytes, file: str, reader: Reader, layout: Layout) -> Facts:
    """Read one fact file.

    Everything wrong with it is among the findings of what is returned; it never raises for bad input.
    """
    try:
        if file.endswith((".ttl", ".trig")):
            return _read_rdf(data, file, layout)
        return _Walk(documents.read(data, file), reader, layout).facts()
    except Unreadable as error:
        return Facts(None, (), Places(file), (), (error.finding,))


def named(read: Facts, document: str) -> Facts:
    """Return the facts with an IRI for each blank node; those that get none are findings."""
    renamed, names, unnamed = quads.name_blank_nodes(read.quads, document)
    findings = tuple(finding("unnamed-node", read.places.find(label)) for label in unnamed)
    kept = tuple(quad for quad in renamed if not quads.has_blank_node(quad))
    suspects = frozenset(names.get(label, label) for label in read.suspects)
    places = read.places.renamed(names)
    return Facts(read.root, kept, places, read.references, read.findings + findings, suspects)


class _Walk:
    """One pass over a document: checks its keys, labels its nodes, notes its places."""

    def __init__(self, document: Document, reader: Reader, layout: Layout) -> None:
        self.document = document
        self.reader = reader
        self.layout = layout
        self.places = Places(document.file)
        self.references: list[Reference] = []
        self.findings: list[Finding] = []
        self.suspects: set[str] = set()
        self.blank = 0

    def facts(self) -> Facts:
        """Return what the document says."""
        top = self.document.data
        if not isinstance(top, dict):
            raise Unreadable(finding("not-a-mapping", self.document.place(()), what="a fact file"))
        root, node = self.node(self.reader.scope, top, (), label=None)
        if self.layout.pubinfo and root.startswith("_:") and not self.findings:
            raise Unreadable(finding("no-root", self.document.place(())))
        usable = not any(found.rule in _FATAL for found in self.findings)
        read = tuple(self.quads(root, node)) if usable else ()
        self.check_nothing_lost(read)
        own = None if root.startswith("_:") else root
        suspects = frozenset(self.suspects)
        return Facts(own, read, self.places, tuple(self.references), tuple(self.findings), suspects)

    def quads(self, root: str, node: Mapping[str, Any]) -> Iterator[Quad]:
        """Yield the quads of the top node, each part in its graph, as a JSON-LD processor reads them."""
        parts: dict[str, dict[str, Any]] = {}
        for key, value in node.items():
            if self.reader.scope.keyword(key) != "@id":
                parts.setdefault(self.layout.graph(key), {"@id": root})[key] = value
        text = json.dumps(
            {
                "@context": [self.reader.context, {_OWN: f"{self.layout.document}#"}],
                "@graph": [{"@id": graph, "@graph": [part]} for graph, part in parts.items()],
            }
        )
        try:
            yield from parse(text, format=JSONLD.format, base_iri=self.layout.document)
        except SyntaxError as error:
            self.findings.append(finding("rdf", Place(self.document.file), syntax="JSON-LD", reason=str(error)))

    def node(
        self, scope: Scope, data: Mapping[str, Any], steps: Steps, label: str | None
    ) -> tuple[str, dict[str, Any]]:
        """Return a node's IRI or blank label, and the node with that label as its id."""
        scope = scope.of_types(data)
        found = len(self.findings)
        label = self.identity(scope, data, steps) or label or self.fresh()
        self.places.nodes.setdefault(label, self.document.place(steps))
        labelled: dict[str, Any] = {"@id": label}
        for key, value in data.items():
            meaning = scope.keyword(key)
            here = (*steps, key)
            if meaning == "@id":
                continue
            if meaning == "@type":
                labelled["@type"] = self.classes(scope, label, value, here)
            elif meaning == "@context":
                self.findings.append(finding("context-in-file", self.document.key_place(here)))
            elif meaning == "@included" or scope.predicate(key):
                labelled[key] = self.values(scope, label, key, value, here)
            else:
                self.unknown(scope, key, here)
        if len(self.findings) > found:
            self.suspects.add(label)
        return label, labelled

    def identity(self, scope: Scope, data: Mapping[str, Any], steps: Steps) -> str | None:
        """Return the IRI that a node gives itself."""
        for key, value in data.items():
            if scope.keyword(key) != "@id":
                continue
            here = (*steps, key)
            iri = self.iri(scope, key, value, here, vocabulary=False)
            if iri is None:
                return self.fresh()
            if iri in self.places.nodes:
                first = self.places.nodes[iri]
                self.findings.append(finding("duplicate-id", self.document.place(here), id=value, first=first))
            return iri
        return None

    def fresh(self) -> str:
        """Return a new blank node label."""
        self.blank += 1
        return f"_:b{self.blank}"

    def values(self, scope: Scope, node: str, key: str, value: Any, steps: Steps) -> Any:
        """Return the values of one key, with labels on the nodes among them."""
        inner = scope.within(key)
        term = scope.term(key)
        if term is not None and "@language" in term.container:
            return self.language_map(scope, node, key, value, steps)
        if isinstance(value, list):
            return [self.value(scope, inner, node, key, item, (*steps, place)) for place, item in enumerate(value)]
        return self.value(scope, inner, node, key, value, steps)

    def value(self, scope: Scope, inner: Scope, node: str, key: str, value: Any, steps: Steps) -> Any:
        """Return one value of a key: a node, an IRI or a literal."""
        place = self.document.place(steps)
        term = scope.term(key)
        if value is None or value == "":
            self.findings.append(finding("empty-value", self.document.key_place(steps), key=key))
            return None
        if isinstance(value, list):
            self.findings.append(finding("lost-value", place, key=key))
            return None
        if isinstance(value, dict):
            about = len(steps) == 1 and self.layout.graph(key) == self.layout.pubinfo
            label, labelled = self.node(inner, value, steps, self.layout.document if about else None)
            self.note(scope, node, key, label, steps)
            return labelled
        if scope.keyword(key) == "@included":
            self.findings.append(finding("not-a-mapping", place, what=f"each of {key!r}"))
            return None
        if term is not None and (term.type in ("@id", "@vocab") or term.reverse):
            iri = self.iri(inner, key, value, steps, vocabulary=term.type == "@vocab")
            if iri is not None:
                self.note(scope, node, key, iri, steps)
                self.references.append(Reference(iri, str(value), key, place))
            return iri and {"@id": iri}
        written = {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
        self.note(scope, node, key, written, steps)
        return value

    def language_map(self, scope: Scope, node: str, key: str, value: Any, steps: Steps) -> Any:
        """Return the texts of one key by language."""
        if not isinstance(value, dict):
            expected = "a text for each language, such as {en: …, fr: …}"
            self.findings.append(
                finding("bad-value", self.document.place(steps), value=value, key=key, expected=expected)
            )
            return None
        for language, texts in value.items():
            here = (*steps, language)
            if not _LANGUAGE_TAG.fullmatch(language):
                self.findings.append(finding("bad-language", self.document.key_place(here), language=language))
                continue
            for at, text in enumerate(texts if isinstance(texts, list) else [texts]):
                there = (*here, at) if isinstance(texts, list) else here
                if text is None or text == "":
                    self.findings.append(finding("empty-value", self.document.key_place(there), key=language))
                elif not isinstance(text, str):
                    expected = "a text"
                    self.findings.append(
                        finding("bad-value", self.document.place(there), value=text, key=language, expected=expected)
                    )
                else:
                    self.note(scope, node, key, text, there)
        return value

    def note(self, scope: Scope, node: str, key: str, value: str, steps: Steps) -> None:
        """Note where a value stands, by node and property."""
        predicate = scope.predicate(key)
        if predicate is None:
            return
        at = max(index for index, step in enumerate(steps) if step == key) + 1
        term = scope.term(key)
        if term is not None and term.reverse:
            return
        row = (value, self.document.key_place(steps[:at]), self.document.place(steps))
        self.places.values.setdefault((node, predicate), []).append(row)

    def classes(self, scope: Scope, node: str, value: Any, steps: Steps) -> list[str]:
        """Return the IRIs of the classes that a node gives itself."""
        iris = []
        for at, name in enumerate(value if isinstance(value, list) else [value]):
            place = self.document.place((*steps, at) if isinstance(value, list) else steps)
            iri = scope.iri(name, vocabulary=True) if isinstance(name, str) else ""
            if is_iri(iri):
                iris.append(iri)
                row = (iri, self.document.key_place(steps), place)
                self.places.values.setdefault((node, _TYPE), []).append(row)
            else:
                classes = [key for key in scope.names() if key[:1].isupper()]
                self.findings.append(finding("unknown-class", place, suggest(str(name), classes), name=name))
        return iris

    def iri(self, scope: Scope, key: str, value: Any, steps: Steps, vocabulary: bool) -> str | None:
        """Return the IRI that a word of the file stands for, or nothing, with a finding, where it is none."""
        place = self.document.place(steps)
        if not isinstance(value, str):
            self.findings.append(finding("bad-value", place, value=value, key=key, expected="a name"))
            return None
        prefix, colon, name = value.partition(":")
        if colon and prefix == _OWN:
            iri = f"{self.layout.document}#{name}"
        else:
            name = "" if colon else value
            iri = scope.prefixed(value) or (value if colon else scope.iri(value, vocabulary))
        if name and not is_name(name):
            self.findings.append(finding("bad-name", place, name=value))
            return None
        if not is_iri(iri) or (colon and not name and prefix == _OWN):
            self.findings.append(finding("bad-iri", place, iri=value))
            return None
        return iri

    def unknown(self, scope: Scope, key: str, steps: Steps) -> None:
        """Report a key that means nothing here."""
        place = self.document.key_place(steps)
        if key == _QUOTE:
            self.findings.append(finding("quote-left", place, file=self.document.file))
        elif key in self.reader.belongs:
            self.findings.append(finding("misplaced-key", place, key=key, where=self.reader.belongs[key]))
        else:
            self.findings.append(finding("unknown-key", place, suggest(key, scope.names()), key=key))

    def check_nothing_lost(self, read: tuple[Quad, ...]) -> None:
        """Report each noted value that the JSON-LD processor has dropped without a word."""
        if not read:
            return
        kept = {(quads.text(quad.subject), quad.predicate.value) for quad in read}
        for (node, predicate), rows in self.places.values.items():
            if (node, predicate) not in kept:
                self.findings.append(finding("lost-value", rows[0][1], key=local_name(predicate)))


_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_FATAL = frozenset({"bad-iri", "bad-name", "bad-language"})


def _read_rdf(data: bytes, file: str, layout: Layout) -> Facts:
    """Read a fact file in Turtle or TriG; its places are the lines that its subjects stand on."""
    syntax = BY_ENDING[f".{file.rpartition('.')[2]}"]
    text = documents.decode(data, file)
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
    references = tuple(
        Reference(
            quad.object.value,
            local_name(quad.object.value),
            local_name(quad.predicate.value),
            places.find(quads.text(quad.subject)),
            written_out=True,
        )
        for quad in read
        if isinstance(quad.object, NamedNode) and quad.predicate.value != _TYPE
    )
    return Facts(roots[0] if layout.pubinfo and roots else None, tuple(read), places, references, tuple(findings))


_PREFIX = re.compile(r"@?prefix\s+([\w-]*):\s*<([^>]*)>", re.IGNORECASE)
_SUBJECT = re.compile(r"\s*(?:<([^>\s]*)>|([\w-]*):([\w.-]+))\s")


def _subject_places(text: str, file: str, document: str) -> dict[str, Place]:
    """Return the first line of Turtle that begins with each IRI."""
    prefixes = dict(_PREFIX.findall(text))
    places: dict[str, Place] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _SUBJECT.match(f"{line} "):
            iri, prefix, name = found.groups()
            iri = iri if iri is not None else prefixes.get(prefix, "") + name
            iri = iri if is_iri(iri) else urljoin(document, iri)
            places.setdefault(iri, Place(file, number, len(line) - len(line.lstrip()) + 1))
    return places
