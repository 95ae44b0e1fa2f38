"""What is published and a store in, the steps that bring the store in step out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from spacecoop.progress import Progress, silent
from spacecoop.stores import comparisons, dialects, listings
from spacecoop.stores.graphs import Graph
from spacecoop.stores.graphstore import Store
from spacecoop.stores.listings import Noted
from spacecoop.stores.views import View


class Step(NamedTuple):
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


@dataclass(frozen=True)
class Plan:
    """The steps that bring a store in step, in the order of their graphs."""

    steps: tuple[Step, ...]
    lost: tuple[str, ...] = ()
    """What of the triples to send the store is known not to keep."""
    noted: Noted = field(default_factory=dict, repr=False)
    """What the store's own list said when the plan was made."""
    read: frozenset[str] = frozenset()
    """The graphs that were read whole, and compared."""
    respelled: Counter[str] = field(default_factory=Counter, repr=False)
    """How many triples of those that are kept are written there in another way, by the reason."""

    def having(self, *actions: str) -> list[Step]:
        """Return the steps with one of these actions."""
        return [step for step in self.steps if step.action in actions]

    @property
    def in_step(self) -> bool:
        """Whether there is nothing to send or delete."""
        return not self.having("add", "replace", "delete")


def plan(store: Store, view: View, prune: bool = False, quick: bool = False, progress: Progress = silent) -> Plan:
    """Compare a store with what is published, by reading there whatever is ours.

    A *quick* plan believes the store's own list of a graph where its digest is ours and the store counts as many
    triples; it reads the others.
    """
    ours, there, noted = view.ours, view.there, view.noted
    settled = listings.find_settled(noted)
    right = {
        iri for iri, graph in ours.items() if settled.get(iri) == graph.digest and there.get(iri) == graph.statements
    }
    believed = right if quick else set()
    steps = [Step(iri, "keep", ours[iri].statements, there[iri]) for iri in believed]
    respelled: Counter[str] = Counter()
    doubtful = [graph for iri, graph in ours.items() if iri in there and iri not in believed]
    of, done = sum(there[graph.iri] for graph in doubtful), 0
    progress(0, of)
    for graph, found in comparisons.compare_graphs(store, doubtful, there):
        differs = bool(found.missing or found.extra)
        action = "replace" if differs else "keep" if graph.iri in right else "note"
        steps.append(
            Step(
                graph=graph.iri,
                action=action,
                here=graph.statements,
                there=there[graph.iri],
                insert=len(found.missing),
                delete=len(found.extra),
            )
        )
        if not differs:
            respelled += found.respelled
        done += there[graph.iri]
        progress(done, of)
    steps += [
        Step(graph=iri, action="add", here=graph.statements, there=0, insert=graph.statements)
        for iri, graph in ours.items()
        if iri not in there
    ]
    gone = "delete" if prune else "stale"
    steps += [
        Step(graph=iri, action=gone, here=0, there=there[iri], insert=0, delete=there[iri])
        for iri in there.keys() - ours.keys()
    ]
    ordered = tuple(sorted(steps, key=lambda step: step.graph))
    sent = [ours[step.graph] for step in ordered if step.action in SENT]
    read = frozenset(graph.iri for graph in doubtful)
    return Plan(ordered, _find_losses(sent, store.dialect.name), noted, read, respelled)


def _find_losses(sent: Iterable[Graph], dialect: str) -> tuple[str, ...]:
    """Return what a store would not keep of these graphs, each loss once, with its first triple."""
    found: dict[str, str] = {}
    for graph in sent:
        for loss in graph.losses:
            if dialects.loses(loss.words, dialect):
                found.setdefault(loss.words, f"<{graph.iri}>: {loss.words}: {loss.line}")
    return tuple(found.values())
