"""Named queries and the whole dataset in; what each takes, and its answer as of this build, bounded, out as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from heapq import nsmallest
from itertools import islice
from pathlib import Path
from typing import Any

from pyoxigraph import Literal, NamedNode, QueryBoolean, QuerySolutions, RdfFormat, Store

from spacecoop import reach
from spacecoop.pages import answers
from spacecoop.pages.answers import UnansweredError, pack, unpack
from spacecoop.pages.kinds import Row
from spacecoop.queries import library, sandbox, sparql
from spacecoop.queries.library import Query, QueryError
from spacecoop.queries.sandbox import Signals, StoppedError
from spacecoop.workspace import Workspace

MOST = 30
"""Rows of an answer that its page shows."""
ASKED = 100_000
"""Up to how many statements a build asks the named queries; over more they may take longer than the build."""


def tell(
    queries: Iterable[Query], dump: Path, statements: int, workspace: Workspace
) -> Iterator[tuple[str, list[Row]]]:
    """Yield the rows for each query's page, by part; *dump* is the dataset in N-Quads.

    Raises UnansweredError for a query that takes longer or more memory than one of the site may.
    """
    store = Store()
    if statements <= ASKED:
        store.bulk_load(path=str(dump), format=RdfFormat.N_QUADS)
    for query in queries:
        page = NamedNode(f"{workspace.base}query/{query.name}")
        yield "parameters", list(_parameters(query, page))
        if statements <= ASKED:
            try:
                text = library.standalone(query, workspace.base, workspace.prefixes)
                yield from _ask(store, query, text, page, workspace).items()
            except QueryError:
                continue  # it is told where the queries are checked


def _parameters(query: Query, page: NamedNode) -> Iterator[Row]:
    for one in query.parameters:
        said = {"page": page, "name": Literal(one.name), "type": Literal(one.type)}
        said |= {"default": Literal(", ".join(one.default))} if one.default else {}
        said |= {"example": Literal(one.example)} if one.example else {}
        for language, summary in one.summary.items() or {"": ""}.items():
            yield {**said, "summary": _spoken(summary, language)}


def _ask(store: Store, query: Query, text: str, page: NamedNode, workspace: Workspace) -> dict[str, list[Row]]:
    """Return the answer's rows, by part, from a process that is ended at its bound."""
    if not sandbox.can_fork():
        return _answer(store, query, text, page)

    def work(signals: Signals) -> dict[str, list[dict[str, list[str]]]] | str:
        signals.ready()
        try:
            found = _answer(store, query, text, page)
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


def _answer(store: Store, query: Query, text: str, page: NamedNode) -> dict[str, list[Row]]:
    try:
        found = store.query(reach.stay(text), use_default_graph_as_union=True)
    except (SyntaxError, ValueError, OSError) as error:
        raise QueryError(str(error)) from error
    if isinstance(found, QueryBoolean):
        return {"answered": [{"page": page, "count": Literal(1), "yes": Literal(bool(found))}]}
    if not isinstance(found, QuerySolutions):
        count = sum(1 for _ in found)
        return {"answered": [{"page": page, "count": Literal(count)}]}
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
        "columns": [row for number, name in enumerate(names) for row in _column(query, number, name, page)],
        "answer": [
            {"page": page, **{f"c{number}": term for number, term in enumerate(row) if term is not None}}
            for row in shown
        ],
        "answered": [{"page": page, "count": Literal(counted.count)}],
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


def _column(query: Query, number: int, name: str, page: NamedNode) -> Iterator[Row]:
    heads: Mapping[str, str] = query.columns.get(name) or {"": name}
    for language, head in heads.items():
        yield {"page": page, "at": Literal(f"c{number}"), "head": _spoken(head, language)}


def _spoken(text: str, language: str) -> Literal:
    return Literal(text, language=language) if language else Literal(text)
