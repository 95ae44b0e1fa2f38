"""The ASGI application: the files of a built dataset, and its SPARQL endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from spacecoop.server import documents, files, interface, protocol
from spacecoop.server.documents import NotBuilt, Site
from spacecoop.server.files import CORS
from spacecoop.server.interface import Interface
from spacecoop.server.journal import Done, Journal
from spacecoop.server.pool import Answer, BrokenOff, Limits, Pool
from spacecoop.server.presence import Watched
from spacecoop.server.refusals import Refused

ENDPOINT = "/sparql"
BODY = 1024 * 1024
"""Bytes of a request's body."""
PATIENCE = 10.0
"""Seconds in which a body has to come."""
RESULT_FORMATS = [
    f"http://www.w3.org/ns/formats/{name}"
    for name in ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV")
] + [f"http://www.w3.org/ns/formats/{name}" for name in ("Turtle", "N-Triples", "RDF_XML", "JSON-LD")]
REMEMBERED = 64
"""How many answers of named queries are kept for those who ask the same."""
SHORT = 256 * 1024
"""Bytes that a remembered answer may have."""
_HOST = r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?"
OpenIndex = Callable[[Path], Path]
"""Makes the index of a dump, and returns its folder."""
OpenQuestions = Callable[[Path], Interface]
"""Gives the named queries over an index."""


@dataclass(frozen=True)
class Kept:
    """A short answer, for those who ask the same."""

    kind: str
    body: bytes
    rows: int

    @cached_property
    def tag(self) -> str:
        """What it is known by."""
        return f'"{hashlib.sha256(self.body).hexdigest()}"'


Key = tuple[str, bytes, str]
"""The name of a query, its parameters, and what the reader accepts."""


class Server:
    """What is served: one build at a time; a new one is taken up between two requests."""

    def __init__(
        self,
        folder: Path,
        base: str,
        open_index: OpenIndex,
        open_questions: OpenQuestions,
        about: Mapping[str, str],
        limits: Limits,
        log: bool = True,
    ) -> None:
        self.folder, self.base, self.limits, self.about = folder, base, limits, about
        self.site: Site = documents.read(folder)
        self._manifest = str(folder / documents.MANIFEST)
        self.journal = Journal(log)
        self._open_index, self._open_questions = open_index, open_questions
        self._questions: Interface | None = None
        self._remembered: OrderedDict[Key, Kept] = OrderedDict()
        self._killed = 0
        self._seen = self._stamp()
        self._changing = asyncio.Lock()
        self.pool: Pool | None = None

    def _stamp(self) -> tuple[int, int]:
        try:
            stat = os.stat(self._manifest)  # noqa: PTH116  (for each request)
        except OSError:
            return (0, 0)
        return stat.st_ino, stat.st_mtime_ns

    async def current(self) -> Pool:
        """Return the workers for what is built now; the old build is served until the new one is whole."""
        stamp = self._stamp()
        if self.pool is not None and stamp in (self._seen, (0, 0)):
            return self.pool
        async with self._changing:
            if self.pool is None or stamp != self._seen:
                with contextlib.suppress(NotBuilt):
                    self.site = await asyncio.to_thread(documents.read, self.folder)
                    index = await asyncio.to_thread(self._open_index, self.folder)
                    self._questions = await asyncio.to_thread(self._open_questions, index)
                    self._remembered.clear()
                    old, self.pool, self._seen = self.pool, Pool(index, self.limits), stamp
                    if old is not None:
                        self._killed += old.killed
                        old.close()
        if self.pool is None:
            raise Refused(503, "there is no dataset here yet")
        return self.pool

    async def close(self) -> None:
        """End all workers."""
        self.journal.flush()
        if self.pool is not None:
            self.pool.close()

    # ------------------------------------------------------------------------------------------------- the files

    async def file(self, request: Request) -> Response:
        """Answer with a file, another address, or what there is."""
        done = Done("file")
        with contextlib.suppress(Refused):
            await self.current()
        response, done.file = files.respond(self.site, request)
        done.status = response.status_code
        if request.method != "HEAD" and response.status_code == 200:
            done.sent = int(response.headers["content-length"])
        self.journal.record(done)
        return response

    # ---------------------------------------------------------------------------------------------- the endpoint

    async def sparql(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of SPARQL 1.1 Protocol; it ends in its time, whether or not the reader reads."""
        request = Request(scope, receive)
        done = Done("sparql")
        try:
            await self._sparql(request, send, done)
        except (TimeoutError, BrokenOff, ClientDisconnect) as error:
            done.broken_off = str(error) or ("the reader is slow" if isinstance(error, TimeoutError) else "client gone")
            raise ConnectionAbortedError(done.broken_off) from None
        finally:
            self.journal.record(done)

    async def _sparql(self, request: Request, send: Send, done: Done) -> None:
        try:
            question = await self._question(request)
            if question is None:
                await self._description(request)(request.scope, request.receive, send)
                return
            done.question = question.query
            message = {
                "query": question.query,
                "default": question.default,
                "named": question.named,
                "accept": protocol.list_accepted(question, request.headers.get("accept")),
                "base": self.base,
            }
            pool = await self.current()
            async with Watched(request.receive):
                answer = await pool.ask(message)
                try:
                    await self._stream(answer, request.method, send, done)
                finally:
                    answer.abandon()
        except Refused as refused:
            done.status = refused.status
            await files.refuse(request, refused)(request.scope, request.receive, send)

    async def _stream(self, answer: Answer, method: str, send: Send, done: Done) -> None:
        """Send an answer: at once where it is whole, otherwise part by part."""
        headers = [*_HEADERS, (b"content-type", _kind(answer.kind).encode())]
        if answer.is_whole:
            body = answer.held
            headers.append((b"content-length", str(len(body)).encode()))
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            done.sent, done.rows = len(body), answer.rows
            return
        async with asyncio.timeout(self.limits.seconds + PATIENCE):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            if method != "HEAD":
                async for part in answer.parts():
                    done.sent += len(part)
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        done.rows = answer.rows

    # -------------------------------------------------------------------------------------------- the named queries

    async def answer_named(self, request: Request) -> Response:
        """Answer a named query with the values that the address gives; a browser gets the query's page."""
        done, name = Done("query"), request.path_params["name"]
        try:
            pool = await self.current()
            if self._questions is None or name not in self._questions.offers or self._is_page(request):
                return await self.file(request)
            said, accept = request.scope["query_string"], request.headers.get("accept", "*/*")
            done.question = f"{name}?{said.decode('latin-1')}"
            key = (name, said, accept)
            if (kept := self._remembered.get(key)) is not None:
                self._remembered.move_to_end(key)
                response = _answer_short(request, kept, done)
            else:
                async with Watched(request.receive):
                    response = await self._ask_named(request, pool, key, done)
        except ClientDisconnect:
            done.broken_off = "the client has gone"
            response = Response(status_code=204)  # which nobody reads
        except Refused as refused:
            response = files.refuse(request, refused)
        done.status = response.status_code
        if not isinstance(response, StreamingResponse):
            self.journal.record(done)
        return response

    def _is_page(self, request: Request) -> bool:
        """Tell whether somebody wants to read of a query, and not to ask it."""
        accept = request.headers.get("accept", "")
        if "text/html" not in accept or request.scope["query_string"]:
            return False
        return self.site.choose(request.scope["path"].lstrip("/"), accept).status in (200, 303)

    async def _ask_named(self, request: Request, pool: Pool, key: Key, done: Done) -> Response:
        """Ask; a short answer is kept until the next build."""
        assert self._questions is not None
        text, accept = await self._bound(self._questions, *key)
        message = {"query": text, "default": [], "named": [], "accept": accept, "base": self.base}
        answer = await pool.ask(message)
        if not answer.is_whole or len(answer.held) > SHORT:
            return StreamingResponse(self._record(answer, done), headers=_make_headers(answer.kind))
        kept = Kept(answer.kind, answer.held, answer.rows)
        if pool is self.pool:  # else there is a new build, and this is the answer of the old one
            self._remembered[key] = kept
        if len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return _answer_short(request, kept, done)

    async def _bound(self, questions: Interface, name: str, query: bytes, accept: str) -> tuple[str, list[str]]:
        """Return the text of what is asked, and the media types that are wanted; raises BadRequest."""
        said: dict[str, list[str]] = {}
        for key, value in protocol.pairs(query):
            if value:
                said.setdefault(key, []).append(value)
        takes = {choice.name for choice in questions.offers[name].choices}
        wanted = said.pop("format", [""])[-1] if "format" not in takes else ""
        text = await asyncio.to_thread(questions.bind, name, said)
        return text, protocol.list_accepted(protocol.Question(text, format=wanted), accept)

    async def _record(self, answer: Answer, done: Done) -> AsyncIterator[bytes]:
        try:
            async for part in answer.parts():
                done.sent += len(part)
                yield part
            done.rows = answer.rows
        except BrokenOff as error:
            done.broken_off = str(error)
            raise ConnectionAbortedError(str(error)) from None
        finally:
            if not answer.is_whole and not done.broken_off:
                done.broken_off = "the client has gone"
            self.journal.record(done)

    async def openapi(self, request: Request) -> Response:
        """Describe the named queries as OpenAPI has it."""
        await self.current()
        offers = self._questions.offers if self._questions is not None else {}
        try:
            server = _find_address(request, "")
        except Refused as refused:
            return files.refuse(request, refused)
        text = interface.describe(offers, self.about["title"], self.about["version"], server)
        return JSONResponse(text, headers=CORS)

    async def _question(self, request: Request) -> protocol.Question | None:
        if request.method not in ("GET", "HEAD", "POST"):
            raise protocol.BadRequest(405, "ask with GET or POST")
        body = bytearray()
        if request.method == "POST":
            try:
                async with asyncio.timeout(PATIENCE):
                    async for part in request.stream():
                        body += part
                        if len(body) > BODY:
                            raise protocol.BadRequest(413, "a request may have {} bytes", f"{BODY:,}")
            except TimeoutError:
                raise protocol.BadRequest(408, "the request did not come within {} seconds", f"{PATIENCE:g}") from None
        method = "GET" if request.method == "HEAD" else request.method
        kind = request.headers.get("content-type", "")
        return protocol.read(method, request.scope["query_string"], kind, bytes(body))

    def _description(self, request: Request) -> Response:
        limits = {
            "seconds": self.limits.seconds,
            "megabytes of memory": self.limits.megabytes,
            "rows of an answer": self.limits.rows,
            "bytes of an answer": self.limits.answer,
            "questions at once": self.limits.workers,
        }
        endpoint = _find_address(request, ENDPOINT)
        text = protocol.describe(endpoint, self.base, limits, RESULT_FORMATS)
        return PlainTextResponse(text, 200, CORS, media_type="text/turtle")

    # ------------------------------------------------------------------------------------------- its own health

    async def health(self, _: Request) -> Response:
        """Say that the server lives."""
        return PlainTextResponse("ok\n")

    async def readiness(self, request: Request) -> Response:
        """Say whether questions are answered."""
        try:
            await self.current()
        except Refused as refused:
            return files.refuse(request, refused)
        return PlainTextResponse("ready\n")

    async def metrics(self, _: Request) -> Response:
        """Say how many requests there were, and what the workers do."""
        pool = self.pool
        others = [
            ("workers_killed_total", "counter", self._killed + (pool.killed if pool else 0)),
            ("workers_busy", "gauge", pool.working if pool else 0),
            ("questions_waiting", "gauge", pool.waiting if pool else 0),
        ]
        return PlainTextResponse(self.journal.metrics(others), media_type="text/plain; version=0.0.4")


def _find_address(request: Request, path: str) -> str:
    """Return the public address of something here; raises Refused where Host is no host (RFC 9110, section 7.2)."""
    if not re.fullmatch(_HOST, request.headers.get("host", "localhost")):
        raise Refused(400, "the header Host names no host")
    return str(request.url.replace(path=path, query="", fragment=""))


def _answer_short(request: Request, kept: Kept, done: Done) -> Response:
    """Return a short answer, or that the client has it."""
    headers = {**_make_headers(kept.kind), "ETag": kept.tag}
    if files.is_known(request, kept.tag):
        return Response(status_code=304, headers=headers)
    done.rows, done.sent = kept.rows, len(kept.body)
    return Response(kept.body, headers=headers)


def _kind(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _make_headers(kind: str) -> dict[str, str]:
    return {**CORS, "Content-Type": _kind(kind), "Vary": "Accept"}


_HEADERS = [(name.lower().encode(), value.encode()) for name, value in {**CORS, "Vary": "Accept"}.items()]


class Application(Starlette):
    """The application; questions, which are the most, take the short way."""

    def __init__(self, endpoint: _Endpoint, **given: Any) -> None:
        super().__init__(**given)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["path"] == ENDPOINT:
            await self._endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Endpoint:
    """The endpoint as an ASGI application, so that the route lets every method through."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=CORS)(scope, receive, send)
            return
        await self._server.sparql(scope, receive, send)


def build(server: Server) -> Starlette:
    """Return the application."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await server.current()
        yield
        await server.close()

    async def options(_: Request) -> Response:
        return Response(status_code=204, headers=CORS)

    endpoint = _Endpoint(server)
    return Application(
        endpoint,
        routes=[
            Route(ENDPOINT, endpoint),
            Route("/healthz", server.health),
            Route("/readyz", server.readiness),
            Route("/metrics", server.metrics),
            Route("/openapi.json", server.openapi),
            Route("/query/{name}", server.answer_named, methods=["GET", "HEAD"]),
            Route("/{path:path}", server.file, methods=["GET", "HEAD"]),
            Route("/{path:path}", options, methods=["OPTIONS"]),
        ],
        lifespan=lifespan,
    )
