from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyoxigraph import Literal, NamedNode
from rdflib.plugins.sparql import prepareQuery

import slices
from conftest import REPOSITORY
from slices import Proxy
from spacecoop.links import wikidata
from spacecoop.links.wikidata import IncompleteError, Item, Questions
from spacecoop.queries.endpoint import Endpoint

WD, WDT = "http://www.wikidata.org/entity/", "http://www.wikidata.org/prop/direct/"
TEXTS = {path.stem: path.read_text("utf-8") for path in (REPOSITORY / "queries" / "wikidata").glob("*.rq")}


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    with slices.wikidata() as served:
        yield served


def questions(**changed: object) -> Questions:
    rest = {
        "properties": (f"{WDT}P31", f"{WDT}P137", f"{WDT}P213"),
        "languages": ("en", "fr", "zh"),
        "expected": (f"{WD}Q43229", f"{WD}Q6256"),
    }
    return Questions(**{**TEXTS, **rest, **changed})  # type: ignore[arg-type]


def described(proxy: Proxy, *names: str) -> dict[str, Item]:
    ask = wikidata.pace(lambda query: Endpoint(proxy.url).select(query).rows, 0, lambda: 0, lambda _: None)
    batches = wikidata.describe(ask, questions(), [WD + name for name in names], "2026-11-23")
    return {item.iri.removeprefix(WD): item for batch in batches for item in batch}


def test_an_item_comes_with_labels_values_and_classes_over_subclasses(proxy: Proxy) -> None:
    item = described(proxy, "Q48756")["Q48756"]

    assert item.exists
    assert item.target is None
    assert item.values(f"{WDT}P213") == [Literal("0000 0001 2201 6490")]
    assert [str(name) for name in item.names()] == ['"CNES"@mul', '"National Centre for Space Studies"@en', '"CNES"@fr']
    assert item.classes == frozenset({f"{WD}Q43229"})
    assert item.date == "2026-11-23"


def test_a_label_in_a_kind_of_chinese_is_taken_and_one_in_german_is_not(proxy: Proxy) -> None:
    names = described(proxy, "Q142")["Q142"].names()

    assert Literal("法国", language="zh-hans") in names
    assert Literal("Frankreich", language="de") not in names


def test_a_value_that_is_there_but_not_known_is_none(proxy: Proxy) -> None:
    assert described(proxy, "Q48756")["Q48756"].values(f"{WDT}P137") == []


def test_a_merged_item_says_into_which_and_a_missing_one_nothing(proxy: Proxy) -> None:
    items = described(proxy, "Q5100935", "Q999999999", "Q142")

    assert items["Q5100935"].target == f"{WD}Q900010"
    assert not items["Q999999999"].exists
    assert items["Q142"].exists


def test_an_item_without_a_label_of_ours_and_without_values_exists() -> None:
    with slices.wikidata(b"<http://www.wikidata.org/entity/Q77> <http://schema.org/version> 1 .") as other:
        assert described(other, "Q77")["Q77"].exists


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_an_answer_that_ends_early_is_not_read(kept: int) -> None:
    rows = [{"item": NamedNode(f"{WD}Q{number}")} for number in (1, 2)] + [{"item": wikidata.END}]

    def ask(_: str) -> list[dict[str, object]]:
        return [dict(row) for row in rows[:kept]]

    with pytest.raises(IncompleteError):
        list(wikidata.describe(ask, questions(), [f"{WD}Q1", f"{WD}Q2"], "2026-11-23"))


def test_names_find_items_by_label_and_alias_and_others_find_none(proxy: Proxy) -> None:
    names = [Literal("SVOM", language="fr"), Literal("China", language="en"), Literal("Nobody", language="en")]

    found = wikidata.find_named(lambda query: Endpoint(proxy.url).select(query).rows, questions(), names)

    assert found[names[0]] == [f"{WD}Q900002", f"{WD}Q16677669"]
    assert found[names[1]] == [f"{WD}Q148"]
    assert found[names[2]] == []


def test_a_name_that_the_answer_lacks_is_not_taken_for_unknown() -> None:
    with pytest.raises(IncompleteError, match="1 of the 1 names"):
        wikidata.find_named(lambda _: [], questions(), [Literal("SVOM", language="fr")])


def test_a_term_is_written_as_a_term_and_never_as_text() -> None:
    nasty = Literal('x" } SERVICE <http://example.org/> { ?a ?b "\\', language="en")

    query = wikidata.fill(TEXTS["names"], name=[nasty])

    assert f"VALUES ?name {{ {nasty} }}" in query
    assert prepareQuery(query)


def test_a_query_without_a_place_for_terms_is_refused() -> None:
    with pytest.raises(wikidata.QueryFileError, match="item"):
        wikidata.fill("SELECT * { ?item ?p ?o }", item=[NamedNode(f"{WD}Q1")])


def test_requests_begin_a_second_apart() -> None:
    now = [100.0]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    ask = wikidata.pace(lambda _: [], 1.0, lambda: now[0], sleep)
    for passed in (0.0, 0.25, 5.0):
        now[0] += passed
        ask("")

    assert waits == [0.75]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_queries_for_wikidata_are_standard_sparql(name: str) -> None:
    text = TEXTS[name]
    filled = text.replace("VALUES ?item {}", "VALUES ?item { <http://example.org/> }")

    assert "SERVICE" not in text
    assert not any(word in text for word in ("wikibase:label", "bd:", "mwapi", "hint:"))
    assert prepareQuery(filled)
