"""N-Triples and shapes in, SHACL results out: one seam for every engine."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spacecoop.findings import Severity
from spacecoop.iris import RDF, is_iri, local_name

if TYPE_CHECKING:
    import shacl
    from rdflib import Graph
    from rdflib.term import Node

_SH = "http://www.w3.org/ns/shacl#"
_INNER: Mapping[str, tuple[str, ...]] = {
    f"{_SH}{name}ConstraintComponent": tuple(f"{_SH}{key}" for key in keys)
    for name, keys in {
        "Node": ["node"],
        "And": ["and"],
        "Or": ["or"],
        "Xone": ["xone"],
        "QualifiedMinCount": ["qualifiedValueShape"],
    }.items()
}
"""By component (SHACL 1.0, sections 4.6 and 4.7): the properties that name the shapes whose failure it reports."""


@dataclass(frozen=True, order=True)
class ValidationResult:
    """One validation result (SHACL 1.0, section 3.6.2), its terms as plain text."""

    focus: str
    path: str
    """The property, or the path in SPARQL's syntax; empty where the shape has none."""
    value: str
    component: str
    severity: Severity
    shape: str
    """The IRI of the shape that speaks."""


_REQUIRES = "http://purl.org/dc/terms/requires"


@dataclass(frozen=True)
class Rule:
    """What a shape says to people."""

    name: str
    """The last part of the shape's IRI."""
    title: Mapping[str, str]
    description: Mapping[str, str]
    messages: Mapping[str, str]
    severity: Severity = Severity.VIOLATION
    requires: frozenset[str] = frozenset()
    """The shapes that must hold before this one can say anything (dcterms:requires)."""


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
        severities: dict[str, Severity] = {}
        requires: dict[str, set[str]] = {}
        for quad in parse(self.ntriples, format=RdfFormat.N_TRIPLES):
            if not isinstance(quad.subject, NamedNode):
                continue
            if isinstance(quad.object, Literal):
                said = texts.setdefault(quad.subject.value, {}).setdefault(quad.predicate.value, {})
                said[quad.object.language or "en"] = quad.object.value
            elif quad.predicate.value == f"{_SH}severity" and isinstance(quad.object, NamedNode):
                severities[quad.subject.value] = _SEVERITIES.get(quad.object.value, Severity.VIOLATION)
            elif quad.predicate.value == _REQUIRES and isinstance(quad.object, NamedNode):
                requires.setdefault(quad.subject.value, set()).add(quad.object.value)
        keys = (f"{_SH}name", f"{_SH}description", f"{_SH}message")
        rules = {}
        for iri, by_key in texts.items():
            if not by_key.keys().isdisjoint(keys):
                name, description, message = (by_key.get(key, dict[str, str]()) for key in keys)
                severity = severities.get(iri, Severity.VIOLATION)
                before = frozenset(requires.get(iri, ()))
                rules[iri] = Rule(
                    name=local_name(iri),
                    title=name,
                    description=description,
                    messages=message,
                    severity=severity,
                    requires=before,
                )
        return rules

    def targeting(self) -> list[str]:
        """Return the IRIs of the shapes that choose their own focus nodes (SHACL 1.0, section 2.1.3)."""
        return sorted(set(re.findall(rf"^<([^>]+)> <{_SH}target", self.ntriples, re.MULTILINE)))

    def is_able(self) -> bool:
        """Tell whether anything can be refused: whether a shape chooses focus nodes, by a target or as a class."""
        classes = ("http://www.w3.org/2000/01/rdf-schema#Class>", "http://www.w3.org/2002/07/owl#Class>")
        return bool(self.targeting()) or any(one in self.ntriples for one in (f"<{_SH}target", *classes))

    def alone(self, iri: str) -> Shapes:
        """Return the same shapes, of which only this one chooses focus nodes."""
        others = re.compile(rf"^(?!<{re.escape(iri)}>)\S+ <{_SH}target.*\n", re.MULTILINE)
        return Shapes((("", others.sub("", self.ntriples)),))

    def inner(self, iri: str, component: str) -> tuple[str, ...]:
        """Return the IRIs of the shapes that a shape asks for by a constraint of this component, in order.

        A shape without an IRI cannot be looked at alone, and is left out.

        Of ``sh:not`` there are none: what it refuses was kept, so that nothing inside of it failed.
        """
        keys = _INNER.get(component, ())
        return tuple(one for key in keys for one in self._parts.get((iri, key), ()) if one[:2] != "_:")

    @functools.cached_property
    def _parts(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """The shapes inside of each shape, by its IRI and the property that names them; lists are read through."""
        from pyoxigraph import NamedNode, RdfFormat, parse

        objects: dict[tuple[str, str], list[str]] = {}
        for quad in parse(self.ntriples, format=RdfFormat.N_TRIPLES):
            object_ = quad.object.value if isinstance(quad.object, NamedNode) else str(quad.object)
            subject = quad.subject.value if isinstance(quad.subject, NamedNode) else str(quad.subject)
            objects.setdefault((subject, quad.predicate.value), []).append(object_)

        def members(node: str) -> list[str]:
            first = objects.get((node, f"{RDF}first"))
            return [node] if first is None else [*first, *members(objects[node, f"{RDF}rest"][0])]

        inner = {key for keys in _INNER.values() for key in keys}
        return {
            (shape, key): tuple(part for node in nodes for part in members(node) if part != f"{RDF}nil")
            for (shape, key), nodes in objects.items()
            if key in inner
        }

    def focus(self, iri: str, nodes: Iterable[str]) -> Shapes:
        """Return the same shapes, of which only this one looks at anything: at these nodes, N-Triples terms."""
        others = re.compile(rf"^\S+ <{_SH}target.*\n", re.MULTILINE)
        targets = "".join(f"<{iri}> <{_SH}targetNode> {node} .\n" for node in nodes)
        return Shapes((("", others.sub("", self.ntriples) + targets),))

    def rule(self, iri: str) -> Rule:
        """Return what a shape says to people; of one that says nothing, its name."""
        return self.rules.get(iri) or Rule(local_name(iri), {}, {}, {})


class UnusableError(Exception):
    """No engine can use the shapes; the message says why."""


MOST_KEPT = 64
"""How many sets of shapes are kept ready; each cause that is looked for has one of its own."""

Engine = Callable[[Shapes, str], list[ValidationResult]]
"""Takes shapes and a data graph as N-Triples; returns the results, sorted."""


def fast(shapes: Shapes, data: str) -> list[ValidationResult]:
    """Validate with the compiled engine ``shacl``; where it gives up, the reference decides."""
    try:
        report = _compile(shapes).validate_text(data, format="ntriples")
    except BaseException as error:
        if type(error).__name__ != "PanicException" and not isinstance(error, ValueError | RuntimeError):
            raise  # a Rust panic is no Exception, and has no importable class
        return reference(shapes, data)
    results = []
    for result in report.results:
        path = result.path or ""
        plain = path[1:-1] if path.startswith("<") and path.count("<") == 1 else path
        results.append(
            ValidationResult(
                focus=_plain(result.focus_node),
                path=plain,
                value=_plain(result.value or ""),
                component=result.component_iri,
                severity=_SEVERITIES.get(result.severity_iri, Severity.VIOLATION),
                shape=_plain(result.root_shape or result.source_shape or ""),
            )
        )
    return sorted(results)


def is_readable(shapes: Shapes) -> bool:
    """Tell whether the compiled engine can use these shapes, on no data."""
    try:
        _compile(shapes).validate_text("", format="ntriples")
    except BaseException as error:
        if type(error).__name__ != "PanicException" and not isinstance(error, ValueError | RuntimeError):
            raise
        return False
    return True


@functools.lru_cache(maxsize=MOST_KEPT)
def _compile(shapes: Shapes) -> shacl.Shapes:
    import shacl

    return shacl.Shapes.from_text(shapes.ntriples, format="ntriples")


XONE = f"{_SH}XoneConstraintComponent"
MOST_LEVELS = 4
"""How far inside causes are looked for."""


MOST_ALONE = 50
"""How many pairs of a shape and a node are looked at one by one, where all at once does not tell them apart."""


def causes(
    shapes: Shapes, data: str, results: Sequence[ValidationResult], engine: Engine, levels: int = MOST_LEVELS
) -> dict[ValidationResult, list[ValidationResult]]:
    """Return why each result came about: what the shapes inside of the one that speaks find, each looked at alone.

    For a node that fails a shape inside, the results are of the innermost shapes. Where ``sh:xone`` found more than one
    shape kept, each of these is the cause, with the component of ``sh:xone``. There are no causes where the shape that
    speaks says all there is to say. Each shape looks at all of its nodes at once, so that many results cost as little
    as one.
    """
    if not results:
        return {}
    lines = _index(data)
    inside = {
        one: [(inner, term) for inner in shapes.inner(one.shape, one.component) for term in _terms(lines, one)]
        for one in results
    }
    found = _look_inside(shapes, data, dict.fromkeys(pair for pairs in inside.values() for pair in pairs), engine)
    failed = sorted({one for ones in found.values() for one in ones})
    deeper = causes(shapes, data, failed, engine, levels - 1) if levels > 1 and failed else {}
    why = {}
    for result, pairs in inside.items():
        kept = [replace(result, shape=inner) for inner, term in pairs if found.get((inner, term)) == []]
        below = [cause for pair in pairs for one in found.get(pair, ()) for cause in deeper.get(one) or [one]]
        why[result] = sorted(set(kept if kept and result.component == XONE else below))
    return why


def _look_inside(
    shapes: Shapes, data: str, pairs: Iterable[tuple[str, str]], engine: Engine
) -> dict[tuple[str, str], list[ValidationResult]]:
    """Return what each shape finds at each node that it is paired with.

    Results are told apart by their focus nodes. Where these are not the nodes that were looked at, as those of shapes
    of values of values, the first pairs are looked at one by one, and of the others nothing is known.
    """
    by_shape: dict[str, list[str]] = {}
    for shape, term in pairs:
        by_shape.setdefault(shape, []).append(term)
    found: dict[tuple[str, str], list[ValidationResult]] = {}
    alone = 0
    for shape, terms in by_shape.items():
        names = {term: _plain(term) for term in terms}
        results = engine(shapes.focus(shape, terms), data)
        if len(set(names.values())) == len(terms) and {one.focus for one in results} <= set(names.values()):
            by_focus: dict[str, list[ValidationResult]] = {}
            for one in results:
                by_focus.setdefault(one.focus, []).append(one)
            found |= {(shape, term): by_focus.get(name, []) for term, name in names.items()}
            continue
        for term in terms[: max(0, MOST_ALONE - alone)]:
            alone += 1
            found[shape, term] = engine(shapes.focus(shape, [term]), data) if len(terms) > 1 else results
    return found


def _index(data: str) -> dict[str, list[str]]:
    """Return the lines of N-Triples by the subject and predicate that they begin with."""
    lines: dict[str, list[str]] = {}
    for line in filter(None, data.split("\n")):  # a text may hold other ends of lines, such as U+2028
        subject, predicate, _ = line.split(" ", 2)
        lines.setdefault(f"{subject} {predicate}", []).append(line)
    return lines


def _terms(lines: Mapping[str, Sequence[str]], result: ValidationResult) -> list[str]:
    """Return the nodes that a result is about, as N-Triples terms; of a value that is a literal, as it is in the data.

    A result without a value, such as one about too few values, is about all values of its path.
    """
    from pyoxigraph import NamedNode, RdfFormat, parse

    if not result.value and not result.path:
        return [str(NamedNode(result.focus))] if is_iri(result.focus) else []
    said = "\n".join(lines.get(f"<{result.focus}> <{result.path}>", ()))
    values = {str(quad.object) for quad in parse(said, format=RdfFormat.N_TRIPLES)}
    if result.value:
        named = {str(NamedNode(result.value))} if is_iri(result.value) else set()
        values = {value for value in values if _plain(value) == result.value} or named
    return sorted(values)


def reference(shapes: Shapes, data: str) -> list[ValidationResult]:
    """Validate with pySHACL, the reference; literals keep the spelling they have in *data*.

    Raises UnusableError where it gives up: it says so by exceptions of many kinds.
    """
    try:
        return _validate(shapes, data)
    except Exception as error:
        raise UnusableError(" ".join(f"{type(error).__name__}: {error}".split())[:400]) from error


def _validate(shapes: Shapes, data: str) -> list[ValidationResult]:
    import logging
    import warnings

    import rdflib
    from pyshacl import validate
    from rdflib.namespace import RDF, SH

    rdflib.NORMALIZE_LITERALS = False
    logging.getLogger("pyshacl-validate").disabled = True  # it prints what it raises
    logging.getLogger("rdflib.term").setLevel(logging.ERROR)  # it warns of the very values that are being judged
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rdflib, about the very values that are being judged
        graph = rdflib.Graph().parse(data=data, format="nt")
        _, report, _ = validate(graph, shacl_graph=_parse(shapes), inference="none", allow_warnings=True)
    assert isinstance(report, rdflib.Graph)
    results = []
    root = report.value(predicate=RDF.type, object=SH.ValidationReport)
    for node in report.objects(root, SH.result):  # and not the details inside of results
        said = {key: report.value(node, SH[key]) for key in _RESULT_KEYS}
        results.append(
            ValidationResult(
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


@functools.lru_cache(maxsize=MOST_KEPT)
def _parse(shapes: Shapes) -> Graph:
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


def both(shapes: Shapes, data: str) -> list[ValidationResult]:
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
