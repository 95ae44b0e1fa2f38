"""A query in, the whole answer of a remote SPARQL endpoint out; a failure is never read as an empty answer."""

from __future__ import annotations

import contextlib
import email.utils
import gzip
import http.client
import os
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from importlib.metadata import version
from typing import IO
from urllib.parse import urlsplit

from pyoxigraph import (
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
)

from spacecoop.quads import Term
from spacecoop.queries import sparql
from spacecoop.queries.exchange import ElsewhereError, Exchange
from spacecoop.secrecy import hide

LONG = 2_000
"""A query of more characters goes by POST: servers and proxies cut long addresses."""
LARGEST = 512 * 1024**2
"""More bytes than these are not taken from anyone."""
SAID = 16_000
"""Bytes of an error page that are read."""
SPOOL = 16 * 1024**2
"""Up to so many bytes an answer is held in memory, beyond that in a temporary file."""
ROWS = "application/sparql-results+json, application/sparql-results+xml;q=0.9"
TRIPLES = "application/n-triples, text/turtle;q=0.9, application/rdf+xml;q=0.8"
AGAIN = {429, 502, 503, 504}
"""The statuses that another attempt may mend (RFC 9110, section 15.6; RFC 6585, section 4)."""
REASONS = {
    400: ("query", "the endpoint does not understand the query"),
    401: ("refused", "the endpoint wants a user and a password: set SPACECOOP_ENDPOINT_USER and _PASSWORD, or _TOKEN"),
    403: ("refused", "the endpoint refuses this program; a User-Agent with a contact may help: set SPACECOOP_CONTACT"),
    404: ("address", "there is no endpoint at this address"),
    405: ("address", "this address does not take queries"),
    414: ("query", "the query is too long for the endpoint"),
    429: ("busy", "the endpoint says that there were too many requests"),
    503: ("busy", "the endpoint is not available now"),
    504: ("timeout", "the endpoint gave up on the query"),
}


class EndpointError(Exception):
    """An endpoint gave no whole answer.

    *reason* is one of: address, busy, incomplete, not-sparql, query, refused, server, timeout, too-large,
    unreachable. *status* is that of HTTP, where there was one.
    """

    def __init__(self, reason: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


@dataclass(frozen=True)
class Rows:
    """The rows of an answer, held in memory."""

    variables: tuple[str, ...]
    rows: tuple[Mapping[str, Term], ...]
    """One mapping a row; a variable without a value is not in it."""


@dataclass(frozen=True)
class Login:
    """How to be known to an endpoint: a user with a password, or a bearer token."""

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    digest: bool = False


def agent(page: str = "") -> str:
    """Return who asks, as Wikimedia's User-Agent policy wants it: the program, and a page or a contact.

    The contact is what SPACECOOP_CONTACT says: an address of e-mail, or of a page about who asks.
    """
    who = "; ".join(part for part in (page, os.environ.get("SPACECOOP_CONTACT", "")) if part)
    return f"spacecoop/{version('spacecoop')}{f' ({who})' if who else ''} SPARQLWrapper/{version('SPARQLWrapper')}"


def credentials(url: str) -> Login | None:
    """Return what the environment, or else the keyring, holds for an endpoint; None where there is nothing.

    Read are SPACECOOP_ENDPOINT_USER, _PASSWORD, _TOKEN and _AUTH (``basic`` or ``digest``); a keyring is asked
    for the password of that user at the endpoint's address.
    """
    user, password, token, scheme = (
        os.environ.get(f"SPACECOOP_ENDPOINT_{name}", "") for name in ("USER", "PASSWORD", "TOKEN", "AUTH")
    )
    if user and not password:
        try:
            import keyring
        except ImportError:
            pass
        else:
            password = keyring.get_password(url, user) or ""
    if not (token or (user and password)):
        return None
    return Login(user, password, token, scheme == "digest")


@dataclass(frozen=True)
class Endpoint:
    """A SPARQL 1.1 endpoint, asked politely: it knows who asks, and is given time when it wants some."""

    url: str
    user_agent: str = field(default_factory=agent)
    timeout: float = 60
    """Seconds that one attempt may take, with reading the answer."""
    patience: float = 120
    """Seconds to wait in all between attempts."""
    attempts: int = 5
    credentials: Login | None = None
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EndpointError("address", f"{self.url}: not the address of an endpoint; it begins with https://")
        if parts.username or parts.password:
            raise EndpointError("address", f"{parts.hostname}: a password does not belong in an address")

    def select(self, query: str) -> Rows:
        """Return all rows of a SELECT query."""
        solutions = self.results(query)
        if not isinstance(solutions, QuerySolutions):
            raise EndpointError("not-sparql", f"{self.url}: answered with yes or no where rows were asked for")
        names = tuple(variable.value for variable in solutions.variables)
        try:
            rows = [{name: row[name] for name in names if row[name] is not None} for row in solutions]
        except (SyntaxError, ValueError) as error:
            raise self._incomplete(error) from error
        return Rows(names, tuple(rows))

    def ask(self, query: str) -> bool:
        """Return the answer to an ASK query."""
        answer = self.results(query)
        if not isinstance(answer, QueryBoolean):
            raise EndpointError("not-sparql", f"{self.url}: answered with rows where yes or no was asked for")
        return bool(answer)

    def construct(self, query: str) -> list[Triple]:
        """Return all triples of a CONSTRUCT or DESCRIBE query."""
        body, media_type, headers = self._answer(query, TRIPLES)
        syntax = RdfFormat.from_media_type(media_type)
        if syntax is None:
            raise self._not_sparql(media_type, body)
        try:
            triples = [quad.triple for quad in parse(body, format=syntax)]
        except (SyntaxError, ValueError) as error:
            raise self._incomplete(error) from error
        # Virtuoso cuts graphs at its ResultSetMaxRows without a word
        if headers.get("Server", "").startswith("Virtuoso") and len(triples) in (10_000, 10_001):
            raise EndpointError("incomplete", f"{self.url}: Virtuoso seems to have cut the answer at 10,000 triples")
        return triples

    def results(self, query: str) -> QuerySolutions | QueryBoolean:
        """Return the answer to a SELECT or ASK query, whole but not yet read, so that it may be large.

        Reading it raises SyntaxError where it is cut off in a way that only its syntax tells.
        """
        body, media_type, headers = self._answer(query, ROWS)
        syntax = QueryResultsFormat.from_media_type(media_type)
        if syntax is None or syntax in (QueryResultsFormat.CSV, QueryResultsFormat.TSV):  # which show no cut
            raise self._not_sparql(media_type, body)
        if headers.get("X-SPARQL-MaxRows") or headers.get("X-SQL-State") == "S1TAT":
            limit = headers.get("X-SPARQL-MaxRows", "some")
            raise EndpointError("incomplete", f"{self.url}: the endpoint gives {limit} rows at most and cut the answer")
        try:
            return parse_query_results(body, format=syntax)
        except (SyntaxError, ValueError) as error:
            raise self._incomplete(error) from error

    def _answer(self, query: str, accept: str) -> tuple[IO[bytes], str, Message]:
        """Return body, media type and headers; try again while that may help and patience lasts."""
        waited = 0.0
        for attempt in range(1, self.attempts + 1):
            try:
                return self._attempt(query, accept)
            except EndpointError as error:
                wait = getattr(error, "wait", None)
                wait = min(2.0**attempt, 30) if wait is None else wait
                again = error.status in AGAIN or error.reason == "incomplete"
                if not again or attempt == self.attempts:
                    raise
                if waited + wait > self.patience:
                    text = f"{error}; it asks to wait {wait:.0f} s, and patience is {self.patience:.0f} s"
                    raise EndpointError(error.reason, text, error.status) from error
            waited += wait
            self.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, query: str, accept: str) -> tuple[IO[bytes], str, Message]:
        with Exchange(self.timeout) as exchange:
            try:
                with self._send_request(query, accept, exchange) as response:
                    body = self._read(response, exchange)
            except EndpointError:
                raise
            except ElsewhereError as error:
                text = f"it sends on to another host, {error}; ask that one, if you trust it"
                raise self._error("address", text) from error
            except Exception as error:  # a connection that is shut down while it is read fails in many ways
                if exchange.is_late or isinstance(getattr(error, "reason", error), TimeoutError):
                    raise self._make_timeout() from error
                if isinstance(error, urllib.error.HTTPError):
                    raise self._refusal(error) from error
                if isinstance(error, (http.client.HTTPException, EOFError, zlib.error, gzip.BadGzipFile)):
                    raise self._incomplete(error) from error
                if isinstance(error, OSError):
                    cause = getattr(error, "reason", error)
                    raise self._error("unreachable", f"cannot be reached: {cause}") from error
                raise
        return body, response.headers.get("Content-Type", "").partition(";")[0].strip(), response.headers

    def _send_request(self, query: str, accept: str, exchange: Exchange) -> http.client.HTTPResponse:
        """Send the request, and return the answer when its headers are there."""
        from SPARQLWrapper import GET, POST, SPARQLWrapper  # which brings rdflib

        wrapper = SPARQLWrapper(self.url, agent=self.user_agent)
        wrapper.setOnlyConneg(True)
        wrapper.setQuery(query)
        wrapper.queryType = sparql.form(query)  # it would take the word "dropped" of a comment for an update
        wrapper.setMethod(POST if len(query) > LONG else GET)
        wrapper.addCustomHttpHeader("Accept", accept)
        known, handlers = self.credentials, []
        if known is not None and known.token:
            wrapper.addCustomHttpHeader("Authorization", f"Bearer {known.token}")
        elif known is not None and known.digest:
            passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
            passwords.add_password(None, self.url, known.user, known.password)
            handlers.append(urllib.request.HTTPDigestAuthHandler(passwords))
        elif known is not None:
            wrapper.setCredentials(known.user, known.password)
        # its own query() hides what the endpoint said, and how long to wait, behind five exceptions
        request: urllib.request.Request = wrapper._createRequest()
        return exchange.send(request, *handlers)

    def _read(self, response: http.client.HTTPResponse, exchange: Exchange) -> IO[bytes]:
        """Read a body to its announced end, within the time and size allowed."""
        spool = tempfile.SpooledTemporaryFile(SPOOL)  # noqa: SIM115  (the caller reads it)
        announced = response.length
        size = self._copy(response.read1, spool, exchange)
        if announced is not None and size < announced:
            raise http.client.IncompleteRead(b"", announced - size)
        spool.seek(0)
        if response.headers.get("Content-Encoding") == "gzip":
            unpacked = tempfile.SpooledTemporaryFile(SPOOL)  # noqa: SIM115  (the caller reads it)
            with gzip.open(spool) as stream:
                self._copy(stream.read, unpacked, exchange)
            unpacked.seek(0)
            return unpacked
        return spool

    def _copy(self, read: Callable[[int], bytes], into: IO[bytes], exchange: Exchange) -> int:
        """Copy all bytes, and return how many; raises TimeoutError, or EndpointError where there are too many."""
        size = 0
        while chunk := read(1 << 16):
            size += len(chunk)
            into.write(chunk)
            if size > LARGEST:
                raise self._error("too-large", f"the answer has more than {LARGEST:,} bytes")
            if exchange.is_late:
                break
        if exchange.is_late:  # a connection that is shut down looks like the end
            raise TimeoutError
        return size

    def _refusal(self, error: urllib.error.HTTPError) -> EndpointError:
        """Say what a status means, and how long the endpoint asks to wait."""
        default = ("server", "the endpoint failed") if error.code >= 500 else ("refused", "the endpoint says no")
        reason, text = REASONS.get(error.code, default)
        said = b""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            said = error.read(SAID)
        refusal = self._error(reason, f"{text} (status {error.code}){self._read_reason(said)}", error.code)
        refusal.wait = _seconds(error.headers.get("Retry-After", ""))  # type: ignore[attr-defined]
        return refusal

    def _make_timeout(self) -> EndpointError:
        return self._error("timeout", f"no whole answer within {self.timeout:g} s")

    def _incomplete(self, error: Exception) -> EndpointError:
        return self._error("incomplete", f"the answer is cut off or broken: {error}")

    def _not_sparql(self, media_type: str, body: IO[bytes]) -> EndpointError:
        told = self._read_reason(body.read(SAID))
        text = f"what came is {media_type or 'of no type'}, not an answer to a query{told}"
        return self._error("not-sparql", text, 200)

    def _error(self, reason: str, text: str, status: int | None = None) -> EndpointError:
        return EndpointError(reason, f"{self.url}: {self.hide(text)}", status)

    def _read_reason(self, body: bytes) -> str:
        """Return the first line of an error page that says something, ready to be appended."""
        line = self.hide(_first_line(body))
        return f": {line[:200]}" if line else ""

    def hide(self, text: str) -> str:
        """Return what a server said on one line, without what would steer a terminal, and without our secrets."""
        known = self.credentials
        clean = "".join(one if one.isprintable() else " " for one in text)
        if known is None:
            return clean
        return hide(clean, known.password, known.token, known.password and f"{known.user}:{known.password}")


def _first_line(body: bytes) -> str:
    """Return the first line of an error page that says something; nothing where there is none."""
    lines = (line.strip() for line in body.decode("utf-8", "replace").splitlines())
    line = next((line for line in lines if line and not line.startswith("<")), "")
    return "".join(character for character in line if character.isprintable())


def _seconds(retry_after: str) -> float | None:
    """Return the seconds that a Retry-After asks for (RFC 9110, section 10.2.3); None where it says nothing.

    >>> _seconds("7"), _seconds(""), _seconds("Mon, 01 Jan 1990 00:00:00 GMT")
    (7.0, None, 0.0)
    >>> _seconds("²"), _seconds("1 Jan 0001 00:00:00"), _seconds("-1")
    (None, 0.0, None)
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, IndexError, OverflowError):  # what it raises for what is no date
        return None
