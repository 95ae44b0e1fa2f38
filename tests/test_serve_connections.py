"""A connection that neither asks nor reads is not kept."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest
import uvicorn

from spacecoop.server import connections
from spacecoop.server.connections import Connections

MUCH = 64 * 1024 * 1024
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Told:
    """How many bytes of an answer could be sent."""

    sent = 0


async def application(scope: Any, receive: Any, send: Any) -> None:
    assert receive
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/much":
        for _ in range(MUCH // 65_536):
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            Told.sent += 65_536
    await send({"type": "http.response.body", "body": b"here"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connections, "PATIENCE", 0.6)
    monkeypatch.setattr(connections, "STALLED", 0.6)
    config = uvicorn.Config(
        application,
        http=cast("Any", Connections(10)),
        ws="none",
        lifespan="off",
        log_level="critical",
        timeout_keep_alive=1,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        running.start()
        yield int(listening.getsockname()[1])
        server.should_exit = True
        running.join(10)


def connect(port: int, begun: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(begun)
    return client


def read_all(client: socket.socket) -> bytearray:
    said = bytearray()
    with contextlib.suppress(ConnectionError):
        while part := client.recv(65_536):
            said += part
    return said


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nX:", ASK, ASK + b"GET /", ASK * 3])
def test_who_asks_nothing_more_is_hung_up_on(port: int, begun: bytes) -> None:
    started = time.monotonic()
    with connect(port, begun) as client:
        said = read_all(client)

    assert said.count(b"HTTP/1.1 200") == begun.count(ASK)
    assert time.monotonic() - started < 5


def test_who_sends_a_head_byte_by_byte_is_hung_up_on(port: int) -> None:
    started = time.monotonic()
    with connect(port, b"GET / HTTP/1.1\r\nX:") as client, contextlib.suppress(ConnectionError):
        while time.monotonic() - started < 8:
            client.sendall(b"x")
            time.sleep(0.05)

    assert time.monotonic() - started < 5


def test_who_does_not_read_is_hung_up_on(port: int) -> None:
    Told.sent = 0
    with connect(port, ASK.replace(b"/ ", b"/much ")) as client:
        time.sleep(2)
        first = Told.sent
        said = read_all(client)

    assert first <= Told.sent < MUCH or len(said) < MUCH


def test_who_reads_gets_all(port: int) -> None:
    with connect(port, ASK.replace(b"/ ", b"/much ")) as client:
        assert len(read_all(client)) > MUCH


def test_a_new_connection_costs_the_one_that_was_silent_the_longest(port: int) -> None:
    silent = [connect(port) for _ in range(10)]
    with connect(port, ASK) as client:
        assert client.recv(1_000).startswith(b"HTTP/1.1 200")
        assert read_all(silent[0]) == b""
        silent[-1].sendall(ASK)
        assert silent[-1].recv(1_000).startswith(b"HTTP/1.1 200")
    for one in silent:
        one.close()


def test_a_head_has_a_bound(port: int) -> None:
    with connect(port, b"GET / HTTP/1.1\r\nX: ") as client, contextlib.suppress(ConnectionError):
        client.sendall(b"x" * 1_000_000)
        said = read_all(client)
        assert said == b"" or b"400" in said


def test_a_head_leaves_with_its_body() -> None:
    class Transport:
        sent: list[bytes] = []  # noqa: RUF012
        closed = False

        def write(self, part: bytes) -> None:
            self.sent.append(part)

        def is_closing(self) -> bool:
            return self.closed

        def close(self) -> None:
            self.closed = True

    async def write() -> list[bytes]:
        together = connections.Together(cast("Any", Transport()), asyncio.get_running_loop())
        together.write(b"head ")
        together.write(b"body")
        await asyncio.sleep(0)
        together.write(b"large")
        together.write(bytes(connections.WRITTEN))
        together.write(b"last")
        together.close()
        together.write(b"late")
        await asyncio.sleep(0)
        return Transport.sent

    sent = asyncio.run(write())

    assert [part[:9] for part in sent] == [b"head body", b"large" + bytes(4), b"last"]
