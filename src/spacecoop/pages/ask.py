"""The named queries and what the dataset uses in; the query page, its scripts and what it offers, out.

SPARQL is answered in the reader's own browser: ``worker.js`` is a service worker that makes ``sparql`` beside the page
an endpoint, ``engine.js`` runs Oxigraph in a worker that the page may end. The libraries lie in ``assets/``, which is
no part of what the manifest lists; without them the page is a plain form.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from typing import Any

from jinja2 import Environment, StrictUndefined

from spacecoop.findings import said

SECONDS = 30
"""For how long a question is answered before its worker is ended."""
SCRIPTS = ("ask.js", "ask.css", "worker.js", "engine.js")
FORMATS = ("json", "xml", "csv", "tsv", "turtle", "nt")


@dataclass(frozen=True)
class Named:
    """A named query, as it runs anywhere."""

    name: str
    summary: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Offered:
    """What is offered while somebody types."""

    prefixes: Mapping[str, str]
    classes: Sequence[str]
    properties: Sequence[str]


def render(
    title: Mapping[str, str], languages: Sequence[str], queries: Sequence[Named], offered: Offered
) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file of the query page: one page for each language."""
    folder = resources("spacecoop.pages") / "ask"
    words: dict[str, dict[str, str]] = tomllib.loads((folder / "words.toml").read_text("utf-8"))
    there = [language for language in languages if language in words] or ["en"]
    template = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True).from_string(
        (folder / "ask.html").read_text("utf-8")
    )

    def address(language: str) -> str:
        return "ask.html" if language == there[0] else f"ask.{language}.html"

    for language in there:
        yield (
            address(language),
            template.render(
                language=language,
                languages=there,
                address=address,
                words=words[language],
                dataset=said(title, language),
                seconds=SECONDS,
                formats=FORMATS,
                first=queries[0].text if queries else "SELECT * WHERE { ?s ?p ?o } LIMIT 10",
                questions=list(_summaries(queries, language)),
            ),
        )
    yield "ask.json", _as_json(queries, offered)
    for name in SCRIPTS:
        yield name, (folder / name).read_text("utf-8")


def _summaries(queries: Iterable[Named], language: str) -> Iterator[dict[str, str]]:
    for one in queries:
        found = language if language in one.summary else next(iter(one.summary), "en")
        yield {"name": one.name, "summary": one.summary.get(found, ""), "language": found}


def _as_json(queries: Iterable[Named], offered: Offered) -> str:
    rows: dict[str, Any] = {
        "prefixes": dict(sorted(offered.prefixes.items())),
        "classes": sorted(offered.classes),
        "properties": sorted(offered.properties),
        "queries": [{"name": one.name, "query": one.text} for one in queries],
    }
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
