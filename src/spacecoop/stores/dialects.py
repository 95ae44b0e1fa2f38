"""The stores that are known, one row each: their addresses, what they can do, and what they change."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from spacecoop.stores.digests import INTEGERS, XSD

JSON = "application/sparql-results+json"
XML = "application/sparql-results+xml"
TABLE = "text/tab-separated-values"


@dataclass(frozen=True)
class Dialect:
    """One kind of store."""

    name: str
    query: str
    """Where it is asked (SPARQL 1.1 Protocol), from the store's URL."""
    update: str
    """Where it is changed by SPARQL 1.1 Update."""
    graphs: str | None = None
    """Where graphs are replaced (SPARQL 1.1 Graph Store HTTP Protocol); None: by Update."""
    quads: str | None = None
    """Where N-Quads are added, several graphs in one step; None: each graph alone."""
    query_with_auth: str | None = None
    """Where it is asked by somebody who has a name, if that is elsewhere."""
    bulk: str = ""
    """What is added to the address of *quads* where many are added at once; still one step."""
    rows: int = 100_000
    """How many rows are asked for at once; more come in pages."""
    names: int = 200
    """How many graphs are named in one question."""
    apart: bool = False
    """Whether each of them is named in a pattern of its own, since its planner looks at every triple otherwise."""
    answers: str = JSON
    """In what syntax its rows are asked for: a table (SPARQL 1.1 CSV and TSV) where it holds whole terms, or what the
    store writes fastest."""
    loader: str = ""
    """A query that has its own loader read the text TRIG, where there is one."""
    batch: int = 50_000
    """How many statements are sent before they are read back."""
    statements: int = 50_000
    """How many statements one INSERT DATA or DELETE DATA may have."""
    modify: int = 5_000
    """How many statements one DELETE/INSERT operation may delete and insert together."""
    size: int = 10_000_000
    """How many bytes one change by Update may have."""
    names_graphs: bool = False
    """Whether it is known to say at once how many named graphs it has."""
    auth: tuple[str, ...] = ("none", "basic", "bearer")
    tried: bool = False
    """Whether a real server of it is in the tests; the others are held to what is recorded of them."""


VIRTUOSO = "virtuoso"
OXIGRAPH = "oxigraph"

DIALECTS: Mapping[str, Dialect] = {
    row.name: row
    for row in (
        Dialect(
            OXIGRAPH,
            "query",
            "update",
            "store",
            "store",
            bulk="no_transaction",
            names=2_000,
            answers=TABLE,
            batch=100_000,
            names_graphs=True,
            tried=True,
        ),
        Dialect(
            VIRTUOSO,
            "sparql",
            "sparql-auth",
            query_with_auth="sparql-auth",
            answers=XML,
            names=50,
            apart=True,
            loader="SELECT (sql:TTLP('TRIG', '', 'urn:none', 256) AS ?n) WHERE {}",
            rows=10_000,
            batch=20_000,
            statements=3_000,
            modify=1_000,
            size=1_000_000,
            auth=("digest",),
            tried=True,
        ),
        Dialect("fuseki", "query", "update", "data", "data"),
        Dialect("rdf4j", "", "statements", "rdf-graphs/service", "statements"),
        Dialect(
            "graphdb", "", "statements", "rdf-graphs/service", "statements", auth=("none", "basic", "bearer", "gdb")
        ),
        Dialect("blazegraph", "", ""),
        Dialect("qlever", "", "", batch=20_000, statements=20_000),
        Dialect("stardog", "query", "update", "", auth=("basic", "bearer")),
        Dialect(
            "generic", "", "", rows=5_000, batch=10_000, statements=1_000, auth=("none", "basic", "digest", "bearer")
        ),
    )
}


@dataclass(frozen=True)
class Change:
    """Something that stores do to a term."""

    words: str
    found: Callable[[str, str, str], bool]
    """Tells it of a lexical form, the local name of its XSD datatype (empty for others), and the whole term."""
    respelled: tuple[str, ...] = ()
    """The dialects that write the same value in another way; ``*`` for any."""
    lost: tuple[str, ...] = ()
    """The dialects that do not keep the value."""


def _long(limit: int) -> Callable[[str, str, str], bool]:
    return lambda _text, _kind, term: term.startswith("<") and len(term) - 2 > limit


def _matches(pattern: str, *kinds: str) -> Callable[[str, str, str], bool]:
    return lambda text, kind, _term: kind in kinds and re.fullmatch(pattern, text, re.ASCII) is not None


def _kind(*kinds: str) -> Callable[[str, str, str], bool]:
    return lambda _text, kind, _term: kind in kinds


def _wide(text: str, kind: str, _term: str) -> bool:
    return kind in INTEGERS and re.fullmatch(r"[+-]?\d+", text) is not None and abs(int(text)) >= 2**31


def _bytes(limit: int) -> Callable[[str, str, str], bool]:
    return lambda text, _kind, _term: len(text) > limit // 4 and len(text.encode()) > limit


_DERIVED = tuple(sorted(INTEGERS - {"integer"}))
_MOMENTS = ("dateTime", "dateTimeStamp", "time")
_WHEN = ("date", "dateTime", "dateTimeStamp", "gYear", "gYearMonth")

CHANGES = (
    Change(
        "a blank node, which has another name after each transfer",
        lambda _t, _k, term: term.startswith("_:"),
        lost=("*",),
    ),
    Change("an IRI of more than 1,879 characters, which is cut", _long(1_879), lost=(VIRTUOSO,)),
    Change(
        "an IRI with dot segments, an upper-case host or port 80, which is resolved or refused",
        lambda _t, _k, term: re.match(r"<[a-z]+:.*/\.\.?(/|>|$)|<http://[^/>]*([A-Z]|:80[/>])", term) is not None,
        respelled=("fuseki",),
        lost=("fuseki",),
    ),
    Change("a literal of more than 1 MB, which takes minutes or ends the server", _bytes(1_000_000), lost=(VIRTUOSO,)),
    Change("a literal of more than 16 MB, which is refused", _bytes(16_000_000), lost=(OXIGRAPH,)),
    Change(
        "a number with a needless sign or zero", _matches(r"\+.*|-?0\d.*|-0", "decimal", *INTEGERS), respelled=("*",)
    ),
    Change(
        "a word for an integer, which becomes 0",
        lambda text, kind, _term: kind in INTEGERS and re.fullmatch(r"[+-]?\d+", text, re.ASCII) is None,
        lost=(VIRTUOSO,),
    ),
    Change("an integer of 2147483648 or more, which becomes a decimal", _wide, respelled=(VIRTUOSO,)),
    Change("a datatype derived from xsd:integer", _kind(*_DERIVED), respelled=(OXIGRAPH, VIRTUOSO)),
    Change(
        "a decimal that ends in 0 or begins with a point",
        _matches(r"[+-]?(\d*\.\d*0|\d+\.|\.\d+)", "decimal"),
        respelled=("*",),
    ),
    Change(
        "a decimal of more than 15 digits, which is cut",
        lambda text, kind, _term: kind == "decimal" and len(re.sub(r"\D", "", text).strip("0")) > 15,
        lost=(VIRTUOSO,),
    ),
    Change("a floating-point number", _kind("double", "float"), respelled=("*",)),
    Change(
        "a floating-point number of more than 6 digits, which is cut",
        lambda text, kind, _term: (
            kind in ("double", "float") and len(re.sub(r"\D", "", re.split("[eE]", text)[0]).strip("0")) > 6
        ),
        lost=(VIRTUOSO,),
    ),
    Change("a boolean as a digit", _matches("[01]", "boolean"), respelled=("*",)),
    Change("a fraction of a second", _matches(r".*\.\d+.*", *_MOMENTS), respelled=("*",)),
    Change(
        "a fraction of a second of more than 6 digits, which is cut",
        _matches(r".*\.\d{7,}.*", *_MOMENTS),
        lost=(VIRTUOSO,),
    ),
    Change("a zone of -00:00, which is dropped", _matches(r".*-00:00", *_WHEN), respelled=("*",), lost=(VIRTUOSO,)),
    Change("a midnight of 24:00:00", _matches(r".*24:00:00.*", *_MOMENTS), respelled=(OXIGRAPH,)),
    Change("an xsd:dateTimeStamp", _kind("dateTimeStamp"), respelled=(OXIGRAPH,)),
    Change("a year before 1, which loses a digit", _matches(r"-.*", *_WHEN), lost=(VIRTUOSO,)),
    Change(
        "a duration of days or hours, which becomes a number",
        _kind("dayTimeDuration"),
        respelled=(OXIGRAPH,),
        lost=(VIRTUOSO,),
    ),
    Change("a time without a zone, which is refused", _matches(r"[\d:.]+", "time"), lost=(VIRTUOSO,)),
    Change(
        "a point or shape on a map, whose coordinates are cut",
        lambda _t, _k, term: term.endswith("^^<http://www.opengis.net/ont/geosparql#wktLiteral>"),
        lost=(VIRTUOSO,),
    ),
)
"""What was measured of real stores (Oxigraph 0.5.13, Virtuoso 7.2.5, Jena 4.5); each row is a loss."""


_SAFE = re.compile(
    r'"(?:(?:0|-?[1-9]\d{0,8})"\^\^<X#integer>|(?:true|false)"\^\^<X#boolean>|\d{4}-\d\d(?:-\d\d"\^\^<X#date>|"\^\^<X#gYearMonth>)'
    r'|\d{4}"\^\^<X#gYear>|\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\dZ"\^\^<X#dateTime>)$'.replace("X#", XSD),
    re.ASCII,
)
_LONG = 1_879
_HOST = re.compile(r"<http://[^/>]*[A-Z:]")


def may_be_lost(lines: Collection[str]) -> list[str]:
    """Return the lines of triples that have to be looked at for changes; most have not, which is told quickly."""
    text = "\n".join(lines)
    if '"^^<' not in text and not _is_odd(text) and max(map(len, lines), default=0) <= _LONG:
        return []
    return [
        line for line in lines if len(line) > _LONG or _is_odd(line) or ('"^^<' in line and _SAFE.search(line) is None)
    ]


def _is_odd(text: str) -> bool:
    return "_:" in text or "/." in text or _HOST.search(text) is not None


def loses(words: str, dialect: str) -> bool:
    """Tell whether a store of this dialect loses what has the change of these words."""
    return any(change.words == words and {"*", dialect} & {*change.lost} for change in CHANGES)


def find_changes(line: str) -> list[Change]:
    """Return what some store is known to change in a triple; nothing where the terms are safe in all of them."""
    from pyoxigraph import Literal, RdfFormat, parse

    (triple,) = parse(f"{line} .", format=RdfFormat.N_TRIPLES)
    changes: dict[str, Change] = {}
    for term in (triple.subject, triple.predicate, triple.object):
        text = term.value if isinstance(term, Literal) else ""
        datatype = term.datatype.value if isinstance(term, Literal) else ""
        kind = datatype[len(XSD) :] if datatype.startswith(XSD) else ""
        changes |= {change.words: change for change in CHANGES if change.found(text, kind, str(term))}
    return list(changes.values())
