"""A query in, the whole answer of a remote SPARQL endpoint out; a failure is never read as an empty answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import IO, TYPE_CHECKING
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
from spacecoop.secrecy import hide

if TYPE_CHECKING:
    import urllib.request

    from spacecoop.exchange import Answer

LONG = 2_000
"""A query of more characters goes by POST: servers and proxies cut long addresses."""
LARGEST = 512 * 1024**2
"""More bytes than these are not taken from anyone."""
SAID = 16_000
"""Bytes of an error page that are read."""
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
    unreachable. *status* is that of HTTP, where there was one; *wait* the seconds that it asks to wait.
    """

    wait: float | None = None

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

    @property
    def kind(self) -> str:
        """How it is told, as `exchange.authenticate` knows it."""
        return "bearer" if self.token else "digest" if self.digest else "basic"


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
        answer = self._answer(query, TRIPLES)
        body, headers, media_type = answer.body, answer.headers, answer.media_type
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
        answer = self._answer(query, ROWS)
        body, headers, media_type = answer.body, answer.headers, answer.media_type
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

    def _answer(self, query: str, accept: str) -> Answer:
        """Return the whole answer; try again while that may help and patience lasts."""
        waited = 0.0
        for attempt in range(1, self.attempts + 1):
            try:
                return self._attempt(query, accept)
            except EndpointError as error:
                wait = min(2.0**attempt, 30) if error.wait is None else error.wait
                again = error.status in AGAIN or error.reason == "incomplete"
                if not again or attempt == self.attempts:
                    raise
                if waited + wait > self.patience:
                    text = f"{error}; it asks to wait {wait:.0f} s, and patience is {self.patience:.0f} s"
                    raise EndpointError(error.reason, text, error.status) from error
            waited += wait
            self.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, query: str, accept: str) -> Answer:
        from spacecoop import exchange  # loads a client, for which files need not wait

        request, known = self._make_request(query), self.credentials
        try:
            answer = exchange.send(
                request.get_method(),
                request.full_url,
                seconds=self.timeout,
                body=request.data,
                headers={**dict(request.header_items()), "Accept": accept},
                follow=exchange.Follow.SAME_HOST,
                largest=LARGEST,
                auth=exchange.authenticate(known.kind, known.user, known.token or known.password) if known else None,
            )
        except exchange.Elsewhere as error:
            text = f"it sends on to another host, {error}; ask that one, if you trust it"
            raise self._error("address", text) from error
        except exchange.TooLong as error:
            raise self._error("timeout", f"no whole answer within {self.timeout:g} s") from error
        except exchange.TooLarge as error:
            raise self._error("too-large", f"the answer has more than {LARGEST:,} bytes") from error
        except exchange.Broken as error:
            raise self._incomplete(error) from error
        except exchange.ExchangeError as error:
            raise self._error("unreachable", f"cannot be reached: {error}") from error
        if not answer.is_success:
            raise self._refusal(answer)
        return answer

    def _make_request(self, query: str) -> urllib.request.Request:
        """Return the request as SPARQL 1.1 Protocol has it, which SPARQLWrapper makes and does not send.

        Its own query() hides what the endpoint said, and how long to wait, behind five exceptions.
        """
        from SPARQLWrapper import GET, POST, SPARQLWrapper  # which brings rdflib

        wrapper = SPARQLWrapper(self.url, agent=self.user_agent)
        wrapper.setOnlyConneg(True)
        wrapper.setQuery(query)
        wrapper.queryType = sparql.form(query)  # it would take the word "dropped" of a comment for an update
        wrapper.setMethod(POST if len(query) > LONG else GET)
        request: urllib.request.Request = wrapper._createRequest()
        return request

    def _refusal(self, answer: Answer) -> EndpointError:
        """Say what a status means, and how long the endpoint asks to wait."""
        default = ("server", "the endpoint failed") if answer.status >= 500 else ("refused", "the endpoint says no")
        reason, text = REASONS.get(answer.status, default)
        said = self._read_reason(answer.body.read(SAID))
        refusal = self._error(reason, f"{text} (status {answer.status}){said}", answer.status)
        refusal.wait = answer.retry_after
        return refusal

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
