"""What is known and a reader's language in; what a template asks of them, labelled, linked and bounded, out."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape
from pyoxigraph import NamedNode

from spacecoop.harvest.sitemaps import address
from spacecoop.iris import namespace
from spacecoop.pages.kinds import Page, Row
from spacecoop.pages.known import Noted
from spacecoop.pages.values import LABEL, TEXT, Value, bound


@dataclass(frozen=True)
class Words:
    """What the site knows and how it speaks; the same for every page and language."""

    known: Noted
    languages: Sequence[str]
    """The first one's pages have the plain addresses."""
    interface: Mapping[str, Mapping[str, str]]
    """By language, the words of the templates."""
    prefixes: Mapping[str, str]

    @cached_property
    def full(self) -> dict[str, str]:
        """IRIs by the names with a prefix under which templates have asked for them."""
        return {}

    @cached_property
    def namespaces(self) -> Mapping[str, str]:
        """The prefixes by what they stand for; the first one, where several stand for the same."""
        return {start: prefix for prefix, start in reversed(list(self.prefixes.items()))}


class View:
    """What the template of one page can call, in one language."""

    def __init__(self, words: Words, page: Page, language: str) -> None:
        self._words = words
        self._known = words.known
        self._page = page
        self._folder = posixpath.dirname(page.path) or "."
        self._labels: dict[str, Value] = {}
        self._files: dict[str, str] = {}
        self._links: dict[str, Markup] = {}
        self._values: dict[str, Markup] = {}
        self._names: dict[str, Markup] = {}
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

    @property
    def described(self) -> Any:
        """What is known of the dataset."""
        return self._known.dataset

    def dataset(self, described: Any) -> Value:
        """Return the title of the dataset."""
        return self.chosen(described.title)

    def chosen(self, texts: Mapping[str, str]) -> Value:
        """Return one of the texts that are given by language."""
        found = self.best(Value(bound(said, TEXT), language) for language, said in texts.items())
        return found or Value("")

    def tongue(self, language: str) -> str:
        """Return what a language calls itself; its tag, where its file of words does not say."""
        return self._words.interface.get(language, {}).get("tongue", language)

    def shown(self, values: Sequence[Value]) -> bool:
        """Tell whether any of these is a text, or has a page or a place on the web; not a node without a name."""
        return any(map(self._is_shown, values))

    def _is_shown(self, value: Value) -> bool:
        if not value.is_iri or value.text.partition("#")[0] != self._page.iri:
            return True
        return bool(self._known.names(value.text))

    def uses(self, node: str) -> int:
        """Count how often a term is used: as a property, and as what a statement leads to."""
        return self._known.uses(node)

    def grouped(self, rows: Sequence[Row], name: str) -> list[tuple[str, list[Row]]]:
        """Return rows by what one variable says, in the order in which it first does; empty where it says nothing."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(row[name].value if name in row else "", []).append(row)
        return list(groups.items())

    def named(self, nodes: Iterable[str]) -> list[str]:
        """Return the nodes that somebody gave a name, in whatever language."""
        return [node for node in nodes if any(one.text.strip() for one in self._known.names(node))]

    def by_type(self, nodes: Iterable[str]) -> list[tuple[str, list[str]]]:
        """Return nodes by what they are said to be, each once: of several types, the one that most of them have."""
        types = {node: self.values(node, "rdf:type") or [""] for node in nodes}
        counts = Counter(type_ for ones in types.values() for type_ in ones)
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for node, ones in types.items():
            groups[max(ones, key=lambda type_: (counts[type_], type_))].append(node)
        for members in groups.values():
            members.sort(key=lambda node: (self.label(node).text.casefold(), node))
        return sorted(groups.items(), key=lambda group: (self.label(group[0]).text, group[0]))

    def best(self, values: Iterable[Value]) -> Value | None:
        """Return the text in the reader's language, else in the first language that there is one in."""
        found = list(values)
        if len(found) < 2:
            return found[0] if found else None
        ranks = [self._order.get(value.language, 99) for value in found]
        least = min(ranks)
        first = [value for value, rank in zip(found, ranks, strict=True) if rank == least]
        return first[0] if len(first) == 1 else min(first)

    def texts(self, node: str, *properties: str) -> list[Value]:
        """Return what is said of a node by these properties, in one language: the reader's, where there is one."""
        said = self._known.of(node)
        return self._in_one([value for one in properties for value in said.get(self._iri(one), ())])

    def _in_one(self, found: Collection[Value]) -> list[Value]:
        """Return values, sorted; of those with a language, those in the reader's, where there is one."""
        if len(found) < 2:
            return list(found)
        spoken = [value for value in found if value.language]
        if not spoken:
            return sorted(found)
        one = self.best(spoken)
        return sorted(value for value in found if not value.language or (one and value.language == one.language))

    def values(self, node: str, *properties: str) -> list[str]:
        """Return the IRIs and texts that these properties lead to, each as a text."""
        if len(properties) == 1:  # as most are
            found = self._known.of(node).get(self._iri(properties[0]), ())
            return [value.text for value in (found if len(found) < 2 else self._in_one(found))]
        return [value.text for value in self.texts(node, *properties)]

    def into(self, node: str, *properties: str) -> list[str]:
        """Return what leads to a node by these properties; by any, where none is named."""
        wanted = {self._iri(one) for one in properties}
        return sorted({other for other, by in self._known.to(node) if by in wanted or not wanted})

    def statements(self, node: str, *but: str) -> list[tuple[str, list[Value]]]:
        """Return all that is said of a node, by property, but for some; texts in one language."""
        left_out = {self._iri(one) for one in but}
        said = self._known.of(node)
        return [(by, self._in_one(said[by])) for by in sorted(said) if by not in left_out]

    def lines(self, node: str, *but: str) -> list[tuple[Markup, list[Markup]]]:
        """Return the statements of a node, but for some, as they stand in a page: names, and the values shown."""
        found = (
            (by, [self.value(one) for one in values if self._is_shown(one)])
            for by, values in self.statements(node, *but)
        )
        return [(self.name(by), shown) for by, shown in found if shown]

    def mentions(self, node: str) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return what leads to a node, with the property, by the document that says so."""
        found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for other, by in self._known.to(node):
            document = other.partition("#")[0]
            if document != node.partition("#")[0] and self._known.page(document) is not None:
                found[document].add((other, by))
        return [(document, sorted(found[document])) for document in sorted(found)]

    def subjects(self) -> list[str]:
        """Return the nodes of this page that others can lead to, itself first."""
        own = (iri for iri in self._page.anchors if iri.partition("#")[0] == self._page.iri)
        return sorted({self._page.iri, *(iri for iri in own if self._known.of(iri))})

    def part(self, name: str) -> Sequence[Row]:
        """Return the rows that the query with ``part: NAME`` gives for this page."""
        return self._known.rows(name, self._page.iri)

    def label(self, node: Any) -> Value:
        """Return the name of a thing; the last part of its IRI, where nobody gave it one."""
        iri = str(getattr(node, "value", node))
        label = self._labels.get(iri)
        if label is None:
            found = self.best(self._known.names(iri))
            if found is not None and found.text.strip():
                label = Value(bound(found.text, LABEL), found.language)
            else:
                label = self._as_word(self.short(iri))
            self._labels[iri] = label
        return label

    def said(self, value: Value) -> Markup:
        """Return a text as it stands in a page: apart from what is around it, marked where its language is another."""
        return _set_apart(value.text, "" if value.language == self.language else value.language)

    def name(self, node: Any) -> Markup:
        """Return the name of a thing as it stands in a page, without a link."""
        iri = str(getattr(node, "value", node))
        made = self._names.get(iri)
        if made is None:
            made = self._names[iri] = self.said(self.label(iri))
        return made

    def link(self, node: Any) -> Markup:
        """Return the name of a thing, which leads to where it is shown."""
        iri = str(getattr(node, "value", node))
        made = self._links.get(iri)
        if made is None:
            href, made = self.href(iri), self.name(iri)
            if href:
                made = Markup(f'<a href="{escape(href)}">{made}</a>')  # noqa: S704  (escaped)
            self._links[iri] = made
        return made

    def value(self, value: Value) -> Markup:
        """Return a text, or a link with the IRI in short where it leads elsewhere under another name."""
        if not value.is_iri:
            return self.said(value)
        made = self._values.get(value.text)
        if made is None:
            made = self.link(value.text)
            if not self.is_here(value.text):
                short = self.short(value.text)
                if self.label(value.text).text != short:
                    made = Markup(f"{made} <small><code>{escape(short)}</code></small>")  # noqa: S704  (escaped)
            self._values[value.text] = made
        return made

    def _as_word(self, short: str) -> Value:
        """Return what the interface calls a term that the site does not describe, such as ``rdf:type``."""
        for language in (self.language, "en"):
            said = self._words.interface.get(language, {}).get(short)
            if said is not None:
                return Value(bound(said, LABEL), language)
        return Value(bound(short, LABEL))

    def spoken(self, rows: Sequence[Row], name: str) -> Value:
        """Return, of rows that say the same in several languages, the text in the reader's."""
        found = (Value(bound(row[name].value, TEXT), row[name].language or "") for row in rows if name in row)
        return self.best(found) or Value("")

    def cell(self, term: Any) -> Markup:
        """Return what a table shows of a term: a text, or a link."""
        if isinstance(term, NamedNode):
            return self.value(Value(term.value, "", True))
        return self.said(Value(bound(str(getattr(term, "value", term)), LABEL), getattr(term, "language", None) or ""))

    def is_here(self, iri: str) -> bool:
        """Tell whether an IRI is shown on a page of this site."""
        return self._known.page(iri.partition("#")[0]) is not None

    def short(self, iri: str) -> str:
        """Return an IRI as people read it: its last part where it is of this dataset, else with a prefix or in full."""
        start = namespace(iri)
        if self.is_here(iri):
            return iri[len(start) :] or iri
        prefix = self._words.namespaces.get(start)
        return iri if prefix is None else f"{prefix}:{iri[len(start) :]}"

    def fragment(self, iri: str) -> str:
        """Return what the element that shows a node has as its id; empty for the page itself."""
        return iri.partition("#")[2]

    def href(self, node: Any) -> str:
        """Return where a node is shown: on a page of this site, or on the web; empty where it is shown nowhere."""
        iri = str(getattr(node, "value", node))
        document, hash_, fragment = iri.partition("#")
        page = self._known.page(document)
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
        known = self._files.get(path)
        if known is None:
            known = self._files[path] = _relative(path, self._folder)
        return known

    def _iri(self, name: str) -> str:
        full = self._words.full.get(name)
        if full is None:
            prefix, _, rest = name.partition(":")
            full = self._words.prefixes[prefix] + rest if prefix in self._words.prefixes else name
            self._words.full[name] = full
        return full


@lru_cache(4_000)
def _set_apart(text: str, tongue: str) -> Markup:
    mark = f' lang="{escape(tongue)}"' if tongue else ""
    return Markup(f"<bdi{mark}>{escape(text)}</bdi>")  # noqa: S704  (escaped)


@lru_cache(20_000)
def _relative(path: str, folder: str) -> str:
    """Return the address of a file from a folder, both from the root of the site."""
    found = quote(posixpath.relpath(path, folder))
    return f"./{found}" if ":" in found.partition("/")[0] else found
