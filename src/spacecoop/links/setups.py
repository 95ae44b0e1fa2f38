"""A workspace's settings, entities and links in; all that the work on links needs, read once, out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad, QuerySolutions, RdfFormat, Store

from spacecoop import documents, reach, sandbox
from spacecoop.links import agreement, answers, mappings, snapshot, wikidata
from spacecoop.links.agreement import Entity
from spacecoop.links.mappings import Link, MappingSet
from spacecoop.links.snapshot import Snapshot
from spacecoop.links.wikidata import Ask, Item, Questions
from spacecoop.progress import Progress
from spacecoop.sandbox import Begin, StoppedError
from spacecoop.workspace import Workspace

ITEMS = "http://www.wikidata.org/entity/"
FILE = "links/wikidata.sssom.tsv"
SNAPSHOT, MANIFEST = "links/wikidata.nt", "links/wikidata.json"
CACHE = ".cache/links"


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
class Setup:
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

    @property
    def without(self) -> list[Link]:
        """The mappings that say that somebody looked for a thing's item, and found none, in the order of the files."""
        return [link for name in sorted(self.sets) for link in self.sets[name].list_vain()]

    def questions(self) -> Questions:
        """Return what is to be asked about items."""
        folder = self.workspace.root / "queries" / "wikidata"
        try:
            texts = {name: (folder / f"{name}.rq").read_text("utf-8") for name in ("items", "classes", "names")}
        except OSError as error:
            raise LinksError(
                f"{error.filename}: {error.strerror}; `spacecoop init` makes a workspace that has it"
            ) from error
        chosen, languages = self.settings, self.workspace.languages
        properties = tuple(sorted({*chosen.properties, *chosen.ids}))
        return Questions(
            **texts, properties=properties, languages=languages, expected=chosen.classes, batch=chosen.batch
        )


def set_up(
    workspace: Workspace,
    chosen: Settings,
    quads: Iterable[Quad],
    ask: Ask,
    progress: Progress,
    sleep: Callable[[float], None],
) -> Setup:
    """Read the workspace's mapping sets; *quads* say what there is to link."""
    quads, sets = list(quads), {}
    for path in workspace.files("links", ".tsv"):
        file = workspace.name(path)
        sets[file] = mappings.read(documents.load(path, file), file, workspace.prefixes)
    home = NamedNode(workspace.graph("entities"))
    things = {str(quad.subject)[1:-1] for quad in quads if quad.graph_name == home}
    known = agreement.entities(quads, chosen.expected, chosen.ids)
    polite = wikidata.pace(ask, chosen.pause, time.monotonic, sleep)
    return Setup(
        workspace=workspace,
        settings=chosen,
        entities=known,
        sets=sets,
        things=tuple(sorted(things & set(known))),
        ask=polite,
        sleep=sleep,
        progress=progress,
    )


def recall(setup: Setup, days: int | None = None) -> dict[str, Item]:
    """Return what was answered in the last *days* (those of the settings), by item."""
    before = answers.load(setup.workspace.root / CACHE, setup.settings.endpoint, setup.questions().text)
    return answers.fresh(before, wikidata.today(), setup.settings.days if days is None else days)


def describe(setup: Setup, wanted: Iterable[str], known: Mapping[str, Item]) -> dict[str, Item]:
    """Return what is said of the items, asking for those that are not known; each batch is kept as it comes."""
    items = {iri: known[iri] for iri in wanted if iri in known}
    lacking = sorted(set(wanted) - set(items))
    every, done = dict(known), 0
    setup.progress(0, len(lacking))
    for batch in wikidata.describe(setup.ask, setup.questions(), lacking, wikidata.today()):
        items |= {item.iri: item for item in batch}
        every |= {item.iri: item for item in batch}
        answers.save(setup.workspace.root / CACHE, setup.settings.endpoint, setup.questions().text, every.values())
        done += len(batch)
        setup.progress(done, len(lacking))
    return items


def read_snapshot(workspace: Workspace) -> Snapshot | None:
    """Read the snapshot; None where there is none. Raises LinksError where it is damaged."""
    triples, manifest = workspace.root / SNAPSHOT, workspace.root / MANIFEST
    if not triples.is_file() and not manifest.is_file():
        return None
    try:
        return snapshot.read(triples.read_bytes(), manifest.read_bytes())
    except (snapshot.DamagedError, OSError) as error:
        raise LinksError(f"{SNAPSHOT}: {error}; `spacecoop links snapshot` writes it anew") from error


def rows(workspace: Workspace, name: str, needed: bool) -> list[dict[str, NamedNode | Literal]]:
    """Return the rows that a query of queries/links/ has in the built dataset, all its graphs at once."""
    built, path = workspace.out / "dataset.nq", workspace.root / "queries" / "links" / f"{name}.rq"
    if not path.is_file() or not built.is_file():
        if needed:
            raise LinksError(f"{path if built.is_file() else built} is not there; run `spacecoop build` first")
        return []
    store = Store()
    store.bulk_load(path=str(built), format=RdfFormat.N_QUADS)
    file = workspace.name(path)
    text = workspace.text(path)
    try:
        return sandbox.each(lambda begin: _ask_rows(store, text, file, begin), LinksError)  # type: ignore[no-any-return]
    except StoppedError as error:
        raise LinksError(f"{file}: {str(error).partition(';')[0]}") from error


def _ask_rows(store: Store, text: str, file: str, begin: Begin) -> list[dict[str, NamedNode | Literal]]:
    begin(file)
    try:
        solutions = store.query(reach.stay(text), use_default_graph_as_union=True)
        if not isinstance(solutions, QuerySolutions):
            raise LinksError(f"{file}: a SELECT query is needed")
        names = [variable.value for variable in solutions.variables]
        return [{name: row[name] for name in names if isinstance(row[name], (NamedNode, Literal))} for row in solutions]
    except (SyntaxError, ValueError, OSError, RuntimeError) as error:
        raise LinksError(f"{file}: {error}") from error


def text_of(workspace: Workspace, file: str) -> str:
    """Return the text of a file of the workspace."""
    return documents.decode(documents.load(workspace.root / file, file), file)
