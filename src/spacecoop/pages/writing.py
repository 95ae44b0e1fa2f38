"""A dataset just written in; its pages, in every language, out: the one door of this room."""

from __future__ import annotations

import json
import tomllib
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.exceptions import TemplateNotFound
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup
from pyoxigraph import Literal, NamedNode, Quad, Store

from spacecoop.findings import Finding, Place, finding
from spacecoop.harvest import files
from spacecoop.harvest.description import Description
from spacecoop.harvest.negotiation import MEDIA_TYPES
from spacecoop.output import Written
from spacecoop.pages import gallery, kinds
from spacecoop.pages.drawing import DrawingError
from spacecoop.pages.gallery import Picture
from spacecoop.pages.kinds import SHIPPED, Kind, Page, Row
from spacecoop.pages.views import Statements, Value, View, Words, address
from spacecoop.quads import text
from spacecoop.queries.library import QueryError
from spacecoop.workspace import Workspace

_FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError)
NAMES = "names"
"""The part that gives every thing its labels, in ``?page`` and ``?label``."""


class PageError(Exception):
    """The pages cannot be made; the findings say where and why."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


@dataclass(frozen=True)
class Site:
    """What pages are made from."""

    workspace: Workspace
    quads: Sequence[Quad]
    """All that is said, the shapes included."""
    documents: Mapping[str, Sequence[str]]
    """By path, the endings of each document's files, the articles' too."""
    described: Description
    whole: Sequence[Written]
    schema_org: str
    feed: bool


def write(site: Site, folder: Path) -> list[Written]:
    """Write all pages with their styles; raises PageError for a template or a query of the site that is wrong."""
    workspace = site.workspace
    every, store = _kinds(workspace), Store()
    store.extend(Quad(*quad.triple) for quad in site.quads)  # in one graph, so that nothing is counted twice
    answers = {kind.name: _answer(kind, store, workspace) for kind in every}
    paths = {f"{workspace.base}{path}": path for path in site.documents}
    laid = kinds.lay_out(every, answers, paths)
    menu = [page for page in _menu(every, laid) if page.path != "index"]
    pages = {page.iri: page for page in laid if page.iri}
    pages[workspace.base] = next(page for page in laid if page.path == "index")
    parts = {kind.part: _by_page(answers[kind.name]) for kind in every if kind.part and kind.part != NAMES}
    words = Words(
        Statements(site.quads),
        _names(row for kind in every if kind.part == NAMES for row in answers[kind.name]),
        pages,
        workspace.languages,
        _interface(workspace),
        workspace.prefixes,
        _uses(site.quads),
        parts,
    )
    written = [
        files.write_text(folder, f"styles/{name}", path.read_text("utf-8"))
        for name, path in sorted(kinds.find(workspace, "", ".css").items())
    ]
    environment = _environment(workspace)
    pictures = {}
    for language in workspace.languages:
        pictures[language] = _pictures(environment, site, gallery.find(every, laid), View(words, laid[0], language))
        for one in pictures[language]:
            path = address(one.page.path, language, workspace.languages[0]).removesuffix(".html")
            written.append(files.write_text(folder, f"{path}.svg", one.svg))
    for page in laid:
        for language in workspace.languages:
            made = _render(environment, site, View(words, page, language), page, menu, folder, pictures[language])
            written.append(files.write_text(folder, address(page.path, language, workspace.languages[0]), made))
    return written


def _kinds(workspace: Workspace) -> list[Kind]:
    try:
        return kinds.read(workspace)
    except (QueryError, OSError) as error:
        file, _, reason = str(error).partition(": ")
        raise PageError([finding("page-query", Place(file), reason=reason)]) from error


def _answer(kind: Kind, store: Store, workspace: Workspace) -> list[Row]:
    try:
        return kinds.ask(store, kind.text)
    except QueryError as error:
        raise PageError([finding("page-query", Place(workspace.name(kind.file)), reason=error)]) from error


def _menu(every: Sequence[Kind], laid: Sequence[Page]) -> Iterator[Page]:
    by_path = {page.path: page for page in laid if not page.iri}
    yield from (by_path[kind.at] for kind in every if kind.at in by_path and not kind.picture)


def _by_page(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if "page" in row:
            found[row["page"].value].append(row)
    return found


def _names(rows: Iterable[Row]) -> dict[str, list[Value]]:
    found: defaultdict[str, list[Value]] = defaultdict(list)
    for row in rows:
        label = row.get("label")
        if isinstance(label, Literal) and "page" in row:
            found[row["page"].value].append(Value(label.value, label.language or ""))
    return found


def _uses(quads: Iterable[Quad]) -> Counter[str]:
    found: Counter[str] = Counter()
    for quad in quads:
        found.update(
            (quad.predicate.value, text(quad.object)) if isinstance(quad.object, NamedNode) else (quad.predicate.value,)
        )
    return found


def _interface(workspace: Workspace) -> dict[str, dict[str, str]]:
    """Return the words of the templates by language; a file of the workspace adds to those that are shipped."""
    words: dict[str, dict[str, str]] = {}
    for name in sorted(
        {path.name for path in (SHIPPED / "words").glob("*.toml")} | set(kinds.find(workspace, "words", ".toml"))
    ):
        words[name.removesuffix(".toml")] = {}
        for path in (SHIPPED / "words" / name, workspace.root / "pages" / "words" / name):
            if path.is_file():
                try:
                    words[name.removesuffix(".toml")] |= tomllib.loads(path.read_text("utf-8"))
                except (ValueError, OSError) as error:
                    place = Place(workspace.name(path))
                    raise PageError([finding("page-template", place, reason=error)]) from error
    return words


def _environment(workspace: Workspace) -> Environment:
    loaders = [FileSystemLoader(workspace.root / "pages"), FileSystemLoader(SHIPPED)]
    return SandboxedEnvironment(
        loader=ChoiceLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _pictures(environment: Environment, site: Site, pages: Sequence[Page], view: View) -> list[Picture]:
    try:
        return gallery.hang(environment, pages, view)
    except DrawingError as error:
        reason, kind = error.args
        raise PageError([finding("page-query", Place(site.workspace.name(kind.file)), reason=reason)]) from error
    except _FAULTS as error:
        raise PageError([_told(error, "picture.svg", site.workspace)]) from error


def _render(
    environment: Environment,
    site: Site,
    view: View,
    page: Page,
    menu: Sequence[Page],
    folder: Path,
    pictures: Sequence[Picture],
) -> str:
    endings = site.documents.get(page.path, ()) if page.iri else ()
    home = site.described.home or site.described.base
    first = site.workspace.languages[0]
    values: dict[str, Any] = {
        "view": view,
        "page": page,
        "menu": menu,
        "pictures": pictures,
        "dataset": site.described,
        "files": site.whole,
        "feed": site.feed,
        "languages": site.workspace.languages,
        "formats": [(MEDIA_TYPES[ending], view.file(f"{page.path}{ending}"), ending) for ending in endings],
        "addresses": [(one, f"{home}{quote(address(page.path, one, first))}") for one in site.workspace.languages],
        "canonical": f"{home}{quote(address(page.path, view.language, first))}",
        "ask": view.file(_asking(folder, view.language, first)),
        "data": _data(site, page, folder),
    }
    try:
        return environment.get_template(page.template).render(values)
    except _FAULTS as error:
        raise PageError([_told(error, page.template, site.workspace)]) from error


def _asking(folder: Path, language: str, first: str) -> str:
    """Return the page on which SPARQL is asked, in the reader's language where it is there."""
    wanted = address("ask", language, first)
    return wanted if (folder / wanted).is_file() else "ask.html"


def _data(site: Site, page: Page, folder: Path) -> Any:
    """Return the page's own statements as JSON-LD that can stand in a page: nothing in it ends the element."""
    if page.path == "index":
        said = site.schema_org
    elif page.iri and ".jsonld" in site.documents.get(page.path, ()):
        said = (folder / f"{page.path}.jsonld").read_text("utf-8")
    else:
        return ""
    said = json.dumps(json.loads(said), ensure_ascii=False, separators=(",", ":"))
    return Markup(said.replace("<", "\\u003c").replace("\u2028", "\\u2028"))  # noqa: S704  (it is JSON, and has no <)


def _told(error: Exception, template: str, workspace: Workspace) -> Finding:
    """Return a finding at the line of the template that was at work when it failed."""
    if isinstance(error, TemplateSyntaxError):
        return finding("page-template", Place(_name(error.filename, workspace), error.lineno), reason=error.message)
    if isinstance(error, TemplateNotFound):
        return finding("page-template", Place(f"pages/{template}"), reason=f"there is no template {error.name!r}")
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith((".html", ".svg"))
    ]
    place = (
        Place(_name(frames[-1].filename, workspace), frames[-1].lineno or 1) if frames else Place(f"pages/{template}")
    )
    return finding("page-template", place, reason=str(error) or type(error).__name__)


def _name(file: str | None, workspace: Workspace) -> str:
    path = Path(file or "pages")
    return f"spacecoop/pages/{path.name}" if path.is_relative_to(SHIPPED) else workspace.name(path)
