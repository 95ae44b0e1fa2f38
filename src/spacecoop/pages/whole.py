"""All that a dataset says in, from its dump; what pages find out of it, from the disk where it is much, out."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path

from pyoxigraph import Quad, RdfFormat, Store

from spacecoop import jsontext
from spacecoop.cache import Unbelievable
from spacecoop.pages import known
from spacecoop.pages.answers import Answers, unpack, write_line
from spacecoop.pages.kept import Told
from spacecoop.pages.kinds import Kind, Page, Row, arrange, sort
from spacecoop.pages.known import Said, Statements
from spacecoop.pages.searching import Piece
from spacecoop.pages.searching import unpack as unpack_piece
from spacecoop.pages.values import Value

_IN_MEMORY = 600_000
"""Up to how many statements are held in memory; more lie on the disk."""
_PART = 50_000
"""Lines of a dump that are loaded at once: what that takes of memory is what all takes."""
_NAMED, _ASKED = 4_000, 16
"""Of how many things the names, and how many parts of pages, are kept from one language of a page to the next."""


class Whole:
    """What everything that is published says; it lies in a folder of its own until it is closed."""

    def __init__(self, folder: Path, statements: int, kinds: Sequence[Kind]) -> None:
        folder.mkdir()
        self._rows = Rows(folder / "rows", {kind.part: kind for kind in kinds if kind.part and kind.alone})
        self._answers = Answers(folder / "answers")
        self._disk = folder / "statements" if statements > _IN_MEMORY else None
        self.store = Store(str(self._disk)) if self._disk else Store()
        self._said = Statements(self.store)
        self._pages: Mapping[str, Page] = {}
        self._articles: Mapping[str, tuple[str, str]] = {}
        self._article = lru_cache(256)(self._read_article)
        self.names = lru_cache(_NAMED)(self._read_names)
        self.rows = lru_cache(_ASKED)(self._rows.of)
        self.sign = self._rows.sign

    def load(self, dump: Path, more: Iterable[Quad]) -> None:
        """Load a dump in N-Triples, and some more statements; all in one graph, so that nothing is counted twice."""
        with dump.open("rb") as stream:
            while lines := list(islice(stream, _PART)):
                self.store.bulk_load(b"".join(lines), RdfFormat.N_TRIPLES, lenient=True)  # we wrote it
        self.store.extend(Quad(*quad.triple) for quad in more)
        self.store.optimize()  # what was loaded in parts is found a third faster after this

    def ask(self, kinds: Sequence[Kind]) -> None:
        """Ask queries in their bounds, and keep the rows of those with ``part:`` by page.

        Raises UnansweredError as ``Answers.ask`` does.
        """
        self._answers.ask(self.store, kinds, self._disk)
        for kind in kinds:
            if kind.part:
                self._rows.add(kind.part, self._answers.lines(kind), kind.ordered)

    def answer(self, kind: Kind) -> list[Row]:
        """Return the rows of a query that was asked, sorted where it does not say how."""
        return arrange(kind, self._answers.rows(kind))

    def ask_around(self, kind: Kind, lines: Iterable[str]) -> None:
        """Keep what a query that is asked of each article has for what none of them says: rows as lines."""
        self._rows.add(kind.part, lines, kind.ordered)

    def take(self, iri: str, told: Told) -> None:
        """Keep what an article tells."""
        self._rows.take(iri, told)

    def pieces(self, listed: Iterable[tuple[str, Piece]]) -> Iterator[Piece]:
        """Yield what is found, by IRI: what is *listed*, and what articles told."""
        yield from map(itemgetter(1), merge(listed, self._rows.pieces(), key=itemgetter(0)))

    def tell(self, part: str, rows: Iterable[Row]) -> None:
        """Keep rows, in their order, as those of a query with ``part:``."""
        self._rows.add(part, map(write_line, rows), ordered=True)

    def lay_out(self, pages: Mapping[str, Page], articles: Mapping[str, tuple[str, str]]) -> None:
        """Take the pages by IRI, those of articles as path and template alone."""
        self._pages, self._articles = pages, articles

    def mark(self, page: str, anchors: Iterable[str]) -> None:
        """Keep which IRIs an article's page shows."""
        self._rows.mark(page, anchors)

    def of(self, node: str) -> Said:
        """Return what is said of a node, by property."""
        return self._said.of(node)

    def to(self, node: str) -> frozenset[tuple[str, str]]:
        """Return what leads to a node."""
        return self._said.to(node)

    def uses(self, node: str) -> int:
        """Count the statements in which an IRI is the property or the object."""
        return self._said.uses(node)

    def _read_names(self, iri: str) -> Sequence[Value]:
        return known.names(self._rows.of(known.NAMES, iri)).get(iri, [])

    def listed(self, part: str) -> Iterator[tuple[str, Sequence[Row]]]:
        """Yield all rows of the query with ``part: NAME``, by page, sorted."""
        return self._rows.each(part)

    def page(self, document: str) -> Page | None:
        """Return the page that is about a document."""
        return self._article(document) if document in self._articles else self._pages.get(document)

    def _read_article(self, document: str) -> Page:
        path, template = self._articles[document]
        return Page(document, path, template, {}, self._rows.marks(document))

    def close(self) -> None:
        """Let go of the folder."""
        self._rows.close()
        del self.store, self._said


class Rows:
    """Rows of answers on the disk, by name and page, each page's in the order of its query."""

    def __init__(self, path: Path, alone: Mapping[str, Kind]) -> None:
        self._alone = alone
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(
            "CREATE TABLE row (part TEXT, page TEXT, place TEXT, said TEXT,"
            " PRIMARY KEY (part, page, place)) WITHOUT ROWID"
        )
        self._database.execute("CREATE TABLE mark (page TEXT, iri TEXT, PRIMARY KEY (page, iri)) WITHOUT ROWID")
        self._database.execute(
            "CREATE TABLE told (part TEXT, page TEXT, article TEXT, said TEXT,"
            " PRIMARY KEY (part, page, article)) WITHOUT ROWID"
        )
        self._database.execute("CREATE TABLE found (article TEXT PRIMARY KEY, piece TEXT)")
        self._count = 0

    def take(self, article: str, told: Told) -> None:
        """Keep what an article tells."""
        rows = ((part, page, article, said) for part, pages in told.rows.items() for page, said in pages.items())
        self._database.executemany("INSERT INTO told VALUES (?, ?, ?, ?)", rows)
        if told.found:
            self._database.execute("INSERT INTO found VALUES (?, ?)", (article, told.found))

    def pieces(self) -> Iterator[tuple[str, Piece]]:
        """Yield what articles add to the index that is searched, by their IRIs, sorted; raises Unbelievable."""
        for article, piece in self._database.execute("SELECT article, piece FROM found ORDER BY article"):
            try:
                found = unpack_piece(piece)
            except ValueError as error:
                raise Unbelievable(f"what {article} adds to the search") from error
            yield article, found

    def sign(self, part: str, page: str) -> str:
        """Return what changes when the rows for a page do."""
        digest = hashlib.blake2b(digest_size=12)
        for said in self._each_said(part, page):
            digest.update(f"{said}\n".encode())
        return digest.hexdigest()

    def _each_said(self, part: str, page: str) -> Iterator[str]:
        for table, place in (("row", "place"), ("told", "article")):
            order = f"SELECT said FROM {table} WHERE part = ? AND page = ? ORDER BY {place}"  # noqa: S608  (no data)
            for (said,) in self._database.execute(order, (part, page)):
                yield said

    def add(self, part: str, rows: Iterable[str], ordered: bool) -> None:
        """Keep rows, each as ``write_line`` writes it; where their query does not order them, they are sorted."""
        self._database.executemany("INSERT INTO row VALUES (?, ?, ?, ?)", self._pack(part, rows, ordered))

    def _pack(self, part: str, rows: Iterable[str], ordered: bool) -> Iterator[tuple[str, str, str, str]]:
        for said in rows:
            page = json.loads(said).get("page")
            if page is None:
                continue
            self._count += 1
            place = f"{self._count:012}" if ordered else f"{said}{self._count:012}"
            yield part, page[0], place, said

    def of(self, part: str, page: str) -> list[Row]:
        """Return the rows that are kept under a name for a page, each once; raises Unbelievable."""
        lines = list(dict.fromkeys(line for said in self._each_said(part, page) for line in said.split("\n")))
        kind = self._alone.get(part)
        if kind is not None and not kind.ordered:
            lines.sort()
        try:
            rows: list[Row] = [{name: unpack(term) for name, term in jsontext.parse(line).items()} for line in lines]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise Unbelievable(f"the rows of {part} for {page}") from error
        return rows if kind is None else sort(rows, kind.order)

    def each(self, part: str) -> Iterator[tuple[str, list[Row]]]:
        """Yield all rows that are kept under a name, by page, sorted."""
        found = "SELECT page FROM row WHERE part = ?1 UNION SELECT page FROM told WHERE part = ?1 ORDER BY page"
        for (page,) in self._database.execute(found, (part,)):
            yield page, self.of(part, page)

    def mark(self, page: str, anchors: Iterable[str]) -> None:
        """Keep IRIs for a page."""
        self._database.executemany("INSERT OR IGNORE INTO mark VALUES (?, ?)", ((page, iri) for iri in anchors))

    def marks(self, page: str) -> frozenset[str]:
        """Return the IRIs that are kept for a page."""
        return frozenset(iri for (iri,) in self._database.execute("SELECT iri FROM mark WHERE page = ?", (page,)))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()
