"""What several articles tell of one shared matter in, grouped by matter; what rules make of each group out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pyoxigraph import BlankNode, NamedNode, Quad, QueryTriples, RdfFormat, Store, parse

from spacecoop import cache, documents, reach, sandbox
from spacecoop.cache import Cache
from spacecoop.quads import rows, text
from spacecoop.sandbox import Begin, StoppedError


class CompareError(Exception):
    """A rule cannot be run; its name and the reason."""


def find(quads: Sequence[Quad], joins: str) -> Iterator[tuple[str, str]]:
    """Yield each shared matter that one article tells of, with what stands near the account, as N-Triples.

    *joins* is the IRI of the property that leads from an account to the shared matter. Near is what speaks of the
    account, what speaks of that, and what any of them speaks of.
    """
    property_ = f"<{joins}>"
    if not any(row[2] == property_ for row in rows(quads)):
        return
    joined = [quad for quad in quads if quad.predicate.value == joins]
    by_subject: defaultdict[str, list[Quad]] = defaultdict(list)
    by_object: defaultdict[str, list[str]] = defaultdict(list)
    for quad in quads:
        by_subject[text(quad.subject)].append(quad)
        if isinstance(quad.object, NamedNode):
            by_object[text(quad.object)].append(text(quad.subject))
    for join in joined:
        near = {text(join.subject), *by_object[text(join.subject)]}
        near |= {above for node in near for above in by_object[node]}
        near |= {text(quad.object) for node in near for quad in by_subject[node]}
        lines = {f"{quad.triple} .\n" for node in near if node in by_subject for quad in by_subject[node]}
        yield text(join.object), "".join(sorted(lines))


def group(found: Iterable[tuple[str, str]]) -> dict[str, bytes]:
    """Return the accounts of each shared matter that has two or more, as sorted N-Triples."""
    by_matter: defaultdict[str, list[str]] = defaultdict(list)
    for matter, near in found:
        by_matter[matter].append(near)
    return {
        matter: "".join(sorted({line for near in told for line in documents.lines(near)})).encode()
        for matter, told in sorted(by_matter.items())
        if len(told) > 1
    }


def compare(groups: Mapping[str, bytes], rules: Mapping[str, str], graph: str, kept: Cache) -> list[Quad]:
    """Return what the CONSTRUCT *rules* (texts by name) make of each group, in a graph.

    A group that is as it was is not asked again. Raises CompareError with the rule's name and the reason.
    """
    basis = cache.key(cache.program(), *(part.encode() for rule in sorted(rules.items()) for part in rule))
    keys = {matter: cache.key(basis.encode(), group) for matter, group in groups.items()}
    before = kept.load()
    read = {key: quads for key in keys.values() if (quads := _believe(before.get(key, b""))) is not None}
    new = _make({keys[matter]: group for matter, group in groups.items() if keys[matter] not in read}, rules)
    made = {key: new[key] if key in new else before[key] for key in keys.values()}
    if made != before:
        kept.keep(new, made)
    return [
        Quad(quad.subject, quad.predicate, quad.object, NamedNode(graph))
        for key, value in made.items()
        for quad in (read[key] if key in read else parse(value, format=RdfFormat.N_TRIPLES))
    ]


def _believe(value: bytes) -> list[Quad] | None:
    """Return the quads that were kept; nothing where there are none, or they were made by hand."""
    try:
        return list(parse(value, format=RdfFormat.N_TRIPLES)) if value else None
    except (SyntaxError, ValueError):
        return None


def check(rules: Mapping[str, str]) -> dict[str, str]:
    """Return why rules cannot be used, by name: each is asked of nothing."""
    wrong = {}
    for name, rule in rules.items():
        try:
            _apply(b"", {name: rule}, lambda _: None)
        except CompareError as error:
            wrong[name] = str(error.args[1])
    return wrong


def _make(new: Mapping[str, bytes], rules: Mapping[str, str]) -> dict[str, bytes]:
    """Return what the rules make of each new group; raises CompareError."""

    def work(begin: Begin) -> dict[str, bytes]:
        return {key: _apply(group, rules, begin) for key, group in new.items()}

    try:
        return sandbox.each(work, CompareError) if new else {}
    except StoppedError as error:
        raise CompareError(error.step, str(error).partition(";")[0]) from error


def _apply(group: bytes, rules: Mapping[str, str], begin: Begin) -> bytes:
    store = Store()
    store.load(group, format=RdfFormat.N_TRIPLES)
    found: set[str] = set()
    for name, rule in sorted(rules.items()):
        begin(name)
        try:
            made = store.query(reach.stay(rule))
        except (SyntaxError, OSError, ValueError) as error:
            raise CompareError(name, str(error)) from error
        if not isinstance(made, QueryTriples):
            raise CompareError(name, "it is not a CONSTRUCT query")
        for triple in made:
            if isinstance(triple.subject, BlankNode) or isinstance(triple.object, BlankNode):
                raise CompareError(name, "it makes a blank node: name the comparison with IRI(...) and SHA256")
            found.add(f"{triple} .\n")
    return "".join(sorted(found)).encode() or b"\n"
