"""The named queries about shared matters, on four invented articles and on those that are published."""

from __future__ import annotations

from typing import Any

import pytest
import rdflib
from pyoxigraph import QuerySolutions, RdfFormat, Store

from conftest import REPOSITORY
from spacecoop.queries import library

DATA = (REPOSITORY / "tests" / "data" / "stories.ttl").read_bytes()
EXPECTED: dict[str, list[str]] = {
    "stories": [
        "charter | Charter |  |  |  | ",
        "landing | Landing | 2022-06-02 | x2 | https://w3id.org/spacecoop/article/m5 | Touchdown",
        "lift-off | Lift-off | 2020-05 | x1 | https://w3id.org/spacecoop/article/m1 | Start",
    ],
    "story": [
        "landing | 2022-06-02 | x2 | B-02 | Speaker | done |  |  |  | It came down.",
        "landing | 2022-06-03 | x3 | C-04 | Speaker | done |  |  |  | It came down too.",
        "landing | 2022-06-03 | x3 | C-05 | Daily | done |  |  |  | It is down.",
        "landing | 2022-06-03 | x3 | C-06 | Nobody | assessed |  |  |  | That is good.",
        "lift-off | 2020-05 | x1 | A-01 | Daily | planned | 2021 | mass 905.5 kg |  | It is planned.",
        "lift-off | 2020-05-09 | x4 | A-01 | Weekly | planned | 2021-03 |  |  | It is planned too.",
        "lift-off | 2022-06-02 | x2 | B-01 | Weekly | done | 2022-06-01 | mass 930.5 kg |  | It is done.",
        "lift-off | 2022-06-03 | x3 | C-01 | Daily | done | 2022-06-02 |  |  | It was done.",
        "lift-off | 2022-06-03 | x3 | C-02 | Nobody | done | 2022-06-02 |  | true | It was not.",
    ],
    "voices": [
        "landing | Speaker | x2 | B-02",
        "landing | Speaker | x3 | C-04",
        "lift-off | Agency | x1 | A-01",
        "lift-off | Agency | x4 | A-01",
        "lift-off | Daily | x3 | C-01",
        "lift-off | Weekly | x2 | B-01",
    ],
    "corroborated": ["lift-off | Lift-off | 4 | 4 | 3", "landing | Landing | 2 | 2 | 1"],
    "differences": [
        "lift-off | modality | x2 | B-01 | https://w3id.org/spacecoop/modality#done | x3 | C-02 | https://w3id.org/spacecoop/ns#negated",
        "lift-off | quantity | x1 | A-01 | 905.5 | x2 | B-01 | 930.5",
        "lift-off | time | x2 | B-01 | 2022-06-01 | x3 | C-01 | 2022-06-02",
    ],
    "plan-changes": [
        "lift-off | x1 | A-01 | 2021 | x2 | B-01 | done | 2022-06-01",
        "lift-off | x1 | A-01 | 2021 | x3 | C-01 | done | 2022-06-02",
        "lift-off | x4 | A-01 | 2021-03 | x2 | B-01 | done | 2022-06-01",
        "lift-off | x4 | A-01 | 2021-03 | x3 | C-01 | done | 2022-06-02",
    ],
    "first-reports": ["landing | 2022-06-02 | x2 | B-02 | Speaker", "lift-off | 2020-05 | x1 | A-01 | Daily"],
    "ended": ["Work | ending | 2022-06-02 | Storm | x3 | C-03 | done"],
    "drew-on": ["x1 | Agency | 1", "x3 | Agency | 1", "x4 | Agency | 1"],
}


def text(name: str) -> str:
    return (REPOSITORY / "queries" / f"{name}.rq").read_text("utf-8")


def lines(rows: Any) -> list[str]:
    def said(term: Any) -> str:
        value = "" if term is None else str(term if isinstance(term, rdflib.term.Node) else term.value)
        return value.removeprefix("https://w3id.org/spacecoop/id/")

    return [" | ".join(map(said, row)) for row in rows]


def ask(store: Store, name: str) -> list[str]:
    answer = store.query(text(name), use_default_graph_as_union=True)
    assert isinstance(answer, QuerySolutions)
    return lines([row[variable] for variable in answer.variables] for row in answer)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_query_about_shared_matters_has_its_rows(name: str) -> None:
    store = Store()
    store.load(DATA, format=RdfFormat.TURTLE)

    assert ask(store, name) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_rdflib_gives_the_same_rows(name: str) -> None:
    graph = rdflib.Graph().parse(data=DATA, format="turtle")

    assert lines(graph.query(text(name))) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_query_about_shared_matters_says_what_it_is_for_in_two_languages(name: str) -> None:
    query = library.find(name, REPOSITORY / "queries")

    texts = [query.summary, *query.columns.values(), *(parameter.summary for parameter in query.parameters)]
    assert all({"en", "fr"} <= set(one) for one in texts)
    answer = Store().query(text(name))
    assert isinstance(answer, QuerySolutions)
    assert [variable.value for variable in answer.variables] == list(query.columns)


@pytest.fixture(scope="module")
def published() -> Store:
    store = Store()
    store.load((REPOSITORY / "out" / "dataset.nq").read_bytes(), format=RdfFormat.N_QUADS)
    return store


def test_svom_was_planned_for_another_year_than_that_of_its_launch(published: Store) -> None:
    moved = [row.split(" | ") for row in ask(published, "plan-changes")]

    of_svom = {(row[1], row[3], row[4], row[7]) for row in moved if row[0] == "svom-launch"}
    assert ("a001", "2021", "a011", "2024-06-22") in of_svom


def test_four_articles_tell_of_one_signing_of_march_2019(published: Store) -> None:
    told = [row.split(" | ") for row in ask(published, "story")]

    assert {"a001", "a003", "a004", "a005"} <= {row[2] for row in told if row[0] == "france-china-2019-signing"}


def test_nobody_published_gives_a_launch_of_cfosat_that_another_contradicts(published: Store) -> None:
    told = [row.split(" | ") for row in ask(published, "story")]

    assert len({row[2] for row in told if row[0] == "cfosat-launch"}) >= 5
    assert not [row for row in ask(published, "differences") if row.startswith("cfosat-launch | time")]
