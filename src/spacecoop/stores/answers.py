"""What a store answered in; its rows, or the graphs and triples in them, out: from JSON, XML or a table."""

from __future__ import annotations

import re
from collections.abc import Collection

from pyoxigraph import QueryResultsFormat, QuerySolution, QuerySolutions, RdfFormat, parse, parse_query_results

_XSD = "http://www.w3.org/2001/XMLSchema#"
_NUMBERS = (
    (re.compile(r"[+-]?\d+", re.ASCII), "integer"),
    (re.compile(r"[+-]?\d*\.\d+", re.ASCII), "decimal"),
    (re.compile(r"true|false"), "boolean"),
    (re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)[eE][+-]?\d+", re.ASCII), "double"),
)
"""What may stand without its datatype in a table (SPARQL 1.1 Query Results CSV and TSV, section 4.1)."""
_TOGETHER = 1_000
"""How many rows of a table are looked at together."""
_ODD_BYTES = bytes(each for each in range(128) if (each < 32 and each not in b"\t\n") or each in b"\\\x7f")
_ODD = re.compile(r"[\\\x00-\x08\x0b-\x1f\x7f]")
_TRIMMED = re.compile(rb"<(?:literal|uri)[^>]*>\s|\s</(?:literal|uri)>")


def read_json(answer: bytes, bound: Collection[str]) -> list[QuerySolution]:
    """Return the rows of an answer in JSON, in each of which the variables *bound* have values; raises SyntaxError."""
    return _read_solutions(answer, QueryResultsFormat.JSON, bound)


def read_xml(answer: bytes, bound: Collection[str]) -> list[QuerySolution] | None:
    """Return the rows of an answer in XML as `read_json`; None where XML may not say what is there.

    A reader of XML takes a carriage return for a line feed (XML 1.0, section 2.11), other control characters cannot be
    written in it, and ours takes white space off both ends of a text: such an answer is to be asked for in JSON.
    """
    if b"\r" in answer or b"&#" in answer or b"<!" in answer or _TRIMMED.search(answer):
        return None
    return _read_solutions(answer, QueryResultsFormat.XML, bound)


def _read_solutions(answer: bytes, syntax: QueryResultsFormat, bound: Collection[str]) -> list[QuerySolution]:
    found = parse_query_results(answer, format=syntax)
    if not isinstance(found, QuerySolutions):
        raise SyntaxError("the store answered yes or no where rows are due")
    names = {variable.value for variable in found.variables}
    rows = list(found)
    lacking = [name for name in bound if name not in names or any(row[name] is None for row in rows)]
    if rows and lacking:
        raise SyntaxError(f"the store's rows have no value for ?{', ?'.join(lacking)}")
    return rows


def read_table(answer: bytes) -> dict[str, list[str]]:
    """Read a table of graphs and triples; one that is cut short raises SyntaxError."""
    lines = answer.split(b"\n")
    if lines[0].rstrip(b"\r") != b"?g\t?s\t?p\t?o" or lines.pop() != b"":
        raise SyntaxError("the table that the store answered is not whole")
    found: dict[str, list[str]] = {}
    for start in range(1, len(lines), _TOGETHER):
        some = lines[start : start + _TOGETHER]
        text = b"\n".join(some)
        if _is_plain(text, len(some)):
            parts = [line.partition(" ") for line in text.decode().replace("\t", " ").split("\n")]
            pairs = [(graph[1:-1], line) for graph, _, line in parts]
        else:
            pairs = [_row(line.decode().rstrip("\r")) for line in some]
        last, triples = "", []
        for graph, line in pairs:
            if graph != last:
                last, triples = graph, found.setdefault(graph, [])
            triples.append(line)
    return found


_COUNT = re.compile(r"<([^<>\\\s]*)>\t([0-9]{1,18})")


def read_counts(answer: bytes) -> list[tuple[str, int]] | None:
    r"""Return the graphs of a table of ?g and ?n with their numbers; None where there is something else in it.

    >>> read_counts(b"?g\t?n\n<https://a.example/g>\t7\n")
    [('https://a.example/g', 7)]
    """
    lines = answer.decode().split("\n")
    found = [_COUNT.fullmatch(line) for line in lines[1:-1]]
    if lines[0] != "?g\t?n" or lines[-1]:
        return None
    counts = [(row[1], int(row[2])) for row in found if row]
    return counts if len(counts) == len(found) else None


def _is_plain(text: bytes, rows: int) -> bool:
    """Tell whether these rows of four cells have IRIs and literals alone, no escapes, and no abbreviated numbers."""
    return (
        text.count(b"\t") == text.count(b"\t<") + text.count(b'\t"') == 3 * rows
        and text.startswith(b"<")
        and text.count(b"\n<") == rows - 1
        and len(text.translate(None, _ODD_BYTES)) == len(text)
    )


def _row(line: str) -> tuple[str, str]:
    r"""Return the graph and the triple's line of a row.

    >>> _row("<g>\t<s>\t<p>\t-1.5")
    ('g', '<s> <p> "-1.5"^^<http://www.w3.org/2001/XMLSchema#decimal>')
    """
    try:
        graph, subject, predicate, term = line.split("\t")
        if term[0] not in '<"_':
            kind = next(kind for pattern, kind in _NUMBERS if pattern.fullmatch(term))
            term = f'"{term}"^^<{_XSD}{kind}>'
    except (ValueError, IndexError, StopIteration):
        raise SyntaxError(f"the table that the store answered has a row of something else: {line[:100]}") from None
    triple = f"{subject} {predicate} {term}"
    if _ODD.search(triple):  # an escape, which others may write in another way than we do
        (parsed,) = parse(f"{triple} .", format=RdfFormat.N_TRIPLES)
        return graph[1:-1], f"{parsed.subject} {parsed.predicate} {parsed.object}"
    return graph[1:-1], triple
