"""The ASGI application: the files of a built dataset, and its SPARQL endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from spacecoop.server import documents, interface, protocol
from spacecoop.server.documents import NotBuilt, Site
from spacecoop.server.interface import Interface
from spacecoop.server.pool import BrokenOff, Limits, Pool, Refused

BODY = 1024 * 1024
"""Bytes of a request's body."""
PATIENCE = 10.0
"""Seconds in which a body has to come."""
RESULT_FORMATS = [
    f"http://www.w3.org/ns/formats/{name}"
    for name in ("SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV")
] + [f"http://www.w3.org/ns/formats/{name}" for name in ("Turtle", "N-Triples", "RDF_XML", "JSON-LD")]
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type",
    "Access-Control-Expose-Headers": "Content-Location, Link, ETag, Vary",
}
REMEMBERED = 64
"""How many answers of named queries are kept for those who ask the same."""
SHORT = 256 * 1024
"""Bytes that a remembered answer may have."""
OpenIndex = Callable[[Path], Path]
"""Makes the index of a dump, and returns its folder."""
OpenQuestions = Callable[[Path], Interface]
"""Gives the named queries over an index."""


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
        self.counts: Counter[str] = Counter()
        self.seconds = 0.0
        self._open_index, self._open_questions = open_index, open_questions
        self._questions: Interface | None = None
        self._remembered: OrderedDict[tuple[str, ...], tuple[str, bytes]] = OrderedDict()
        self._log = log
        self._seen = self._stamp()
        self._changing = asyncio.Lock()
        self.pool: Pool | None = None

    def _stamp(self) -> tuple[int, int]:
        try:
            stat = (self.folder / documents.MANIFEST).stat()
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
                        await old.close()
        if self.pool is None:
            raise Refused(503, "there is no dataset here yet")
        return self.pool

    async def close(self) -> None:
        """End all workers."""
        if self.pool is not None:
            await self.pool.close()

    def record(self, outcome: str, begun: float, question: str = "", sent: int = 0) -> None:
        """Count a request, and say it in one line of JSON: nothing personal, a question by its digest."""
        took = time.monotonic() - begun
        self.counts[outcome] += 1
        self.seconds += took
        if self._log and question:
            digest = hashlib.sha256(question.encode()).hexdigest()[:16]
            row = {"question": digest, "outcome": outcome, "seconds": round(took, 4), "bytes": sent}
            print(json.dumps(row), file=sys.stderr, flush=True)  # noqa: T201  (the log)

    # ------------------------------------------------------------------------------------------------- the files

    async def file(self, request: Request) -> Response:
        """Answer with a file, another address, or what there is."""
        begun = time.monotonic()
        with contextlib.suppress(Refused):
            await self.current()
        path = unquote(request.scope["path"]).lstrip("/")
        chosen = self.site.choose(path, request.headers.get("accept"))
        self.record(f"file {chosen.status}", begun)
        headers = {**CORS, "Vary": "Accept, Accept-Encoding"}
        if chosen.status == 404:
            return PlainTextResponse("Not Found: there is no such document here\n", 404, headers)
        if chosen.status == 406:
            return PlainTextResponse(f"Not Acceptable. There is: {chosen.there}\n", 406, headers)
        if chosen.status == 303:
            return Response(status_code=303, headers={**headers, "Location": f"/{chosen.file}"})
        return self._send(request, chosen.file, headers, named=path == chosen.file)

    def _send(self, request: Request, file: str, headers: dict[str, str], named: bool) -> Response:
        tag = f'"{self.site.digests[file]}"'
        if not named:
            headers["Content-Location"] = f"/{file}"
        packed = f"{file}.gz"
        wants = {word.partition(";")[0].strip() for word in request.headers.get("accept-encoding", "").split(",")}
        kind, source = documents.media_type(file), file
        if "gzip" in wants and packed in self.site.digests and "range" not in request.headers:
            headers["Content-Encoding"], source, tag = "gzip", packed, f'"{self.site.digests[packed]}-gzip"'
        headers["ETag"] = tag
        seen = request.headers.get("if-none-match", "")
        if seen == "*" or tag in [word.strip().removeprefix("W/") for word in seen.split(",")]:
            return Response(status_code=304, headers=headers)
        response = FileResponse(self.site.folder / source, headers=headers, media_type=kind)
        response.headers["Content-Type"] = kind
        return response

    # ---------------------------------------------------------------------------------------------- the endpoint

    async def sparql(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request of SPARQL 1.1 Protocol; it ends in its time, whether or not the reader reads."""
        request = Request(scope, receive)
        begun, outcome, query = time.monotonic(), "200", ""
        sent = 0
        response: Response
        try:
            question = await self._question(request)
            if question is None:
                response = self._description(request)
            else:
                query = question.query
                pool = await self.current()
                message = {
                    "query": question.query,
                    "default": question.default,
                    "named": question.named,
                    "accept": protocol.accepted(question, request.headers.get("accept")),
                    "base": self.base,
                }
                kind, parts = await pool.ask(message)

                async def counted() -> AsyncIterator[bytes]:
                    nonlocal sent
                    async for part in parts:
                        sent += len(part)
                        yield part

                response = StreamingResponse(counted(), headers=_answered(kind))
        except (protocol.BadRequest, Refused) as refused:
            wait = {"Retry-After": "1"} if refused.status == 503 else {}
            response = PlainTextResponse(f"{refused}\n", refused.status, {**CORS, **wait, "Vary": "Accept"})
        outcome = str(response.status_code)
        try:
            async with asyncio.timeout(self.limits.seconds + PATIENCE):
                await response(scope, receive, send)
        except (TimeoutError, BrokenOff, ClientDisconnect) as error:
            outcome = f"{outcome} broken off: {type(error).__name__}"
            raise ConnectionAbortedError(str(error)) from None
        finally:
            self.record(f"sparql {outcome}", begun, query or "-", sent)

    # -------------------------------------------------------------------------------------------- the named queries

    async def named(self, request: Request) -> Response:
        """Answer a named query with the values that the address gives; a browser gets the query's page."""
        begun, name = time.monotonic(), request.path_params["name"]
        try:
            pool = await self.current()
            if self._questions is None or name not in self._questions.offers or self._is_page(request):
                return await self.file(request)
            text, accept = await self._bound(request, self._questions, name)
            response = await self._remember(request, pool, text, accept)
        except (protocol.BadRequest, Refused) as refused:
            wait = {"Retry-After": "1"} if refused.status == 503 else {}
            response = PlainTextResponse(f"{refused}\n", refused.status, {**CORS, **wait, "Vary": "Accept"})
        self.record(f"query {response.status_code}", begun, f"{name}?{request.url.query}")
        return response

    def _is_page(self, request: Request) -> bool:
        """Tell whether somebody wants to read of a query, and not to ask it."""
        accept = request.headers.get("accept", "")
        chosen = self.site.choose(request.scope["path"].lstrip("/"), accept)
        return "text/html" in accept and not request.url.query and chosen.status in (200, 303)

    async def _bound(self, request: Request, questions: Interface, name: str) -> tuple[str, list[str]]:
        """Return the text of what is asked, and the media types that are wanted; raises BadRequest."""
        said: dict[str, list[str]] = {}
        for key, value in protocol.pairs(request.scope["query_string"]):
            if value:
                said.setdefault(key, []).append(value)
        takes = {choice.name for choice in questions.offers[name].choices}
        wanted = said.pop("format", [""])[-1] if "format" not in takes else ""
        text = await asyncio.to_thread(questions.bind, name, said)
        accept = protocol.accepted(protocol.Question(text, format=wanted), request.headers.get("accept"))
        return text, accept

    async def _remember(self, request: Request, pool: Pool, text: str, accept: list[str]) -> Response:
        """Answer from what was answered before, or ask; a short answer is kept until the next build."""
        key = (text, *accept)
        if key not in self._remembered:
            message = {"query": text, "default": [], "named": [], "accept": accept, "base": self.base}
            kind, parts = await pool.ask(message)
            body = bytearray()
            async for part in parts:
                body += part
                if len(body) > SHORT:
                    return StreamingResponse(_joined(bytes(body), parts), headers=_answered(kind))
            self._remembered[key] = kind, bytes(body)
            if len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(key)
        kind, whole = self._remembered[key]
        headers = {**_answered(kind), "ETag": f'"{hashlib.sha256(whole).hexdigest()}"'}
        seen = [word.strip().removeprefix("W/") for word in request.headers.get("if-none-match", "").split(",")]
        if headers["ETag"] in seen or "*" in seen:
            return Response(status_code=304, headers=headers)
        return Response(whole, headers=headers)

    async def openapi(self, request: Request) -> Response:
        """Describe the named queries as OpenAPI has it."""
        await self.current()
        offers = self._questions.offers if self._questions is not None else {}
        server = str(request.url.replace(path="", query="", fragment=""))
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
                            raise protocol.BadRequest(413, f"a request may have {BODY:,} bytes")
            except TimeoutError:
                raise protocol.BadRequest(408, f"the request did not come within {PATIENCE:g} seconds") from None
        method = "GET" if request.method == "HEAD" else request.method
        kind = request.headers.get("content-type", "")
        return protocol.read(method, request.scope["query_string"], kind, bytes(body))

    def _description(self, request: Request) -> Response:
        limits = {
            "seconds": self.limits.seconds,
            "megabytes of memory": self.limits.megabytes,
            "bytes of an answer": self.limits.answer,
            "questions at once": self.limits.workers,
        }
        endpoint = str(request.url.replace(query="", fragment=""))
        text = protocol.describe(endpoint, self.base, limits, RESULT_FORMATS)
        return PlainTextResponse(text, 200, CORS, media_type="text/turtle")

    # ------------------------------------------------------------------------------------------- its own health

    async def health(self, _: Request) -> Response:
        """Say that the server lives."""
        return PlainTextResponse("ok\n")

    async def readiness(self, _: Request) -> Response:
        """Say whether questions are answered."""
        try:
            await self.current()
        except Refused as refused:
            return PlainTextResponse(f"{refused}\n", refused.status)
        return PlainTextResponse("ready\n")

    async def metrics(self, _: Request) -> Response:
        """Say how many requests there were, in the Prometheus text format (0.0.4)."""
        lines = ["# TYPE spacecoop_requests_total counter"]
        for outcome, number in sorted(self.counts.items()):
            what, _space, status = outcome.partition(" ")
            lines.append(f'spacecoop_requests_total{{kind="{what}",outcome="{status}"}} {number}')
        killed = self.pool.killed if self.pool is not None else 0
        lines += [
            "# TYPE spacecoop_request_seconds_total counter",
            f"spacecoop_request_seconds_total {self.seconds:.6f}",
            "# TYPE spacecoop_workers_killed_total counter",
            f"spacecoop_workers_killed_total {killed}",
        ]
        return PlainTextResponse("\n".join([*lines, ""]), media_type="text/plain; version=0.0.4")


def _answered(kind: str) -> dict[str, str]:
    charset = "; charset=utf-8" if kind.startswith("text/") else ""
    return {**CORS, "Content-Type": f"{kind}{charset}", "Vary": "Accept"}


async def _joined(begun: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begun
    async for part in parts:
        yield part


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

    return Starlette(
        routes=[
            Route("/sparql", _Endpoint(server)),
            Route("/healthz", server.health),
            Route("/readyz", server.readiness),
            Route("/metrics", server.metrics),
            Route("/openapi.json", server.openapi),
            Route("/query/{name}", server.named, methods=["GET", "HEAD"]),
            Route("/{path:path}", server.file, methods=["GET", "HEAD"]),
            Route("/{path:path}", options, methods=["OPTIONS"]),
        ],
        lifespan=lifespan,
    )
