"""What is published and a store in, what a push has to look at out: all graphs, or those that changed since the last.

At its end a push notes in the store one digest: that of a file that it leaves in ``.cache/pushed/``, with all graphs
that are proven there, by the digest of the file of ours that they are in. It is taken off before anything changes. So
where the store says it and the file has it, the file is the store's whole list, and nothing of the rest is read.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

from spacecoop.stores import graphs, listings
from spacecoop.stores.connections import StoreError
from spacecoop.stores.graphs import Graph
from spacecoop.stores.graphstore import Store
from spacecoop.stores.listings import Noted
from spacecoop.workspace import Workspace

MANY = 300
"""Up to how many changed files are looked at alone."""
KEPT = 4
"""How many lists are kept, each of what some store was last seen to hold."""


@dataclass(frozen=True)
class View:
    """Which graphs of ours are looked at, and what the store has of them."""

    ours: Mapping[str, Graph]
    there: Mapping[str, int]
    noted: Noted
    left: Counter[str] = field(default_factory=Counter)
    """How many graphs, and triples in them, are left out, since the store's whole list is what was last proven."""
    rest: tuple[bytes, ...] = ()
    """Their lines in the list."""
    names: int | None = None
    """How many graphs of anybody there are to be before the push; None where nobody said."""

    @property
    def partial(self) -> bool:
        """Whether graphs are left out."""
        return self.names is not None


def look(store: Store, ours: Mapping[str, Graph]) -> View:
    """Return the view of everything."""
    there = store.counts()
    noted = listings.read(store, there.pop(store.own, 0))
    return View(ours, there, noted)


def glance(store: Store, workspace: Workspace) -> View | None:
    """Return the view of what changed since the last push to this store; None where everything has to be looked at.

    Raises GraphsError where what changed here is not what the manifest says.
    """
    if not store.dialect.names_graphs or not _folder(workspace).is_dir():
        return None
    said = listings.read_whole(store)
    kept = said and _load(_folder(workspace) / said.digest)
    if not said or not kept or said.names != said.named:
        return None
    known = {line[:64].decode(): line for line in kept.splitlines()[1:]}
    parts = graphs.parts(workspace, known)
    here = {part.sha256 for part in parts}
    new = [part for part in parts if part.sha256 not in known]
    gone = [known.pop(sum_) for sum_ in known.keys() - here]
    if len(new) + len(gone) > MANY:
        return None
    before = {iri: (int(number), sum_) for line in gone for iri, number, sum_ in _fields(line)}
    ours = graphs.measure(workspace, new)
    rest = tuple(known.values())
    text = b"".join(rest)
    if any(f"\t{iri} ".encode() in text for iri in ours):
        return None  # a graph is in two files: who reads all says in which
    header = kept[: kept.index(b"\n")].split(b" ")
    left = Counter(graphs=int(header[1]) - len(before), triples=int(header[2]) - sum(row[0] for row in before.values()))
    names = {*before, *ours}
    there = store.counts(names) if names else {}
    noted = {iri: {sum_} for iri, (_, sum_) in before.items()} | {listings.whole(store): {said.digest}}
    return View(ours, there, noted, left, rest, said.names)


def settle(store: Store, workspace: Workspace, view: View, change: int) -> None:
    """Note that the store holds what is published, all proven; *change* is by how many graphs it grew.

    It is not noted where the store has another number of graphs than it should: somebody else changed it meanwhile.
    """
    if not store.dialect.names_graphs:
        return
    names = store.count_names()
    if view.names is not None and names != view.names + change:
        return
    rows = sorted([*view.rest, *_lines(view.ours)])
    total = view.left + Counter(graphs=len(view.ours), triples=sum(one.statements for one in view.ours.values()))
    data = b"%s %d %d\n" % (graphs.form().encode(), total["graphs"], total["triples"]) + b"".join(
        line + b"\n" for line in rows
    )
    digest = hashlib.sha256(data).hexdigest()
    _keep(_folder(workspace), digest, data)
    listings.remember_whole(store, digest, names)


def _lines(ours: Mapping[str, Graph]) -> list[bytes]:
    """Return a line for each file of ours: its digest, and each graph with its size and digest."""
    lines = []
    for part, members in itertools.groupby(ours.values(), key=attrgetter("part")):
        rows = [f"{graph.iri} {graph.statements} {graph.digest}" for graph in members]
        lines.append("\t".join([part.sha256, *rows]).encode())
    return lines


def _fields(line: bytes) -> list[tuple[str, str, str]]:
    found = []
    for row in line.decode().split("\t")[1:]:
        iri, number, sum_ = row.split(" ")
        found.append((iri, number, sum_))
    return found


def _folder(workspace: Workspace) -> Path:
    return workspace.root / ".cache" / "pushed"


def _load(path: Path) -> bytes:
    """Return a kept list, empty where there is none, or not the one of that name, or one of another version."""
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    right = hashlib.sha256(data).hexdigest() == path.name and data.startswith(f"{graphs.form()} ".encode())
    return data if right else b""


def _keep(folder: Path, digest: str, data: bytes) -> None:
    """Write a list, and delete the oldest where there are too many."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{digest}.{os.getpid()}.new"
        new.write_bytes(data)
        new.replace(folder / digest)
        old = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in old[KEPT:]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror}; the store is in step, but that is not noted") from error
