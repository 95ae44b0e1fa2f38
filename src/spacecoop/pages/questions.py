"""Named queries and the whole dataset in; what each takes, and its answer in every language, bounded, out as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, QueryBoolean, QuerySolutions, RdfFormat, Store

from spacecoop import reach, sandbox
from spacecoop.pages import answers, fallbacks
from spacecoop.pages.answers import UnansweredError, pack, unpack
from spacecoop.pages.kinds import Row
from spacecoop.queries import library, sparql
from spacecoop.queries.library import Query, QueryError
from spacecoop.sandbox import Signals, StoppedError
from spacecoop.workspace import Workspace

MOST = 30
"""Rows of an answer that its page shows."""
ASKED = 40_000
"""Up to how many statements a build asks the named queries; over more they may take longer than the build."""


def tell(
    queries: Iterable[Query], dump: Path, statements: int, workspace: Workspace
) -> Iterator[tuple[str, list[Row]]]:
    """Yield the rows for each query's page, by part; *dump* is the dataset in N-Quads.

    A query that takes a language is asked in each language of the site, and says ``?language`` in its rows; what has no
    text in one speaks another, as on any page. Raises UnansweredError for a query that takes longer or more memory than
    one of the site may.
    """
    every = list(queries)
    for query in every:
        page = _page(query, workspace)
        yield (
            "description",
            [{"page": page, "text": _make_literal(said, one)} for one, said in query.description.items()],
        )
        yield "parameters", list(_parameters(query, page))
    if statements > ASKED:
        return
    store = Store()
    store.bulk_load(path=str(dump), format=RdfFormat.N_QUADS)
    for query in every:
        if not _language_of(query):
            yield from _ask(store, query, "", {}, workspace)
    speaking = [query for query in every if _language_of(query)]
    texts = fallbacks.read(store) if speaking else {}
    for language in workspace.languages:
        with fallbacks.lend(store, texts, language, [*workspace.languages, "en"]) as lent:
            for query in speaking:
                yield from _ask(store, query, language, lent, workspace)


def _page(query: Query, workspace: Workspace) -> NamedNode:
    return NamedNode(f"{workspace.base}query/{query.name}")


def _language_of(query: Query) -> str:
    """Return the parameter by which a query is told the reader's language; empty for one that takes none."""
    return next((one.name for one in query.parameters if one.type == "language"), "")


def _parameters(query: Query, page: NamedNode) -> Iterator[Row]:
    for one in query.parameters:
        said = {"page": page, "name": Literal(one.name), "type": Literal(one.type)}
        said |= {"default": Literal(", ".join(one.default))} if one.default else {}
        said |= {"example": Literal(one.example)} if one.example else {}
        for language, summary in one.summary.items() or {"": ""}.items():
            yield {**said, "summary": _make_literal(summary, language)}


def _ask(
    store: Store, query: Query, language: str, lent: Mapping[str, str], workspace: Workspace
) -> Iterator[tuple[str, list[Row]]]:
    """Yield the answer's rows, by part; nothing for a query that is told to be wrong where the queries are checked."""
    spoken = {_language_of(query): [language]} if language else {}
    try:
        text = library.standalone(query, workspace.base, workspace.prefixes, spoken)
        found = _bounded(store, query, text, workspace)
    except QueryError:
        return
    if not language or language == workspace.languages[0]:
        yield "columns", list(_columns(query, found.pop("columns", []), workspace))
    fixed = {"page": _page(query, workspace), "language": Literal(language)}
    for part in ("answer", "answered"):
        yield part, [{**fixed, **_own(row, language, lent)} for row in found.get(part, [])]


def _own(row: Row, language: str, lent: Mapping[str, str]) -> Row:
    """Return a row whose lent texts say again which language they are in."""
    return {
        name: Literal(term.value, language=lent[term.value])
        if isinstance(term, Literal) and term.language == language and term.value in lent
        else term
        for name, term in row.items()
    }


def _bounded(store: Store, query: Query, text: str, workspace: Workspace) -> dict[str, list[Row]]:
    """Return the answer's rows, by part, from a process that is ended at its bound."""
    if not sandbox.can_fork():
        return _answer(store, text)

    def work(signals: Signals) -> dict[str, list[dict[str, list[str]]]] | str:
        signals.ready()
        try:
            found = _answer(store, text)
        except QueryError as error:
            return str(error)
        return {part: [{name: pack(one) for name, one in row.items()} for row in rows] for part, rows in found.items()}

    try:
        packed = sandbox.run(work, answers.LIMITS)
    except StoppedError as error:
        file = workspace.root / "queries" / f"{query.name}.rq"
        raise UnansweredError(file, str(error).partition(";")[0]) from error
    if isinstance(packed, str):
        raise QueryError(packed)
    return {part: [{name: unpack(term) for name, term in row.items()} for row in rows] for part, rows in packed.items()}


def _answer(store: Store, text: str) -> dict[str, list[Row]]:
    """Return the first rows of an answer, the names of its columns, and how many rows there are."""
    try:
        found = store.query(reach.stay(text), use_default_graph_as_union=True)
    except (SyntaxError, ValueError, OSError) as error:
        raise QueryError(str(error)) from error
    if isinstance(found, QueryBoolean):
        return {"answered": [{"count": Literal(1), "yes": Literal(bool(found))}]}
    if not isinstance(found, QuerySolutions):
        count = sum(1 for _ in found)
        return {"answered": [{"count": Literal(count)}]}
    names = [variable.value for variable in found.variables]
    rows = ([row[name] for name in names] for row in found)
    counted = _Counted(rows)
    if sparql.is_ordered(text):
        shown = list(islice(counted, MOST))
        for _ in counted:
            pass
    else:
        shown = nsmallest(MOST, counted, key=lambda row: [str(term) for term in row])
    return {
        "columns": [{"name": Literal(name)} for name in names],
        "answer": [{f"c{number}": term for number, term in enumerate(row) if term is not None} for row in shown],
        "answered": [{"count": Literal(counted.count)}],
    }


class _Counted:
    """Rows, counted while they go by."""

    def __init__(self, rows: Iterator[list[Any]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[list[Any]]:
        return self

    def __next__(self) -> list[Any]:
        row = next(self._rows)
        self.count += 1
        return row


def _columns(query: Query, names: Iterable[Row], workspace: Workspace) -> Iterator[Row]:
    for number, row in enumerate(names):
        name = row["name"].value
        heads: Mapping[str, str] = query.columns.get(name) or {"": name}
        for language, head in heads.items():
            yield {
                "page": _page(query, workspace),
                "at": Literal(f"c{number}"),
                "head": _make_literal(head, language),
            }


def _make_literal(text: str, language: str) -> Literal:
    return Literal(text, language=language) if language else Literal(text)
