"""Write a feed of every change, for machines (LDES) and people (Atom), from the history and what is published now.

The feed is a static Linked Data Event Stream: ``feed.trig`` leads to pages, each page holds members, and a member is
one version of one article. A full page is closed: it gets no more members.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as Xml

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, serialize

from spacecoop import cache, jsontext, output
from spacecoop.cache import Cache
from spacecoop.documents import Unreadable
from spacecoop.findings import Place, choose_text, finding
from spacecoop.harvest import statements
from spacecoop.harvest.editions import Edition, Notice, date_build, notice
from spacecoop.harvest.files import write_text
from spacecoop.harvest.statements import Speaker, Texts, moment, node, texts
from spacecoop.messages import Words
from spacecoop.output import Written
from spacecoop.quads import text
from spacecoop.syntaxes import NQUADS
from spacecoop.workspace import Workspace

ROOT = "feed.trig"
HISTORY = "history.tsv"
"""In the workspace: which versions were published, a line each. A source, since nothing else can tell."""
VERSIONS = "feed/versions.tsv"
"""In what is published: the same list, with the versions that this build added."""
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
_ENTRIES = 50
"""How many changes the Atom feed tells."""
_SUBJECTS, _CLAIMS = 5, 3
"""How many subjects and claims an entry of the Atom feed tells."""
_HAPPENED = {_CREATED: Words("new"), _UPDATED: Words("revised"), _DELETED: Words("withdrawn")}
_HEADING = "position\tdate\tslug\tkind\tsha256"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SLUG = re.compile(r"[^\s<>\"{}|\\^`]+")
_KINDS = re.compile(f"{_CREATED}|{_UPDATED}|{_DELETED}")


@dataclass(frozen=True, slots=True)
class Version:
    """One member of the stream: which version of which article, since when."""

    position: int
    """Its place in the history as it was written; two branches may both have used one."""
    number: int
    """Its place among all versions, counted."""
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
    size = read_page_size(workspace)
    versions = read_history(workspace)
    versions = _count([*versions, *_changes(versions, published)], size)
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
    yield _write_history(versions, folder, workspace)
    newest = list(reversed(versions))[:_ENTRIES]
    notices = _read_notices(newest, current, folder, workspace)
    for place, language in enumerate(workspace.languages):
        name = f"feed.{language}.atom" if place else ATOM
        yield _atom(
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


def find_unrevised(published: Iterable[Edition], workspace: Workspace) -> list[str]:
    """Find articles that differ from their latest version and whose record gives no later date; return their slugs."""
    standing = {one.slug: one for one in read_history(workspace)}
    return [
        one.slug
        for one in published
        if one.date
        and (before := standing.get(one.slug)) is not None
        and before.kind != _DELETED
        and before.sha256 != one.sha256
        and one.date <= before.date
    ]


def pages(folder: Path, workspace: Workspace) -> dict[int, bool]:
    """Return the numbers of the pages in a folder, and whether each is closed, that is will get no more members."""
    size = read_page_size(workspace)
    counted = Counter(version.page for version in _count(_read(folder / VERSIONS, VERSIONS, workspace.base), size))
    return {page: members == size for page, members in sorted(counted.items())}


def read_page_size(workspace: Workspace) -> int:
    """Return how many members a page of the feed holds."""
    return int(workspace.settings.get("feed", {}).get("page", PAGE))


def read_history(workspace: Workspace) -> list[Version]:
    """Read which versions were published before; raises Unreadable at the line that cannot be read.

    The lines may stand in any order, as a merge of two branches leaves them.
    """
    return _count(_read(workspace.root / HISTORY, HISTORY, workspace.base), read_page_size(workspace))


def is_history_kept(folder: Path, workspace: Workspace) -> bool:
    """Tell whether the workspace's history holds all versions that the feed in *folder* has."""
    new, kept = folder / VERSIONS, workspace.root / HISTORY
    return not new.is_file() or (kept.is_file() and kept.read_bytes() == new.read_bytes())


def keep_history(folder: Path, workspace: Workspace) -> None:
    """Write the versions of the feed in *folder* into the workspace's history, from which the next build goes on."""
    if is_history_kept(folder, workspace):
        return
    path = workspace.root / HISTORY
    beside = path.with_name(f".{path.name}.new")
    shutil.copyfile(folder / VERSIONS, beside)
    beside.replace(path)


def _read(path: Path, name: str, base: str) -> list[Version]:
    """Read a table of versions, sorted; none where there is no file, or it is of another base IRI."""
    if not path.exists():
        return []
    if not path.is_file():  # a pipe would be waited for
        raise Unreadable(finding("not-a-file", Place(name)))
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(finding("feed-broken", Place(name), reason=str(error))) from error
    if not lines or (lines[0] != f"# {base}" and re.fullmatch(r"# https?://\S+/", lines[0])):
        return []
    if lines[0] != f"# {base}":  # else what came before would be forgotten in silence
        reason = Words("its first line is to be '# {}'", base)
        raise Unreadable(finding("feed-broken", Place(name), reason=reason))
    rows = set()
    for number, line in enumerate(lines, 1):
        if line.startswith("#") or line == _HEADING or not line:
            continue
        try:
            position, date, slug, kind, sha256 = line.split("\t")
            rows.add((int(position), _check(date, _DATE), _check(slug, _SLUG), _check(kind, _KINDS), sha256))
        except ValueError as error:
            raise Unreadable(finding("feed-broken", Place(name, number), reason=str(error))) from error
    return [
        Version(position=position, number=0, page=0, date=date, kind=kind, sha256=sha256, slug=slug)
        for position, date, slug, kind, sha256 in sorted(rows)
    ]


def _check(value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(repr(value))
    return value


def _count(versions: Iterable[Version], size: int) -> list[Version]:
    """Count versions in their order, and put them into pages.

    What two branches both published is one version, and a stream never goes back in time.
    """
    standing: dict[str, str] = {}
    numbered: list[Version] = []
    for one in versions:
        if standing.get(one.slug, "") == ("" if one.kind == _DELETED else one.sha256):
            continue  # said before: of the same content, or gone already
        kind = one.kind if one.kind == _DELETED else _UPDATED if one.slug in standing else _CREATED
        if kind == _DELETED:
            del standing[one.slug]
        else:
            standing[one.slug] = one.sha256
        date = max(one.date, numbered[-1].date) if numbered else one.date
        count = len(numbered)
        numbered.append(replace(one, number=count + 1, page=count // size + 1, date=date, kind=kind))
    return numbered


def _changes(old: Sequence[Version], published: Sequence[Edition]) -> Iterator[Version]:
    """Yield a version for each article that is new, changed or gone, in the order of their dates."""
    latest = {version.slug: version for version in old}
    standing = {slug: version for slug, version in latest.items() if version.kind != _DELETED}
    last = old[-1].date if old else ""
    changed = [
        (one.date, one.slug, _UPDATED if one.slug in standing else _CREATED, one.sha256)
        for one in published
        if one.date and (one.slug not in standing or standing[one.slug].sha256 != one.sha256)
    ]
    present = {one.slug for one in published}
    today = date_build([one.date for one in published]) or last
    changed += [(today, slug, _DELETED, version.sha256) for slug, version in standing.items() if slug not in present]
    first = max((version.position for version in old), default=0) + 1
    for position, (date, slug, kind, sha256) in enumerate(sorted(changed), first):
        yield Version(position=position, number=0, page=0, date=date, kind=kind, sha256=sha256, slug=slug)


def _page(
    number: int, members: Sequence[Version], closed: bool, folder: Path, whole: Collection[int], workspace: Workspace
) -> Iterator[Quad]:
    """Yield the quads of one page: of each member what happened, and of the *whole* ones what the article says."""
    iri = f"{_HERE}feed/{number}.trig"
    say = Speaker()
    yield from _context(workspace)
    yield from say(_stream(workspace), tree_view=iri, tree_member=[_member(one, workspace) for one in members])
    yield from say(iri, a="tree:Node", ldes_immutable=Literal(True) if closed else None)
    for one in members:
        member = _member(one, workspace)
        yield from say(
            member,
            a=f"as:{one.kind}",
            dcterms_isVersionOf=workspace.article(one.slug),
            dcterms_issued=moment(one.date),
            dcterms_identifier=Literal(f"{one.number:08}"),
        )
        if one.number in whole and one.kind != _DELETED:
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


def _write_history(versions: Sequence[Version], folder: Path, workspace: Workspace) -> Written:
    """Write the list from which the next build goes on."""
    rows = [f"{one.position}\t{one.date}\t{one.slug}\t{one.kind}\t{one.sha256}" for one in versions]
    return write_text(folder, VERSIONS, "\n".join([f"# {workspace.base}", _HEADING, *rows, ""]))


def _atom(
    name: str,
    language: str,
    newest: Sequence[Version],
    notices: Mapping[str, Notice],
    folder: Path,
    workspace: Workspace,
    author: str,
    names: Mapping[str, Texts],
) -> Written:
    """Write the *newest* changes as an Atom feed (RFC 4287), newest first."""
    feed = Xml.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": language})
    _text(feed, "id", f"{workspace.base}{name.removesuffix('.atom')}")
    _text(feed, "title", choose_text(workspace.title, language))
    _text(feed, "updated", newest[0].date)
    _text(Xml.SubElement(feed, "author"), "name", author)
    Xml.SubElement(feed, "link", {"rel": "self", "href": f"{workspace.base}{name}", "type": "application/atom+xml"})
    Xml.SubElement(feed, "link", {"rel": "alternate", "href": workspace.base})
    for one in newest:
        entry = Xml.SubElement(feed, "entry")
        told = notices.get(one.slug)
        title, summary = _describe(one, told, names, language)
        _text(entry, "id", _member(one, workspace))
        _text(entry, "title", title)
        _text(entry, "updated", one.date)
        Xml.SubElement(entry, "link", {"rel": "alternate", "href": workspace.article(one.slug)})
        if told and told.source != workspace.article(one.slug):
            Xml.SubElement(entry, "link", {"rel": "via", "href": told.source})
        if told:
            for iri in [iri for iri in told.subjects if iri in names][:_SUBJECTS]:
                Xml.SubElement(entry, "category", {"term": iri, "label": choose_text(names[iri], language)})
        _text(entry, "summary", summary)
    Xml.indent(feed, space=" ")
    path = folder / name
    text = Xml.tostring(feed, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n', "utf-8", newline="\n")
    return output.measure(folder, path, 0)


def _describe(version: Version, told: Notice | None, names: Mapping[str, Texts], language: str) -> tuple[str, str]:
    """Say for people what came: who published it, when, in which language, how many claims, on what, and the first."""
    happened = _HAPPENED[version.kind].text(language)
    if told is None or version.kind == _DELETED:
        return f"{version.slug} {happened}", f"{version.slug} {happened}"
    publisher = choose_text(names.get(told.publisher, {}), language)
    head = ", ".join(part for part in (publisher, told.issued, told.language) if part) or version.slug
    count = Words("{} claim" if len(told.claims) == 1 else "{} claims", len(told.claims)).text(language)
    title = choose_text(told.title, language)
    title = f"{title}, {head}" if title and title != version.slug else head
    subjects = ", ".join([choose_text(names[iri], language) for iri in told.subjects if iri in names][:_SUBJECTS])
    first = [choose_text(claim, language) for claim in told.claims[:_CLAIMS]]
    more = ["…"] if len(told.claims) > _CLAIMS else []
    summary = " ".join([Words("On {}.", subjects).text(language) if subjects else "", *first, *more]).strip()
    return Words("{}: {} ({})", title, count, happened).text(language), summary or count


def _text(parent: Xml.Element, name: str, text: str) -> None:
    Xml.SubElement(parent, name).text = text
