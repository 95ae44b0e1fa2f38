"""What the dataset answers to its competency questions, and to every query that has a name."""

from __future__ import annotations

import io
import time
import tomllib
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
import rdflib

from conftest import REPOSITORY
from spacecoop.queries import library, results, sources, sparql
from spacecoop.queries.library import Query
from spacecoop.queries.sources import Local
from spacecoop.queries.spool import Spool
from spacecoop.workspace import Workspace, read

GOLDEN = REPOSITORY / "tests" / "golden" / "queries"
WIKIDATA = REPOSITORY / "tests" / "data" / "wikidata.nt"
OF_SHARED_MATTERS = {
    "story",
    "voices",
    "corroborated",
    "differences",
    "plan-changes",
    "first-reports",
    "ended",
    "drew-on",
    "quantities",
    "stories",
}
"""What two articles without shared matters and measures cannot answer: test_stories and test_clusters ask them."""
NAMES = sorted({path.stem for path in (REPOSITORY / "queries").glob("*.rq")} - OF_SHARED_MATTERS)

AGREEMENT = "Agreement between China and France on future space cooperation"
NUMERAMA = (
    "https://www.numerama.com/sciences/"
    "475465-la-chine-fait-une-place-a-la-france-pour-sa-future-mission-spatiale-sur-la-lune.html"
)
COMPETENCY: dict[str, list[str]] = {
    "agreements": [
        f"{AGREEMENT} | 2019-03-25 | China, France | CNES taking part in a coming lunar mission; "
        "CNSA carrying French experiments on Chang'e-6",
    ],
    "agreement-parties": [
        f"{AGREEMENT} | 2019-03-25 | China | CNES taking part in a coming lunar mission",
        f"{AGREEMENT} | 2019-03-25 | China | CNSA carrying French experiments on Chang'e-6",
        f"{AGREEMENT} | 2019-03-25 | France | CNES taking part in a coming lunar mission",
        f"{AGREEMENT} | 2019-03-25 | France | CNSA carrying French experiments on Chang'e-6",
    ],
    "mission-dates": ["a001 | A-10 | 2023/2024 | 2023-01-01 | 2024-12-31 | expected | Numerama"],
    "speakers": ["Ji Qiming | 11 | 6", "Numerama | 27 | 0", "People's Daily Online | 10 | 0"],
    "joint-work": [
        "a001 | A-05 | CNES taking part in a coming lunar mission | agreed",
        "a001 | A-06 | CNSA carrying French experiments on Chang'e-6 | agreed",
        "a001 | A-20 | CNES and CNSA working on satellites | under way",
        "a001 | A-21 | CNES and CNSA on the Space Climate Observatory | planned",
        "a001 | A-22 | CNES and CNSA on an observatory of ocean salinity and soil moisture | discussed",
        "a001 | A-23 | Space cooperation of France and China | done",
        "a001 | A-24 | France and China on CFOSAT | under way",
        "a001 | A-26 | CNES and CNSA on SVOM | planned",
        "a001 | A-27 | France and China on Cardiospace 2 | under way",
        "a002 | B-12 | Bilateral cooperation of China and France on space experiments | under way",
    ],
    "modalities": [
        "a001 | agreed | 2",
        "a001 | announced | 1",
        "a001 | assessed | 2",
        "a001 | discussed | 1",
        "a001 | done | 7",
        "a001 | expected | 1",
        "a001 | offered | 1",
        "a001 | planned | 4",
        "a001 | under way | 8",
        "a002 | announced | 3",
        "a002 | discussed | 1",
        "a002 | done | 4",
        "a002 | expected | 1",
        "a002 | offered | 2",
        "a002 | planned | 1",
        "a002 | principle | 3",
        "a002 | under way | 6",
    ],
    "principles": [
        "outer space as common good | Ji Qiming | a002 | B-03",
        "exploration as shared cause | Ji Qiming | a002 | B-04",
        "common development | Ji Qiming | a002 | B-06",
        "equality and mutual benefit | Ji Qiming | a002 | B-06",
        "peaceful use | Ji Qiming | a002 | B-06",
        "benefit of all humanity | Ji Qiming | a002 | B-10",
    ],
    "evidence": [
        f"{NUMERAMA} | A-10 | 8 | 789 | 845 | bd5ac3af9e673bd99720f0259447df46fe8031f4f39acc7efb5640f1f3d5099a"
        " | 9083dca01009af272a5cd730e80daae6b91cb9ccb6043fc03388af48f1d4f541"
    ],
    "country-pairs": [
        "China | France | 10",
        "China | Russia | 4",
        "China | Italy | 1",
        "China | Pakistan | 1",
        "France | India | 1",
        "France | Israel | 1",
        "France | Japan | 1",
        "France | Russia | 1",
        "France | United States | 1",
    ],
    "launch-dates": [
        "CFOSAT | 2018-10 | 2018-10-29 | true",
        "Chang'e-6 | 2023/2024 | 2024-05-03 | true",
        "SVOM | 2021 | 2024-06-22 | false",
    ],
}


@pytest.fixture(scope="module")
def workspace(frozen: Path) -> Workspace:
    return read(frozen)


@pytest.fixture(scope="module")
def dataset(workspace: Workspace) -> Local:
    """The built dataset, with a small extract of Wikidata beside it."""
    files = {workspace.out / "dataset.nq": "", WIKIDATA: workspace.graph("wikidata")}
    return sources.files(files, "out", workspace.prefixes, workspace.base)


@pytest.fixture(scope="module")
def dataset_of_rdflib(workspace: Workspace) -> rdflib.Dataset:
    """The same in rdflib's own store, with rdflib's own engine."""
    dataset = rdflib.Dataset(default_union=True)
    dataset.parse(workspace.out / "dataset.nq", format="nquads")
    dataset.graph(rdflib.URIRef(workspace.graph("wikidata"))).parse(WIKIDATA, format="nt")
    for prefix, iri in workspace.prefixes.items():
        dataset.bind(prefix, iri)
    return dataset


DEFAULTS = tomllib.loads((REPOSITORY / "spacecoop.toml").read_text("utf-8"))["query"]["defaults"]


def chosen(name: str, dataset: Local) -> str:
    """The text of a query with the values that the settings choose."""
    return library.find(name, REPOSITORY / "queries", DEFAULTS).bound({}, dataset.resolve)


def text_of(name: str, dataset: Local, **said: str) -> str:
    return library.find(name, REPOSITORY / "queries").bound(
        {key: [value] for key, value in said.items()}, dataset.resolve
    )


def lines(rows: Any) -> list[str]:
    def text(term: Any) -> str:
        return "" if term is None else str(term) if isinstance(term, rdflib.term.Node) else str(term.value)

    return [" | ".join(map(text, row)) for row in rows]


@pytest.mark.parametrize("name", COMPETENCY)
def test_a_competency_question_has_its_answer(name: str, dataset: Local) -> None:
    answer = dataset.answer(chosen(name, dataset))
    assert isinstance(answer, pyoxigraph.QuerySolutions)

    assert lines([row[variable] for variable in answer.variables] for row in answer) == COMPETENCY[name]


@pytest.mark.parametrize("name", COMPETENCY)
def test_rdflib_gives_a_competency_question_the_same_answer(
    name: str, dataset: Local, dataset_of_rdflib: rdflib.Dataset
) -> None:
    rows = dataset_of_rdflib.query(chosen(name, dataset))

    assert lines(rows) == COMPETENCY[name]


def written(query: Query, dataset: Local) -> bytes:
    text = query.bound({}, dataset.resolve)
    graph = sparql.form(text) == "CONSTRUCT"
    spool = Spool(sort=graph or not sparql.is_ordered(text))
    stream = io.BytesIO()
    format_ = "ntriples" if graph else "csv"
    results.write(results.spool_rows(dataset.answer(text), spool), format_, stream, results.View({}))
    return stream.getvalue().replace(b"\r\n", b"\n")


OF_ARTICLES = {"classes": b"/ns#", "graphs": b"/article/"}
"""What marks the rows that are of articles, for queries that count the vocabulary and the queries too."""


@pytest.mark.parametrize("name", NAMES)
def test_a_named_query_has_the_rows_that_are_expected(name: str, dataset: Local, accept: bool) -> None:
    query = library.find(name, REPOSITORY / "queries", DEFAULTS)
    heading, *rows = written(query, dataset).splitlines(keepends=True)
    given = b"".join([heading, *(row for row in rows if OF_ARTICLES.get(name, b"") in row)])
    golden = next(iter(GOLDEN.glob(f"{name}.*")), GOLDEN / f"{name}.{'nt' if given.startswith(b'<') else 'csv'}")

    if accept:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_bytes(given)

    assert given.count(b"\n") > 1, "a query of the library has an answer"
    assert given.decode() == golden.read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_named_query_says_in_two_languages_what_it_is_for(name: str, dataset: Local) -> None:
    query = library.find(name, REPOSITORY / "queries")

    assert {"en", "fr"} <= set(query.summary)
    for texts in [*query.columns.values(), *(parameter.summary for parameter in query.parameters)]:
        assert {"en", "fr"} <= set(texts)
    answer = dataset.answer(query.bound({}, dataset.resolve))
    if isinstance(answer, pyoxigraph.QuerySolutions):
        assert [variable.value for variable in answer.variables] == list(query.columns)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_named_query_can_be_said(name: str, dataset: Local) -> None:
    query = library.find(name, REPOSITORY / "queries")
    said = {parameter.name: [parameter.example] for parameter in query.parameters if parameter.example}

    answer = dataset.answer(query.bound(said, dataset.resolve))

    assert len(list(answer)) >= (0 if name in ("claims", "cooperation") else 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_a_named_query_runs_as_its_file_stands(name: str, dataset: Local) -> None:
    """In YASGUI, on a server or in another library: every prefix declared, defaults in their places."""
    text = (REPOSITORY / "queries" / f"{name}.rq").read_text("utf-8")

    alone = dataset.store.query(text, use_default_graph_as_union=True)
    through = dataset.answer(text_of(name, dataset))

    assert sorted(map(str, alone)) == sorted(map(str, through))  # type: ignore[arg-type]


def test_pairs_of_countries_agree_with_joint_work_and_with_a_count_by_hand(dataset: Local) -> None:
    spc, bodies = "https://w3id.org/spacecoop/ns#", "http://www.w3.org/ns/org#subOrganizationOf"

    def objects(subject: Any, property_: str) -> set[Any]:
        return {one.object for one in dataset.store.quads_for_pattern(subject, pyoxigraph.NamedNode(property_), None)}

    def states(party: Any) -> set[Any]:
        whole = objects(party, bodies)
        return set().union(*map(states, whole)) if whole else {party}

    matters = {one.object for one in dataset.store.quads_for_pattern(None, pyoxigraph.NamedNode(f"{spc}asserts"), None)}
    both = {dataset.resolve("china", ""), dataset.resolve("france", "")}
    counted = 0
    for matter in matters:
        kinds = {one.value for one in objects(matter, "http://www.w3.org/1999/02/22-rdf-syntax-ns#type")}
        is_open = {one.value for one in objects(matter, f"{spc}openList")} & {"true", "1"}
        of = [states(party) for party in objects(matter, f"{spc}participant")]
        counted += f"{spc}Cooperation" in kinds and not is_open and both <= {one.value for some in of for one in some}
    joint: Any = dataset.answer(chosen("joint-work", dataset))

    assert f"China | France | {counted}" in COMPETENCY["country-pairs"]
    assert len({row["cooperation"] for row in joint}) == counted


def test_values_narrow_an_answer(dataset: Local) -> None:
    rows = list(dataset.answer(text_of("claims", dataset, speaker="Ji Qiming", how="planned")))  # type: ignore[arg-type]
    offered = list(dataset.answer(text_of("claims", dataset, speaker="ji-qiming", how="offered", lang="fr")))  # type: ignore[arg-type]

    assert rows == []
    assert [row["claim"].value for row in offered] == ["B-05"]
    assert offered[0]["gloss"].language == "fr"


def test_a_year_leaves_out_what_earlier_articles_say(dataset: Local) -> None:
    rows = list(dataset.answer(text_of("cooperation", dataset, country="France", **{"from": "2020"})))  # type: ignore[arg-type]

    assert {row["claim"].value for row in rows} == {"B-07", "B-12", "B-15"}


@pytest.mark.parametrize("words", [("FRANCE", "France"), ("id:france", "france"), ("法国", "France")])
def test_a_thing_is_known_by_its_name_in_any_language(words: tuple[str, str], dataset: Local) -> None:
    assert dataset.resolve(words[0], "") == dataset.resolve(words[1], "") == f"{dataset.base}id/france"


def test_a_name_that_nothing_has_gets_a_suggestion(dataset: Local) -> None:
    with pytest.raises(sparql.QueryError, match=r"nothing is called 'frence'; did you mean 'france'\?"):
        dataset.resolve("frence", "")


def test_a_concept_that_a_scheme_does_not_have_gets_those_that_it_has(dataset: Local) -> None:
    with pytest.raises(sparql.QueryError, match=r"nothing is called 'xyzzy'; there are agreed, announced, "):
        dataset.resolve("xyzzy", f"{dataset.base}modality")


def test_the_library_is_published_without_blank_nodes_and_runs_as_published(
    dataset: Local, workspace: Workspace
) -> None:
    named = library.every(REPOSITORY / "queries")
    quads: list[Any] = list(
        library.as_rdf(named.values(), workspace.graph("queries"), workspace.base, workspace.prefixes)
    )
    sh = "http://www.w3.org/ns/shacl#"
    texts = {
        quad.subject.value: quad.object.value
        for quad in quads
        if quad.predicate.value in (f"{sh}select", f"{sh}construct")
    }
    namespaces = [quad for quad in quads if quad.predicate.value == f"{sh}namespace"]

    assert not any("_:" in str(quad.subject) + str(quad.object)[:2] for quad in quads)
    assert set(texts) == {f"{workspace.base}query/{name}" for name in named}
    assert {quad.predicate.value for quad in quads} >= {f"{sh}prefixes", "https://schema.org/target"}
    assert len(namespaces) > 5
    for iri, text in texts.items():
        assert "#+" not in text
        alone = dataset.store.query(text, use_default_graph_as_union=True)
        assert sorted(map(str, alone)) == sorted(map(str, dataset.answer(text_of(iri.rpartition("/")[2], dataset))))  # type: ignore[arg-type]


def test_a_question_of_shared_matters_takes_no_time_where_there_are_none() -> None:
    """Each claim beside each other would be ninety thousand pairs, and many more with their parties."""
    lines = [
        f"<http://e/c{n}> spc:asserts <http://e/m{n}> ; spc:modality modality:done ; dcterms:identifier '{n}' ;"
        f" dcterms:source <http://e/a{n % 10}> . <http://e/m{n}> spc:participant <http://e/p1>, <http://e/p2> ."
        f" <http://e/a{n % 10}> rdfs:label 'a{n % 10}' ."
        for n in range(300)
    ]
    query = (REPOSITORY / "queries" / "differences.rq").read_text("utf-8")
    heads = "".join(f"{line} .\n" for line in query.splitlines() if line.startswith("PREFIX"))
    store = pyoxigraph.Store()
    store.load(heads.replace("PREFIX", "@prefix") + "\n".join(lines), pyoxigraph.RdfFormat.TURTLE)
    start = time.process_time()

    assert not list(store.query(query))  # type: ignore[arg-type]
    assert time.process_time() - start < 2
