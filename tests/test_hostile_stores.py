"""A store that lies, drips or never ends is told in one line, soon, and no secret leaves."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import storetest
from conftest import Run
from spacecoop import exchange, workspace
from spacecoop.stores import recognition, targets
from spacecoop.stores.connections import Connection, StoreError
from spacecoop.stores.credentials import Credentials
from spacecoop.stores.graphstore import Store
from spacecoop.stores.leases import Lease
from spacecoop.stores.targets import TargetError
from speaking import speaking
from storetest import BASE, Stub, dataset, published

JSON = {"Content-Type": "application/sparql-results+json"}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with storetest.stub() as here:
        yield here


@contextmanager
def speaking_alike(parts: Callable[[], Iterable[bytes]], pause: float = 0.05) -> Iterator[str]:
    """A server that answers anything with these bytes, as long as somebody listens."""
    with speaking(lambda _: parts(), pause) as (address, _):
        yield f"http://{address}/"


def connection(credentials: Credentials | None = None, timeout: float = 0.5, tries: int = 2) -> Connection:
    return Connection(credentials or Credentials(), timeout=timeout, tries=tries, pause=lambda _: None)


def store(stub: Stub, root: Path) -> Store:
    place = workspace.read(published(root, dataset("owl")))
    return targets.connect(replace(targets.find(place, stub.url, "fuseki"), tries=1), place.base, lambda _: None)


HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS = {
    "headers": lambda: itertools.chain([HEAD], (b"X-%d: y\r\n" % n for n in range(99))),
    "a status line": lambda: itertools.repeat(b"H"),
    "a body": lambda: itertools.chain([HEAD + b"Content-Length: 999999\r\n\r\n"], itertools.repeat(b"x")),
    "chunks": lambda: itertools.chain([HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], itertools.repeat(b"1\r\nx\r\n")),
    "an error's text": lambda: itertools.chain(
        [b"HTTP/1.1 400 Bad\r\nContent-Length: 999999\r\n\r\n"], itertools.repeat(b"x")
    ),
}


@pytest.mark.parametrize("drip", DRIPS)
def test_a_server_that_drips_is_given_up_in_time(drip: str) -> None:
    begun = time.monotonic()
    with speaking_alike(DRIPS[drip]) as url, pytest.raises(StoreError, match="timed out"):
        connection().send("POST", url, b"", "text/plain", read=len)

    assert time.monotonic() - begun < 5


def test_a_body_without_end_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LARGEST", 1_000_000)

    def endless() -> Iterator[bytes]:
        return itertools.chain([HEAD + b"\r\n"], itertools.repeat(b"x" * 65536))

    with speaking_alike(endless, pause=0) as url, pytest.raises(StoreError, match="larger than 1,000,000 bytes"):
        connection(timeout=30).send("POST", url, b"", "text/plain", read=len)


@pytest.mark.parametrize("said", ["\N{SUPERSCRIPT TWO}", "-1", "9" * 400, "Mon, 99 Foo 99999 99:99:99 GMT", "soon", ""])
def test_a_retry_after_of_nonsense_is_no_wish(said: str) -> None:
    def busy() -> Iterable[bytes]:
        return [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: " + said.encode("latin-1") + b"\r\n\r\n"]

    with speaking_alike(busy, pause=0) as url, pytest.raises(StoreError, match=r"503.*\(2 tries\)"):
        connection().send("POST", url, b"", "text/plain")


ANSWERS = {
    "yes": b'{"head": {}, "boolean": true}',
    "no rows": b'{"head": {"vars": ["n"]}, "results": {"bindings": []}}',
    "two rows": b'{"head": {"vars": ["n"]}, "results": {"bindings": [{"n": {"type": "literal", "value": "1"}},'
    b' {"n": {"type": "literal", "value": "2"}}]}}',
    "words": b'{"head": {"vars": ["n"]}, "results": {"bindings": [{"n": {"type": "literal", "value": "many"}}]}}',
    "an IRI": b'{"head": {"vars": ["n"]}, "results": {"bindings": [{"n": {"type": "uri", "value": "http://a"}}]}}',
    "an empty row": b'{"head": {"vars": ["n"]}, "results": {"bindings": [{}]}}',
    "another column": b'{"head": {"vars": ["m"]}, "results": {"bindings": [{"m": {"type": "literal", "value": "1"}}]}}',
    "too many": b'{"head": {"vars": ["n"]}, "results": {"bindings": [{"n": {"type": "literal", "value": "'
    + b"9" * 17
    + b'"}}]}}',
    "no JSON": b"<html>",
    "no text": b"\xff\xfe\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_of_another_kind_is_told_and_not_a_crash(stub: Stub, tmp_path: Path, answer: str) -> None:
    there = store(stub, tmp_path)
    stub.fault(lambda request: not request.changes, lambda _stub, _request: (200, JSON, ANSWERS[answer]), 99)

    with pytest.raises(StoreError):
        there.counts()
    if answer not in ("no rows", "too many"):  # the first is an empty graph, the last is judged where it is counted
        with pytest.raises(StoreError):
            there.contents({f"{BASE}graph/x": 3})
        with pytest.raises(StoreError):
            Lease(there).take()


def test_a_store_that_gives_a_graph_without_end_is_not_read_on(stub: Stub, tmp_path: Path) -> None:
    there = store(stub, tmp_path)
    graph = f"{BASE}graph/x"
    there.update(f"INSERT DATA {{ GRAPH <{graph}> {{ <{BASE}a> <{BASE}b> 1, 2, 3 }} }}")

    def cut(stub: Stub, request: storetest.Request) -> tuple[int, Mapping[str, str], bytes]:
        return stub.right(replace(request, body=b"query=SELECT ?g ?s ?p ?o { FILTER(false) }".replace(b" ", b"+")))

    def same(stub: Stub, request: storetest.Request) -> tuple[int, Mapping[str, str], bytes]:
        return stub.right(replace(request, body=request.body.replace(b"OFFSET%20", b"%23")))

    asks = b"SELECT%20%3Fg%20%3Fs"
    stub.fault(lambda request: asks in request.body and b"OFFSET" not in request.body, cut, 99)
    stub.fault(lambda request: b"OFFSET" in request.body, same, 99)

    with pytest.raises(StoreError, match="cannot be read whole"):
        there.contents({graph: 9})


@pytest.mark.parametrize(
    "echo",
    [
        "s3cret+/pass",
        base64.b64encode(b"dba:s3cret+/pass").decode(),
        base64.b64encode(b"s3cret+/pass").decode().rstrip("="),
        "s3cret%2B%2Fpass",
    ],
)
@pytest.mark.parametrize("before", [0, 295])
def test_a_secret_that_a_server_echoes_is_hidden_in_any_spelling(echo: str, before: int) -> None:
    text = "x" * before + echo

    def echoing() -> Iterable[bytes]:
        return [f"HTTP/1.1 400 Bad\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()]

    with speaking_alike(echoing, pause=0) as url, pytest.raises(StoreError) as raised:
        connection(Credentials("basic", "dba", "s3cret+/pass")).send("POST", url, b"", "text/plain")

    said = str(raised.value)
    assert said.endswith(("***", "*", "x"))
    assert echo[:6] not in said


def test_a_server_s_words_do_not_speak_to_the_terminal() -> None:
    def rude() -> Iterable[bytes]:
        return [b"HTTP/1.1 400 Bad\r\nContent-Length: 12\r\n\r\n\x1b[2J\x1b]0;hi\x07"]

    with speaking_alike(rude, pause=0) as url, pytest.raises(StoreError) as raised:
        connection().send("POST", url, b"", "text/plain")

    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("headers", "dialect"),
    [
        ({"Server": "Oxigraph/0.5.13"}, "oxigraph"),
        ({"Server": "Virtuoso/07.20.3240 (Linux) x86_64-pc-linux-gnu"}, "virtuoso"),
        ({"Server": "Apache Jena Fuseki (4.10.0)"}, "fuseki"),
        ({"Fuseki-Request-Id": "1"}, "fuseki"),
        ({"Server": "nginx"}, ""),
        ({}, ""),
    ],
)
def test_a_store_is_recognised_by_its_headers(headers: dict[str, str], dialect: str) -> None:
    assert recognition.judge(headers).dialect == dialect


def test_a_real_oxigraph_is_recognised_and_named(run: Run, tmp_path: Path) -> None:
    root = published(tmp_path, dataset("owl"))
    with storetest.oxigraph() as url:
        done = run("-C", root, "push", url, "--dry-run")

    assert done.returncode == 0, done.stderr
    assert "is taken for oxigraph (Server: Oxigraph/" in done.stderr


def test_a_store_that_does_not_say_what_it_is_has_to_be_named(stub: Stub, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"it says only .*; name it: --dialect is one of"):
        targets.find(workspace.read(published(tmp_path, dataset("owl"))), stub.url)
