"""A SPARQL server that holds a slice in Wikidata's form, behind a proxy that fails as the real service does."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SLICE = Path(__file__).parent / "wikidata" / "slice.ttl"
JSON = "application/sparql-results+json"
EMPTY = b'{"head":{"vars":["item","property","value"]},"results":{"bindings":[]}}'

Reply = tuple[int, dict[str, str], bytes]
Fault = Callable[[Reply], Reply]
"""What becomes of the server's reply on its way."""


def busy(_: Reply) -> Reply:
    return 429, {"Retry-After": "7"}, b"too many requests"


def forbidden(_: Reply) -> Reply:
    return 403, {"Content-Type": "text/plain"}, b"please set a user agent with a contact"


def broken(_: Reply) -> Reply:
    return 500, {"Content-Type": "text/plain"}, b"java.util.concurrent.TimeoutException"


def cut(reply: Reply) -> Reply:
    status, headers, body = reply
    return status, headers, body[: len(body) // 2]


def cut_with_a_length(reply: Reply) -> Reply:
    status, headers, body = reply
    return status, {**headers, "Content-Length": str(len(body))}, body[: len(body) // 2]


def page(_: Reply) -> Reply:
    return 200, {"Content-Type": "text/html"}, b"<html><body>maintenance</body></html>"


def nothing(_: Reply) -> Reply:
    return 200, {"Content-Type": JSON}, EMPTY


def slow(reply: Reply) -> Reply:
    time.sleep(1.5)
    return reply


@dataclass
class Proxy:
    """Where to ask, what was asked, and what is still to go wrong, in turn; None lets a reply pass."""

    url: str
    faults: list[Fault | None] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    server: str = ""
    """The server itself."""

    @property
    def requests(self) -> int:
        return len(self.agents)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def oxigraph() -> Iterator[str]:
    """Serve an empty store in memory; give the address of the server."""
    port = free_port()
    command = [str(Path(sys.executable).with_name("oxigraph")), "serve", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                send(port, "GET", "/store?default", b"", {})
                break
            except OSError:
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def send(port: int, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        kept = {name: value for name, value in response.getheaders() if name.lower() == "content-type"}
        return response.status, kept, response.read()
    finally:
        connection.close()


@contextmanager
def wikidata(turtle: bytes = b"") -> Iterator[Proxy]:
    """Serve the slice, and more Turtle, behind a proxy."""
    with oxigraph() as server:
        port = int(server.rpartition(":")[2])
        for data in filter(None, (SLICE.read_bytes(), turtle)):
            status, _, _ = send(port, "POST", "/store?default", data, {"Content-Type": "text/turtle"})
            assert status in (201, 204)
        proxy = Proxy("", server=server)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                proxy.agents.append(self.headers.get("User-Agent", ""))
                fault = proxy.faults.pop(0) if proxy.faults else None
                wanted = {name: self.headers[name] for name in ("Accept", "Content-Type") if name in self.headers}
                reply = send(port, self.command, self.path.replace("/sparql", "/query"), body, wanted)
                status, headers, body = fault(reply) if fault else reply
                self.send_response_only(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    return  # who asked is tired of waiting

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=service.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        proxy.url = f"http://127.0.0.1:{service.server_port}/sparql"
        try:
            yield proxy
        finally:
            service.shutdown()
            service.server_close()
            thread.join()
