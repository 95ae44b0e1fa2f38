"""Accounts of one shared matter are compared by the workspace's rules, group by group."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pyoxigraph import NamedNode, Quad, RdfFormat, parse

from conftest import REPOSITORY
from spacecoop.cache import Cache
from spacecoop.stories import accounts
from spacecoop.stories.accounts import CompareError

RULES = {path.name: path.read_text("utf-8") for path in (REPOSITORY / "queries" / "compare").glob("*.rq")}
NS = "https://w3id.org/spacecoop/ns#"
GRAPH = "https://w3id.org/spacecoop/graph/comparisons"


def groups(*turtles: str) -> dict[str, bytes]:
    """Group the accounts of several articles, each in Turtle."""
    prefixes = f"""@prefix spc: <{NS}> . @prefix : <https://w3id.org/spacecoop/article/x#> .
        @prefix id: <https://w3id.org/spacecoop/id/> . @prefix schema: <http://schema.org/> .
        @prefix dcterms: <http://purl.org/dc/terms/> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
        @prefix modality: <https://w3id.org/spacecoop/modality#> . @prefix kind: <https://w3id.org/spacecoop/kind#> ."""
    articles = [list(parse(f"{prefixes}{turtle}".encode(), format=RdfFormat.TURTLE)) for turtle in turtles]
    return accounts.group(one for quads in articles for one in accounts.find(quads, f"{NS}accountOf"))


def outcomes(quads: list[Quad]) -> list[str]:
    """Return the aspect and the outcome of each comparison."""
    said = {(str(quad.subject), quad.predicate.value): str(quad.object) for quad in quads}
    return sorted(
        f"{said[subject, f'{NS}aspect'].rpartition('#')[2][:-1]} {outcome.rpartition('#')[2][:-1]}"
        for (subject, predicate), outcome in said.items()
        if predicate == f"{NS}outcome"
    )


def when(name: str, first: str, last: str, how: str = "done") -> str:
    return f""":{name} spc:accountOf id:launch ; spc:time :{name}-t . :c-{name} spc:asserts :{name} ;
        spc:modality modality:{how} . :{name}-t spc:earliest "{first}"^^xsd:date ; spc:latest "{last}"^^xsd:date ."""


def told(name: str, how: str, more: str = "", party: str = "p") -> str:
    """Tell of a matter in an article of its own, as this firmly."""
    article = f"<https://w3id.org/spacecoop/article/{name[0]}#"
    return f"""{article}{name}> spc:accountOf id:s ; spc:participant id:{party} .
        {article}c-{name}> spc:asserts {article}{name}> ; spc:modality modality:{how} {more} ."""


def ended(name: str, kind: str = "suspension", how: str = "done", more: str = "") -> str:
    """Tell in an article that what its account describes has ended."""
    article = f"<https://w3id.org/spacecoop/article/{name[0]}#"
    return f"""{article}end-{name}> spc:affects {article}{name}> ; spc:kind kind:{kind} .
        {article}e-{name}> spc:asserts {article}end-{name}> ; spc:modality modality:{how} {more} ."""


NO = "; spc:negated true"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (told("a", "planned"), told("b", "planned"), ["modality agrees", "parties agrees"]),
        (told("a", "wished"), told("b", "expected"), ["modality agrees", "parties agrees"]),
        (told("a", "done"), told("b", "under-way"), ["modality agrees", "parties agrees"]),
        (told("a", "planned"), told("b", "done"), ["modality moved", "parties agrees"]),
        (told("a", "done"), told("b", "done", NO), ["modality differs", "parties differs"]),
        (told("a", "done", NO), told("b", "done", NO), ["modality agrees", "parties agrees"]),
        (told("a", "planned", NO), told("b", "planned"), ["modality differs", "parties differs"]),
        (told("a", "planned"), told("b", "done", NO), ["parties differs"]),  # it was planned, and was not done
        (told("a", "assessed"), told("b", "done"), ["parties agrees"]),  # a judgement is neither
        (told("a", "under-way"), told("b", "done") + ended("b"), ["modality moved", "parties agrees"]),
        (told("a", "planned"), told("b", "planned") + ended("b", "cancellation"), ["modality moved", "parties agrees"]),
        (
            told("a", "done") + ended("a"),
            told("b", "done") + ended("b", "ending"),
            ["modality agrees", "parties agrees"],
        ),
        (told("a", "done"), told("b", "done") + ended("b", how="planned"), ["modality agrees", "parties agrees"]),
        (told("a", "done"), told("b", "done") + ended("b", more=NO), ["modality agrees", "parties agrees"]),
        (told("a", "done"), told("b", "done") + ended("b", "extension"), ["modality agrees", "parties agrees"]),
        # b tells of it, and says that one party did not take part: it does not deny the matter
        (
            told("a", "done", party="q"),
            told("b", "done", party="p") + told("bb", "done", NO, party="q"),
            ["modality agrees", "parties differs"],
        ),
    ],
)
def test_two_accounts_are_compared_by_how_firmly_they_tell(
    one: str, other: str, expected: list[str], tmp_path: Path
) -> None:
    made = accounts.compare(groups(one, other), RULES, GRAPH, Cache(tmp_path / "kept"))

    assert outcomes(made) == expected


@pytest.mark.parametrize("aspect", [" ; spc:time :t", " ; schema:location id:here", " ; spc:quantity :q"])
def test_what_is_denied_is_not_compared_with_what_is_told(aspect: str, tmp_path: Path) -> None:
    detail = """:t spc:earliest "2021-01-01"^^xsd:date ; spc:latest "2021-01-01"^^xsd:date .
        :q dcterms:type kind:mass ; schema:value 9.5 ; schema:unitCode "kg" . """
    one, other = (f"{detail} :{name} spc:accountOf id:s {aspect} ." for name in "ab")
    claim = ":c spc:asserts :a ; spc:modality modality:done . :d spc:asserts :b ; spc:modality modality:done"

    kept = Cache(tmp_path / "kept")
    assert len(outcomes(accounts.compare(groups(f"{one} {other} {claim} ."), RULES, GRAPH, kept))) == 1
    assert outcomes(accounts.compare(groups(f"{one} {other} {claim} {NO} ."), RULES, GRAPH, kept)) == []


def weight(name: str, value: float) -> str:
    return f""":{name} spc:accountOf id:s ; spc:quantity :{name}-q .
        :{name}-q dcterms:type kind:mass ; schema:value {value} ; schema:unitCode "kg" ."""


A = when("a", "2021-01-01", "2021-12-31")
MARCH = when("b", "2021-03-01", "2021-03-31")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (A, when("b", "2021-01-01", "2021-12-31"), ["time agrees"]),
        (A, MARCH, ["time refines"]),
        (A, when("b", "2024-06-22", "2024-06-22"), ["time differs"]),
        (when("a", "2021-01-01", "2021-12-31", "planned"), when("b", "2024-06-22", "2024-06-22"), ["time moved"]),
        (A, when("b", "2021-07-01", "2022-06-30"), []),  # they overlap: neither the same nor apart
        (
            ":a spc:accountOf id:s ; spc:participant id:p , id:q .",
            ":b spc:accountOf id:s ; spc:participant id:p .",
            ["parties refines"],
        ),
        (
            ":a spc:accountOf id:s ; spc:participant id:p .",
            ":b spc:accountOf id:s ; spc:participant id:q .",
            [],  # an agency may stand for its state
        ),
        (
            weight("a", 9.5),
            weight("b", 8.5),
            ["quantity differs"],
        ),
        (
            ":a spc:accountOf id:s ; schema:location id:here .",
            ":b spc:accountOf id:s ; schema:location id:here .",
            ["place agrees"],
        ),
    ],
)
def test_two_accounts_are_compared(one: str, other: str, expected: list[str], tmp_path: Path) -> None:
    made = accounts.compare(groups(one, other), RULES, GRAPH, Cache(tmp_path / "kept"))

    assert outcomes(made) == expected
    assert all(quad.graph_name == NamedNode(GRAPH) for quad in made)


def test_an_account_that_is_alone_is_compared_with_nothing() -> None:
    assert groups(A) == {}


def test_the_order_of_articles_changes_nothing(tmp_path: Path) -> None:
    made = [
        accounts.compare(groups(*order), RULES, GRAPH, Cache(tmp_path / str(number)))
        for number, order in enumerate([(A, MARCH), (MARCH, A)])
    ]

    assert made[0] == made[1] != []


def test_a_group_that_is_as_it_was_is_not_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, really = Cache(tmp_path / "kept"), accounts._make
    asked: list[bytes] = []

    def make(new: Mapping[str, bytes], rules: Mapping[str, str]) -> dict[str, bytes]:
        asked.extend(new.values())
        return really(new, rules)

    monkeypatch.setattr(accounts, "_make", make)
    other = ":c spc:accountOf id:s ; schema:location id:here .", ":d spc:accountOf id:s ; schema:location id:here ."

    first = accounts.compare(groups(A, MARCH, *other), RULES, GRAPH, kept)
    again = accounts.compare(groups(A, MARCH, *other), RULES, GRAPH, kept)
    assert (again, len(asked)) == (first, 2)

    accounts.compare(groups(A, MARCH.replace("-31", "-30"), *other), RULES, GRAPH, kept)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("CONSTRUCT { ?s ?p [] } WHERE { ?s ?p ?o }", "blank node"),
        ("SELECT * { ?s ?p ?o }", "not a CONSTRUCT"),
        ("CONSTRUCT {", "expected"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named_with_the_reason(rule: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(CompareError) as error:
        accounts.compare(groups(A, MARCH), {"bad.rq": rule}, GRAPH, Cache(tmp_path / "kept"))

    assert error.value.args[0] == "bad.rq"
    assert says in error.value.args[1]
