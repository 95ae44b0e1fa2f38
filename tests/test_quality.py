"""The ontology and the data are checked as such: one query a rule, each shown to be able to fail."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import rdflib.namespace
import yaml
from pyoxigraph import NamedNode, QuerySolutions, RdfFormat, Store, parse
from rdflib.namespace import DefinedNamespace

from conftest import REPOSITORY, Run
from spacecoop import quality
from spacecoop.findings import Severity
from spacecoop.workspace import read

RULES = sorted((REPOSITORY / "queries" / "quality").glob("*.rq"))
ONTOLOGY = [
    *sorted((REPOSITORY / "ontology").glob("*.ttl")),
    *sorted((REPOSITORY / "ontology/alignments").glob("*.ttl")),
]


def front_matter(path: Path) -> dict[str, dict[str, str] | str]:
    lines = path.read_text("utf-8").splitlines()
    return dict(yaml.safe_load("\n".join(line[3:] for line in lines if line.startswith("#+ "))))


OF_THE_DATA = {path.stem for path in RULES if front_matter(path).get("examines") == "data"}
INFO = {path.stem for path in RULES if front_matter(path).get("severity") == "info"}
"""What is only told, since a term may be meant for articles to come."""


def prefixes(path: Path) -> str:
    return "".join(f"{line}\n" for line in path.read_text("utf-8").splitlines() if line.startswith("PREFIX"))


def offenders(store: Store, path: Path) -> list[str]:
    rows = store.query(path.read_text("utf-8"), use_default_graph_as_union=True)
    assert isinstance(rows, QuerySolutions)
    return [" ".join(str(term) for term in (row["offender"], row["value"]) if term is not None) for row in rows]


@pytest.fixture(scope="module")
def ontology() -> Store:
    store = Store()
    for path in ONTOLOGY:
        store.load(path.read_bytes(), format=RdfFormat.TURTLE)
    return store


@pytest.fixture(scope="module")
def dataset() -> Store:
    store = Store()
    store.load((REPOSITORY / "out" / "dataset.nq").read_bytes(), format=RdfFormat.N_QUADS)
    return store


@pytest.fixture
def examined(request: pytest.FixtureRequest, rule: Path) -> Store:
    store = request.getfixturevalue("dataset" if rule.stem in OF_THE_DATA else "ontology")
    assert isinstance(store, Store)
    return store


each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda path: path.stem)


@each_rule
def test_a_rule_says_the_problem_the_reason_and_the_fix_in_both_languages(rule: Path) -> None:
    said = front_matter(rule)

    for key in ("summary", "description", "fix"):
        assert set(said[key]) == {"en", "fr"}


@each_rule
def test_a_rule_has_something_to_look_at(rule: Path, examined: Store) -> None:
    population = front_matter(rule)["population"]

    assert examined.query(f"{prefixes(rule)}ASK {{ {population} }}", use_default_graph_as_union=True)


@each_rule
def test_nothing_of_ours_offends(rule: Path, examined: Store) -> None:
    found = offenders(examined, rule)

    if rule.stem not in INFO:
        assert found == []


@each_rule
def test_a_broken_graph_offends(rule: Path) -> None:
    store = Store()
    store.load((REPOSITORY / "tests" / "quality" / f"{rule.stem}.ttl").read_bytes(), format=RdfFormat.TURTLE)

    assert offenders(store, rule) != []


def test_every_broken_graph_has_its_rule() -> None:
    assert {path.stem for path in (REPOSITORY / "tests" / "quality").glob("*.ttl")} == {path.stem for path in RULES}


CLOSED: dict[str, type[DefinedNamespace]] = {
    str(one._NS): one  # the namespace's IRI, which rdflib keeps there
    for one in vars(rdflib.namespace).values()
    if isinstance(one, type(DefinedNamespace)) and one is not DefinedNamespace and hasattr(one, "_NS")
}


def foreign(iri: str) -> tuple[str, str] | None:
    found = re.fullmatch(r"(.*[#/])([^#/]+)", iri)
    start, name = found.groups() if found else ("", "")
    # the copies know schema.org by https, the data by http
    start = start.replace("http://schema.org/", "https://schema.org/")
    return (start, name) if start in CLOSED else None


def test_every_term_of_another_vocabulary_exists() -> None:
    used = set()
    for path in [*ONTOLOGY, *sorted((REPOSITORY / "shapes").glob("*.ttl"))]:
        for quad in parse(path.read_bytes(), format=RdfFormat.TURTLE):
            used |= {term.value for term in (quad.subject, quad.predicate, quad.object) if isinstance(term, NamedNode)}
    for quad in parse((REPOSITORY / "out" / "dataset.nq").read_bytes(), format=RdfFormat.N_QUADS):
        used.add(quad.predicate.value)
    known = {iri: pair for iri in used if (pair := foreign(iri))}

    assert len(known) > 60
    assert [iri for iri, (start, name) in sorted(known.items()) if not exists(start, name)] == []


NEWER = {("https://schema.org/", "TextObject"), ("http://www.w3.org/ns/dcat#", "version")}
"""Terms that are younger than rdflib's copies: of schema.org's own file, and of DCAT 3."""


def exists(start: str, name: str) -> bool:
    return (start, name) in NEWER or name in CLOSED[start] or name in getattr(CLOSED[start], "_extras", [])


def test_a_term_that_does_not_exist_is_noticed() -> None:
    pair = foreign("http://www.w3.org/2004/02/skos/core#prefLable")

    assert pair is not None
    assert not exists(*pair)


def test_the_vocabulary_of_a_new_workspace_has_nothing_to_repair(small: Path) -> None:
    assert {found.severity for found in quality.check(read(small))} <= {Severity.INFO}


BROKEN = """
spc:lonelyTerm a owl:DatatypeProperty ; rdfs:isDefinedBy <https://w3id.org/spacecoop/ns> ;
    rdfs:label "lonely term"@en ; skos:definition "A property that nobody has."@en .
"""


def test_what_breaks_a_rule_is_told_at_its_place_in_the_reader_s_language(small: Path, run: Run) -> None:
    file = small / "ontology" / "spacecoop.ttl"
    text = file.read_text("utf-8")
    file.write_text(text + BROKEN, "utf-8")
    line = len(text.splitlines()) + 2

    english = run("-C", small, "validate", "--vocabulary", "--severity", "warning")
    french = run("-C", small, "--lang", "fr", "validate", "--vocabulary")

    assert english.returncode == 1
    assert f"ontology/spacecoop.ttl:{line}:1: warning: spc:lonelyTerm: A term has no label in a language (fr)" in (
        english.stdout
    )
    assert "Add rdfs:label in English and in French, once each." in english.stdout
    assert french.returncode == 0  # nothing that forbids publication
    assert "avertissement: spc:lonelyTerm: Un terme n'a pas de nom dans une langue (fr)" in french.stdout
    assert "Ajoutez rdfs:label en anglais et en français, une fois chacun." in french.stdout


def test_a_class_that_the_data_use_and_nobody_defines_is_told_where_it_is_used(small: Path) -> None:
    (small / "entities" / "odd.ttl").write_text(
        "<https://w3id.org/spacecoop/id/odd> a <https://w3id.org/spacecoop/ns#Agancy> .\n", "utf-8"
    )

    found = [one for one in quality.check(read(small)) if one.rule == "undefined-class"]

    assert [str(one.place) for one in found] == ["entities/odd.ttl:1:1"]
    assert found[0].message["en"].startswith("spc:Agancy: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT ?offender {", 1),
        ("#+ summary: [\nSELECT ?offender {}", 1),
        ("#+ severity: grave\nSELECT ?offender {}", 1),
        ("SELECT ?other {}", 1),
        ("SELECT ?offender { SERVICE <http://example.org/> { ?offender ?p ?o } }", 1),
    ],
)
def test_a_rule_that_cannot_be_asked_is_told_and_the_others_are(text: str, line: int, small: Path) -> None:
    (small / "queries" / "quality" / "odd.rq").write_text(text, "utf-8")
    (small / "ontology" / "spacecoop.ttl").open("a", encoding="utf-8").write(BROKEN)

    found = quality.check(read(small))

    assert [(one.place.file, one.place.line) for one in found if one.rule == "quality-rule"] == [
        ("queries/quality/odd.rq", line)
    ]
    assert "label" in {one.rule for one in found}


def test_a_workspace_without_rules_says_so_and_no_file_goes_with_the_vocabulary(birds: Path, run: Run) -> None:
    done = run("-C", birds, "validate", "--vocabulary")
    wrong = run("-C", birds, "validate", "--vocabulary", "articles/cranes.yaml")

    assert "[no-quality]" in done.stdout
    assert (done.returncode, wrong.returncode) == (0, 2)
