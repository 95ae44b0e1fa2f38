"""What was done with each article, in; what the dataset as a whole needs of it, and no more, out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from spacecoop.findings import Finding, Place, finding
from spacecoop.harvest.counting import Counting
from spacecoop.harvest.editions import Edition
from spacecoop.output import Written
from spacecoop.work import Done


@dataclass
class Gathered:
    """What stays in memory of the articles: a few kilobytes of each, whatever it says."""

    counting: Counting
    findings: list[Finding] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    editions: list[Edition] = field(default_factory=list)
    pieces: dict[str, bytes] = field(default_factory=dict)
    """What each adds to the dumps, by slug."""
    statements: dict[str, int] = field(default_factory=dict)
    """How many each says, by slug."""
    accounts: list[tuple[str, str]] = field(default_factory=list)
    """The shared matters that are told of, each with what stands near the account."""
    places: dict[str, Place] = field(default_factory=dict)
    """Where each stands, by slug."""
    articles: int = 0


def gather(done: Iterable[Done], counting: Counting) -> Gathered:
    """Take what is needed of each article as it comes, and tell of each that another file is about too."""
    held, first = Gathered(counting), dict[str, Place]()
    for one in done:
        place = Place(one.file, one.line)
        held.articles += 1
        held.places[one.slug] = place
        held.findings += one.findings
        held.accounts += one.accounts
        if one.about and first.setdefault(one.about, place) is not place:
            found = first[one.about]
            held.findings.append(finding("article-twice", place, first=found.where()))
        held.written += one.written
        if one.summary:
            held.editions.append(one.summary.edition)
            held.pieces[one.slug] = one.pieces
            held.statements[one.slug] = one.summary.tally.triples + len(one.summary.tally.common)
            counting.add(one.summary.tally)
    held.editions.sort(key=lambda one: one.slug)
    return held
