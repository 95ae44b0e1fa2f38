"""A request in; the file that it asks for, another address, or why there is none, out."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from spacecoop.server import documents
from spacecoop.server.documents import Site
from spacecoop.server.refusals import Refused, choose_language

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type",
    "Access-Control-Expose-Headers": "Content-Location, Link, ETag, Vary",
}


def respond(site: Site, request: Request) -> tuple[Response, str]:
    """Return the answer, and the file that it is of; empty where it is of none."""
    path = request.scope["path"].lstrip("/")
    chosen = site.choose(path, request.headers.get("accept"))
    headers = {**CORS, "Vary": "Accept, Accept-Encoding"}
    if chosen.status == 404:
        refused = Refused(404, "Not Found: there is no such document here")
        return refuse(request, refused, headers), chosen.file
    if chosen.status == 406:
        return refuse(request, Refused(406, "Not Acceptable. There is: {}", chosen.there), headers), chosen.file
    if chosen.status == 303:
        return Response(status_code=303, headers={**headers, "Location": f"/{chosen.file}"}), chosen.file
    if path != chosen.file:
        headers["Content-Location"] = f"/{chosen.file}"
    return _send(site, request, chosen.file, headers), chosen.file


def _send(site: Site, request: Request, file: str, headers: dict[str, str]) -> Response:
    """Return a file, packed for those who unpack; or that the client has it."""
    tag = f'"{site.digests[file]}"'
    packed = f"{file}.gz"
    wants = {word.partition(";")[0].strip() for word in request.headers.get("accept-encoding", "").split(",")}
    source, body = file, None
    if "gzip" in wants and "range" not in request.headers:
        if packed in site.digests:
            headers["Content-Encoding"], source, tag = "gzip", packed, f'"{site.digests[packed]}-gzip"'
        elif (body := documents.pack(site.folder / file, site.digests[file])) is not None:
            headers["Content-Encoding"], tag = "gzip", f'"{site.digests[file]}-gzip"'
    headers["ETag"] = tag
    path = site.folder / source
    try:
        stat = path.stat()
    except OSError:  # it was deleted by hand
        return refuse(request, Refused(404, "Not Found: the document is gone"), headers)
    if is_known(request, tag, stat.st_mtime):
        return Response(status_code=304, headers=headers)
    kind = documents.media_type(file)
    response = (
        FileResponse(path, headers=headers, media_type=kind, stat_result=stat)
        if body is None
        else Response(body, headers=headers)
    )
    response.headers["Content-Type"] = kind
    return response


def is_known(request: Request, tag: str, changed: float | None = None) -> bool:
    """Tell whether a client has what it asks for (RFC 9110, section 13.2.2): a tag says more than a time."""
    if (seen := request.headers.get("if-none-match")) is not None:
        return seen.strip() == "*" or tag in [word.strip().removeprefix("W/") for word in seen.split(",")]
    try:
        since = parsedate_to_datetime(request.headers["if-modified-since"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return False
    return changed is not None and int(changed) <= since


def refuse(request: Request, refused: Refused, headers: Mapping[str, str] | None = None) -> Response:
    """Return why there is no answer, in the reader's language."""
    language = choose_language(request.headers.get("accept-language"))
    said = {**CORS, "Vary": "Accept", **(headers or {}), "Content-Language": language}
    said["Vary"] += ", Accept-Language"
    if refused.status == 503:
        said["Retry-After"] = "1"
    return PlainTextResponse(f"{refused.tell(language)}\n", refused.status, said)
