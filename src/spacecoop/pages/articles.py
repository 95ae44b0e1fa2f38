"""Articles' N-Quads in, their pages out: each from what it says and what the shared files say, in processes."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache as once

from jinja2 import Environment
from pebble import ProcessPool
from pyoxigraph import DefaultGraph, NamedNode, Quad, Store

from spacecoop import cache
from spacecoop.findings import Finding, Place, finding
from spacecoop.pages import kinds, known, rendering, sandboxed, searching
from spacecoop.pages.answers import write_line
from spacecoop.pages.faults import PageError
from spacecoop.pages.kept import Kept, Made, Told
from spacecoop.pages.kinds import Kind, Page, Row
from spacecoop.pages.known import Asked, Noted, Statements
from spacecoop.pages.rendering import Frame
from spacecoop.pages.values import Value
from spacecoop.queries.library import QueryError
from spacecoop.syntaxes import NQUADS, TURTLE

_FEW = 8
"""Up to how many articles no process is started for."""
_OWN = NamedNode("urn:x-spacecoop:article")
_FORGET = f"DELETE {{ GRAPH {_OWN} {{ ?s ?p ?o }} }} WHERE {{ GRAPH {_OWN} {{ ?s ?p ?o }} ?s ?p ?o }}"
"""What the shared files say is not said again."""


@dataclass(frozen=True)
class Setup:
    """What every article's page is made with."""

    frame: Frame
    kinds: Sequence[Kind]
    facts: Sequence[Quad]
    """What the shared files say."""
    pages: Mapping[str, Page]
    """By IRI, the pages of the shared documents."""
    articles: Mapping[str, str]
    """By IRI, the path of each article's document."""

    def page(self, document: str) -> Page | None:
        """Return a page of which an article says nothing: a shared document's, or another article's."""
        path = self.articles.get(document)
        return self.pages.get(document) if path is None else Page(document, path, "", {})


@dataclass(frozen=True)
class _Failed:
    findings: tuple[Finding, ...]


def write(
    setup: Setup, environment: Environment, kept: Kept, basis: bytes, take: Callable[[str, Told], None]
) -> Iterator[tuple[str, Made]]:
    """Write the page of each article; yield its IRI and what came of it. Raises PageError where one cannot be made.

    What an article tells all others is given to *take* at once, and not held.
    """
    keys, hits = {}, {}
    asked = Asked({"page": setup.page, "described": lambda name: getattr(setup.frame.described, name, None)})
    for iri, path in setup.articles.items():
        data = (setup.frame.folder / f"{path}{NQUADS.ending}").read_bytes()
        keys[iri] = cache.key(basis, iri.encode(), hashlib.sha256(data).digest())
        found = kept.find(keys[iri], asked)
        hits[iri] = found and _hand_over(iri, found, take)
    todo = [iri for iri, hit in hits.items() if hit is None]
    # closed whatever happens: a process that still writes would fill a folder that is being deleted
    with closing(_each(setup, environment, todo)) as made:
        for iri, hit in hits.items():
            yield iri, hit if hit is not None else _hand_over(iri, kept.keep(keys[iri], next(made)), take)


def _hand_over(iri: str, made: Made, take: Callable[[str, Told], None]) -> Made:
    take(iri, made.told)
    return replace(made, told=Told())


def _each(setup: Setup, environment: Environment, todo: Sequence[str]) -> Generator[Made]:
    if len(todo) <= _FEW:
        found: Iterable[Made | _Failed] = map(_Writer(setup, environment).write, todo) if todo else ()
        yield from map(_check, found)
        return
    sandboxed.prepare(environment)
    _here[:] = [_Writer(setup, environment)]  # a forked process finds it there
    with ProcessPool(min(len(todo), os.cpu_count() or 1), initializer=_begin, initargs=(setup,)) as pool:
        try:
            yield from map(_check, pool.map(_write_here, todo, chunksize=4).result())
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise


def _check(made: Made | _Failed) -> Made:
    if isinstance(made, _Failed):
        raise PageError(made.findings)
    return made


_here: list[_Writer] = []


def _begin(setup: Setup) -> None:
    if not _here:
        _here.append(_Writer(setup, sandboxed.open_templates(setup.frame.workspace)))


def _write_here(iri: str) -> Made | _Failed:
    return _here[0].write(iri)


class _Article:
    """What one article says, with what the shared files say."""

    def __init__(
        self, setup: Setup, store: Store, own: Mapping[str, Sequence[Value]], names: Mapping[str, Sequence[Value]]
    ) -> None:
        self._setup, self._store, self._own_names, self._shared_names = setup, store, own, names
        said = Statements(store)
        self.of, self.to, self.uses = said.of, said.to, said.uses
        self.rows_of = once(self._rows_of)
        self.own: Page | None = None

    def page(self, document: str) -> Page | None:
        if self.own is not None and document == self.own.iri:
            return self.own
        return self._setup.page(document)

    def names(self, iri: str) -> Sequence[Value]:
        return self._own_names.get(iri) or self._shared_names.get(iri, ())

    def rows(self, part: str, page: str) -> Sequence[Row]:
        return [row for row in self.rows_of(part) if "page" in row and row["page"].value == page]

    def _rows_of(self, part: str) -> list[Row]:
        found: list[Row] = []
        for kind in _parts(self._setup, part):
            found += kinds.arrange(kind, _ask(self._setup, self._store, kind, [DefaultGraph(), _OWN]))
        return found


def _parts(setup: Setup, part: str) -> Iterator[Kind]:
    return (kind for kind in setup.kinds if kind.part == part)


def _ask(setup: Setup, store: Store, kind: Kind, graphs: Sequence[NamedNode | DefaultGraph] | None = None) -> list[Row]:
    """Return the rows of an answer as they come."""
    try:
        return list(kinds.each(store, kind, graphs))
    except QueryError as error:
        place = Place(setup.frame.workspace.name(kind.file))
        raise PageError([finding("page-query", place, reason=error)]) from error


def _tell(setup: Setup, told: Mapping[str, Sequence[Row]], page: Page) -> Told:
    """Return what an article tells the pages of all: rows for other pages, names, and what is found on its own."""
    rows: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for kind in setup.kinds:
        for row in told.get(kind.name, ()):
            there = row["page"].value if "page" in row else ""
            own = there.partition("#")[0] == page.iri
            if own and kind.part == searching.PART:
                found[there].append(row)
            elif there and (kind.part == known.NAMES or not own):
                rows[kind.name][there].append(write_line(row))
    lines: dict[str, dict[str, str]] = {}
    for kind in setup.kinds:
        for there, ones in rows[kind.name].items():
            pages = lines.setdefault(kind.part, {})
            more = "\n".join(ones if kind.ordered else sorted(ones))
            pages[there] = f"{pages[there]}\n{more}" if there in pages else more
    return Told(lines, searching.pack(searching.cut(sorted(found.items()), page)) if found else "")


class _Writer:
    """Writes articles' pages, one after the other, over the same store of what they share."""

    def __init__(self, setup: Setup, environment: Environment) -> None:
        self._setup, self._environment = setup, environment
        self._store = Store()
        self._store.extend(Quad(*quad.triple) for quad in setup.facts)
        self._names = known.names(row for kind in _parts(setup, known.NAMES) for row in _ask(setup, self._store, kind))

    def write(self, iri: str) -> Made | _Failed:
        """Write the pages of one article."""
        setup, path = self._setup, self._setup.articles[iri]
        self._store.remove_graph(_OWN)
        self._store.load(path=str(setup.frame.folder / f"{path}{TURTLE.ending}"), format=TURTLE.format, to_graph=_OWN)
        try:
            told = {kind.name: _ask(setup, self._store, kind, [_OWN]) for kind in setup.kinds if kind.alone}
            self._store.update(_FORGET)
            page, listed = self._lay_out(iri, path)
            article = _Article(setup, self._store, self._read_names(told), self._names)
            article.own = page
            noted = Noted(article, setup.frame.described, frozenset({"page", "described"}))
            written = tuple(rendering.write(self._environment, setup.frame, noted, page))
        except PageError as error:
            return _Failed(tuple(error.findings))
        noted.notes.pop(f"page {iri}", None)
        about = {"template": page.template, "anchors": sorted(page.anchors)}
        return Made(written, noted.notes, about, listed, _tell(setup, told, page))

    def _read_names(self, told: Mapping[str, Sequence[Row]]) -> Mapping[str, Sequence[Value]]:
        """Return what the article names, beside what the shared files say."""
        rows: list[Row] = []
        for kind in _parts(self._setup, known.NAMES):
            rows += told[kind.name] if kind.alone else _ask(self._setup, self._store, kind, [_OWN])
        found = known.names(rows)
        own = {iri: [one for one in values if one not in self._names.get(iri, ())] for iri, values in found.items()}
        return {iri: values for iri, values in own.items() if values}

    def _lay_out(self, iri: str, path: str) -> tuple[Page, list[tuple[str, str, str]]]:
        """Return the article's page, and what its statements list for the pages of other documents."""
        listing = [kind for kind in self._setup.kinds if kind.page and not kind.at]
        answers = [(kind, _ask(self._setup, self._store, kind, [_OWN])) for kind in listing]
        pages = kinds.map_documents(answers, {iri: path})
        listed = {
            (kind.name, row["page"].value, row["anchor"].value if "anchor" in row else "")
            for kind, rows in answers
            for row in rows
            if "page" in row and row["page"].value.partition("#")[0] in self._setup.pages
        }
        return pages.get(iri) or Page(iri, path, "document.html", {}), sorted(listed)
