"""A page and what is known in, its files in every language out: templates of the workspace, in their sandbox."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from spacecoop.findings import Place, finding
from spacecoop.harvest import files
from spacecoop.harvest.description import Description
from spacecoop.harvest.negotiation import MEDIA_TYPES
from spacecoop.harvest.sitemaps import address
from spacecoop.output import Written
from spacecoop.pages import embedding, gallery, kinds
from spacecoop.pages.drawing import DrawingError
from spacecoop.pages.faults import FAULTS, PageError, make_finding
from spacecoop.pages.gallery import Picture
from spacecoop.pages.kinds import SHIPPED, Page
from spacecoop.pages.known import Noted
from spacecoop.pages.views import View, Words
from spacecoop.workspace import Workspace

Hung = Mapping[str, Sequence[Picture]]
"""Pictures by the language of their words."""


@dataclass(frozen=True)
class Frame:
    """What is the same for all pages."""

    workspace: Workspace
    folder: Path
    described: Description
    interface: Mapping[str, Mapping[str, str]]
    """By language, the words of the templates."""
    endings: Mapping[str, Sequence[str]]
    """By path, the endings of each document's files."""
    menu: Sequence[Page]
    files: Sequence[Written]
    """The dumps."""
    schema_org: str
    feed: bool
    search: bool
    """Whether there is a page on which one searches."""

    def words(self, noted: Noted) -> Words:
        """Return what the site knows, and how it speaks."""
        return Words(noted, self.workspace.languages, self.interface, self.workspace.prefixes)


def interface(workspace: Workspace) -> dict[str, dict[str, str]]:
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


def write(
    environment: Environment, frame: Frame, noted: Noted, page: Page, hung: Hung | None = None
) -> Iterator[Written]:
    """Write a page in every language, with the pictures that hang there; raises PageError for a wrong template."""
    words, first = frame.words(noted), frame.workspace.languages[0]
    data = _data(frame, page)
    for language in frame.workspace.languages:
        pictures = hung.get(language, ()) if hung else ()
        made = _render(environment, frame, View(words, page, language), page, data, pictures)
        yield files.write_text(frame.folder, address(page.path, language, first), made)


def draw(environment: Environment, frame: Frame, noted: Noted, pages: Sequence[Page]) -> Hung:
    """Return the pictures of these pages by language; raises PageError where one cannot be drawn."""
    words = frame.words(noted)
    try:
        return {
            language: gallery.hang(environment, pages, View(words, pages[0], language)) if pages else []
            for language in frame.workspace.languages
        }
    except DrawingError as error:
        reason, kind = error.args
        raise PageError([finding("page-query", Place(frame.workspace.name(kind.file)), reason=reason)]) from error
    except FAULTS as error:
        raise PageError([make_finding(error, "picture.svg", frame.workspace)]) from error


def _render(
    environment: Environment, frame: Frame, view: View, page: Page, data: Markup | None, pictures: Sequence[Picture]
) -> str:
    endings = frame.endings.get(page.path, ()) if page.iri else ()
    home = frame.described.home or frame.described.base
    languages = frame.workspace.languages
    canonical = f"{home}{quote(address(page.path, view.language, languages[0]))}"
    if data is None and not page.iri:
        data = embedding.tell_list(page, view, frame.workspace.dataset, canonical)
    values: dict[str, Any] = {
        "view": view,
        "page": page,
        "menu": frame.menu,
        "pictures": pictures,
        "search": view.to("search") if frame.search else "",
        "dataset": view.described,
        "files": () if page.iri else frame.files,
        "feed": frame.feed,
        "languages": languages,
        "formats": [(MEDIA_TYPES[ending], view.file(f"{page.path}{ending}"), ending) for ending in endings],
        "addresses": [(one, f"{home}{quote(address(page.path, one, languages[0]))}") for one in languages],
        "neutral": home + quote(page.path if page.iri else "" if page.path == "index" else f"{page.path}.html"),
        "atom": "feed.atom" if view.language == languages[0] else f"feed.{view.language}.atom",
        "canonical": canonical,
        "ask": view.to("ask"),
        "data": data,
    }
    try:
        return environment.get_template(page.template).render(values)
    except FAULTS as error:
        raise PageError([make_finding(error, page.template, frame.workspace)]) from error


def _data(frame: Frame, page: Page) -> Markup | None:
    """Return the page's own statements as JSON-LD; None for a page that has no document, which each language lists."""
    if page.path == "index":
        return embedding.tell_home(frame.schema_org)
    if page.iri and ".jsonld" in frame.endings.get(page.path, ()):
        return embedding.tell_document(frame.folder / f"{page.path}.jsonld", page, frame.workspace.prefixes)
    return None
