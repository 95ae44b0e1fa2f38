r"""The text of a SPARQL query in; what it reaches for outside of its dataset, and its plain words, out.

Engines need no space around a keyword (``SERVICESILENT<http://e/>``, ``1SERVICE?e``) and read ``<`` by what stands
before it. So no word is looked for: the text is split into tokens, and where two readings are possible and SERVICE
occurs in one, the query is refused.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

_LOCAL = r"(?:[\w:%]|\\.)(?:[\w:%\u00B7-]|\\.|\.+(?=[\w:%\\-]))*+"
_TOKEN = re.compile(
    r'(?P<iri><[^\x00-\x20<>"{}|^`]*>)'
    r"|(?P<comment>\#[^\n\r]*)"
    r'|(?P<string>"""(?:"{0,2}(?:[^"\\]|\\.))*+"""|' + r"'''(?:'{0,2}(?:[^'\\]|\\.))*+'''|"
    r'(?!""")"(?:[^"\\\n\r]|\\.)*+"|' + r"(?!''')'(?:[^'\\\n\r]|\\.)*+')"
    r'|(?P<open>""".*|' + r"'''.*|" + r"""["'][^\n\r]*)"""
    r"|(?P<variable>[?$]\w+)"
    r"|(?P<language>@[A-Za-z]+(?:-[A-Za-z0-9]+)*)"
    rf"|(?<=:)(?P<local>{_LOCAL})"
    r"|(?P<escape>\\.)",
    re.DOTALL,
)
_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_WORD = re.compile(r"SERVICE", re.IGNORECASE)
_ABSOLUTE = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]*://")
_DECLARING = re.compile(r"(?:^|[\s>])(?:PREFIX\s+[\w.-]*:|BASE)\s*$", re.IGNORECASE)
_NAME = rf"(<[^<>]*>|[?$]\w+|[\w.-]*:(?:{_LOCAL})?)"
_SERVICE = re.compile(rf"SERVICE(\s*SILENT)?\s*{_NAME}(?=\s*\{{)", re.IGNORECASE)
_FROM = re.compile(rf"(?<![?$:\w.-])FROM\s*(?:NAMED(?![\w.-]*:))?\s*{_NAME}", re.IGNORECASE)
_PREFIX_PART = re.compile(r"SERVICE[\w.-]*:", re.IGNORECASE)
_PROLOGUE = re.compile(r"(?<!\w)(?:BASE\s*<([^<>]*)>|PREFIX\s*([\w.-]*):\s*<([^<>]*)>)", re.IGNORECASE)
_TERM = re.compile(rf"(?<![?$:\w.@-])(?<!\^\^)(<[^\x00-\x20<>\"{{}}|^`]*>|[\w.-]*:(?:{_LOCAL}))(?!\s*\()")
_ABSOLUTE_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]+\Z")
_HIDDEN = frozenset({"iri", "comment", "string", "open", "variable", "language", "local", "escape"})
_NOT_TOLD = "SERVICE occurs where it cannot be told what it does"


class QueryError(ValueError):
    """A query cannot be read, or may not be asked; the message says what would help."""

    line: int = 1
    """The line of the query\'s file that is the matter."""


@dataclass(frozen=True)
class Outward:
    """What a query reaches for outside of its dataset: endpoints of SERVICE, graphs of FROM."""

    services: tuple[str, ...] = ()
    graphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Service:
    """A SERVICE of a query: where it stands, whether it is silent, and its name as it is written."""

    start: int
    end: int
    silent: bool
    name: str


def mask(text: str, kinds: frozenset[str] = frozenset({"iri", "comment", "string", "open"})) -> str:
    """Return the text with some kinds of its tokens blanked out, everything else at its place.

    >>> mask("ASK { ?s <http://e/#> '}' }")
    'ASK { ?s                  }'
    """

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n\r]", " ", found.group()) if found.lastgroup in kinds else found.group()

    return _TOKEN.sub(blank, text)


def mask_braces(plain: str) -> str:
    """Return a masked text with what is within braces blanked out too."""
    parts, depth = [], 0
    for part in re.split(r"([{}])", plain):
        depth += (part == "{") - (part == "}")
        parts.append(part if depth <= 0 else " " * len(part))
    return "".join(parts)


def services(text: str) -> list[Service]:
    """Return each SERVICE of a query; raise QueryError where it cannot be told whether there is one.

    >>> [one.name for one in services("SELECT * { ?s ?p 1SERVICESILENT<http://e/>{ ?a ?b ?c } }")]
    ['<http://e/>']
    """
    if not _WORD.search(text):
        return []
    _refuse_what_reads_in_two_ways(text)
    code, visible = mask(text, _HIDDEN), mask(text, frozenset({"comment", "string"}))
    there = []
    for word in _WORD.finditer(code):
        found = _SERVICE.match(visible, word.start())
        if found is not None:
            there.append(Service(found.start(), found.end(), bool(found.group(1)), found.group(2)))
        elif not _PREFIX_PART.match(code, word.start()):
            line = text.count("\n", 0, word.start()) + 1
            raise QueryError(f"line {line}: {_NOT_TOLD}; write SERVICE <…> {{ … }} with its IRI in full")
    return there


def _refuse_what_reads_in_two_ways(text: str) -> None:
    """Refuse what one reading of the grammar takes for an IRI or a string, and another does not."""
    for token in _TOKEN.finditer(text):
        words = token.group()
        if token.lastgroup == "open":
            line = text.count("\n", 0, token.start()) + 1
            raise QueryError(f"line {line}: {_NOT_TOLD}: a string begins in this line and does not end")
        if token.lastgroup != "iri" or _ABSOLUTE.match(words) or not (set("#'") & set(words) or _WORD.search(words)):
            continue
        if not _DECLARING.search(text[max(0, token.start() - 200) : token.start()]):
            line = text.count("\n", 0, token.start()) + 1
            raise QueryError(f"line {line}: {_NOT_TOLD}: {words} may be an IRI or a comparison; write a space after <")


def outward(text: str, prefixes: Mapping[str, str]) -> Outward:
    """Return what a query reaches for, by its tokens; raise QueryError where that cannot be told.

    >>> outward("SELECT * FROMNAMED<http://g/>{ ?service ?from 'SERVICE' }", {})
    Outward(services=(), graphs=('http://g/',))
    """
    found = _outward(text, prefixes)
    plain = _CODE_POINT.sub(lambda escape: chr(min(int(escape.group(1) or escape.group(2), 16), 0x10FFFF)), text)
    if plain != text and _outward(plain, prefixes) != found:  # some engines read escapes before all else
        raise QueryError(f"{_NOT_TOLD}, or FROM: write them, and the strings beside them, without \\u")
    return found


def _outward(text: str, prefixes: Mapping[str, str]) -> Outward:
    named = services(text)
    code, visible = mask_braces(mask(text, _HIDDEN)), mask(text, frozenset({"comment", "string", "open"}))
    base, known = _prologue(visible, prefixes)
    graphs = []
    for word in re.finditer(r"FROM", code, re.IGNORECASE):
        found = _FROM.match(visible, word.start())
        glued = re.match(r"[\w.-]+(?=:)", visible[word.start() : word.start() + 200])
        if found is not None and not (glued and glued.group() in known):
            graphs.append(found.group(1))

    def resolve(name: str) -> str:
        return _resolve(name, base, known)

    return Outward(tuple(resolve(one.name) for one in named), tuple(map(resolve, graphs)))


def _prologue(visible: str, prefixes: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the base of a query, and its prefixes with those that are known."""
    base, known = "", dict(prefixes)
    for declared in _PROLOGUE.finditer(visible):
        if declared.group(1) is not None:
            base = _join(base, declared.group(1))
        else:
            known[declared.group(2)] = _join(base, declared.group(3))
    return base, known


def _resolve(name: str, base: str, known: Mapping[str, str]) -> str:
    """Return the IRI of a name as it is written; a variable as ``?name``, and what has no prefix as it is."""
    if name.startswith("<"):
        return _join(base, name[1:-1])
    prefix, colon, local = name.partition(":")
    if not colon:
        return f"?{name[1:]}"
    return known[prefix] + re.sub(r"\\(.)", r"\1", local) if prefix in known else name


def terms(text: str, prefixes: Mapping[str, str]) -> list[str]:
    """Return the IRIs that a query looks for in its dataset, in the order in which they occur.

    Not those that it declares, calls, gives a literal as its type, asks a SERVICE for, or makes triples with.

    >>> terms("SELECT * { ?s e:p/(e:q|^e:r) xsd:date('x'), '1'^^e:int }", {"e": "http://e/", "xsd": "http://x/"})
    ['http://e/p', 'http://e/q', 'http://e/r']
    """
    visible = mask(text, frozenset({"comment", "string", "open"}))
    base, known = _prologue(visible, prefixes)
    plain = _cut_blocks(_PROLOGUE.sub(_blank, visible), mask(text, _HIDDEN))
    found = [_resolve(one.group(1), base, known) for one in _TERM.finditer(plain)]
    return list(dict.fromkeys(iri for iri in found if _ABSOLUTE_IRI.match(iri)))


def _blank(found: re.Match[str]) -> str:
    return " " * len(found.group())


def _cut_blocks(visible: str, code: str) -> str:
    """Return the text without FROM, the blocks of its SERVICEs and the template of its CONSTRUCT."""
    spans = [found.span() for found in _FROM.finditer(visible)]
    for word in re.finditer(r"(?<![?$:\w.-])(?:SERVICE|CONSTRUCT)(?![:\w.-])[^{}]*\{", code, re.IGNORECASE):
        if word.group().upper().startswith("CONSTRUCT") and re.search(r"WHERE\s*\{$", word.group(), re.IGNORECASE):
            continue  # the short form: its template is its pattern
        depth, end = 1, word.end()
        while depth and end < len(code):
            depth += (code[end] == "{") - (code[end] == "}")
            end += 1
        spans.append((word.start(), end))
    for start, end in spans:
        visible = visible[:start] + " " * (end - start) + visible[end:]
    return visible


def _join(base: str, iri: str) -> str:
    """Return an IRI, completed by the base where it is relative."""
    if not base or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri):
        return iri
    try:
        joined = urljoin(base, iri)
    except ValueError:  # a host in brackets that is none
        return iri
    return f"{joined}#" if iri.endswith("#") and not joined.endswith("#") else joined


@functools.lru_cache(256)
def stay(text: str) -> str:
    """Return the text of a query that a workspace brings along; raise QueryError where it would reach the network."""
    found = services(text)
    if found:
        line = text.count("\n", 0, found[0].start) + 1
        raise QueryError(
            f"line {line}: SERVICE {found[0].name} would reach the network; a workspace's rule asks nobody"
        )
    outward(text, {})
    return text
