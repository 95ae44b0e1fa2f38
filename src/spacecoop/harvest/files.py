"""A dataset just written in; all that a web host serves beside the dumps out: documents, feeds of links, checksums."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat, parse

from spacecoop import output
from spacecoop.documents import text as read_text
from spacecoop.iris import TYPE
from spacecoop.output import Written
from spacecoop.quads import arrange, name_blank_nodes, text
from spacecoop.syntaxes import JSONLD, RDFXML, TURTLE, Syntax
from spacecoop.workspace import Workspace

_IN_DATASET = NamedNode("http://rdfs.org/ns/void#inDataset")
_HEADERS = frozenset({"http://www.w3.org/2002/07/owl#Ontology", "http://www.w3.org/2004/02/skos/core#ConceptScheme"})
"""What a file of the ontology says that its document is."""

THING_SYNTAXES = (TURTLE, JSONLD)
VOCABULARY_SYNTAXES = (TURTLE, JSONLD, RDFXML)


def documents(
    files: Mapping[str, tuple[Quad, ...]], shared: Iterable[Quad], workspace: Workspace
) -> dict[str, Sequence[Quad]]:
    """Return, by IRI, the documents in which the shared things are found: each thing's own, each vocabulary's.

    *files* are the quads of the shared files by name, *shared* those of all of them with the dataset's description.
    Whatever else has an IRI of ours without a fragment, such as the publisher, has a document too, with what is said of
    its parts.
    """
    shared = list(shared)
    found: defaultdict[str, list[Quad]] = defaultdict(list)
    headed: set[str] = set()
    things = f"{workspace.base}id/"
    for quad in shared:
        if text(quad.subject).startswith(things):
            found[text(quad.subject).partition("#")[0]].append(quad)
    for name, said_there in [*files.items(), ("shapes", tuple(_shapes(workspace)))]:
        headers = {
            text(quad.subject) for quad in said_there if quad.predicate == TYPE and text(quad.object) in _HEADERS
        }
        own = sorted(iri for iri in headers if iri.startswith(workspace.base) and "#" not in iri)
        if name.startswith(("ontology/", "shapes")) and own:
            headed.add(own[0])
            found[own[0]] += said_there
    rest = {text(quad.subject) for quad in shared} - headed
    rest = {iri for iri in rest if iri.startswith(workspace.base) and "#" not in iri and not iri.startswith(things)}
    for quad in shared:
        document = text(quad.subject).partition("#")[0]
        if document in rest:
            found[document].append(quad)
    return {iri: _plain(quads, iri, workspace) for iri, quads in sorted(found.items())}


def parts_of_home(quads: Iterable[Quad], workspace: Workspace) -> list[Quad]:
    """Return what is said of the base IRI's own parts, which the description of the dataset has to hold."""
    return [quad for quad in quads if text(quad.subject).startswith(f"{workspace.base}#")]


def _shapes(workspace: Workspace) -> Iterator[Quad]:
    """Yield what the shapes say, with IRIs instead of blank nodes."""
    for path in workspace.files("shapes", ".ttl"):
        said = read_text(path, workspace.name(path))
        named, _, left = name_blank_nodes(parse(said, format=RdfFormat.TURTLE), f"{workspace.base}shapes")
        yield from named if not left else ()  # what cannot be named is reported where the shapes are read


def _plain(quads: Iterable[Quad], iri: str, workspace: Workspace) -> Sequence[Quad]:
    """Return quads as one document's, which says of which dataset it is a part."""
    link = Quad(NamedNode(iri), _IN_DATASET, NamedNode(workspace.dataset))
    return arrange(Quad(quad.subject, quad.predicate, quad.object, DefaultGraph()) for quad in [*quads, link])


def write_documents(found: Mapping[str, Sequence[Quad]], folder: Path, workspace: Workspace) -> Iterator[Written]:
    """Write each document under the path of its IRI."""
    for iri, quads in found.items():
        path = iri.removeprefix(workspace.base)
        yield from write_document(quads, path, syntaxes(iri, quads), folder, workspace.prefixes)


def syntaxes(iri: str, quads: Iterable[Quad]) -> tuple[Syntax, ...]:
    """Return the syntaxes that a shared document is written in: a vocabulary's in RDF/XML too."""
    header = any(text(quad.subject) == iri and text(quad.object) in _HEADERS for quad in quads)
    return VOCABULARY_SYNTAXES if header else THING_SYNTAXES


def write_document(
    quads: Sequence[Quad], path: str, syntaxes: Iterable[Syntax], folder: Path, prefixes: Mapping[str, str]
) -> Iterator[Written]:
    """Write one document in several syntaxes."""
    for syntax in syntaxes:
        file = folder / f"{path}{syntax.ending}"
        output.write(quads, file, syntax, prefixes)
        yield output.measure(folder, file, len(quads))


def write_checksums(written: Iterable[Written], folder: Path) -> Written:
    """Write the digests of all files, as ``sha256sum --check`` reads them."""
    lines = sorted(f"{one.sha256}  {one.path}\n" for one in written)
    return write_text(folder, "checksums.sha256", "".join(sorted(lines, key=lambda line: line[66:])))


def write_well_known(folder: Path) -> Written:
    """Write the description of the dataset where clients look for it without asking (VoID, section 7.2)."""
    return write_text(folder, ".well-known/void", (folder / "void.ttl").read_text("utf-8"))


def write_text(folder: Path, name: str, text: str) -> Written:
    """Write a text file."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(data)
    return Written(path.relative_to(folder).as_posix(), len(data), hashlib.sha256(data).hexdigest(), 0)
