"""What is published and a store in, the store in step out: planned, sent, and proven by reading it back."""

from __future__ import annotations

import contextlib
import copy
import ipaddress
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pyoxigraph import Triple

from spacecoop import credentials, dialects, graphs
from spacecoop.dialects import DIALECTS, Dialect
from spacecoop.digests import value_line
from spacecoop.graphs import Graph
from spacecoop.graphstore import Addresses, Store, StoreError, batches
from spacecoop.iris import is_iri
from spacecoop.workspace import Workspace

_SUM = "http://schema.org/sha256"
_COUNT = "http://rdfs.org/ns/void#triples"
_UNTIL = "http://schema.org/expires"
_XSD = "http://www.w3.org/2001/XMLSchema#"
LEASE = 300
"""For how many seconds a push keeps others out after the last sign of life."""
SHOWN = 3
"""How many differing triples of a graph are kept to be shown."""
KEYS = frozenset(
    {"url", "dialect", "query", "update", "graphs", "quads", "timeout", "tries", "authorities", "plaintext"}
    | {"auth", "secrets", "user_variable", "password_variable", "token_variable", "user", "service"}
)
"""What a table [stores.NAME] of the settings may say."""

Progress = Callable[[int, int], None]
"""Told how many triples are sent and proven, and how many there are to send."""


def _silent(done: int, of: int) -> None:
    """Tell nobody."""


class TargetError(Exception):
    """What the settings say of a store cannot be used."""


class Stopped(Exception):
    """A push came to its end before its time; the message says why, and what the store holds now."""


class Interrupted(Stopped):
    """The user stopped it."""


@dataclass(frozen=True)
class Target:
    """A store to push to, as the settings or the command line name it."""

    name: str
    dialect: Dialect
    addresses: Addresses
    credentials: credentials.Credentials
    timeout: float = 300.0
    tries: int = 5
    authorities: str | None = None


def target(workspace: Workspace, name: str, dialect: str | None = None) -> Target:
    """Return the store of that name in the settings, or at that URL; raises TargetError."""
    tables = workspace.settings.get("stores", {})
    if "://" in name:
        if dialect is None:
            raise TargetError(f"what kind of store is {_shown(name)}? --dialect is one of {', '.join(DIALECTS)}")
        settings: Mapping[str, Any] = {"url": name, "dialect": dialect}
    elif name in tables:
        settings = tables[name] if dialect is None else {**tables[name], "dialect": dialect}
    else:
        there = ", ".join(sorted(tables)) or "none"
        raise TargetError(
            f"no store {name!r} in spacecoop.toml (there are: {there}); add [stores.{name}], or give a URL"
        )
    try:
        return _target(name, settings, workspace)
    except credentials.CredentialsError as error:
        raise TargetError(f"store {_shown(name)}: {error}") from None


def _target(name: str, settings: Mapping[str, Any], workspace: Workspace) -> Target:
    if unknown := sorted(set(settings) - KEYS):
        raise TargetError(f"[stores.{name}] has {', '.join(unknown)}; it may have {', '.join(sorted(KEYS))}")
    url, kind = settings.get("url", ""), settings.get("dialect", "generic")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_iri(url):
        raise TargetError(f"store {_shown(name)}: url must be an http or https address")
    if parts.username or parts.password:
        raise TargetError(f"store {_shown(name)}: no user or password in a URL; see auth in docs/stores.md")
    if kind not in DIALECTS:
        raise TargetError(f"store {_shown(name)}: no dialect {kind!r} (there are: {', '.join(DIALECTS)})")
    row = DIALECTS[kind]
    found = credentials.find(settings, parts.hostname)
    if found.kind not in (*row.auth, "none"):
        raise TargetError(f"store {_shown(name)}: {row.name} takes {' or '.join(row.auth)}, not {found.kind}")
    open_ = found.kind in ("basic", "bearer", "gdb") and parts.scheme == "http" and not _is_local(parts.hostname)
    if open_ and not settings.get("plaintext", False):
        raise TargetError(
            f"store {_shown(name)}: the password would travel in the clear; use https, or say plaintext = true"
        )
    query = row.query_with_auth if row.query_with_auth and found.kind != "none" else row.query
    addresses = Addresses(
        settings.get("query") or _joined(url, query),
        settings.get("update") or _joined(url, row.update),
        settings.get("graphs") or (None if row.graphs is None else _joined(url, row.graphs)),
        settings.get("quads") or (None if row.quads is None else _joined(url, row.quads)),
    )
    authorities = settings.get("authorities")
    return Target(
        _shown(name),
        row,
        addresses,
        found,
        float(settings.get("timeout", 300)),
        max(1, int(settings.get("tries", 5))),
        str(workspace.root / authorities) if authorities else None,
    )


def _shown(name: str) -> str:
    """Return a target's name without what must not be shown of a URL."""
    return re.sub(r"//[^/@]*@", "//", name).partition("?")[0]


def _joined(url: str, path: str) -> str:
    return f"{url.rstrip('/')}/{path}" if path else url


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def connect(where: Target, base: str, pause: Callable[[float], None] = time.sleep) -> Store:
    """Return a connection to a store; nothing is sent yet."""
    return Store(
        where.dialect,
        where.addresses,
        base,
        where.credentials,
        timeout=where.timeout,
        tries=where.tries,
        authorities=where.authorities,
        pause=pause,
    )


@dataclass(frozen=True)
class Step:
    """What is to be done with one graph: triples here and there, to insert and to delete."""

    graph: str
    action: str
    here: int
    there: int
    insert: int = 0
    delete: int = 0


ACTIONS: Mapping[str, str] = {
    "add": "to add",
    "replace": "to replace",
    "delete": "ours, no longer published, to delete",
    "stale": "ours, no longer published; --prune deletes them",
    "note": "right, but the store's own list does not say so; to be noted",
    "keep": "unchanged",
}
"""What a step can be, in the order in which steps are shown."""
SENT = ("add", "replace")


Noted = dict[str, dict[str, set[str]]]
"""What the store's own list says: by graph and property, the values."""


@dataclass(frozen=True)
class Plan:
    """The steps that bring a store in step, in the order of their graphs."""

    steps: tuple[Step, ...]
    lost: tuple[str, ...] = ()
    """What of the triples to send the store is known not to keep."""
    noted: Noted = field(default_factory=dict, repr=False)
    """What the store's own list said when the plan was made."""

    def having(self, *actions: str) -> list[Step]:
        """Return the steps with one of these actions."""
        return [step for step in self.steps if step.action in actions]

    @property
    def in_step(self) -> bool:
        """Whether there is nothing to send or delete."""
        return not self.having("add", "replace", "delete")


@dataclass(frozen=True)
class Difference:
    """How a graph in the store differs from ours: how many triples, and the first of them."""

    graph: str
    missing: int
    extra: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.examples)
        return f"<{self.graph}>: {self.missing:,} missing, {self.extra:,} too many{lines}"


@dataclass(frozen=True)
class Comparison:
    """Our triples beside a store's: by value, so that a spelling that the store changes is no difference."""

    missing: tuple[Triple, ...]
    extra: tuple[Triple, ...]
    respelled: Counter[str] = field(default_factory=Counter)
    """How many triples came back in another spelling, by the reason."""

    def difference(self, graph: str) -> Difference | None:
        """Return it as a difference of a graph, None where there is none."""
        if not self.missing and not self.extra:
            return None
        examples = [f"- {triple} ." for triple in self.missing[:SHOWN]] + [
            f"+ {triple} ." for triple in self.extra[:SHOWN]
        ]
        return Difference(graph, len(self.missing), len(self.extra), tuple(line[:400] for line in examples))


def compare(ours: Iterable[Triple], theirs: Iterable[Triple]) -> Comparison:
    """Compare triples by value."""
    here = {value_line(triple): triple for triple in ours}
    there = {value_line(triple): triple for triple in theirs}
    respelled: Counter[str] = Counter()
    for line in here.keys() & there.keys():
        if str(here[line]) != str(there[line]):
            reasons = [change.words for change in dialects.found(here[line])]
            respelled[reasons[0] if reasons else _respelling(here[line], there[line])] += 1
    return Comparison(
        tuple(here[line] for line in sorted(here.keys() - there.keys())),
        tuple(there[line] for line in sorted(there.keys() - here.keys())),
        respelled,
    )


def _respelling(ours: Triple, theirs: Triple) -> str:
    return f"{_end(str(theirs))} for {_end(str(ours))}"


def _end(line: str) -> str:
    """Return a triple's literal, short; of one with a language, only that."""
    found = re.search(r'"@[\w-]+$|"[^"]*"\^\^<[^>]*>$', line)
    return found[0].replace(f"<{_XSD}", "xsd:").removesuffix(">") if found else "a value"


@dataclass
class Report:
    """What a push or a verification found out; it grows as the work goes on."""

    counted: int = 0
    """Graphs whose number of triples the store confirms."""
    read: int = 0
    """Graphs that were read back whole and compared."""
    written: int = 0
    """Graphs that were added or replaced."""
    sent: int = 0
    """Triples in them."""
    deleted: int = 0
    respelled: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)


def ledger(base: str) -> str:
    """Return the IRI of the graph in which a store keeps what it was sent."""
    return f"{base}graph/push"


def plan(store: Store, ours: Mapping[str, Graph], prune: bool = False) -> Plan:
    """Compare a store with what is published; only graphs that the store's own list does not settle are read.

    The list is believed of a graph only where its digest is ours and the store counts as many triples.
    """
    own = ledger(store.base)
    there = store.counts()
    there.pop(own, None)
    noted = _noted(store)
    settled = _settled(noted)
    kept = {
        iri
        for iri, graph in ours.items()
        if settled.get(iri) == (graph.digest, graph.statements) == (graph.digest, there.get(iri))
    }
    doubtful = [graph for iri, graph in ours.items() if iri in there and iri not in kept]
    steps = [Step(iri, "keep", ours[iri].statements, there[iri]) for iri in kept]
    for graph, found in _compared(store, doubtful, there):
        action = "replace" if found.missing or found.extra else "note"
        steps.append(Step(graph.iri, action, graph.statements, there[graph.iri], len(found.missing), len(found.extra)))
    steps += [
        Step(iri, "add", graph.statements, 0, graph.statements) for iri, graph in ours.items() if iri not in there
    ]
    gone = "delete" if prune else "stale"
    steps += [Step(iri, gone, 0, there[iri], 0, there[iri]) for iri in there.keys() - ours.keys()]
    ordered = tuple(sorted(steps, key=lambda step: step.graph))
    return Plan(
        ordered, _lost([ours[step.graph] for step in ordered if step.action in SENT], store.dialect.name), noted
    )


def _lost(sent: Iterable[Graph], dialect: str) -> tuple[str, ...]:
    """Return what a store would not keep of these graphs, each trap once, with its first triple."""
    found: dict[str, str] = {}
    for graph, triples in graphs.triples(sent):
        for triple in filter(dialects.suspect, triples):
            for words in dialects.lost(triple, dialect):
                found.setdefault(words, f"<{graph.iri}>: {words}: {str(triple)[:300]}")
    return tuple(found.values())


def _compared(store: Store, doubtful: Sequence[Graph], sizes: Mapping[str, int]) -> Iterator[tuple[Graph, Comparison]]:
    """Yield graphs with what comes of reading them back; *sizes* are how many triples are expected there."""
    by_iri = {graph.iri: graph for graph in doubtful}
    for batch in batches({iri: sizes.get(iri, 0) for iri in by_iri}, store.dialect.rows - 1):
        theirs = store.contents(batch)
        for graph, triples in graphs.triples(by_iri[iri] for iri in batch):
            yield graph, compare(triples, theirs[graph.iri])


def _noted(store: Store) -> Noted:
    """Read the store's own list, in pages by graph."""
    own = ledger(store.base)
    noted: Noted = {}
    for predicate in (_SUM, _COUNT):
        last = ""
        while True:
            rows = store.select(
                f'SELECT ?g ?v WHERE {{ GRAPH <{own}> {{ ?g <{predicate}> ?v }} FILTER(STR(?g) > "{last}") }}'
                f" ORDER BY ?g LIMIT {store.dialect.rows}"
            )
            if not rows:
                break
            for row in rows:
                noted.setdefault(row["g"].value, {_SUM: set(), _COUNT: set()})[predicate].add(str(row["v"].value))
            last = rows[-1]["g"].value
    return noted


def _settled(noted: Noted) -> dict[str, tuple[str, int]]:
    """Return, for each graph of which the list says one thing only, its digest and number of triples."""
    settled = {}
    for graph, said in noted.items():
        if len(said[_SUM]) == len(said[_COUNT]) == 1:
            (sum_,), (count,) = said[_SUM], said[_COUNT]
            if re.fullmatch("[0-9a-f]{64}", sum_) and count.isdigit():
                settled[graph] = (sum_, int(count))
    return settled


def _forget(store: Store, noted: Noted, gone: Iterable[str]) -> None:
    """Take graphs off the store's own list, before they change."""
    lines = []
    for graph in gone:
        said = noted.pop(graph, {})
        lines += [f'<{graph}> <{_SUM}> "{value}" .' for value in sorted(said.get(_SUM, ()))]
        lines += [f'<{graph}> <{_COUNT}> "{value}"^^<{_XSD}integer> .' for value in sorted(said.get(_COUNT, ()))]
    if lines:
        store.delete(ledger(store.base), lines)


def _remember(store: Store, proven: Iterable[Graph]) -> None:
    """Put graphs on the store's own list, after they were read back."""
    lines = [
        f'<{graph.iri}> <{_SUM}> "{graph.digest}" ; <{_COUNT}> "{graph.statements}"^^<{_XSD}integer> .'
        for graph in proven
    ]
    if lines:
        store.insert(ledger(store.base), lines)


def verify(store: Store, ours: Mapping[str, Graph], report: Report, progress: Progress = _silent) -> list[str]:
    """Read every graph of ours back and compare it; return graphs of ours in the store that are not published."""
    there = store.counts()
    there.pop(ledger(store.base), None)
    of, done = sum(graph.statements for graph in ours.values()), 0
    progress(0, of)
    for graph, found in _compared(store, list(ours.values()), there):
        report.read += 1
        report.counted += there.get(graph.iri, 0) == graph.statements
        report.respelled += found.respelled
        if difference := found.difference(graph.iri):
            report.differences.append(difference)
        done += graph.statements
        progress(done, of)
    return sorted(there.keys() - ours.keys())


def recount(store: Store, ours: Mapping[str, Graph], report: Report) -> None:
    """Count every graph of ours in the store, after a change; a wrong number is a difference."""
    there = store.counts()
    report.counted = 0
    for iri, graph in ours.items():
        number = there.get(iri, 0)
        if number == graph.statements:
            report.counted += 1
        elif not any(found.graph == iri for found in report.differences):
            lack = graph.statements - number
            report.differences.append(Difference(iri, max(lack, 0), max(-lack, 0), ()))


def apply(store: Store, ours: Mapping[str, Graph], steps: Plan, lease: Lease, progress: Progress = _silent) -> Report:
    """Do what a plan says, in batches: each is taken off the store's list, sent, read back, and listed again.

    Raises Stopped with what the store holds then. What was proven before stays so: a repeat goes on from there.
    """
    report = Report(counted=len(steps.having("keep", "note")))
    todo = {step.graph: step for step in steps.having(*SENT)}
    of = sum(step.here for step in todo.values())
    doubtful: list[str] = []
    proven = 0
    progress(0, of)
    try:
        noted = copy.deepcopy(steps.noted)
        _forget(store, noted, [graph for graph in noted if graph not in ours])
        for batch in batches({graph: step.here for graph, step in todo.items()}, store.dialect.statements):
            lease.renew()
            doubtful = list(batch)
            _forget(store, noted, batch)
            _write(store, ours, [todo[graph] for graph in batch])
            _prove(store, [ours[graph] for graph in batch], report)
            doubtful, proven = [], proven + len(batch)
            progress(report.sent, of)
        for step in steps.having("delete"):
            lease.renew()
            doubtful = [step.graph]
            _forget(store, noted, doubtful)
            store.remove(step.graph)
            doubtful = []
            report.deleted += 1
        right = [ours[step.graph] for step in steps.having("note")]
        _forget(store, noted, [graph.iri for graph in right])
        _remember(store, right)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {_state(store, len(todo), proven, doubtful)}") from None
    except (StoreError, graphs.GraphsError) as error:
        raise Stopped(f"{error}\n{_state(store, len(todo), proven, doubtful)}") from error
    return report


def _write(store: Store, ours: Mapping[str, Graph], steps: Sequence[Step]) -> None:
    new = {step.graph for step in steps if step.action == "add"}
    theirs = (
        {}
        if store.dialect.graphs
        else store.contents({step.graph: step.there for step in steps if step.graph not in new})
    )
    together: dict[str, list[Triple]] = {}
    for graph, triples in graphs.triples(ours[step.graph] for step in steps):
        if graph.iri in new:
            together[graph.iri] = triples
        else:
            found = compare(triples, theirs.get(graph.iri, ()))
            store.replace(graph.iri, found.extra, found.missing, triples)
    if together:
        store.add(together)


def _prove(store: Store, sent: Sequence[Graph], report: Report) -> None:
    """Read what was sent back; put it on the store's list, or raise StoreError with the differences."""
    differences = []
    for graph, found in _compared(store, sent, {graph.iri: graph.statements for graph in sent}):
        report.read += 1
        report.written += 1
        report.sent += graph.statements
        report.respelled += found.respelled
        if difference := found.difference(graph.iri):
            differences.append(difference)
    if differences:
        said = "\n  ".join(map(str, differences[:SHOWN]))
        raise StoreError(
            f"the store answered that all is well, but {len(differences)} of {len(sent)} graphs are not what was sent:"
            f"\n  {said}"
        )
    _remember(store, sent)


def _state(store: Store, of: int, proven: int, doubtful: Sequence[str]) -> str:
    """Say what a store holds when a push stopped."""
    parts = [f"the store now: {proven:,} of {of:,} graphs to send are written and proven"]
    if doubtful:
        names = ", ".join(f"<{graph}>" for graph in doubtful[:SHOWN]) + (", ..." if len(doubtful) > SHOWN else "")
        how = (
            "each is wholly old or wholly new"
            if store.dialect.graphs and store.dialect.quads
            else "each may have new triples beside old ones, or old ones beside new; what is in both is there"
        )
        parts.append(f"{len(doubtful):,} are not proven ({names}): {how}")
    parts.append(f"{of - proven - len(doubtful):,} are as they were, and so are all others")
    return "; ".join(parts) + "\nthe same command again finishes the job"


class Lease:
    """The right to write to a store: a triple in our graph there, with a time at which it ends.

    Whoever sees another's that has not ended steps back, so of two that begin at once at most one goes on.
    """

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._graph = ledger(store.base)
        self._name = f"{self._graph}#{secrets.token_hex(8)}"
        self._ends = 0.0

    def take(self, over: bool = False) -> None:
        """Take it, from somebody else if *over*; raises StoreError where somebody has it."""
        if others := self._others(over):
            raise StoreError(_busy(others))
        self.renew()
        if others := self._others():
            self.give_back()
            raise StoreError(_busy(others))

    def renew(self) -> None:
        """Prolong it when half of its time is over; raises StoreError where somebody took it over."""
        if self._ends - self._now() > LEASE / 2:
            return
        old, self._ends = self._ends, self._now() + LEASE
        self._store.insert(self._graph, [self._line(self._ends)])
        if old:
            mine = {str(row["until"].value) for row in self._rows() if row["push"].value == self._name}
            if _when(old) not in mine:
                self.give_back()
                raise StoreError("another push took over")
            self._store.delete(self._graph, [self._line(old)])

    def give_back(self) -> None:
        """Give it back, as far as the store can be reached."""
        if not self._ends:
            return
        with contextlib.suppress(StoreError, KeyboardInterrupt):  # so that a second Ctrl-C does not hide what was said
            self._store.delete(self._graph, [self._line(self._ends)])
            self._ends = 0.0

    def _line(self, ends: float) -> str:
        return _lease(self._name, _when(ends))

    def _rows(self) -> Sequence[Any]:
        return self._store.select(
            f"SELECT ?push ?until WHERE {{ GRAPH <{self._graph}> {{ ?push <{_UNTIL}> ?until }} }}"
        )

    def _others(self, over: bool = False) -> list[str]:
        """Return when the leases of others end; those that ended, or are taken over, are deleted."""
        rows = [(row["push"].value, str(row["until"].value)) for row in self._rows() if row["push"].value != self._name]
        ended = [row for row in rows if over or row[1] < _when(self._now())]
        if ended:
            self._store.delete(self._graph, [_lease(*row) for row in ended])
        return sorted(until for push, until in rows if (push, until) not in ended)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lease(name: str, until: str) -> str:
    return f'<{name}> <{_UNTIL}> "{until}"^^<{_XSD}dateTime> .'


def _busy(others: Sequence[str]) -> str:
    return (
        f"another push is at work there; unless it gives a sign of life it ends at {others[-1]}; wait for that,"
        " or say --take-over if you know that it is dead. Nothing was changed"
    )


@contextlib.contextmanager
def leased(store: Store, over: bool = False) -> Iterator[Lease]:
    """Hold the lease of a store."""
    lease = Lease(store)
    try:
        lease.take(over)
        yield lease
    finally:
        lease.give_back()
