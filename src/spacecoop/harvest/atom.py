"""The newest versions of articles, and what people are told of each, in; an Atom feed in one language out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as Xml

from spacecoop import output
from spacecoop.findings import choose_text
from spacecoop.harvest import history
from spacecoop.harvest.editions import Notice
from spacecoop.harvest.history import Version
from spacecoop.harvest.statements import Texts
from spacecoop.messages import Words
from spacecoop.output import Written
from spacecoop.workspace import Workspace

_SUBJECTS, _CLAIMS = 5, 3
"""How many subjects and claims an entry tells."""
_HAPPENED = {
    history.CREATED: Words("new"),
    history.UPDATED: Words("revised"),
    history.DELETED: Words("withdrawn"),
}


def write(
    name: str,
    language: str,
    newest: Sequence[Version],
    notices: Mapping[str, Notice],
    folder: Path,
    workspace: Workspace,
    author: str,
    names: Mapping[str, Texts],
) -> Written:
    """Write the *newest* changes as an Atom feed (RFC 4287), newest first."""
    feed = Xml.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": language})
    _text(feed, "id", f"{workspace.base}{name.removesuffix('.atom')}")
    _text(feed, "title", choose_text(workspace.title, language))
    _text(feed, "updated", newest[0].date)
    _text(Xml.SubElement(feed, "author"), "name", author)
    Xml.SubElement(feed, "link", {"rel": "self", "href": f"{workspace.base}{name}", "type": "application/atom+xml"})
    Xml.SubElement(feed, "link", {"rel": "alternate", "href": workspace.base})
    for one in newest:
        entry = Xml.SubElement(feed, "entry")
        told = notices.get(one.slug)
        title, summary = _describe(one, told, names, language)
        _text(entry, "id", history.name_member(one, workspace))
        _text(entry, "title", title)
        _text(entry, "updated", one.date)
        Xml.SubElement(entry, "link", {"rel": "alternate", "href": workspace.article(one.slug)})
        if told and told.source != workspace.article(one.slug):
            Xml.SubElement(entry, "link", {"rel": "via", "href": told.source})
        if told:
            for iri in [iri for iri in told.subjects if iri in names][:_SUBJECTS]:
                Xml.SubElement(entry, "category", {"term": iri, "label": choose_text(names[iri], language)})
        _text(entry, "summary", summary)
    Xml.indent(feed, space=" ")
    path = folder / name
    text = Xml.tostring(feed, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n', "utf-8", newline="\n")
    return output.measure(folder, path, 0)


def _describe(version: Version, told: Notice | None, names: Mapping[str, Texts], language: str) -> tuple[str, str]:
    """Say for people what came: who published it, when, in which language, how many claims, on what, and the first."""
    happened = _HAPPENED[version.kind].text(language)
    if told is None or version.kind == history.DELETED:
        return f"{version.slug} {happened}", f"{version.slug} {happened}"
    publisher = choose_text(names.get(told.publisher, {}), language)
    head = ", ".join(part for part in (publisher, told.issued, told.language) if part) or version.slug
    count = Words("{} claim" if len(told.claims) == 1 else "{} claims", len(told.claims)).text(language)
    title = choose_text(told.title, language)
    title = f"{title}, {head}" if title and title != version.slug else head
    subjects = ", ".join([choose_text(names[iri], language) for iri in told.subjects if iri in names][:_SUBJECTS])
    first = [choose_text(claim, language) for claim in told.claims[:_CLAIMS]]
    more = ["…"] if len(told.claims) > _CLAIMS else []
    summary = " ".join([Words("On {}.", subjects).text(language) if subjects else "", *first, *more]).strip()
    return Words("{}: {} ({})", title, count, happened).text(language), summary or count


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text
