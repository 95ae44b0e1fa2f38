"""A built dataset in; what each aggregator would say of it, rule by rule, out."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, parse

from spacecoop.findings import Severity
from spacecoop.iris import local_name, shorten
from spacecoop.messages import Words
from spacecoop.preflight import inspections, rulebooks
from spacecoop.preflight.inspections import CHECKS, HERE, PREFIXES, Built, vocabularies
from spacecoop.preflight.rulebooks import rulebook
from spacecoop.shapes import Shapes, UnusableError, ValidationResult, reference
from spacecoop.syntaxes import BY_ENDING
from spacecoop.workspace import Workspace

_TOLD = 5
"""How many things that are wrong a verdict names."""


class Outcome(enum.Enum):
    """What an aggregator would say."""

    PASS = "pass"  # noqa: S105  (not a password)
    WARN = "warn"
    FAIL = "fail"
    UNCHECKED = "not checked here"
    ELSEWHERE = "does not apply"


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


class BadShapes(Exception):
    """A file of shapes that the user named cannot be used."""


def judge(workspace: Workspace, aggregators: Sequence[str], extra: Sequence[Path] = ()) -> Iterator[Verdict]:
    """Yield a verdict for each rule of these aggregators.

    *extra* are files of SHACL that judge as well, such as a national profile; they look at what the aggregator's own
    shapes look at. Raises NotBuilt and BadShapes.
    """
    built = inspections.read(workspace)
    for aggregator in aggregators:
        book = rulebook(aggregator)
        if "applies" in book and not _ask(built, book["applies"]["ask"]):
            one = book["applies"]
            yield Verdict(
                aggregator=aggregator,
                rule=f"{aggregator}-applies",
                outcome=Outcome.ELSEWHERE,
                says=one["says"],
                found=(),
                fix={},
                source=book["source"],
            )
            continue
        yield from _official_verdicts(workspace, built, aggregator)
        for path in extra:
            for data in rulebooks.group(aggregator) or [("catalog.ttl",)]:
                yield from _judge_by_shapes(aggregator, path.stem, str(path), [path], built, data)
        for rule in book["rule"]:
            yield _verdict(built, aggregator, rule, book)


def _verdict(built: Built, aggregator: str, rule: Mapping[str, Any], book: Mapping[str, Any]) -> Verdict:
    found = () if rule.get("network") else tuple(_wrong(built, rule, book.get("of", {})))
    level = Outcome(rule.get("level", "fail")) if found else Outcome.PASS
    outcome = Outcome.UNCHECKED if rule.get("network") else level
    return Verdict(
        aggregator=aggregator,
        rule=rule["id"],
        outcome=outcome,
        says=rule["says"],
        found=_some(found),
        fix=rule["fix"],
        source=book["source"],
    )


def _some(found: Sequence[str]) -> tuple[str, ...]:
    rest = len(found) - _TOLD
    return (*found[:_TOLD], *([f"and {rest} more"] if rest > 0 else []))


def _wrong(built: Built, rule: Mapping[str, Any], of: Mapping[str, str]) -> list[str]:
    """Return what is wrong by a rule, sorted."""
    if "check" in rule:
        return sorted(CHECKS[rule["check"]](built))
    query = rule["select"] if "select" in rule else _needs(rule["needs"], of)
    rows = built.store.query(_DECLARED + query)
    return sorted({row["found"].value if row["found"] is not None else "a node without IRI" for row in rows})  # type: ignore[union-attr]


_DECLARED = "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in PREFIXES.items())


def _ask(built: Built, query: str) -> bool:
    return bool(built.store.query(_DECLARED + query))


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
    groups = rulebooks.group(aggregator)
    if not groups:
        return
    name, source = f"{aggregator}-shacl", rulebook(aggregator)["source"]
    paths = {one: rulebooks.find_kept(workspace, one) for parts in groups.values() for one in parts}
    if None in paths.values():
        command = f"spacecoop preflight --for {aggregator} --update-rules"
        fix = Words("fetch it: `{}`; the rules below are our statement of it", command)
        yield Verdict(
            aggregator=aggregator,
            rule=name,
            outcome=Outcome.UNCHECKED,
            says=_CONFORMS,
            found=(),
            fix=fix,
            source=source,
        )
        return
    for data, parts in groups.items():
        files = [path for one in parts if (path := paths[one]) is not None]
        yield from _judge_by_shapes(aggregator, name, source, files, built, data)


_CONFORMS = Words("SHACL of others finds nothing")

SAYS: Mapping[str, str] = {
    "MinCount": "has {}",
    "MaxCount": "has {} no more often than allowed",
    "Class": "{} is of the class that is wanted",
    "Datatype": "{} has the datatype that is wanted",
    "NodeKind": "{} is an IRI or a text, as is wanted",
    "Pattern": "{} is written as is wanted",
    "Node": "{} leads to what is wanted, such as a term of a list",
}
"""What a component of SHACL wants."""


def _judge_by_shapes(
    aggregator: str, name: str, source: str, files: Sequence[Path], built: Built, data: Sequence[str]
) -> Iterator[Verdict]:
    """Yield a verdict for each kind of result that shapes give on files of ``out/``; one that passes, if none."""
    shapes = _shapes(files)
    doubtful = {one["result"]: one["why"] for one in rulebook(aggregator).get("doubtful", ())}
    worst: dict[tuple[str, str], tuple[Severity, set[str]]] = {}
    for document in _documents(built, data):
        for result in _results(shapes, document, source):
            path, component = _path(result), local_name(result.component).removesuffix("ConstraintComponent")
            severity, found = worst.setdefault((path, component), (result.severity, set()))
            found.add(f"{result.focus}{f': {result.value}' if result.value else ''}")
            worst[path, component] = (max(severity, result.severity), found)
    if not worst:
        yield Verdict(
            aggregator=aggregator,
            rule=f"{name} ({', '.join(data)})",
            outcome=Outcome.PASS,
            says=_CONFORMS,
            found=(),
            fix={},
            source=source,
        )
    for (path, component), (severity, found) in sorted(worst.items()):
        key = f"{path} {component}".strip()
        outcome = Outcome.FAIL if severity is Severity.VIOLATION and key not in doubtful else Outcome.WARN
        says = Words(SAYS.get(component, "{} is as its shape says"), path or Words("each node"))
        fix = Words("see its shape at the source ({})", key)
        yield Verdict(
            aggregator=aggregator,
            rule=f"{name} {key}",
            outcome=outcome,
            says=says,
            found=_some(sorted(found)),
            fix=doubtful.get(key, fix),
            source=source,
        )


def _path(result: ValidationResult) -> str:
    """Return the path of a result in SPARQL's syntax, shortened."""
    if result.path and "<" not in result.path:
        return shorten(result.path, PREFIXES)
    return re.sub("<([^<>]+)>", lambda found: shorten(found[1], PREFIXES), result.path)


def _results(shapes: Shapes, data: str, source: str) -> list[ValidationResult]:
    """Return what is more than information; raises BadShapes where the shapes cannot be used."""
    try:
        return [result for result in reference(shapes, data) if result.severity is not Severity.INFO]
    except UnusableError as error:
        raise BadShapes(f"{source}: these shapes cannot be used: {str(error).strip()}") from error


# TREE's rule TR3.5 wants the type tree:Collection, which LDES's LR2.1 wants left out of an event stream
_DEACTIVATED = "<https://w3id.org/tree#CollectionTypeRequiredShape> <http://www.w3.org/ns/shacl#deactivated> true .\n"

# the vocabulary that TREE's shapes import says so; nothing is imported here
_KNOWN = "".join(
    f"<https://w3id.org/tree#{kind}Relation> <http://www.w3.org/2000/01/rdf-schema#subClassOf> "
    "<https://w3id.org/tree#Relation> .\n"
    for kind in ("GreaterThanOrEqualTo", "LessThanOrEqualTo")
)


def _shapes(files: Sequence[Path]) -> Shapes:
    """Read files of shapes in any syntax; each has blank nodes of its own. Raises BadShapes."""
    texts = []
    for path in files:
        syntax = BY_ENDING.get(path.suffix)
        if syntax is None:
            raise BadShapes(f"{path}: the ending is not one of {', '.join(sorted(BY_ENDING))}")
        try:
            data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
            quads = parse(data, format=syntax.format, base_iri=f"x:{path.name}", rename_blank_nodes=True)
            triples = "".join(f"{quad.triple} .\n" for quad in quads)
        except (OSError, SyntaxError, ValueError) as error:
            raise BadShapes(f"{path}: {error}") from error
        texts.append((path.name, triples))
    return Shapes((*texts, ("ours", _DEACTIVATED)))


def _documents(built: Built, names: Sequence[str]) -> Iterator[str]:
    """Yield what is judged, as N-Triples: these files or all ``vocabularies`` together, or each page of the feed."""
    if "pages" in names:
        paths = built.paths("feed/", ".trig")
        yield from (_triples(built, [path]) for path in sorted(paths))
        return
    yield _triples(
        built, [path for name in names for path in (vocabularies(built) if name == "vocabularies" else [name])]
    )


def _triples(built: Built, paths: Iterable[str]) -> str:
    lines: set[str] = set()
    for path in paths:
        if path in built.files:
            quads = parse(path=str(built.out / path), format=BY_ENDING[Path(path).suffix].format, base_iri=HERE + path)
            lines |= {f"{quad.triple} .\n" for quad in quads if not isinstance(quad.graph_name, NamedNode)}
    return "".join(sorted(lines)) + _KNOWN
