"""Shared matters and the accounts of each in; a finding for each two that ought to be one, with the evidence, out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from pyoxigraph import Quad, RdfFormat, parse

from spacecoop import cache, documents, jsontext
from spacecoop.cache import Cache
from spacecoop.findings import Finding, Place, finding
from spacecoop.iris import shorten
from spacecoop.messages import languages
from spacecoop.quads import text
from spacecoop.stories import joins, reasons
from spacecoop.stories.joins import Criteria, Pair, Proposal
from spacecoop.stories.reasons import Reason, Traits

LEAST = 0.5
"""The lowest score of what is told, where the settings say no other."""


def find(
    entities: Sequence[Quad],
    told: Iterable[tuple[str, str]],
    joins_by: str,
    asked: Sequence[Reason],
    refused: Collection[Pair],
    least: float,
    kept: Cache,
) -> list[Proposal]:
    """Return each two shared matters that score at least so much, the likeliest first.

    *told* are shared matters, each with what stands near one account of it, as N-Triples; *joins_by* is the property
    that leads from the account to it. What an account that is as it was shares is not asked again.
    """
    of_matters = reasons.find(entities, asked)
    accounts: defaultdict[str, list[Traits]] = defaultdict(list)
    for matter, traits in _read_accounts(told, joins_by, asked, kept):
        accounts[matter].append(traits)
    held = {matter: traits.merge(accounts[matter]) for matter, traits in of_matters.items()}
    held = {matter: traits for matter, traits in held.items() if reasons.is_matter(traits, asked)}
    return joins.best(joins.pair(held, Criteria(asked, held.values()), refused), least, len(held))


def _read_accounts(
    told: Iterable[tuple[str, str]], joins_by: str, asked: Sequence[Reason], kept: Cache
) -> list[tuple[str, Traits]]:
    """Return what the reasons find of each account, with the shared matter; of those that are new, all at once."""
    basis = cache.key(cache.program(), *(one.text.encode() for one in asked))
    keys = {(matter, near): cache.key(basis.encode(), matter.encode(), near.encode()) for matter, near in told}
    before = {key: traits for key, value in kept.load().items() if (traits := _believe(value)) is not None}
    new = [(matter, near) for (matter, near), key in keys.items() if key not in before]
    quads = [quad for near in {near for _, near in new} for quad in parse(near.encode(), format=RdfFormat.N_TRIPLES)]
    found = reasons.find(quads, asked) if quads else {}
    account = {
        (text(quad.object), f"{quad.triple} .\n"): text(quad.subject)
        for quad in quads
        if quad.predicate.value == joins_by
    }
    made: dict[str, Traits] = {}
    for matter, near in new:
        own = [account[matter, line] for line in documents.lines(near) if (matter, line) in account]
        made[keys[matter, near]] = Traits().merge(found[one] for one in own if one in found)
    if keys and (made or len(before) != len(keys)):
        kept.keep({key: _pack(traits) for key, traits in made.items()}, keys.values())
    every = before | made
    return [(matter, every[key]) for (matter, _), key in sorted(keys.items())]


def _pack(traits: Traits) -> bytes:
    data = [{name: sorted(found) for name, found in one.items()} for one in (traits.values, traits.spans)]
    return json.dumps(data).encode()


def _believe(value: bytes) -> Traits | None:
    """Return what ``_pack`` made this of; nothing where it was made by hand."""
    try:
        values, spans = jsontext.parse(value)
        traits = Traits(
            {name: frozenset(found) for name, found in values.items()},
            {name: frozenset((start, end) for start, end in found) for name, found in spans.items()},
        )
    except (ValueError, TypeError, AttributeError):
        return None
    texts = [one for found in traits.values.values() for one in found]
    texts += [one for found in traits.spans.values() for span in found for one in span]
    return traits if all(isinstance(one, str) for one in texts) else None


def tell(proposal: Proposal, places: Mapping[str, Place], prefixes: Mapping[str, str]) -> Finding:
    """Return the finding on two shared matters, at the second one."""
    names = {"one": shorten(proposal.one, prefixes), "other": shorten(proposal.other, prefixes)}
    because = {language: joins.explain(proposal, prefixes, language) for language in languages()}
    place = places.get(proposal.other, Place("entities"))
    return finding("two-as-one", place, **names, score=f"{proposal.score:.2f}", because=because)
