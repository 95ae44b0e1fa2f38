"""The answer to a query in, sorted and in the syntax that is wanted out."""

from __future__ import annotations

import html
import itertools
import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

from pyoxigraph import (
    BlankNode,
    CanonicalizationAlgorithm,
    Dataset,
    Literal,
    NamedNode,
    Quad,
    QueryBoolean,
    QueryResultsFormat,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Triple,
    parse,
    parse_query_results,
    serialize,
)

from spacecoop.iris import TYPE, shorten
from spacecoop.quads import Term
from spacecoop.queries.spool import Reader, Spool

Row = Sequence[Term | None]

SHOWN = 10_000
"""Rows that a table shows: it must hold them all to know how wide its columns are."""
WORD = 12
"""Cells of the terminal up to which a word is kept whole in its column."""
STRING = "http://www.w3.org/2001/XMLSchema#string"


class FormatError(Exception):
    """An answer of this kind has no such format; the message says which it has."""


@dataclass(frozen=True)
class View:
    """How rows are shown to people."""

    prefixes: Mapping[str, str]
    labels: Callable[[Iterable[str]], Mapping[str, str]] | None = None
    """What gives labels to IRIs; None where none are wanted."""
    width: int = 0
    """Columns of the terminal; 0 where there is none."""
    instead: bool = False
    """Whether a label stands in place of its IRI, and not beside it."""


@dataclass(frozen=True)
class Result:
    """A whole answer, spooled: its kind, its variables, and one line a row (as SPARQL TSV) or triple (N-Triples)."""

    kind: str
    """rows, graph or boolean"""
    variables: tuple[str, ...]
    lines: Spool
    boolean: bool = False
    first: int = 0
    """How many lines are left out before those shown."""
    limit: int | None = None

    @property
    def shown(self) -> int:
        """The number of rows or triples that are shown."""
        there = max(0, self.lines.count - self.first)
        return there if self.limit is None else min(there, self.limit)

    def text(self) -> Iterator[bytes]:
        """Yield the lines that are shown, with the head that rows have, in large parts."""
        if self.kind == "rows":
            yield "\t".join(f"?{name}" for name in self.variables).encode() + b"\n"
        yield from self.lines.lines(self.first, self.limit)

    def solutions(self) -> QuerySolutions:
        """Return the rows that are shown, as the engine's own."""
        return parse_query_results(Reader(self.text()), format=QueryResultsFormat.TSV)  # type: ignore[arg-type,return-value]

    def rows(self) -> Iterator[Row]:
        """Yield the rows that are shown."""
        for solution in self.solutions():
            yield [solution[name] for name in self.variables]

    def page(self, limit: int | None, page: int) -> Result:
        """Return the same answer with only one page of it shown."""
        return replace(self, limit=limit, first=0 if limit is None else limit * (page - 1))


def spool_rows(answer: object, spool: Spool) -> Result:
    """Evaluate an answer to its end into the *spool*; rows that no query orders come out sorted."""
    if isinstance(answer, QueryBoolean):
        return Result("boolean", (), spool.close(), boolean=bool(answer))
    if isinstance(answer, QuerySolutions):
        names = tuple(variable.value for variable in answer.variables)
        spool.leave_out(1)  # the head
        answer.serialize(spool, format=QueryResultsFormat.TSV)  # type: ignore[arg-type]
        return Result("rows", names, spool.close())
    triples = answer if isinstance(answer, QueryTriples) else dict.fromkeys(answer)  # type: ignore[call-overload]
    for line in _ntriples(triples):
        spool.write(line)
    return Result("graph", (), spool.close())


def prepare(form: str, format_: str) -> None:
    """Load what writing will need, before doors close; raise FormatError where a query has no such format."""
    kind = {"SELECT": "rows", "ASK": "boolean", "CONSTRUCT": "graph", "DESCRIBE": "graph"}.get(form)
    if kind is not None and format_ not in FORMATS[kind]:
        raise FormatError(f"what {form} gives cannot be written as {format_}; it can as {', '.join(FORMATS[kind])}")
    if format_ == "table" and kind == "rows":
        _records("x", [["\u4e2d"]], 20)
        _grid("x", [["\u4e2d"]], [2])


def _ntriples(triples: Iterable[Triple]) -> Iterator[bytes]:
    """Yield triples as lines; blank nodes, which the engine names at random, are named by what they are."""
    loose: list[Triple] = []
    for triple in triples:
        if isinstance(triple.subject, BlankNode) or isinstance(triple.object, BlankNode):
            loose.append(triple)
        else:
            yield f"{triple} .\n".encode()
    if loose:
        dataset = Dataset(Quad(one.subject, one.predicate, one.object) for one in loose)
        if len(loose) < 5_000:
            dataset.canonicalize(CanonicalizationAlgorithm.RDFC_1_0)
        yield from (f"{quad.triple} .\n".encode() for quad in dataset)


def write(result: Result, format_: str, stream: IO[bytes], view: View) -> None:
    """Write the result; *format_* is one of those that its kind has."""
    FORMATS[result.kind][format_](result, stream, view)


def _w3c(syntax: QueryResultsFormat) -> Callable[[Result, IO[bytes], View], None]:
    def written(result: Result, stream: IO[bytes], _: View) -> None:
        if result.kind == "boolean":
            word = b'{"head":{},"boolean":true}' if result.boolean else b'{"head":{},"boolean":false}'
            parse_query_results(word, format=QueryResultsFormat.JSON).serialize(stream, format=syntax)
        elif syntax == QueryResultsFormat.TSV:  # which it is already
            stream.writelines(result.text())
        else:
            result.solutions().serialize(stream, format=syntax)
        if syntax in (QueryResultsFormat.JSON, QueryResultsFormat.XML) or result.kind == "boolean":
            stream.write(b"\n")

    return written


def _graph(syntax: RdfFormat) -> Callable[[Result, IO[bytes], View], None]:
    def written(result: Result, stream: IO[bytes], view: View) -> None:
        if syntax == RdfFormat.N_TRIPLES:
            stream.writelines(result.text())
            return
        used = view.prefixes if syntax.supports_datasets or syntax == RdfFormat.TURTLE else {}
        triples = (quad.triple for quad in parse(Reader(result.text()), format=RdfFormat.N_TRIPLES))  # type: ignore[arg-type]
        text = serialize(triples, format=syntax, prefixes=dict(used)) or b""
        stream.write(_tidy(text, len(used)) if syntax in (RdfFormat.TURTLE, RdfFormat.TRIG) else text)
        if not text.endswith(b"\n"):
            stream.write(b"\n")

    return written


def _tidy(text: bytes, count: int) -> bytes:
    """Sort the declarations of prefixes, which the engine writes in any order, and leave out the idle ones."""
    lines = text.split(b"\n", count)
    declarations, body = lines[:count], lines[count] if len(lines) > count else b""
    used = [line for line in sorted(filter(None, declarations)) if line.split(b" ")[1] in body]
    return b"\n".join([*used, body])


def _table(result: Result, stream: IO[bytes], view: View) -> None:
    """Write rows for people: as a table, or, where the terminal is too narrow for one, record by record."""
    if not result.variables:
        stream.write(f"{result.shown:,} row{'s' * (result.shown != 1)} without columns\n".encode())
        return
    shown = result if result.shown <= SHOWN else replace(result, limit=SHOWN)
    rows = list(texts(shown, view))
    widths = _widths(result.variables, rows, view.width)
    text = _grid(result.variables, rows, widths) if widths else _records(result.variables, rows, view.width)
    stream.write(text.encode())
    if shown is not result:
        stream.write(f"the first {SHOWN:,} of {result.shown:,} rows; for all, use --format csv\n".encode())


def _widths(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return how wide each column is to be, in cells of the terminal; nothing where a table does not fit.

    The widest columns give way first, and none below its longest word, of which up to WORD cells count.
    """
    from rich.cells import cell_len

    columns = [[name, *(row[place] for row in rows)] for place, name in enumerate(names)]
    widths = [max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns]
    excess = sum(widths) + 3 * len(names) + 1 - width if width else 0
    if excess <= 0:
        return widths
    least = [min(WORD, max(cell_len(word) for cell in column for word in cell.split() or [""])) for column in columns]
    for _ in range(excess):
        able = [place for place in range(len(names)) if widths[place] > max(least[place], 1)]
        if not able:
            return []
        widths[max(able, key=lambda place: (widths[place], place))] -= 1
    return widths


def _grid(names: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> str:
    """Return rows in a frame; only the cells that do not fit are laid out by rich, which takes its time."""
    from rich.box import SQUARE
    from rich.cells import cell_len, set_cell_size

    def lines(cell: str, width: int) -> list[str]:
        return [cell] if "\n" not in cell and cell_len(cell) <= width else _wrap(cell, width)

    def line(cells: Iterable[str]) -> str:
        return f"│ {' │ '.join(map(set_cell_size, cells, widths))} │"

    def record(row: Sequence[str]) -> Iterator[str]:
        yield from map(line, itertools.zip_longest(*map(lines, row, widths), fillvalue=""))

    frame = [width + 2 for width in widths]
    body = itertools.chain.from_iterable(map(record, rows))
    parts = [SQUARE.get_top(frame), *record(names), SQUARE.get_row(frame, "head"), *body, SQUARE.get_bottom(frame)]
    return "".join(f"{part}\n" for part in parts)


def _wrap(text: str, width: int) -> list[str]:
    """Break a text into lines at its spaces, and a longer word where it must be."""
    from rich.console import Console
    from rich.text import Text

    wrapped = Text(text).wrap(Console(width=width), width, overflow="fold")
    return [line.plain.rstrip() for line in wrapped]


def _records(names: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> str:
    """Return each row as a record: a line for each value, after the name of its column."""
    from rich.cells import cell_len, set_cell_size

    head = min(max(map(cell_len, names)), max(width // 3, 1))
    parts = []
    for number, row in enumerate(rows, 1):
        parts.append(f"── {number:,} ──")
        for name, cell in zip(names, row, strict=True):
            both = itertools.zip_longest(_wrap(name, head), _wrap(cell, max(width - head - 2, 1)), fillvalue="")
            parts += [f"{set_cell_size(left, head)}  {right}".rstrip() for left, right in both]
    return "".join(f"{part}\n" for part in parts)


def texts(result: Result, view: View) -> Iterator[list[str]]:
    """Yield rows as people read them."""
    if view.labels is None:
        for row in result.rows():
            yield [_show_term(term, view, {}) for term in row]
        return
    rows = result.rows()
    while some := list(itertools.islice(rows, 1_000)):
        labels = view.labels(term.value for row in some for term in row if isinstance(term, NamedNode))
        if view.instead:
            labels = _distinct(labels, view)
        for row in some:
            yield [_show_term(term, view, labels) for term in row]


def _distinct(labels: Mapping[str, str], view: View) -> dict[str, str]:
    """Return the labels, with the IRI beside each that several things have: two things of one name stay two."""
    many = Counter(labels.values())
    return {
        iri: label if many[label] == 1 else f"{label} ({shorten(iri, view.prefixes)})" for iri, label in labels.items()
    }


def edges(result: Result) -> Result:
    """Return the triples of a graph as rows from thing to thing; what is said in literals is left out."""
    spool = Spool(sort=True)
    for quad in parse(Reader(result.text()), format=RdfFormat.N_TRIPLES):  # type: ignore[arg-type]
        if isinstance(quad.object, NamedNode) and quad.predicate != TYPE:
            spool.write(f"{quad.subject}\t{quad.object}\n".encode())
    return Result("rows", ("from", "to"), spool.close())


def _show_term(term: Term | None, view: View, labels: Mapping[str, str]) -> str:
    """Return a term as people read it, without what would steer a terminal."""
    if term is None:
        return ""
    if isinstance(term, NamedNode):
        short = shorten(term.value, view.prefixes)
        short = short.removeprefix("<").removesuffix(">")
        label = labels.get(term.value)
        text = short if label is None else label if view.instead else f"{short} ({label})"
    else:
        text = term.value if isinstance(term, Literal) else str(term)
    return "".join(one if one.isprintable() or one == "\n" else f"\\x{ord(one):02x}" for one in text)


def _markdown(result: Result, stream: IO[bytes], view: View) -> None:
    def line(cells: Iterable[str]) -> bytes:
        inside = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>") for cell in cells)
        return f"| {' | '.join(inside)} |\n".encode()

    stream.write(line(result.variables))
    stream.write(line("---" for _ in result.variables))
    safe = ([html.escape(cell, quote=False) for cell in row] for row in texts(result, view))
    stream.writelines(line(row) for row in safe)


def _html(result: Result, stream: IO[bytes], view: View) -> None:
    """Write a table that stands in a page, or alone; IRIs of the web are links."""

    def cell(term: Term | None, text: str) -> str:
        inside = html.escape(text)
        if isinstance(term, NamedNode) and term.value.startswith(("http://", "https://")):
            inside = f'<a href="{html.escape(term.value)}">{inside}</a>'
        language = f' lang="{term.language}"' if isinstance(term, Literal) and term.language else ""
        return f"<td{language}>{inside}</td>"

    heads = "".join(f"<th>{html.escape(name)}</th>" for name in result.variables)
    stream.write(f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n".encode())
    for row, shown in zip(result.rows(), texts(result, view), strict=True):
        stream.write(f"<tr>{''.join(map(cell, row, shown))}</tr>\n".encode())
    stream.write(b"</tbody>\n</table>\n")


def _jsonl(result: Result, stream: IO[bytes], _: View) -> None:
    """Write one JSON object a row, its terms as SPARQL 1.1 JSON has them (section 3.2.2)."""
    for row in result.rows():
        bound = {name: _json(term) for name, term in zip(result.variables, row, strict=True) if term is not None}
        stream.write(json.dumps(bound, ensure_ascii=False).encode() + b"\n")


def _json(term: Term) -> dict[str, Any]:
    if isinstance(term, NamedNode):
        return {"type": "uri", "value": term.value}
    if isinstance(term, BlankNode):
        return {"type": "bnode", "value": term.value}
    if isinstance(term, Triple):
        parts = {"subject": term.subject, "predicate": term.predicate, "object": term.object}
        return {"type": "triple", "value": {name: _json(part) for name, part in parts.items()}}
    said = {"type": "literal", "value": term.value}
    if term.language:
        return {**said, "xml:lang": term.language}
    return said if term.datatype.value == STRING else {**said, "datatype": term.datatype.value}


def _word(result: Result, stream: IO[bytes], _: View) -> None:
    stream.write(b"true\n" if result.boolean else b"false\n")


def _triples_table(result: Result, stream: IO[bytes], view: View) -> None:
    _graph(RdfFormat.TURTLE)(result, stream, view)


Writer = Callable[[Result, IO[bytes], View], None]
_W3C: Mapping[str, Writer] = {
    "csv": _w3c(QueryResultsFormat.CSV),
    "tsv": _w3c(QueryResultsFormat.TSV),
    "json": _w3c(QueryResultsFormat.JSON),
    "xml": _w3c(QueryResultsFormat.XML),
}
FORMATS: Mapping[str, Mapping[str, Writer]] = {
    "rows": {"table": _table, **_W3C, "markdown": _markdown, "html": _html, "jsonl": _jsonl},
    "boolean": {"table": _word, **_W3C, "markdown": _word, "html": _word, "jsonl": _word},
    "graph": {
        "table": _triples_table,
        "turtle": _graph(RdfFormat.TURTLE),
        "ntriples": _graph(RdfFormat.N_TRIPLES),
        "jsonld": _graph(RdfFormat.JSON_LD),
        "trig": _graph(RdfFormat.TRIG),
    },
}
"""What writes each kind of answer in each format; table is the one for people."""
NAMES = tuple(dict.fromkeys(name for formats in FORMATS.values() for name in formats))


def terminal_width() -> int:
    """Return the columns of the terminal that is written to; 0 where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
