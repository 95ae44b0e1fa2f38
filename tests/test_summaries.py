"""What a named query says that it counts or lists, counted another way: by Python, over the fact files themselves."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyoxigraph
import pytest
import yaml

from conftest import IN_VAIN, REPOSITORY
from spacecoop import publish
from spacecoop.queries import library, sources
from spacecoop.queries.sources import Local
from spacecoop.workspace import read

TOLD = REPOSITORY / "tests" / "data" / "told"
BASE = "https://w3id.org/spacecoop/"


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


@dataclass
class Facts:
    """The fact files as YAML has them: each thing under its IRI, each claim with the name of its article."""

    articles: dict[str, dict[str, Any]] = field(default_factory=dict)
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: list[dict[str, Any]] = field(default_factory=list)

    def iri(self, name: str, article: str = "") -> str:
        return f"{BASE}article/{article}#{name[5:]}" if name.startswith("this:") else f"{BASE}id/{name}"

    def add(self, path: Path) -> None:
        data = yaml.safe_load(path.read_text("utf-8"))
        name = path.stem if "claims" in data else ""
        for thing in (*data.get("entities", ()), *data.get("matters", ()), *data.get("parties", ())):
            self.things[self.iri(thing["id"], name)] = {**thing, "article": name}
        if name:
            self.articles[name] = data
            self.claims += [{**claim, "article": name} for claim in data["claims"]]

    def asserted(self, claim: dict[str, Any]) -> list[str]:
        return [self.iri(one, claim["article"]) for one in many(claim.get("asserts"))]

    def parties(self, matter: str) -> list[str]:
        thing = self.things[matter]
        return [self.iri(one["party"], thing["article"]) for one in many(thing.get("participation"))]

    def linked(self, thing: str, *keys: str) -> set[str]:
        data = self.things[thing]
        return {self.iri(one, data["article"]) for key in keys for one in many(data.get(key))}

    def is_a(self, thing: str, kind: str) -> bool:
        return kind in many(self.things[thing]["type"])

    def cooperations(self) -> Iterator[tuple[dict[str, Any], str]]:
        """The cooperations that a claim says there are."""
        for claim in self.claims:
            for matter in self.asserted(claim):
                if self.is_a(matter, "Cooperation") and not claim.get("negated"):
                    yield claim, matter

    def shared(self, matter: str) -> str:
        return next(iter(self.linked(matter, "accountOf")), matter)

    def states(self, party: str) -> set[str]:
        if self.is_a(party, "State"):
            return {party}
        return set().union(*map(self.states, self.linked(party, "bodyOf")))

    def name(self, thing: str) -> str:
        return str(self.things[thing]["label"]["en"])


@pytest.fixture(scope="module")
def facts(folder: Path) -> Facts:
    facts = Facts()
    for path in (*folder.glob("entities/*.yaml"), *sorted(folder.glob("articles/*.yaml"))):
        facts.add(path)
    return facts


@pytest.fixture(scope="module")
def folder(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen workspace, with two invented articles that a careless count gets wrong."""
    folder = tmp_path_factory.mktemp("told") / "workspace"
    shutil.copytree(frozen, folder, ignore=shutil.ignore_patterns("out", ".cache", "history.tsv"))
    for name in ("h001.yaml", "h002.yaml"):
        shutil.copy(TOLD / name, folder / "articles")
    shutil.copy(TOLD / "matters.yaml", folder / "entities")
    links = folder / "links" / "wikidata.sssom.tsv"
    text, columns = links.read_text("utf-8"), IN_VAIN
    heading = next(line for line in text.splitlines() if line.startswith("subject_id")).split("\t")
    links.write_text(text + "\t".join(columns.get(one, "") for one in heading) + "\n", "utf-8")
    publish.publish(read(folder))
    return folder


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Local:
    workspace = read(folder)
    return sources.files({workspace.out / "dataset.nq": ""}, "out", workspace.prefixes, workspace.base)


def rows(dataset: Local, name: str, **said: str) -> list[tuple[str, ...]]:
    query = library.find(name, REPOSITORY / "queries")
    answer: Any = dataset.answer(query.bound({key: [value] for key, value in said.items()}, dataset.resolve))
    return [tuple("" if term is None else term.value for term in row) for row in answer]


def test_speakers_counts_every_claim_once_for_its_claimant(facts: Facts, dataset: Local) -> None:
    claims = Counter(facts.iri(claim["claimant"]) for claim in facts.claims)
    quoted = Counter(facts.iri(claim["claimant"]) for claim in facts.claims if claim.get("directQuote"))

    expected = {(facts.name(one), str(claims[one]), str(quoted[one])) for one in claims}
    assert set(rows(dataset, "speakers")) == expected
    assert sum(int(row[1]) for row in rows(dataset, "speakers")) == len(facts.claims)


def test_modalities_counts_every_claim_once_for_its_article(facts: Facts, dataset: Local) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for article, modality, claims in rows(dataset, "modalities"):
        counted[article, modality.replace(" ", "-")] += int(claims)

    assert counted == Counter((claim["article"], claim["modality"]) for claim in facts.claims)


def test_claims_has_every_claim_and_each_narrowing_those_that_it_names(facts: Facts, dataset: Local) -> None:
    def numbers(claims: list[dict[str, Any]]) -> list[tuple[str, str]]:
        return sorted((claim["article"], claim["id"][5:]) for claim in claims)

    def told(**said: str) -> list[tuple[str, str]]:
        return sorted(row[:2] for row in rows(dataset, "claims", **said))  # type: ignore[misc]

    assert told() == numbers(facts.claims)
    assert told(article="a002") == numbers([one for one in facts.claims if one["article"] == "a002"])
    assert told(speaker="numerama") == numbers([one for one in facts.claims if one["claimant"] == "numerama"])
    assert told(how="planned") == numbers([one for one in facts.claims if one["modality"] == "planned"])


@pytest.mark.parametrize("party", ["china", "india", "japan", "cnes", "france"])
def test_partners_counts_cooperations_that_are_said_to_be_and_shared_ones_once(
    party: str, facts: Facts, dataset: Local
) -> None:
    matters, claims = defaultdict(set), defaultdict(set)
    for claim, matter in facts.cooperations():
        parties = set(facts.parties(matter))
        for other in parties - {facts.iri(party)} if facts.iri(party) in parties else ():
            matters[other].add(facts.shared(matter))
            claims[other].add((claim["article"], claim["id"]))

    assert set(rows(dataset, "partners", party=party)) == {
        (facts.name(other), str(len(matters[other])), str(len(claims[other])), other) for other in matters
    }


def test_country_pairs_counts_agencies_for_their_states(facts: Facts, dataset: Local) -> None:
    pairs = defaultdict(set)
    for _, matter in facts.cooperations():
        if facts.things[matter].get("openList"):
            continue
        for one, other in itertools.permutations(facts.parties(matter), 2):
            for pair in itertools.product(facts.states(one), facts.states(other)):
                pairs[tuple(sorted(map(facts.name, pair)))].add(facts.shared(matter))

    expected = {(*pair, str(len(matters))) for pair, matters in pairs.items() if pair[0] != pair[1]}
    assert set(rows(dataset, "country-pairs")) == expected
    assert ("India", "Israel", "1") in expected
    assert not {"Japan"} & {name for row in expected if "China" in row for name in row}


def test_network_edges_counts_each_pair_of_parties_and_nodes_has_each_party(facts: Facts, dataset: Local) -> None:
    edges = defaultdict(set)
    for _, matter in facts.cooperations():
        for pair in itertools.combinations(sorted(set(facts.parties(matter))), 2):
            edges[pair].add(facts.shared(matter))
    parties = {party for _, matter in facts.cooperations() for party in facts.parties(matter)}

    assert sorted(rows(dataset, "network-edges")) == sorted(
        (*pair, "Undirected", str(len(matters))) for pair, matters in edges.items()
    )
    assert sorted(row[0] for row in rows(dataset, "network-nodes")) == sorted(parties)


def test_fields_counts_cooperations_and_claims(facts: Facts, dataset: Local) -> None:
    labels = {
        row["term"].value.rpartition("#")[2]: row["label"].value
        for row in dataset.answer(  # type: ignore[union-attr]
            "PREFIX skos: <http://www.w3.org/2004/02/skos/core#> SELECT * { ?term skos:prefLabel ?label . "
            "FILTER (LANG(?label) = 'en' && STRSTARTS(STR(?term), 'https://w3id.org/spacecoop/topic#')) }"
        )
    }
    matters, claims = defaultdict(set), defaultdict(set)
    for claim, matter in facts.cooperations():
        for topic in many(facts.things[matter].get("field")):
            matters[topic].add(facts.shared(matter))
            claims[topic].add((claim["article"], claim["id"]))

    assert set(rows(dataset, "fields")) == {
        (labels[topic], str(len(matters[topic])), str(len(claims[topic]))) for topic in matters
    }


def test_cooperation_has_a_row_for_each_claim_and_matter_that_is_not_denied(facts: Facts, dataset: Local) -> None:
    def expected(country: str = "", since: str = "") -> list[tuple[str, str, str]]:
        return sorted(
            (claim["article"], claim["id"][5:], facts.name(matter))
            for claim, matter in facts.cooperations()
            if (not country or facts.iri(country) in facts.parties(matter)) and when(claim["article"]) >= since
        )

    def when(article: str) -> str:
        data = facts.articles[article]
        return str(data.get("published") or data.get("issued") or "")

    def told(**said: str) -> list[tuple[str, ...]]:
        return sorted((*row[4:6], row[0]) for row in rows(dataset, "cooperation", **said))

    assert told() == expected()
    assert told(country="japan") == expected("japan")
    assert told(country="france", **{"from": "2020"}) == expected("france", "2020")


def test_joint_work_is_of_two_alone(facts: Facts, dataset: Local) -> None:
    def expected(*pair: str) -> list[tuple[str, str]]:
        both = {facts.iri(name) for name in pair}
        return sorted(
            (claim["article"], claim["id"][5:])
            for claim, matter in facts.cooperations()
            if set(facts.parties(matter)) == both and not facts.things[matter].get("openList")
        )

    for pair in (("france", "china"), ("india", "israel"), ("india", "japan"), ("japan", "china")):
        told = rows(dataset, "joint-work", one=pair[0], other=pair[1])
        assert sorted(row[:2] for row in told) == expected(*pair)


def test_roles_counts_every_participation_once(facts: Facts, dataset: Local) -> None:
    counted: Counter[tuple[str, str]] = Counter()
    for _, role, times, thing in rows(dataset, "roles"):
        counted[thing, role.replace(" ", "-")] += int(times)

    assert counted == Counter(
        (facts.iri(one["party"], thing["article"]), one["role"])
        for thing in facts.things.values()
        for one in many(thing.get("participation"))
    )


def test_coverage_counts_claims_sentences_and_matters_of_each_article(facts: Facts, dataset: Local) -> None:
    expected = set()
    for name, article in facts.articles.items():
        claims = article["claims"]
        sentences = {place["sentence"] for claim in claims for place in claim["evidence"]}
        matters = {matter for claim in claims for matter in many(claim.get("asserts"))}
        sizes = (len(claims), len(sentences), len(matters), article["text"]["codePoints"])
        expected.add((name, *map(str, sizes)))

    assert set(rows(dataset, "coverage")) == expected


def test_undertakings_has_each_once_with_what_concerns_it(facts: Facts, dataset: Local) -> None:
    concerned: Counter[str] = Counter()
    for thing in facts.things:
        concerned.update(facts.linked(thing, "concerns", "aboard"))
    told = rows(dataset, "undertakings")

    assert {(row[0], row[3], row[4]) for row in told} == {
        (facts.name(thing), str(concerned[thing]), thing) for thing in facts.things if facts.is_a(thing, "Undertaking")
    }
    assert len({row[4] for row in told}) == len(told)


def test_planned_and_done_tells_each_undertaking_what_is_said_of_it(facts: Facts, dataset: Local) -> None:
    expected = set()
    for claim in facts.claims:
        for matter in facts.asserted(claim):
            for thing in {matter} | facts.linked(matter, "concerns", "aboard"):
                if facts.is_a(thing, "Undertaking") and not claim.get("negated"):
                    expected.add((facts.name(thing), facts.name(matter), claim["article"], claim["id"][5:]))

    assert {(row[0], row[2], row[4], row[5]) for row in rows(dataset, "planned-and-done")} == expected


@pytest.mark.parametrize("thing", ["cnes", "japan", "change-6", "chinese-lunar-programme"])
def test_about_has_the_claims_whose_matters_involve_a_thing(thing: str, facts: Facts, dataset: Local) -> None:
    iri = facts.iri(thing)
    expected = {
        (claim["article"], claim["id"][5:])
        for claim in facts.claims
        for matter in facts.asserted(claim)
        if iri in facts.linked(matter, "concerns", "aboard", "partOf") or iri in facts.parties(matter)
    }

    told = rows(dataset, "about", thing=thing)
    assert {row[:2] for row in told} == expected
    assert len(told) == len(expected)


def test_agreements_are_those_whose_signing_is_done_dated_or_not(facts: Facts, dataset: Local) -> None:
    signed = {}
    for claim in facts.claims:
        for matter in facts.asserted(claim):
            if facts.things[matter].get("kind") == "signing" and claim["modality"] == "done":
                for agreement in facts.linked(matter, "concerns"):
                    day = (facts.things[matter].get("time") or {}).get("resolved", "")
                    signed[agreement] = str(day)

    told = rows(dataset, "agreements")
    assert {row[:3] for row in told} == {
        (facts.name(one), day, ", ".join(sorted(map(facts.name, facts.parties(one))))) for one, day in signed.items()
    }
    assert {(row[0], row[2]) for row in rows(dataset, "agreement-parties")} == {
        (facts.name(one), facts.name(party)) for one in signed for party in facts.parties(one)
    }
    assert "Agreement of Japan and Italy" in {row[0] for row in told}


def test_principles_and_quotations_have_every_claim_that_is_one(facts: Facts, dataset: Local) -> None:
    principles = [(claim["article"], claim["id"][5:]) for claim in facts.claims for _ in many(claim.get("principles"))]
    quotations = [(claim["article"], claim["id"][5:]) for claim in facts.claims if claim.get("directQuote")]

    assert sorted(row[2:4] for row in rows(dataset, "principles")) == sorted(principles)
    assert sorted(row[1:3] for row in rows(dataset, "quotations")) == sorted(quotations)


def test_unnamed_has_each_group_and_each_open_list(facts: Facts, dataset: Local) -> None:
    expected = {
        (thing, "a group" if facts.is_a(thing, "PartyGroup") else "an open list")
        for thing, data in facts.things.items()
        if facts.is_a(thing, "PartyGroup") or data.get("openList")
    }

    assert {(row[3], row[2]) for row in rows(dataset, "unnamed")} == expected


def test_evidence_has_every_passage_of_every_claim(facts: Facts, dataset: Local) -> None:
    expected = [
        (facts.articles[claim["article"]]["url"], claim["id"][5:], *map(str, place["at"].values()), place["sha256"])
        for claim in facts.claims
        for place in claim["evidence"]
    ]

    told = [(row[0], row[1], *row[3:6]) for row in rows(dataset, "evidence")]
    assert sorted(told) == sorted(expected)


def test_names_has_each_name_that_a_party_is_given(facts: Facts, dataset: Local) -> None:
    expected = [
        (facts.name(facts.iri(one["party"], data["article"])), name, facts.name(matter))
        for matter, data in facts.things.items()
        for one in many(data.get("participation"))
        for name in (one.get("namedAs") or {}).values()
    ]

    assert sorted(rows(dataset, "names")) == sorted(expected)


def test_articles_has_each_article(facts: Facts, dataset: Local) -> None:
    assert [(row[0], row[4], row[5]) for row in rows(dataset, "articles")] == [
        (name, data["url"], data["text"]["sha256"]) for name, data in sorted(facts.articles.items())
    ]


def test_mission_dates_and_timeline_have_what_has_a_time(facts: Facts, dataset: Local) -> None:
    timed = {matter: data["time"] for matter, data in facts.things.items() if "resolved" in data.get("time", {})}
    of_mission = [
        (claim["article"], claim["id"][5:], str(facts.things[matter]["time"]["stated"]))
        for claim in facts.claims
        for matter in facts.asserted(claim)
        if facts.iri("change-6") in facts.linked(matter, "concerns")
        and "stated" in facts.things[matter].get("time", {})
    ]

    assert {row[2] for row in rows(dataset, "timeline")} == set(map(facts.name, timed))
    assert sorted(row[:3] for row in rows(dataset, "mission-dates", undertaking="change-6")) == sorted(of_mission)


def test_changes_puts_no_month_before_a_day_of_it(facts: Facts, dataset: Local) -> None:
    def when(article: str) -> str:
        data = facts.articles[article]
        return str(data.get("published") or data.get("issued"))

    expected = set()
    for (one, first), (two, second) in itertools.permutations(facts.cooperations(), 2):
        parties = set(facts.parties(first))
        day, later = when(one["article"]), when(two["article"])
        alike = len(parties) == 2 and parties == set(facts.parties(second)) and one["modality"] != two["modality"]
        if alike and day < later and not later.startswith(day):
            expected.add((one["article"], one["id"][5:], two["article"], two["id"][5:]))

    told = rows(dataset, "changes")
    assert {(row[2], row[5]) for row in told} == {(row[1], row[3]) for row in expected}
    assert ("H-02", "I-01") in {(row[2], row[5]) for row in told}


def test_gaps_has_no_shared_matter_that_an_article_tells_of(facts: Facts, dataset: Local) -> None:
    linked = {row[1] for row in rows(dataset, "links")}
    parties = {
        one for one in facts.things if any(facts.is_a(one, kind) for kind in ("Organisation", "State", "Person"))
    }
    told = rows(dataset, "gaps")

    assert {thing for lack, thing in told if lack == "no link to Wikidata"} == parties - linked - {f"{BASE}id/numerama"}
    assert {thing for lack, thing in told if lack == "no item found in Wikidata"} == {f"{BASE}id/numerama"}
    assert not [thing for lack, thing in told if lack == "asserted by no claim"]


@pytest.mark.parametrize("name", sorted(path.stem for path in (REPOSITORY / "queries").glob("*.rq")))
def test_no_row_doubles_and_one_language_has_as_many_as_another(name: str, dataset: Local) -> None:
    query = library.find(name, REPOSITORY / "queries")
    spoken = any(parameter.name == "lang" for parameter in query.parameters)
    if not isinstance(dataset.answer(query.bound({}, dataset.resolve)), pyoxigraph.QuerySolutions):
        assert not spoken  # a graph has all languages, and no statement twice
        return
    english, french = (rows(dataset, name, **({"lang": lang} if spoken else {})) for lang in ("en", "fr"))

    assert len(english) == len(set(english)) == len(french) == len(set(french))
