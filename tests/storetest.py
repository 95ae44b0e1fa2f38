"""Stores to test with: a real Oxigraph server, a stub that plays faults recorded of others, and datasets to push."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from pyoxigraph import NamedNode, QueryResultsFormat, QuerySolutions, RdfFormat, Store, parse, parse_query_results

BASE = "https://birds.example/"
SETTINGS = """
[dataset]
base = "https://birds.example/"
licence = "https://birds.example/licence"
publisher = "https://birds.example/us"
[dataset.title]
en = "Birds"
[graphs]
assertion = ["claims"]
pubinfo = ["record"]
provenance = ["*"]
"""

Graphs = Mapping[str, Sequence[str]]


def article(slug: str, count: int = 3, word: str = "seen") -> dict[str, list[str]]:
    """Two graphs of an invented article: triples as N-Triples without the final dot."""
    document = f"{BASE}article/{slug}"
    claims = [f'<{document}#c{n}> <{BASE}says> "{word} {n} é中"@en' for n in range(count)]
    return {f"{document}#assertion": claims, f"{document}#head": [f"<{document}> <{BASE}of> <{document}#assertion>"]}


def dataset(*slugs: str) -> dict[str, list[str]]:
    graphs: dict[str, list[str]] = {}
    for slug in slugs:
        graphs |= article(slug)
    number = f'<{BASE}id/owl> <{BASE}counted> "7"^^<http://www.w3.org/2001/XMLSchema#integer>'
    return graphs | {f"{BASE}graph/entities": [f'<{BASE}id/owl> <{BASE}named> "owl"@en', number]}


def published(root: Path, graphs: Graphs, settings: str = "") -> Path:
    """Make a workspace whose out/ has these graphs, as a build writes it."""
    out = root / "out"
    (out / "article").mkdir(parents=True, exist_ok=True)
    for old in (out / "article").iterdir():
        old.unlink()
    (root / "spacecoop.toml").write_text(SETTINGS + settings, "utf-8")
    files: dict[str, list[str]] = {}
    whole = sorted(graphs, key=lambda iri: ("#" not in iri, iri))
    for iri in whole:
        lines = [f"{triple} <{iri}> .\n" for triple in graphs[iri]]
        if "#" in iri:
            files.setdefault(f"article/{iri.partition('#')[0].rpartition('/')[2]}.nq", []).extend(lines)
        files.setdefault("dataset.nq", []).extend(lines)
    rows = []
    for path, lines in files.items():
        data = "".join(lines).encode()
        (out / path).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        rows.append({"path": path, "bytes": len(data), "sha256": digest, "statements": len(lines)})
    (out / "manifest.json").write_text(json.dumps({"dataset": BASE, "files": rows}), "utf-8")
    return root


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def ready(url: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, f"the server at {url} ended with {process.returncode}"
        try:
            with urlopen(url, timeout=5):  # noqa: S310 (loopback)
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"no server at {url} after {seconds} s")


@contextmanager
def ended(process: subprocess.Popen[bytes], by: Callable[[], object] | None = None) -> Iterator[None]:
    try:
        yield
    finally:
        if by:
            by()
        else:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextmanager
def oxigraph(folder: Path | None = None) -> Iterator[str]:
    """A real Oxigraph server, on its own port; in memory without a folder."""
    port = free_port()
    program = Path(sys.prefix) / "bin" / "oxigraph"
    place = ["--location", str(folder)] if folder else []
    command = [str(program), "serve", *place, "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with ended(process):
        ready(f"http://127.0.0.1:{port}/store?default", process)
        yield f"http://127.0.0.1:{port}/"


@dataclass
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def changes(self) -> bool:
        return self.method in ("PUT", "DELETE") or b"query=" not in self.body[:6]

    @property
    def text(self) -> str:
        query = parse_qs(self.body.decode()).get("query", [""])[0] if not self.changes else ""
        return query or self.body.decode()


Answer = tuple[int, Mapping[str, str], bytes]
Play = Callable[["Stub", Request], Answer | None]


@dataclass
class Fault:
    """What a stub does in place of what is right, a number of times, to requests that fit."""

    when: Callable[[Request], bool]
    play: Play
    times: int = 1


@dataclass
class Stub:
    """A store in memory behind HTTP, that does what it is told wrong."""

    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    store: Store = field(default_factory=Store)
    rows: int | None = None
    takes: frozenset[tuple[str, str, str]] | None = None
    """The methods, paths and media types that it takes; None: any."""
    cuts: int = 0
    """How many of the next bodies that change data are read by half only, before the connection is closed."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault(self, when: Callable[[Request], bool], play: Play, times: int = 1) -> None:
        self.faults.append(Fault(when, play, times))

    @property
    def changes(self) -> list[Request]:
        """The requests that change graphs of data: not the list and the lease in our own graph."""
        own = f"{BASE}graph/push".encode()
        return [request for request in self.requests if request.changes and own not in request.body]

    def answer(self, request: Request) -> Answer | None:
        """Answer a request; None: hang up."""
        with self.lock:
            self.requests.append(request)
            fault = next((one for one in self.faults if one.times and one.when(request)), None)
            if fault is not None:
                fault.times -= 1
        return fault.play(self, request) if fault is not None else self.right(request)

    def right(self, request: Request) -> Answer:
        with self.lock:
            if "Content-Length" not in request.headers:
                return 411, {}, b"chunked"
            kind = request.headers.get("Content-Type", "")
            if self.takes is not None and (request.method, request.path.partition("?")[0], kind) not in self.takes:
                return 405, {}, f"{request.method} {request.path} {kind}".encode()
            if not request.changes:
                return self._selected(request)
            graph = parse_qs(urlsplit(request.path).query).get("graph")
            if request.headers["Content-Type"] == "application/sparql-update":
                self.store.update(request.body.decode())
            elif request.method == "PUT" and graph:
                self.store.remove_graph(NamedNode(graph[0]))
                self.store.load(request.body, format=RdfFormat.N_TRIPLES, to_graph=NamedNode(graph[0]))
            elif request.method == "POST" and request.headers["Content-Type"] == "application/n-quads":
                self.store.load(request.body, format=RdfFormat.N_QUADS)
            else:
                return 400, {}, b"what is this?"
            return 204, {}, b""

    def _selected(self, request: Request) -> Answer:
        found = self.store.query(request.text)
        assert isinstance(found, QuerySolutions)
        if "tab-separated" in request.headers["Accept"]:
            lines = (found.serialize(format=QueryResultsFormat.TSV) or b"").splitlines(keepends=True)
            kept = lines if self.rows is None else lines[: self.rows + 1]
            return 200, {"Content-Type": "text/tab-separated-values"}, b"".join(kept)
        body = found.serialize(format=QueryResultsFormat.JSON) or b""
        if self.rows is not None:
            data = json.loads(body)
            data["results"]["bindings"] = data["results"]["bindings"][: self.rows]
            body = json.dumps(data).encode()
        if "xml" in request.headers["Accept"]:
            again = parse_query_results(body, format=QueryResultsFormat.JSON)
            assert isinstance(again, QuerySolutions)
            body = again.serialize(format=QueryResultsFormat.XML) or b""
        return 200, {"Content-Type": request.headers["Accept"]}, body

    def lines(self) -> set[str]:
        """All quads of data, those of the list and the lease left out."""
        return {str(quad) for quad in self.store if quad.graph_name != NamedNode(f"{BASE}graph/push")}


def _taken(query: str, update: str, graphs: str = "", quads: str = "") -> frozenset[tuple[str, str, str]]:
    rows = [
        ("POST", query, "application/x-www-form-urlencoded"),
        ("POST", update, "application/sparql-update"),
        ("PUT", graphs, "application/n-triples"),
        ("POST", quads, "application/n-quads"),
    ]
    return frozenset(row for row in rows if row[1])


RECORDED = {
    "oxigraph": _taken("/query", "/update", "/store", "/store"),
    "virtuoso": _taken("/sparql", "/sparql-auth"),
    "fuseki": _taken("/query", "/update", "/data", "/data"),
    "rdf4j": _taken("/", "/statements", "/rdf-graphs/service", "/statements"),
    "graphdb": _taken("/", "/statements", "/rdf-graphs/service", "/statements"),
    "blazegraph": _taken("/", "/"),
    "qlever": _taken("/", "/"),
    "stardog": _taken("/query", "/update", "/", ""),
    "generic": _taken("/", "/"),
}
"""What the stores' manuals and issue trackers say that each address takes, seen from the URL that a user gives."""


def lines_of(graphs: Graphs) -> set[str]:
    text = "".join(f"{triple} <{iri}> .\n" for iri, triples in graphs.items() for triple in triples)
    return {str(quad) for quad in parse(text, format=RdfFormat.N_QUADS)}


def status(code: int, **headers: str) -> Play:
    """Answer with a status, and do nothing."""
    return lambda _stub, _request: (
        code,
        {key.replace("_", "-"): value for key, value in headers.items()},
        b"out of order",
    )


def hang_up(_stub: Stub, _request: Request) -> None:
    """Close the connection before anything is done."""


def hang_up_after(stub: Stub, request: Request) -> None:
    """Do it, then close the connection without an answer."""
    stub.right(request)


def half(stub: Stub, request: Request) -> None:
    """Do the first half of what is in the body, then close the connection."""
    lines = request.body.decode().splitlines(keepends=True)
    stub.right(Request(request.method, request.path, request.headers, "".join(lines[: len(lines) // 2]).encode()))


def wrong(request: Request) -> bool:
    """Fit any change to data."""
    return request.changes and f"{BASE}graph/push".encode() not in request.body


@contextmanager
def stub() -> Iterator[Stub]:
    """A stub on its own port."""
    here = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            if here.cuts and length > 250 and "urlencoded" not in self.headers.get("Content-Type", ""):
                here.cuts -= 1
                self.rfile.read(length // 2)
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            request = Request(self.command, self.path, dict(self.headers), self.rfile.read(length))
            answer = here.answer(request)
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            code, headers, body = answer
            self.send_response(code)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = _do  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()


def environment(**settings: str) -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", **settings}


def killed_in_the_middle(root: Path, *words: str, secrets: Mapping[str, str] | None = None, bulk: bool = False) -> None:
    """Push, and kill the push where it stands as soon as some of its graphs are there."""
    slow = SLOW.replace("LARGE = 10_000", "LARGE = 0") if bulk else SLOW
    command = [sys.executable, "-c", slow, "-C", str(root), "push", *words]
    process = subprocess.Popen(command, env=environment(**secrets or {}), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "sending" not in process.stdout.readline():
        assert process.poll() is None
    process.kill()
    process.wait(30)


SLOW = """
import dataclasses, sys, time
from spacecoop import cli
from spacecoop.stores import dialects, graphstore
for name, row in dialects.DIALECTS.items():
    dialects.DIALECTS[name] = dataclasses.replace(row, batch=100)
graphstore.LARGE = 10_000
many = []
def slowed(add):
    def slow(*arguments):
        add(*arguments)
        many.append(1)
        if len(many) == 3:  # one batch is there and proven, the next two are there and not, or only read back
            print("sending", flush=True)
            time.sleep(60)
    return slow
graphstore.Store.add = slowed(graphstore.Store.add)
graphstore.Store.add_quads = slowed(graphstore.Store.add_quads)
cli.main(sys.argv[1:])
"""
"""A push in small batches that stands still in its third, for as long as it takes to kill it."""
