"""A workspace's links in; checked, suggested, frozen or given back out: the story of links on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyoxigraph import Literal

from spacecoop import documents, shared
from spacecoop.findings import Finding, sort
from spacecoop.findings import suggest as closest
from spacecoop.iris import shorten
from spacecoop.links import agreement, candidates, quickstatements, review, setups, snapshot, wikidata
from spacecoop.links.agreement import Criteria, Entity
from spacecoop.links.mappings import Link
from spacecoop.links.quickstatements import Proposal
from spacecoop.links.setups import FILE, ITEMS, MANIFEST, SNAPSHOT, LinksError, Settings, Setup
from spacecoop.links.snapshot import Snapshot
from spacecoop.links.wikidata import Ask
from spacecoop.progress import Progress
from spacecoop.workspace import Workspace

if TYPE_CHECKING:
    from spacecoop.links.candidates import Candidate
    from spacecoop.links.reconciliation import Match


def begin(
    workspace: Workspace, settings: Settings, ask: Ask, progress: Progress, sleep: Callable[[float], None]
) -> Setup:
    """Read all that the work on links needs; *ask* asks the endpoint."""
    return setups.set_up(workspace, settings, shared.load(workspace).facts.quads, ask, progress, sleep)


@dataclass(frozen=True)
class Checked:
    """What was found out about the links."""

    findings: tuple[Finding, ...]
    links: int
    asked: int
    """How many items were asked about now; the others were known."""
    unknown: int
    """How many links nothing is known of."""
    without: tuple[str, ...] = ()
    """The things for which somebody looked and found no item (sssom:NoTermFound)."""


def check(setup: Setup, fresh: bool = False, offline: bool = False) -> Checked:
    """Check each link against what Wikidata says of its item, or offline against what the snapshot does."""
    frozen = setups.read_snapshot(setup.workspace)
    wanted = {link.object for link in setup.links}
    if offline:
        if frozen is None:
            raise LinksError(f"there is no {SNAPSHOT}; `spacecoop links snapshot` makes one")
        items, asked, source = frozen.items, 0, f"the snapshot of {frozen.manifest.date}"
    else:
        known = {} if fresh else setups.recall(setup)
        asked = len(wanted - set(known))
        items, source = setups.describe(setup, wanted, known), setup.settings.endpoint
    criteria = Criteria(
        source,
        setup.settings.expected,
        {} if offline or frozen is None else frozen.items,
        tuple(setup.settings.ids),
        setup.workspace.prefixes,
    )
    findings = [found for mapping_set in setup.sets.values() for found in mapping_set.findings]
    for link in setup.links:
        if link.object in items:
            entity = setup.entities.get(link.subject) or _read_entity(link)
            places = link.columns["object_id"], link.columns["subject_id"]
            findings += agreement.check(entity, items[link.object], *places, criteria)
    unknown = sum(link.object not in items for link in setup.links)
    without = tuple(sorted({shorten(link.subject, setup.workspace.prefixes) for link in setup.without}))
    return Checked(tuple(sort(findings)), len(setup.links), asked, unknown, without)


def _read_entity(link: Link) -> Entity | None:
    """Return what the line itself says of a thing that only an article describes."""
    label = link.cells.get("subject_label")
    return Entity(link.subject, (Literal(label),), (), (), {}) if label else None


@dataclass(frozen=True)
class Suggested:
    """The candidates, best first for each entity, and the file that holds them for review."""

    candidates: tuple[Candidate, ...]
    without: tuple[str, ...]
    """The entities for which there is none."""
    file: str


def suggest(setup: Setup, names: Sequence[str], most: int = 5) -> Suggested:
    """Look for candidates for these entities, or for all that have no link; write them to the review file.

    For what somebody looked and found nothing (sssom:NoTermFound), nothing is looked for unless it is named.
    """
    linked = {link.subject for link in (*setup.links, *setup.without)}
    chosen = (
        [_entity(setup, name) for name in names]
        if names
        else [setup.entities[iri] for iri in setup.things if iri not in linked]
    )
    found, hints = _find_items(setup, chosen)
    around = _company(setup.workspace)
    company = {entity.iri: around.get(entity.iri, set()) for entity in chosen}
    wanted = {item for iris in (*found.values(), *company.values()) for item in iris}
    items = setups.describe(setup, wanted, setups.recall(setup))
    countries = {iri: {name for item in others for name in items[item].countries()} for iri, others in company.items()}
    rules = candidates.Rules(setup.settings.expected, setup.settings.never, setup.workspace.prefixes, countries)
    rejected = {(link.subject, link.object) for each in setup.sets.values() for link in each.mappings if link.negated}
    proposed: list[Candidate] = []
    without = []
    for entity in chosen:
        weighed = candidates.weigh(entity, [items[iri] for iri in sorted(found[entity.iri])], rules, rejected, hints)
        proposed += weighed[:most]
        if not weighed:
            without.append(shorten(entity.iri, setup.workspace.prefixes))
    review.propose(setup, chosen, proposed)
    return Suggested(tuple(proposed), tuple(without), review.REVIEW)


def _entity(setup: Setup, name: str) -> Entity:
    prefix, colon, local = name.partition(":")
    iri = setup.workspace.prefixes.get(prefix, "") + local if colon else f"{setup.workspace.base}id/{name}"
    if iri in setup.entities:
        return setup.entities[iri]
    near = closest(name, [shorten(each, setup.workspace.prefixes) for each in setup.things])
    raise LinksError(f"nothing is called {name!r} here{f'; did you mean {near}?' if near else ''}")


def _find_items(setup: Setup, chosen: Sequence[Entity]) -> tuple[dict[str, set[str]], dict[str, str]]:
    """Return the items found for each entity by its names, and what a reconciliation service says of each."""
    spelt = {entity.iri: list(candidates.spellings(entity, setup.workspace.languages)) for entity in chosen}
    names = wikidata.find_named(setup.ask, setup.questions(), {name for each in spelt.values() for name in each})
    found = {iri: {item for name in each for item in names[name]} for iri, each in spelt.items()}
    hints: dict[str, str] = {}
    for entity, matches in _reconcile(setup, chosen):
        found[entity.iri] |= {match.item for match in matches}
        hints |= {match.item: match.remark for match in matches}
    return found, hints


def _reconcile(setup: Setup, chosen: Sequence[Entity]) -> Iterable[tuple[Entity, list[Match]]]:
    if not setup.settings.reconciliation:
        return []
    from spacecoop.links.reconciliation import Service
    from spacecoop.queries.endpoint import agent

    service = Service(
        setup.settings.reconciliation,
        agent(setup.workspace.base),
        setup.settings.pause,
        setup.settings.timeout,
        sleep=setup.sleep,
    )
    matches = service.matches(sorted({entity.labels[0].value for entity in chosen}), ITEMS)
    return [(entity, matches[entity.labels[0].value]) for entity in chosen]


def _company(workspace: Workspace) -> dict[str, set[str]]:
    """Return the items of those that our claims connect each thing with, where the dataset is built."""
    company: dict[str, set[str]] = {}
    for row in setups.rows(workspace, "company", needed=False):
        company.setdefault(row["entity"].value, set()).add(row["item"].value)
    return company


@dataclass(frozen=True)
class Frozen:
    """A snapshot that was written, and the links' items that are not in it."""

    snapshot: Snapshot
    gone: tuple[str, ...]


def freeze(setup: Setup) -> Frozen:
    """Write what Wikidata says today of all published links' items, with a manifest."""
    if not setup.accepted:
        raise LinksError(f"{FILE} has no link to freeze yet; `spacecoop links suggest` looks for candidates")
    questions = setup.questions()
    items = setups.describe(setup, {link.object for link in setup.accepted}, setups.recall(setup, days=0))
    present = [item for item in items.values() if item.exists and not item.target]
    text, manifest = snapshot.write(present, setup.settings.endpoint, questions.properties)
    documents.save(setup.workspace.root / SNAPSHOT, text)
    documents.save(setup.workspace.root / MANIFEST, manifest)
    gone = sorted(shorten(iri, setup.workspace.prefixes) for iri in set(items) - {item.iri for item in present})
    return Frozen(snapshot.read(text.encode(), manifest.encode()), tuple(gone))


def give_back(setup: Setup, live: bool = False) -> list[Proposal]:
    """Return what our claims could add to Wikidata, with a verdict on each statement."""
    rows = [
        row
        for row in setups.rows(setup.workspace, "give-back", needed=True)
        if {"item", "property", "value"} <= set(row)
    ]
    published = {link.object for link in setup.accepted}
    rows = [row for row in rows if row["item"].value in published]
    if live:
        wanted = {row["item"].value for row in rows}
        asked = replace(
            setup.settings,
            properties=tuple(sorted({*setup.settings.properties, *(row["property"].value for row in rows)})),
        )
        asking = replace(setup, settings=asked)
        items = setups.describe(asking, wanted, {})
        return quickstatements.propose(rows, quickstatements.make_missing(items, asked.properties))
    frozen = setups.read_snapshot(setup.workspace)
    return quickstatements.propose(rows, frozen.missing if frozen else _nobody_knows)


def _nobody_knows(item: str, name: str) -> None:
    """Say that nobody knows whether an item lacks something."""
