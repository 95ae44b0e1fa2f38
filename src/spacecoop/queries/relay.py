"""What an engine asks of a service on the loopback in, the answer of the remote endpoint, politely got, out."""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from pyoxigraph import QueryResultsFormat

from spacecoop.queries.endpoint import Endpoint, EndpointError

LONGEST = 10_000_000
"""Bytes of a query that are taken from the engine."""


@contextlib.contextmanager
def running(endpoints: Mapping[str, Endpoint]) -> Iterator[tuple[dict[str, str], list[EndpointError]]]:
    """Run a relay for some services: give the loopback address of each, and the failures, as they come.

    An engine that resolves SERVICE by itself tells nobody who asks, and does not wait when it is told to; through
    here it does. Addresses hold a secret, so that nobody else on the machine can use them.
    """
    failures: list[EndpointError] = []
    secret = secrets.token_urlsafe(16)
    paths = {f"/{secret}/{number}": endpoint for number, endpoint in enumerate(endpoints.values())}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer a query in the address."""
            self._answer("".join(parse_qs(urlsplit(self.path).query).get("query", [])))

        def do_POST(self) -> None:
            """Answer a query in the body, plain or as a form (SPARQL 1.1 Protocol, section 2.1)."""
            body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LONGEST)).decode()
            form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
            self._answer("".join(parse_qs(body).get("query", [])) if form else body)

        def _answer(self, query: str) -> None:
            endpoint = paths.get(urlsplit(self.path).path)
            if endpoint is None:
                self.send_error(404)
                return
            try:
                body = endpoint.results(query).serialize(format=QueryResultsFormat.JSON) or b""
            except SyntaxError as error:
                self._fail(EndpointError("incomplete", f"{endpoint.url}: the answer is cut off: {error}"))
            except EndpointError as error:
                self._fail(error)
            else:
                self.send_response(200)
                self.send_header("Content-Type", QueryResultsFormat.JSON.media_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def _fail(self, error: EndpointError) -> None:
            failures.append(error)
            self.send_error(502)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        addresses = [f"http://127.0.0.1:{server.server_port}{path}" for path in paths]
        yield dict(zip(endpoints, addresses, strict=True)), failures
    finally:
        server.shutdown()
        server.server_close()
