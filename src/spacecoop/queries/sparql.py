"""The text of a query in; what it is, what it may not do, and the same text with terms bound in it, out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from pyoxigraph import Literal, NamedNode, Variable

from spacecoop import reach
from spacecoop.findings import excerpt
from spacecoop.quads import Term
from spacecoop.reach import Outward, QueryError, mask, mask_braces, outward, terms

__all__ = ["Outward", "QueryError", "mask", "outward", "terms"]


_FORM = re.compile(r"(?<![?$:\w.-])(SELECT|ASK|CONSTRUCT|DESCRIBE)(?![:\w.-])", re.IGNORECASE)
_UPDATE = re.compile(
    r"(?<![?$:\w.-])(INSERT|DELETE|LOAD|CLEAR|DROP|CREATE|ADD|MOVE|COPY|WITH)(?![:\w.-])", re.IGNORECASE
)
_ALL = re.compile(r"(?<![?$:\w.-])SELECT\s*(?:(?:DISTINCT|REDUCED)\s*)?(\*)", re.IGNORECASE)
_VARIABLE = re.compile(r"[?$](\w+)")
_ORDER = re.compile(r"(?<![?$:\w.-])ORDER\s+BY(?![:\w.-])", re.IGNORECASE)
_PREFIX = re.compile(r"(?<![?$:\w.-])PREFIX\s+([\w.-]*):", re.IGNORECASE)
_FUNCTION = re.compile(r"The custom (?:aggregate )?function <([^<>]*)> is not supported")
_PLACE = re.compile(r"error at (\d+):(\d+):")


def form(text: str) -> str:
    """Return SELECT, ASK, CONSTRUCT or DESCRIBE; UPDATE for what changes data; nothing for what is neither.

    >>> form("PREFIX select: <http://e/> ASK { ?select a select:ask }"), form("DELETE WHERE { ?s ?p ?o }")
    ('ASK', 'UPDATE')
    """
    outside = mask_braces(mask(text))
    found, update = _FORM.search(outside), _UPDATE.search(outside)
    if update and not (found and found.start() < update.start()):
        return "UPDATE"
    return found.group(1).upper() if found else ""


def is_ordered(text: str) -> bool:
    """Tell whether a query orders its rows itself.

    >>> is_ordered("SELECT * { ?s ?p ?o } ORDER BY ?s"), is_ordered("SELECT * { { SELECT * {} ORDER BY ?s } }")
    (True, False)
    """
    return _ORDER.search(mask_braces(mask(text))) is not None


def spell_out(text: str, names: Iterable[str]) -> str:
    """Return a query with the variables that its ``SELECT *`` gives, in the order in which they occur; others as is.

    The specification leaves that order open (section 16.1), and some engines sort.

    >>> spell_out("SELECT * { ?s ?p ?o }", ["o", "p", "s"])
    'SELECT ?s ?p ?o { ?s ?p ?o }'
    """
    plain = mask(text)
    found = _ALL.search(mask_braces(plain))
    there = set(names)
    ordered = [name for name in dict.fromkeys(_VARIABLE.findall(plain)) if name in there]
    if found is None or not ordered or len(ordered) < len(there):
        return text
    listed = " ".join(f"?{name}" for name in ordered)
    return f"{text[: found.start(1)].rstrip()} {listed} {text[found.end(1) :].lstrip(' ')}"


def selects_all(text: str) -> bool:
    """Tell whether a query is a ``SELECT *``."""
    return _ALL.search(mask_braces(mask(text))) is not None


def bound(text: str, values: Mapping[str, Sequence[Term]]) -> str:
    """Return the query with terms in the ``VALUES ?name { … }`` of each name; none at all is UNDEF.

    Terms are written by their own syntax, so that none can end its block; a name without a block raises QueryError.
    """
    for name, wanted in sorted(values.items()):
        block = re.compile(rf"(?<![?$:\w.-])VALUES\s+[?$]{re.escape(name)}\s*\{{([^{{}}]*)\}}", re.IGNORECASE)
        places = [found.span(1) for found in block.finditer(mask(text))]
        if not places:
            raise QueryError(f"no place for ?{name}: write VALUES ?{name} {{ UNDEF }} where it is to be bound")
        inserted = f" {' '.join(map(write_term, wanted)) or 'UNDEF'} "
        for start, end in reversed(places):
            text = text[:start] + inserted + text[end:]
    return text


def write_term(term: Term) -> str:
    r"""Return a term in the syntax of SPARQL 1.1 (section 4.1).

    Codepoint escapes are read before everything else (section 19.2), by some engines even behind a backslash; so
    no ``\u`` may come out, not even where the value has one.

    >>> write_term(Literal('say "\\u0022"\n', language="en"))
    '"say \\"\\\\\\U000000750022\\"\\n"@en'
    """
    if isinstance(term, NamedNode):
        if re.search(r"[\x00-\x20<>\"{}|^`\\]", term.value):
            raise QueryError(f"{term.value!r} is not an IRI")
        return f"<{term.value}>"
    if not isinstance(term, Literal):
        raise QueryError(f"{term} cannot be a value: only an IRI or a literal can")
    escaped = term.value.translate({92: r"\\", 34: r"\"", 10: r"\n", 13: r"\r", 9: r"\t"})
    escaped = re.sub(r"(?<=\\)u", r"\\U00000075", re.sub(r"(?<=\\)U", r"\\U00000055", escaped))
    if term.language:
        return f'"{escaped}"@{term.language}'
    if term.datatype.value == "http://www.w3.org/2001/XMLSchema#string":
        return f'"{escaped}"'  # engines that know RDF 1.0 only take a written xsd:string for another term
    return f'"{escaped}"^^{write_term(term.datatype)}'


def redirect(text: str, services: Sequence[str], replacements: Mapping[str, str]) -> str:
    """Return the query with what *replacements* says written for each ``SERVICE <iri>``; *services* as found."""
    places = reach.services(text)
    if len(places) != len(services):
        raise QueryError("SERVICE occurs where it cannot be told what it is; write each with its IRI in full")
    for place, service in sorted(zip(places, services, strict=True), key=lambda pair: -pair[0].start):
        if place.name != f"<{service}>":
            raise QueryError(f"write SERVICE <{service}> with its IRI in full")
        instead = replacements[service]
        if place.silent and instead.startswith("SERVICE "):
            instead = instead.replace("SERVICE ", "SERVICE SILENT ", 1)
        text = f"{text[: place.start]} {instead} {text[place.end :].lstrip(' ')}"
    return text


def find_undeclared(text: str, prefixes: Mapping[str, str]) -> dict[str, str]:
    """Return the known prefixes that a query uses and does not declare."""
    plain = mask(text)
    there = set(_PREFIX.findall(plain))
    used = set(re.findall(r"(?<![?$:\w.-])([A-Za-z][\w.-]*):", plain))
    return {prefix: iri for prefix, iri in prefixes.items() if prefix in used - there}


def find_declared(text: str) -> dict[str, str]:
    """Return the prefixes that a query declares."""
    found = re.findall(
        r"(?<![?$:\w.-])PREFIX\s+([\w.-]*):\s*<([^<>]*)>",
        mask(text, frozenset({"comment", "string", "open"})),
        re.IGNORECASE,
    )
    return dict(found)


def explain(error: SyntaxError, text: str, known: Mapping[str, str]) -> str:
    """Return the place of a syntax error with a caret under it, and for a missing prefix the line to add."""
    found = _PLACE.search(str(error))
    if found is None:
        return str(error)
    if not mask(text).strip():
        return "there is no query in it"
    row, column = int(found.group(1)), int(found.group(2))
    lines = text.split("\n")
    line = lines[min(row, len(lines)) - 1]
    missing = _locate_undeclared(text, known)
    if missing is not None:
        prefix, row, column = missing
        line = lines[row - 1]
        iri = _usual_prefixes().get(prefix)
        advice = f"add this line: PREFIX {prefix}: <{iri}>" if iri else f"add a line PREFIX {prefix}: <…>"
        what = f"the prefix {prefix}: is not declared; {advice}"
    else:
        what = "this is not SPARQL, here or shortly before"
    shown, at = excerpt(line, column)
    pointer = "".join("\t" if character == "\t" else " " for character in shown[: at - 1])
    return f"line {row}, column {column}: {what}\n  {shown}\n  {pointer}^"


def unknown_function(error: Exception) -> str:
    """Return the IRI of the function for want of which an engine raised an error; nothing where that is not its reason.

    >>> unknown_function(RuntimeError("The custom function <http://e/f> is not supported"))
    'http://e/f'
    """
    found = _FUNCTION.fullmatch(str(error))
    return found.group(1) if found else ""


def _locate_undeclared(text: str, known: Mapping[str, str]) -> tuple[str, int, int] | None:
    """Return the first prefix that is neither declared nor known, with its line and column."""
    plain = mask(text)
    there = {*_PREFIX.findall(plain), *known}
    for found in re.finditer(r"(?<![?$:\w.@-])([A-Za-z][\w.-]*|):(?=[\w%\\])", plain):
        if found.group(1) not in there:
            before = plain[: found.start()]
            return found.group(1), before.count("\n") + 1, found.start() - before.rfind("\n")
    return None


def _usual_prefixes() -> dict[str, str]:
    from rdflib import Graph

    return {prefix: str(iri) for prefix, iri in Graph(bind_namespaces="rdflib").namespaces()}


def variable(name: str) -> Variable:
    """Return a variable; raises QueryError where *name* cannot be one."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise QueryError(f"{name!r} cannot be the name of a variable")
    return Variable(name)
