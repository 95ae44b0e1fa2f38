"""A YAML-LD document in, its facts out: its keys are checked, its nodes labelled, its places noted on the way.

YAML-LD is YAML that is JSON-LD 1.1 with the workspace's context.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pyoxigraph import Quad, parse

from spacecoop import quads
from spacecoop.documents import Document, Steps, Unreadable
from spacecoop.facts.context import Reader
from spacecoop.facts.records import Facts, Layout, Reference
from spacecoop.findings import Finding, Place, finding, suggest
from spacecoop.iris import RDF_TYPE, is_iri, is_language, is_name, local_name
from spacecoop.places import Places
from spacecoop.syntaxes import JSONLD

if TYPE_CHECKING:
    from spacecoop.facts.context import Scope

DRAFT_LEFT = "draft-left"
"""The rule that a draft breaks until a person has finished it: what it lacks is listed, and nothing of it is judged."""
_OWN = "this"
_QUOTE = "quote"
_DRAFT = "draft"
_FATAL = frozenset({"bad-iri", "bad-name", "bad-language"})


def read(document: Document, reader: Reader, layout: Layout) -> Facts:
    """Read a document; raises Unreadable where nothing can be said of it."""
    return _Walk(document, reader, layout).facts()


class _Walk:
    """One pass over a document: checks its keys, labels its nodes, notes its places."""

    def __init__(self, document: Document, reader: Reader, layout: Layout) -> None:
        self.document = document
        self.reader = reader
        self.layout = layout
        self.places = Places(document.file)
        self.references: list[Reference] = []
        self.findings: list[Finding] = []
        self.unread: set[str] = set()
        self.blank = 0

    def facts(self) -> Facts:
        """Return what the document says."""
        top = self.document.data
        if not isinstance(top, dict):
            raise Unreadable(finding("not-a-mapping", self.document.place(()), what="a fact file"))
        root, node = self.node(self.reader.scope, top, (), label=None)
        if self.layout.pubinfo and root.startswith("_:") and not self.findings:
            raise Unreadable(finding("no-root", self.document.place(())))
        if any(found.rule == DRAFT_LEFT for found in self.findings):
            return Facts(root, (), self.places, tuple(self.references), tuple(self.findings))
        usable = not any(found.rule in _FATAL for found in self.findings)
        read = tuple(self.quads(root, node)) if usable else ()
        self.check_nothing_lost(read)
        own = None if root.startswith("_:") else root
        unread = frozenset(self.unread)
        return Facts(own, read, self.places, tuple(self.references), tuple(self.findings), unread)

    def quads(self, root: str, node: Mapping[str, Any]) -> Iterator[Quad]:
        """Yield the quads of the top node, each part in its graph, as a JSON-LD processor reads them."""
        parts: dict[str, dict[str, Any]] = {}
        for key, value in node.items():
            if self.reader.scope.keyword(key) != "@id":
                parts.setdefault(self.layout.graph(key), {"@id": root})[key] = value
        own = json.dumps({_OWN: f"{self.layout.document}#"})
        said = json.dumps([{"@id": graph, "@graph": [part]} for graph, part in parts.items()])
        text = f'{{"@context": [{self.reader.context_text}, {own}], "@graph": {said}}}'
        try:
            yield from parse(text, format=JSONLD.format, base_iri=self.layout.document)
        except SyntaxError as error:
            self.findings.append(finding("rdf", Place(self.document.file), syntax="JSON-LD", reason=str(error)))

    def node(
        self, scope: Scope, data: Mapping[str, Any], steps: Steps, label: str | None
    ) -> tuple[str, dict[str, Any]]:
        """Return a node's IRI or blank label, and the node with that label as its id."""
        scope = scope.enter_types(data)
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
                labelled[scope.lift(key)] = self.values(scope, label, key, value, here)
            else:
                self.unknown(scope, key, here)
        if len(self.findings) > found:
            self.unread.add(label)
        return label, labelled

    def identity(self, scope: Scope, data: Mapping[str, Any], steps: Steps) -> str | None:
        """Return the IRI that a node gives itself."""
        keyword = scope.keyword
        for key, value in data.items():
            if keyword(key) != "@id":
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
        inner = scope.enter(key)
        term = scope.term(key)
        if term is not None and "@language" in term.container:
            return self.language_map(scope, node, key, value, steps)
        if isinstance(value, list):
            return [self.value(scope, inner, node, key, item, (*steps, place)) for place, item in enumerate(value)]
        return self.value(scope, inner, node, key, value, steps)

    def value(self, scope: Scope, inner: Scope, node: str, key: str, value: Any, steps: Steps) -> Any:
        """Return one value of a key: a node, an IRI or a literal."""
        term = scope.term(key)
        if value is None or value == "":
            self.findings.append(finding("empty-value", self.document.key_place(steps), key=key))
            return None
        if isinstance(value, list):
            self.findings.append(finding("lost-value", self.document.place(steps), key=key))
            return None
        if isinstance(value, dict):
            about = len(steps) == 1 and self.layout.graph(key) == self.layout.pubinfo
            label, labelled = self.node(inner, value, steps, self.layout.document if about else None)
            self.note(scope, node, key, label, steps)
            return labelled
        if scope.keyword(key) == "@included":
            self.findings.append(finding("not-a-mapping", self.document.place(steps), what=f"each of {key!r}"))
            return None
        if term is not None and (term.type in ("@id", "@vocab") or term.reverse):
            iri = self.iri(inner, key, value, steps, vocabulary=term.type == "@vocab")
            if iri is not None:
                self.note(scope, node, key, iri, steps)
                self.references.append(Reference(iri, str(value), key, self.document.place(steps)))
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
            if texts is None and self.follows_a_comma(here):
                self.findings.append(finding("comma-in-text", self.document.key_place(here), text=language))
                continue
            if not is_language(language):
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

    def follows_a_comma(self, steps: Steps) -> bool:
        """Tell whether a key without a colon stands here: the rest of a text that a comma has ended."""
        key, value = self.document.key_place(steps), self.document.place(steps)
        return (value.line, value.column) == (key.line, key.column + len(str(steps[-1])))

    def note(self, scope: Scope, node: str, key: str, value: str, steps: Steps) -> None:
        """Note where a value stands, by node and property."""
        predicate = scope.predicate(key)
        term = scope.term(key)
        if predicate is None or (term is not None and term.reverse):
            return
        at = len(steps)
        while steps[at - 1] != key:  # behind it there may be a language, and a number
            at -= 1
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
                self.places.values.setdefault((node, RDF_TYPE), []).append(row)
            else:
                classes = [key for key in scope.names() if key[:1].isupper()]
                self.findings.append(finding("unknown-class", place, suggest(str(name), classes), name=name))
        return iris

    def iri(self, scope: Scope, key: str, value: Any, steps: Steps, vocabulary: bool) -> str | None:
        """Return the IRI that a word of the file stands for, or nothing, with a finding, where it is none."""
        if not isinstance(value, str):
            place = self.document.place(steps)
            self.findings.append(finding("bad-value", place, value=value, key=key, expected="a name"))
            return None
        prefix, colon, name = value.partition(":")
        if colon and prefix == _OWN:
            iri = f"{self.layout.document}#{name}"
        else:
            name = "" if colon else value
            iri = scope.expand_prefixed(value) or (value if colon else scope.iri(value, vocabulary))
        if name and not is_name(name):
            self.findings.append(finding("bad-name", self.document.place(steps), name=value))
            return None
        if not is_iri(iri) or (colon and not name and prefix == _OWN):
            self.findings.append(finding("bad-iri", self.document.place(steps), iri=value))
            return None
        return iri

    def unknown(self, scope: Scope, key: str, steps: Steps) -> None:
        """Report a key that means nothing here."""
        place = self.document.key_place(steps)
        if key == _QUOTE:
            self.findings.append(finding("quote-left", place, file=self.document.file))
        elif key == _DRAFT and len(steps) == 1:
            self.findings.append(finding(DRAFT_LEFT, place, file=self.document.file))
        elif key in self.reader.belongs:
            self.findings.append(finding("misplaced-key", place, key=key, where=self.reader.belongs[key]))
        else:
            self.findings.append(finding("unknown-key", place, suggest(key, scope.names()), key=key))

    def check_nothing_lost(self, read: tuple[Quad, ...]) -> None:
        """Report each noted value that the JSON-LD processor has dropped without a word."""
        if not read:
            return
        kept = {(quads.text(subject), predicate.value) for subject, predicate, _, _ in read}
        for (node, predicate), rows in self.places.values.items():
            if (node, predicate) not in kept:
                self.findings.append(finding("lost-value", rows[0][1], key=local_name(predicate)))
