"""What reasons find of matters in; which of them may be one, with a score and why, out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from spacecoop.iris import shorten
from spacecoop.stories import reasons
from spacecoop.stories.reasons import Reason, Span, Traits

HIGHEST = 0.99
"""Certainty is for the person who looks."""
PRIOR = 20
"""So many matters more are thought of that have another value: a few matters do not show what is rare."""
MOST = 50
"""What more shared matters than so many have is not looked up by: it finds too much, and says too little."""
SHOWN = 4
"""So many shared values are told of one reason."""


@dataclass(frozen=True)
class Argument:
    """One reason for or against two matters' being one."""

    reason: Reason
    weight: float
    shared: tuple[str, ...]
    """What both have; empty where it is that they differ."""


@dataclass(frozen=True)
class Proposal:
    """Two matters that may be one, with the arguments for and against."""

    one: str
    other: str
    arguments: tuple[Argument, ...]

    @property
    def score(self) -> float:
        """The sum of the arguments' weights, between 0 and 0.99."""
        return round(min(max(sum(one.weight for one in self.arguments), 0.0), HIGHEST), 2)


class Criteria:
    """How much a shared value says: the rarer among all matters, the more."""

    def __init__(self, reasons: Sequence[Reason], everything: Iterable[Traits]) -> None:
        self.reasons = reasons
        self._having: Counter[str] = Counter()
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        starts: defaultdict[str, list[str]] = defaultdict(list)
        ends: defaultdict[str, list[str]] = defaultdict(list)
        for traits in everything:
            for name, values in traits.values.items():
                self._having[name] += 1
                self._counts[name].update(values)
            for name, spans in traits.spans.items():
                self._having[name] += 1
                starts[name].append(min(start for start, _ in spans))
                ends[name].append(max(end for _, end in spans))
        self._starts = {name: sorted(found) for name, found in starts.items()}
        self._ends = {name: sorted(found) for name, found in ends.items()}

    def weigh(self, one: Traits, other: Traits, between: bool = False) -> tuple[Argument, ...] | None:
        """Return what speaks for and against two matters' being one; None where something needed is not shared.

        *between* tells that both are shared matters.
        """
        found = [(reason, self._argument(reason, one, other, between)) for reason in self.reasons]
        if any(reason.needed and (said is None or not said.shared) for reason, said in found):
            return None
        return tuple(said for _, said in found if said is not None)

    def rarity(self, name: str, value: str) -> float:
        """Return the share of all other matters than two, of those with any value of a reason, that have not this."""
        return self._alone(name, self._counts[name][value])

    def _alone(self, name: str, having: int) -> float:
        return 1 - max(having - 2, 0) / (max(self._having[name] - 2, 0) + PRIOR)

    def _argument(self, reason: Reason, one: Traits, other: Traits, between: bool) -> Argument | None:
        name = reason.name
        weight = reason.between if between and reason.between is not None else reason.weight
        if name in one.spans and name in other.spans:
            strength, shared = self._weigh_times(name, one.spans[name], other.spans[name])
        elif name in one.values and name in other.values:
            both = one.values[name] & other.values[name]
            told = sorted(both, key=lambda value: (-self.rarity(name, value), value))
            fewer = min(sum(self.rarity(name, value) for value in each.values[name]) for each in (one, other))
            strength = sum(self.rarity(name, value) ** 2 for value in told) / fewer if fewer else 0.0
            strength = self.rarity(name, told[0]) if told and weight < 0 else strength
            shared = tuple(told)
        else:
            return None
        if shared:
            return Argument(reason, round(weight * strength, 2), shared[:SHOWN])
        return Argument(reason, -reason.apart, ()) if reason.apart else None

    def _weigh_times(
        self, name: str, ones: Collection[Span], others: Collection[Span]
    ) -> tuple[float, tuple[str, ...]]:
        """Return how much it says that two matters have a time in common, and that time: the wider it is, the less."""
        best: tuple[float, tuple[str, ...]] = (0.0, ())
        for start, end in sorted(ones):
            for begin, stop in sorted(others):
                common = max(start, begin), min(end, stop)
                if common[0] > common[1]:
                    continue
                wider = min(start, begin), max(end, stop)
                after = len(self._starts[name]) - bisect_right(self._starts[name], wider[1])
                outside = after + bisect_left(self._ends[name], wider[0])
                strength = self._alone(name, self._having[name] - outside)
                if not best[1] or strength > best[0]:
                    best = strength, ("/".join(dict.fromkeys(common)),)
        return best


Pair = tuple[str, str]


def propose(
    loose: Mapping[str, Traits], shared: Mapping[str, Traits], criteria: Criteria, refused: Collection[Pair]
) -> Iterator[Proposal]:
    """Yield a proposal for each matter of an article and each shared one that have something rare in common."""
    holders = _holders(shared, criteria)
    for matter, traits in loose.items():
        near = {other for key in _keys(traits, criteria) for other in holders.get(key, ())}
        for other in sorted(near):
            arguments = None if (matter, other) in refused else criteria.weigh(traits, shared[other])
            if arguments is not None:
                yield Proposal(matter, other, arguments)


def pair(shared: Mapping[str, Traits], criteria: Criteria, refused: Collection[Pair]) -> Iterator[Proposal]:
    """Yield a proposal for each two shared matters that have something rare in common."""
    near = {two for held in _holders(shared, criteria).values() for two in combinations(sorted(held), 2)}
    for one, other in sorted(near - set(refused)):
        arguments = criteria.weigh(shared[one], shared[other], between=True)
        if arguments is not None:
            yield Proposal(one, other, arguments)


def _keys(traits: Traits, criteria: Criteria) -> Iterator[tuple[str, str]]:
    """Yield what a matter is looked up by: its values that fewer than half of the matters have."""
    for name, values in traits.values.items():
        yield from ((name, value) for value in values if criteria.rarity(name, value) > 0.5)


def _holders(shared: Mapping[str, Traits], criteria: Criteria) -> dict[tuple[str, str], list[str]]:
    holders: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for matter, traits in shared.items():
        for key in _keys(traits, criteria):
            holders[key].append(matter)
    return {key: held for key, held in holders.items() if len(held) <= MOST}


def explain(proposal: Proposal, prefixes: Mapping[str, str], language: str) -> str:
    """Return a score as the sum that it is, the weightiest argument first, in a language."""
    parts = sorted(proposal.arguments, key=lambda each: (-abs(each.weight), each.reason.name))
    return "; ".join(_argue(each, prefixes, language) for each in parts if each.weight)


def _argue(argument: Argument, prefixes: Mapping[str, str], language: str) -> str:
    shared = ", ".join(dict.fromkeys(_readable(value, prefixes) for value in argument.shared))
    return (
        f"{argument.weight:+.2f} {reasons.words(argument.reason, bool(argument.shared), language)}"
        + f" ({shared})" * bool(shared)
    )


def _readable(value: str, prefixes: Mapping[str, str]) -> str:
    """Return a value as people read it: an IRI shortened, a word without its language."""
    return shorten(value[1:-1], prefixes) if value.startswith("<") else value.strip('"').rpartition(":")[2] or value


def best(proposals: Iterable[Proposal], least: float, most: int) -> list[Proposal]:
    """Return the proposals with at least this score, at most so many for each first matter, the best first."""
    taken: Counter[str] = Counter()
    kept = []
    for one in sorted(proposals, key=lambda each: (-each.score, each.one, each.other)):
        if one.score >= least and taken[one.one] < most:
            taken[one.one] += 1
            kept.append(one)
    return kept
