"""Answer SPARQL queries in a process of its own, which the server may kill at any time.

It is started as ``python -m spacecoop.server.worker INDEX MEGABYTES ROWS PARENT`` and speaks in frames on standard
input and output: a letter, four bytes of length, and so many bytes. A question is one frame ``Q`` of JSON. The answer
is ``H`` (the media type), any number of ``D`` (the body), and ``E`` (the number of rows); or, at any time, ``X``: why
there is no answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import IO, Any, cast

from pyoxigraph import (
    NamedNode,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    serialize,
)

from spacecoop.server import rows
from spacecoop.server.refusals import Refused

PART = 64 * 1024
"""How many bytes of a body are sent at once."""
RESULTS = {
    "application/sparql-results+json": QueryResultsFormat.JSON,
    "application/sparql-results+xml": QueryResultsFormat.XML,
    "text/csv": QueryResultsFormat.CSV,
    "text/tab-separated-values": QueryResultsFormat.TSV,
}
"""The syntaxes of SELECT and ASK, the first for those who do not care."""
GRAPHS = {
    "text/turtle": RdfFormat.TURTLE,
    "application/n-triples": RdfFormat.N_TRIPLES,
    "application/rdf+xml": RdfFormat.RDF_XML,
    "application/ld+json": RdfFormat.JSON_LD,
}
"""The syntaxes of CONSTRUCT and DESCRIBE, the first for those who do not care."""


class TooMany(Exception):
    """The answer has more rows than an answer may have."""


class Body:
    """A body that is sent in parts while it is written; its rows are counted."""

    def __init__(self, output: IO[bytes], count: Callable[[bytes], int], most: int) -> None:
        self.rows = 0
        self._output = output
        self._count = count
        self._most = most
        self._held: list[bytes] = []
        self._size = 0

    def write(self, part: bytes) -> int:
        """Take bytes; count and send them when they are many; raises TooMany."""
        self._held.append(part)
        self._size += len(part)
        if self._size >= PART:
            self.send()
        return len(part)

    def flush(self) -> None:
        """Do nothing: what is held leaves when it is enough, or all."""

    def send(self) -> None:
        """Count and send what there is; raises TooMany."""
        if self._held:
            content = b"".join(self._held)
            self._held.clear()
            self._size = 0
            self.rows += self._count(content)
            if self.rows > self._most:
                raise TooMany
            send(self._output, b"D", content)


def send(output: IO[bytes], letter: bytes, content: bytes = b"") -> None:
    """Write one frame; it leaves when *output* is full, or flushed."""
    output.write(letter + len(content).to_bytes(4, "big") + content)


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one frame's content; None at the end."""
    head = stream.read(5)
    return stream.read(int.from_bytes(head[1:], "big")) if len(head) == 5 else None


def answer(store: Store, question: dict[str, Any], output: IO[bytes], most: int) -> int:
    """Answer in the first media type that the reader accepts; return how many rows there are.

    Raises Refused, TooMany.
    """
    scope: dict[str, Any] = {"use_default_graph_as_union": True}
    if question["default"] or question["named"]:
        scope = _dataset(store, question["default"], question["named"])
    try:
        found = store.query(question["query"], base_iri=question["base"], **scope)
    except SyntaxError as error:
        raise Refused(400, "this is not SPARQL 1.1 Query: {}", error) from None
    known: Mapping[str, Any] = GRAPHS if isinstance(found, QueryTriples) else RESULTS
    kind = _first(question["accept"], known)
    if isinstance(found, QueryBoolean) and kind in ("text/csv", "text/tab-separated-values"):
        raise Refused(406, "yes or no has no form in {}; ask for {}", kind, ", ".join(list(RESULTS)[:2]))
    send(output, b"H", kind.encode())
    return _write(found, kind, output, most)


def _dataset(store: Store, default: Sequence[str], named: Sequence[str]) -> dict[str, Any]:
    """Return the dataset that the request names: these graphs, and no others (Protocol, 2.1.4); raises Refused."""
    graphs = {"default_graph": [*map(NamedNode, default)], "named_graphs": [*map(NamedNode, named)]}
    for graph in (*graphs["default_graph"], *graphs["named_graphs"]):
        if not store.contains_named_graph(graph):
            raise Refused(400, "there is no graph {}", graph)
    return graphs


def _write(found: Any, kind: str, output: IO[bytes], most: int) -> int:
    """Write the body, in parts; return how many rows it has: solutions, or triples."""
    if isinstance(found, QueryTriples):
        body = Body(output, lambda _: 0, most)
        numbers = itertools.count()
        some = itertools.islice(zip(found, numbers, strict=False), most)
        serialize(map(itemgetter(0), some), cast("IO[bytes]", body), format=GRAPHS[kind])
        if next(found, None) is not None:
            raise TooMany
        body.rows = next(numbers)
    else:
        body = Body(output, rows.counter(kind) if isinstance(found, QuerySolutions) else lambda _: 1, most)
        found.serialize(cast("IO[bytes]", body), format=RESULTS[kind])
    body.send()
    return body.rows


def _first(accepted: Sequence[str], known: Mapping[str, Any]) -> str:
    """Return the first media type that is accepted and known; raises Refused with those that there are."""
    for wanted in accepted:
        if wanted in known:
            return wanted
        for kind in known:
            if wanted in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
                return kind
    raise Refused(406, "Not Acceptable. There is: {}", ", ".join(known))


def _bound(megabytes: int) -> None:
    """Bound the memory, and open nothing any more: no file, no connection."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        most = megabytes * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when the server dies, however it dies (Linux: prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        sys.exit(1)


def main(words: Sequence[str]) -> None:
    """Serve questions until standard input ends."""
    index, megabytes, most, parent = words[0], int(words[1]), int(words[2]), int(words[3])
    _die_with(parent)
    output = os.fdopen(os.dup(1), "wb", 2 * PART)
    os.dup2(2, 1)
    store = Store.read_only(index)
    _bound(megabytes)
    gc.freeze()  # what is there now stays
    send(output, b"R")
    output.flush()
    while (frame := receive(sys.stdin.buffer)) is not None:
        send(output, *_answer(store, frame, output, most))
        output.flush()


def _answer(store: Store, frame: bytes, output: IO[bytes], most: int) -> tuple[bytes, bytes]:
    """Answer a question; return the last frame."""
    try:
        return b"E", str(answer(store, json.loads(frame), output, most)).encode()
    except Refused as error:
        refused = error
    except TooMany:
        refused = Refused(507, "the answer has more than {} rows; ask for less, or use LIMIT", f"{most:,}")
    except MemoryError:
        refused = Refused(503, "the query needs more memory than it may have; ask for less")
    except (OSError, RuntimeError, ValueError) as error:
        refused = Refused(400, str(error))
    return b"X", json.dumps([refused.status, refused.reason, *refused.values]).encode()


if __name__ == "__main__":
    main(sys.argv[1:])
