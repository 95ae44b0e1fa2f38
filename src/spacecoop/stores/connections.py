"""A request to a store in, what is read of its answer out: tried again where that may help, and no secret told."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any

from spacecoop import exchange
from spacecoop.exchange import Answer, Client
from spacecoop.secrecy import hide
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
        self._auth = exchange.authenticate(credentials.kind, credentials.user, credentials.secret)
        self._idle: list[Client] = []
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
        """Send a request, again where that may help; return what is read of the answer, or raise StoreError."""
        reason = ""
        tries = tries or self._tries
        for number in range(tries):
            wait = random.uniform(0, min(30.0, 0.5 * 2**number))  # noqa: S311 (no secret: it keeps clients apart)
            client = self._idle.pop() if self._idle else Client(self._auth, authorities=self._authorities)
            try:
                headers = {"Content-Type": kind, "Accept": accept}
                answer = client.send(method, url, seconds=self._timeout, body=body, headers=headers)
                if answer.is_success:
                    found = read(answer.body.read())
                    self._idle.append(client)
                    return found
                reason = self._read_reason(answer)
                if answer.status not in AGAIN:
                    client.close()
                    raise StoreError(f"{method} {_place(url)}: {reason}")
                wait = max(wait, answer.retry_after or 0.0)
            except exchange.TooLarge as error:
                client.close()
                raise StoreError(f"{method} {_place(url)}: {error}; is this address the store's?") from None
            except exchange.Unreachable as error:
                reason = self._hide_secrets(f"cannot be reached: {error}")
            except exchange.Broken as error:
                reason = self._hide_secrets(f"the answer is cut off or broken: {error}")
            except (exchange.ExchangeError, SyntaxError, ValueError, OSError) as error:
                reason = self._hide_secrets(str(error))
            client.close()  # another attempt takes another connection
            if wait > LONGEST_WAIT:
                raise StoreError(f"{method} {_place(url)}: {reason}; the store asks to come back in {wait:.0f} seconds")
            if number + 1 < tries:
                self._pause(wait)
        raise StoreError(f"{method} {_place(url)}: {reason} ({tries} tries)")

    def _read_reason(self, answer: Answer) -> str:
        code = answer.status
        if 300 <= code < 400:
            moved = self._hide_secrets(answer.headers.get("Location", "?"))
            return f"{code}, moved to {moved}; name that address in the settings"
        said = answer.body.read(exchange.SAID).decode("utf-8", "replace")
        text = " ".join(self._hide_secrets(said).split())[:300]
        return ": ".join(filter(None, [str(code), HELP.get(code, ""), text]))

    def _hide_secrets(self, text: str) -> str:
        """Return a server's text without our secret, in any spelling that we send, and without control characters."""
        user, secret = self._credentials.user, self._credentials.secret
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", hide(text, secret, secret and f"{user}:{secret}"))


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""What would speak to a terminal; white space is joined elsewhere."""


def _place(url: str) -> str:
    return url.partition("?")[0]
