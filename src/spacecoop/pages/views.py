"""Quads and a reader's language in; what a template asks of them, labelled, linked and bounded, out."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.iris import local_name, namespace
from spacecoop.pages.kinds import Page, Row
from spacecoop.quads import text

LABEL, TEXT = 300, 4000
"""Characters that are shown of a label, and of any other text."""
_CONTROLS = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
"""What no page shows: control characters, and those that turn the direction of the text around them."""


@dataclass(frozen=True, order=True)
class Value:
    """An IRI, or a text with its language; templates write it as it is, escaped."""

    text: str
    language: str = ""
    is_iri: bool = False

    def __str__(self) -> str:
        return self.text


def bounded(value: str, most: int) -> str:
    """Return a text without control characters, and with an ellipsis where it is too long.

    >>> bounded("ab\u202ecd", 3)
    'abc…'
    """
    clean = _CONTROLS.sub("", value)
    return clean if len(clean) <= most else f"{clean[:most]}…"


class Statements:
    """What is said, by subject and by object."""

    def __init__(self, quads: Iterable[Quad]) -> None:
        self.of: defaultdict[str, defaultdict[str, set[Value]]] = defaultdict(lambda: defaultdict(set))
        self.to: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        self.parts: defaultdict[str, set[str]] = defaultdict(set)
        for quad in quads:
            subject, predicate = text(quad.subject), quad.predicate.value
            if isinstance(quad.object, Literal):
                value = Value(bounded(text(quad.object), TEXT), quad.object.language or "")
            elif isinstance(quad.object, NamedNode):
                value = Value(quad.object.value, "", True)
                self.to[quad.object.value].add((subject, predicate))
            else:
                continue
            self.of[subject][predicate].add(value)
            self.parts[subject.partition("#")[0]].add(subject)


@dataclass(frozen=True)
class Words:
    """What the site knows: statements, names, pages; the same for every page and language."""

    statements: Statements
    names: Mapping[str, Sequence[Value]]
    """By IRI, its labels in all languages."""
    pages: Mapping[str, Page]
    """By the IRI of the document."""
    languages: Sequence[str]
    """The first one's pages have the plain addresses."""
    interface: Mapping[str, Mapping[str, str]]
    """By language, the words of the templates."""
    prefixes: Mapping[str, str]
    uses: Mapping[str, int]
    """By IRI, in how many statements it is the property or the object."""
    parts: Mapping[str, Mapping[str, Sequence[Row]]]
    """By name and document, the rows of an answer."""


def address(path: str, language: str, first: str) -> str:
    """Return the file of a page in a language.

    >>> address("id/china", "fr", "en"), address("id/china", "en", "en")
    ('id/china.fr.html', 'id/china.html')
    """
    return f"{path}.html" if language == first else f"{path}.{language}.html"


class View:
    """What the template of one page can call, in one language."""

    def __init__(self, words: Words, page: Page, language: str) -> None:
        self._words = words
        self._page = page
        self.language = language
        self._order = {other: number for number, other in enumerate(dict.fromkeys([language, *words.languages, "en"]))}

    def word(self, key: str, **values: Any) -> str:
        """Return a word of the interface; raises LookupError for one that no language has."""
        found = self._words.interface.get(self.language, {}).get(key) or self._words.interface["en"].get(key)
        if found is None:
            raise LookupError(f"no file of words has the word {key!r}")
        return found.format(**values)

    def title(self, page: Page) -> Value:
        """Return what a page without an IRI is called, as its query's summary says."""
        return self.chosen(page.title) if page.title else Value(page.path)

    def dataset(self, described: Any) -> Value:
        """Return the title of the dataset."""
        return self.chosen(described.title)

    def chosen(self, texts: Mapping[str, str]) -> Value:
        """Return one of the texts that are given by language."""
        found = self.best(Value(bounded(said, TEXT), language) for language, said in texts.items())
        return found or Value("")

    def tongue(self, language: str) -> str:
        """Return what a language calls itself; its tag, where its file of words does not say."""
        return self._words.interface.get(language, {}).get("tongue", language)

    def shown(self, values: Sequence[Value]) -> bool:
        """Tell whether any of these is a text, or has a page or a place on the web; not a node without a name."""
        return any(not one.is_iri or one.text in self._words.names or self._is_elsewhere(one.text) for one in values)

    def _is_elsewhere(self, iri: str) -> bool:
        document = iri.partition("#")[0]
        return document not in self._words.pages or document != self._page.iri

    def uses(self, node: str) -> int:
        """Count how often a term is used: as a property, and as what a statement leads to."""
        return self._words.uses.get(node, 0)

    def grouped(self, rows: Sequence[Row], name: str) -> list[tuple[str, list[Row]]]:
        """Return rows by what one variable says, in the order in which it first does; empty where it says nothing."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(row[name].value if name in row else "", []).append(row)
        return list(groups.items())

    def best(self, values: Iterable[Value]) -> Value | None:
        """Return the text in the reader's language, else in the first language that there is one in."""
        return min(values, key=lambda value: (self._order.get(value.language, 99), value), default=None)

    def texts(self, node: str, *properties: str) -> list[Value]:
        """Return what is said of a node by these properties, in one language: the reader's, where there is one."""
        said: Mapping[str, set[Value]] = self._words.statements.of.get(node, {})
        found = [value for one in properties for value in said.get(self._iri(one), ())]
        one = self.best([value for value in found if value.language])
        return sorted(value for value in found if not value.language or (one and value.language == one.language))

    def values(self, node: str, *properties: str) -> list[str]:
        """Return the IRIs and texts that these properties lead to, each as a text."""
        return [value.text for value in self.texts(node, *properties)]

    def into(self, node: str, *properties: str) -> list[str]:
        """Return what leads to a node by these properties; by any, where none is named."""
        wanted = {self._iri(one) for one in properties}
        return sorted({other for other, by in self._words.statements.to.get(node, ()) if by in wanted or not wanted})

    def statements(self, node: str, *but: str) -> list[tuple[str, list[Value]]]:
        """Return all that is said of a node, by property, but for some; texts in one language."""
        left_out = {self._iri(one) for one in but}
        said = sorted(self._words.statements.of.get(node, {}))
        return [(by, self.texts(node, by)) for by in said if by not in left_out]

    def mentions(self, node: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return what leads to a node, with the property, by the document that says so."""
        found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for other, by in self._words.statements.to.get(node, ()):
            document = other.partition("#")[0]
            if document != node.partition("#")[0] and document in self._words.pages:
                found[document].add((other, by))
        return [(document, sorted(found[document])) for document in sorted(found)]

    def subjects(self) -> list[str]:
        """Return the nodes of this page that others can lead to, itself first."""
        parts = self._words.statements.parts.get(self._page.iri, set())
        return sorted({self._page.iri} | (parts & self._page.anchors))

    def part(self, name: str) -> Sequence[Row]:
        """Return the rows that the query with ``part: NAME`` gives for this page."""
        return self._words.parts.get(name, {}).get(self._page.iri, ())

    def label(self, node: Any) -> Value:
        """Return the name of a thing; the last part of its IRI, where nobody gave it one."""
        iri = str(getattr(node, "value", node))
        found = self.best(self._words.names.get(iri, ()))
        if found is not None and found.text.strip():
            return Value(bounded(found.text, LABEL), found.language)
        return Value(bounded(self.short(iri), LABEL))

    def is_here(self, iri: str) -> bool:
        """Tell whether an IRI is shown on a page of this site."""
        return iri.partition("#")[0] in self._words.pages

    def short(self, iri: str) -> str:
        """Return an IRI as people read it: its last part where it is of this dataset, else with a prefix or in full."""
        if iri.partition("#")[0] in self._words.pages:
            return local_name(iri) or iri
        for prefix, start in self._words.prefixes.items():
            if iri == start + local_name(iri) and namespace(iri) == start:
                return f"{prefix}:{local_name(iri)}"
        return iri

    def fragment(self, iri: str) -> str:
        """Return what the element that shows a node has as its id; empty for the page itself."""
        return iri.partition("#")[2]

    def href(self, node: Any) -> str:
        """Return where a node is shown: on a page of this site, or on the web; empty where it is shown nowhere."""
        iri = str(getattr(node, "value", node))
        document, hash_, fragment = iri.partition("#")
        page = self._words.pages.get(document)
        if page is not None:
            there = self.to(page.path)
            known = fragment and (iri in page.anchors)
            return f"{there}#{quote(fragment)}" if hash_ and known else there
        return iri if iri.startswith(("http://", "https://")) else ""

    def to(self, path: str, language: str = "") -> str:
        """Return the address of another page of the site, from this one."""
        return self.file(address(path, language or self.language, self._words.languages[0]))

    def file(self, path: str) -> str:
        """Return the address of a file of the site, from this page."""
        found = posixpath.relpath(path, posixpath.dirname(self._page.path) or ".")
        found = quote(found)
        return f"./{found}" if ":" in found.partition("/")[0] else found

    def _iri(self, name: str) -> str:
        prefix, _, rest = name.partition(":")
        return self._words.prefixes[prefix] + rest if prefix in self._words.prefixes else name
