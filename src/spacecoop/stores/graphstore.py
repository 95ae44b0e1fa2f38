"""Graphs in, what a store is asked and told out; nothing that it answers is believed before it was counted."""

from __future__ import annotations

import codecs
import functools
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pyoxigraph import Literal, NamedNode, QuerySolution

from spacecoop.stores import answers
from spacecoop.stores.connections import Connection, StoreError
from spacecoop.stores.dialects import JSON, TABLE, XML, Dialect

MOST = 100_000_000
"""A store that says that it has more graphs of ours than these is not believed."""
_ALL = "{ GRAPH ?g { ?s ?p ?o } }"
_FEW = 200_000
"""Up to how many graphs of anybody all are counted, to pick ours."""
LOADED, LOADED_SIZE = 1_000, 150_000
"""How many statements, and bytes of them, go to a store's loader at once; it reads longer texts more slowly."""
_QUOTED = str.maketrans({"\\": r"\\", "'": r"\'", "\n": " "})
LARGE = 10_000
"""From how many statements on an addition goes to the store's way for many."""


_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Addresses:
    """Where one store is asked and changed."""

    query: str
    update: str
    graphs: str | None = None
    quads: str | None = None


class Store:
    """One store, for the graphs that begin with *base* alone."""

    def __init__(
        self,
        dialect: Dialect,
        addresses: Addresses,
        base: str,
        connection: Connection,
    ) -> None:
        self.dialect = dialect
        self.base = base
        self._addresses = addresses
        self._connection = connection

    @property
    def own(self) -> str:
        """The IRI of the graph in which the store keeps what it was sent, and who is at work."""
        return f"{self.base}graph/push"

    def counts(self, only: Collection[str] = ()) -> dict[str, int]:
        """Return how many triples each graph has, of all that begin with the base or of some.

        Where the store gives fewer than it says there are, it is asked in pages, until it has named them all.
        """
        if only:
            return self._counts(f"VALUES ?g {{ {' '.join(map(_iri, only))} }}")
        if self.dialect.apart and (whole := self._count_all()) is not None:
            return whole
        groups = f"SELECT ?g WHERE {{ GRAPH ?g {{ ?s ?p ?o }} }} GROUP BY ?g {self._write_filter()}"
        number = self._number(f"SELECT (COUNT(?g) AS ?n) WHERE {{ {{ {groups} }} }}")
        if number > MOST:
            raise StoreError(
                f"the store says that it has {number:,} graphs of ours; more than {MOST:,} are not believed"
            )
        found = self._counts() if number <= self.dialect.rows else {}
        if len(found) == number:
            return found
        found = {}
        while len(found) < number:
            more = self._counts(after=max(found, default=""), pages=f"ORDER BY ?g LIMIT {self.dialect.rows}")
            if not more.keys() - found.keys():
                raise StoreError(f"there are {number:,} graphs of ours, but the store names {len(found):,} of them")
            found |= more
        return found

    def count_names(self) -> int:
        """Return how many named graphs the store has, of anybody."""
        return self._number("SELECT (COUNT(?g) AS ?n) WHERE { GRAPH ?g {} }")

    def _count_all(self) -> dict[str, int] | None:
        """Return the counts of our graphs, picked here from those of all; None where they do not come whole.

        A filter on names makes some planners look at each name once a triple.
        """
        number = self._number(f"SELECT (COUNT(?g) AS ?n) WHERE {{ {{ SELECT ?g WHERE {_ALL} GROUP BY ?g }} }}")
        if number > _FEW:
            return None
        counts = f"SELECT ?g (COUNT(*) AS ?n) WHERE {_ALL} GROUP BY ?g"
        most = self.dialect.rows
        found: dict[str, int] = {}
        for start in range(0, number, most):
            page = f"SELECT ?g ?n WHERE {{ {{ {counts} ORDER BY ?g }} }} OFFSET {start} LIMIT {most}"
            found |= _read_counts(self.select(counts if number <= most else page, "n"))
        return self._pick_ours(found) if len(found) == number else None

    def _counts(self, values: str = "", after: str = "", pages: str = "") -> dict[str, int]:
        query = (
            f"SELECT ?g (COUNT(*) AS ?n) WHERE {{ {values} GRAPH ?g {{ ?s ?p ?o }} }} GROUP BY ?g"
            f" {self._write_filter(after)} {pages}"
        )
        table = self._ask(query, TABLE, answers.read_counts) if self.dialect.answers == TABLE else None
        return self._pick_ours(_read_counts(self.select(query, "n")) if table is None else dict(table))

    def _pick_ours(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {graph: number for graph, number in counts.items() if number and graph.startswith(self.base)}

    def _number(self, query: str) -> int:
        """Return the one number that a query for ?n counts; raises StoreError where there is something else."""
        rows = self.select(query, "n")
        if len(rows) != 1:
            raise StoreError(f"the store answers a question for one number with {len(rows):,} rows")
        return _whole(rows[0]["n"])

    def _write_filter(self, after: str = "") -> str:
        """Return the filter for graphs of ours: on groups, so that a store looks at each graph, not at each triple."""
        later = f" && STR(?g) > {_text(after)}" if after else ""
        return f"HAVING(STRSTARTS(STR(?g), {_text(self.base)}){later})"

    def contents(self, sizes: Mapping[str, int]) -> dict[str, list[str]]:
        """Return the lines of graphs; *sizes* are those expected, and where fewer come it is asked again in pages."""
        found: dict[str, list[str]] = {}
        for batch in batches(sizes, self.dialect.rows - 1, self.dialect.names):
            got = (
                self._ask_together(batch) if sum(batch.values()) < self.dialect.rows else {graph: [] for graph in batch}
            )
            short = [graph for graph in batch if len(got[graph]) < batch[graph]]
            real = self.counts(short) if short else {}
            for graph in short:
                if len(got[graph]) != real.get(graph, 0):
                    got[graph] = list(self._read_pages(graph, real.get(graph, 0)))
                    if len(got[graph]) != real.get(graph, 0):
                        raise StoreError(
                            f"<{graph}> has {real.get(graph, 0):,} triples, but the store gives {len(got[graph]):,}:"
                            " it cannot be read whole; raise the store's limit on results"
                        )
            found |= got
        return found

    def _ask_together(self, batch: Mapping[str, int]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {graph: [] for graph in batch}
        if self.dialect.apart:
            named = " UNION ".join(
                f"{{ GRAPH {_iri(graph)} {{ ?s ?p ?o }} BIND({_iri(graph)} AS ?g) }}" for graph in batch
            )
        else:
            named = f"VALUES ?g {{ {' '.join(map(_iri, batch))} }} GRAPH ?g {{ ?s ?p ?o }}"
        got = self._lines(f"SELECT ?g ?s ?p ?o WHERE {{ {named} }}")
        return found | {graph: lines for graph, lines in got.items() if graph in found}

    def _read_pages(self, graph: str, most: int) -> Iterator[str]:
        """Yield a graph's lines page by page; a store that gives more than *most* is not read on."""
        offset = 0
        while True:
            found = self._lines(
                f"SELECT ?g ?s ?p ?o WHERE {{ {{ SELECT ?s ?p ?o WHERE {{ GRAPH {_iri(graph)} {{ ?s ?p ?o }} }}"
                f" ORDER BY ?s ?p ?o }} VALUES ?g {{ {_iri(graph)} }} }} OFFSET {offset} LIMIT {self.dialect.rows}"
            )
            lines = found.get(graph, [])
            yield from lines
            offset += len(lines)
            if not lines or offset > most:
                return

    def _lines(self, query: str) -> dict[str, list[str]]:
        """Return the graphs that a query for ?g, ?s, ?p and ?o finds, with their lines."""
        found: dict[str, list[str]] = {}
        if self.dialect.answers == TABLE:
            found |= self._ask(query, TABLE, answers.read_table)
            return found
        for row in self.select(query, "g", "s", "p", "o"):
            found.setdefault(_name(row["g"]), []).append(f"{row['s']} {row['p']} {row['o']}")
        return found

    @property
    def takes_quads(self) -> bool:
        """Whether new graphs go in as N-Quads, many in one step."""
        return self._addresses.quads is not None

    def add(self, graphs: Mapping[str, Sequence[str]]) -> None:
        """Add lines to graphs, in small steps: by the store's own loader, where it lets us."""
        self._guard(graphs)
        pairs = [(graph, line) for graph, some in graphs.items() for line in some]
        if self.loads:
            for chunk in _chunks(pairs, LOADED, LOADED_SIZE):
                self._load(_pattern(chunk, ""))
        else:
            self._change("INSERT DATA", pairs)

    @functools.cached_property
    def loads(self) -> bool:
        """Whether we may call the store's own loader; where it is refused, SPARQL Update does the same."""
        if not self.dialect.loader:
            return False
        try:
            self._load("", tries=1)
        except StoreError:
            return False
        return True

    def _load(self, trig: str, tries: int | None = None) -> None:
        """Have the store's loader read TriG; of ASCII alone, since its strings are bytes."""
        text = trig.encode("ascii", "trig").decode()
        query = self.dialect.loader.replace("TRIG", text.translate(_QUOTED))
        self._ask(query, JSON, lambda _: None, tries)

    def add_quads(self, quads: bytes, graphs: Collection[str]) -> None:
        """Add N-Quads, which are of these graphs, in one step."""
        assert self._addresses.quads is not None
        self._guard(graphs)
        many = self.dialect.bulk if quads.count(b"\n") >= LARGE else ""
        self._connection.send("POST", _add_parameter(self._addresses.quads, many), quads, "application/n-quads")

    def replace(self, graph: str, delete: Sequence[str], insert: Sequence[str], whole: Sequence[str]) -> None:
        """Replace a graph's content: *whole*, in one step, or else by what is to be deleted and inserted.

        Where neither is one step, what is new is inserted before what is old is deleted: no reader finds less.
        """
        self._guard([graph])
        if self._addresses.graphs is not None:
            body = "".join(f"{line} .\n" for line in whole).encode()
            address = _add_parameter(self._addresses.graphs, f"graph={quote(graph, safe='')}")
            self._connection.send("PUT", address, body, "application/n-triples")
            return
        old, new = (_pattern([(graph, line) for line in some]) for some in (delete, insert))
        small = len(delete) + len(insert) <= self.dialect.modify and len(old) + len(new) <= self.dialect.size
        if delete and insert and small:
            self.update(f"DELETE {{ {old} }} INSERT {{ {new} }} WHERE {{}}")
            return
        self._change("INSERT DATA", [(graph, line) for line in insert])
        self._change("DELETE DATA", [(graph, line) for line in delete])

    def remove(self, graph: str) -> None:
        """Delete a graph, whether or not it is there."""
        self._guard([graph])
        self.update(f"DROP SILENT GRAPH {_iri(graph)}")

    def insert(self, graph: str, lines: Sequence[str]) -> None:
        """Insert triples, given as SPARQL, into a graph."""
        self._guard([graph])
        for start in range(0, len(lines), 1_000):
            self.update(f"INSERT DATA {{ GRAPH {_iri(graph)} {{ {' '.join(lines[start : start + 1_000])} }} }}")

    def delete(self, graph: str, lines: Sequence[str]) -> None:
        """Delete triples, given as SPARQL, from a graph."""
        self._guard([graph])
        for start in range(0, len(lines), 1_000):
            self.update(f"DELETE DATA {{ GRAPH {_iri(graph)} {{ {' '.join(lines[start : start + 1_000])} }} }}")

    def _guard(self, graphs: Iterable[str]) -> None:
        for graph in graphs:
            if not graph.startswith(self.base):
                raise StoreError(f"<{graph}> is not ours: it does not begin with {self.base}")

    def _change(self, operation: str, pairs: Sequence[tuple[str, str]]) -> None:
        for chunk in _chunks(pairs, self.dialect.statements, self.dialect.size):
            self.update(f"{operation} {{ {_pattern(chunk)} }}")

    def select(self, query: str, *bound: str) -> list[QuerySolution]:
        """Return the answers to a SELECT query, in each of which the variables *bound* have values.

        An answer that is cut short, or of another kind, counts as a fault: it is asked for again, then StoreError.
        """
        found: list[QuerySolution] | None = None
        if self.dialect.answers == XML:
            found = self._ask(query, XML, lambda answer: answers.read_xml(answer, bound))
        if found is None:
            found = self._ask(query, JSON, lambda answer: answers.read_json(answer, bound))
        return found

    def _ask(self, query: str, accept: str, read: Callable[[bytes], Any], tries: int | None = None) -> Any:
        form, kind = f"query={quote(query, safe='')}".encode(), "application/x-www-form-urlencoded"
        return self._connection.send(
            "POST", self._addresses.query, body=form, kind=kind, read=read, accept=accept, tries=tries
        )

    def update(self, text: str) -> None:
        """Change the store by SPARQL 1.1 Update."""
        self._connection.send("POST", self._addresses.update, text.encode(), "application/sparql-update")


def _read_counts(rows: Iterable[QuerySolution]) -> dict[str, int]:
    """Return the numbers of triples in rows of ?g and ?n; a store that has none may give a row of 0."""
    return {_name(row["g"]): _whole(row["n"]) for row in rows if row["g"] is not None}


def _name(term: Any) -> str:
    """Return a graph's IRI; raises StoreError where a store names it by something else."""
    if not isinstance(term, NamedNode):
        raise StoreError(f"the store names a graph by {str(term)[:100]!r}, which is no IRI")
    return term.value


def _whole(term: Any) -> int:
    """Return a count; raises StoreError where a store gives something else."""
    text = term.value if isinstance(term, Literal) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise StoreError(f"the store counts {str(term)[:100]!r}, which is no number")
    return int(text)


def batches(sizes: Mapping[str, int], limit: int, most: int) -> Iterator[dict[str, int]]:
    """Yield graphs in groups of at most *limit* triples and *most* graphs; a larger graph stands alone."""
    batch: dict[str, int] = {}
    total = 0
    for graph, size in sizes.items():
        if batch and (len(batch) == most or total + size > limit):
            yield batch
            batch, total = {}, 0
        batch[graph] = size
        total += size
    if batch:
        yield batch


def begin(work: Callable[[_T], _R], item: _T) -> Future[_R]:
    """Begin work in a thread of its own, which does not keep the program from ending; return what it will give."""
    promise: Future[_R] = Future()

    def run() -> None:
        try:
            promise.set_result(work(item))
        except BaseException as error:  # it is raised where the result is asked for
            promise.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return promise


def _iri(iri: str) -> str:
    return str(NamedNode(iri))


def _text(text: str) -> str:
    return str(Literal(text))


def _add_parameter(address: str, parameter: str) -> str:
    """Return an address with a parameter more."""
    return f"{address}{'&' if '?' in address else '?'}{parameter}" if parameter else address


def _chunks(pairs: Sequence[tuple[str, str]], most: int, limit: int) -> Iterator[list[tuple[str, str]]]:
    """Yield graphs and lines, at most so many and of so many bytes at once; a longer line stands alone."""
    chunk: list[tuple[str, str]] = []
    size = 0
    for pair in pairs:
        length = len(pair[1].encode())
        if chunk and (len(chunk) == most or size + length > limit):
            yield chunk
            chunk, size = [], 0
        chunk.append(pair)
        size += length
    if chunk:
        yield chunk


def _pattern(pairs: Sequence[tuple[str, str]], keyword: str = "GRAPH ") -> str:
    """Return triples in their graphs as SPARQL has them; without the keyword, as TriG."""
    graphs: dict[str, list[str]] = {}
    for graph, line in pairs:
        graphs.setdefault(graph, []).append(f"{line} .")
    return "\n".join(f"{keyword}{_iri(graph)} {{\n{chr(10).join(lines)}\n}}" for graph, lines in graphs.items())


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Write what is not ASCII as TriG has it: ``\\u00E9``."""
    assert isinstance(error, UnicodeEncodeError)
    signs = (ord(sign) for sign in error.object[error.start : error.end])
    return "".join(f"\\u{sign:04X}" if sign < 0x10000 else f"\\U{sign:08X}" for sign in signs), error.end


codecs.register_error("trig", _escape)
