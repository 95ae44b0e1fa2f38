"""Servers that drip, never end or lead elsewhere, each where a client is most easily held: TLS, proxies, challenges."""

from __future__ import annotations

import ast
import gzip
import itertools
import socket
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from conftest import REPOSITORY
from spacecoop import exchange
from spacecoop.exchange import Broken, Elsewhere, Follow, TooLong, Unreachable
from speaking import Parts, speaking

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def drip(*first: bytes) -> Parts:
    return lambda _: itertools.chain(first, itertools.repeat(b"x"))


def endless(head: bytes) -> Parts:
    return lambda _: itertools.chain([head], itertools.repeat(b"x" * 65536))


def test_the_http_library_is_met_in_one_module() -> None:
    met = {
        path.name
        for path in (REPOSITORY / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.split(".")[0] in ("requests", "urllib3", "httpx") or name == "http.client"
    }

    assert met == {"exchange.py"}


@pytest.mark.parametrize(
    ("scheme", "parts"),
    [("https", drip(b"\x16\x03\x03\x3f\xff")), ("http", drip(b"HTTP/1.1 301 No\r\nLocation: /x\r\n\r\n"))],
    ids=["a handshake", "a redirect"],
)
def test_what_drips_before_the_answer_ends_in_its_time(scheme: str, parts: Parts) -> None:
    begun = time.monotonic()
    with speaking(parts, pause=0.05) as (address, _), pytest.raises(TooLong, match=r"not over after 0\.4 seconds"):
        exchange.send("GET", f"{scheme}://{address}/", seconds=0.4)

    assert time.monotonic() - begun < 5


def test_a_proxy_that_drips_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.monotonic()
    with speaking(drip(b"HTTP/1.1 200 OK\r\nX: "), pause=0.05) as (address, asked):
        monkeypatch.setenv("http_proxy", f"http://{address}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(TooLong):
            exchange.send("GET", "http://elsewhere.example/", seconds=0.4)
        with pytest.raises(Unreachable):
            exchange.send("GET", "http://elsewhere.invalid/", seconds=2, proxies=False)

    assert time.monotonic() - begun < 8
    assert [request.split()[1] for request in asked] == [b"http://elsewhere.example/"]


def test_what_is_refused_is_not_called_slow() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        with pytest.raises(Unreachable, match="refused"):
            exchange.send("GET", f"http://127.0.0.1:{taken.getsockname()[1]}/", seconds=5)


@pytest.mark.parametrize("follow", Follow)
def test_the_body_of_a_redirect_is_not_read(follow: Follow) -> None:
    def answer(request: bytes) -> Iterable[bytes]:
        if request.startswith(b"GET /there"):
            return [OK]
        return endless(b"HTTP/1.1 302 No\r\nLocation: /there\r\n\r\n")(request)

    with speaking(answer) as (address, _):
        came = exchange.send("GET", f"http://{address}/", seconds=20, follow=follow)

    assert came.status == (302 if follow is Follow.NOWHERE else 200)
    assert len(came.body.read()) < 1_000_000


def test_a_challenge_whose_body_has_no_end_is_answered() -> None:
    def answer(request: bytes) -> Iterable[bytes]:
        if b"Authorization: Digest" in request:
            return [OK]
        return endless(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n\r\n')(request)

    with speaking(answer) as (address, asked):
        auth = exchange.authenticate("digest", "dba", "s3cret")
        came = exchange.send("GET", f"http://{address}/", seconds=20, auth=auth)

    assert (came.status, came.body.read(), len(asked)) == (200, b"ok", 2)


@pytest.mark.parametrize("location", ["http://127.0.0.2/", "https://127.0.0.1/", "ftp://127.0.0.1/", "http://[::1"])
def test_a_redirect_elsewhere_is_not_followed(location: str) -> None:
    moved = f"HTTP/1.1 307 No\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    with speaking(lambda _: [moved]) as (address, _), pytest.raises(Elsewhere):
        exchange.send("POST", f"http://{address}/", seconds=5, body=b"x", follow=Follow.SAME_HOST)


def test_what_was_posted_is_posted_again_only_where_the_redirect_says_so() -> None:
    def answer(request: bytes) -> Iterable[bytes]:
        status = {b"POST /303": 303, b"POST /308": 308}.get(request[:9])
        return [f"HTTP/1.1 {status} No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n".encode()] if status else [OK]

    with speaking(answer) as (address, asked):
        for status in (303, 308):
            exchange.send("POST", f"http://{address}/{status}", seconds=5, body=b"x", follow=Follow.SAME_HOST)

    assert [request[:6] for request in asked] == [b"POST /", b"GET /x", b"POST /", b"POST /"]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"whole", mtime=0)[:-8]),
        ("gzip", gzip.compress(b"whole", mtime=0)[:-4] + b"abcd"),
        ("gzip", b"whole"),
        ("br", b"whole"),
    ],
    ids=["no check sum", "another size", "not packed", "packed otherwise"],
)
def test_a_packed_body_that_is_not_whole_is_broken(encoding: str, body: bytes) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with speaking(lambda _: [head + body]) as (address, _), pytest.raises(Broken):
        exchange.send("GET", f"http://{address}/", seconds=5)


def test_no_password_is_taken_from_a_file_that_was_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with speaking(lambda _: [OK]) as (address, asked):
        exchange.send("GET", f"http://{address}/", seconds=5)

    assert b"uthorization" not in asked[0]
