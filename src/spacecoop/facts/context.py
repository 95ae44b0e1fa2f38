"""A JSON-LD context in; what each key of a fact file means out."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rdflib.plugins.shared.jsonld.context import UNDEF, Context, Term

_MOST = 4096
"""How many words are remembered with their IRIs."""
LANGUAGE_MAP = "@language"


@dataclass(frozen=True)
class Lifted:
    """What the keys of scoped contexts are called where all of them stand at the top of one context."""

    names: Mapping[str, str] = field(default_factory=dict)
    """By key, where it is called otherwise."""
    within: Mapping[str, Lifted] = field(default_factory=dict)
    """By key: the same for what its own context defines."""

    def enter(self, key: str) -> Lifted:
        """Return the names inside of the value of *key*: those of its own context laid over these."""
        inner = self.within.get(key)
        if inner is None:
            return self
        outer = {one: names for one, names in self.within.items() if one not in inner.names}
        return Lifted({**self.names, **inner.names}, {**outer, **inner.within})


class Scope:
    """The keys that mean something at one place of a fact file (JSON-LD 1.1, sections 4.1 and 9.15)."""

    def __init__(self, context: Context, lifted: Lifted) -> None:
        self._context = context
        self._lifted = lifted
        self._within: dict[str, Scope] = {}
        self._of_types: dict[str, Scope] = {}
        self._keywords: dict[str, str | None] = {}
        self._predicates: dict[str, str | None] = {}
        self.iri = functools.lru_cache(_MOST)(self._iri)
        """Returns the IRI that a word stands for: as a term or a class, or relative to the base."""

    def term(self, key: str) -> Term | None:
        """Return what *key* is defined as, if it is."""
        return self._context.terms.get(key)

    def keyword(self, key: str) -> str | None:
        """Return the JSON-LD keyword that *key* is or stands for, such as ``@id``."""
        if key in self._keywords:
            return self._keywords[key]
        term = self.term(key)
        meaning = term.id if term else key
        found = meaning if isinstance(meaning, str) and meaning.startswith("@") else None
        if term is not None:  # a file may have any number of other keys
            self._keywords[key] = found
        return found

    def names(self) -> list[str]:
        """Return all keys known here, but not the prefixes."""
        return [name for name, term in self._context.terms.items() if not term.prefix]

    def enter(self, key: str) -> Scope:
        """Return the scope inside the value of *key*: its own context laid over this one."""
        term = self.term(key)
        if term is None or term.context is UNDEF:
            return self
        if key not in self._within:
            self._within[key] = Scope(self._context.get_context_for_term(term), self._lifted.enter(key))
        return self._within[key]

    def enter_types(self, node: Mapping[str, Any]) -> Scope:
        """Return the scope inside a node of these types."""
        types = self._context.get_type(dict(node))
        known = (name for name in (types if isinstance(types, list) else [types]) if isinstance(name, str))
        first = next((name for name in known if name in self._context.terms), "")
        if first not in self._of_types:
            inner = self._context.get_context_for_type(node)
            if inner is None or inner is self._context:
                self._of_types[first] = self
            else:
                self._of_types[first] = Scope(inner, self._lifted)
        return self._of_types[first]

    def lift(self, key: str) -> str:
        """Return what *key* is called in the context that ``lift`` made."""
        return self._lifted.names.get(key, key)

    def predicate(self, key: str) -> str | None:
        """Return the IRI of the property that *key* stands for."""
        if key in self._predicates:
            return self._predicates[key]
        term = self.term(key)
        if term is not None:
            found = str(term.id) if isinstance(term.id, str) and term.id and not self.keyword(key) else None
            self._predicates[key] = found
            return found
        prefix, colon, _ = key.partition(":")
        return self._context.expand(key) if colon and self.term(prefix) else None

    def _iri(self, value: str, vocabulary: bool) -> str:
        return str((self._context.expand(value) if vocabulary else self._context.resolve_iri(value)) or value)

    def expand_prefixed(self, value: str) -> str | None:
        """Return the IRI of ``prefix:name`` where the prefix is known."""
        prefix, colon, name = value.partition(":")
        term = self.term(prefix) if colon and not name.startswith("//") else None
        return f"{term.id}{name}" if term and term.prefix else None


def scope(source: Any, base: str, lifted: Lifted) -> Scope:
    """Return the scope at the top of a document whose relative IRIs are resolved against *base*."""
    return Scope(Context(source, base=base), lifted)


def lift(source: Any) -> tuple[Any, Lifted]:
    """Return a context with the terms of its scoped contexts at the top, under names of their own, and these names.

    A JSON-LD processor makes a context of its own for each node that a scoped one is for, which takes most of the time.
    Where a scoped context does more than define terms by whole or prefixed IRIs, the context stays as it is.
    """
    if not isinstance(source, dict):
        return source, Lifted()
    prefixes = {key for key, definition in source.items() if _may_be_prefix(definition)}
    scoped = dict(places_of_keys(source)).keys()
    flat: dict[str, Any] = {}
    try:
        if prefixes & scoped:
            raise _FixedError
        return flat, _lift(source, (), source.keys(), flat)
    except _FixedError:
        return source, Lifted()


class _FixedError(Exception):
    """A scoped context has to stay where it is."""


_OF_TERMS = frozenset({"@id", "@type", "@container", "@language", "@direction", "@context"})
_OF_PREFIXES = (":", "/", "?", "#", "[", "]", "@")
"""What the IRI of a term ends with that may be a prefix (JSON-LD 1.1, section 4.4)."""


def _may_be_prefix(definition: Any) -> bool:
    row = {"@id": definition} if isinstance(definition, str) else definition
    return isinstance(row, dict) and ("@prefix" in row or str(row.get("@id", "")).endswith(_OF_PREFIXES))


def _lift(terms: Mapping[str, Any], path: tuple[str, ...], top: Collection[str], flat: dict[str, Any]) -> Lifted:
    names, within = {}, {}
    for key, definition in terms.items():
        name = ".".join((*path, key))
        if path:
            _check_liftable(key, definition, top)
            names[key] = name
        if name in flat or (path and name in top):
            raise _FixedError
        flat[name] = definition
        if isinstance(definition, dict) and "@context" in definition:
            inner = definition["@context"]
            if not isinstance(inner, dict):
                raise _FixedError
            flat[name] = {one: value for one, value in definition.items() if one != "@context"}
            within[key] = _lift(inner, (*path, key), top, flat)
    return Lifted(names, within)


def _check_liftable(key: str, definition: Any, top: Collection[str]) -> None:
    """Raise _FixedError where a term of a scoped context may mean another thing elsewhere."""
    row = {"@id": definition} if isinstance(definition, str) else definition
    if key.startswith("@") or not isinstance(row, dict) or not row.keys() <= _OF_TERMS or _may_be_prefix(definition):
        raise _FixedError
    type_ = row.get("@type", "@none")
    for iri in (row.get("@id"), *([] if isinstance(type_, str) and type_.startswith("@") else [type_])):
        prefix, colon, name = iri.partition(":") if isinstance(iri, str) else ("", "", "")
        if not colon or not (prefix in top or name.startswith("//")):
            raise _FixedError


def drop_bases(source: Any) -> Any:
    """Return the context without the inner contexts that do nothing but place plain words under an IRI.

    Where every plain word is written out as an IRI, they change nothing, and processing them takes most of the time.
    """
    if isinstance(source, list):
        return [drop_bases(part) for part in source]
    if not isinstance(source, dict):
        return source
    plain = {}
    for key, definition in source.items():
        if isinstance(definition, dict) and "@context" in definition:
            inner = definition["@context"]
            rest = {name: value for name, value in definition.items() if name != "@context"}
            only_bases = isinstance(inner, dict) and inner.keys() <= {"@base", "@vocab"}
            definition = rest if only_bases else {**rest, "@context": drop_bases(inner)}  # noqa: PLW2901
        plain[key] = definition
    return plain


def places_of_keys(source: Any, around: str = "") -> Iterator[tuple[str, str]]:
    """Yield each key of a scoped context with the key that it belongs inside of."""
    for part in source if isinstance(source, list) else [source]:
        for key, definition in part.items() if isinstance(part, dict) else ():
            if around and not key.startswith("@"):
                yield key, around
            if isinstance(definition, dict) and "@context" in definition:
                yield from places_of_keys(definition["@context"], key)


@dataclass(frozen=True)
class Reader:
    """What is needed to read any fact file of a workspace."""

    context: Any
    """The context as JSON, for values that are IRIs already."""
    scope: Scope
    """The same as the keys known at the top of a file."""
    belongs: Mapping[str, str]
    """The key that a key known only inside of others belongs to."""

    @functools.cached_property
    def context_text(self) -> str:
        """The context as it stands in a document."""
        return json.dumps(self.context)
