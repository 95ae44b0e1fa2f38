"""Endpoints that misbehave, each as a server of ten lines on the loopback."""

from __future__ import annotations

import base64
import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from pyoxigraph import Literal

from spacecoop.queries import endpoint as endpoint_module
from spacecoop.queries.endpoint import Endpoint, EndpointError, Login

JSON = "application/sparql-results+json"
ONE_ROW = b'{"head":{"vars":["x","y"]},"results":{"bindings":[{"x":{"type":"literal","value":"1"}}]}}'
ASKED = "SELECT ?x ?y { VALUES ?x { '1' } }"

Answer = tuple[int, dict[str, str], bytes]
Server = Callable[[BaseHTTPRequestHandler, int], Answer | None]


@contextmanager
def serving(answer: Server) -> Iterator[tuple[str, list[BaseHTTPRequestHandler]]]:
    """Serve on a free port of the loopback; give the address, and the requests as they come."""
    seen: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        body = b""

        def do_GET(self) -> None:
            seen.append(self)
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            given = answer(self, len(seen))
            if given is None:
                return
            status, headers, body = given
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/sparql", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def always(status: int, headers: dict[str, str], body: bytes) -> Server:
    return lambda _request, _number: (status, headers, body)


def first(status: int, headers: dict[str, str], times: int = 1) -> Server:
    """Refuse some times, then answer."""
    good: Answer = (200, {"Content-Type": JSON}, ONE_ROW)
    return lambda _request, number: (status, headers, b"wait") if number <= times else good


def failure(answer: Server, **options: object) -> EndpointError:
    with serving(answer) as (url, _), pytest.raises(EndpointError) as caught:
        Endpoint(url, sleep=lambda _: None, **options).select(ASKED)  # type: ignore[arg-type]
    return caught.value


def test_rows_are_terms_and_a_missing_value_is_missing() -> None:
    with serving(always(200, {"Content-Type": f"{JSON}; charset=utf-8"}, ONE_ROW)) as (url, _):
        rows = Endpoint(url).select(ASKED)

    assert rows.variables == ("x", "y")
    assert rows.rows == ({"x": Literal("1")},)


def test_the_request_says_who_asks_and_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACECOOP_CONTACT", "mailto:someone@example.org")

    with serving(always(200, {"Content-Type": JSON}, ONE_ROW)) as (url, seen):
        Endpoint(url).select(ASKED)

    assert "mailto:someone@example.org" in seen[0].headers["User-Agent"]
    assert seen[0].headers["Accept"].startswith("application/sparql-results+json")
    assert parse_qs(urlsplit(seen[0].path).query) == {"query": [ASKED]}


def test_a_short_query_goes_by_get_and_a_long_one_by_post() -> None:
    long = f"{ASKED} # {'é' * 3000}"

    with serving(always(200, {"Content-Type": JSON}, ONE_ROW)) as (url, seen):
        Endpoint(url).select(ASKED)
        Endpoint(url).select(long)

    assert [request.command for request in seen] == ["GET", "POST"]
    assert parse_qs(seen[1].body.decode())["query"] == [long]  # type: ignore[attr-defined]


def test_it_waits_as_long_as_the_endpoint_asks() -> None:
    waits: list[float] = []

    with serving(first(429, {"Retry-After": "7"}, times=2)) as (url, seen):
        rows = Endpoint(url, sleep=waits.append).select(ASKED)

    assert (waits, len(seen), len(rows.rows)) == ([7, 7], 3, 1)


def test_it_waits_longer_each_time_where_the_endpoint_does_not_say() -> None:
    waits: list[float] = []

    with serving(first(503, {}, times=3)) as (url, _):
        Endpoint(url, sleep=waits.append).select(ASKED)

    assert waits == [2, 4, 8]


def test_a_wait_beyond_its_patience_is_not_begun() -> None:
    error = failure(always(429, {"Retry-After": "3600"}, b""), patience=60)

    assert (error.reason, error.status) == ("busy", 429)
    assert "asks to wait 3600 s, and patience is 60 s" in str(error)


@pytest.mark.parametrize(
    ("status", "reason", "says"),
    [
        (400, "query", "does not understand the query (status 400): Virtuoso 37000 Error"),
        (401, "refused", "SPACECOOP_ENDPOINT_USER"),
        (403, "refused", "SPACECOOP_CONTACT"),
        (404, "address", "no endpoint at this address"),
        (500, "server", "the endpoint failed (status 500): Virtuoso 37000 Error"),
        (503, "busy", "not available now"),
    ],
)
def test_a_refusal_says_what_it_means(status: int, reason: str, says: str) -> None:
    error = failure(always(status, {}, b"<html>\n\nVirtuoso 37000 Error\x1b[31m\n"))

    assert (error.reason, error.status) == (reason, status)
    assert says in str(error)
    assert "\x1b" not in str(error)


def test_a_server_error_is_not_repeated() -> None:
    with serving(always(500, {}, b"")) as (url, seen), pytest.raises(EndpointError):
        Endpoint(url, sleep=lambda _: None).select(ASKED)

    assert len(seen) == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": JSON}, ONE_ROW[:-20]),
        ({"Content-Type": JSON, "Content-Length": "1000"}, ONE_ROW),
        ({"Content-Type": JSON, "Content-Length": "1000"}, ONE_ROW[:-20]),
        ({"Content-Type": JSON}, ONE_ROW[:-3] + b"The SPARQL operation has been cancelled"),
        ({"Content-Type": JSON, "Content-Encoding": "gzip"}, gzip.compress(ONE_ROW, mtime=0)[:-12]),
        ({"Content-Type": JSON, "X-SPARQL-MaxRows": "10000"}, ONE_ROW),
        ({"Content-Type": JSON}, b""),
    ],
)
def test_an_answer_that_is_cut_off_is_an_error(headers: dict[str, str], body: bytes) -> None:
    assert failure(always(200, headers, body)).reason == "incomplete"


def test_an_answer_cut_off_once_is_asked_for_again() -> None:
    short: Answer = (200, {"Content-Type": JSON, "Content-Length": "1000"}, ONE_ROW)
    good: Answer = (200, {"Content-Type": JSON}, ONE_ROW)

    with serving(lambda _, number: short if number == 1 else good) as (url, _):
        rows = Endpoint(url, sleep=lambda _: None).select(ASKED)

    assert len(rows.rows) == 1


@pytest.mark.parametrize("media_type", ["text/html", "text/plain", "text/csv", "application/rdf+xml", ""])
def test_a_page_with_status_200_is_an_error(media_type: str) -> None:
    error = failure(always(200, {"Content-Type": media_type}, b"Please set a user-agent"))

    assert error.reason == "not-sparql"
    assert "Please set a user-agent" in str(error)


def test_an_answer_that_trickles_in_is_ended_at_the_time_bound() -> None:
    def trickle(request: BaseHTTPRequestHandler, _: int) -> None:
        request.send_response(200)
        request.send_header("Content-Type", JSON)
        request.end_headers()
        with pytest.raises(OSError):
            for _ in range(200):
                request.wfile.write(b" ")
                time.sleep(0.05)

    started = time.monotonic()
    error = failure(trickle, timeout=0.3, attempts=1)

    assert error.reason == "timeout"
    assert time.monotonic() - started < 5


def test_silence_is_ended_at_the_time_bound() -> None:
    def silence(_request: BaseHTTPRequestHandler, _number: int) -> None:
        time.sleep(1)

    assert failure(silence, timeout=0.2, attempts=1).reason == "timeout"


def test_an_endpoint_that_is_not_there_is_unreachable() -> None:
    with serving(always(200, {}, b"")) as (url, _):
        pass

    with pytest.raises(EndpointError, match="cannot be reached"):
        Endpoint(url).select(ASKED)


def test_an_answer_may_come_packed() -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}

    with serving(always(200, headers, gzip.compress(ONE_ROW, mtime=0))) as (url, _):
        assert len(Endpoint(url).select(ASKED).rows) == 1


def test_triples_are_read_in_the_syntax_that_comes() -> None:
    body = b"@prefix e: <http://example.org/> . e:a e:b e:c , 'd'@fr ."

    with serving(always(200, {"Content-Type": "text/turtle"}, body)) as (url, _):
        triples = Endpoint(url).construct("CONSTRUCT WHERE { ?s ?p ?o }")

    assert [str(triple.object) for triple in triples] == ["<http://example.org/c>", '"d"@fr']


def test_a_graph_that_virtuoso_cut_is_not_taken_for_whole() -> None:
    body = b"".join(b"<http://e/%d> <http://e/p> <http://e/o> .\n" % number for number in range(10_001))
    headers = {"Content-Type": "application/n-triples", "Server": "Virtuoso/07.20.3229"}

    with serving(always(200, headers, body)) as (url, _), pytest.raises(EndpointError, match=r"cut the answer"):
        Endpoint(url).construct("CONSTRUCT WHERE { ?s ?p ?o }")


def test_yes_or_no_is_read() -> None:
    with serving(always(200, {"Content-Type": JSON}, b'{"head":{},"boolean":true}')) as (url, _):
        assert Endpoint(url).ask("ASK {}") is True


def test_nothing_is_sent_on_to_another_host() -> None:
    good = always(200, {"Content-Type": JSON}, ONE_ROW)

    with serving(good) as (other, there), serving(always(302, {"Location": other}, b"")) as (url, here):
        error = failure_of(Endpoint(url, credentials=Login(token="s3cret")))  # noqa: S106

    assert error.reason == "address"
    assert f"sends on to another host, {other.removesuffix('/sparql')}" in str(error)
    assert here[0].headers["Authorization"] == "Bearer s3cret"
    assert there == []


@pytest.mark.parametrize("where", ["http://[::1", "http://127.0.0.1:99999999/", "http://127.0.0.1:x/"])
def test_what_is_no_address_is_not_followed(where: str) -> None:
    with serving(always(302, {"Location": where}, b"")) as (url, _):
        error = failure_of(Endpoint(url))
    assert error.reason == "address"
    assert where in str(error)


def test_a_redirect_on_the_same_host_is_followed() -> None:
    def answer(request: BaseHTTPRequestHandler, number: int) -> Answer:
        where = f"http://{request.headers['Host']}/other"
        return (302, {"Location": where}, b"x") if number == 1 else (200, {"Content-Type": JSON}, ONE_ROW)

    with serving(answer) as (url, seen):
        assert len(Endpoint(url).select(ASKED).rows) == 1

    assert seen[1].path == "/other"


def failure_of(endpoint: Endpoint) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        endpoint.select(ASKED)
    return caught.value


ECHOES = [
    b"I was told s3cr\xc3\xa9t!word",
    b"I was told bWU6czNjcsOpdCF3b3Jk",
    base64.b64encode("s3crét!word".encode()),
    base64.b64encode("a:s3crét!word:b".encode()),
    base64.b64encode("ab:s3crét!word:b".encode()),
    b"?password=s3cr%C3%A9t%21word",
]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_secret_that_a_server_echoes_is_hidden(status: int, echo: bytes) -> None:
    for known in (Login("me", "s3crét!word"), Login("me", "s3crét!word", digest=True)):
        for headers in ({"Content-Type": "text/plain"}, {"Content-Type": JSON}):
            with serving(always(status, headers, echo)) as (url, _):
                error = failure_of(Endpoint(url, credentials=known, attempts=1))

            assert "word" not in str(error).replace("a user and a password: set", "").replace("PASSWORD", "").replace(
                "?password", ""
            )
            assert "czNjcsOpdCF3b3" not in str(error)
            assert "NjcsOpdCF3b3J" not in str(error)
            assert "M2Nyw6l0IXdvc" not in str(error)


def drip(before: bytes, part: bytes) -> Server:
    """Send a little again and again, and never end."""

    def answer(request: BaseHTTPRequestHandler, _: int) -> None:
        with contextlib.suppress(OSError):
            request.wfile.write(before)
            for _ in range(400):
                request.wfile.write(part)
                time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        drip(b"", b"H"),
        drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        drip(b"HTTP/1.1 500 No\r\nContent-Length: 9999\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 302 No\r\nLocation: /sparql\r\nContent-Length: 9999\r\n\r\n", b"x"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\n\r\n", b" "),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "headers", "header", "refusal", "redirect", "chunks", "body", "continue"],
)
def test_whatever_trickles_in_ends_in_its_time(answer: Server) -> None:
    started = time.monotonic()
    error = failure(answer, timeout=0.5, attempts=1)

    assert time.monotonic() - started < 4
    assert error.reason in ("timeout", "incomplete", "server", "refused")


def test_a_body_without_end_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "LARGEST", 1_000_000)
    started = time.monotonic()

    def endless(request: BaseHTTPRequestHandler, _: int) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/sparql-results+json\r\n\r\n")
        with contextlib.suppress(OSError):
            while time.monotonic() - started < 20:
                request.wfile.write(b" " * 65_536)

    assert failure(endless).reason == "too-large"
    bomb = always(200, {"Content-Type": JSON, "Content-Encoding": "gzip"}, gzip.compress(b" " * 2_000_000, mtime=0))
    assert failure(bomb).reason == "too-large"
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("said", ["²", "-1", "9" * 400, "x", "1 Jan 0001 00:00:00", "Mon, 99 Foo 9999", "٣", "1e9"])
def test_a_time_to_wait_that_is_none_does_no_harm(said: str) -> None:
    error = failure(always(503, {"Retry-After": said.encode().decode("latin-1")}, b""), patience=60)

    assert (error.reason, error.status) == ("busy", 503)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"null",
        b"1",
        b'{"head":{}}',
        b'{"head":{"vars":1},"results":{"bindings":[]}}',
        b'{"results":[]}',
        b'{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"uri","value":"a b"}}]}}',
        b'{"head":{"vars":["x y\\u001b"]},"results":{"bindings":[]}}',
        b'{"head":{},"boolean":"yes"}',
        b'{"head":{"vars":["x"]},"results":{"bindings":[{"y":{"type":"literal","value":"1"}}]}}',
        b'{"head":{},"boolean":true}',
        b"[" * 100_000,
    ],
)
def test_an_answer_of_another_shape_is_an_error(body: bytes) -> None:
    assert failure(always(200, {"Content-Type": JSON}, body), attempts=1).reason in ("incomplete", "not-sparql")


def test_a_secret_is_not_printed() -> None:
    assert "s3cret" not in repr(Endpoint("http://e.example", credentials=Login("me", "s3cret", "s3cret")))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://e.example/", "wikidata", "https://me:s3cret@e.example/"])
def test_what_is_not_the_address_of_an_endpoint_is_refused(url: str) -> None:
    with pytest.raises(EndpointError) as caught:
        Endpoint(url)

    assert caught.value.reason == "address"
    assert "s3cret" not in str(caught.value)
