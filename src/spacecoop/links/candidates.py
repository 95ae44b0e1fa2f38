"""Entities without a link in; scored and explained candidates for each, for a person to decide, out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pyoxigraph import Literal

from spacecoop.iris import local_name, shorten
from spacecoop.links.agreement import Entity, compare_ids, fits, same_names
from spacecoop.links.wikidata import INSTANCE_OF, LABEL, Item

WEIGHTS = {
    "label": 0.5,
    "alias": 0.35,
    "language": 0.05,
    "class": 0.25,
    "id": 0.3,
    "country": 0.1,
    "other-class": -0.3,
    "other-id": -0.4,
    "other-country": -0.1,
    "many": -0.05,
}
"""What each argument adds to a score, which is kept between 0 and 1."""
HIGHEST = 0.99  # certainty is for the person who looks


@dataclass(frozen=True)
class Argument:
    """One reason for or against a candidate."""

    kind: str
    said: str

    @property
    def weight(self) -> float:
        """What it adds to the score."""
        return WEIGHTS.get(self.kind, 0.0)

    def __str__(self) -> str:
        return f"{self.weight:+.2f} {self.said}" if self.weight else self.said


@dataclass(frozen=True)
class Candidate:
    """An item that may be an entity, with the arguments for and against."""

    entity: Entity
    item: Item
    arguments: tuple[Argument, ...]

    @property
    def score(self) -> float:
        """The sum of the arguments' weights, between 0 and 0.99."""
        return round(min(max(sum(one.weight for one in self.arguments), 0.0), HIGHEST), 2)

    def explain(self) -> str:
        """Return the score as the sum that it is."""
        return "; ".join(map(str, self.arguments))


@dataclass(frozen=True)
class Rules:
    """What candidates are measured by."""

    expected: Mapping[str, Sequence[str]]
    never: Collection[str]
    """Classes whose items are no things, such as pages of disambiguation."""
    prefixes: Mapping[str, str]
    countries: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By entity: the items of the countries of those that our claims connect it with."""


def spellings(entity: Entity, languages: Iterable[str]) -> Iterator[Literal]:
    """Yield the names to ask for: as they are, with hyphens for spaces and the other way, in each language.

    >>> from pyoxigraph import Literal
    >>> mission = Entity("http://example.org/m", (Literal("Chang'e-6", language="en"),), (), (), {})
    >>> [name.value for name in spellings(mission, ["en"]) if name.language == "en"]
    ["Chang'e 6", "Chang'e-6", 'Chang’e 6', 'Chang’e-6']
    """
    found = set()
    known = tuple(languages)
    for name in entity.names:
        texts = {name.value, name.value.replace("-", " ")}
        texts |= {text.replace("'", "’") for text in texts} | {text.replace("’", "'") for text in texts}
        tags = [name.language, "mul"] if name.language else [*known, "mul"]
        found |= {Literal(text, language=tag) for text in texts for tag in tags}
    yield from sorted(found, key=str)


def weigh(
    entity: Entity, items: Sequence[Item], rules: Rules, rejected: Collection[tuple[str, str]], hints: Mapping[str, str]
) -> list[Candidate]:
    """Return the candidates for an entity, best first; what was rejected before is not proposed again.

    *hints* says of an item, by its IRI, what a reconciliation service remarked.
    """
    fit = [
        item
        for item in items
        if item.exists
        and not item.target
        and (entity.iri, item.iri) not in rejected
        and not {value.value for value in item.values(INSTANCE_OF)} & set(rules.never)
    ]
    found = [Candidate(entity, item, tuple(_arguments(entity, item, len(fit), rules, hints))) for item in fit]
    return sorted(found, key=lambda one: (-one.score, len(one.item.iri), one.item.iri))


def _arguments(entity: Entity, item: Item, of: int, rules: Rules, hints: Mapping[str, str]) -> Iterator[Argument]:
    same = same_names(entity, item)
    preferred = [one for one in same if one.preferred]
    if same:
        best = (preferred or same)[0].ours
        kind, word = ("label", "same label") if preferred else ("alias", "same name as an alias")
        yield Argument(kind, f"{word} {best}")
    for language in sorted({one.ours.language or "" for one in same})[1:]:
        yield Argument("language", f"also in {language}")
    if not same:
        yield Argument("none", "no name in common")
    verdict = fits(entity, item, rules.expected)
    classes = ", ".join(local_name(value.value) for value in item.values(INSTANCE_OF)) or "no class"
    if verdict is not None:
        kind, word = (
            ("class", "is of an expected class") if verdict else ("other-class", "against: is of none expected")
        )
        yield Argument(kind, f"{word} ({classes})")
    else:
        yield Argument("none", f"class not compared ({classes})")
    for name, agrees in sorted(compare_ids(entity.ids, item).items()):
        kind, word = ("id", "same") if agrees else ("other-id", "against: another")
        yield Argument(kind, f"{word} {shorten(name, rules.prefixes)}")
    yield from _countries(entity, item, rules)
    if of > 1:
        yield Argument("many", f"against: {of} items have such a name")
    if item.iri in hints:
        yield Argument("none", hints[item.iri])


def _countries(entity: Entity, item: Item, rules: Rules) -> Iterator[Argument]:
    theirs, ours = item.countries(), set(rules.countries.get(entity.iri, ()))
    if theirs & ours:
        yield Argument("country", f"our claims connect it with its country, {_first(theirs & ours)}")
    elif theirs and ours:
        yield Argument("other-country", f"against: our claims do not connect it with its country, {_first(theirs)}")


def _first(iris: Iterable[str]) -> str:
    return local_name(min(iris))


def cells(candidate: Candidate, subject: str, object_: str, predicate: str, date: str) -> dict[str, str]:
    """Return a candidate as a line of a mapping set, not reviewed yet; the names are compact IRIs."""
    labels = [name.value for name in candidate.item.values(LABEL)]
    return {
        "subject_id": subject,
        "subject_label": candidate.entity.labels[0].value,
        "predicate_id": predicate,
        "object_id": object_,
        "object_label": labels[0] if labels else "",
        "mapping_justification": "semapv:LexicalMatching",
        "mapping_date": date,
        "confidence": f"{candidate.score:.2f}",
        "comment": candidate.explain(),
    }
