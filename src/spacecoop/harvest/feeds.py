"""What was published before and what is now in; a feed of every change out, for machines (LDES) and people (Atom).

The feed is a static Linked Data Event Stream: ``feed.trig`` leads to pages, each page holds members, and a member is
one version of one article. A full page is closed and never written again.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from xml.etree import ElementTree as Xml

from pyoxigraph import DefaultGraph, Literal, NamedNode, Quad, RdfFormat, parse, serialize

from spacecoop import output
from spacecoop.documents import Unreadable
from spacecoop.findings import Place, finding, said
from spacecoop.harvest import statements
from spacecoop.harvest.editions import Edition, of_the_build
from spacecoop.harvest.statements import Speaker, moment, node, texts
from spacecoop.output import Written
from spacecoop.quads import text
from spacecoop.syntaxes import NQUADS, TRIG
from spacecoop.workspace import Workspace

ROOT = "feed.trig"
HISTORY = "feed/versions.tsv"
ATOM = "feed.atom"
PAGE = 100
"""How many members a page holds before it is closed, where ``[feed] page`` does not say."""

PREFIXES = {
    prefix: statements.PREFIXES[prefix] for prefix in ("as", "dcterms", "ldes", "rdf", "rdfs", "sh", "tree", "xsd")
}
"""What the feed is written with."""

_HERE = "x-spacecoop://here/"
"""Stands for wherever the feed is served from while it is written; what is written is relative."""

_CREATED, _UPDATED, _DELETED = "Create", "Update", "Delete"


@dataclass(frozen=True)
class Version:
    """One member of the stream: which version of which article, since when."""

    number: int
    page: int
    date: str
    kind: str
    sha256: str
    slug: str

    @property
    def name(self) -> str:
        """Its name in the page that holds it."""
        return f"{self.slug}-{self.number}"


def write(
    previous: Path, folder: Path, published: Sequence[Edition], workspace: Workspace, author: str
) -> Iterator[Written]:
    """Write the feed of *previous* (an earlier ``out/``), with a new version of each article that changed since.

    An article whose record gives no date cannot be placed in time, and is left out.
    Raises Unreadable where the earlier feed is damaged.
    """
    size = _size(workspace)
    old = read(previous, workspace.base)
    versions = [*old, *_changes(old, published, size)]
    if not versions:
        return
    pages: dict[int, list[Version]] = {}
    for version in versions:
        pages.setdefault(version.page, []).append(version)
    fresh = {version.number for version in versions[len(old) :]}
    for number, members in pages.items():
        path = folder / "feed" / f"{number}.trig"
        path.parent.mkdir(parents=True, exist_ok=True)
        earlier = previous / "feed" / f"{number}.trig"
        if len(members) == size and not any(member.number in fresh for member in members) and _closed(earlier):
            shutil.copyfile(earlier, path)
            yield output.measured(
                folder, path, sum(1 for _ in parse(path=str(path), format=TRIG.format, base_iri=_HERE))
            )
            continue
        quads = list(_page(number, members, len(members) == size, earlier, folder, fresh, workspace))
        yield _written(quads, path, folder, f"{_HERE}feed/{number}.trig", workspace)
    yield _written(_root(pages, versions, workspace), folder / ROOT, folder, _HERE + ROOT, workspace)
    yield _history(versions, folder, workspace)
    yield _atom(versions, published, folder, workspace, author)


def pages(folder: Path, workspace: Workspace) -> dict[int, bool]:
    """Return the numbers of the pages in a folder, and whether each is closed, that is never written again."""
    counted = Counter(version.page for version in read(folder, workspace.base))
    return {page: members == _size(workspace) for page, members in sorted(counted.items())}


def _size(workspace: Workspace) -> int:
    return int(workspace.settings.get("feed", {}).get("page", PAGE))


def read(previous: Path, base: str) -> list[Version]:
    """Return the versions that an earlier feed holds; none where there is no feed, or it is of another base IRI.

    Raises Unreadable at the line that cannot be read, or whose page is not there.
    """
    path = previous / HISTORY
    if not path.is_file():
        return []
    lines = path.read_text("utf-8").splitlines()
    if not lines or lines[0] != f"# {base}":
        return []
    versions = []
    for number, line in enumerate(lines[2:], 3):
        try:
            counted, page, date, kind, sha256, slug = line.split("\t")
            version = Version(int(counted), int(page), date, kind, sha256, slug)
        except ValueError as error:
            raise Unreadable(finding("feed-broken", Place(f"out/{HISTORY}", number), reason=str(error))) from error
        if not (previous / "feed" / f"{version.page}.trig").is_file():
            reason = f"out/feed/{version.page}.trig is not there"
            raise Unreadable(finding("feed-broken", Place(f"out/{HISTORY}", number), reason=reason))
        versions.append(version)
    return versions


def _changes(old: Sequence[Version], published: Sequence[Edition], size: int) -> Iterator[Version]:
    """Yield a version for each article that is new, changed or gone, in the order of their dates."""
    latest = {version.slug: version for version in old}
    standing = {slug: version for slug, version in latest.items() if version.kind != _DELETED}
    dated = {one.slug: one for one in published if one.date}
    last = old[-1].date if old else ""
    number, count = len(old), sum(1 for version in old if version.page == (old[-1].page if old else 1))
    page = old[-1].page if old else 1

    changed = [
        (one.date or "", one.slug, _UPDATED if one.slug in standing else _CREATED, one.sha256)
        for one in dated.values()
        if one.slug not in standing or standing[one.slug].sha256 != one.sha256
    ]
    present = {one.slug for one in published}
    today = of_the_build([one.date for one in published]) or last
    changed += [(today, slug, _DELETED, version.sha256) for slug, version in standing.items() if slug not in present]
    for date, slug, kind, sha256 in sorted(changed):
        last = max(last, date)  # a stream never goes back in time
        if count == size:
            page, count = page + 1, 0
        number, count = number + 1, count + 1
        yield Version(number, page, last, kind, sha256, slug)


def _closed(path: Path) -> bool:
    return path.is_file() and "ldes:immutable true" in path.read_text("utf-8")


def _page(
    number: int,
    members: Sequence[Version],
    closed: bool,
    earlier: Path,
    folder: Path,
    fresh: set[int],
    workspace: Workspace,
) -> Iterator[Quad]:
    """Yield the quads of one page: the new members from the articles just written, the others from the page before."""
    iri = f"{_HERE}feed/{number}.trig"
    say = Speaker()
    yield from _context(workspace)
    yield from say(_stream(workspace), tree_view=iri, tree_member=[_member(one, workspace) for one in members])
    yield from say(iri, a="tree:Node", ldes_immutable=Literal(True) if closed else None)
    for one in members:
        if one.number not in fresh:
            continue
        member = _member(one, workspace)
        yield from say(
            member,
            a=f"as:{one.kind}",
            dcterms_isVersionOf=workspace.article(one.slug),
            dcterms_issued=moment(one.date),
            dcterms_identifier=Literal(f"{one.number:08}"),
        )
        if one.kind != _DELETED:
            for quad in output.read(folder / "article" / f"{one.slug}{NQUADS.ending}"):
                yield Quad(quad.subject, quad.predicate, quad.object, NamedNode(member))
    if earlier.is_file() and not all(one.number in fresh for one in members):
        kept = {_member(one, workspace) for one in members if one.number not in fresh}
        for quad in parse(path=str(earlier), format=TRIG.format, base_iri=iri):
            graph = "" if isinstance(quad.graph_name, DefaultGraph) else text(quad.graph_name)
            if (graph or text(quad.subject)) in kept:
                yield quad


def _context(workspace: Workspace) -> list[Quad]:
    """Return what every page says of the stream: how its members are read."""
    return Speaker()(
        _stream(workspace),
        a="ldes:EventStream",
        ldes_timestampPath="dcterms:issued",
        ldes_versionOfPath="dcterms:isVersionOf",
        ldes_sequencePath="dcterms:identifier",
        tree_shape=_shape(workspace),
    )


def _root(pages: Mapping[int, Sequence[Version]], versions: Sequence[Version], workspace: Workspace) -> Iterator[Quad]:
    """Yield the entry point: what the stream is, and between which dates each page lies."""
    here = _HERE + ROOT
    say = Speaker()
    yield from _context(workspace)
    yield from say(
        _stream(workspace),
        tree_view=here,
        ldes_versionCreateObject=f"as:{_CREATED}",
        ldes_versionUpdateObject=f"as:{_UPDATED}",
        ldes_versionDeleteObject=f"as:{_DELETED}",
        dcterms_title=texts(workspace.title),
        dcterms_license=workspace.licence,
    )
    yield from _member_shape(workspace)
    yield from say(here, a="tree:Node", ldes_retentionPolicy=f"{here}#retention")
    start = moment(versions[0].date)  # older clients know the class and its property, newer ones the second property
    yield from say(f"{here}#retention", a="ldes:PointInTimePolicy", ldes_pointInTime=start, ldes_startingFrom=start)
    for number, members in pages.items():
        bounds = [("GreaterThanOrEqualTo", "from", members[0].date)]
        if len(pages) > number:  # later members go into later pages
            bounds.append(("LessThanOrEqualTo", "to", members[-1].date))
        for kind, name, date in bounds:
            relation = f"{here}#{number}-{name}"
            yield from say(here, tree_relation=relation)
            yield from say(
                relation,
                a=f"tree:{kind}Relation",
                tree_node=f"{_HERE}feed/{number}.trig",
                tree_path="dcterms:issued",
                tree_value=moment(date),
            )


def _member_shape(workspace: Workspace) -> Iterator[Quad]:
    """Yield the SHACL shape of members (TREE, section 8.1): what each of them says of itself."""
    say, shape = Speaker(), _shape(workspace)
    one = Literal("1", datatype=node("xsd:integer"))
    kinds = "|".join((_CREATED, _UPDATED, _DELETED))
    parts: Mapping[str, Mapping[str, object]] = {
        "rdf:type": {"sh_nodeKind": "sh:IRI", "sh_pattern": Literal(f"^{PREFIXES['as']}({kinds})$")},
        "dcterms:isVersionOf": {"sh_nodeKind": "sh:IRI"},
        "dcterms:issued": {"sh_datatype": "xsd:dateTime", "sh_pattern": Literal("(Z|[+-][0-9]{2}:[0-9]{2})$")},
        "dcterms:identifier": {"sh_datatype": "xsd:string"},
    }
    yield from say(shape, a="sh:NodeShape", rdfs_label=Literal("A version of an article", language="en"))
    for path, wanted in parts.items():
        part = f"{shape}-{path.partition(':')[2]}"
        yield from say(shape, sh_property=part)
        yield from say(part, a="sh:PropertyShape", sh_path=path, sh_minCount=one, sh_maxCount=one, **wanted)


def _stream(workspace: Workspace) -> str:
    return f"{workspace.base}feed#stream"


def _shape(workspace: Workspace) -> str:
    return f"{workspace.base}feed#member"


def _member(version: Version, workspace: Workspace) -> str:
    return f"{workspace.base}feed/{version.page}#{version.name}"


def _written(quads: Iterable[Quad], path: Path, folder: Path, base: str, workspace: Workspace) -> Written:
    """Write a page whose own IRI, and those of its siblings, are relative: it is right wherever it is served from."""
    ordered = sorted(set(quads), key=_order)
    prefixes = {**workspace.prefixes, **PREFIXES}
    text = serialize(ordered, format=RdfFormat.TRIG, prefixes=prefixes, base_iri=base)
    assert text is not None
    lines = text.decode().splitlines(keepends=True)
    declared = [line for line in lines if line.startswith("@prefix ")]
    rest = [line for line in lines if not line.startswith(("@prefix ", "@base "))]
    path.write_text("".join([*sorted(declared), *rest]), "utf-8", newline="\n")
    return output.measured(folder, path, len(ordered))


def _order(quad: Quad) -> tuple[str, str, str, str]:
    predicate = quad.predicate.value.removeprefix(f"{PREFIXES['rdf']}type")  # the class first
    return str(quad.graph_name), text(quad.subject), predicate, str(quad.object)


def _history(versions: Sequence[Version], folder: Path, workspace: Workspace) -> Written:
    """Write the list from which the next build goes on."""
    names = "\t".join(field.name for field in fields(Version))
    rows = ["\t".join(map(str, astuple(version))) for version in versions]
    path = folder / HISTORY
    path.write_text("\n".join([f"# {workspace.base}", names, *rows, ""]), "utf-8", newline="\n")
    return output.measured(folder, path, 0)


def _atom(
    versions: Sequence[Version], published: Sequence[Edition], folder: Path, workspace: Workspace, author: str
) -> Written:
    """Write the newest fifty changes as an Atom feed (RFC 4287), newest first."""
    language = workspace.languages[0]
    editions = {one.slug: one for one in published}
    feed = Xml.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": language})
    _text(feed, "id", f"{workspace.base}feed")
    _text(feed, "title", said(workspace.title, language))
    _text(feed, "updated", versions[-1].date)
    _text(Xml.SubElement(feed, "author"), "name", author)
    Xml.SubElement(feed, "link", {"rel": "self", "href": f"{workspace.base}{ATOM}", "type": "application/atom+xml"})
    Xml.SubElement(feed, "link", {"rel": "alternate", "href": workspace.base})
    for one in list(reversed(versions))[:50]:
        entry = Xml.SubElement(feed, "entry")
        edition = editions.get(one.slug)
        title = said(edition.title, language) if edition else ""
        _text(entry, "id", _member(one, workspace))
        _text(entry, "title", f"{one.kind}: {title or one.slug}")
        _text(entry, "updated", one.date)
        Xml.SubElement(entry, "link", {"rel": "alternate", "href": workspace.article(one.slug)})
        if edition and edition.source != edition.iri:
            Xml.SubElement(entry, "link", {"rel": "via", "href": edition.source})
        _text(entry, "summary", f"{one.kind} of {workspace.article(one.slug)}; SHA-256 of its N-Quads: {one.sha256}")
    Xml.indent(feed, space=" ")
    path = folder / ATOM
    text = Xml.tostring(feed, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n', "utf-8", newline="\n")
    return output.measured(folder, path, 0)


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text
