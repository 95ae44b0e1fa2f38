"""What an endpoint answered in, kept in a file; what need not be asked again out."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from spacecoop import documents, jsontext
from spacecoop.links.wikidata import Item


def load(folder: Path, endpoint: str, questions: str) -> dict[str, Item]:
    """Return the answers of this endpoint to these questions that are kept in a folder.

    A file that is not there, or that cannot be read, holds no answers: they are asked for again.
    """
    try:
        kept = jsontext.parse(_path(folder, endpoint, questions).read_text("utf-8"))
        return {iri: _item(iri, row) for iri, row in kept["items"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError):
        return {}


def save(folder: Path, endpoint: str, questions: str, items: Iterable[Item]) -> None:
    """Keep answers, in place of those to the same questions that were kept."""
    rows = {item.iri: _row(item) for item in sorted(items, key=lambda item: item.iri)}
    kept = {"endpoint": endpoint, "items": rows}
    folder.mkdir(parents=True, exist_ok=True)
    documents.save(_path(folder, endpoint, questions), json.dumps(kept, ensure_ascii=False, indent=1) + "\n")


def fresh(items: Mapping[str, Item], day: str, days: int) -> dict[str, Item]:
    """Return the answers that are at most so many days old on *day* (ISO 8601)."""
    oldest = (datetime.date.fromisoformat(day) - datetime.timedelta(days)).isoformat()
    return {iri: item for iri, item in items.items() if item.date >= oldest}


def _row(item: Item) -> dict[str, object]:
    facts = "".join(f"{Triple(NamedNode(item.iri), NamedNode(name), value)} .\n" for name, value in item.facts)
    return {"date": item.date, "classes": None if item.classes is None else sorted(item.classes), "facts": facts}


def _item(iri: str, row: Mapping[str, str]) -> Item:
    triples = parse(row["facts"].encode(), format=RdfFormat.N_TRIPLES)
    facts = tuple((one.predicate.value, one.object) for one in triples if isinstance(one.object, (NamedNode, Literal)))
    return Item(iri, facts, None if row["classes"] is None else frozenset(row["classes"]), row["date"])


def _path(folder: Path, endpoint: str, questions: str) -> Path:
    return folder / f"{hashlib.sha256(f'{endpoint} {questions}'.encode()).hexdigest()[:16]}.json"
