"""Clients of SPARQL endpoints, as they come, and requests as other clients send them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from conftest import REPOSITORY
from test_serve import COUNT, JSON, ask, birds_site, serving

__all__ = ["birds_site"]
FORM = "application/x-www-form-urlencoded"
ROWS = "SELECT ?s { ?s a ?class } ORDER BY ?s LIMIT 3"
TRIPLES = "CONSTRUCT { ?s a ?class } WHERE { ?s a ?class }"
YASGUI = "application/sparql-results+json,*/*;q=0.9"
PROTEGE = "application/rdf+xml, application/xml; q=0.7, text/xml; q=0.6, text/plain; q=0.1, */*; q=0.09"
JENA = (
    "application/sparql-results+json;q=1.0, application/sparql-results+xml;q=0.9, text/tab-separated-values;q=0.7, "
    "text/csv;q=0.5, application/json;q=0.2, application/xml;q=0.2, */*;q=0.1"
)
RDF4J = "application/x-binary-rdf-results-table;q=0.8, application/sparql-results+json;q=0.8, */*;q=0.1"
COMUNICA = "application/sparql-results+json;q=1.0,application/sparql-results+xml;q=0.7"


@pytest.fixture(scope="module")
def port(birds_site: Path) -> Iterator[int]:
    with serving(birds_site) as (number, _):
        yield number


def test_rdflibs_sparqlstore_asks_and_constructs(port: int) -> None:
    from rdflib import Graph
    from rdflib.plugins.stores.sparqlstore import SPARQLStore

    for method in ("GET", "POST", "POST_FORM"):
        graph = Graph(SPARQLStore(f"http://127.0.0.1:{port}/sparql", method=method))
        assert len(list(graph.query(ROWS))) == 3, method
        assert graph.query("ASK { ?s a ?class }").askAnswer is True
        assert len(graph.query(TRIPLES).graph or ()) > 3
    assert len(list(graph.triples((None, None, None)))) > 50


@pytest.mark.parametrize("form", ["json", "xml", "csv", "tsv", "turtle", "n3", "rdf+xml", "json-ld"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_sparqlwrapper_gets_each_of_its_formats(port: int, form: str, method: str) -> None:
    from SPARQLWrapper import SPARQLWrapper

    client = SPARQLWrapper(f"http://127.0.0.1:{port}/sparql")
    client.setMethod(method)
    client.setReturnFormat(form)
    client.setQuery(ROWS if form in ("json", "xml", "csv", "tsv") else TRIPLES)
    said: Any = client.query().convert()

    if form == "json":
        assert len(said["results"]["bindings"]) == 3
    elif form in ("turtle", "n3", "csv", "tsv"):
        assert b"http" in said
    else:
        assert said is not None


REQUESTS = [
    ("YASGUI", "POST", f"query={quote(ROWS)}", YASGUI, FORM, JSON),
    ("Protege", "GET", TRIPLES, PROTEGE, "", "application/rdf+xml"),
    ("Jena", "GET", ROWS, JENA, "", JSON),
    ("RDF4J", "POST", f"query={quote(ROWS)}&infer=true&queryLn=Sparql", RDF4J, f"{FORM}; charset=utf-8", JSON),
    ("Comunica", "POST", f"query={quote(ROWS)}", COMUNICA, FORM, JSON),
    ("curl", "GET", ROWS, "*/*", "", JSON),
    ("a browser", "GET", ROWS, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "", "application/"),
]


@pytest.mark.parametrize(
    ("who", "method", "text", "accept", "kind", "wanted"), REQUESTS, ids=[one[0] for one in REQUESTS]
)
def test_a_client_gets_what_it_reads(
    port: int, who: str, method: str, text: str, accept: str, kind: str, wanted: str
) -> None:
    target = "/sparql" if method == "POST" else f"/sparql?{urlencode({'query': text})}"
    headers = {"Accept": accept, "Origin": "https://yasgui.example", **({"Content_Type": kind} if kind else {})}
    status, said, body = ask(port, target, method, text if method == "POST" else None, **headers)

    assert (status, said["access-control-allow-origin"]) == (200, "*"), who
    assert said["content-type"].startswith(wanted), who
    assert body


def test_a_browser_may_ask_from_another_site(port: int) -> None:
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    status, headers, _ = ask(port, "/sparql", "OPTIONS", Origin="https://yasgui.example", **asked)

    assert (status, headers["access-control-allow-origin"]) == (204, "*")
    assert "POST" in headers["access-control-allow-methods"]
    assert "Content-Type" in headers["access-control-allow-headers"]


def test_curl_asks_as_the_docs_say(port: int) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed: apt-get install curl")
    address = f"http://127.0.0.1:{port}/sparql"
    for words in (["-G", "--data-urlencode", f"query={COUNT}"], ["--data-urlencode", f"query={COUNT}"]):
        done = subprocess.run([curl, "-sf", address, *words], capture_output=True, check=True, timeout=30)
        assert json.loads(done.stdout)["results"]["bindings"]


def test_the_description_of_the_named_queries_is_openapi(port: int) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    said = json.loads(ask(port, "/openapi.json")[2])

    assert [error.message for error in OpenAPIV31SpecValidator(said).iter_errors()] == []
    assert "/query/seen" in said["paths"]


def test_a_client_that_knows_only_the_description_asks_every_query(port: int) -> None:
    """Build each request from its operation: its parameters' examples and defaults, each syntax that it names."""
    said = json.loads(ask(port, "/openapi.json")[2])
    asked = 0
    for path, item in said["paths"].items():
        operation = item["get"]
        values = []
        formats = [""]
        for parameter in operation["parameters"]:
            if parameter["name"] == "format":
                formats = parameter["schema"]["enum"]
            elif "example" in parameter:
                values += [(parameter["name"], value) for value in parameter["example"]]
        for form in formats:
            status, headers, _ = ask(port, f"{path}?{urlencode([*values, ('format', form)])}")
            assert status == 200, (path, form)
            assert headers["content-type"].partition(";")[0] in operation["responses"]["200"]["content"]
            asked += 1
        status, _, _ = ask(port, f"{path}?no-such-parameter=1")
        assert str(status) in operation["responses"]

    assert asked >= 8


ASKING = """
import sys
sys.path.insert(0, sys.argv[1])
from client import Client
from client.api.default import seen
client = Client(base_url=sys.argv[2])
good = seen.sync_detailed(client=client, species=["stork"], least=[2])
bad = seen.sync_detailed(client=client, species=["no-such-bird"])
print(len(good.parsed.to_dict()["results"]["bindings"]), bad.status_code, bad.parsed.splitlines()[0])
"""


@pytest.mark.extended
def test_a_generated_client_asks_a_named_query(port: int, tmp_path: Path) -> None:
    tools = REPOSITORY / ".cache" / "openapi" / "bin"
    if not (tools / "openapi-python-client").exists():
        pytest.skip("openapi-python-client is not in .cache/openapi: bash .ci/extended")
    (tmp_path / "openapi.json").write_bytes(ask(port, "/openapi.json")[2])
    (tmp_path / "ask.py").write_text(ASKING, "utf-8")
    words = ["generate", "--path", "openapi.json", "--output-path", "client", "--meta", "none", "--fail-on-warning"]
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}  # its ruff
    common: dict[str, Any] = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 60}
    made = subprocess.run([tools / "openapi-python-client", *words], check=False, **common)
    assert made.returncode == 0, made.stdout + made.stderr
    done = subprocess.run([tools / "python", "ask.py", tmp_path, f"http://127.0.0.1:{port}"], check=False, **common)

    assert done.stdout.startswith("1 400 species: nothing is called 'no-such-bird'"), done.stdout + done.stderr
