"""A workspace's queries with ``#+ page:`` and ``#+ part:`` in; which pages there are, and what each is given, out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from pyoxigraph import DefaultGraph, NamedNode, QuerySolutions, Store

from spacecoop import cache, reach
from spacecoop.queries import library, sparql
from spacecoop.queries.library import QueryError
from spacecoop.workspace import Workspace

SHIPPED = Path(__file__).parent / "shipped"
"""The templates, styles, words and queries that the program brings; a file of the workspace takes the place of one."""
LAST = 100
"""The rank of a kind that says none."""

Row = Mapping[str, Any]
"""By variable, the term that an answer binds it to."""


@dataclass(frozen=True)
class Kind:
    """One query of the site, with what its front matter says: what is made of its answer."""

    name: str
    file: Path
    text: str
    title: Mapping[str, str]
    page: str
    """The template of the pages that the answer lists; empty where it is no list of pages."""
    part: str
    """Under which name templates find the answer's rows for their page; empty where it is no part."""
    at: str
    """The path of the one page that shows the whole answer; empty where each row has a page of its own."""
    rank: int
    """The lower one gets an IRI that several kinds list, and stands first in the menu."""
    picture: str = ""
    """The kind of picture that is drawn of the answer; empty where none is."""
    description: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only: str = ""
    """``pictures`` where the page is made only if there are pictures."""
    menu: bool = True
    """Whether its page stands in the menu."""
    alone: bool = False
    """Whether it is asked of each article alone, and of what no article says, and never of everything."""
    order: tuple[str, ...] = ()
    """By which variables the rows of several articles are sorted; downwards, where ``-`` stands before one."""

    @cached_property
    def ordered(self) -> bool:
        """Whether the query orders its rows itself."""
        return sparql.is_ordered(self.text)

    @cached_property
    def checked(self) -> str:
        """The query, which was seen to reach for nothing outside; raises QueryError where it does."""
        return reach.stay(self.text)


@dataclass(frozen=True)
class Page:
    """One page: what it is about, where it is, and what its template is given."""

    iri: str
    """Of the document; empty for a page that the dataset has no IRI for."""
    path: str
    """From the site's root, without ending."""
    template: str
    title: Mapping[str, str]
    anchors: frozenset[str] = frozenset()
    """The IRIs that are found on it."""
    rows: tuple[Row, ...] = ()
    kind: Kind | None = None
    """Of a page that shows a whole answer."""

    @cached_property
    def sign(self) -> str:
        """What changes when another page's link to this one may."""
        return cache.key(self.path.encode(), *(iri.encode() for iri in sorted(self.anchors)))


def find(workspace: Workspace, folder: str, ending: str) -> dict[str, Path]:
    """Return, by name, the files of a folder of the site: the workspace's own, else those that are shipped."""
    found = {path.name: path for path in sorted((SHIPPED / folder).glob(f"*{ending}"))}
    return found | {path.name: path for path in workspace.files(f"pages/{folder}".rstrip("/"), ending)}


def read(workspace: Workspace) -> list[Kind]:
    """Read the queries of the site, by rank and name; raises QueryError, which tells the file, for a wrong one."""
    kinds = []
    for path in find(workspace, "queries", ".rq").values():
        place = workspace.name(path)
        with path.open("rb") as stream:
            text = library.text_of(stream, place)
        said, query = library.front(text, place), library.parse(text, path.stem, place)
        words = {key: str(said.get(key) or "") for key in ("page", "part", "at", "picture", "only", "each")}
        if words["picture"]:
            words |= {"page": words["page"] or "picture.html", "at": words["at"] or f"picture/{path.stem}"}
        rank = said.get("rank", LAST)
        if not (words["page"] or words["part"]) or not isinstance(rank, int):
            raise QueryError(
                f"{place}: a query of the site says `page: TEMPLATE.html` or `part: NAME`, and rank: a number"
            )
        order = _read_each(words, said.get("order", []), place)
        missing = sparql.find_undeclared(text, workspace.prefixes)
        full = f"BASE <{workspace.base}>\n" + "".join(f"PREFIX {key}: <{iri}>\n" for key, iri in missing.items()) + text
        kinds.append(
            Kind(
                name=path.stem,
                file=path,
                text=full,
                title=query.summary,
                page=words["page"],
                part=words["part"],
                at=words["at"],
                rank=rank,
                picture=words["picture"],
                description=query.description,
                columns=query.columns,
                only=words["only"],
                menu=said.get("menu", True) is True,
                alone=words["each"] != "",
                order=order,
            )
        )
    return sorted(kinds, key=lambda kind: (kind.rank, kind.name))


def _read_each(words: Mapping[str, str], order: Any, place: str) -> tuple[str, ...]:
    """Return by what the rows of a query with ``each:`` are sorted; raises QueryError where that cannot be."""
    if words["each"] not in ("", "article") or (words["each"] and not words["part"]):
        raise QueryError(f"{place}: a query with `part: NAME` may say `each: article`, and nothing else of each")
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order) or (order and not words["each"]):
        raise QueryError(f"{place}: `order:` is a list of variables, such as [-date, item], of a query with `each:`")
    return tuple(order)


def arrange(kind: Kind, found: Iterable[Row]) -> list[Row]:
    """Return rows, sorted where their query does not say how."""
    rows = list(found)
    if not kind.ordered:
        rows.sort(key=lambda row: sorted((name, str(term)) for name, term in row.items()))
    return sort(rows, kind.order)


def sort(rows: list[Row], order: Sequence[str]) -> list[Row]:
    """Return rows sorted by the texts of some variables; what has none comes first, or last downwards."""
    for name in reversed(order):
        rows = sorted(rows, key=partial(_text_of, name.removeprefix("-")), reverse=name.startswith("-"))
    return rows


def _text_of(variable: str, row: Row) -> str:
    return str(getattr(row.get(variable), "value", ""))


def each(store: Store, kind: Kind, graphs: Sequence[NamedNode | DefaultGraph] | None = None) -> Iterator[Row]:
    """Yield the rows of an answer as they come; *graphs* are those that are asked, else the default one.

    Raises QueryError for no SELECT, and for one that would reach the network.
    """
    try:
        found = store.query(kind.checked, default_graph=list(graphs) if graphs else None)
    except (SyntaxError, ValueError, OSError) as error:
        raise QueryError(str(error)) from error
    if not isinstance(found, QuerySolutions):
        raise QueryError("only a SELECT query gives rows")
    names = [variable.value for variable in found.variables]
    try:
        for row in found:
            yield {name: row[name] for name in names if row[name] is not None}
    except (ValueError, OSError, RuntimeError) as error:
        raise QueryError(str(error)) from error


def stand_alone(kinds: Sequence[Kind], answers: Mapping[str, Sequence[Row]]) -> list[Page]:
    """Return the pages that show the whole answer of a query each; some are there only if there are pictures."""
    pages = [
        Page("", kind.at, kind.page, kind.title, rows=tuple(answers[kind.name]), kind=kind)
        for kind in kinds
        if kind.at and (answers[kind.name] or kind.at == "index")
    ]
    pictures = any(page.kind and page.kind.picture for page in pages)
    return [page for page in pages if pictures or not (page.kind and page.kind.only == "pictures")]


def map_documents(listed: Sequence[tuple[Kind, Iterable[Row]]], paths: Mapping[str, str]) -> dict[str, Page]:
    """Return, by IRI, the page of each document that is listed; *paths* gives those that a page can be about.

    *listed* has the kinds by rank: the first one that lists a document gets it.
    """
    pages: dict[str, Page] = {}
    for kind, rows in listed:
        for iri, anchors in _list_found(rows).items():
            if iri in paths and iri not in pages:
                pages[iri] = Page(iri, paths[iri], kind.page, {}, frozenset(anchors))
    return pages


def _list_found(rows: Iterable[Row]) -> dict[str, set[str]]:
    """Return, by document, the IRIs that an answer says are found there."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        if "page" in row:
            anchors = found[row["page"].value.partition("#")[0]]
            anchors |= {row["anchor"].value} if "anchor" in row else set()
    return found
