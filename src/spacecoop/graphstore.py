"""Graphs in, requests to a store out: each is tried again where that may help, and none is believed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import requests
from pyoxigraph import NamedNode, QueryResultsFormat, QuerySolution, QuerySolutions, Triple, parse_query_results
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from spacecoop.credentials import Credentials
from spacecoop.dialects import Dialect

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The answers after which the same request may succeed; all our requests may be sent twice."""
LONGEST_WAIT = 120.0
"""How many seconds are waited for at most where a store asks for patience."""
HELP = {
    401: "the store does not accept these credentials; look at auth, and at the variables that it names",
    403: "the store knows who calls, and forbids it; ask for the right to write",
    404: "there is no such address; look at the URL and the dialect",
    405: "this address does not take such a request; look at the dialect",
    413: "the store takes smaller requests only",
    415: "the store does not read this syntax; look at the dialect",
    507: "the store's disk is full; make room",
}
JSON = "application/sparql-results+json"
_RESULTS = QueryResultsFormat.from_media_type(JSON)


class StoreError(Exception):
    """A store did not do what it was asked; the message says what would help."""


@dataclass(frozen=True)
class Addresses:
    """Where one store is asked and changed."""

    query: str
    update: str
    graphs: str | None = None
    quads: str | None = None


class Store:
    """A connection to one store, for the graphs that begin with *base* alone."""

    def __init__(
        self,
        dialect: Dialect,
        addresses: Addresses,
        base: str,
        credentials: Credentials,
        *,
        timeout: float = 300.0,
        tries: int = 5,
        authorities: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.dialect = dialect
        self.base = base
        self._addresses = addresses
        self._credentials = credentials
        self._timeout = timeout
        self._tries = tries
        self._pause = pause
        self._session = requests.Session()
        self._session.auth = AUTH[credentials.kind](credentials)
        self._session.headers["User-Agent"] = "spacecoop"
        self._authorities = authorities

    def counts(self, only: Collection[str] = ()) -> dict[str, int]:
        """Return how many triples each graph has, of all that begin with the base or of some.

        It is asked for until nothing more comes, so that a limit on answers hides no graph.
        """
        values = f"VALUES ?g {{ {' '.join(map(_iri, only))} }}" if only else ""
        counts: dict[str, int] = {}
        last = self.base
        while True:
            rows = self.select(
                f"SELECT ?g (COUNT(*) AS ?n) WHERE {{ {values} GRAPH ?g {{ ?s ?p ?o }}"
                f" FILTER(STRSTARTS(STR(?g), {_text(self.base)}) && STR(?g) > {_text(last)}) }}"
                f" GROUP BY ?g ORDER BY ?g LIMIT {self.dialect.rows}"
            )
            found = {
                row["g"].value: int(row["n"].value) for row in rows if row["g"] is not None
            }  # an empty store: a row of 0
            found = {graph: number for graph, number in found.items() if number and graph.startswith(self.base)}
            if not found.keys() - counts.keys():
                return counts
            counts |= found
            if only and len(counts) == len(only):
                return counts
            last = max(found)

    def contents(self, sizes: Mapping[str, int]) -> dict[str, list[Triple]]:
        """Return the triples of graphs; *sizes* are those expected, and where fewer come it is asked again in pages."""
        found: dict[str, list[Triple]] = {}
        for batch in batches(sizes, self.dialect.rows - 1):
            got = self._together(batch) if sum(batch.values()) < self.dialect.rows else {graph: [] for graph in batch}
            short = [graph for graph in batch if len(got[graph]) < batch[graph]]
            real = self.counts(short) if short else {}
            for graph in short:
                if len(got[graph]) != real.get(graph, 0):
                    got[graph] = list(self._paged(graph))
                    if len(got[graph]) != real.get(graph, 0):
                        raise StoreError(
                            f"<{graph}> has {real.get(graph, 0):,} triples, but the store gives {len(got[graph]):,}:"
                            " it cannot be read whole; raise the store's limit on results"
                        )
            found |= got
        return found

    def _together(self, batch: Mapping[str, int]) -> dict[str, list[Triple]]:
        found: dict[str, list[Triple]] = {graph: [] for graph in batch}
        values = " ".join(map(_iri, batch))
        for row in self.select(f"SELECT ?g ?s ?p ?o WHERE {{ VALUES ?g {{ {values} }} GRAPH ?g {{ ?s ?p ?o }} }}"):
            if row["g"].value in found:
                found[row["g"].value].append(Triple(row["s"], row["p"], row["o"]))
        return found

    def _paged(self, graph: str) -> Iterator[Triple]:
        offset = 0
        while True:
            rows = self.select(
                f"SELECT ?s ?p ?o WHERE {{ {{ SELECT ?s ?p ?o WHERE {{ GRAPH {_iri(graph)} {{ ?s ?p ?o }} }}"
                f" ORDER BY ?s ?p ?o }} }} OFFSET {offset} LIMIT {self.dialect.rows}"
            )
            yield from (Triple(row["s"], row["p"], row["o"]) for row in rows)
            if not rows:
                return
            offset += len(rows)

    def add(self, graphs: Mapping[str, Sequence[Triple]]) -> None:
        """Add triples to graphs: in one step where the store has one for that, in small ones otherwise."""
        self._guard(graphs)
        if self._addresses.quads is not None:
            lines = [f"{triple} {_iri(graph)} .\n" for graph, triples in graphs.items() for triple in triples]
            self._send("POST", self._addresses.quads, "".join(lines).encode(), "application/n-quads")
            return
        pairs = [(graph, triple) for graph, triples in graphs.items() for triple in triples]
        self._change("INSERT DATA", pairs)

    def replace(self, graph: str, delete: Sequence[Triple], insert: Sequence[Triple], whole: Sequence[Triple]) -> None:
        """Replace a graph's content: *whole*, in one step, or else by what is to be deleted and inserted.

        Where neither is one step, what is new is inserted before what is old is deleted: no reader finds less.
        """
        self._guard([graph])
        if self._addresses.graphs is not None:
            body = "".join(f"{triple} .\n" for triple in whole).encode()
            self._send("PUT", _of_graph(self._addresses.graphs, graph), body, "application/n-triples")
            return
        old, new = (_pattern([(graph, triple) for triple in some]) for some in (delete, insert))
        small = len(delete) + len(insert) <= self.dialect.modify and len(old) + len(new) <= self.dialect.size
        if delete and insert and small:
            self.update(f"DELETE {{ {old} }} INSERT {{ {new} }} WHERE {{}}")
            return
        self._change("INSERT DATA", [(graph, triple) for triple in insert])
        self._change("DELETE DATA", [(graph, triple) for triple in delete])

    def remove(self, graph: str) -> None:
        """Delete a graph, whether or not it is there."""
        self._guard([graph])
        self.update(f"DROP SILENT GRAPH {_iri(graph)}")

    def insert(self, graph: str, lines: Sequence[str]) -> None:
        """Insert triples, given as SPARQL, into a graph."""
        self._guard([graph])
        for start in range(0, len(lines), 500):
            self.update(f"INSERT DATA {{ GRAPH {_iri(graph)} {{ {' '.join(lines[start : start + 500])} }} }}")

    def delete(self, graph: str, lines: Sequence[str]) -> None:
        """Delete triples, given as SPARQL, from a graph."""
        self._guard([graph])
        for start in range(0, len(lines), 500):
            self.update(f"DELETE DATA {{ GRAPH {_iri(graph)} {{ {' '.join(lines[start : start + 500])} }} }}")

    def _guard(self, graphs: Iterable[str]) -> None:
        for graph in graphs:
            if not graph.startswith(self.base):
                raise StoreError(f"<{graph}> is not ours: it does not begin with {self.base}")

    def _change(self, operation: str, pairs: Sequence[tuple[str, Triple]]) -> None:
        chunk: list[tuple[str, Triple]] = []
        size = 0
        for pair in pairs:
            length = len(str(pair[1]).encode())
            if chunk and (len(chunk) == self.dialect.statements or size + length > self.dialect.size):
                self.update(f"{operation} {{ {_pattern(chunk)} }}")
                chunk, size = [], 0
            chunk.append(pair)
            size += length
        if chunk:
            self.update(f"{operation} {{ {_pattern(chunk)} }}")

    def select(self, query: str) -> list[QuerySolution]:
        """Return the answers to a SELECT query; an answer that is cut short counts as a fault."""

        def solutions(response: requests.Response) -> list[QuerySolution]:
            found = parse_query_results(response.content, format=_RESULTS)
            return list(found) if isinstance(found, QuerySolutions) else []

        form = f"query={quote(query, safe='')}".encode()
        kind = "application/x-www-form-urlencoded"
        found: list[QuerySolution] = self._send("POST", self._addresses.query, form, kind, solutions)
        return found

    def update(self, text: str) -> None:
        """Change the store by SPARQL 1.1 Update."""
        self._send("POST", self._addresses.update, text.encode(), "application/sparql-update")

    def _send(
        self, method: str, url: str, body: bytes, kind: str, read: Callable[[requests.Response], Any] = lambda _: None
    ) -> Any:
        """Send a request, again where that may help; return what is read of the answer, or raise StoreError.

        The body is bytes, so that its length is sent: chunks leave a graph empty in some stores.
        """
        reason = ""
        for number in range(self._tries):
            wait = random.uniform(0, min(30.0, 0.5 * 2**number))  # noqa: S311 (no secret: it keeps clients apart)
            try:
                response = self._session.request(
                    method,
                    url,
                    data=body,
                    headers={"Content-Type": kind, "Accept": JSON if read.__name__ == "solutions" else "*/*"},
                    timeout=(10.0, self._timeout),
                    verify=self._authorities or True,  # said here, since the environment overrules a session
                    allow_redirects=False,  # a PUT that is led elsewhere becomes a GET, and all looks well
                )
                if response.ok and response.status_code < 300:
                    return read(response)
                reason = self._said(response)
                if response.status_code not in AGAIN:
                    raise StoreError(f"{method} {_place(url)}: {reason}")
                wait = max(wait, _asked_to_wait(response))
            except (requests.RequestException, SyntaxError) as error:
                reason = self._hidden(f"{type(error).__name__}: {_root(error)}")
            self._session.close()  # what is left unread on a connection would answer the next request
            if wait > LONGEST_WAIT:
                raise StoreError(f"{method} {_place(url)}: {reason}; the store asks to come back in {wait:.0f} seconds")
            if number + 1 < self._tries:
                self._pause(wait)
        raise StoreError(f"{method} {_place(url)}: {reason} ({self._tries} tries)")

    def _said(self, response: requests.Response) -> str:
        code = response.status_code
        if 300 <= code < 400:
            moved = self._hidden(response.headers.get("Location", "?"))
            return f"{code}, moved to {moved}; name that address in the settings"
        text = self._hidden(" ".join(response.text[:300].split()))
        return ": ".join(filter(None, [str(code), HELP.get(code, ""), text]))

    def _hidden(self, text: str) -> str:
        for secret in filter(None, (self._credentials.secret, quote(self._credentials.secret, safe=""))):
            text = text.replace(secret, "***")
        return text


class _Nobody(AuthBase):
    """Adds nothing; given so that requests does not look into the netrc file by itself."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@dataclass(frozen=True)
class _Token(AuthBase):
    """Adds a token to each request."""

    scheme: str
    credentials: Credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"{self.scheme} {self.credentials.secret}"
        return request


AUTH: Mapping[str, Callable[[Credentials], AuthBase]] = {
    "none": lambda _: _Nobody(),
    "basic": lambda found: HTTPBasicAuth(found.user.encode(), found.secret.encode()),
    "digest": lambda found: HTTPDigestAuth(found.user, found.secret),
    "bearer": lambda found: _Token("Bearer", found),
    "gdb": lambda found: _Token("GDB", found),
}


def batches(sizes: Mapping[str, int], limit: int, most: int = 200) -> Iterator[dict[str, int]]:
    """Yield graphs in groups of at most *limit* triples and *most* graphs; a larger graph stands alone."""
    batch: dict[str, int] = {}
    for graph, size in sizes.items():
        if batch and (len(batch) == most or sum(batch.values()) + size > limit):
            yield batch
            batch = {}
        batch[graph] = size
    if batch:
        yield batch


def _iri(iri: str) -> str:
    return str(NamedNode(iri))


def _text(text: str) -> str:
    from pyoxigraph import Literal

    return str(Literal(text))


def _of_graph(address: str, graph: str) -> str:
    return f"{address}?graph={quote(graph, safe='')}"


def _pattern(pairs: Sequence[tuple[str, Triple]]) -> str:
    graphs: dict[str, list[str]] = {}
    for graph, triple in pairs:
        graphs.setdefault(graph, []).append(f"{triple} .")
    return "\n".join(f"GRAPH {_iri(graph)} {{\n{chr(10).join(lines)}\n}}" for graph, lines in graphs.items())


def _place(url: str) -> str:
    return url.partition("?")[0]


def _root(error: BaseException) -> str:
    """Return what is at the bottom of an error of requests, without the URL and the object that it names."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).rpartition(": ")[2][:200] or type(error).__name__


def _asked_to_wait(response: requests.Response) -> float:
    """Return the seconds of Retry-After (RFC 9110, section 10.2.3), 0 without it."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
