"""What lies in ``out/`` in; that as one thing to look at, and what is wrong with it that RDF cannot be asked, out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, parse

from spacecoop import folders
from spacecoop.iris import RDF, local_name
from spacecoop.quads import text
from spacecoop.syntaxes import BY_ENDING
from spacecoop.workspace import Workspace

PREFIXES = {
    "bibo": "http://purl.org/ontology/bibo/",
    "cc": "http://creativecommons.org/ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dcterms": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "ldes": "https://w3id.org/ldes#",
    "mod": "https://w3id.org/mod#",
    "np": "http://www.nanopub.org/nschema#",
    "obo": "http://purl.obolibrary.org/obo/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "prov": "http://www.w3.org/ns/prov#",
    "rdf": RDF,
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "http://schema.org/",
    "sdo": "https://schema.org/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "tree": "https://w3id.org/tree#",
    "vann": "http://purl.org/vocab/vann/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "void": "http://rdfs.org/ns/void#",
    "xhv": "http://www.w3.org/1999/xhtml/vocab#",
    "x": "x:",
}
"""What the rules' queries may use."""

HERE = "x:here/"
"""Stands for wherever the site is served from."""


class NotBuilt(Exception):
    """There is nothing to look at."""


@dataclass(frozen=True)
class Built:
    """What lies in ``out/``, as far as the rules look at it."""

    out: Path
    base: str
    files: Mapping[str, Mapping[str, Any]]
    """The rows of the manifest by path."""
    store: Store
    """Descriptions and vocabularies: each file in a graph ``x:name``, all vocabularies in the default graph."""

    def paths(self, folder: str, ending: str) -> list[str]:
        """Return the files of a folder with an ending."""
        return [path for path in self.files if path.startswith(folder) and path.endswith(ending)]


def read(workspace: Workspace) -> Built:
    """Read what is judged; raises NotBuilt where the workspace has not been built."""
    out = workspace.out
    try:
        rows = folders.list_files(out)
    except (OSError, ValueError, KeyError) as error:
        raise NotBuilt(f"{workspace.name(out / 'manifest.json')} cannot be read: {error}") from error
    built = Built(out, workspace.base, {row["path"]: row for row in rows}, Store())
    for name, path in (
        ("catalog", "catalog.ttl"),
        ("void", "void.ttl"),
        ("schema-org", "schema-org.jsonld"),
        ("feed", "feed.trig"),
    ):
        _load(built, path, NamedNode(f"x:{name}"))
    for path in built.paths("feed/", ".trig"):
        _load(built, path, NamedNode("x:pages"))
    for path in vocabularies(built):
        _load(built, path, None)
    return built


def vocabularies(built: Built) -> list[str]:
    """Return the files of the vocabularies: all documents in Turtle that are neither of articles nor of things."""
    about = {"catalog.ttl", "dataset.ttl", "void.ttl"}
    return [path for path in built.paths("", ".ttl") if path not in about and not path.startswith(("article/", "id/"))]


def _load(built: Built, path: str, graph: NamedNode | None) -> None:
    """Read a file's own graph; the graphs that it names, such as the content of a feed's members, are left out."""
    if path not in built.files:
        return
    quads = parse(path=str(built.out / path), format=BY_ENDING[Path(path).suffix].format, base_iri=HERE + path)
    plain = (quad for quad in quads if not isinstance(quad.graph_name, NamedNode))
    built.store.extend(Quad(quad.subject, quad.predicate, quad.object, graph) for quad in plain)


# ------------------------------------------------------------------------------- checks that are no question to RDF


def _documents(built: Built) -> Iterator[str]:
    """Yield the IRIs of ours that no file describes."""
    have = {path.rpartition(".")[0] for path in built.files if Path(path).suffix in BY_ENDING}
    dump = built.out / "dataset.nt"
    if not dump.is_file():
        yield "dataset.nt"
        return
    seen: set[str] = set()
    with dump.open(encoding="utf-8") as lines:
        for line in lines:
            subject = line[1 : line.index(">")].partition("#")[0]
            if subject.startswith(built.base) and subject not in seen:
                seen.add(subject)
                if (subject.removeprefix(built.base) or "catalog") not in have:
                    yield subject


def _sitemap(built: Built) -> Iterator[str]:
    try:
        root = Xml.parse(built.out / "sitemap.xml").getroot()  # noqa: S314  (our own file)
    except (OSError, Xml.ParseError) as error:
        yield f"sitemap.xml: {error}"
        return
    addresses = {element.text for element in root.iter() if element.tag.endswith("loc")}
    if built.base not in addresses and not any((address or "").endswith("/") for address in addresses):
        yield built.base


def _articles(built: Built) -> Iterator[tuple[str, list[Quad]]]:
    for path in built.paths("article/", ".nq"):
        yield path, list(parse(path=str(built.out / path), format=RdfFormat.N_QUADS))


def _nanopub_form(built: Built) -> Iterator[str]:
    for path, quads in _articles(built):
        graphs = {text(quad.graph_name) for quad in quads if isinstance(quad.graph_name, NamedNode)}
        links = {
            local_name(quad.predicate.value): text(quad.object)
            for quad in quads
            if quad.predicate.value.startswith(PREFIXES["np"])
        }
        named = {links.get(name) for name in ("hasAssertion", "hasProvenance", "hasPublicationInfo")}
        heads = {text(quad.graph_name) for quad in quads if quad.predicate.value == f"{PREFIXES['np']}hasAssertion"}
        if len(heads) != 1 or len(graphs) != 4 or graphs != named | heads:
            yield f"{path}: graphs {', '.join(sorted(graphs))}"
            continue
        subjects = {(text(quad.graph_name), text(quad.subject)) for quad in quads}
        if (links["hasProvenance"], links["hasAssertion"]) not in subjects:
            yield f"{path}: the provenance does not mention the assertion"


def _nanopub_size(built: Built) -> Iterator[str]:
    for path in built.paths("article/", ".trig"):
        row = built.files[path]
        if row["statements"] > 1200 or row["bytes"] > 1_000_000:
            yield f"{path}: {row['statements']} triples, {row['bytes']} bytes"


def _nanopub_literals(built: Built) -> Iterator[str]:
    import rdflib

    for path, quads in _articles(built):
        for value in sorted(
            {str(quad.object): quad.object for quad in quads if isinstance(quad.object, Literal)}.items()
        ):
            term = value[1]
            if rdflib.Literal(term.value, datatype=rdflib.URIRef(term.datatype.value)).ill_typed and not term.language:
                yield f"{path}: {term}"


def _nanopub_created(built: Built) -> Iterator[str]:
    wanted = {f"{PREFIXES['dcterms']}created", f"{PREFIXES['prov']}generatedAtTime"}
    for path, quads in _articles(built):
        dates = [quad.object for quad in quads if quad.predicate.value in wanted and isinstance(quad.object, Literal)]
        if not any(date.datatype.value.endswith("#dateTime") for date in dates):
            yield path


_ADVISED_AGAINST = (
    "http://orcid.org/",
    "https://www.wikidata.org/entity/",
    "http://www.wikidata.org/wiki/",
    "http://schema.org/",
)


def _nanopub_prefixes(built: Built) -> Iterator[str]:
    for path, quads in _articles(built):
        used = {
            term.value
            for quad in quads
            for term in (quad.subject, quad.predicate, quad.object)
            if isinstance(term, NamedNode)
        }
        yield from (f"{path}: {start}" for start in _ADVISED_AGAINST if any(iri.startswith(start) for iri in used))


def _feed_dates(built: Built) -> Iterator[str]:
    """Yield articles that are not in the feed, and versions that have no newer date than the one before."""
    try:
        lines = (built.out / "feed" / "versions.tsv").read_text("utf-8").splitlines()[2:]
    except OSError:
        lines = []
    dates: dict[str, str] = {}
    for line in lines:
        _, date, slug, kind, _ = line.split("\t")
        if dates.get(slug) == date and kind != "Delete":
            yield f"{slug}: two versions of {date}"
        dates[slug] = date
    yield from (path for path in built.paths("article/", ".ttl") if Path(path).stem not in dates)


CHECKS: Mapping[str, Callable[[Built], Iterable[str]]] = {
    "documents": _documents,
    "sitemap": _sitemap,
    "nanopub-form": _nanopub_form,
    "nanopub-size": _nanopub_size,
    "nanopub-literals": _nanopub_literals,
    "nanopub-created": _nanopub_created,
    "nanopub-prefixes": _nanopub_prefixes,
    "feed-dates": _feed_dates,
}
