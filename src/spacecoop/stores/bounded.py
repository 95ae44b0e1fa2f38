"""HTTP requests that end: a bound on the time of a whole exchange, and on the size of what comes back.

The time-outs of the libraries bound each silence, not the whole: a server that sends a byte now and then, in its
headers or its body, would hold a client for ever. Here the connection is shut down when the time is over.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CHUNK = 64 * 1024
LARGEST = 512 * 1024**2
"""More bytes than these are not taken as one answer; an answer is read in pages of fewer."""
SAID = 64 * 1024
"""How many bytes of an error's text are read."""


class TooLong(requests.RequestException):
    """An exchange was not over in its time."""


class TooLarge(Exception):
    """An answer has more bytes than are taken."""


class Adapter(HTTPAdapter):
    """Opens connections whose sockets can be shut down from outside, while somebody waits for them."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        """Make connections that are noted when they open."""
        super().init_poolmanager(*arguments, **settings)
        sockets = self.sockets

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                sockets[:] = [self.sock]  # a session opens one at a time

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                sockets[:] = [self.sock]  # a session opens one at a time

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def shut_down(self) -> None:
        """End every connection that is open."""
        for each in self.sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def open_session() -> requests.Session:
    """Return a session whose exchanges can be bounded by `within`."""
    session = requests.Session()
    adapter = Adapter()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@contextlib.contextmanager
def limit(seconds: float, session: requests.Session) -> Iterator[None]:
    """Let an exchange take so many seconds, then shut its connection down; raises TooLong."""
    adapter = session.get_adapter("http://")
    assert isinstance(adapter, Adapter)
    ends = time.monotonic() + seconds
    watch = threading.Timer(seconds, adapter.shut_down)
    watch.daemon = True
    watch.start()
    late = TooLong(f"timed out: not over after {seconds:g} seconds")
    try:
        yield
        if time.monotonic() >= ends:  # a connection that is shut down among the headers looks like a short answer
            raise late
    except (requests.RequestException, OSError, ValueError) as error:
        if time.monotonic() >= ends:
            raise late from error
        raise
    finally:
        watch.cancel()


def content(response: requests.Response, largest: int = LARGEST) -> bytes:
    """Return the body, which may have so many bytes when unpacked; raises TooLarge."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(CHUNK):
        size += len(part)
        if size > largest:
            raise TooLarge(f"the answer is larger than {largest:,} bytes")
        parts.append(part)
    return b"".join(parts)


def beginning(response: requests.Response, size: int = SAID) -> str:
    """Return the beginning of a body as text, whatever comes after it."""
    part = next(response.iter_content(size), b"")
    return part[:size].decode(response.encoding or "utf-8", "replace") if _is_known(response.encoding) else ""


def _is_known(encoding: str | None) -> bool:
    try:
        "".encode(encoding or "utf-8")
    except LookupError:
        return False
    return True


class NoAnswer(Exception):
    """An exchange gave no answer that can be used; the message says why, without the words of the other side."""


def post(url: str, body: object, headers: Mapping[str, str], seconds: float, largest: int) -> bytes:
    """Send JSON and return the whole answer, within its time and size; raises NoAnswer.

    No redirect is followed, and no proxy and no password of a ``.netrc`` is taken.
    """
    try:
        with open_session() as session, limit(seconds, session):
            session.trust_env = False
            with session.post(
                url, json=body, headers=dict(headers), timeout=seconds, stream=True, allow_redirects=False
            ) as answer:
                if answer.status_code != requests.codes.ok:
                    raise NoAnswer(f"it answers with status {answer.status_code}")
                return content(answer, largest)
    except (TooLarge, TooLong) as error:
        raise NoAnswer(str(error)) from error
    except (requests.RequestException, OSError, ValueError) as error:
        raise NoAnswer(f"it cannot be asked ({type(error).__name__})") from error
