"""The W3C SHACL test suite, which pySHACL's source distribution brings along; `.ci/extended` fetches it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import rdflib
from rdflib import RDF, SH, BNode, Graph, Namespace

from conftest import REPOSITORY
from spacecoop import shapes
from spacecoop.findings import Severity
from spacecoop.shapes import Shapes, ValidationResult

SUITE = REPOSITORY / ".cache" / "suites" / "sht_tests"
MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
SHT = Namespace("http://www.w3.org/ns/shacl-test#")

REFERENCE_DIFFERS = {
    "uniqueLang-002": 'pySHACL takes "1"^^xsd:boolean for true, the specification asks for the term true',
    "prefixes-001": "pySHACL does not look for prefixes where the suite has them",
    "shapesGraph-001": "pySHACL has no $shapesGraph, which the specification leaves to the engine",
}
FAST_DIFFERS = {
    "unsupported-sparql-004": "the fast engine lets a sub-select leave $this out; our shapes have none",
}
TESTS = sorted(path for path in SUITE.rglob("*.ttl") if "sht:Validate" in path.read_text("utf-8"))

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(not TESTS, reason="the W3C SHACL test suite is not in .cache/suites; `.ci/extended` fetches it"),
]


def read(path: Path) -> Graph:
    rdflib.NORMALIZE_LITERALS = False
    return Graph().parse(path, format="turtle", publicID=path.as_uri())


def outline(results: list[ValidationResult]) -> Counter[tuple[str, str, str, str, Severity]]:
    """Results down to focus node, path, value, component and severity; blank nodes have no name of their own."""

    def plain(term: str) -> str:
        return "_:" if term.startswith("_:") or BLANK.fullmatch(term) else term

    return Counter((plain(one.focus), one.path, plain(one.value), one.component, one.severity) for one in results)


BLANK = re.compile(r"[0-9a-f]{32}|n[0-9a-f]{32}b\d+|[Nn][0-9a-f]{32}")


def expected(graph: Graph, report: object) -> Counter[tuple[str, str, str, str, Severity]]:
    results = []
    for node in graph.objects(report, SH.result):  # type: ignore[arg-type]
        said = {
            key: graph.value(node, SH[key])
            for key in ("focusNode", "value", "resultPath", "sourceConstraintComponent", "resultSeverity")
        }
        terms = {
            key: "_:" if isinstance(term, BNode) else "" if term is None else str(term) for key, term in said.items()
        }
        path = shapes._path(graph, said["resultPath"])  # the engines' paths are written by the same rules
        severity = Severity.__members__.get(terms["resultSeverity"].rpartition("#")[2].upper(), Severity.VIOLATION)
        results.append(
            ValidationResult(terms["focusNode"], path, terms["value"], terms["sourceConstraintComponent"], severity, "")
        )
    return outline(results)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(SUITE).with_suffix("").as_posix())
def test_both_engines_give_what_the_suite_expects(path: Path) -> None:
    graph = read(path)
    case = next(graph.subjects(RDF.type, SHT.Validate))
    action = graph.value(case, MF.action)
    files = {
        key: Path(str(graph.value(action, SHT[key])).removeprefix("file://")) for key in ("dataGraph", "shapesGraph")
    }
    data, rules = (read(files[key]).serialize(format="nt") for key in ("dataGraph", "shapesGraph"))
    report = graph.value(case, MF.result)
    if report == SHT.Failure:
        for engine in (shapes.fast, shapes.reference):
            if engine is shapes.fast and path.stem in FAST_DIFFERS:
                continue
            with pytest.raises(Exception):  # noqa: B017  (each engine refuses in its own way)
                engine(Shapes((("", rules),)), data)
        return

    want = expected(graph, report)

    assert outline(shapes.fast(Shapes((("", rules),)), data)) == want
    if path.stem not in REFERENCE_DIFFERS:
        assert outline(shapes.reference(Shapes((("", rules),)), data)) == want
