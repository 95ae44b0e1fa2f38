"""HTTP requests that end in their time, whatever a server does, and that are sent on to no other host.

The timeouts of the libraries bound each silence, not the whole: a server that sends a byte now and then, among the
headers or in the body, would hold a client for ever. Here the connection is shut down when the time is over.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import urllib.request
from typing import IO, Any
from urllib.parse import urlsplit


class ElsewhereError(Exception):
    """A server sends on to another host, which the message names."""


class Exchange:
    """One request and its whole answer, which have so many seconds together."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._watch = threading.Timer(seconds, self._shut_down)
        self._watch.daemon = True

    def __enter__(self) -> Exchange:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.cancel()
        for each in self._sockets:
            each.close()

    @property
    def is_late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._ends

    def send(self, request: urllib.request.Request, *handlers: urllib.request.BaseHandler) -> http.client.HTTPResponse:
        """Send a request, and return the answer when its headers are there; raises ElsewhereError beside OSError."""
        opener = urllib.request.build_opener(_Plain(self), _Secure(self), _SameHost(), *handlers)
        return opener.open(request, timeout=max(0.001, self._ends - time.monotonic()))  # type: ignore[no-any-return]

    def connect(self, *arguments: Any, **settings: Any) -> socket.socket:
        """Open a connection that can be shut down while somebody waits for it."""
        opened = socket.create_connection(*arguments, **settings)
        self._sockets.append(opened.dup())
        if self.is_late:
            self._shut_down()
        return opened

    def _shut_down(self) -> None:
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange

    def do_open(self, http_class: Any, req: Any, **arguments: Any) -> Any:
        """Open by the connections of the exchange."""
        return super().do_open(_connecting(http_class, self._exchange), req, **arguments)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, exchange: Exchange) -> None:
        super().__init__()
        self._exchange = exchange

    def do_open(self, http_class: Any, req: Any, **arguments: Any) -> Any:
        """Open by the connections of the exchange."""
        return super().do_open(_connecting(http_class, self._exchange), req, **arguments)


def _connecting(made: Any, exchange: Exchange) -> Any:
    def connection(host: str, **settings: Any) -> Any:
        one = made(host, **settings)
        one._create_connection = exchange.connect
        return one

    return connection


class _SameHost(urllib.request.HTTPRedirectHandler):
    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Follow, or raise ElsewhereError where it leads to no address."""
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError as error:  # a host or a port that is none
            fp.close()
            raise ElsewhereError(repr(str(headers.get("Location", ""))[:60])) from error

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Follow to the same host only; what stands in the body is not read."""
        fp.close()
        here, there = urlsplit(req.full_url), urlsplit(newurl)
        upgraded = (here.scheme, there.scheme, here.port, there.port) == ("http", "https", None, None)
        if here.hostname != there.hostname or ((here.scheme, here.port) != (there.scheme, there.port) and not upgraded):
            raise ElsewhereError(f"{there.scheme}://{there.netloc.rpartition('@')[2]}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
