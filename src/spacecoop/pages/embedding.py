"""A page in, what it says for programs out: JSON-LD that stands in it, its document's statements or what it lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup
from pyoxigraph import NamedNode

from spacecoop import jsontext
from spacecoop.iris import shorten
from spacecoop.pages.kinds import Page
from spacecoop.pages.views import View

MOST = 100_000
"""Characters of a document's JSON-LD that stand in its page; of a longer one, what is said of the document itself."""
LISTED = 500
"""Things that a list's page tells programs: the next ones are in the dataset."""


def tell_document(path: Path, page: Page, prefixes: Mapping[str, str]) -> Markup:
    """Return the statements of a page's document, from its file in JSON-LD."""
    said = jsontext.parse(path.read_text("utf-8"))
    text = _write(said)
    if len(text) > MOST:
        own = {page.iri, shorten(page.iri, prefixes)}
        text = _write({**said, "@graph": [node for node in said["@graph"] if node["@id"] in own]})
    return _as_markup(text)


def tell_home(schema_org: str) -> Markup:
    """Return the description of the dataset, given as JSON."""
    return _as_markup(_write(jsontext.parse(schema_org)))


def tell_list(page: Page, view: View, dataset: str, url: str) -> Markup:
    """Return what a page without a document says of itself, in schema.org's words: its name, and what it lists."""
    about = view.chosen(page.kind.description if page.kind else {})
    found = list(dict.fromkeys(_items(page)))
    said: dict[str, Any] = {
        "@context": {"@vocab": "https://schema.org/"},
        "@type": "CollectionPage" if found else "WebPage",
        "@id": url,
        "url": url,
        "name": view.title(page).text,
        "inLanguage": view.language,
        "isPartOf": {"@id": dataset},
    }
    if about.text:
        said["description"] = about.text
    if found:
        said["mainEntity"] = {
            "@type": "ItemList",
            "numberOfItems": len(found),
            "itemListElement": [
                {"@type": "ListItem", "position": place, "item": {"@id": iri, "name": view.label(iri).text}}
                for place, iri in enumerate(found[:LISTED], 1)
            ],
        }
    return _as_markup(_write(said))


def _items(page: Page) -> Iterator[str]:
    for row in page.rows:
        item = row.get("item")
        if isinstance(item, NamedNode):
            yield item.value


def _write(said: Any) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def _as_markup(text: str) -> Markup:
    """Return JSON that can stand in a page: nothing in it ends the element."""
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))  # noqa: S704  (it is JSON, and has no <)
