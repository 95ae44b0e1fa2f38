"""A dataset just written in; its pages, in every language, out: the one door of this room."""

from __future__ import annotations

import hashlib
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment
from pyoxigraph import NamedNode, Quad, Store

from spacecoop import cache, documents
from spacecoop.findings import Place, finding
from spacecoop.harvest import files, sitemaps
from spacecoop.harvest.description import Description
from spacecoop.harvest.sitemaps import address
from spacecoop.output import Written
from spacecoop.pages import articles, gallery, kinds, questions, rendering, sandboxed, searching
from spacecoop.pages.answers import Answers, UnansweredError
from spacecoop.pages.articles import Setup
from spacecoop.pages.faults import PageError
from spacecoop.pages.kept import Kept, Made, basis
from spacecoop.pages.kinds import Kind, Page, Row, arrange
from spacecoop.pages.known import Asked, Noted
from spacecoop.pages.rendering import Frame
from spacecoop.pages.whole import Whole
from spacecoop.queries.library import Query, QueryError
from spacecoop.syntaxes import NQUADS, NTRIPLES
from spacecoop.workspace import Workspace

ASIDE = ".pages"
"""Where in the folder that is written lies what is needed for the pages, until they are there."""


@dataclass(frozen=True)
class Site:
    """What pages are made from, beside the files that are in the folder already."""

    workspace: Workspace
    facts: Sequence[Quad]
    """What the shared files say."""
    around: Sequence[Quad]
    """All that is said by no article: facts, shapes, comparisons, the dataset's description."""
    articles: Sequence[str]
    """The paths of the articles' documents."""
    documents: Mapping[str, Sequence[str]]
    """By path, the endings of each document's files, the articles' too."""
    described: Description
    whole: Sequence[Written]
    statements: int
    schema_org: str
    feed: bool
    named: Sequence[Query]
    """The workspace's named queries."""
    cached: bool
    """Whether what the last build wrote may be taken over."""


def write(site: Site, folder: Path) -> list[Written]:
    """Write all pages with their styles; raises PageError for a template or a query of the site that is wrong."""
    every = _kinds(site.workspace)
    whole = Whole(folder / ASIDE, site.statements, every)
    try:
        whole.load(folder / f"dataset{NTRIPLES.ending}", site.around)
        return [*_write_styles(site.workspace, folder), *_write(site, every, whole, folder)]
    finally:
        whole.close()
        shutil.rmtree(folder / ASIDE, ignore_errors=True)


def _write_styles(workspace: Workspace, folder: Path) -> Iterator[Written]:
    for place, own, ending in (("styles", "", ".css"), ("scripts", "", ".js"), ("styles", "icons", ".svg")):
        for name, path in sorted(kinds.find(workspace, own, ending).items()):
            yield files.write_text(folder, f"{place}/{name}", documents.text(path, workspace.name(path)))


def _write(site: Site, every: Sequence[Kind], whole: Whole, folder: Path) -> Iterator[Written]:
    workspace = site.workspace
    around = Answers(folder / ASIDE / "around")
    with _tell_unanswered(workspace):
        whole.ask([kind for kind in every if kind.at or (kind.part and not kind.alone)])
        around.ask(_store(site.around), [kind for kind in every if kind.alone or (kind.page and not kind.at)])
    for kind in every:
        if kind.alone:
            whole.ask_around(kind, around.lines(kind))
    answers = {kind.name: whole.answer(kind) for kind in every if kind.at}
    alone = kinds.stand_alone(every, answers)
    frame = Frame(
        workspace=workspace,
        folder=folder,
        described=site.described,
        interface=rendering.interface(workspace),
        endings=site.documents,
        menu=[page for page in _menu(every, alone) if page.path != "index"],
        files=site.whole,
        schema_org=site.schema_org,
        feed=site.feed,
        search=any(page.path == "search" for page in alone),
    )
    base, kept = basis(workspace, frame.menu, str(site.feed), str(frame.search)), Kept(workspace, folder, site.cached)
    listed, shared = _list(site, every, around)
    setup = Setup(frame, every, site.facts, shared, {f"{workspace.base}{path}": path for path in site.articles})
    said = cache.key(base, *(str(quad).encode() for quad in site.facts)).encode()
    laid: dict[str, tuple[str, str]] = {}
    environment = sandboxed.open_templates(workspace)
    for iri, made in articles.write(setup, environment, kept, said, whole.take):
        laid[iri] = (setup.articles[iri], made.page["template"])
        whole.mark(iri, made.page["anchors"])
        for name, page, anchor in made.listed:
            listed[name].append({"page": NamedNode(page), **({"anchor": NamedNode(anchor)} if anchor else {})})
        yield from made.written
    pages = kinds.map_documents([(kind, listed[kind.name]) for kind in every if kind.name in listed], _paths(site))
    home = next(page for page in alone if page.path == "index")
    whole.lay_out({**pages, workspace.base: home}, laid)
    paths = (page.path for page in alone if page.path != "index")
    yield sitemaps.write_alone(paths, folder, site.described.home or site.described.base, workspace.languages)
    with _tell_unanswered(workspace):
        for part, rows in questions.tell(site.named, folder / f"dataset{NQUADS.ending}", site.statements, workspace):
            whole.tell(part, rows)
    listed_there = searching.list_pieces(whole.listed(searching.PART), whole)
    for name, text in searching.write(whole.pieces(listed_there), whole, workspace.languages):
        yield files.write_text(folder, name, text)
    yield from _write_others(
        frame, environment, whole, [*pages.values(), *alone], gallery.find(every, alone), kept, base
    )
    kept.save()


def _write_others(
    frame: Frame,
    environment: Environment,
    whole: Whole,
    pages: Iterable[Page],
    pictures: Sequence[Page],
    kept: Kept,
    base: bytes,
) -> Iterator[Written]:
    """Write the pages that are no article's, or take them over: all that their templates asked is noted."""
    first = frame.workspace.languages[0]
    hung = rendering.draw(environment, frame, Noted(whole, frame.described), pictures)
    for language, ones in hung.items():
        for one in ones:
            path = address(one.page.path, language, first).removesuffix(".html")
            yield files.write_text(frame.folder, f"{path}.svg", one.svg)
    asked = Asked(Noted(whole, frame.described, sign=whole.sign).asks)
    for page in sorted(pages, key=lambda page: page.path):
        noted = Noted(whole, frame.described, sign=whole.sign)
        if not page.iri:
            yield from rendering.write(environment, frame, noted, page, hung)
            continue
        own = (frame.folder / f"{page.path}{ending}" for ending in frame.endings[page.path])
        digests = [hashlib.sha256(path.read_bytes()).digest() for path in own]
        key = cache.key(base, page.iri.encode(), page.template.encode(), page.sign.encode(), *digests)
        made = kept.find(key, asked)
        if made is None:
            written = tuple(rendering.write(environment, frame, noted, page))
            made = kept.keep(key, Made(written, noted.notes, {}))
        yield from made.written


def _store(quads: Iterable[Quad]) -> Store:
    store = Store()
    store.extend(Quad(*quad.triple) for quad in quads)
    return store


def _list(site: Site, every: Sequence[Kind], around: Answers) -> tuple[defaultdict[str, list[Row]], dict[str, Page]]:
    """Return which pages are listed by what no article says, by query; and these pages."""
    listed: defaultdict[str, list[Row]] = defaultdict(list)
    for kind in every:
        if kind.page and not kind.at:
            listed[kind.name] += arrange(kind, around.rows(kind))
    return listed, kinds.map_documents(
        [(kind, listed[kind.name]) for kind in every if kind.name in listed], _paths(site)
    )


def _paths(site: Site) -> dict[str, str]:
    """Return, by IRI, the paths of the documents that are no article's."""
    own = set(site.articles)
    return {f"{site.workspace.base}{path}": path for path in site.documents if path not in own}


@contextmanager
def _tell_unanswered(workspace: Workspace) -> Iterator[None]:
    """Tell a query that has no answer by its file."""
    try:
        yield
    except UnansweredError as error:
        place = Place(workspace.name(error.file))
        raise PageError([finding("page-query", place, reason=error)]) from error


def _kinds(workspace: Workspace) -> list[Kind]:
    try:
        return kinds.read(workspace)
    except (QueryError, OSError) as error:
        file, _, reason = str(error).partition(": ")
        raise PageError([finding("page-query", Place(file), reason=reason)]) from error


def _menu(every: Sequence[Kind], alone: Sequence[Page]) -> Iterator[Page]:
    by_path = {page.path: page for page in alone}
    yield from (by_path[kind.at] for kind in every if kind.at in by_path and kind.menu and not kind.picture)
