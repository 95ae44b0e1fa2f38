"""The documents of a site in; the rules by which web servers choose a syntax for each reader out, from one table.

What is chosen is what RFC 9110 (section 12.5.1) says, to one decimal of quality: of the media types that the reader
accepts and the document has, the one with the highest quality, the first named where several have it; for ``*/*`` or
no word at all, the document's first.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacecoop.syntaxes import SYNTAXES

if TYPE_CHECKING:
    from jinja2 import Environment

MEDIA_TYPES = {
    **{syntax.ending: syntax.media_type for syntax in SYNTAXES},
    ".html": "text/html",
    ".atom": "application/atom+xml",
}
"""What is chosen among, by file ending."""

FILE_TYPES = {
    **MEDIA_TYPES,
    ".css": "text/css",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".js": "text/javascript",
    ".json": "application/json",
    ".sha256": "text/plain",
    ".svg": "image/svg+xml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".xml": "application/xml",
}
"""What files are served as."""

_TEXTS = tuple(sorted({kind for kind in FILE_TYPES.values() if kind.startswith("text/")}))


@dataclass(frozen=True)
class Row:
    """Documents with the same choice of syntaxes."""

    name: str
    pattern: str
    """A regular expression with one group, the document's path; what every server's dialect reads alike."""
    endings: tuple[str, ...]
    """The files that each has, the first for those who do not care."""
    files: tuple[str, ...] = ()
    """The paths of these files without ending, where they are not the document's own."""
    see_other: bool = False
    """Whether the IRI names a thing, not a document, so that the answer is 303 See Other (Cool URIs, section 4.3)."""


_SEGMENT = "[^./?#]+"
_ONE = (".ttl", ".jsonld")
_ARTICLES, _THINGS = "article", "id"


def table(documents: Mapping[str, Sequence[str]], pages: bool = True) -> list[Row]:
    """Return the table for a site that has, at these paths, documents with these endings.

    With *pages*, articles and things are there as HTML too; who takes anything gets data, a browser names HTML first.
    All documents of a folder share a row, so that the table does not grow with the articles.
    """
    html = (".html",) if pages else ()
    home = (*html, ".ttl", ".jsonld")
    rows = [
        Row("home", "()", home, files=(*("index" for _ in html), "catalog", "catalog")),
        Row("about", "(catalog|void)", _ONE),
        Row("dataset", "(dataset)", (".ttl", ".trig", ".nq", ".nt", ".jsonld")),
        Row("feed", "(feed)", (".trig", ".atom")),
        Row("version", "(feed/[0-9]+)", (".trig",)),
        Row("article", f"({_ARTICLES}/{_SEGMENT})", (".ttl", ".trig", ".nq", ".jsonld", *html)),
        Row("thing", f"({_THINGS}/{_SEGMENT})", (*_ONE, *html), see_other=True),
    ]
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for path, endings in sorted(documents.items()):
        folder = path.rpartition("/")[0]
        if folder not in (_ARTICLES, _THINGS):
            groups.setdefault((folder, tuple(endings)), []).append(path)
    for number, ((folder, endings), paths) in enumerate(sorted(groups.items()), 1):
        pattern = f"({folder}/{_SEGMENT})" if folder else f"({'|'.join(paths)})"
        rows.append(Row(f"document{number}", pattern, endings))
    return rows


@dataclass(frozen=True)
class Feed:
    """Which pages of the feed of changes there are."""

    closed: tuple[int, ...] = ()
    """Those that are never written again."""
    open: tuple[int, ...] = ()


FOR_A_WHILE = "max-age=300"
FOR_GOOD = "max-age=31536000, immutable"


# ------------------------------------------------------------------------------------------ which type is wanted


def _list_accepted(row: Row) -> dict[str, str]:
    """Return, by media range, the ending that it gets: the document's first of those it covers."""
    found: dict[str, str] = {}
    for ending in row.endings:
        kind = MEDIA_TYPES[ending]
        for word in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
            found.setdefault(word, ending)
    return found


def ladder(row: Row) -> list[str]:
    """Return regular expressions, the most wanted first: each finds the first media range of one quality.

    They are written in what PCRE and RE2 have in common; their one group is the media range.
    """
    ranges = "|".join(word.replace("+", r"\+").replace("*", r"\*").replace(".", r"\.") for word in _list_accepted(row))
    other = r"(?:\s*;\s*[a-pr-z][^,;]*)*"  # parameters of the media type; q begins those of the choice
    qualities = [r"(?:\s*;\s*q=1(?:\.0*)?)?"] + [rf"\s*;\s*q=0?\.{tenth}\d*" for tenth in range(9, 0, -1)]
    qualities.append(r"\s*;\s*q=0?\.0\d*[1-9]\d*")
    return [rf"(?:^|,)\s*({ranges}){other}{quality}{other}\s*(?:,|$)" for quality in qualities]


def choose(row: Row, accept: str | None) -> str | None:
    """Return the ending that a reader gets who sends this Accept, as every server's rules say; None: 406."""
    accepted = _list_accepted(row)
    for rung in ladder(row):
        if found := re.search(rung, accept or "*/*", re.IGNORECASE):
            return accepted[found[1].lower()]
    return None


# ------------------------------------------------------------------------------------------ each server's language


_FEED = r"feed(?:\.trig|\.atom|/[0-9]+\.trig)"
_LANGUAGES = {
    ".htaccess": "apache.htaccess.jinja",
    "_headers": "headers.jinja",
    "hosting/Caddyfile": "Caddyfile.jinja",
    "hosting/negotiate.js": "edge.js.jinja",
    "hosting/nginx.conf": "nginx.conf.jinja",
}
"""The template of each file."""
_W3ID = {"hosting/w3id.htaccess": "w3id.htaccess.jinja"}


def rules(rows: Sequence[Row], home: str | None, feed: Feed) -> dict[str, str]:
    """Return the files of rules, by name; those for w3id.org only where it is known to which *home* they lead."""
    environment = _open_templates()
    values = {
        "rows": [_describe(row) for row in rows],
        "rows_json": json.dumps([_describe_for_edge(row) for row in rows], indent=1),
        "media_types_json": json.dumps(MEDIA_TYPES, indent=1),
        "types": FILE_TYPES,
        "texts": _TEXTS,
        "feed": feed,
        "feed_files": _FEED,
        "closed_pages": rf"feed/(?:{_match_closed(feed)})\.trig",
        "for_a_while": FOR_A_WHILE,
        "for_good": FOR_GOOD,
        "home": home,
    }
    templates = _LANGUAGES | (_W3ID if home else {})
    return {name: environment.get_template(template).render(values) for name, template in templates.items()}


@functools.cache
def _open_templates() -> Environment:
    """Return the environment of the servers' templates, which write no HTML, hence escape nothing."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "servers"),
        autoescape=False,  # noqa: S701  (no HTML)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def _describe(row: Row) -> dict[str, Any]:
    """Return what the templates know of a row."""
    return {
        "name": row.name,
        "pattern": row.pattern,
        "endings": row.endings,
        "kinds": [MEDIA_TYPES[ending] for ending in row.endings],
        "files": row.files,
        "see_other": row.see_other,
        "ladder": ladder(row),
        "choices": _list_choices(row),
    }


def _list_choices(row: Row) -> list[dict[str, Any]]:
    """Return, for each ending, its file where it is not the document's own, and the media ranges that get it.

    The ranges stand there as they are and as one regular expression.
    """
    accepted = _list_accepted(row)
    choices = []
    for number, ending in enumerate(row.endings):
        ranges = [word for word, other in accepted.items() if other == ending]
        pattern = "|".join(word.replace("+", r"\+").replace("*", r"\*") for word in ranges)
        file = row.files[number] if row.files else ""
        choices.append({"ending": ending, "file": file, "ranges": ranges, "pattern": pattern})
    return choices


def _describe_for_edge(row: Row) -> dict[str, Any]:
    """Return what the edge function knows of a row, which chooses by itself."""
    return {"pattern": row.pattern, "endings": row.endings, "files": row.files, "seeOther": row.see_other}


def _match_closed(feed: Feed) -> str:
    """Return a regular expression of the closed pages' numbers; without any, one that no number is."""
    return "|".join(map(str, feed.closed)) or "none"
