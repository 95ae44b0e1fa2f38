"""What a workspace shares in; its things with names and values, and what each key of a draft may say, out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop.drafts.rules import Rules, Thing
from spacecoop.iris import TYPE, local_name
from spacecoop.quads import text

_BROADER = "http://www.w3.org/2004/02/skos/core#broader"
_NAMES = frozenset(
    {
        "http://www.w3.org/2000/01/rdf-schema#label",
        "http://www.w3.org/2004/02/skos/core#altLabel",
        "http://www.w3.org/2004/02/skos/core#prefLabel",
    }
)
Labels = Mapping[str, Mapping[str, Sequence[str]]]
"""By language, by value: what it is called."""


@dataclass(frozen=True)
class Common:
    """What a workspace shares between its articles."""

    base: str
    """What the IRIs of its things begin with."""
    quads: Collection[Quad]
    described: Collection[str]
    """The IRIs of all that it describes."""
    schemes: Mapping[str, tuple[str, str]]
    """By key with values of a scheme: its property, and what the IRIs of its values begin with."""


def things(common: Common, rules: Rules) -> list[Thing]:
    """Return the shared things of a workspace with all their names, and their values of the keys that rules write."""
    called: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    types: defaultdict[str, set[str]] = defaultdict(set)
    values: defaultdict[str, dict[str, str]] = defaultdict(dict)
    keys = {common.schemes[key][0]: key for key in sorted(rules.keys & common.schemes.keys())}
    for quad in common.quads:
        iri = text(quad.subject)
        if not iri.startswith(common.base):
            continue
        if quad.predicate.value in _NAMES and isinstance(quad.object, Literal):
            called[iri][quad.object.language or ""].append(quad.object.value)
        elif quad.predicate == TYPE:
            types[iri].add(local_name(text(quad.object)))
        elif quad.predicate.value in keys and isinstance(quad.object, NamedNode):
            values[iri].setdefault(keys[quad.predicate.value], local_name(quad.object.value))
    return [
        Thing(
            iri.removeprefix(common.base),
            frozenset(types[iri]),
            {key: tuple(value) for key, value in sorted(by.items())},
            values=values[iri],
        )
        for iri, by in sorted(called.items())
    ]


def choices(common: Common, rules: Rules) -> dict[str, tuple[str, ...]]:
    """Return the values of each key that a draft writes: those of its scheme, else those that the rules write."""
    found = {}
    for key in sorted(rules.keys):
        written = rules.written.get(key, frozenset()) | {rules.values.get(key, "")} - {""}
        found[key] = tuple(sorted({local_name(iri) for iri in _concepts(common, rules, key)} or written))
    return found


def labels(common: Common, rules: Rules, key: str) -> Labels:
    """Return what the values of a key are called."""
    concepts = set(_concepts(common, rules, key))
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for quad in common.quads:
        if quad.predicate.value in _NAMES and isinstance(quad.object, Literal) and text(quad.subject) in concepts:
            found[quad.object.language or ""][local_name(text(quad.subject))].append(quad.object.value)
    return found


def _concepts(common: Common, rules: Rules, key: str) -> Iterator[str]:
    """Yield the concepts of a key's scheme: all, or those below the one that the rules name."""
    if key not in common.schemes:
        return
    start = common.schemes[key][1]
    broader = {text(q.subject): text(q.object) for q in common.quads if q.predicate.value == _BROADER}
    top = rules.under.get(key)
    for iri in common.described:
        if iri.startswith(start) and (top is None or _is_below(iri, f"{start}{top}", broader)):
            yield iri


def _is_below(iri: str, top: str, broader: Mapping[str, str]) -> bool:
    seen = {iri}
    while (iri := broader.get(iri, "")) not in seen:
        if iri == top:
            return True
        seen.add(iri)
    return False
