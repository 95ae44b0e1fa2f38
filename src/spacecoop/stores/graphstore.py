"""Graphs in, what a store is asked and told out; nothing that it answers is believed before it was counted."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from pyoxigraph import (
    Literal,
    NamedNode,
    QueryResultsFormat,
    QuerySolution,
    QuerySolutions,
    RdfFormat,
    parse,
    parse_query_results,
)

from spacecoop.stores.connections import Connection, StoreError
from spacecoop.stores.dialects import Dialect

JSON = "application/sparql-results+json"
TABLE = "text/tab-separated-values"
_RESULTS = QueryResultsFormat.from_media_type(JSON)
_XSD = "http://www.w3.org/2001/XMLSchema#"
_NUMBERS = (
    (re.compile(r"[+-]?\d+", re.ASCII), "integer"),
    (re.compile(r"[+-]?\d*\.\d+", re.ASCII), "decimal"),
    (re.compile(r"true|false"), "boolean"),
    (re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)[eE][+-]?\d+", re.ASCII), "double"),
)
"""What may stand without its datatype in a table (SPARQL 1.1 Query Results CSV and TSV, section 4.1)."""
_TOGETHER = 1_000
"""How many rows of a table are looked at together."""
_ODD_BYTES = bytes(each for each in range(128) if (each < 32 and each not in b"\t\n") or each in b"\\\x7f")
_ODD = re.compile(r"[\\\x00-\x08\x0b-\x1f\x7f]")
MOST = 100_000_000
"""A store that says that it has more graphs of ours than these is not believed."""
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

    def _counts(self, values: str = "", after: str = "", pages: str = "") -> dict[str, int]:
        rows = self.select(
            f"SELECT ?g (COUNT(*) AS ?n) WHERE {{ {values} GRAPH ?g {{ ?s ?p ?o }} }} GROUP BY ?g"
            f" {self._write_filter(after)} {pages}",
            "n",
        )
        counts = {
            _name(row["g"]): _whole(row["n"]) for row in rows if row["g"] is not None
        }  # a store that has none may give a row of 0
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
        values = " ".join(map(_iri, batch))
        got = self._lines(f"SELECT ?g ?s ?p ?o WHERE {{ VALUES ?g {{ {values} }} GRAPH ?g {{ ?s ?p ?o }} }}")
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
        if self.dialect.table:
            found = self._ask(query, TABLE, _rows)
        else:
            for row in self.select(query, "g", "s", "p", "o"):
                found.setdefault(_name(row["g"]), []).append(f"{row['s']} {row['p']} {row['o']}")
        return found

    @property
    def takes_quads(self) -> bool:
        """Whether new graphs go in as N-Quads, many in one step."""
        return self._addresses.quads is not None

    def add(self, graphs: Mapping[str, Sequence[str]]) -> None:
        """Add lines to graphs, in small steps."""
        self._guard(graphs)
        self._change("INSERT DATA", [(graph, line) for graph, some in graphs.items() for line in some])

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
        chunk: list[tuple[str, str]] = []
        size = 0
        for pair in pairs:
            length = len(pair[1].encode())
            if chunk and (len(chunk) == self.dialect.statements or size + length > self.dialect.size):
                self.update(f"{operation} {{ {_pattern(chunk)} }}")
                chunk, size = [], 0
            chunk.append(pair)
            size += length
        if chunk:
            self.update(f"{operation} {{ {_pattern(chunk)} }}")

    def select(self, query: str, *bound: str) -> list[QuerySolution]:
        """Return the answers to a SELECT query, in each of which the variables *bound* have values.

        An answer that is cut short, or of another kind, counts as a fault: it is asked for again, then StoreError.
        """

        def read(answer: bytes) -> list[QuerySolution]:
            found = parse_query_results(answer, format=_RESULTS)
            if not isinstance(found, QuerySolutions):
                raise SyntaxError("the store answered yes or no where rows are due")
            names = {variable.value for variable in found.variables}
            rows = list(found)
            lacking = [name for name in bound if name not in names or any(row[name] is None for row in rows)]
            if rows and lacking:
                raise SyntaxError(f"the store's rows have no value for ?{', ?'.join(lacking)}")
            return rows

        found: list[QuerySolution] = self._ask(query, JSON, read)
        return found

    def _ask(self, query: str, accept: str, read: Callable[[bytes], Any]) -> Any:
        form, kind = f"query={quote(query, safe='')}".encode(), "application/x-www-form-urlencoded"
        return self._connection.send("POST", self._addresses.query, form, kind, read, accept)

    def update(self, text: str) -> None:
        """Change the store by SPARQL 1.1 Update."""
        self._connection.send("POST", self._addresses.update, text.encode(), "application/sparql-update")


def _name(term: Any) -> str:
    """Return a graph's IRI; raises StoreError where a store names it by something else."""
    if not isinstance(term, NamedNode):
        raise StoreError(f"the store names a graph by {str(term)[:100]!r}, which is no IRI")
    return term.value


def _whole(term: Any) -> int:
    """Return a count; raises StoreError where a store gives something else."""
    text = term.value if isinstance(term, Literal) else ""
    if not re.fullmatch(r"[0-9]{1,18}", text):
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


def _pattern(pairs: Sequence[tuple[str, str]]) -> str:
    graphs: dict[str, list[str]] = {}
    for graph, line in pairs:
        graphs.setdefault(graph, []).append(f"{line} .")
    return "\n".join(f"GRAPH {_iri(graph)} {{\n{chr(10).join(lines)}\n}}" for graph, lines in graphs.items())


def _rows(answer: bytes) -> dict[str, list[str]]:
    """Read a table of graphs and triples; one that is cut short raises SyntaxError."""
    lines = answer.split(b"\n")
    if lines[0].rstrip(b"\r") != b"?g\t?s\t?p\t?o" or lines.pop() != b"":
        raise SyntaxError("the table that the store answered is not whole")
    found: dict[str, list[str]] = {}
    for start in range(1, len(lines), _TOGETHER):
        some = lines[start : start + _TOGETHER]
        text = b"\n".join(some)
        if _is_plain(text, len(some)):
            parts = [line.partition(" ") for line in text.decode().replace("\t", " ").split("\n")]
            pairs = [(graph[1:-1], line) for graph, _, line in parts]
        else:
            pairs = [_row(line.decode().rstrip("\r")) for line in some]
        last, triples = "", []
        for graph, line in pairs:
            if graph != last:
                last, triples = graph, found.setdefault(graph, [])
            triples.append(line)
    return found


def _is_plain(text: bytes, rows: int) -> bool:
    """Tell whether these rows of four cells have IRIs and literals alone, no escapes, and no abbreviated numbers."""
    return (
        text.count(b"\t") == text.count(b"\t<") + text.count(b'\t"') == 3 * rows
        and text.startswith(b"<")
        and text.count(b"\n<") == rows - 1
        and len(text.translate(None, _ODD_BYTES)) == len(text)
    )


def _row(line: str) -> tuple[str, str]:
    r"""Return the graph and the triple's line of a row.

    >>> _row("<g>\t<s>\t<p>\t-1.5")
    ('g', '<s> <p> "-1.5"^^<http://www.w3.org/2001/XMLSchema#decimal>')
    """
    try:
        graph, subject, predicate, term = line.split("\t")
        if term[0] not in '<"_':
            kind = next(kind for pattern, kind in _NUMBERS if pattern.fullmatch(term))
            term = f'"{term}"^^<{_XSD}{kind}>'
    except (ValueError, IndexError, StopIteration):
        raise SyntaxError(f"the table that the store answered has a row of something else: {line[:100]}") from None
    triple = f"{subject} {predicate} {term}"
    if _ODD.search(triple):  # an escape, which others may write in another way than we do
        (parsed,) = parse(f"{triple} .", format=RdfFormat.N_TRIPLES)
        return graph[1:-1], f"{parsed.subject} {parsed.predicate} {parsed.object}"
    return graph[1:-1], triple
