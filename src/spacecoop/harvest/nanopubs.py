"""A published article in; nanopublications with trusty URIs out, signed where the user brings a key.

A nanopublication's IRI ends in a digest of its content (Kuhn and Dumontier, Trusty URIs; nanopub.net, guidelines), so
whoever has the IRI can prove the content. The digest and the signature are made by the library ``nanopub``.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import (
    BlankNode,
    Literal,
    NamedNode,
    Quad,
    QuerySolutions,
    QueryTriples,
    RdfFormat,
    Store,
    Triple,
    Variable,
    parse,
    serialize,
)

from spacecoop import output, reach, sandbox
from spacecoop.iris import TYPE
from spacecoop.quads import Envelope, arrange
from spacecoop.reach import QueryError
from spacecoop.sandbox import Begin, StoppedError
from spacecoop.syntaxes import TRIG
from spacecoop.workspace import Workspace

_DCT = "http://purl.org/dc/terms/"
_NP = "http://www.nanopub.org/nschema#"
_NPX = "http://purl.org/nanopub/x/"
_PROV = "http://www.w3.org/ns/prov#"
_GRAPHS = {"head": "Head", "assertion": "assertion", "provenance": "provenance", "pubinfo": "pubinfo"}
"""What our graphs are called in a nanopublication."""

MOST_TRIPLES = 1200
"""What the network's servers accept."""


class NotInstalled(Exception):
    """The optional library is not there."""


class Malformed(Exception):
    """A file is no nanopublication, or not the one that its IRI promises."""


@dataclass(frozen=True)
class Key:
    """A user's own private RSA key, and the IRI of whom it belongs to."""

    file: Path
    signer: str


@dataclass(frozen=True)
class Nanopub:
    """One nanopublication: its trusty IRI and its quads."""

    iri: str
    quads: tuple[Quad, ...]

    @property
    def code(self) -> str:
        """The digest at the end of its IRI: what its file is called."""
        return self.iri.rpartition("/")[2]


def convert_article(quads: Iterable[Quad], slug: str, workspace: Workspace, key: Key | None = None) -> Nanopub:
    """Return an article's four graphs as one nanopublication."""
    document, start = workspace.article(slug), _start(workspace)
    renamed = {document: start, **{f"{document}#{ours}": start + theirs for ours, theirs in _GRAPHS.items()}}
    made = [_rename(quad, renamed) for quad in quads]
    version = Quad(NamedNode(start), NamedNode(f"{_DCT}isVersionOf"), NamedNode(document), NamedNode(f"{start}pubinfo"))
    return _finish([*made, version], start, key)


def convert_claims(quads: Iterable[Quad], slug: str, workspace: Workspace, key: Key | None = None) -> Iterator[Nanopub]:
    """Yield a nanopublication for each claim of an article.

    Which claims there are, and what belongs to one, is asked by ``queries/nanopub/list.rq`` and ``claim.rq``; where a
    claim comes from, and who published it, is taken from the article. Raises Unreadable without these queries, and
    QueryError for one that cannot be asked, does not end, or gives something else.
    """
    quads, start, envelope = list(quads), _start(workspace), Envelope(workspace.article(slug))
    files = {name: f"queries/nanopub/{name}.rq" for name in ("list", "claim")}
    texts = {file: workspace.text(workspace.root / file) for file in files.values()}
    try:
        found = sandbox.each(lambda begin: _find_claims(quads, texts, files, begin), QueryError)
    except StoppedError as error:
        raise QueryError(f"{error.step}: {str(error).partition(';')[0]}") from error
    for triples in found:
        assertion = NamedNode(f"{start}assertion")
        made = [Quad(triple.subject, triple.predicate, triple.object, assertion) for triple in triples]
        made += _head(start)
        renamed = {
            envelope.document: start,
            envelope.assertion: f"{start}assertion",
            envelope.pubinfo: f"{start}pubinfo",
        }
        made += [_rename(quad, renamed) for quad in quads if _graph(quad) == envelope.pubinfo]
        derived = NamedNode(f"{_PROV}wasDerivedFrom")
        sources = [quad.object for quad in quads if _graph(quad) == envelope.provenance and quad.predicate == derived]
        provenance = NamedNode(f"{start}provenance")
        made += [Quad(assertion, derived, source, provenance) for source in (*sources, NamedNode(envelope.document))]
        yield _finish(made, start, key)


def _find_claims(
    quads: Sequence[Quad], texts: Mapping[str, str], files: Mapping[str, str], begin: Begin
) -> list[list[Triple]]:
    """Return what belongs to each claim, by name; raises QueryError."""
    store = Store()
    store.extend(quads)
    made, file = [], files["list"]
    begin(file)
    try:
        rows: Any = store.query(reach.stay(texts[file]), use_default_graph_as_union=True)
        if not isinstance(rows, QuerySolutions) or "claim" not in {one.value for one in rows.variables}:
            raise QueryError("it is to select ?claim")
        claims = sorted({row["claim"].value for row in rows if isinstance(row["claim"], NamedNode)})
        file = files["claim"]
        for claim in claims:
            begin(file)
            bound: dict[Variable, NamedNode | BlankNode | Literal | Triple] = {Variable("claim"): NamedNode(claim)}
            triples: Any = store.query(reach.stay(texts[file]), use_default_graph_as_union=True, substitutions=bound)
            if not isinstance(triples, QueryTriples):
                raise QueryError("it is not a CONSTRUCT query")
            made.append(list(triples))
    except (SyntaxError, OSError, RuntimeError, ValueError) as error:
        raise QueryError(f"{file}: {error}") from error
    return made


def read(path: Path) -> Nanopub:
    """Read a nanopublication from a TriG file; raises Malformed where it is none."""
    try:
        quads = tuple(parse(path=str(path), format=RdfFormat.TRIG))
    except (OSError, SyntaxError, ValueError) as error:
        raise Malformed(f"{path}: {error}") from error
    names = [
        quad.subject for quad in quads if quad.predicate == TYPE and quad.object == NamedNode(f"{_NP}Nanopublication")
    ]
    if len(names) != 1 or not isinstance(names[0], NamedNode):
        raise Malformed(f"{path}: holds {len(names)} nanopublications")
    return Nanopub(names[0].value, quads)


def check(nanopub: Nanopub) -> bool:
    """Prove a nanopublication's form, digest and signature; return whether it is signed. Raises Malformed."""
    library = _library()
    try:
        held = library.Nanopub(rdf=_graph_of(nanopub.quads))
        signed = bool(held.metadata.signature)
        if held.is_valid and held.has_valid_trusty and (not signed or held.has_valid_signature):
            return signed
    except (library.Malformed, ValueError, AttributeError, TypeError) as error:
        raise Malformed(f"{nanopub.iri}: {error}") from error
    raise Malformed(f"{nanopub.iri}: the library does not accept it")


def write(nanopub: Nanopub, folder: Path, workspace: Workspace) -> Path:
    """Write a nanopublication into a folder, named after its digest."""
    path = folder / f"{nanopub.code}.trig"
    prefixes = {**workspace.prefixes, "npx": _NPX, "sub": f"{nanopub.iri}#"}
    output.write(arrange_in_graphs(nanopub.quads), path, TRIG, dict(sorted(prefixes.items())))
    return path


def publish(path: Path, registry: str) -> None:
    """Send a signed nanopublication to a registry; raises Malformed where it is not signed or was refused."""
    one = read(path)
    if not check(one):
        raise Malformed(f"{path}: is not signed; a registry takes signed ones only")
    from spacecoop import exchange  # loads a client, which is seldom needed

    headers = {"Content-Type": TRIG.media_type}
    try:
        answer = exchange.send("POST", registry, seconds=60.0, body=path.read_bytes(), headers=headers)
    except (exchange.ExchangeError, OSError) as error:
        raise Malformed(f"{registry} did not take {path}: {error}") from error
    if not answer.is_success:
        raise Malformed(f"{registry} did not take {path}: it answers {answer.status} {answer.phrase}")


def arrange_in_graphs(quads: Iterable[Quad]) -> list[Quad]:
    """Sort quads; unlike an article's, a nanopublication's triple may stand in several graphs."""
    graphs = sorted({_graph(quad) for quad in quads})
    return [quad for graph in graphs for quad in arrange(one for one in quads if _graph(one) == graph)]


# ---------------------------------------------------------------------------------------------------------- inside


def _start(workspace: Workspace) -> str:
    return f"{workspace.base}np/"


def _graph(quad: Quad) -> str:
    return getattr(quad.graph_name, "value", "")


def _rename(quad: Quad, names: dict[str, str]) -> Quad:
    def term(one: Any) -> Any:
        return NamedNode(names[one.value]) if isinstance(one, NamedNode) and one.value in names else one

    return Quad(term(quad.subject), quad.predicate, term(quad.object), term(quad.graph_name))


def _head(start: str) -> list[Quad]:
    head, this = NamedNode(f"{start}Head"), NamedNode(start)
    links = {"hasAssertion": "assertion", "hasProvenance": "provenance", "hasPublicationInfo": "pubinfo"}
    return [
        Quad(this, TYPE, NamedNode(f"{_NP}Nanopublication"), head),
        *(Quad(this, NamedNode(_NP + link), NamedNode(start + graph), head) for link, graph in links.items()),
    ]


@dataclass(frozen=True)
class _Library:
    """What is used of the library ``nanopub``."""

    Nanopub: Any
    NanopubConf: Any
    Profile: Any
    Malformed: type[Exception]
    hasher: Any
    utils: Any


def _library() -> _Library:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from nanopub.nanopub import Nanopub as Theirs
            from nanopub.nanopub_conf import NanopubConf
            from nanopub.profile import Profile
            from nanopub.trustyuri.rdf import RdfHasher, RdfUtils
            from nanopub.utils import MalformedNanopubError
    except ImportError as error:
        raise NotInstalled("nanopublications need the extra: pip install 'spacecoop[nanopub]'") from error
    return _Library(Theirs, NanopubConf, Profile, MalformedNanopubError, RdfHasher, RdfUtils)


def _graph_of(quads: Iterable[Quad]) -> Any:
    """Return quads as the kind of rdflib graph that the library takes; literals keep their spelling."""
    import rdflib

    rdflib.NORMALIZE_LITERALS = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library wants the class that rdflib calls deprecated
        graph = rdflib.ConjunctiveGraph()
    text = serialize(quads, format=RdfFormat.N_QUADS)
    graph.parse(data=text, format="nquads")
    return graph


def _finish(quads: Sequence[Quad], start: str, key: Key | None) -> Nanopub:
    """Sign where there is a key; then put the digest of the content into the IRIs."""
    library = _library()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if key is not None:
            return _sign(library, quads, start, key)
        code = library.hasher.make_hash(library.utils.get_quads(_graph_of(quads)), baseuri=start, hashstr=" ")
    names = {
        term.value: _trusty(term.value, start, code)
        for quad in quads
        for term in _iris(quad)
        if term.value.startswith(start)
    }
    return Nanopub(f"{start}{code}", tuple(_rename(quad, names) for quad in quads))


def _iris(quad: Quad) -> Iterator[NamedNode]:
    yield from (term for term in (quad.subject, quad.object, quad.graph_name) if isinstance(term, NamedNode))


def _trusty(iri: str, start: str, code: str) -> str:
    name = iri.removeprefix(start)
    return f"{start}{code}#{name}" if name else f"{start}{code}"


def _sign(library: _Library, quads: Sequence[Quad], start: str, key: Key) -> Nanopub:
    signature, pubinfo = NamedNode(f"{start}sig"), NamedNode(f"{start}pubinfo")
    signer = Quad(signature, NamedNode(f"{_NPX}signedBy"), NamedNode(key.signer), pubinfo)
    private = _private_key(key.file)
    try:
        profile = library.Profile(key.signer, "", private_key=private)
    except (ValueError, IndexError, TypeError):
        raise Malformed(f"{key.file}: this is not a private RSA key in PEM") from None  # the cause may quote the key
    held = library.Nanopub(rdf=_graph_of([*quads, signer]), conf=library.NanopubConf(profile=profile))
    try:
        held.sign()
    except library.Malformed as error:
        raise Malformed(str(error)) from error
    made = tuple(parse(held.rdf.serialize(format="nquads"), format=RdfFormat.N_QUADS))
    return Nanopub(str(held.metadata.np_uri), made)


def _private_key(path: Path) -> str:
    """Return the base64 text of a private key, which a PEM file has between its first and its last line."""
    try:
        lines = path.read_text("ascii").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Malformed(f"{path}: the key cannot be read") from error
    return "".join(line.strip() for line in lines if line and not line.startswith("-----"))
