"""A workspace's links in; checked, suggested, decided, frozen or given back out: the story of links on one page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyoxigraph import Literal, NamedNode, QuerySolutions, RdfFormat, Store

from spacecoop import agreement, answers, candidates, documents, links, quickstatements, shared, snapshot, wikidata
from spacecoop.agreement import Entity, Yardstick
from spacecoop.findings import Finding, ordered
from spacecoop.findings import suggest as closest
from spacecoop.iris import shorten
from spacecoop.links import Link, MappingSet
from spacecoop.quickstatements import Proposal
from spacecoop.snapshot import Snapshot
from spacecoop.wikidata import Ask, Item, Questions
from spacecoop.workspace import Workspace

if TYPE_CHECKING:
    from spacecoop.candidates import Candidate
    from spacecoop.reconciliation import Match

ITEMS = "http://www.wikidata.org/entity/"
FILE = "links/wikidata.sssom.tsv"
REVIEW = "links/review/wikidata.sssom.tsv"
SNAPSHOT, MANIFEST = "links/wikidata.nt", "links/wikidata.json"
CACHE = ".cache/links"

Progress = Callable[[int, int], None]
"""Told how many items are done, and how many there are."""


class LinksError(Exception):
    """Something for the user to repair; the message says what, where and what would help."""


@dataclass(frozen=True)
class Settings:
    """The table ``[links]`` of the workspace's settings."""

    endpoint: str
    pause: float
    """Seconds from the beginning of a request to that of the next."""
    timeout: float
    batch: int
    days: int
    """For so many days an answer is not asked for again."""
    confidence: float
    predicate: str
    reconciliation: str
    properties: tuple[str, ...]
    ids: Mapping[str, tuple[str, ...]]
    expected: Mapping[str, tuple[str, ...]]
    never: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes that something is expected to have."""
        return tuple(sorted({one for row in self.expected.values() for one in row}))


def settings(workspace: Workspace, endpoint: str | None = None) -> Settings:
    """Read the settings of links; *endpoint* goes before theirs.

    Either is an address, or a name that ``[endpoints]`` has an address for. Raises LinksError where the settings
    cannot be used.
    """
    table, addresses = dict(workspace.settings.get("links", {})), dict(workspace.settings.get("endpoints", {}))

    def iri(name: str) -> str:
        prefix, _, local = name.partition(":")
        if prefix not in workspace.prefixes:
            raise LinksError(f"spacecoop.toml: [links] {name!r} has no prefix of [prefixes]")
        return workspace.prefixes[prefix] + local

    def iris(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(iri(name) for name in names)

    try:
        return Settings(
            endpoint=addresses.get(asked := endpoint or str(table["endpoint"]), asked),
            pause=float(table.get("pause", 1)),
            timeout=float(table.get("timeout", 60)),
            batch=int(table.get("batch", 100)),
            days=int(table.get("days", 30)),
            confidence=float(table.get("confidence", 0)),
            predicate=str(table.get("predicate", "schema:sameAs")),
            reconciliation=str(table.get("reconciliation", "")),
            properties=tuple(sorted(iris(table.get("properties", [])))),
            ids={iri(theirs): iris(ours) for theirs, ours in sorted(table.get("ids", {}).items())},
            expected={iri(ours): iris(theirs) for ours, theirs in sorted(table.get("expected", {}).items())},
            never=iris(table.get("never", [])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LinksError(f"spacecoop.toml: [links] lacks something, or has what it cannot use: {error}") from error


@dataclass(frozen=True)
class Desk:
    """All that the work on links needs, read once."""

    workspace: Workspace
    settings: Settings
    entities: Mapping[str, Entity]
    sets: Mapping[str, MappingSet]
    """By file."""
    things: tuple[str, ...]
    """The IRIs of what the folder of entities describes."""
    ask: Ask
    sleep: Callable[[float], None]
    progress: Progress

    @property
    def links(self) -> list[Link]:
        """The mappings that are affirmed and lead to Wikidata, in the order of the files."""
        every = [one for name in sorted(self.sets) for one in self.sets[name].mappings]
        return [one for one in every if not one.negated and one.object.startswith(ITEMS)]

    @property
    def accepted(self) -> list[Link]:
        """Those that are published."""
        return [one for one in self.links if one.confidence >= self.settings.confidence]

    def questions(self) -> Questions:
        """Return what is to be asked about items."""
        folder = self.workspace.root / "queries" / "wikidata"
        try:
            texts = {name: (folder / f"{name}.rq").read_text("utf-8") for name in ("items", "classes", "names")}
        except OSError as error:
            raise LinksError(
                f"{error.filename}: {error.strerror}; `spacecoop init` makes a workspace that has it"
            ) from error
        one = self.settings
        properties = tuple(sorted({*one.properties, *one.ids}))
        languages = self.workspace.languages
        return Questions(**texts, properties=properties, languages=languages, expected=one.classes, batch=one.batch)


def desk(workspace: Workspace, one: Settings, ask: Ask, progress: Progress, sleep: Callable[[float], None]) -> Desk:
    """Read the workspace's entities and mapping sets."""
    quads = shared.load(workspace).facts.quads
    sets = {}
    for path in workspace.files("links", ".tsv"):
        file = workspace.name(path)
        sets[file] = links.read(documents.load(path, file), file, workspace.prefixes)
    home = NamedNode(workspace.graph("entities"))
    things = {str(quad.subject)[1:-1] for quad in quads if quad.graph_name == home}
    known = agreement.entities(quads, one.expected, one.ids)
    polite = wikidata.paced(ask, one.pause, time.monotonic, sleep)
    return Desk(workspace, one, known, sets, tuple(sorted(things & set(known))), polite, sleep, progress)


@dataclass(frozen=True)
class Checked:
    """What was found out about the links."""

    findings: tuple[Finding, ...]
    links: int
    asked: int
    """How many items were asked about now; the others were known."""
    unknown: int
    """How many links nothing is known of."""


def check(one: Desk, fresh: bool = False, offline: bool = False) -> Checked:
    """Check each link against what Wikidata says of its item, or offline against what the snapshot does."""
    frozen = read_snapshot(one.workspace)
    wanted = {link.object for link in one.links}
    if offline:
        if frozen is None:
            raise LinksError(f"there is no {SNAPSHOT}; `spacecoop links snapshot` makes one")
        items, asked, source = frozen.items, 0, f"the snapshot of {frozen.manifest.date}"
    else:
        known = {} if fresh else _kept(one)
        asked = len(wanted - set(known))
        items, source = _described(one, wanted, known), one.settings.endpoint
    yardstick = Yardstick(
        source,
        one.settings.expected,
        {} if offline or frozen is None else frozen.items,
        tuple(one.settings.ids),
        one.workspace.prefixes,
    )
    findings = [found for mapping_set in one.sets.values() for found in mapping_set.findings]
    for link in one.links:
        if link.object in items:
            entity = one.entities.get(link.subject) or _of_line(link)
            places = link.columns["object_id"], link.columns["subject_id"]
            findings += agreement.check(entity, items[link.object], *places, yardstick)
    unknown = sum(link.object not in items for link in one.links)
    return Checked(tuple(ordered(findings)), len(one.links), asked, unknown)


def _of_line(link: Link) -> Entity | None:
    """Return what the line itself says of a thing that only an article describes."""
    label = link.cells.get("subject_label")
    return Entity(link.subject, (Literal(label),), (), (), {}) if label else None


def _kept(one: Desk, days: int | None = None) -> dict[str, Item]:
    kept = answers.load(one.workspace.root / CACHE, one.settings.endpoint, one.questions().text)
    return answers.fresh(kept, wikidata.today(), one.settings.days if days is None else days)


def _described(one: Desk, wanted: Iterable[str], known: Mapping[str, Item]) -> dict[str, Item]:
    """Return what is said of the items, asking for those that are not known; each batch is kept as it comes."""
    items = {iri: known[iri] for iri in wanted if iri in known}
    lacking = sorted(set(wanted) - set(items))
    kept, done = dict(known), 0
    one.progress(0, len(lacking))
    for batch in wikidata.describe(one.ask, one.questions(), lacking, wikidata.today()):
        items |= {item.iri: item for item in batch}
        kept |= {item.iri: item for item in batch}
        answers.save(one.workspace.root / CACHE, one.settings.endpoint, one.questions().text, kept.values())
        done += len(batch)
        one.progress(done, len(lacking))
    return items


@dataclass(frozen=True)
class Suggested:
    """The candidates, best first for each entity, and the file that holds them for review."""

    candidates: tuple[Candidate, ...]
    without: tuple[str, ...]
    """The entities for which there is none."""
    file: str


def suggest(one: Desk, names: Sequence[str], most: int = 5) -> Suggested:
    """Look for candidates for these entities, or for all that have no link; write them to the review file."""
    linked = {link.subject for link in one.links}
    chosen = (
        [_entity(one, name) for name in names]
        if names
        else [one.entities[iri] for iri in one.things if iri not in linked]
    )
    found, hints = _found(one, chosen)
    around = _company(one.workspace)
    company = {entity.iri: around.get(entity.iri, set()) for entity in chosen}
    wanted = {item for iris in (*found.values(), *company.values()) for item in iris}
    items = _described(one, wanted, _kept(one))
    countries = {iri: {name for item in others for name in items[item].countries()} for iri, others in company.items()}
    rules = candidates.Rules(one.settings.expected, one.settings.never, one.workspace.prefixes, countries)
    rejected = {(link.subject, link.object) for each in one.sets.values() for link in each.mappings if link.negated}
    proposed: list[Candidate] = []
    without = []
    for entity in chosen:
        weighed = candidates.weigh(entity, [items[iri] for iri in sorted(found[entity.iri])], rules, rejected, hints)
        proposed += weighed[:most]
        if not weighed:
            without.append(shorten(entity.iri, one.workspace.prefixes))
    _write_review(one, chosen, proposed)
    return Suggested(tuple(proposed), tuple(without), REVIEW)


def _entity(one: Desk, name: str) -> Entity:
    prefix, colon, local = name.partition(":")
    iri = one.workspace.prefixes.get(prefix, "") + local if colon else f"{one.workspace.base}id/{name}"
    if iri in one.entities:
        return one.entities[iri]
    near = closest(name, [shorten(each, one.workspace.prefixes) for each in one.things])
    raise LinksError(f"nothing is called {name!r} here{f'; did you mean {near}?' if near else ''}")


def _found(one: Desk, chosen: Sequence[Entity]) -> tuple[dict[str, set[str]], dict[str, str]]:
    """Return the items found for each entity by its names, and what a reconciliation service says of each."""
    spelt = {entity.iri: list(candidates.spellings(entity, one.workspace.languages)) for entity in chosen}
    names = wikidata.named(one.ask, one.questions(), {name for each in spelt.values() for name in each})
    found = {iri: {item for name in each for item in names[name]} for iri, each in spelt.items()}
    hints: dict[str, str] = {}
    for entity, matches in _reconciled(one, chosen):
        found[entity.iri] |= {match.item for match in matches}
        hints |= {match.item: match.remark for match in matches}
    return found, hints


def _reconciled(one: Desk, chosen: Sequence[Entity]) -> Iterable[tuple[Entity, list[Match]]]:
    if not one.settings.reconciliation:
        return []
    from spacecoop.endpoint import agent
    from spacecoop.reconciliation import Service

    service = Service(
        one.settings.reconciliation,
        agent(one.workspace.base),
        one.settings.pause,
        one.settings.timeout,
        sleep=one.sleep,
    )
    matches = service.matches(sorted({entity.labels[0].value for entity in chosen}), ITEMS)
    return [(entity, matches[entity.labels[0].value]) for entity in chosen]


def _company(workspace: Workspace) -> dict[str, set[str]]:
    """Return the items of those that our claims connect each thing with, where the dataset is built."""
    company: dict[str, set[str]] = {}
    for row in _rows(workspace, "company", needed=False):
        company.setdefault(row["entity"].value, set()).add(row["item"].value)
    return company


def _rows(workspace: Workspace, name: str, needed: bool) -> list[dict[str, NamedNode | Literal]]:
    """Return the rows that a query of queries/links/ has in the built dataset, all its graphs at once."""
    built, path = workspace.out / "dataset.nq", workspace.root / "queries" / "links" / f"{name}.rq"
    if not path.is_file() or not built.is_file():
        if needed:
            raise LinksError(f"{path if built.is_file() else built} is not there; run `spacecoop build` first")
        return []
    store = Store()
    store.bulk_load(path=str(built), format=RdfFormat.N_QUADS)
    try:
        solutions = store.query(path.read_text("utf-8"), use_default_graph_as_union=True)
    except SyntaxError as error:
        raise LinksError(f"{workspace.name(path)}: {error}") from error
    if not isinstance(solutions, QuerySolutions):
        raise LinksError(f"{workspace.name(path)}: a SELECT query is needed")
    names = [variable.value for variable in solutions.variables]
    return [{name: row[name] for name in names if isinstance(row[name], (NamedNode, Literal))} for row in solutions]


def _write_review(one: Desk, chosen: Sequence[Entity], proposed: Sequence[Candidate]) -> None:
    """Put the candidates in place of those that stood in the review file for the same entities."""
    path = one.workspace.root / REVIEW
    prefixes = one.workspace.prefixes
    text = path.read_text("utf-8") if path.is_file() else _heading(one)
    subjects = {shorten(entity.iri, prefixes) for entity in chosen}
    for number in range(len(text.splitlines()), 0, -1):
        line = text.splitlines()[number - 1]
        if not line.startswith("#") and line.partition("\t")[0] in subjects:
            text = links.removed(text, number)
    for candidate in proposed:
        names = shorten(candidate.entity.iri, prefixes), shorten(candidate.item.iri, prefixes)
        cells = candidates.cells(candidate, *names, one.settings.predicate, wikidata.today())
        text = links.added(text, cells)
    path.parent.mkdir(parents=True, exist_ok=True)
    documents.save(path, text)


def _heading(one: Desk) -> str:
    """Return the heading of the mapping set, for candidates: with an id of its own."""
    text = _text(one.workspace, FILE)
    lines = [line for line in text.splitlines() if line.startswith("#")]
    kept = [line for line in lines if not line.startswith(("#mapping_set_", "#comment", "#creator"))]
    kept = [line for line in kept if not line.startswith("#  -")]
    columns = next(line for line in text.splitlines() if not line.startswith("#"))
    title = "#mapping_set_title: Candidates for links, not reviewed yet"
    return "\n".join([*kept, f"#mapping_set_id: {one.workspace.base}links/review", title, columns]) + "\n"


def _text(workspace: Workspace, file: str) -> str:
    return documents.decode(documents.load(workspace.root / file, file), file)


@dataclass(frozen=True)
class Decision:
    """What a person decided about a candidate."""

    subject: str
    object: str
    """As they are written in the review file; of an item, its number is enough."""
    accepted: bool
    reviewer: str
    because: str
    """The evidence, in a sentence."""
    confidence: float
    date: str
    predicate: str = ""


def decide(one: Desk, decision: Decision) -> str:
    """Move a candidate's line from the review file into the mapping set; return the line as it stands there."""
    if not (one.workspace.root / REVIEW).is_file():
        raise LinksError(f"there is no {REVIEW}; `spacecoop links suggest {decision.subject}` writes it")
    pending = links.read(_text(one.workspace, REVIEW).encode(), REVIEW, one.workspace.prefixes)
    line = next((each for each in pending.mappings if _is(each, decision)), None)
    if line is None:
        text = f"{REVIEW} has no candidate {decision.object} for {decision.subject}"
        raise LinksError(f"{text}; `spacecoop links suggest {decision.subject}` looks for some")
    text = _text(one.workspace, FILE)
    for each in links.read(text.encode(), FILE, one.workspace.prefixes).mappings:
        if (each.subject, each.object) == (line.subject, line.object):
            raise LinksError(f"{each.place}: that pair stands here already; change it there, or delete it first")
    cells = {
        **line.cells,
        "predicate_id": decision.predicate or line.cells["predicate_id"],
        "predicate_modifier": "" if decision.accepted else links.NOT,
        "mapping_justification": "semapv:ManualMappingCuration",
        "reviewer_id": decision.reviewer,
        "mapping_date": decision.date,
        "confidence": f"{decision.confidence:g}",
        "comment": decision.because,
    }
    try:
        changed = links.added(text, cells)
    except ValueError as error:
        raise LinksError(f"{FILE}: {error}") from error
    findings = links.read(changed.encode(), FILE, one.workspace.prefixes).findings
    mine = [found for found in findings if _about(changed, found, cells)]
    if mine:
        raise LinksError(f"nothing was written: {mine[0].message['en']}")
    documents.save(one.workspace.root / FILE, changed)
    documents.save(one.workspace.root / REVIEW, links.removed(_text(one.workspace, REVIEW), line.place.line))
    return "\t".join(cells[key] for key in ("subject_id", "predicate_id", "predicate_modifier", "object_id"))


def _is(line: Link, decision: Decision) -> bool:
    subject, _, local = line.cells["subject_id"].partition(":")
    objects = {line.cells["object_id"], line.object, line.object.removeprefix(ITEMS)}
    return decision.subject in {f"{subject}:{local}", line.subject, local} and decision.object in objects


def _about(text: str, found: Finding, cells: Mapping[str, str]) -> bool:
    """Tell whether a finding is about the line of these cells."""
    line = text.splitlines()[found.place.line - 1].split("\t")
    return cells["subject_id"] in line and cells["object_id"] in line


@dataclass(frozen=True)
class Frozen:
    """A snapshot that was written, and the links' items that are not in it."""

    snapshot: Snapshot
    gone: tuple[str, ...]


def freeze(one: Desk) -> Frozen:
    """Write what Wikidata says today of all published links' items, with a manifest."""
    if not one.accepted:
        raise LinksError(f"{FILE} has no link to freeze yet; `spacecoop links suggest` looks for candidates")
    questions = one.questions()
    items = _described(one, {link.object for link in one.accepted}, _kept(one, days=0))
    present = [item for item in items.values() if item.exists and not item.target]
    text, manifest = snapshot.written(present, one.settings.endpoint, questions.properties)
    documents.save(one.workspace.root / SNAPSHOT, text)
    documents.save(one.workspace.root / MANIFEST, manifest)
    gone = sorted(shorten(iri, one.workspace.prefixes) for iri in set(items) - {item.iri for item in present})
    return Frozen(snapshot.read(text.encode(), manifest.encode()), tuple(gone))


def read_snapshot(workspace: Workspace) -> Snapshot | None:
    """Read the snapshot; None where there is none. Raises LinksError where it is damaged."""
    triples, manifest = workspace.root / SNAPSHOT, workspace.root / MANIFEST
    if not triples.is_file() and not manifest.is_file():
        return None
    try:
        return snapshot.read(triples.read_bytes(), manifest.read_bytes())
    except (snapshot.DamagedError, OSError) as error:
        raise LinksError(f"{SNAPSHOT}: {error}; `spacecoop links snapshot` writes it anew") from error


def give_back(one: Desk, live: bool = False) -> list[Proposal]:
    """Return what our claims could add to Wikidata, with a verdict on each statement."""
    rows = [row for row in _rows(one.workspace, "give-back", needed=True) if {"item", "property", "value"} <= set(row)]
    published = {link.object for link in one.accepted}
    rows = [row for row in rows if row["item"].value in published]
    if live:
        wanted = {row["item"].value for row in rows}
        asked = replace(
            one.settings, properties=tuple(sorted({*one.settings.properties, *(row["property"].value for row in rows)}))
        )
        asking = replace(one, settings=asked)
        items = _described(asking, wanted, {})
        return quickstatements.propose(rows, quickstatements.of_items(items, asked.properties))
    frozen = read_snapshot(one.workspace)
    return quickstatements.propose(rows, frozen.missing if frozen else _nobody_knows)


def _nobody_knows(item: str, name: str) -> None:
    """Say that nobody knows whether an item lacks something."""
