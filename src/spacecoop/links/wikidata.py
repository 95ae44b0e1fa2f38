"""Items of Wikidata asked for in; what a SPARQL endpoint that holds it says of them out."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from spacecoop.iris import local_name

Value = NamedNode | Literal
Ask = Callable[[str], Sequence[Mapping[str, object]]]
"""A SELECT query in, the rows of its whole answer out; raises where there is no such answer."""

END = NamedNode("urn:x-spacecoop:end")
"""An item that nobody has and that sorts behind all others: with its row, an answer is whole."""

ALIAS = "http://www.w3.org/2004/02/skos/core#altLabel"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
SAME = "http://www.w3.org/2002/07/owl#sameAs"
INSTANCE_OF = "http://www.wikidata.org/prop/direct/P31"
COUNTRY = "http://www.wikidata.org/prop/direct/P17"
_UNKNOWN = "/.well-known/genid/"  # Wikidata's "some value": it is there, but not known


class IncompleteError(Exception):
    """An answer lacks what was asked for; that says nothing about the items."""


class QueryFileError(Exception):
    """A query file does not have the VALUES that are to be filled in."""


@dataclass(frozen=True)
class Item:
    """What is said of one item."""

    iri: str
    facts: tuple[tuple[str, Value], ...] = ()
    """Properties and values, sorted; the values of Wikidata's best rank (``wdt:``)."""
    classes: frozenset[str] | None = None
    """To which of the classes asked about it belongs, directly or not; None where that is not known."""
    date: str = ""
    """The day on which this was so (ISO 8601)."""

    @property
    def exists(self) -> bool:
        """Whether anything is said of it."""
        return bool(self.facts)

    @property
    def target(self) -> str | None:
        """The item into which it was merged, where it was."""
        return next((value.value for name, value in self.facts if name == SAME), None)

    def values(self, name: str) -> list[Value]:
        """Return the values of a property."""
        return [value for known, value in self.facts if known == name]

    def countries(self) -> set[str]:
        """Return the items of its countries; a state is its own."""
        return {value.value for value in self.values(COUNTRY) if isinstance(value, NamedNode)}

    def names(self) -> list[Literal]:
        """Return labels, then aliases."""
        return [value for name in (LABEL, ALIAS) for value in self.values(name) if isinstance(value, Literal)]


@dataclass(frozen=True)
class Questions:
    """The queries, and what they ask for."""

    items: str
    classes: str
    names: str
    """SPARQL texts, each with empty VALUES for what is filled in."""
    properties: tuple[str, ...]
    languages: tuple[str, ...]
    expected: tuple[str, ...]
    """The classes asked about."""
    batch: int = 100
    """How many items, or names, go into one query."""

    @property
    def text(self) -> str:
        """All that an answer depends on."""
        return "\n".join([self.items, self.classes, *self.properties, *self.languages, *self.expected])


def describe(ask: Ask, questions: Questions, items: Iterable[str], date: str) -> Iterator[list[Item]]:
    """Yield what is said of these items, batch by batch, each with two requests.

    An item that the endpoint does not have comes back without facts; an answer without a row for each item raises
    IncompleteError, as does one that is cut behind a row.
    """
    for batch in _batches(sorted(set(items)), questions.batch):
        nodes = [*map(NamedNode, batch), END]
        said: defaultdict[str, set[tuple[str, Value]]] = defaultdict(set)
        rows = ask(
            fill(
                questions.items,
                item=nodes,
                property=list(map(NamedNode, questions.properties)),
                language=list(map(Literal, questions.languages)),
            )
        )
        for row in _whole(rows, nodes):
            name, value = row.get("property"), row.get("value")
            if isinstance(name, NamedNode) and isinstance(value, (NamedNode, Literal)) and _UNKNOWN not in value.value:
                said[_iri(row["item"])].add((name.value, value))
        classes: defaultdict[str, set[str]] = defaultdict(set)
        if questions.expected:
            asked = fill(questions.classes, item=nodes, **{"class": list(map(NamedNode, questions.expected))})
            for row in _whole(ask(asked), nodes):
                if isinstance(one := row.get("class"), NamedNode):
                    classes[_iri(row["item"])].add(one.value)
        yield [
            Item(
                item,
                tuple(sorted(said[item], key=lambda fact: (fact[0], str(fact[1])))),
                frozenset(classes[item]) if questions.expected else None,
                date,
            )
            for item in batch
        ]


def find_named(ask: Ask, questions: Questions, names: Iterable[Literal]) -> dict[Literal, list[str]]:
    """Return the items that have each of these names, as label or alias; raises IncompleteError as describe does."""
    found: dict[Literal, list[str]] = {}
    for batch in _batches(sorted(set(names), key=str), questions.batch):
        rows = ask(fill(questions.names, name=batch))
        lacking = set(batch) - {row.get("name") for row in rows}
        if lacking:
            raise IncompleteError(f"the answer has no row for {len(lacking)} of the {len(batch)} names asked about")
        for name in batch:
            items = {_iri(row["item"]) for row in rows if row.get("name") == name and "item" in row}
            found[name] = sorted(items, key=_number)
    return found


def fill(query: str, **values: Sequence[Value]) -> str:
    """Fill the empty VALUES of a query with terms; they are written as terms, never pasted as text.

    >>> fill("SELECT * { VALUES ?item {} ?item ?p ?o }", item=[NamedNode("http://example.org/a")])
    'SELECT * { VALUES ?item { <http://example.org/a> } ?item ?p ?o }'
    """
    for name, terms in values.items():
        place = re.compile(rf"VALUES\s+\?{name}\s*\{{\s*\}}")
        if not place.search(query):
            raise QueryFileError(f"the query has no `VALUES ?{name} {{}}` to be filled in")
        block = f"VALUES ?{name} {{ {' '.join(map(str, terms))} }}"
        query = place.sub(lambda _, block=block: block, query)  # type: ignore[misc]
    return query


def pace(ask: Ask, seconds: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> Ask:
    """Return *ask* made polite: a request begins at least so many seconds after the one before it."""
    earliest = -1.0

    def politely(query: str) -> Sequence[Mapping[str, object]]:
        nonlocal earliest
        if (wait := earliest - clock()) > 0:
            sleep(wait)
        earliest = clock() + seconds
        return ask(query)

    return politely


def today() -> str:
    """Return the day on which an answer is given (UTC)."""
    return time.strftime("%Y-%m-%d", time.gmtime())


def _whole(rows: Sequence[Mapping[str, object]], nodes: Sequence[NamedNode]) -> list[Mapping[str, object]]:
    """Return the rows of the items asked about; raises IncompleteError where an item has none."""
    asked = set(nodes)
    lacking = asked - {row.get("item") for row in rows}
    if lacking:
        some = ", ".join(sorted(local_name(node.value) for node in lacking - {END})[:3])
        end = "its end" if not some else f"{len(lacking)} of the {len(nodes)} items asked about ({some}, ...)"
        raise IncompleteError(f"the answer lacks {end}, so nothing is read from it")
    return [row for row in rows if row["item"] != END]


def _iri(term: object) -> str:
    if not isinstance(term, NamedNode):
        raise IncompleteError(f"the answer has {term} where an item's IRI should be")
    return term.value


def _number(iri: str) -> tuple[int, str]:
    return len(iri), iri


def _batches(things: Sequence[object], size: int) -> Iterator[list]:  # type: ignore[type-arg]
    for start in range(0, len(things), size):
        yield list(things[start : start + size])
