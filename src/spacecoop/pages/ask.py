"""The named queries and what the dataset uses in; the scripts of the query page and what it offers, out.

SPARQL is answered in the reader's own browser: ``worker.js`` is a service worker that makes ``sparql`` beside the page
an endpoint, ``engine.js`` runs Oxigraph in a worker that the page may end. The libraries lie in ``assets/``, which is
no part of what the manifest lists; without them the page is a plain form. The page itself is one of the site's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from typing import Any

SCRIPTS = ("ask.js", "worker.js", "engine.js")


@dataclass(frozen=True)
class Named:
    """A named query, as it runs anywhere."""

    name: str
    text: str


@dataclass(frozen=True)
class Offered:
    """What is offered while somebody types."""

    prefixes: Mapping[str, str]
    classes: Sequence[str]
    properties: Sequence[str]


def render(queries: Iterable[Named], offered: Offered) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file that the query page reads."""
    yield "ask.json", _as_json(queries, offered)
    folder = resources("spacecoop.pages") / "ask"
    for name in SCRIPTS:
        yield name, (folder / name).read_text("utf-8")


def _as_json(queries: Iterable[Named], offered: Offered) -> str:
    rows: dict[str, Any] = {
        "prefixes": dict(sorted(offered.prefixes.items())),
        "classes": sorted(offered.classes),
        "properties": sorted(offered.properties),
        "queries": [{"name": one.name, "query": one.text} for one in queries],
    }
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
