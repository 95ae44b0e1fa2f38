"""N-Triples and shapes in, SHACL results out: one seam for every engine."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spacecoop.findings import Finding, Place, Severity, finding, suggest
from spacecoop.iris import local_name

if TYPE_CHECKING:
    import shacl
    from rdflib import Graph
    from rdflib.term import Node

_SH = "http://www.w3.org/ns/shacl#"


@dataclass(frozen=True, order=True)
class Result:
    """One validation result (SHACL 1.0, section 3.6.2), its terms as plain text."""

    focus: str
    path: str
    """The property, or the path in SPARQL's syntax; empty where the shape has none."""
    value: str
    component: str
    severity: Severity
    shape: str
    """The IRI of the shape that speaks."""


@dataclass(frozen=True)
class Rule:
    """What a shape says to people."""

    name: str
    """The last part of the shape's IRI."""
    title: Mapping[str, str]
    description: Mapping[str, str]
    messages: Mapping[str, str]


@dataclass(frozen=True)
class Shapes:
    """A shapes graph as Turtle texts, by the file that each comes from."""

    texts: tuple[tuple[str, str], ...]

    @functools.cached_property
    def ntriples(self) -> str:
        """All of it as N-Triples, the syntax that every engine reads alike."""
        from pyoxigraph import RdfFormat, parse, serialize

        triples = {quad.triple for _, text in self.texts for quad in parse(text, format=RdfFormat.TURTLE)}
        return serialize(sorted(triples, key=str), format=RdfFormat.N_TRIPLES).decode()  # type: ignore[union-attr]

    @functools.cached_property
    def rules(self) -> Mapping[str, Rule]:
        """What each shape with an IRI says to people, by IRI."""
        from pyoxigraph import Literal, NamedNode, RdfFormat, parse

        texts: dict[str, dict[str, dict[str, str]]] = {}
        for quad in parse(self.ntriples, format=RdfFormat.N_TRIPLES):
            if isinstance(quad.subject, NamedNode) and isinstance(quad.object, Literal):
                said = texts.setdefault(quad.subject.value, {}).setdefault(quad.predicate.value, {})
                said[quad.object.language or "en"] = quad.object.value
        return {
            iri: Rule(local_name(iri), *(said.get(_SH + key, {}) for key in ("name", "description", "message")))
            for iri, said in texts.items()
        }

    def targeting(self) -> list[str]:
        """Return the IRIs of the shapes that choose their own focus nodes (SHACL 1.0, section 2.1.3)."""
        return sorted(set(re.findall(rf"^<([^>]+)> <{_SH}target", self.ntriples, re.MULTILINE)))

    def alone(self, iri: str) -> Shapes:
        """Return the same shapes, of which only this one chooses focus nodes."""
        others = re.compile(rf"^(?!<{re.escape(iri)}>)\S+ <{_SH}target.*\n", re.MULTILINE)
        return Shapes((("", others.sub("", self.ntriples)),))

    def rule(self, iri: str) -> Rule:
        """Return what a shape says to people; of one that says nothing, its name."""
        return self.rules.get(iri) or Rule(local_name(iri), {}, {}, {})


Engine = Callable[[Shapes, str], list[Result]]
"""Takes shapes and a data graph as N-Triples; returns the results, sorted."""


def fast(shapes: Shapes, data: str) -> list[Result]:
    """Validate with the compiled engine ``shacl``; where it gives up, the reference decides."""
    try:
        report = _compiled(shapes).validate_text(data, format="ntriples")
    except BaseException as error:
        if type(error).__name__ != "PanicException" and not isinstance(error, ValueError | RuntimeError):
            raise  # a Rust panic is no Exception, and has no importable class
        return reference(shapes, data)
    results = []
    for result in report.results:
        path = result.path or ""
        plain = path[1:-1] if path.startswith("<") and path.count("<") == 1 else path
        results.append(
            Result(
                focus=_plain(result.focus_node),
                path=plain,
                value=_plain(result.value or ""),
                component=result.component_iri,
                severity=_SEVERITIES.get(result.severity_iri, Severity.VIOLATION),
                shape=_plain(result.root_shape or result.source_shape or ""),
            )
        )
    return sorted(results)


@functools.cache
def _compiled(shapes: Shapes) -> shacl.Shapes:
    import shacl

    return shacl.Shapes.from_text(shapes.ntriples, format="ntriples")


def reference(shapes: Shapes, data: str) -> list[Result]:
    """Validate with pySHACL, the reference; literals keep the spelling they have in *data*."""
    import warnings

    import rdflib
    from pyshacl import validate
    from rdflib.namespace import RDF, SH

    rdflib.NORMALIZE_LITERALS = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rdflib, about the very values that are being judged
        graph = rdflib.Graph().parse(data=data, format="nt")
        _, report, _ = validate(graph, shacl_graph=_parsed(shapes), inference="none", allow_warnings=True)
    assert isinstance(report, rdflib.Graph)
    results = []
    root = report.value(predicate=RDF.type, object=SH.ValidationReport)
    for node in report.objects(root, SH.result):  # and not the details inside of results
        said = {key: report.value(node, SH[key]) for key in _RESULT_KEYS}
        results.append(
            Result(
                focus=_text(said["focusNode"]),
                path=_path(report, said["resultPath"]),
                value=_text(said["value"]),
                component=_text(said["sourceConstraintComponent"]),
                severity=_SEVERITIES.get(_text(said["resultSeverity"]), Severity.VIOLATION),
                shape=_text(said["sourceShape"]),
            )
        )
    return sorted(results)


_RESULT_KEYS = ("focusNode", "resultPath", "value", "sourceConstraintComponent", "resultSeverity", "sourceShape")


@functools.cache
def _parsed(shapes: Shapes) -> Graph:
    import rdflib

    return rdflib.Graph().parse(data=shapes.ntriples, format="nt")


def _text(term: object) -> str:
    return "" if term is None else str(term)


def _path(graph: Graph, node: Node | None) -> str:
    """Return a path (SHACL 1.0, section 2.3.1) in SPARQL's syntax; of one property, its IRI."""
    from rdflib import URIRef

    return _text(node) if node is None or isinstance(node, URIRef) else _nested_path(graph, node)


def _nested_path(graph: Graph, node: Node) -> str:
    from rdflib import URIRef
    from rdflib.collection import Collection
    from rdflib.namespace import RDF, SH

    if isinstance(node, URIRef):
        return f"<{node}>"
    if (node, RDF.first, None) in graph:
        return f"({'/'.join(_nested_path(graph, part) for part in Collection(graph, node))})"
    if (alternatives := graph.value(node, SH.alternativePath)) is not None:
        return f"({'|'.join(_nested_path(graph, part) for part in Collection(graph, alternatives))})"
    if (inverse := graph.value(node, SH.inversePath)) is not None:
        return f"^{_nested_path(graph, inverse)}"
    signs = {SH.zeroOrMorePath: "*", SH.oneOrMorePath: "+", SH.zeroOrOnePath: "?"}
    sign, part = next((sign, part) for key, sign in signs.items() if (part := graph.value(node, key)) is not None)
    return f"({_nested_path(graph, part)}){sign}"


class Disagreement(Exception):
    """Two engines give different results for the same shapes and data."""


def both(shapes: Shapes, data: str) -> list[Result]:
    """Validate with both engines; raises Disagreement, with all that only one of them says."""
    results = {name: engine(shapes, data) for name, engine in (("fast", fast), ("pyshacl", reference))}
    if results["fast"] == results["pyshacl"]:
        return results["fast"]
    lines = []
    for name, other in (("fast", "pyshacl"), ("pyshacl", "fast")):
        lines += [f"only {name}: {result}" for result in results[name] if result not in results[other]]
    raise Disagreement("; ".join(lines) or "the same results, but not as many times")


ENGINES: Mapping[str, Engine] = {"fast": fast, "pyshacl": reference, "both": both}

# a severity of one's own, which SHACL allows, counts as the gravest
_SEVERITIES = {f"{_SH}{name}": Severity[name.upper()] for name in ("Info", "Warning", "Violation")}


def _plain(term: str) -> str:
    """Return an N-Triples term as plain text: an IRI, a blank label, or the words of a literal."""
    if term.startswith('"'):
        from pyoxigraph import Literal, RdfFormat, parse

        value = next(iter(parse(f"<x:s> <x:p> {term} .", format=RdfFormat.N_TRIPLES))).object
        assert isinstance(value, Literal)
        return value.value
    return term.removeprefix("<").removesuffix(">")


def first_property(path: str) -> str:
    """Return the first property of a path: where a reader looks first.

    >>> first_property("(<http://example.org/a>/<http://example.org/b>)")
    'http://example.org/a'
    """
    found = re.search(r"<([^>]+)>", path)
    return found.group(1) if found else path


def check(text: str, file: str) -> list[Finding]:
    """Return what is wrong with a file of shapes: that it is no Turtle, or uses a term that SHACL does not have.

    Most engines ignore such a term, and with it the rule that was meant.
    """
    from pyoxigraph import RdfFormat, parse
    from rdflib.namespace import SH

    try:
        list(parse(text, format=RdfFormat.TURTLE))
    except SyntaxError as error:
        place = Place(file, error.lineno or 1, error.offset or 1)
        return [finding("rdf", place, syntax="Turtle", reason=error.msg)]
    known = {*SH.__annotations__, *SH._extras}  # the second has the terms that are keywords of Python
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        for used in re.finditer(r"(?<![\w:])sh:(\w+)", line.partition(" #")[0]):
            if used[1] not in known:
                near = suggest(used[1], known)
                place = Place(file, number, used.start() + 1)
                findings.append(finding("shape-unknown-term", place, near and f"sh:{near}", term=used[0]))
    return findings
