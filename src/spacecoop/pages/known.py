"""A store in; what a template looks up in it, statement by statement, out: nothing is held that is not asked for."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from pyoxigraph import Literal, NamedNode, Quad, Store

from spacecoop.pages.kinds import Page, Row
from spacecoop.pages.values import TEXT, Value, bound
from spacecoop.quads import text

NAMES = "names"
"""The part whose rows give labels."""
_MOST = 4_000
"""Of how many nodes what was looked up last is kept."""

Said = Mapping[str, frozenset[Value]]
"""What is said of a node, by property."""


class Known(Protocol):
    """What the templates of pages can find out."""

    def of(self, node: str) -> Said:
        """Return what is said of a node, by property."""

    def to(self, node: str) -> frozenset[tuple[str, str]]:
        """Return what leads to a node: subjects, each with the property."""

    def uses(self, node: str) -> int:
        """Count the statements in which an IRI is the property or the object."""

    def names(self, iri: str) -> Sequence[Value]:
        """Return the labels of a thing in all languages."""

    def rows(self, part: str, page: str) -> Sequence[Row]:
        """Return the rows that the query with ``part: NAME`` has for a page."""

    def page(self, document: str) -> Page | None:
        """Return the page that is about a document."""


class Statements:
    """What the statements of a store say of a node, and what leads to it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.of = lru_cache(_MOST)(self._read)
        self.to = lru_cache(64)(self._to)  # of a thing that everybody names this is much
        self.uses = lru_cache(_MOST)(self._uses)

    def _read(self, node: str) -> Said:
        found: defaultdict[str, set[Value]] = defaultdict(set)
        for one in _pattern(node):
            for quad in self._store.quads_for_pattern(one, None, None, None):
                value = _value(quad)
                if value is not None:
                    found[quad.predicate.value].add(value)
        return {by: frozenset(values) for by, values in found.items()}

    def _to(self, node: str) -> frozenset[tuple[str, str]]:
        found = (quad for one in _pattern(node) for quad in self._store.quads_for_pattern(None, None, one, None))
        return frozenset((text(quad.subject), quad.predicate.value) for quad in found)

    def _uses(self, node: str) -> int:
        both = (
            (self._store.quads_for_pattern(None, one, None, None), self._store.quads_for_pattern(None, None, one, None))
            for one in _pattern(node)
        )
        return sum(1 for pair in both for found in pair for _ in found)


def _pattern(node: str) -> tuple[NamedNode, ...]:
    """Return an IRI as a term; nothing, where a template asks for what is none."""
    try:
        return (NamedNode(node),)
    except ValueError:
        return ()


def _value(quad: Quad) -> Value | None:
    said = quad.object
    if isinstance(said, Literal):
        return Value(bound(said.value, TEXT), said.language or "")
    return Value(said.value, "", True) if isinstance(said, NamedNode) else None


def names(rows: Iterable[Row]) -> dict[str, list[Value]]:
    """Return labels by what they are of, from the rows of a query with ``part: names``."""
    found: defaultdict[str, list[Value]] = defaultdict(list)
    for row in rows:
        label = row.get("label")
        if isinstance(label, Literal) and "page" in row:
            found[row["page"].value].append(Value(label.value, label.language or ""))
    return found


class Noted:
    """Passes on what is known, and notes what was asked and a digest of the answer, so that a page can be kept.

    A page whose notes are still right would be made to the same bytes.
    """

    def __init__(
        self,
        known: Known,
        dataset: Any,
        only: frozenset[str] = frozenset(),
        sign: Callable[[str, str], str] | None = None,
    ) -> None:
        self._known = known
        self._sign = sign  # what changes when the rows for a page do; none, where they are not to be noted
        self._dataset = dataset
        self._only = only  # what is to be noted, where the rest is the same for the same page anyhow
        self.notes: dict[str, str] = {}
        self._pages: dict[str, Page | None] = {}
        for kind in ("of", "to", "uses", "names", "rows"):
            if only and kind not in only:
                setattr(self, kind, getattr(known, kind))

    def _note(self, kind: str, answer: Any, *asked: str) -> Any:
        if self._only and kind not in self._only:
            return answer
        key = f"{kind} {' '.join(asked)}"
        if key not in self.notes:
            self.notes[key] = _digest(kind, answer)
        return answer

    def of(self, node: str) -> Said:
        """Return what is said of a node, by property."""
        found: Said = self._note("of", self._known.of(node), node)
        return found

    def to(self, node: str) -> frozenset[tuple[str, str]]:
        """Return what leads to a node."""
        found: frozenset[tuple[str, str]] = self._note("to", self._known.to(node), node)
        return found

    def uses(self, node: str) -> int:
        """Count the statements in which an IRI is the property or the object."""
        return int(self._note("uses", self._known.uses(node), node))

    def names(self, iri: str) -> Sequence[Value]:
        """Return the labels of a thing in all languages."""
        found: Sequence[Value] = self._note("names", self._known.names(iri), iri)
        return found

    def rows(self, part: str, page: str) -> Sequence[Row]:
        """Return the rows that the query with ``part: NAME`` has for a page."""
        rows = self._known.rows(part, page)
        if self._sign is not None:
            self._note("rows", self._sign(part, page), part, page)
        return rows

    def page(self, document: str) -> Page | None:
        """Return the page that is about a document."""
        if document not in self._pages:
            self._pages[document] = self._note("page", self._known.page(document), document)
        return self._pages[document]

    @property
    def dataset(self) -> Any:
        """The dataset's description, of which is noted what is read."""
        return _Read(self)

    def described(self, name: str) -> Any:
        """Return one thing that is known of the dataset."""
        return self._note("described", getattr(self._dataset, name), name)

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """What gives the answers that are noted, by kind."""
        kinds = ("of", "to", "uses", "names", "page")
        asks: dict[str, Callable[..., Any]] = {kind: getattr(self._known, kind) for kind in kinds}
        rows = {} if self._sign is None else {"rows": self._sign}
        return {**asks, **rows, "described": lambda name: getattr(self._dataset, name, None)}


class Asked(dict[str, str]):
    """Digests of the answers that are given now, by what is asked, each looked up once."""

    def __init__(self, asks: Mapping[str, Callable[..., Any]]) -> None:
        super().__init__()
        self._asks = asks

    def __missing__(self, key: str) -> str:
        kind, *asked = key.split(" ")
        found = self[key] = _digest(kind, self._asks[kind](*asked)) if kind in self._asks else ""
        return found

    def hold(self, notes: Mapping[str, str]) -> bool:
        """Tell whether each of the answers that were noted is still given."""
        return all(self[key] == digest for key, digest in notes.items())


class _Read:
    """The dataset's description, as a template reads it."""

    def __init__(self, noted: Noted) -> None:
        self._noted = noted

    def __getattr__(self, name: str) -> Any:
        return self._noted.described(name)


def _digest(kind: str, answer: Any) -> str:
    if kind == "of":
        answer = sorted((by, sorted(map(_plain, values))) for by, values in answer.items())
    elif kind == "to":
        answer = sorted(answer)
    elif kind == "names":
        answer = sorted(map(_plain, answer))
    elif kind == "page" and answer is not None:
        answer = answer.sign
    return hashlib.blake2b(repr(answer).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _plain(value: Value) -> tuple[str, str, bool]:
    return value.text, value.language, value.is_iri
