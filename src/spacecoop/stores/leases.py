"""A store in, the right to write to it out, held by one push at a time."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from spacecoop.stores.connections import StoreError
from spacecoop.stores.graphstore import Store

_UNTIL = "http://schema.org/expires"
_MOMENT = "http://www.w3.org/2001/XMLSchema#dateTime"
LEASE = 300
"""For how many seconds a push keeps others out after the last sign of life."""


class Lease:
    """The right to write to a store: a triple in our graph there, with a time at which it ends.

    Whoever sees another's that has not ended steps back, so of two that begin at once at most one goes on.
    """

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._graph = store.own
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
            if _read_moment(old) not in mine:
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
        return _lease(self._name, _read_moment(ends))

    def _rows(self) -> Sequence[Any]:
        return self._store.select(
            f"SELECT ?push ?until WHERE {{ GRAPH <{self._graph}> {{ ?push <{_UNTIL}> ?until }} }}",
            "push",
            "until",
        )

    def _others(self, over: bool = False) -> list[str]:
        """Return when the leases of others end; those that ended, or are taken over, are deleted."""
        rows = [(row["push"].value, str(row["until"].value)) for row in self._rows() if row["push"].value != self._name]
        ended = [row for row in rows if over or row[1] < _read_moment(self._now())]
        if ended:
            self._store.delete(self._graph, [_lease(*row) for row in ended])
        return sorted(until for push, until in rows if (push, until) not in ended)


def _read_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lease(name: str, until: str) -> str:
    return f'<{name}> <{_UNTIL}> "{until}"^^<{_MOMENT}> .'


def _busy(others: Sequence[str]) -> str:
    return (
        f"another push is at work there; unless it gives a sign of life it ends at {others[-1]}; wait for that,"
        " or say --take-over if you know that it is dead. Nothing was changed"
    )


@contextlib.contextmanager
def hold(store: Store, over: bool = False) -> Iterator[Lease]:
    """Hold the lease of a store."""
    lease = Lease(store)
    try:
        lease.take(over)
        yield lease
    finally:
        lease.give_back()
