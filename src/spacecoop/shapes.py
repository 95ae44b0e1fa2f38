"""N-Triples and shapes in, SHACL results out: one seam for every engine."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from spacecoop.findings import Severity
from spacecoop.iris import local_name

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
    def turtle(self) -> str:
        """All of it as N-Triples, the syntax that every engine reads alike."""
        from pyoxigraph import RdfFormat, parse, serialize

        triples = {quad.triple for _, text in self.texts for quad in parse(text, format=RdfFormat.TURTLE)}
        return serialize(sorted(triples, key=str), format=RdfFormat.N_TRIPLES).decode()  # type: ignore[union-attr]

    @functools.cached_property
    def rules(self) -> Mapping[str, Rule]:
        """What each shape with an IRI says to people, by IRI."""
        from pyoxigraph import Literal, NamedNode, RdfFormat, parse

        texts: dict[str, dict[str, dict[str, str]]] = {}
        for quad in parse(self.turtle, format=RdfFormat.N_TRIPLES):
            if isinstance(quad.subject, NamedNode) and isinstance(quad.object, Literal):
                said = texts.setdefault(quad.subject.value, {}).setdefault(quad.predicate.value, {})
                said[quad.object.language or "en"] = quad.object.value
        return {
            iri: Rule(local_name(iri), *(said.get(_SH + key, {}) for key in ("name", "description", "message")))
            for iri, said in texts.items()
        }


    def rule(self, iri: str) -> Rule:
        """Return what a shape says to people; of one that says nothing, its name."""
        return self.rules.get(iri) or Rule(local_name(iri), {}, {}, {})


Engine = Callable[[Shapes, str], list[Result]]
"""Takes shapes and a data graph as N-Triples; returns the results, sorted."""


def fast(shapes: Shapes, data: str) -> list[Result]:
    """Validate with the compiled engine ``shacl``."""
    report = _compiled(shapes).validate_text(data, format="ntriples")
    results = []
    for result in report.results:
        path = result.path or ""
        plain = path.removeprefix("<").removesuffix(">") if path.count("<") == 1 and path.endswith(">") else path
        results.append(
            Result(
                focus=_plain(result.focus_node),
                path=plain,
                value=result.value_plain or "",
                component=result.component_iri,
                severity=_SEVERITIES[result.severity_iri],
                shape=_plain(result.root_shape or result.source_shape),
            )
        )
    return sorted(results)


@functools.cache
def _compiled(shapes: Shapes):  # type: ignore[no-untyped-def]
    import shacl

    return shacl.Shapes.from_text(shapes.turtle, format="ntriples")


def reference(shapes: Shapes, data: str) -> list[Result]:
    """Validate with pySHACL, the reference; literals keep the spelling they have in *data*."""
    import rdflib
    from pyshacl import validate
    from rdflib.namespace import RDF, SH

    rdflib.NORMALIZE_LITERALS = False
    graph = rdflib.Graph().parse(data=data, format="nt")
    shapes_graph = rdflib.Graph().parse(data=shapes.turtle, format="nt")
    _, report, _ = validate(graph, shacl_graph=shapes_graph, advanced=False, inference="none", allow_warnings=True)
    assert isinstance(report, rdflib.Graph)
    results = []
    for node in report.subjects(RDF.type, SH.ValidationResult):
        path = report.value(node, SH.resultPath)
        results.append(
            Result(
                focus=str(report.value(node, SH.focusNode)),
                path=_path(report, path) if path is not None else "",
                value=str(report.value(node, SH.value) or ""),
                component=str(report.value(node, SH.sourceConstraintComponent)),
                severity=_SEVERITIES[str(report.value(node, SH.resultSeverity))],
                shape=str(report.value(node, SH.sourceShape)),
            )
        )
    return sorted(results)


def _path(graph, node) -> str:  # type: ignore[no-untyped-def]
    """Return a property path in SPARQL's syntax; a single property as its IRI."""
    import rdflib
    from pyshacl.helper.path_helper import shacl_path_to_sparql_path

    return str(node) if isinstance(node, rdflib.URIRef) else str(shacl_path_to_sparql_path(graph, node))


ENGINES: Mapping[str, Engine] = {"fast": fast, "pyshacl": reference}

_SEVERITIES = {f"{_SH}{name}": Severity[name.upper()] for name in ("Info", "Warning", "Violation")}


def _plain(term: str) -> str:
    return term.removeprefix("<").removesuffix(">")


def first_property(path: str) -> str:
    """Return the first property of a path: where a reader looks first.

    >>> first_property("(<http://example.org/a>/<http://example.org/b>)")
    'http://example.org/a'
    """
    found = re.search(r"<([^>]+)>", path)
    return found.group(1) if found else path


def unknown_terms(shapes: Shapes, known: Iterable[str]) -> list[str]:
    """Return the terms in SHACL's namespace that SHACL does not have, which engines would ignore."""
    used = set(re.findall(rf"<({re.escape(_SH)}[^>]*)>", shapes.turtle))
    return sorted(used - set(known))
