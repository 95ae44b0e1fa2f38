from __future__ import annotations

from pyoxigraph import Literal, NamedNode

from spacecoop.links import agreement, candidates
from spacecoop.links.agreement import Entity
from spacecoop.links.candidates import Rules
from spacecoop.links.wikidata import ALIAS, COUNTRY, INSTANCE_OF, LABEL, Item

WD = "http://www.wikidata.org/entity/"
KIND = "https://example.org/satellite"
COSPAR = "http://www.wikidata.org/prop/direct/P247"
OURS = Entity(
    "https://example.org/svom",
    (Literal("SVOM", language="en"), Literal("SVOM", language="fr")),
    (Literal("Space Variable Objects Monitor", language="en"),),
    (KIND,),
    {COSPAR: frozenset({"2024-116A"})},
)
RULES = Rules(
    {KIND: [f"{WD}Q26540"]},
    [f"{WD}Q4167410"],
    {"wdt": "http://www.wikidata.org/prop/direct/"},
    {OURS.iri: {f"{WD}Q148"}},
)


def item(name: str, *facts: tuple[str, Literal | NamedNode], classes: frozenset[str] | None = frozenset()) -> Item:
    return Item(WD + name, facts, classes)


LABELLED = (LABEL, Literal("SVOM", language="fr"))
GOOD = item(
    "Q1",
    LABELLED,
    (COSPAR, Literal("2024-116A")),
    (COUNTRY, NamedNode(f"{WD}Q148")),
    classes=frozenset({f"{WD}Q26540"}),
)


def score(*items: Item) -> list[tuple[str, float]]:
    found = candidates.weigh(OURS, items, RULES, (), {})
    return [(one.item.iri.removeprefix(WD), one.score) for one in found]


def test_a_score_is_the_sum_of_what_is_said_for_and_against() -> None:
    one = candidates.weigh(OURS, [GOOD], RULES, (), {})[0]

    assert sum(argument.weight for argument in one.arguments) > 1
    assert one.score == candidates.HIGHEST
    assert one.explain() == (
        '+0.50 same label "SVOM"@fr; +0.25 is of an expected class (no class); +0.30 same wdt:P247; '
        "+0.10 our claims connect it with its country, Q148"
    )


def test_each_argument_against_lowers_the_score() -> None:
    plain = item("Q2", LABELLED, classes=None)
    alias = item("Q3", (ALIAS, Literal("SVOM", language="fr")), classes=None)
    other_class = item("Q4", LABELLED)
    other_id = item("Q5", LABELLED, (COSPAR, Literal("1999-001A")), classes=None)
    other_country = item("Q6", LABELLED, (COUNTRY, NamedNode(f"{WD}Q183")), classes=None)

    scores = {name: value for one in (plain, alias, other_class, other_id, other_country) for name, value in score(one)}

    assert scores == {"Q2": 0.5, "Q3": 0.35, "Q4": 0.2, "Q5": 0.1, "Q6": 0.4}


def test_the_best_comes_first_and_a_shared_name_counts_against_all() -> None:
    assert score(item("Q7", LABELLED, classes=None), GOOD) == [("Q1", 0.99), ("Q7", 0.45)]


def test_pages_merged_items_missing_ones_and_rejected_ones_are_no_candidates() -> None:
    page = item("Q8", LABELLED, (INSTANCE_OF, NamedNode(f"{WD}Q4167410")))
    merged = item("Q9", ("http://www.w3.org/2002/07/owl#sameAs", NamedNode(f"{WD}Q1")))
    missing = Item(f"{WD}Q10")

    assert score(page, merged, missing) == []
    assert candidates.weigh(OURS, [GOOD], RULES, {(OURS.iri, GOOD.iri)}, {}) == []


def test_names_agree_without_hyphens_and_apostrophes_but_not_across_languages() -> None:
    ours = Entity("https://example.org/m", (Literal("Chang’e-6", language="fr"),), (), (), {})

    assert agreement.same_names(ours, item("Q1", (LABEL, Literal("Chang'e 6", language="fr"))))
    assert agreement.same_names(ours, item("Q1", (LABEL, Literal("Chang'e 6", language="mul"))))
    assert not agreement.same_names(ours, item("Q1", (LABEL, Literal("Chang'e 6", language="en"))))
    assert not agreement.same_names(ours, item("Q1", (LABEL, Literal("Chang'e 5", language="fr"))))


def test_what_a_reconciliation_service_says_is_told_with_the_candidate() -> None:
    one = candidates.weigh(OURS, [GOOD], RULES, (), {GOOD.iri: "the service scores it 87"})[0]

    assert one.explain().endswith("; the service scores it 87")


def test_every_kind_of_an_entity_must_fit() -> None:
    both = Entity(OURS.iri, OURS.labels, (), (KIND, "https://example.org/gift"), {})
    expected = {KIND: [f"{WD}Q26540"], "https://example.org/gift": [f"{WD}Q184296"]}

    assert agreement.fits(both, item("Q1", classes=frozenset({f"{WD}Q26540"})), expected) is False
    assert agreement.fits(both, item("Q1", classes=frozenset({f"{WD}Q26540", f"{WD}Q184296"})), expected) is True
    assert agreement.fits(both, item("Q1", classes=None), expected) is None
