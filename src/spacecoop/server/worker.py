"""Answer SPARQL queries in a process of its own, which the server may kill at any time.

It is started as ``python -m spacecoop.server.worker INDEX MEGABYTES PARENT`` and speaks in frames on standard input and
output: a letter, four bytes of length, and so many bytes. A question is one frame ``Q`` of JSON. The answer is ``H``
(the media type), any number of ``D`` (the body), and ``E`` (the end); or ``X``: why there is no answer.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import IO, Any, cast

from pyoxigraph import NamedNode, QueryBoolean, QueryResultsFormat, QueryTriples, RdfFormat, Store

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


class Refused(Exception):
    """A question is not answered; *status* is that of HTTP."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Body(io.RawIOBase):
    """A body that is sent in parts while it is written."""

    def __init__(self, output: IO[bytes]) -> None:
        super().__init__()
        self._output = output
        self._parts = bytearray()

    def write(self, part: Any) -> int:
        """Take bytes; send them when they are many."""
        self._parts += part
        if len(self._parts) >= PART:
            self.flush()
        return len(part)

    def flush(self) -> None:
        """Send what there is."""
        if self._parts:
            send(self._output, b"D", bytes(self._parts))
            self._parts.clear()


def send(output: IO[bytes], letter: bytes, content: bytes = b"") -> None:
    """Write one frame."""
    output.write(letter + len(content).to_bytes(4, "big") + content)
    output.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read one frame's content; None at the end."""
    head = stream.read(5)
    return stream.read(int.from_bytes(head[1:], "big")) if len(head) == 5 else None


def answer(store: Store, question: dict[str, Any], output: IO[bytes]) -> None:
    """Answer a question, in the first media type that the reader accepts; raises Refused."""
    graphs = {key: [NamedNode(iri) for iri in question[key]] for key in ("default", "named")}
    for graph in (*graphs["default"], *graphs["named"]):
        if not store.contains_named_graph(graph):
            raise Refused(400, f"there is no graph {graph}")
    scope: dict[str, Any] = {"use_default_graph_as_union": True}
    if graphs["default"] or graphs["named"]:  # then these graphs, and no others, are the dataset (Protocol, 2.1.4)
        scope = {"default_graph": graphs["default"], "named_graphs": graphs["named"]}
    try:
        found = store.query(question["query"], base_iri=question["base"], **scope)
    except SyntaxError as error:
        raise Refused(400, f"this is not SPARQL 1.1 Query: {error}") from None
    known: dict[str, Any] = dict(GRAPHS) if isinstance(found, QueryTriples) else dict(RESULTS)
    kind = _first(question["accept"], list(known))
    if isinstance(found, QueryBoolean) and kind in ("text/csv", "text/tab-separated-values"):
        raise Refused(406, f"yes or no has no form in {kind}; ask for {', '.join(list(RESULTS)[:2])}")
    body = Body(output)
    send(output, b"H", kind.encode())
    found.serialize(cast("IO[bytes]", body), format=known[kind])
    body.flush()
    send(output, b"E")


def _first(accepted: Sequence[str], known: Sequence[str]) -> str:
    """Return the first media type that is accepted and known; raises Refused with those that there are."""
    for wanted in accepted:
        for kind in known:
            if wanted in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
                return kind
    raise Refused(406, f"Not Acceptable. There is: {', '.join(known)}")


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
    _die_with(int(words[2]))
    output = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(2, 1)
    store = Store.read_only(words[0])
    _bound(int(words[1]))
    send(output, b"R")
    while (frame := receive(sys.stdin.buffer)) is not None:
        try:
            answer(store, json.loads(frame), output)
        except Refused as refused:
            send(output, b"X", json.dumps([refused.status, str(refused)]).encode())
        except (OSError, RuntimeError, ValueError, MemoryError) as error:
            reason = "the query needs more memory than it may have" if isinstance(error, MemoryError) else str(error)
            send(output, b"X", json.dumps([400, reason]).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
