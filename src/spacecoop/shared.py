"""The files that all articles share in; what they say, and under which names, out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse

from spacecoop import documents, findings, quads, wellformed
from spacecoop.documents import Unreadable
from spacecoop.facts import context, definitions, factfiles
from spacecoop.facts.context import Reader
from spacecoop.facts.records import Facts, Layout, Reference
from spacecoop.findings import Finding, Place, choose_text, finding, suggest
from spacecoop.iris import RDF_TYPE, is_name, local_name, namespace
from spacecoop.links import linksets, mappings, snapshot
from spacecoop.links.mappings import Link
from spacecoop.places import Places
from spacecoop.quads import text
from spacecoop.shapes import Shapes
from spacecoop.workspace import SETTINGS, Workspace

FACT_FILES = (".yaml", ".yml", ".ttl", ".trig")
_ASIDE = frozenset(
    {
        RDF_TYPE,
        "http://www.w3.org/2000/01/rdf-schema#isDefinedBy",
        "http://www.w3.org/2000/01/rdf-schema#seeAlso",
        "http://www.w3.org/2004/02/skos/core#hasTopConcept",
    }
)
"""Properties that lead from a thing to what is said about terms, not about it."""

_SKOS = "http://www.w3.org/2004/02/skos/core#"
_CONCEPT, _LABEL, _DEFINITION = f"{_SKOS}Concept", f"{_SKOS}prefLabel", f"{_SKOS}definition"


@dataclass(frozen=True)
class Shared:
    """What every article of a workspace is read, completed and validated with."""

    workspace: Workspace
    reader: Reader
    """What reads the articles' files."""
    rules: Mapping[str, str]
    """The derive rules: SPARQL texts by file name."""
    shapes: Shapes
    facts: Facts
    """What the shared files say, arranged in their graphs; and what is wrong with them."""
    homes: Mapping[str, str]
    """By IRI: the file that describes it."""
    files: Mapping[str, tuple[Quad, ...]]
    """What each file says, by its name."""
    lines: Mapping[str, tuple[str, ...]]
    """By IRI: what is said of it, as lines of N-Triples."""
    edges: Mapping[str, frozenset[str]]
    """By IRI: the shared things that what is said of it leads to."""

    def background(self, start: Iterable[str]) -> str:
        """Return, as N-Triples, what is said of these IRIs and of all shared things that they lead to."""
        seen: set[str] = set()
        ahead = {iri for iri in start if iri in self.lines}
        while ahead:
            seen |= ahead
            ahead = set[str]().union(*(self.edges[iri] for iri in ahead)) - seen
        return "".join(line for iri in sorted(seen) for line in self.lines[iri])

    def dangling(self, references: Iterable[Reference], own: frozenset[str], document: str) -> Iterator[Finding]:
        """Yield a finding for each reference to a thing of ours that nobody describes.

        Of ours is what stands under the workspace's base IRI, and whatever a file names by a plain word.
        """
        for one in references:
            ours = one.iri.startswith(self.workspace.base) or not (one.written_out or ":" in one.name)
            if not ours or one.iri in own or one.iri in self.homes:
                continue
            if one.iri.startswith(f"{document}#"):
                names = [f"this:{local_name(iri)}" for iri in own if iri.startswith(f"{document}#")]
                where = one.place.file
            else:
                siblings = [iri for iri in self.homes if namespace(iri) == namespace(one.iri)]
                names = [local_name(iri) for iri in siblings]
                where = _home({self.homes[iri] for iri in siblings})
            near = suggest(one.name, names)
            found = finding("unknown-name", one.place, near, key=one.key, name=one.name, where=where)
            yield found if near or where == one.place.file else self._add_choice(found, siblings, where)

    def _add_choice(self, found: Finding, siblings: Sequence[str], where: str) -> Finding:
        """Return a finding that lists what a scheme, which is one file of the ontology, has, and what it means."""
        if not (where.startswith("ontology/") and where.endswith(".ttl")):
            return found
        meanings = {iri: self._meaning(iri) for iri in siblings if f"<{_CONCEPT}>" in "".join(self.lines.get(iri, ()))}
        if not meanings:
            return found
        choice = findings.rules()["unknown-name"]["choice"]
        help_ = {}
        for language, words in choice.items():
            each = [
                f"{local_name(iri)} ({choose_text(meaning, language)})" for iri, meaning in sorted(meanings.items())
            ]
            help_[language] = words.format(names="; ".join(each))
        return replace(found, help=help_)

    def _meaning(self, iri: str) -> dict[str, str]:
        """Return the definition of a concept, else its label, in each language."""
        meaning: dict[str, str] = {}
        for key in (_LABEL, _DEFINITION):
            for quad in parse("".join(self.lines[iri]), format=RdfFormat.N_TRIPLES):
                if quad.predicate.value == key and isinstance(quad.object, Literal):
                    meaning[quad.object.language or "en"] = quad.object.value.rstrip(".")
        return meaning


def _home(files: set[str]) -> str:
    """Return the one file, or the folder of several."""
    if len(files) == 1:
        return next(iter(files))
    return f"{min(files).partition('/')[0]}/" if files else "ontology/ or entities/"


def load(workspace: Workspace) -> Shared:
    """Read the shared files of a workspace.

    Raises Unreadable where the context, the shapes or a derive rule cannot be read: nothing can be judged without them.
    """
    file = workspace.name(workspace.context)
    source = definitions.read(workspace.text(workspace.context).encode(), file)
    belongs = dict(context.places_of_keys(source))
    plain, lifted = context.lift(context.drop_bases(source))
    things = f"{workspace.base}id/"
    of_things = Reader(plain, context.scope(source, things, lifted), belongs)

    ontology = _each(workspace, "ontology", (".ttl",), _reader_of(workspace, of_things, "ontology", workspace.base))
    alignments = _reader_of(workspace, of_things, "alignments", workspace.base)
    ontology += _each(workspace, "ontology/alignments", (".ttl",), alignments)
    entities = _each(workspace, "entities", FACT_FILES, _reader_of(workspace, of_things, "entities", things))
    mappings = _each(workspace, "links", (".tsv",), lambda data, file: _links(workspace, data, file))
    frozen = _each(workspace, "links", (".nt",), lambda data, file: _read_snapshot(workspace, data, file))
    described = [*ontology, *entities]
    together = _join([*described, *mappings])

    outside = _join([together, *frozen])  # which no article is validated with
    lines: defaultdict[str, list[str]] = defaultdict(list)
    for quad in together.quads:
        lines[text(quad.subject)].append(f"{quad.triple} .\n")
    edges: defaultdict[str, set[str]] = defaultdict(set)
    for quad in together.quads:
        if quad.predicate.value not in _ASIDE and isinstance(quad.object, NamedNode) and text(quad.object) in lines:
            edges[text(quad.subject)].add(text(quad.object))
    homes = {node: place.file for node, place in together.places.nodes.items() if not node.startswith("_:")}
    rules, wrong = read_shapes(workspace)
    return Shared(
        workspace=workspace,
        reader=Reader(plain, context.scope(source, workspace.article(""), lifted), belongs),
        rules={path.name: _text(path, file) for path, file in _name_files(workspace, "queries/derive", ".rq")},
        shapes=rules,
        facts=replace(outside, findings=(*outside.findings, *_find_repeated(entities), *wrong)),
        homes=homes,
        files={part.places.file: part.quads for part in (*described, *mappings)},
        lines={iri: tuple(choose_text) for iri, choose_text in lines.items()},
        edges={iri: frozenset(edges[iri]) for iri in lines},
    )


def read_shapes(workspace: Workspace) -> tuple[Shapes, list[Finding]]:
    """Read the shapes of a workspace, with what is wrong with them; raises Unreadable where they cannot be used."""
    texts = [(file, _text(path, file)) for path, file in _name_files(workspace, "shapes", ".ttl")]
    wrong = wellformed.check(texts)
    unusable = next((found for found in wrong if found.rule in wellformed.GRAVE), None)
    if unusable is not None:
        raise Unreadable(unusable)
    return Shapes(tuple(texts)), wrong


FOLDERS: Mapping[str, tuple[str, ...]] = {
    "ontology": (".ttl", ".jsonld"),
    "ontology/alignments": (".ttl",),
    "entities": FACT_FILES,
    "links": (".tsv", ".nt"),
    "shapes": (".ttl",),
    "queries/derive": (".rq",),
}
"""Which files of which folders all articles share: nothing else is read, and the cache's key depends on all of them."""


def files(workspace: Workspace) -> list[Path]:
    """Return all files that an article's findings and quads depend on beside its own."""
    found = (path for folder, endings in FOLDERS.items() for path in workspace.files(folder, *endings))
    return [workspace.root / SETTINGS, *found]


def misfits(workspace: Workspace) -> list[Finding]:
    """Return a finding for each thing that is named like a shared file and is not read."""
    return [found for folder, endings in FOLDERS.items() for found in workspace.misfits(folder, *endings)]


def _name_files(workspace: Workspace, folder: str, *endings: str) -> list[tuple[Path, str]]:
    """Return the files of a folder of shared files with what findings call them."""
    if not set(endings) <= set(FOLDERS[folder]):
        raise KeyError(f"{folder}/*{endings} is not among the shared files")
    return [(path, workspace.name(path)) for path in workspace.files(folder, *endings)]


def _text(path: Path, file: str) -> str:
    return documents.decode(documents.load(path, file), file)


def _each(
    workspace: Workspace, folder: str, endings: tuple[str, ...], read: Callable[[bytes, str], Facts]
) -> list[Facts]:
    """Read each file of a folder; what cannot be read is a finding."""
    parts = []
    for path, file in _name_files(workspace, folder, *endings):
        try:
            parts.append(read(documents.load(path, file), file))
        except Unreadable as error:
            parts.append(Facts(None, (), Places(file), (), (error.finding,)))
    return parts


def _reader_of(workspace: Workspace, reader: Reader, graph: str, document: str) -> Callable[[bytes, str], Facts]:
    """Return what reads a shared file into one shared graph."""
    iri = workspace.graph(graph)
    layout = Layout(document, {"*": iri}, iri, iri)

    def read(data: bytes, file: str) -> Facts:
        read = factfiles.read(data, file, reader, layout)
        return read if graph == "entities" else replace(read, references=())  # an ontology may name any IRI

    return read


def _links(workspace: Workspace, data: bytes, file: str) -> Facts:
    """Read a mapping set as links that are to be published, each placed at its line."""
    _check_name(file)
    mapping_set = mappings.read(data, file, workspace.prefixes)
    confidence = float(workspace.settings.get("links", {}).get("confidence", 0))
    accepted = mapping_set.list_accepted(confidence)
    places = Places(file)
    references = []
    for one in mapping_set.mappings:
        row = (one.object, one.place, one.columns["object_id"])
        places.values.setdefault((one.subject, one.predicate), []).append(row)
        if not one.negated:
            place = one.columns["subject_id"]
            references.append(Reference(one.subject, local_name(one.subject), "subject_id", place))
    graph, name = workspace.graph("links"), f"{workspace.base}links/{PurePath(file).name.partition('.')[0]}"
    dataset = f"{workspace.base}catalog#dataset"  # as the catalogue names it
    linked = [*linksets.quads(accepted, graph), *linksets.describe(mapping_set, confidence, dataset, name, graph)]
    return Facts(None, tuple(linked), places, tuple(references), (*mapping_set.findings, *_one_for_two(accepted)))


def _read_snapshot(workspace: Workspace, data: bytes, file: str) -> Facts:
    """Read a snapshot of outside items, which is published as it is, in a graph of its own."""
    _check_name(file)
    try:
        frozen = snapshot.quads(data, workspace.graph(PurePath(file).name.partition(".")[0]))
    except SyntaxError as error:
        raise Unreadable(finding("rdf", Place(file), syntax="N-Triples", reason=error)) from error
    return Facts(None, tuple(frozen), Places(file), (), ())


def _check_name(file: str) -> None:
    """Raise Unreadable where the name of a file, which becomes part of an IRI, cannot be that."""
    stem = PurePath(file).name.partition(".")[0]
    if not is_name(stem):
        raise Unreadable(finding("bad-slug", Place(file), slug=stem))


def _one_for_two(accepted: Iterable[Link]) -> Iterator[Finding]:
    """Yield a finding for each link to what another thing of ours is linked to in the same way."""
    first: dict[tuple[str, str], Link] = {}
    for one in accepted:
        earlier = first.setdefault((one.predicate, one.object), one)
        if earlier.subject != one.subject:
            yield finding("mapping-shared", one.columns["object_id"], object=one.object, subject=earlier.subject)


def _join(parts: list[Facts]) -> Facts:
    """Return several files' facts as one."""
    nodes = {node: place for part in reversed(parts) for node, place in part.places.nodes.items()}
    values: defaultdict[tuple[str, str], list] = defaultdict(list)  # type: ignore[type-arg]
    for part in parts:
        for key, rows in part.places.values.items():
            values[key] += rows
    return Facts(
        None,
        tuple(quads.arrange(quad for part in parts for quad in part.quads)),
        Places("entities", nodes, dict(values)),
        tuple(one for part in parts for one in part.references),
        tuple(found for part in parts for found in part.findings),
        frozenset().union(*(part.unread for part in parts)),
    )


def _find_repeated(parts: list[Facts]) -> Iterator[Finding]:
    """Yield a finding for each node that a second file describes too."""
    first: dict[str, Facts] = {}
    for part in parts:
        for node, place in part.places.nodes.items():
            if node in first and not node.startswith("_:"):
                yield finding("duplicate-id", place, id=local_name(node), first=first[node].places.nodes[node])
            first.setdefault(node, part)
