"""Files, a store's folder or an endpoint's address in; something that answers queries out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pyoxigraph import Literal, NamedNode, QueryBoolean, QuerySolutions, QueryTriples, Store, Triple

from spacecoop.findings import suggest
from spacecoop.iris import is_iri, local_name, namespace
from spacecoop.queries import indexes, sparql
from spacecoop.queries.endpoint import Endpoint
from spacecoop.queries.indexes import SourceError
from spacecoop.queries.sparql import QueryError

NAMES = tuple(
    NamedNode(iri)
    for iri in (
        "http://www.w3.org/2000/01/rdf-schema#label",
        "http://www.w3.org/2004/02/skos/core#prefLabel",
        "http://www.w3.org/2004/02/skos/core#altLabel",
    )
)
"""By which properties things are called, the first first."""
_IN_SCHEME = NamedNode("http://www.w3.org/2004/02/skos/core#inScheme")

__all__ = ["Local", "Remote", "Source", "SourceError", "columns", "files", "folder"]

Answer = QuerySolutions | QueryBoolean | QueryTriples | Iterable[Triple]


class Source(Protocol):
    """What answers queries."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def network(self) -> bool:
        """Whether an answer comes over the network."""
        ...

    @property
    def cached(self) -> bool:
        """Whether it is an index that can be built anew."""
        ...

    def answer(self, text: str, union: bool = True) -> Answer:
        """Return the answer, to all graphs as one where *union* is true and the query does not name its own.

        Raises SyntaxError, OSError, DamagedError or EndpointError.
        """
        ...

    def has_graph(self, iri: str) -> bool:
        """Tell whether there is a named graph of this IRI."""
        ...

    def resolve(self, name: str, scheme: str) -> str:
        """Return the IRI of the thing, or of the concept of a scheme, that is called *name*."""
        ...

    def labels(self, iris: Iterable[str], languages: Sequence[str]) -> dict[str, str]:
        """Return what things are called, in the first of the languages that there is."""
        ...


@dataclass(frozen=True)
class Local:
    """An Oxigraph store in this process; a query sees all of its graphs as one."""

    name: str
    store: Store
    prefixes: Mapping[str, str]
    base: str = ""
    """The start of the workspace's own IRIs; empty where there is no workspace."""
    cached: bool = False
    """Whether the store is an index that can be built anew."""
    network: bool = False

    def answer(self, text: str, union: bool = True) -> Answer:
        """Evaluate a query."""
        return self.store.query(text, prefixes=dict(self.prefixes), use_default_graph_as_union=union)

    def has_graph(self, iri: str) -> bool:
        """Tell whether there is a named graph of this IRI."""
        return is_iri(iri) and self.store.contains_named_graph(NamedNode(iri))

    def resolve(self, name: str, scheme: str) -> str:
        """Return the IRI that a name means: an IRI, a short IRI, the last part of one of ours, or a label."""
        prefix, _, rest = name.partition(":")
        if is_iri(name) and prefix not in self.prefixes:
            return name
        if prefix in self.prefixes and is_iri(self.prefixes[prefix] + rest):
            return self.prefixes[prefix] + rest
        known = self._concepts(scheme) if scheme else self._things()
        folded = name.casefold()
        meant = {iri for iri in known if local_name(iri) == name} or {
            iri for iri, called in known.items() if folded in called
        }
        if len(meant) == 1:
            return meant.pop()
        if meant:
            raise QueryError(f"{name!r} may be any of {', '.join(sorted(map(local_name, meant)))}; say which")
        words = {word: iri for iri, called in known.items() for word in (local_name(iri), *called)}
        near = suggest(folded, words)
        there = sorted(map(local_name, known))
        few = f"; there are {', '.join(there)}" if 0 < len(there) <= 24 else ""
        raise QueryError(f"nothing is called {name!r}" + (f"; did you mean {near!r}?" if near else few))

    def _things(self) -> dict[str, set[str]]:
        """Return what the things of the workspace are called; where there is no workspace, everything."""
        home = f"{self.base}id/" if self.base else ""
        return self._read_names(lambda iri: namespace(iri) == home if home else True)

    def _concepts(self, scheme: str) -> dict[str, set[str]]:
        members = self.store.quads_for_pattern(None, _IN_SCHEME, NamedNode(scheme), None)
        known = {quad.subject.value for quad in members if isinstance(quad.subject, NamedNode)}
        return {**{iri: set() for iri in known}, **self._read_names(known.__contains__)}

    def _read_names(self, wanted: Callable[[str], bool]) -> dict[str, set[str]]:
        called: dict[str, set[str]] = {}
        for name in NAMES:
            for quad in self.store.quads_for_pattern(None, name, None, None):
                if (
                    isinstance(quad.subject, NamedNode)
                    and wanted(quad.subject.value)
                    and isinstance(quad.object, Literal)
                ):
                    called.setdefault(quad.subject.value, set()).add(quad.object.value.casefold())
        return called

    def labels(self, iris: Iterable[str], languages: Sequence[str]) -> dict[str, str]:
        """Return what things are called, in the first of the languages that there is."""
        order = {language: place for place, language in enumerate(languages)}
        found: dict[str, str] = {}
        for iri in set(iris):
            for name in NAMES[:2]:
                texts = [quad.object for quad in self.store.quads_for_pattern(NamedNode(iri), name, None, None)]
                literals = [text for text in texts if isinstance(text, Literal)]
                if literals:
                    best = min(literals, key=lambda one: (order.get(one.language or "", len(order)), str(one)))
                    found[iri] = best.value
                    break
        return found


@dataclass(frozen=True)
class Remote:
    """A SPARQL endpoint; names of things are looked up in what is at hand."""

    name: str
    endpoint: Endpoint
    names: Local | None = None
    prefixes: Mapping[str, str] = field(default_factory=dict)
    network: bool = True
    cached: bool = False

    def answer(self, text: str, union: bool = True) -> Answer:  # noqa: ARG002  (the endpoint has its own default graph)
        """Send a query, with the known prefixes that it does not declare."""
        missing = sparql.find_undeclared(text, self.prefixes)
        full = "".join(f"PREFIX {prefix}: <{iri}> " for prefix, iri in missing.items()) + text
        if sparql.form(text) in ("CONSTRUCT", "DESCRIBE"):
            return self.endpoint.construct(full)
        return self.endpoint.results(full)

    def has_graph(self, iri: str) -> bool:
        """Leave it to the endpoint to say which graphs it has."""
        return is_iri(iri)

    def resolve(self, name: str, scheme: str) -> str:
        """Return the IRI that a name means, as the workspace's own dataset has it."""
        if self.names is not None:
            return self.names.resolve(name, scheme)
        if is_iri(name):
            return name
        raise QueryError(f"nothing at hand says what {name!r} is; give its IRI")

    def labels(self, iris: Iterable[str], languages: Sequence[str]) -> dict[str, str]:
        """Return what the workspace's own dataset calls things."""
        return self.names.labels(iris, languages) if self.names is not None else {}


def files(
    paths: Mapping[Path, str], name: str, prefixes: Mapping[str, str], base: str = "", cache: Path | None = None
) -> Local:
    """Open RDF files as one store: in memory, or from an index in the *cache* where they are large.

    *paths* gives the graph that the triples of each file go to; where it is empty, they stay where the file has them.
    Raises SourceError for a file that cannot be read.
    """
    if cache is not None and indexes.weigh(paths) > indexes.LARGE:
        return Local(f"{name}, indexed", indexes.open_index(paths, cache), prefixes, base, cached=True)
    return Local(name, indexes.read(paths), prefixes, base)


def folder(path: Path, prefixes: Mapping[str, str], base: str = "") -> Local:
    """Open the folder of an Oxigraph store to be read; raises SourceError where it is none, or is being written."""
    if not (path / "CURRENT").is_file():
        raise SourceError(f"{path} is not the folder of an Oxigraph store")
    if _is_locked(path / "LOCK"):
        raise SourceError(
            f"{path} is open for writing; read a copy of it (`oxigraph backup`), or stop its server first"
        )
    try:
        return Local(str(path), Store.read_only(str(path)), prefixes, base)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError is what a damaged store raises
        raise SourceError(f"{path}: {error}") from error


def columns(text: str, prefixes: Mapping[str, str]) -> list[str]:
    """Return the names of what a SELECT gives, in the engine's order; nothing is asked for it."""
    try:
        answer = Store().query(text, prefixes=dict(prefixes))
    except (SyntaxError, RuntimeError, OSError):  # which is said when it is asked
        return []
    return [variable.value for variable in answer.variables] if isinstance(answer, QuerySolutions) else []


def _is_locked(path: Path) -> bool:
    """Tell whether another process holds the lock of a store."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        with path.open("r+b") as stream:
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
