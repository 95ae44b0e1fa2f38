"""What the published articles answer, cluster by cluster: one event, a plan, a cooperation that ended, told by several.

The rows stand in tests/data/clusters.yaml, and are the point: they were read against the articles. Both engines are
asked the same statements, those of the cluster's articles, so that the slower one is asked of few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rdflib
import yaml
from pyoxigraph import Dataset, Quad, QuerySolutions, RdfFormat, Store, Triple, parse, serialize

from conftest import REPOSITORY
from spacecoop.queries import library

BASE = "https://w3id.org/spacecoop/"
PREFERRED = "http://www.w3.org/2004/02/skos/core#prefLabel"
"""What the named queries ask of the schemes."""
CLUSTERS: dict[str, Any] = yaml.safe_load((REPOSITORY / "tests" / "data" / "clusters.yaml").read_text("utf-8"))
COMPARISONS = """
PREFIX comparison: <https://w3id.org/spacecoop/comparison#>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX spc: <https://w3id.org/spacecoop/ns#>
SELECT ?matter ?aspect ?outcome ?one ?other
WHERE {
  ?c a spc:Comparison ; dcterms:subject ?matter ; spc:aspect ?aspect ; spc:outcome ?outcome ;
     spc:compares ?one , ?other .
  FILTER (STR(?one) < STR(?other))
  FILTER (?aspect IN (comparison:time, comparison:parties, comparison:place, comparison:quantity))
}
ORDER BY ?matter ?aspect ?one ?other
"""
"""How two tellings stand to each other, but for how firmly each is told; no named query asks for it."""


@pytest.fixture(scope="module")
def published() -> Dataset:
    return Dataset(parse(path=REPOSITORY / "out" / "dataset.nq", format=RdfFormat.N_QUADS))


def select(published: Dataset, articles: list[str]) -> bytes:
    """Return the statements of these articles, of what they share, and of how their tellings compare."""
    own = {f"{BASE}article/{one}" for one in articles}

    def is_wanted(quad: Quad) -> bool:
        graph = str(quad.graph_name).strip("<>")
        if graph == f"{BASE}graph/ontology":
            return quad.predicate.value == PREFERRED
        return graph == f"{BASE}graph/entities" or graph.partition("#")[0] in own

    wanted = [quad.triple for quad in published if is_wanted(quad)]
    return serialize([*wanted, *_compare(published, own)], format=RdfFormat.N_TRIPLES) or b""


def _compare(published: Dataset, own: set[str]) -> Iterator[Triple]:
    """Yield the comparisons of two accounts that are both of these articles."""
    made: dict[str, list[Quad]] = {}
    for quad in published:
        if str(quad.graph_name) == f"<{BASE}graph/comparisons>":
            made.setdefault(str(quad.subject), []).append(quad)
    for quads in made.values():
        accounts = [str(one.object).strip("<>") for one in quads if one.predicate.value == f"{BASE}ns#compares"]
        if accounts and all(one.partition("#")[0] in own for one in accounts):
            yield from (quad.triple for quad in quads)


def text(asked: dict[str, Any]) -> str:
    """Return the query that is asked, with its parameters bound."""
    if asked["ask"] == "comparisons":
        return COMPARISONS
    query = library.find(asked["ask"], REPOSITORY / "queries")
    given = {name: [value] for name, value in asked.get("with", {}).items()}
    return query.bound(given, lambda value, scheme: f"{scheme}#{value}" if scheme else f"{BASE}id/{value}")


def rows(asked: dict[str, Any], variables: list[str], found: Any) -> list[str]:
    """Return the columns that are asked for of each row, without the part of an IRI that all have."""

    def said(term: Any) -> str:
        value = "" if term is None else str(term if isinstance(term, rdflib.term.Node) else term.value)
        return value.removeprefix(f"{BASE}id/").removeprefix(f"{BASE}article/").removeprefix(f"{BASE}comparison#")

    places = [variables.index(name) for name in asked["columns"].split()]
    return [" | ".join(said(row[place]) for place in places).strip() for row in found]


CASES = [
    pytest.param(name, number, id=f"{name}-{asked['ask']}-{number}")
    for name, cluster in CLUSTERS.items()
    for number, asked in enumerate(cluster["answers"])
]


@pytest.fixture(scope="module")
def oxigraph(published: Dataset) -> dict[str, Store]:
    stores = {name: Store() for name in CLUSTERS}
    for name, store in stores.items():
        store.load(select(published, CLUSTERS[name]["articles"]), format=RdfFormat.N_TRIPLES)
    return stores


@pytest.fixture(scope="module")
def graphs(published: Dataset) -> dict[str, rdflib.Graph]:
    return {
        name: rdflib.Graph().parse(data=select(published, cluster["articles"]), format="nt")
        for name, cluster in CLUSTERS.items()
    }


@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_cluster_gives_the_answer_that_it_is_for(name: str, number: int, oxigraph: dict[str, Store]) -> None:
    asked = CLUSTERS[name]["answers"][number]

    answer = oxigraph[name].query(text(asked))

    assert isinstance(answer, QuerySolutions)
    assert rows(asked, [one.value for one in answer.variables], answer) == asked["rows"]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_rdflib_gives_a_cluster_the_same_answer(name: str, number: int, graphs: dict[str, rdflib.Graph]) -> None:
    asked = CLUSTERS[name]["answers"][number]

    answer = graphs[name].query(text(asked))

    assert answer.vars is not None
    assert rows(asked, [str(one) for one in answer.vars], answer) == asked["rows"]
