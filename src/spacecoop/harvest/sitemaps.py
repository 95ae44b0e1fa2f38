"""The addresses of a site in; its sitemaps, each page with its languages, and ``robots.txt`` out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as Xml

from pyoxigraph import Quad

from spacecoop.harvest.editions import newest
from spacecoop.harvest.files import write_text
from spacecoop.output import Written
from spacecoop.workspace import Workspace

ALONE = "sitemap-pages.xml"
"""The map of the pages that no IRI has."""
_MOST_URLS = 50_000
"""In one sitemap (sitemaps.org, protocol 0.9)."""

_Entry = tuple[str, str | None, Mapping[str, str]]
"""An address, the date of its last change, and its alternates by language."""


@dataclass(frozen=True)
class Page:
    """One address that the site has, and since when it is as it is, where that is known."""

    path: str
    """Of the document, from the base IRI, without ending."""
    date: str | None = None
    html: str = ""
    """The path of its page for people, without language and ending; empty where there is none."""


def address(path: str, language: str, first: str) -> str:
    """Return the file of a page in a language.

    >>> address("id/china", "fr", "en"), address("id/china", "en", "en")
    ('id/china.fr.html', 'id/china.html')
    """
    return f"{path}.html" if language == first else f"{path}.{language}.html"


def pages(
    found: Mapping[str, Sequence[Quad]], dated: Mapping[str, str | None], modified: str | None, workspace: Workspace
) -> list[Page]:
    """Return the addresses of all documents, with the date of the last change where it is known.

    *found* are the shared documents, *dated* the articles' with their dates; *modified* is the dataset's date.
    """
    about = dict.fromkeys((workspace.base, f"{workspace.base}catalog", f"{workspace.base}void"), modified)
    dates = {**about, **{iri: newest(quads, iri) for iri, quads in found.items()}, **dated}
    html = {iri: iri.removeprefix(workspace.base) for iri in (*found, *dated)} | {workspace.base: "index"}
    return [Page(iri.removeprefix(workspace.base), date, html.get(iri, "")) for iri, date in sorted(dates.items())]


def write(every: Sequence[Page], folder: Path, home: str, languages: Sequence[str]) -> Iterator[Written]:
    """Write ``robots.txt`` and ``sitemap.xml``; *home* is where the site is served from.

    A page whose last change is not known gets no date. Each has its *languages* as alternates, and its IRI, at which
    a reader gets the page in the first one; none, where the site has data alone. More pages than one map may hold go
    into several.
    """
    parts = [every[start : start + _MOST_URLS] for start in range(0, len(every), _MOST_URLS)] or [[]]
    names = ["sitemap.xml"] if len(parts) == 1 else [f"sitemap-{number}.xml" for number in range(1, len(parts) + 1)]
    for name, part in zip(names, parts, strict=True):
        rows: list[_Entry] = [(home + page.path, page.date, _alternates(page, home, languages)) for page in part]
        yield write_text(folder, name, _sitemap("urlset", "url", rows))
    if len(parts) > 1:
        dated = [max((page.date for page in part if page.date), default=None) for part in parts]
        every_map: list[_Entry] = [(home + name, date, {}) for name, date in zip(names, dated, strict=True)]
        yield write_text(folder, "sitemap.xml", _sitemap("sitemapindex", "sitemap", every_map))
    maps = ["sitemap.xml", ALONE] if languages else ["sitemap.xml"]
    yield write_text(
        folder, "robots.txt", "User-agent: *\nAllow: /\n" + "".join(f"Sitemap: {home}{one}\n" for one in maps)
    )


def write_alone(paths: Iterable[str], folder: Path, home: str, languages: Sequence[str]) -> Written:
    """Write the map of the pages that no IRI has: each language's page, with the others as alternates."""
    rows: list[_Entry] = []
    for path in sorted(paths):
        alternates = _alternates(Page("", None, path), home, languages) | {"x-default": home + quote(f"{path}.html")}
        rows += [(alternates[language], None, alternates) for language in languages]
    return write_text(folder, ALONE, _sitemap("urlset", "url", rows))


def _alternates(page: Page, home: str, languages: Sequence[str]) -> dict[str, str]:
    """Return by language where a page is; its IRI leads to the one that a reader's browser asks for."""
    if not page.html:
        return {}
    found = {language: home + quote(address(page.html, language, languages[0])) for language in languages}
    return found | {"x-default": home + page.path} if found else {}


def _sitemap(root: str, item: str, rows: Sequence[_Entry]) -> str:
    names = {"xmlns": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    if any(alternates for _, _, alternates in rows):
        names["xmlns:xhtml"] = "http://www.w3.org/1999/xhtml"
    top = Xml.Element(root, names)
    for there, date, alternates in rows:
        entry = Xml.SubElement(top, item)
        Xml.SubElement(entry, "loc").text = there
        if date:
            Xml.SubElement(entry, "lastmod").text = date
        for language, other in alternates.items():
            Xml.SubElement(entry, "xhtml:link", {"rel": "alternate", "hreflang": language, "href": other})
    Xml.indent(top, space=" ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{Xml.tostring(top, encoding="unicode")}\n'
