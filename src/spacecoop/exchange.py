"""An HTTP request in; its whole answer out: in a bounded time, of a bounded size, and from no host but the one asked.

The time-outs of the libraries bound each silence, not the whole: a server that sends a byte now and then, in its
headers or its body, would hold a client for ever. Here the connection is shut down when the time is over.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import re
import socket
import ssl
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import IO, Any, cast
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

CHUNK = 64 * 1024
LARGEST = 512 * 1024**2
"""More bytes than these are not taken as one answer."""
SPOOL = 16 * 1024**2
"""Up to so many bytes an answer is held in memory, beyond that in a temporary file."""
SAID = 64 * 1024
"""How many bytes of an error's text are read."""
CONNECT = 10.0
"""Seconds in which a connection is to be open."""
REDIRECTS = 10
"""How often one request is sent on."""


class Follow(Enum):
    """Where a request may be sent on to."""

    NOWHERE = 0
    """A redirect is the answer: a PUT that is led elsewhere becomes a GET, and all looks well."""
    SAME_HOST = 1
    ANYWHERE = 2
    """For what has no secret with it, and is proven by its digest."""


class ExchangeError(Exception):
    """An exchange gave no whole answer; the message says why, without the URL."""


class TooLong(ExchangeError):
    """An exchange was not over in its time."""


class TooLarge(ExchangeError):
    """An answer has more bytes than are taken."""


class Elsewhere(ExchangeError):
    """A server sends on to where this request may not go; the message is where."""


class Unreachable(ExchangeError):
    """No connection came about; the message is the cause."""


class Broken(ExchangeError):
    """An answer began and is not whole, or is no HTTP; *left* bytes of it were announced and did not come."""

    def __init__(self, message: str, left: int = 0) -> None:
        super().__init__(message)
        self.left = left


@dataclass(frozen=True)
class Answer:
    """What came: of a success (2xx) the whole body, unpacked; of all else its beginning."""

    status: int
    phrase: str
    headers: Mapping[str, str]
    body: IO[bytes]

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """Its media type, without parameters; empty where it does not say."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip()

    @property
    def retry_after(self) -> float | None:
        """How many seconds the server asks to wait (RFC 9110, section 10.2.3); None where it says nothing."""
        return read_retry_after(self.headers.get("Retry-After", ""))


class Client:
    """Sends one request after another, over a connection that is kept between them.

    *auth* comes from `authenticate`, *authorities* names a file of certificates to trust instead of the system's.
    Proxies are those of the environment, or none; a ``.netrc`` is never read.
    """

    def __init__(
        self,
        auth: AuthBase | None = None,
        *,
        user_agent: str = "spacecoop",
        authorities: str | None = None,
        proxies: bool = True,
    ) -> None:
        self._session = _Session()
        self._session.trust_env = proxies
        self._session.auth = auth or _Nobody()
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "gzip"})
        self._authorities = authorities
        self._deadline = _Deadline()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()
        self._deadline.forget()

    def send(
        self,
        method: str,
        url: str,
        *,
        seconds: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        follow: Follow = Follow.NOWHERE,
        largest: int | None = None,
        whole: bool = True,
    ) -> Answer:
        """Send a request and return its answer, or, where it is not wanted *whole*, its head; raises ExchangeError.

        The body is bytes, so that its length is sent: chunks leave a graph empty in some stores.
        """
        try:
            with self._deadline.within(seconds), contextlib.ExitStack() as stack:
                response = self._follow(method, url, body, headers or {}, seconds, follow)
                stack.callback(response.close)  # what is left unread on a connection would answer the next request
                came = _read(response, LARGEST if largest is None else largest) if whole else io.BytesIO()
                return Answer(response.status_code, response.reason or "", response.headers, came)
        except ExchangeError:
            raise
        except Exception as error:  # a connection that is shut down while it is read fails in many ways
            raise _explain(error) from error

    def _follow(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float, follow: Follow
    ) -> requests.Response:
        """Return the answer when its headers are there, from where a redirect leads to, if it may be followed."""
        for _ in range(REDIRECTS):
            response = self._request(method, url, body, headers, seconds)
            location = response.headers.get("Location", "")
            if follow is Follow.NOWHERE or response.status_code not in (301, 302, 303, 307, 308) or not location:
                return response
            response.close()  # what stands in its body is not read
            url = _lead(url, location, follow)
            if response.status_code not in (307, 308):
                method, body = "GET", None
        return response

    def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> requests.Response:
        scheme = f"{urlsplit(url).scheme}://"
        if scheme not in self._session.adapters and scheme in ("http://", "https://"):
            trusted = ssl.create_default_context(cafile=self._authorities) if scheme == "https://" else None
            self._session.mount(scheme, _Adapter(self._deadline, trusted))
        return self._session.request(
            method,
            url,
            data=body,
            headers=dict(headers),
            timeout=(min(CONNECT, seconds), seconds),
            verify=self._authorities or True,  # said here, since the environment overrules a session
            allow_redirects=False,
            stream=True,
        )


def send(
    method: str,
    url: str,
    *,
    seconds: float,
    auth: AuthBase | None = None,
    user_agent: str = "spacecoop",
    proxies: bool = True,
    **settings: Any,
) -> Answer:
    """Send one request over a connection of its own, as `Client.send` does with *settings*; raises ExchangeError."""
    with Client(auth, user_agent=user_agent, proxies=proxies) as client:
        return client.send(method, url, seconds=seconds, **settings)


def read_retry_after(text: str) -> float | None:
    """Return the seconds that a Retry-After asks for; None where it says nothing.

    >>> read_retry_after("7"), read_retry_after(""), read_retry_after("Mon, 01 Jan 1990 00:00:00 GMT")
    (7.0, None, 0.0)
    >>> read_retry_after("²"), read_retry_after("1 Jan 0001 00:00:00"), read_retry_after("-1")
    (None, 0.0, None)
    """
    text = text.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):  # what it raises for what is no date
        return None


# --------------------------------------------------------------------------------------------------- who calls


def authenticate(kind: str, user: str = "", secret: str = "") -> AuthBase:
    """Return what proves who calls: ``none``, ``basic``, ``digest``, ``bearer``, or ``gdb``, GraphDB's own token."""
    return _AUTH[kind](user, secret)


class _Nobody(AuthBase):
    """Adds nothing; given so that requests does not look into the netrc file by itself."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Digest(HTTPDigestAuth):
    def handle_401(self, r: requests.Response, **kwargs: Any) -> requests.Response:
        """Answer a challenge; its body is not read, since it may have no end."""
        if r.status_code == 401 and "digest" in r.headers.get("WWW-Authenticate", "").lower():
            r.raw.close()
        return cast("requests.Response", super().handle_401(r, **kwargs))  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class _Token(AuthBase):
    """Adds a token to each request."""

    scheme: str
    secret: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"{self.scheme} {self.secret}"
        return request


_AUTH: Mapping[str, Callable[[str, str], AuthBase]] = {
    "none": lambda _user, _secret: _Nobody(),
    "basic": lambda user, secret: HTTPBasicAuth(user.encode(), secret.encode()),
    "digest": _Digest,
    "bearer": lambda _user, secret: _Token("Bearer", secret),
    "gdb": lambda _user, secret: _Token("GDB", secret),
}


# --------------------------------------------------------------------------------------------------- the bounds


class _Deadline:
    """The time of an exchange, and the connection that is shut down when it is over."""

    def __init__(self) -> None:
        self._ends = float("inf")
        self._socket: socket.socket | None = None

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let what is done here take so many seconds; raises TooLong."""
        self._ends = time.monotonic() + seconds
        watch = threading.Timer(seconds, self._shut_down)
        watch.daemon = True
        watch.start()
        late = TooLong(f"timed out: not over after {seconds:g} seconds")
        try:
            yield
            if time.monotonic() >= self._ends:  # a connection that is shut down looks like the end of an answer
                raise late
        except Exception as error:
            if time.monotonic() >= self._ends:
                raise late from error
            raise
        finally:
            watch.cancel()
            self._ends = float("inf")

    def note(self, opened: socket.socket) -> None:
        """Take a connection that has just been opened: a copy, since TLS takes the first one over."""
        self.forget()
        self._socket = opened.dup()
        if time.monotonic() >= self._ends:
            self._shut_down()

    def forget(self) -> None:
        """Let go of a connection that is closed."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _shut_down(self) -> None:
        if (there := self._socket) is not None:
            with contextlib.suppress(OSError):
                there.shutdown(socket.SHUT_RDWR)


class _Session(requests.Session):
    """A session that starts without ways to send, and never reads on after a redirect by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.adapters.clear()

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Return nothing: to find where to go, requests would read the whole body, and it may have no end."""
        return


class _Adapter(HTTPAdapter):
    """Opens connections that a deadline can shut down, while somebody waits for them."""

    def __init__(self, deadline: _Deadline, trusted: ssl.SSLContext | None) -> None:
        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                deadline.note(opened := super()._new_conn())
                return opened

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                deadline.note(opened := super()._new_conn())
                return opened

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self._pools = {"http": PlainPool, "https": SecurePool}
        self._trusted = trusted
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        """Make connections that are noted when they open, and trust whom the system trusts."""
        super().init_poolmanager(*arguments, **{**settings, **self._trust()})
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **settings: Any) -> Any:
        """Do so for a proxy too."""
        manager = super().proxy_manager_for(*arguments, **{**settings, **self._trust()})
        manager.pool_classes_by_scheme = self._pools
        return manager

    def _trust(self) -> dict[str, Any]:
        return {} if self._trusted is None else {"ssl_context": self._trusted}


def _lead(url: str, location: str, follow: Follow) -> str:
    """Return where a redirect leads to; raises Elsewhere where this request may not go there."""
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, location))
        ports = here.port, there.port
    except ValueError as error:  # a host or a port that is none
        raise Elsewhere(repr(location[:60])) from error
    same = here.hostname == there.hostname and (here.scheme, ports[0]) == (there.scheme, ports[1])
    upgraded = here.hostname == there.hostname and (here.scheme, there.scheme, *ports) == ("http", "https", None, None)
    if there.scheme not in ("http", "https") or not (same or upgraded or follow is Follow.ANYWHERE):
        raise Elsewhere(f"{there.scheme}://{there.netloc.rpartition('@')[2]}")
    return there.geturl()


def _read(response: requests.Response, largest: int) -> IO[bytes]:
    """Read a body to its announced end, and unpack it; raises TooLarge and Broken."""
    packing = response.headers.get("Content-Encoding", "identity").strip().lower()
    stream = response.raw.stream(CHUNK, decode_content=False)
    if not 200 <= response.status_code < 300:
        body = _copy(_cut(stream), SAID + CHUNK)
        if packing in ("gzip", "x-gzip"):
            body = _copy(_cut(_unpack(body)), SAID + CHUNK)
    else:
        body = _copy(stream, largest)
        if packing in ("gzip", "x-gzip"):
            body = _copy(_unpack(body), largest)
        elif packing not in ("identity", ""):
            raise Broken(f"it is packed as {packing[:20]!r}, which was not asked for")
    return body


def _cut(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the first bytes of an error's text; where they break off, what came is enough."""
    size = 0
    with contextlib.suppress(urllib3.exceptions.HTTPError, EOFError, zlib.error, gzip.BadGzipFile):
        for part in parts:
            yield part
            size += len(part)
            if size >= SAID:
                return


def _unpack(packed: IO[bytes]) -> Iterator[bytes]:
    with gzip.open(packed) as stream:
        while part := stream.read(CHUNK):
            yield part


def _copy(parts: Iterable[bytes], largest: int) -> IO[bytes]:
    """Copy all bytes to where they may be many; raises TooLarge."""
    spool = tempfile.SpooledTemporaryFile(SPOOL)  # noqa: SIM115  (the caller reads it)
    size = 0
    for part in parts:
        size += len(part)
        if size > largest:
            raise TooLarge(f"the answer is larger than {largest:,} bytes")
        spool.write(part)
    spool.seek(0)
    return spool


# ----------------------------------------------------------------------------------------------- what went wrong


def _explain(error: Exception) -> ExchangeError:
    """Return what an error of the libraries means."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, urllib3.exceptions.IncompleteRead):
            return Broken(f"{cause.expected:,} bytes are missing", cause.expected or 0)
    if any(type(cause) is urllib3.exceptions.ConnectTimeoutError for cause in causes):  # what is refused is one too
        return Unreachable(f"no connection within {CONNECT:g} seconds")
    root = str(causes[-1])[:200] or type(causes[-1]).__name__
    kinds = (urllib3.exceptions.ProtocolError, urllib3.exceptions.DecodeError, http.client.HTTPException)
    if isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)) or any(isinstance(one, kinds) for one in causes):
        return Broken(root)
    if isinstance(error, (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)):
        return Unreachable(root)
    raise error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came from, down to the first cause."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
