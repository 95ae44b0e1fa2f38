"""The history and what is published now in; a feed of every change out, for machines (LDES) and people (Atom).

The feed is a static Linked Data Event Stream: ``feed.trig`` leads to pages, each page holds members, and a member is
one version of one article. A full page is closed: it gets no more members.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, serialize

from spacecoop import cache, jsontext, output
from spacecoop.cache import Cache
from spacecoop.harvest import atom, history, statements
from spacecoop.harvest.editions import Edition, Notice, notice
from spacecoop.harvest.history import Version
from spacecoop.harvest.statements import Speaker, Texts, moment, node, texts
from spacecoop.output import Written
from spacecoop.quads import text
from spacecoop.syntaxes import NQUADS
from spacecoop.workspace import Workspace

ROOT = "feed.trig"
ATOM = "feed.atom"

PREFIXES = {
    prefix: statements.PREFIXES[prefix] for prefix in ("as", "dcterms", "ldes", "rdf", "rdfs", "sh", "tree", "xsd")
}
"""What the feed is written with."""

_HERE = "x-spacecoop://here/"
"""Stands for wherever the feed is served from while it is written; what is written is relative."""

_ENTRIES = 50
"""How many changes the Atom feed tells."""


def write(
    folder: Path,
    published: Sequence[Edition],
    workspace: Workspace,
    author: str,
    names: Mapping[str, Texts],
    cached: bool = False,
) -> Iterator[Written]:
    """Write the feed: the versions of the workspace's history, and one more of each article that changed since.

    *names* are those of the shared things by IRI, for the feed that people read.
    A member holds what its article says as long as it is the article's latest version. An article whose record gives no
    date cannot be placed in time, and is left out. Where *cached*, a page that would be what it was is taken over from
    the last build. Raises Unreadable where the history is damaged.
    """
    size = history.read_page_size(workspace)
    versions = history.read(workspace)
    versions = history.count([*versions, *history.find_changes(versions, published)], size)
    if not versions:
        return
    pages: dict[int, list[Version]] = {}
    for version in versions:
        pages.setdefault(version.page, []).append(version)
    latest = {version.slug: version.number for version in versions}
    current = {one.slug: one.sha256 for one in published}
    kept = Cache(workspace.root / ".cache" / "feed")
    before = kept.load() if cached else {}
    now: dict[str, bytes] = {}
    (folder / "feed").mkdir(parents=True, exist_ok=True)
    for number, members in pages.items():
        whole = {
            one.number for one in members if latest[one.slug] == one.number and current.get(one.slug) == one.sha256
        }
        key = _page_key(members, size, whole, workspace)
        page = _take_over(before.get(key), folder, workspace)
        if page is None:
            quads = list(_page(number, members, len(members) == size, folder, whole, workspace))
            path = folder / "feed" / f"{number}.trig"
            page = _write_page(quads, path, folder, f"{_HERE}feed/{number}.trig", workspace)
        now[key] = json.dumps(asdict(page)).encode()
        yield page
    if cached and now != before:
        kept.keep(now, ())
    yield _write_page(_root(pages, versions, workspace), folder / ROOT, folder, _HERE + ROOT, workspace)
    yield history.write(versions, folder, workspace)
    newest = list(reversed(versions))[:_ENTRIES]
    notices = _read_notices(newest, current, folder, workspace)
    for place, language in enumerate(workspace.languages):
        name = f"feed.{language}.atom" if place else ATOM
        yield atom.write(
            name=name,
            language=language,
            newest=newest,
            notices=notices,
            folder=folder,
            workspace=workspace,
            author=author,
            names=names,
        )


def _read_notices(
    newest: Iterable[Version], current: Collection[str], folder: Path, workspace: Workspace
) -> dict[str, Notice]:
    """Read what people are told of the articles that changed last, by slug; of those that are published still."""
    return {
        slug: notice(output.read(folder / "article" / f"{slug}{NQUADS.ending}"), workspace.article(slug))
        for slug in {one.slug for one in newest}
        if slug in current
    }


def _page_key(members: Sequence[Version], size: int, whole: Collection[int], workspace: Workspace) -> str:
    """Return the digest of all that a page is made from: the articles' digests are their versions'."""
    parts = [cache.program(), repr(members), size, sorted(whole), workspace.base, sorted(workspace.prefixes.items())]
    return cache.key(*(one if isinstance(one, bytes) else str(one).encode() for one in parts))


def _take_over(row: bytes | None, folder: Path, workspace: Workspace) -> Written | None:
    """Take a page over from the last build, where it is what it was."""
    if row is None:
        return None
    try:
        page = output.restore(jsontext.parse(row))
    except (ValueError, TypeError):
        return None  # made by hand
    return page if output.take_over(page, workspace.out, folder) else None


def pages(folder: Path, workspace: Workspace) -> dict[int, bool]:
    """Return the numbers of the pages in a folder, and whether each is closed, that is will get no more members."""
    size = history.read_page_size(workspace)
    versions = history.read_table(folder / history.VERSIONS, history.VERSIONS, workspace.base)
    counted = Counter(version.page for version in history.count(versions, size))
    return {page: members == size for page, members in sorted(counted.items())}


def _page(
    number: int, members: Sequence[Version], closed: bool, folder: Path, whole: Collection[int], workspace: Workspace
) -> Iterator[Quad]:
    """Yield the quads of one page: of each member what happened, and of the *whole* ones what the article says."""
    iri = f"{_HERE}feed/{number}.trig"
    say = Speaker()
    yield from _context(workspace)
    yield from say(
        _stream(workspace), tree_view=iri, tree_member=[history.name_member(one, workspace) for one in members]
    )
    yield from say(iri, a="tree:Node", ldes_immutable=Literal(True) if closed else None)
    for one in members:
        member = history.name_member(one, workspace)
        yield from say(
            member,
            a=f"as:{one.kind}",
            dcterms_isVersionOf=workspace.article(one.slug),
            dcterms_issued=moment(one.date),
            dcterms_identifier=Literal(f"{one.number:08}"),
        )
        if one.number in whole and one.kind != history.DELETED:
            for quad in output.read(folder / "article" / f"{one.slug}{NQUADS.ending}"):
                yield Quad(quad.subject, quad.predicate, quad.object, NamedNode(member))


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
        ldes_versionCreateObject=f"as:{history.CREATED}",
        ldes_versionUpdateObject=f"as:{history.UPDATED}",
        ldes_versionDeleteObject=f"as:{history.DELETED}",
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
    kinds = "|".join((history.CREATED, history.UPDATED, history.DELETED))
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


def _write_page(quads: Iterable[Quad], path: Path, folder: Path, base: str, workspace: Workspace) -> Written:
    """Write a page whose own IRI, and those of its siblings, are relative: it is right wherever it is served from."""
    ordered = sorted(set(quads), key=_order)
    prefixes = {**workspace.prefixes, **PREFIXES}
    text = serialize(ordered, format=RdfFormat.TRIG, prefixes=prefixes, base_iri=base)
    assert text is not None
    lines = [f"{line}\n" for line in text.decode().removesuffix("\n").split("\n")]
    declared = [line for line in lines if line.startswith("@prefix ")]
    rest = [line for line in lines if not line.startswith(("@prefix ", "@base "))]
    path.write_text("".join([*sorted(declared), *rest]), "utf-8", newline="\n")
    return output.measure(folder, path, len(ordered))


def _order(quad: Quad) -> tuple[str, str, str, str]:
    predicate = quad.predicate.value.removeprefix(f"{PREFIXES['rdf']}type")  # the class first
    return str(quad.graph_name), text(quad.subject), predicate, str(quad.object)
