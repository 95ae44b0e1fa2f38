"""The W3C's tests of SPARQL 1.1 Protocol, put to `spacecoop serve`: `make protocol`, with a checkout of w3c/rdf-tests.

No package carries the suite's requests, so this file is not collected by `make test`; SPACECOOP_RDF_TESTS names the
checkout. A query part is answered as the suite expects. What updates is refused, whatever the suite expects, because
the endpoint is read-only.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from rdflib import RDF, RDFS, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from conftest import REPOSITORY
from spacecoop import publish, workspace
from test_serve import ask, serving

MF = Namespace("http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#")
HT = Namespace("http://www.w3.org/2011/http#")
CNT = Namespace("http://www.w3.org/2011/content#")
UT = Namespace("http://www.w3.org/2009/sparql/tests/test-update#")
SUITE = Path(os.environ.get("SPACECOOP_RDF_TESTS", "rdf-tests")) / "sparql" / "sparql11" / "protocol"
MANIFEST = Graph()
if (SUITE / "manifest.ttl").is_file():
    MANIFEST.parse(SUITE / "manifest.ttl", publicID=(SUITE / "manifest.ttl").absolute().as_uri())
TESTS = sorted((str(test).rpartition("#")[2], test) for test in MANIFEST.subjects(RDF.type, MF.ProtocolTest))


def requests(test: Node) -> Iterator[Node]:
    """The requests of a test, in their order."""
    for listed in MANIFEST.objects(MANIFEST.value(test, MF.action), HT.requests):
        yield from Collection(MANIFEST, listed)


def headers(request: Node) -> dict[str, str]:
    listed = MANIFEST.value(request, HT.headers)
    rows: Iterable[Node] = Collection(MANIFEST, listed) if listed is not None else []
    return {str(MANIFEST.value(row, HT.fieldName)): str(MANIFEST.value(row, HT.fieldValue)) for row in rows}


def body(request: Node) -> bytes | None:
    content = MANIFEST.value(request, HT.body)
    if content is None:
        return None
    encoding = str(MANIFEST.value(content, CNT.characterEncoding) or "UTF-8")
    return str(MANIFEST.value(content, CNT.chars)).encode(encoding)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """An endpoint with the suite's graphs; a graph that is only named in a request is there, and says nothing else."""
    root = Path(shutil.copytree(REPOSITORY / "tests" / "birds", tmp_path_factory.mktemp("protocol") / "birds"))
    publish.publish(workspace.read(root))
    lines: set[str] = set()
    for row in MANIFEST.objects(None, UT.graphData):
        graph, file = MANIFEST.value(row, RDFS.label), MANIFEST.value(row, UT.graph)
        lines |= {
            f"{line.removesuffix('.')}<{graph}> ."
            for line in Graph().parse(str(file)).serialize(format="nt").splitlines()
        }
    for one in MANIFEST.subjects(RDF.type, HT.Request):
        asked = parse_qs(urlsplit(str(MANIFEST.value(one, HT.absolutePath))).query)
        for name in (*asked.get("default-graph-uri", []), *asked.get("named-graph-uri", [])):
            lines.add(f"<{name}> <{RDFS.seeAlso}> <{name}> <{name}> .")
    (root / "out" / "dataset.nq").write_text("".join(f"{line}\n" for line in sorted(lines)), "utf-8")
    with serving(root) as (number, _):
        yield number


def test_the_suite_is_at_hand() -> None:
    assert TESTS, f"{SUITE} is not there; SPACECOOP_RDF_TESTS names a checkout of w3c/rdf-tests"


@pytest.mark.parametrize(("name", "test"), TESTS, ids=[name for name, _ in TESTS])
def test_a_case_of_the_suite(port: int, name: str, test: URIRef) -> None:
    updates = "update" in name
    asked = list(requests(test))
    assert asked
    for request in asked:
        target = str(MANIFEST.value(request, HT.absolutePath)).replace("/sparql/", "/sparql", 1)
        response = MANIFEST.value(request, HT.resp)
        wanted = {str(status)[-3] for status in MANIFEST.objects(response, MF.expectedStatus)}
        method, content = str(MANIFEST.value(request, HT.methodName)), body(request)
        status, said, answer = ask(port, target, method, content, **headers(request))
        asks = "query" in headers(request).get("content-type", "") or b"query=" in (content or target.encode())
        if updates:  # a question among the requests looks for what an update did
            assert asks or 400 <= status < 500, answer
            continue
        assert str(status)[0] in wanted, answer
        expected = MANIFEST.value(response, MF.expectedBoolean)
        if isinstance(expected, Literal):
            assert json.loads(answer)["boolean"] is expected.value, said
