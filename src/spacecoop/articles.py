"""One article's fact file in; its quads, fit to be published, and all that is wrong with it, out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from pyoxigraph import Literal, NamedNode, Quad

from spacecoop import quads
from spacecoop.facts import factfiles
from spacecoop.facts.records import Facts, Layout
from spacecoop.findings import Finding, Place, finding, sort
from spacecoop.iris import is_iri, is_slug, local_name
from spacecoop.messages import Words, languages
from spacecoop.places import Places
from spacecoop.quads import Envelope, text
from spacecoop.shapes import XONE, Disagreement, Engine, Rule, UnusableError, ValidationResult, causes, first_property
from spacecoop.shared import Shared
from spacecoop.workspace import Workspace


@dataclass(frozen=True)
class Article:
    """One article: a set of named graphs, or the reasons against it."""

    slug: str
    about: str | None
    """The IRI of what the file is about: the article as its publisher knows it."""
    quads: tuple[Quad, ...]
    findings: tuple[Finding, ...]
    places: Places


def describe(data: bytes, slug: str, file: str, shared: Shared, engine: Engine, line: int = 1) -> Article:
    """Read, complete and validate one article, which begins at a *line* of its file.

    A pure function of its bytes and the shared files.
    """
    if not is_slug(slug):
        return Article(slug, None, (), (finding("bad-slug", Place(file), slug=slug),), Places(file))
    workspace = shared.workspace
    envelope = Envelope(workspace.article(slug))
    by_name = {"assertion": envelope.assertion, "provenance": envelope.provenance, "pubinfo": envelope.pubinfo}
    by_key = {key: by_name[name] for name, keys in workspace.graphs.items() for key in keys}
    layout = Layout(envelope.document, by_key, envelope.assertion, envelope.provenance, envelope.pubinfo)
    read = factfiles.read(data, file, shared.reader, layout, line)
    root = read.root
    if root is None or not read.quads:
        missing = list(shared.dangling(read.references, frozenset(read.places.nodes), envelope.document))
        if not any((root is None, read.findings, missing)):  # an address, and nothing more
            missing.append(_tell_unpublished(file, workspace))
        return Article(slug, root, (), tuple(sort([*read.findings, *missing])), read.places)
    graphs = [envelope.assertion, envelope.provenance, envelope.pubinfo, envelope.head]
    try:
        derived = quads.derive(read.quads, shared.rules, graphs)
    except quads.DeriveError as error:
        rule, reason = error.args
        found = finding("derive", Place(f"queries/derive/{rule}"), name=rule, reason=reason)
        return Article(slug, root, (), tuple(sort((*read.findings, found))), read.places)
    pubinfo = NamedNode(envelope.pubinfo)
    if not any(quad.graph_name == pubinfo for quad in read.quads):
        found = _tell_unpublished(file, workspace)
        read = replace(read, findings=(*read.findings, found), unread=read.unread | {root})
    enveloped = quads.arrange([*derived, *envelope.quads(root, workspace.licence, workspace.dataset)])
    whole = replace(read, quads=enveloped)
    return Article(slug, root, whole.quads, tuple(examine(whole, envelope.document, shared, engine)), read.places)


def _tell_unpublished(file: str, workspace: Workspace) -> Finding:
    """Return the finding that a file says nothing about who published it here, and when."""
    return finding("no-publication-info", Place(file), keys=", ".join(workspace.graphs["pubinfo"]))


def examine(read: Facts, document: str, shared: Shared, engine: Engine) -> list[Finding]:
    """Return all findings on a file's facts: the reader's own, dangling names, and what SHACL says."""
    rows = quads.rows(read.quads)
    own = frozenset(quads.plain(subject) for _, subject, _, _ in rows)
    findings = [*read.findings, *shared.dangling(read.references, own, document)]
    said = "".join(f"{subject} {predicate} {value} .\n" for _, subject, predicate, value in rows)
    data = said + shared.background({quads.plain(value) for _, _, _, value in rows} - own)
    try:
        results = engine(shared.shapes, data)
        judged = [one for one in results if one.focus in own and not {one.focus, one.value} & read.unread]
        broken = {one.shape for one in judged}
        judged = [one for one in judged if broken.isdisjoint(shared.shapes.rule(one.shape).requires)]
        findings += _bare_numbers(judged, read)
        why = causes(shared.shapes, data, judged, engine)
        spoken = [replace(_make_finding(one, read, shared), because=_find_causes(why[one], shared)) for one in judged]
    except Disagreement as error:
        place = read.places.find(read.root or document)
        return sort([*findings, finding("engines-disagree", place, differences=error)])
    except UnusableError as error:
        return sort([*findings, finding("shape-unusable", Place("shapes"), reason=error)])
    known = {found.place for found in findings}
    return sort([*findings, *(found for found in spoken if found.place not in known)])


_NATIVE = {f"http://www.w3.org/2001/XMLSchema#{name}" for name in ("integer", "boolean", "double")}
"""What YAML makes of a word without quotes, where the context gives no type."""


def _bare_numbers(results: Sequence[ValidationResult], read: Facts) -> Iterator[Finding]:
    """Yield a finding for each number that should be a text: what is missing is its quotes."""
    if not results:
        return
    native = {
        (text(quad.subject), quad.predicate.value, quad.object.value)
        for quad in read.quads
        if isinstance(quad.object, Literal) and quad.object.datatype.value in _NATIVE
    }
    for one in results:
        path = first_property(one.path) or ""
        if one.component.endswith("DatatypeConstraintComponent") and (one.focus, path, one.value) in native:
            yield finding("bare-number", read.places.find(one.focus, path, one.value), value=one.value)


def _find_causes(found: Iterable[ValidationResult], shared: Shared) -> tuple[Mapping[str, str], ...]:
    """Return what the shapes inside of the one that speaks found: their message, else what they ask for."""
    texts: dict[tuple[str, str, bool], list[str]] = {}
    for cause in found:
        component = local_name(cause.component).removesuffix("ConstraintComponent")
        key = (cause.shape, _short(cause.value or cause.focus), cause.component == XONE)
        texts.setdefault(key, []).append(component)
    return tuple(
        {
            language: f"{text} [{shared.shapes.rule(shape).name}: {', '.join(components)}]"
            for language, text in said.items()
        }
        for (shape, thing, kept), components in texts.items()
        for said in [_cause(shared.shapes.rule(shape), thing, kept)]
    )


def _cause(rule: Rule, thing: str, kept: bool) -> Mapping[str, str]:
    """Return what a shape inside of another says of a thing that fails it, or keeps it one too many."""
    if rule.messages and not kept:
        return rule.messages
    said = "so of {}: {}" if kept else "not so of {}: {}"
    return {one: Words(said, thing, rule.description.get(one, rule.name)).text(one) for one in languages()}


def _short(term: str) -> str:
    """Return the end of an IRI, and the beginning of a long text in quotes."""
    if is_iri(term):
        return local_name(term) or term
    return f"'{term}'" if len(term) <= 60 else f"'{term[:57]}...'"


def _make_finding(result: ValidationResult, read: Facts, shared: Shared) -> Finding:
    """Return a validation result as a finding, at its place in the source."""
    place = read.places.find(result.focus, first_property(result.path), result.value or None)
    rule = shared.shapes.rule(result.shape)
    terms = {key: term for key, term in asdict(result).items() if key != "severity" and term}
    if rule.messages:
        return Finding(place, result.severity, rule.name, rule.messages, result=terms)
    said = " ".join(local_name(part) for part in (first_property(result.path), result.value, result.component) if part)
    return Finding(place, result.severity, rule.name, {"en": said}, result=terms)
