"""Pages of pictures and a reader's language in; each picture as SVG, with its numbers as a table, out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment
from markupsafe import Markup
from pyoxigraph import Literal

from spacecoop.pages import drawing
from spacecoop.pages.drawing import Drawing, DrawingError
from spacecoop.pages.kinds import Kind, Page
from spacecoop.pages.values import LABEL, Value, bound
from spacecoop.pages.views import View

SPOKEN = 8
"""Rows that a picture's description tells."""
_NUMBERS = frozenset(
    f"http://www.w3.org/2001/XMLSchema#{name}" for name in ("integer", "decimal", "double", "float", "int", "long")
)


@dataclass(frozen=True)
class Picture:
    """A picture in one language."""

    page: Page
    name: str
    """By which its elements are told apart from those of other pictures on one page."""
    svg: Markup
    description: Value
    heads: Sequence[tuple[str, Value]]
    """The variable of each column of its table, and what it is called."""
    rows: Sequence[Sequence[tuple[Value, bool]]]
    """The table: each cell, and whether it is a number."""
    shown: int
    legend: Sequence[tuple[str, str]]


def find(kinds: Iterable[Kind], pages: Iterable[Page]) -> list[Page]:
    """Return the pages of pictures, in the order of their kinds."""
    by_path = {page.path: page for page in pages if not page.iri}
    return [by_path[kind.at] for kind in kinds if kind.picture and kind.at in by_path]


def hang(environment: Environment, pages: Sequence[Page], view: View) -> list[Picture]:
    """Draw each picture in the view's language; raises DrawingError, with the page's kind, where one cannot be."""
    return [_draw(environment, page, page.kind, view) for page in pages if page.kind is not None]


def _draw(environment: Environment, page: Page, kind: Kind, view: View) -> Picture:
    try:
        made = drawing.draw(kind.picture, page.rows, lambda term: cell(term, view, spoken=True))
    except DrawingError as error:
        raise DrawingError(str(error), kind) from error
    names = list(kind.columns) or sorted({name for row in page.rows for name in row})
    heads = [(name, view.chosen(kind.columns[name]) if name in kind.columns else Value(name)) for name in names]
    rows = [[_make_cell(row, name, view) for name in names] for row in page.rows]
    description = view.chosen(kind.description)
    svg = _render(environment, page, kind, made, description, view)
    return Picture(
        page=page,
        name=kind.name,
        svg=svg,
        description=description,
        heads=heads,
        rows=rows,
        shown=made.shown,
        legend=made.legend,
    )


def _render(environment: Environment, page: Page, kind: Kind, made: Drawing, said: Value, view: View) -> Markup:
    names = list(kind.columns) or sorted({name for row in page.rows for name in row})
    told = [
        ", ".join(cell(row[name], view, spoken=True).text for name in names if name in row)
        for row in page.rows[:SPOKEN]
    ]
    text = environment.get_template("picture.svg").render(
        name=kind.name,
        title=view.title(page),
        description=said,
        told=told,
        drawing=made,
        width=drawing.WIDTH,
        view=view,
    )
    return Markup(text)  # noqa: S704  (the template escapes)


def _make_cell(row: Mapping[str, Any], name: str, view: View) -> tuple[Value, bool]:
    term = row.get(name)
    if term is None:
        return Value(""), False
    return cell(term, view), isinstance(term, Literal) and term.datatype.value in _NUMBERS


def cell(term: Any, view: View, spoken: bool = False) -> Value:
    """Return what a table shows of a term: the IRI, to be linked, or the text; *spoken*, what the IRI is called."""
    if isinstance(term, Literal):
        return Value(bound(term.value, LABEL), term.language or "")
    return view.label(term) if spoken else Value(term.value, "", True)
