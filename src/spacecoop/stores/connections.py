"""A request to a store in, what is read of its answer out: tried again where that may help, and no secret told."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from spacecoop.secrecy import hide
from spacecoop.stores import bounded
from spacecoop.stores.credentials import Credentials

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The answers after which the same request may succeed; all our requests may be sent twice."""
LONGEST_WAIT = 120.0
"""How many seconds are waited for at most where a store asks for patience."""
HELP = {
    401: "the store does not accept these credentials; look at auth, and at the variables that it names",
    403: "the store knows who calls, and forbids it; ask for the right to write",
    404: "there is no such address; look at the URL and the dialect",
    405: "this address does not take such a request; look at the dialect",
    413: "the store takes smaller requests only",
    415: "the store does not read this syntax; look at the dialect",
    507: "the store's disk is full; make room",
}


class StoreError(Exception):
    """A store did not do what it was asked; the message says what would help."""


class Connection:
    """A way to one store, with the right to enter."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout: float = 300.0,
        tries: int = 5,
        authorities: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = credentials
        self._timeout = timeout
        self._tries = tries
        self._pause = pause
        self._auth = AUTH[credentials.kind](credentials)
        self._idle: list[requests.Session] = []
        self._authorities = authorities

    def send(
        self,
        method: str,
        url: str,
        body: bytes,
        kind: str,
        read: Callable[[bytes], Any] = lambda _: None,
        accept: str = "*/*",
        tries: int | None = None,
    ) -> Any:
        """Send a request, again where that may help; return what is read of the answer, or raise StoreError.

        The body is bytes, so that its length is sent: chunks leave a graph empty in some stores.
        """
        reason = ""
        tries = tries or self._tries
        for number in range(tries):
            wait = random.uniform(0, min(30.0, 0.5 * 2**number))  # noqa: S311 (no secret: it keeps clients apart)
            session = self._idle.pop() if self._idle else self._open()
            try:
                with bounded.limit(self._timeout, session):
                    response = session.request(
                        method,
                        url,
                        data=body,
                        headers={"Content-Type": kind, "Accept": accept},
                        timeout=(10.0, self._timeout),
                        verify=self._authorities or True,  # said here, since the environment overrules a session
                        allow_redirects=False,  # a PUT that is led elsewhere becomes a GET, and all looks well
                        stream=True,
                    )
                    if response.ok and response.status_code < 300:
                        answer = bounded.content(response)
                    else:
                        reason = self._read_reason(response)
                if response.ok and response.status_code < 300:
                    found = read(answer)
                    self._idle.append(session)
                    return found
                if response.status_code not in AGAIN:
                    session.close()
                    raise StoreError(f"{method} {_place(url)}: {reason}")
                wait = max(wait, _read_retry_after(response))
            except bounded.TooLarge as error:
                session.close()
                raise StoreError(f"{method} {_place(url)}: {error}; is this address the store's?") from None
            except bounded.TooLong as error:
                reason = str(error)
            except (requests.RequestException, SyntaxError, ValueError, OSError) as error:
                reason = self._hide_secrets(f"{type(error).__name__}: {_root(error)}")
            session.close()  # what is left unread on a connection would answer the next request
            if wait > LONGEST_WAIT:
                raise StoreError(f"{method} {_place(url)}: {reason}; the store asks to come back in {wait:.0f} seconds")
            if number + 1 < tries:
                self._pause(wait)
        raise StoreError(f"{method} {_place(url)}: {reason} ({tries} tries)")

    def _open(self) -> requests.Session:
        session = bounded.open_session()
        session.auth = self._auth
        session.headers["User-Agent"] = "spacecoop"
        return session

    def _read_reason(self, response: requests.Response) -> str:
        code = response.status_code
        if 300 <= code < 400:
            moved = self._hide_secrets(response.headers.get("Location", "?"))
            return f"{code}, moved to {moved}; name that address in the settings"
        text = " ".join(self._hide_secrets(bounded.beginning(response)).split())[:300]
        return ": ".join(filter(None, [str(code), HELP.get(code, ""), text]))

    def _hide_secrets(self, text: str) -> str:
        """Return a server's text without our secret, in any spelling that we send, and without control characters."""
        user, secret = self._credentials.user, self._credentials.secret
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", hide(text, secret, secret and f"{user}:{secret}"))


class _Nobody(AuthBase):
    """Adds nothing; given so that requests does not look into the netrc file by itself."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@dataclass(frozen=True)
class _Token(AuthBase):
    """Adds a token to each request."""

    scheme: str
    credentials: Credentials

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"{self.scheme} {self.credentials.secret}"
        return request


AUTH: Mapping[str, Callable[[Credentials], AuthBase]] = {
    "none": lambda _: _Nobody(),
    "basic": lambda found: HTTPBasicAuth(found.user.encode(), found.secret.encode()),
    "digest": lambda found: HTTPDigestAuth(found.user, found.secret),
    "bearer": lambda found: _Token("Bearer", found),
    "gdb": lambda found: _Token("GDB", found),
}


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What would speak to a terminal; white space is joined elsewhere."""


def _place(url: str) -> str:
    return url.partition("?")[0]


def _root(error: BaseException) -> str:
    """Return what is at the bottom of an error of requests, without the URL and the object that it names."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).rpartition(": ")[2][:200] or type(error).__name__


def _read_retry_after(response: requests.Response) -> float:
    """Return the seconds of Retry-After (RFC 9110, section 10.2.3), 0 without it."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return 0.0
