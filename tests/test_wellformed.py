"""A shape that cannot be used is told at its place, in both languages, and never ends in a fault of the program."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import REPOSITORY
from spacecoop import cli, shapes, wellformed

HEAD = """@prefix ex: <https://example.org/birds/shapes#> .
@prefix bird: <https://example.org/birds/vocabulary#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix sh: <http://www.w3.org/ns/shacl#> .
ex:S a sh:NodeShape ; sh:targetSubjectsOf bird:reportedIn ;
"""
WRONG = {
    'sh:property [ sh:path bird:weather ; sh:pattern "[a-" ]': "6:38: sh:pattern cannot be used: unterminated",
    'sh:property [ sh:path bird:count ; sh:pattern "a" ; sh:flags "zz" ]': "6:36: sh:pattern cannot be used: the flags",
    "sh:property [ sh:path bird:count ; sh:pattern 3 ]": "6:36: sh:pattern '3' is not as SHACL has it (Datatype)",
    'sh:sparql [ sh:select "SELECT $this WHERE { $this " ]': "6:13: sh:select cannot be used: error at 1:28",
    'sh:sparql [ sh:select "SELECT $this { $this ?p no:x }" ]': "6:13: sh:select cannot be used: error at",
    'sh:sparql [ sh:select "SELECT $this { SERVICE <http://a/> { $this ?p ?o } }" ]': "6:13: sh:select cannot be used",
    'sh:sparql [ sh:select "SELECT ?x { ?x ?p ?o }" ]': "6:13: sh:select cannot be used: it does not name $this",
    "sh:sparql [ sh:select 3 ]": "6:13: sh:select cannot be used: it is no text",
    "sh:sparql ex:nothing": "6:1: sh:sparql cannot be used: it has no sh:select",
    'sh:property [ sh:path "x" ; sh:minCount 1 ]': "6:15: sh:path 'x' is not as SHACL has it",
    "sh:property [ sh:minCount 1 ]": "1:1: sh:path is not as SHACL has it (MinCount)",
    "sh:property [ sh:path bird:count ; sh:minCount 1e300 ]": "6:36: sh:minCount '1e300' is not as SHACL has it",
    "sh:property [ sh:path bird:count ; sh:minCount -1 ]": "6:36: sh:minCount cannot be used: it is less than 0",
    "sh:property [ sh:path bird:count ; sh:in 3 ]": "6:36: sh:in '3' is not as SHACL has it",
    "sh:in _:l . _:l rdf:first 1 ; rdf:rest _:l": "6:1: sh:in is not as SHACL has it",
    "sh:or ex:nothing": "6:1: sh:or nothing is not as SHACL has it",
    "sh:nodeKind sh:Literals": "6:1: sh:nodeKind Literals is not as SHACL has it",
}
PREFIXED = """sh:sparql [ sh:prefixes ex:p ; sh:select "SELECT $this WHERE { $this q:x $PATH }" ] .
ex:p sh:declare [ sh:prefix "q" ; sh:namespace "https://example.org/q#" ]"""


@pytest.mark.parametrize("shape", WRONG)
def test_what_is_no_shape_is_told_where_it_stands(shape: str) -> None:
    found = wellformed.check([("shapes/a.ttl", f"{HEAD}{shape} .\n")])

    grave = [one for one in found if one.rule in wellformed.GRAVE]
    told = f"{grave[0].place}: {grave[0].message['en']}"
    assert told.startswith(f"shapes/a.ttl:{WRONG[shape]}")
    assert grave[0].message["fr"] != grave[0].message["en"]


@pytest.mark.parametrize("shape", WRONG)
def test_it_is_told_by_a_command_and_nothing_is_judged(
    birds: Path, shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (birds / "shapes" / "a.ttl").write_text(f"{HEAD}{shape} .\n", "utf-8")

    assert cli.main(["-C", str(birds), "validate"]) == cli.REPAIR

    told = capsys.readouterr()
    assert "shapes/a.ttl" in told.out
    assert "articles/" not in told.out
    assert "fault of the program" not in told.err


@pytest.mark.parametrize("shape", [PREFIXED, r'sh:pattern "^\\p{L}+$"', "sh:property [ sh:path ( bird:a bird:b ) ]"])
def test_what_is_a_shape_is_not_refused(shape: str) -> None:
    assert wellformed.check([("shapes/a.ttl", f"{HEAD}{shape} .\n")]) == []


def test_our_own_shapes_are_as_shacl_has_them() -> None:
    paths = sorted((REPOSITORY / "shapes").glob("*.ttl"))

    assert wellformed.check([(path.name, path.read_text("utf-8")) for path in paths]) == []


def test_shapes_at_which_the_reference_gives_up_are_a_finding(
    birds: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(*_: object) -> list[shapes.ValidationResult]:
        raise RuntimeError("too deep")

    monkeypatch.setattr(shapes, "_validate", give_up)

    assert cli.main(["-C", str(birds), "validate", "--engine", "pyshacl"]) == cli.REPAIR

    told = capsys.readouterr()
    assert "the shapes cannot be used: RuntimeError: too deep" in told.out
    assert "fault of the program" not in told.err
