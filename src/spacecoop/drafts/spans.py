"""Spans in; those of which none overlaps a longer one out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar


class Span(Protocol):
    """What begins and ends somewhere, its end exclusive."""

    @property
    def start(self) -> int:
        """Return where it begins."""

    @property
    def end(self) -> int:
        """Return where it ends."""


S = TypeVar("S", bound=Span)


class Taken:
    """Places of a text that are taken, none of which overlaps another."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        for start, end in sorted((one.start, one.end) for one in spans):
            if self.ends and start < self.ends[-1]:
                self.ends[-1] = max(end, self.ends[-1])
            else:
                self.starts.append(start)
                self.ends.append(end)

    def free(self, start: int, end: int) -> bool:
        """Tell whether nothing between two places is taken."""
        at = bisect_left(self.starts, end)
        return at == 0 or self.ends[at - 1] <= start

    def take(self, start: int, end: int) -> None:
        """Take a place that is free."""
        at = bisect_left(self.starts, start)
        self.starts.insert(at, start)
        self.ends.insert(at, end)


def longest(ranked: Iterable[S]) -> list[S]:
    """Return the spans of which none overlaps one before it; *ranked* has the longest first."""
    taken, kept = Taken(), []
    for one in ranked:
        if taken.free(one.start, one.end):
            taken.take(one.start, one.end)
            kept.append(one)
    return kept


def within(ordered: Sequence[S], start: int, end: int) -> Sequence[S]:
    """Return the spans, which are in the order of their starts, that begin between two places."""
    first = bisect_left(ordered, start, key=lambda one: one.start)
    return ordered[first : bisect_left(ordered, end, lo=first, key=lambda one: one.start)]
