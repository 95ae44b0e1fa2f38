"""What a server is to say, byte by byte, in; its address, and what it was asked, out."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

Parts = Callable[[bytes], Iterable[bytes]]
"""Takes what was asked; gives the answer, part by part."""


@contextmanager
def speaking(parts: Parts, pause: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers a request with these bytes; gives its address, and what it was asked."""
    server, asked = socket.create_server(("127.0.0.1", 0)), []

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                asked.append(connection.recv(65536))
                for part in parts(asked[-1]):
                    connection.sendall(part)
                    time.sleep(pause)
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}", asked
    finally:
        server.close()
