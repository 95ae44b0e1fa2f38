"""A built dataset in; what each aggregator would say of it, rule by rule, out.

The rules are data: one file an aggregator in ``preflight_rules/``. A rule says what must be so, and how that is seen:
``needs`` (each of these has such a value), ``select`` (SPARQL whose rows are what is wrong), ``check`` (a function
here), or ``network`` (only the live web can tell, so it is not checked here, and never passed).
"""

from __future__ import annotations

import enum
import functools
import json
import tomllib
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store, parse

from spacecoop.findings import Severity
from spacecoop.iris import local_name
from spacecoop.quads import text
from spacecoop.shapes import Shapes, reference
from spacecoop.syntaxes import BY_ENDING
from spacecoop.workspace import Workspace

AGGREGATORS = ("lod-cloud", "lov", "google", "dcat-ap", "data-europa", "archivo", "foops", "nanopub", "ldes")

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

_HERE = "x:here/"
_RAW = "https://raw.githubusercontent.com/{repository}/{commit}/{file}"
_TOLD = 5
"""How many things that are wrong a verdict names."""


class Outcome(enum.Enum):
    """What an aggregator would say."""

    PASS = "pass"  # noqa: S105  (not a password)
    WARN = "warn"
    FAIL = "fail"
    UNCHECKED = "not checked here"


@dataclass(frozen=True)
class Verdict:
    """One rule, and what came of it."""

    aggregator: str
    rule: str
    outcome: Outcome
    says: Mapping[str, str]
    """What the rule wants."""
    found: tuple[str, ...]
    """What is not so."""
    fix: Mapping[str, str]
    source: str


class NotBuilt(Exception):
    """There is nothing to look at."""


class NotFetched(Exception):
    """An official rule file could not be had."""


# -------------------------------------------------------------------------------------------------- the rules


@functools.cache
def rulebook(aggregator: str) -> Mapping[str, Any]:
    """Return the rules of one aggregator."""
    folder = resources.files("spacecoop").joinpath("preflight_rules")
    return tomllib.loads(folder.joinpath(f"{aggregator}.toml").read_text("utf-8"))


def official(aggregator: str) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield what the aggregator's own validator is made of: name in the cache, address, the files that it judges."""
    for one in rulebook(aggregator).get("official", ()):
        for file in one["files"]:
            address = _RAW.format(repository=one["repository"], commit=one["commit"], file=file)
            yield f"{one['repository']}/{one['commit']}/{file}", address, tuple(one["data"])


def cache(workspace: Workspace) -> Path:
    """Return where fetched rules are kept: in the workspace, out of version control."""
    return workspace.root / ".cache" / "rules"


def update(workspace: Workspace, aggregators: Iterable[str], source: Path | None = None) -> list[str]:
    """Fetch the official rules of these aggregators into the cache; return the names of the files.

    They come from GitHub, each at a commit that the rulebook names; or from a folder *source* laid out as
    ``owner/name/commit/path``. Raises NotFetched.
    """
    names = []
    for aggregator in aggregators:
        for name, address, _ in official(aggregator):
            data = _fetch(address) if source is None else _copy(source / name)
            path = cache(workspace) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(data)
            part.replace(path)
            names.append(name)
    return names


def _fetch(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:  # noqa: S310  (https, from our own rulebook)
            return bytes(answer.read())
    except OSError as error:
        raise NotFetched(f"{address}: {error}") from error


def _copy(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFetched(f"{path}: {error.strerror}") from error


# ----------------------------------------------------------------------------------------------- what is judged


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
        rows = json.loads((out / "manifest.json").read_text("utf-8"))["files"]
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
    quads = parse(path=str(built.out / path), format=BY_ENDING[Path(path).suffix].format, base_iri=_HERE + path)
    plain = (quad for quad in quads if not isinstance(quad.graph_name, NamedNode))
    built.store.extend(Quad(quad.subject, quad.predicate, quad.object, graph) for quad in plain)


# ----------------------------------------------------------------------------------------------------- verdicts


def judge(workspace: Workspace, aggregators: Sequence[str]) -> Iterator[Verdict]:
    """Yield a verdict for each rule of these aggregators; raises NotBuilt."""
    built = read(workspace)
    for aggregator in aggregators:
        book = rulebook(aggregator)
        shacl = list(_official_verdicts(workspace, built, aggregator))
        yield from shacl
        for rule in book["rule"]:
            yield _verdict(built, aggregator, rule, book)


def _verdict(built: Built, aggregator: str, rule: Mapping[str, Any], book: Mapping[str, Any]) -> Verdict:
    found = () if rule.get("network") else tuple(_wrong(built, rule, book.get("of", {})))
    level = Outcome(rule.get("level", "fail")) if found else Outcome.PASS
    outcome = Outcome.UNCHECKED if rule.get("network") else level
    return Verdict(aggregator, rule["id"], outcome, rule["says"], _some(found), rule["fix"], book["source"])


def _some(found: Sequence[str]) -> tuple[str, ...]:
    rest = len(found) - _TOLD
    return (*found[:_TOLD], *([f"and {rest} more"] if rest > 0 else []))


def _wrong(built: Built, rule: Mapping[str, Any], of: Mapping[str, str]) -> list[str]:
    """Return what is wrong by a rule, sorted."""
    if "check" in rule:
        return sorted(CHECKS[rule["check"]](built))
    query = rule["select"] if "select" in rule else _needs(rule["needs"], of)
    declared = "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in PREFIXES.items())
    rows = built.store.query(declared + query)
    return sorted({row["found"].value if row["found"] is not None else "a node without IRI" for row in rows})  # type: ignore[union-attr]


_KINDS = {"iri": "ISIRI(?v)"}


def _needs(needs: Mapping[str, Any], of: Mapping[str, str]) -> str:
    """Return the query for those of a kind that have no such value."""
    where = of[needs["of"]]
    tests = ["true"]
    if "pattern" in needs:
        tests.append(f'REGEX(STR(?v), "{needs["pattern"]}")')
    if needs.get("language"):
        tests.append('LANG(?v) != ""')
    if "kind" in needs:
        tests.append(_KINDS[needs["kind"]])
    value = f"?x {needs['path']} ?v FILTER ({' && '.join(map(str, tests))})"
    graph = where[: where.index("{")].strip() if where.startswith("GRAPH") else ""
    value = f"{graph} {{ {value} }}" if graph else value
    return f"SELECT DISTINCT (STR(?x) AS ?found) WHERE {{ {where} FILTER NOT EXISTS {{ {value} }} }}"


def _official_verdicts(workspace: Workspace, built: Built, aggregator: str) -> Iterator[Verdict]:
    """Yield what the aggregator's own SHACL says, where it was fetched; that it was not, otherwise."""
    parts = list(official(aggregator))
    if not parts:
        return
    source = rulebook(aggregator)["source"]
    missing = [name for name, _, _ in parts if not (cache(workspace) / name).is_file()]
    rule = f"{aggregator}-shacl"
    if missing:
        says = {
            "en": "the aggregator's own SHACL finds nothing",
            "fr": "le SHACL de l'agrégateur lui-même ne trouve rien",
        }
        command = f"spacecoop preflight --for {aggregator} --update-rules"
        fix = {
            "en": f"fetch it: `{command}`; the rules below are our statement of it",
            "fr": f"téléchargez-le : « {command} » ; les règles ci-dessous sont notre énoncé",
        }
        yield Verdict(aggregator, rule, Outcome.UNCHECKED, says, (), fix, source)
        return
    shapes = _shapes([cache(workspace) / name for name, _, _ in parts])
    data = _data(built, sorted({name for _, _, names in parts for name in names}))
    worst: dict[str, tuple[Severity, list[str]]] = {}
    for result in reference(shapes, data):
        if result.severity is Severity.INFO:
            continue
        key = " ".join(local_name(part) for part in (result.path.strip("<>"), result.component) if part) or result.shape
        severity, found = worst.setdefault(key, (result.severity, []))
        found.append(f"{result.focus}{f': {result.value}' if result.value else ''}")
        worst[key] = (max(severity, result.severity), found)
    says = {"en": "conforms to the aggregator's own SHACL", "fr": "est conforme au SHACL de l'agrégateur lui-même"}
    if not worst:
        yield Verdict(aggregator, rule, Outcome.PASS, says, (), {}, source)
    doubtful = {one["result"]: one["why"] for one in rulebook(aggregator).get("doubtful", ())}
    for key, (severity, found) in sorted(worst.items()):
        outcome = Outcome.FAIL if severity is Severity.VIOLATION and key not in doubtful else Outcome.WARN
        fix = {"en": f"see the shape of {key} at the source", "fr": f"voyez la forme de {key} à la source"}
        fix = doubtful.get(key, fix)
        yield Verdict(aggregator, f"{rule} {key}", outcome, says, _some(sorted(set(found))), fix, source)


# TREE's rule TR3.5 wants the type tree:Collection, which LDES's LR2.1 wants left out of an event stream
_DEACTIVATED = "<https://w3id.org/tree#CollectionTypeRequiredShape> <http://www.w3.org/ns/shacl#deactivated> true .\n"

# the vocabulary that TREE's shapes import says so; nothing is imported here
_KNOWN = "".join(
    f"<https://w3id.org/tree#{kind}Relation> <http://www.w3.org/2000/01/rdf-schema#subClassOf> "
    "<https://w3id.org/tree#Relation> .\n"
    for kind in ("GreaterThanOrEqualTo", "LessThanOrEqualTo")
)


def _shapes(paths: Sequence[Path]) -> Shapes:
    texts = [(path.name, path.read_text("utf-8").removeprefix("\ufeff")) for path in paths]
    return Shapes((*((name, f"@base <x:{name}> .\n{text}") for name, text in texts), ("ours", _DEACTIVATED)))


def _data(built: Built, names: Sequence[str]) -> str:
    """Return the files that are judged as N-Triples; ``vocabularies`` stands for all of them."""
    paths = [path for name in names for path in (vocabularies(built) if name == "vocabularies" else [name])]
    lines: set[str] = set()
    for path in paths:
        if path in built.files:
            quads = parse(path=str(built.out / path), format=BY_ENDING[Path(path).suffix].format, base_iri=_HERE + path)
            lines |= {f"{quad.triple} .\n" for quad in quads if not isinstance(quad.graph_name, NamedNode)}
    return "".join(sorted(lines)) + _KNOWN


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
                if subject.removeprefix(built.base) not in have:
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
        _, _, date, kind, _, slug = line.split("\t")
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
