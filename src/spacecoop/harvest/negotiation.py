"""The documents of a site in; the rules by which web servers choose a syntax for each reader out, from one table.

What is chosen is what RFC 9110 (section 12.5.1) says, to one decimal of quality: of the media types that the reader
accepts and the document has, the one with the highest quality, the first named where several have it; for ``*/*`` or
no word at all, the document's first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from spacecoop.syntaxes import SYNTAXES

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


def rules(rows: Sequence[Row], home: str | None, feed: Feed) -> dict[str, str]:
    """Return the files of rules, by name; those for w3id.org only where it is known to which *home* they lead."""
    made = {name: write(rows, feed) for name, write in _WRITERS.items()}
    return made | ({"hosting/w3id.htaccess": _w3id(rows, home)} if home else {})


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


def _list(row: Row) -> str:
    return ", ".join(MEDIA_TYPES[ending] for ending in row.endings)


def _file(row: Row, ending: str, path: str) -> str:
    """Return the file that a document has with an ending; *path* is how the server calls the document's path."""
    return (row.files[row.endings.index(ending)] if row.files else path) + ending


# ------------------------------------------------------------------------------------------------------- Apache


_HEAD = "# Made by `spacecoop build`: change spacecoop.toml or the program, not this file.\n"


def _apache_choice(row: Row) -> list[str]:
    """Return the lines that put the wanted media range into a variable; later lines, of higher quality, win."""
    lines = [
        f"# {row.name}: {_list(row)}",
        "RewriteCond %{HTTP:Accept} ^$",
        f"RewriteRule ^{row.pattern}$ - [E=SPACECOOP:*/*]",
    ]
    for rung in reversed(ladder(row)):
        lines += [f'RewriteCond %{{HTTP:Accept}} "{rung}" [NC]', f"RewriteRule ^{row.pattern}$ - [E=SPACECOOP:%1]"]
    return lines


def _group_by_ending(row: Row) -> list[tuple[str, str]]:
    """Return, for each ending, a regular expression of the media ranges that get it."""
    accepted = _list_accepted(row)
    words = {ending: [word for word, other in accepted.items() if other == ending] for ending in row.endings}
    return [
        (ending, "|".join(word.replace("+", r"\+").replace("*", r"\*") for word in words[ending]))
        for ending in row.endings
    ]


def _match_closed(feed: Feed) -> str:
    """Return a regular expression of the closed pages' numbers; without any, one that no number is."""
    return "|".join(map(str, feed.closed)) or "none"


_FEED = r"feed(?:\.trig|\.atom|/[0-9]+\.trig)"


def _apache(rows: Sequence[Row], feed: Feed) -> str:
    """Return ``.htaccess`` for the folder itself: needs mod_rewrite, mod_headers and mod_mime."""
    lines = [
        "Options -MultiViews -Indexes",
        "DirectoryIndex disabled",
        "DirectorySlash Off",
        *(f"AddType {kind} {ending}" for ending, kind in FILE_TYPES.items()),
        "RemoveEncoding .gz",
        *(f"AddCharset utf-8 {ending}" for ending, kind in FILE_TYPES.items() if kind in _TEXTS),
        '<Files "void">',
        "ForceType text/turtle;charset=utf-8",
        "</Files>",
        'Header always set Access-Control-Allow-Origin "*"',
        'Header always set Access-Control-Expose-Headers "Content-Location, Link, ETag, Vary"',
        'Header always merge Vary "Accept"',
        f'Header set Cache-Control "{FOR_A_WHILE}" "expr=%{{REQUEST_URI}} =~ m#/{_FEED}$#"',
        f'Header set Cache-Control "{FOR_GOOD}" "expr=%{{REQUEST_URI}} =~ m#/feed/(?:{_match_closed(feed)})\\.trig$#"',
        "Header set Content-Location %{REDIRECT_SPACECOOP_FILE}e env=REDIRECT_SPACECOOP_FILE",
        f'ErrorDocument 406 "{_refusal(rows)}"',
        "",
        "RewriteEngine On",
        "# where this folder is served from",
        r"RewriteCond %{REQUEST_URI}::$1 ^(.*?/)(.*)::\2$",
        "RewriteRule ^(.*)$ - [E=SPACECOOP_BASE:%1]",
        "",
    ]
    for row in rows:
        if not row.files:
            there = f"RewriteCond %{{REQUEST_FILENAME}}{row.endings[0]} !-f"
            lines += [there, f"RewriteRule ^{row.pattern}$ - [R=404,L]"]
        lines += _apache_choice(row)
        for ending, words in _group_by_ending(row):
            target = f"%{{ENV:SPACECOOP_BASE}}{_file(row, ending, '$1')}"
            how = "R=303,END" if row.see_other else f"END,E=SPACECOOP_FILE:{target}"
            lines += [
                f'RewriteCond %{{ENV:SPACECOOP}} "^(?:{words})$" [NC]',
                f"RewriteRule ^{row.pattern}$ {target} [{how}]",
            ]
        lines += [f"RewriteRule ^{row.pattern}$ - [R=406,L]", ""]
    return _HEAD + "\n".join(lines)


def _w3id(rows: Sequence[Row], home: str) -> str:
    """Return ``.htaccess`` for w3id.org, which chooses the file and sends the reader to where it lies."""
    lines = [
        f'ErrorDocument 406 "{_refusal(rows)}"',
        "Options -MultiViews",
        "RewriteEngine On",
        'Header always set Access-Control-Allow-Origin "*"',
        'Header always merge Vary "Accept"',
        "",
    ]
    for row in rows:
        lines += _apache_choice(row)
        for ending, words in _group_by_ending(row):
            lines += [
                f'RewriteCond %{{ENV:SPACECOOP}} "^(?:{words})$" [NC]',
                f"RewriteRule ^{row.pattern}$ {home}{_file(row, ending, '$1')} [R=303,L]",
            ]
        lines += [f"RewriteRule ^{row.pattern}$ - [R=406,L]", ""]
    lines += ["# files are asked for by their own names", f"RewriteRule ^(.+)$ {home}$1 [R=302,L]", ""]
    return _HEAD + "\n".join(lines)


def _refusal(rows: Sequence[Row]) -> str:
    """Return what a reader is told who accepts nothing that there is."""
    return " ".join(["Not Acceptable. There is:", *(f"{row.name}: {_list(row)}." for row in rows)])


# -------------------------------------------------------------------------------------------------------- nginx


def _nginx(rows: Sequence[Row], feed: Feed) -> str:
    """Return a server's configuration, in two parts: maps for ``http``, the rest for ``server``."""
    maps: list[str] = []
    places: list[str] = []
    for row in rows:
        maps += [f"map $http_accept $spacecoop_{row.name}_range {{", '    "" "*/*";']
        for rung in ladder(row):
            maps.append(f'    "~*{rung}" $1;')
        maps += ["}", f"map $spacecoop_{row.name}_range $spacecoop_{row.name} {{", '    default "";']
        maps += [f'    "{word}" "{_file(row, ending, "")}";' for word, ending in _list_accepted(row).items()]
        maps += ["}"]
        file = f"/{'' if row.files else '$spacecoop_path'}$spacecoop_{row.name}"
        go = [f"return 303 {file};"]
        if not row.see_other:
            go = [f"set $spacecoop_file {file};", "rewrite ^ $spacecoop_file last;"]
        places += [
            f'location ~ "^/(?<spacecoop_path>{row.pattern[1:-1]})$" {{',
            "    default_type text/plain;",
            *([] if row.files else _nginx_missing(row)),
            f'    if ($spacecoop_{row.name} = "") {{',
            f'        return 406 "Not Acceptable. There is: {_list(row)}\\n";',
            "    }",
            *(f"    {line}" for line in go),
            "}",
        ]
    maps += [
        "map $uri $spacecoop_cache {",
        '    default "";',
        f'    "~^/feed/(?:{_match_closed(feed)})\\.trig$" "{FOR_GOOD}";',
        f'    "~^/{_FEED}$" "{FOR_A_WHILE}";',
        "}",
    ]
    types = ["types {", *(f"    {kind} {' '.join(_endings(kind))};" for kind in sorted(set(FILE_TYPES.values()))), "}"]
    server = [
        *types,
        "default_type application/octet-stream;",
        "charset utf-8;",
        f"charset_types {' '.join(kind for kind in _TEXTS if kind != 'text/html')};",
        "absolute_redirect off;",
        'set $spacecoop_file "";',
        'add_header Access-Control-Allow-Origin "*" always;',
        'add_header Access-Control-Expose-Headers "Content-Location, Link, ETag, Vary" always;',
        'add_header Vary "Accept" always;',
        "add_header Content-Location $spacecoop_file;",
        "add_header Cache-Control $spacecoop_cache;",
        "location = /.well-known/void {",
        "    types { }",
        "    default_type text/turtle;",
        "}",
        *places,
    ]
    parts = ["# In http { }:", *maps, "", "# In server { }, beside listen and root: cut here.", *server, ""]
    return _HEAD + "\n".join(parts)


def _nginx_missing(row: Row) -> list[str]:
    return [f"    if (!-f $document_root/$spacecoop_path{row.endings[0]}) {{", "        return 404;", "    }"]


def _endings(kind: str) -> list[str]:
    return [ending.removeprefix(".") for ending, other in FILE_TYPES.items() if other == kind]


# ------------------------------------------------------------------------------------------- Caddy and Netlify


def _caddy(rows: Sequence[Row], feed: Feed) -> str:
    """Return a part of a Caddyfile, for a site block beside ``root``: one route, so that the order is as written."""
    lines = [
        'header Access-Control-Allow-Origin "*"',
        'header Access-Control-Expose-Headers "Content-Location, Link, ETag, Vary"',
        "header +Vary Accept",
    ]
    for row in rows:
        name = row.name
        lines += [f"map {{header.Accept}} {{{name}_range}} {{", '    "" "*/*"']
        lines += [f'    "~(?i){rung}" "${{1}}"' for rung in ladder(row)]
        lines += ['    default "none"', "}", f"map {{{name}_range}} {{{name}_ending}} {{"]
        lines += [f'    "~(?i)^(?:{words})$" "{_file(row, ending, "")}"' for ending, words in _group_by_ending(row)]
        lines += ['    default ""', "}"]
        file = f"/{'' if row.files else f'{{re.{name}.1}}'}{{{name}_ending}}"
        if not row.files:
            lines += [
                f"@{name}_missing {{",
                f"    path_regexp ^/{row.pattern}$",
                f"    not file {{path}}{row.endings[0]}",
                "}",
                f'respond @{name}_missing "Not Found" 404',
            ]
        lines += [
            f"@{name}_none {{",
            f"    path_regexp {name} ^/{row.pattern}$",
            f'    vars {{{name}_ending}} ""',
            "}",
            f'respond @{name}_none "Not Acceptable. There is: {_list(row)}" 406',
            f"@{name} path_regexp {name} ^/{row.pattern}$",
            *(
                [f"redir @{name} {file} 303"]
                if row.see_other
                else [f"header @{name} Content-Location {file}", f"rewrite @{name} {file}"]
            ),
        ]
    lines += [f"@kept_a_while path_regexp ^/{_FEED}$", f'header @kept_a_while Cache-Control "{FOR_A_WHILE}"']
    lines += [
        f"@kept_for_good path_regexp ^/feed/(?:{_match_closed(feed)})\\.trig$",
        f'header @kept_for_good Cache-Control "{FOR_GOOD}"',
    ]
    for number, (ending, kind) in enumerate(FILE_TYPES.items()):
        charset = "; charset=utf-8" if kind in _TEXTS else ""
        lines += [f"@type{number} path *{ending}", f'header @type{number} Content-Type "{kind}{charset}"']
    lines += ['header /.well-known/void Content-Type "text/turtle; charset=utf-8"', "file_server"]
    return _HEAD + "\n".join(["route {", *(f"    {line}" for line in lines), "}", ""])


_NETLIFY = """// Made by `spacecoop build`: put it into netlify/edge-functions/ beside the site.
const rows = %s;
const mediaTypes = %s;

function quality(accept, kind) {
  // the most specific range decides (RFC 9110, section 12.5.1)
  let best = { rank: -1, q: 0, at: 0 };
  accept.split(",").forEach((part, at) => {
    const [range, ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    const rank = [`*/*`, `${kind.split("/")[0]}/*`, kind].indexOf(range);
    const q = parameters.filter((text) => text.startsWith("q=")).map((text) => Number(text.slice(2)))[0] ?? 1;
    if (rank > best.rank) best = { rank, q: Number.isNaN(q) ? 0 : q, at };
  });
  return best;
}

export function choose(path, accept) {
  const row = rows.find((row) => new RegExp(`^/${row.pattern}$`).test(path));
  if (!row) return null;
  const found = row.endings.map((ending) => ({ ending, ...quality(accept || "*/*", mediaTypes[ending]) }));
  found.sort((one, other) => other.q - one.q || one.at - other.at);
  const list = row.endings.map((ending) => mediaTypes[ending]).join(", ");
  const first = row.files.length ? null : `${path}${row.endings[0]}`;
  if (found[0].q <= 0) return { status: 406, list, first };
  const file = row.files[row.endings.indexOf(found[0].ending)] ?? path.slice(1);
  return { status: row.seeOther ? 303 : 200, file: `/${file}${found[0].ending}`, first };
}

export default async (request, context) => {
  const chosen = choose(new URL(request.url).pathname, request.headers.get("accept"));
  if (!chosen) return;
  const headers = { Vary: "Accept", "Access-Control-Allow-Origin": "*" };
  if (chosen.status !== 200 && chosen.first) {
    const there = await context.next(new Request(new URL(chosen.first, request.url), { method: "HEAD" }));
    if (there.status === 404) return new Response("Not Found\\n", { status: 404, headers });
  }
  if (chosen.status === 406) {
    const text = `Not Acceptable. There is: ${chosen.list}\\n`;
    return new Response(text, { status: 406, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" } });
  }
  if (chosen.status === 303) return new Response(null, { status: 303, headers: { ...headers, Location: chosen.file } });
  const answer = await context.next(new Request(new URL(chosen.file, request.url), request));
  answer.headers.set("Content-Location", chosen.file);
  Object.entries(headers).forEach(([name, value]) => answer.headers.set(name, value));
  return answer;
};

export const config = { path: "/*" };
"""


def _netlify(rows: Sequence[Row], feed: Feed) -> str:  # noqa: ARG001  (all writers take both)
    """Return an edge function, since Netlify's own rules cannot choose by what a reader accepts."""
    data = [
        {"pattern": row.pattern, "endings": row.endings, "files": row.files, "seeOther": row.see_other} for row in rows
    ]
    return _NETLIFY % (json.dumps(data, indent=1), json.dumps(MEDIA_TYPES, indent=1))


def _headers(rows: Sequence[Row], feed: Feed) -> str:  # noqa: ARG001  (all writers take both)
    """Return ``_headers``, which Netlify and Cloudflare Pages read in the folder itself."""
    lines = [
        "/*",
        "  Access-Control-Allow-Origin: *",
        "  Access-Control-Expose-Headers: Content-Location, Link, ETag, Vary",
    ]
    for ending, kind in FILE_TYPES.items():
        charset = "; charset=utf-8" if kind in _TEXTS else ""
        lines += [f"/*{ending}", f"  Content-Type: {kind}{charset}"]
    pages = {
        **dict.fromkeys(("/feed.trig", "/feed.atom", *(f"/feed/{page}.trig" for page in feed.open)), FOR_A_WHILE),
        **dict.fromkeys((f"/feed/{page}.trig" for page in feed.closed), FOR_GOOD),
    }
    for page, kept in pages.items():
        lines += [page, f"  Cache-Control: {kept}"]
    return "\n".join([*lines, "/.well-known/void", "  Content-Type: text/turtle; charset=utf-8", ""])


_WRITERS: Mapping[str, Callable[[Sequence[Row], Feed], str]] = {
    ".htaccess": _apache,
    "_headers": _headers,
    "hosting/Caddyfile": _caddy,
    "hosting/negotiate.js": _netlify,
    "hosting/nginx.conf": _nginx,
}
