"""A store and a language in; the texts that stand in for those that are not there in that language, out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pyoxigraph import Literal, Quad, Store

Texts = Mapping[tuple[Any, Any], Mapping[str, Sequence[tuple[str, Any]]]]
"""By subject and property, the texts in each language, each with its graph."""


def read(store: Store) -> Texts:
    """Return all texts that say their language."""
    found: defaultdict[tuple[Any, Any], defaultdict[str, list[tuple[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for quad in store:
        if isinstance(quad.object, Literal) and quad.object.language:
            found[quad.subject, quad.predicate][quad.object.language].append((quad.object.value, quad.graph_name))
    return found


@contextmanager
def lend(store: Store, texts: Texts, language: str, languages: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Have every subject say in *language* what it says in another alone: the first one of *languages* that there is.

    Yields the language of each text that was lent so. After that the store is as it was.
    """
    order = {one: number for number, one in enumerate(dict.fromkeys(languages))}
    lent: dict[str, str] = {}
    added: set[Quad] = set()
    for (subject, predicate), said in texts.items():
        if language not in said:
            first = min(said, key=lambda one: (order.get(one, len(order)), one))
            for text, graph in said[first]:
                added.add(Quad(subject, predicate, Literal(text, language=language), graph))
                lent[text] = min(first, lent.get(text, first))
    store.extend(added)
    own = {text for said in texts.values() for text, _ in said.get(language, ())}
    yield {text: one for text, one in lent.items() if text not in own}
    for quad in added:
        store.remove(quad)
