from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import pytest

from spacecoop.links.reconciliation import Match, ReconciliationError, Service

SPACE = "http://www.wikidata.org/entity/"
MANIFEST = {"versions": ["0.2"], "name": "a service", "identifierSpace": SPACE, "schemaSpace": SPACE}
SVOM = {
    "id": "Q16677669",
    "name": "SVOM",
    "score": 87.5,
    "match": True,
    "type": [{"id": "Q26540", "name": "satellite"}],
}


@contextmanager
def serving(*replies: tuple[int, bytes]) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """Answer the manifest first, then each reply in turn; give the address, and the forms that come."""
    forms: list[dict[str, list[str]]] = []
    left = list(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, json.dumps(MANIFEST).encode())

        def do_POST(self) -> None:
            forms.append(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.answer(*left.pop(0))

        def answer(self, status: int, body: bytes) -> None:
            self.send_response_only(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Retry-After", "3")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api", forms
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(*results: list[object]) -> bytes:
    return json.dumps({f"q{number}": {"result": result} for number, result in enumerate(results)}).encode()


def matches(url: str, *names: str, waits: list[float] | None = None, batch: int = 20) -> dict[str, list[Match]]:
    sleep = (waits if waits is not None else []).append
    return Service(url, "spacecoop-test", batch=batch, sleep=sleep).matches(names, SPACE)


def test_a_name_gets_the_services_candidates() -> None:
    with serving((200, answer([SVOM], []))) as (url, forms):
        found = matches(url, "SVOM", "Nobody")

    assert found == {"SVOM": [Match(f"{SPACE}Q16677669", "the service scores it 87.5, and is sure")], "Nobody": []}
    assert json.loads(forms[0]["queries"][0]) == {
        "q0": {"query": "SVOM", "limit": 5},
        "q1": {"query": "Nobody", "limit": 5},
    }


def test_it_waits_where_the_service_asks_and_between_batches() -> None:
    waits: list[float] = []
    with serving((429, b"{}"), (200, answer([SVOM])), (200, answer([]))) as (url, forms):
        found = matches(url, "SVOM", "Nobody", waits=waits, batch=1)

    assert (waits, len(forms)) == ([1.0, 3.0, 1.0], 3)
    assert list(found) == ["SVOM", "Nobody"]


@pytest.mark.parametrize(
    "reply",
    [
        (500, b"{}"),
        (200, b"<html>"),
        (200, b'{"q0": {"resu'),
        (200, b"{}"),
        (200, b"[]"),
        (200, b'{"q0": {"result": [{"name": "no id"}]}}'),
    ],
)
def test_a_failure_is_not_read_as_no_candidate(reply: tuple[int, bytes]) -> None:
    with serving(reply) as (url, _), pytest.raises(ReconciliationError):
        matches(url, "SVOM")


def test_a_service_for_other_items_is_refused() -> None:
    with serving() as (url, _), pytest.raises(ReconciliationError, match="not of https:"):
        Service(url, "spacecoop-test").matches(["SVOM"], "https://d-nb.info/gnd/")
