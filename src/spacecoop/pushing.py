"""A plan and a store in, the store in step out: each graph is sent, read back, and compared."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from spacecoop.progress import Progress, silent
from spacecoop.stores import comparisons, graphs, listings
from spacecoop.stores.comparisons import SHOWN, Difference
from spacecoop.stores.connections import StoreError
from spacecoop.stores.graphs import Graph
from spacecoop.stores.graphstore import Store, batches, begin
from spacecoop.stores.leases import Lease
from spacecoop.stores.plans import SENT, Plan, Step


class Stopped(Exception):
    """A push came to its end before its time; the message says why, and what the store holds now."""


class Interrupted(Stopped):
    """The user stopped it."""


@dataclass
class Report:
    """What a push or a verification found out; it grows as the work goes on."""

    read: set[str] = field(default_factory=set)
    """Graphs that were read whole and compared."""
    counted: set[str] = field(default_factory=set)
    """Graphs whose number of triples the store confirms."""
    written: int = 0
    """Graphs that were added or replaced."""
    sent: int = 0
    """Triples in them."""
    deleted: int = 0
    respelled: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)


def verify(store: Store, ours: Mapping[str, Graph], report: Report, progress: Progress = silent) -> list[str]:
    """Read every graph of ours back and compare it; return graphs of ours in the store that are not published."""
    there = store.counts()
    there.pop(store.own, None)
    of, done = sum(graph.statements for graph in ours.values()), 0
    progress(0, of)
    for graph, found in comparisons.compare_graphs(store, list(ours.values()), there):
        report.respelled += found.respelled
        report.read.add(graph.iri)
        if there.get(graph.iri, 0) == graph.statements:
            report.counted.add(graph.iri)
        if difference := found.difference(graph.iri):
            report.differences.append(difference)
        done += graph.statements
        progress(done, of)
    return sorted(there.keys() - ours.keys())


def recount(store: Store, ours: Mapping[str, Graph], report: Report, alone: bool = False) -> None:
    """Count every graph of ours in the store, after a change; a wrong number is a difference.

    With *alone* the store is asked for the numbers of these graphs, and of no others.
    """
    there = (store.counts(ours) if ours else {}) if alone else store.counts()
    report.counted = {iri for iri, graph in ours.items() if there.get(iri, 0) == graph.statements}
    for iri in sorted(ours.keys() - report.counted - {found.graph for found in report.differences}):
        lack = ours[iri].statements - there.get(iri, 0)
        report.differences.append(Difference(iri, max(lack, 0), max(-lack, 0), ()))


@dataclass
class _Work:
    """How far a push is: what was sent and is being read back, and what is proven."""

    of: int
    coming: list[Future[dict[str, list[str]]]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    proven: int = 0

    def state(self, store: Store) -> str:
        """Say what the store holds when the push stops."""
        doubtful = [*self.sent, *self.changing]
        parts = [f"the store now: {self.proven:,} of {self.of:,} graphs to send are written and proven"]
        if doubtful:
            names = ", ".join(f"<{graph}>" for graph in doubtful[:SHOWN]) + (", ..." if len(doubtful) > SHOWN else "")
            how = (
                "each is wholly old or wholly new"
                if store.dialect.graphs and store.dialect.quads
                else "each may have new triples beside old ones, or old ones beside new; what is in both is there"
            )
            parts.append(f"{len(doubtful):,} are not proven ({names}): {how}")
        parts.append(f"{self.of - self.proven - len(doubtful):,} are as they were, and so are all others")
        return "; ".join(parts) + "\nthe same command again finishes the job"


def apply(store: Store, ours: Mapping[str, Graph], steps: Plan, lease: Lease, progress: Progress = silent) -> Report:
    """Do what a plan says, in batches: each is taken off the store's list, sent, read back, and listed again.

    While a batch is read back the next one is sent. Raises Stopped with what the store holds then. What was proven
    before stays so: a repeat goes on from there.
    """
    kept = {step.graph for step in steps.having("keep", "note")}
    report = Report(read=kept & steps.read, counted=kept, respelled=Counter(steps.respelled))
    todo = {step.graph: step for step in steps.having(*SENT)}
    work = _Work(len(todo))
    of = sum(step.here for step in todo.values())
    progress(0, of)
    try:
        noted = dict(steps.noted)
        listings.forget(store, noted, [graph for graph in noted if graph not in ours])
        for batch in batches({graph: step.here for graph, step in todo.items()}, store.dialect.batch, len(todo)):
            lease.renew()
            work.changing = list(batch)
            listings.forget(store, noted, batch)
            try:
                _write(store, ours, [todo[graph] for graph in batch])
            except StoreError:
                with contextlib.suppress(StoreError):
                    _prove(store, ours, work, report)  # what was sent before
                raise
            work.coming.append(begin(store.contents, batch))
            work.sent, work.changing = [*work.sent, *batch], []
            _prove(store, ours, work, report, but=1)  # while it is compared, the next is read
            progress(report.sent, of)
        _prove(store, ours, work, report)
        progress(report.sent, of)
        for step in steps.having("delete"):
            lease.renew()
            work.changing = [step.graph]
            listings.forget(store, noted, work.changing)
            store.remove(step.graph)
            work.changing = []
            report.deleted += 1
        right = [ours[step.graph] for step in steps.having("note")]
        listings.forget(store, noted, [graph.iri for graph in right])
        listings.remember(store, right)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted; {work.state(store)}") from None
    except (StoreError, graphs.GraphsError) as error:
        raise Stopped(f"{error}\n{work.state(store)}") from error
    return report


def _write(store: Store, ours: Mapping[str, Graph], steps: Sequence[Step]) -> None:
    new = dict.fromkeys(step.graph for step in steps if step.action == "add")
    theirs = (
        {}
        if store.dialect.graphs
        else store.contents({step.graph: step.there for step in steps if step.graph not in new})
    )
    if store.takes_quads and new:
        store.add_quads(graphs.quads(ours[iri] for iri in new), new)
    together: dict[str, list[str]] = {}
    for graph, lines in graphs.lines(
        ours[step.graph] for step in steps if not (store.takes_quads and step.graph in new)
    ):
        if graph.iri in new:
            together[graph.iri] = lines
        else:
            found = comparisons.compare(lines, theirs.get(graph.iri, ()))
            store.replace(graph.iri, found.extra, found.missing, lines)
    if together:
        store.add(together)


def _prove(store: Store, ours: Mapping[str, Graph], work: _Work, report: Report, but: int = 0) -> None:
    """Compare what was sent, *but* for so many batches, with what is read back.

    It is listed in the store; where there are differences, StoreError is raised with them.
    """
    while len(work.coming) > but:
        _prove_batch(store, ours, work.coming.pop(0).result(), work, report)


def _prove_batch(
    store: Store, ours: Mapping[str, Graph], theirs: Mapping[str, list[str]], work: _Work, report: Report
) -> None:
    differences = []
    for graph, found in comparisons.judge(ours, theirs):
        report.read.add(graph.iri)
        report.written += 1
        report.sent += graph.statements
        report.respelled += found.respelled
        if difference := found.difference(graph.iri):
            differences.append(difference)
    if differences:
        said = "\n  ".join(map(str, differences[:SHOWN]))
        raise StoreError(
            f"the store answered that all is well, but {len(differences)} of {len(theirs)} graphs are not what was"
            f" sent:\n  {said}"
        )
    listings.remember(store, [ours[iri] for iri in theirs])
    work.proven += len(theirs)
    work.sent = [graph for graph in work.sent if graph not in theirs]
