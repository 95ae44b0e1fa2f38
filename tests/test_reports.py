"""Every form of a report says all that was found, in the form that its readers expect."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
from rdflib import RDF, SH, Graph, URIRef

from conftest import REPOSITORY, Run
from spacecoop import reports
from spacecoop.findings import Finding, Place, Severity, as_data, from_data
from spacecoop.reports import FORMATS, Report

SCHEMAS = REPOSITORY / ".cache" / "schemas"
FOUND = [
    Finding(
        Place("articles/a, b: c.yaml", 2, 4),
        Severity.VIOLATION,
        "Claim-claimant",
        {"en": '100% of <it> & "that"\nis wrong', "fr": "tout est « faux »"},
        {"en": "mend it", "fr": "réparez"},
        {
            "focus": "https://example.org/a#A-01",
            "path": "https://example.org/claimant",
            "value": "https://example.org/moon",
            "component": str(SH.NodeConstraintComponent),
            "shape": "https://example.org/shapes#Claim-claimant",
        },
        ({"en": "not so of moon: It is a party. [IsParty: Or]", "fr": "ce n'est pas le cas de moon : une partie."},),
    ),
    Finding(Place("articles/b.yaml", 1, 1), Severity.WARNING, "unknown-key", {"en": "no key", "fr": "aucune clé"}),
    Finding(Place("articles/b.yaml", 3, 2), Severity.INFO, "note", {"en": "for your information"}),
]


def report(
    language: str = "en", findings: list[Finding] = FOUND, root: Path = Path("nowhere"), more: int = 0
) -> Report:
    return Report(findings, language, root, more)


def test_a_finding_comes_back_from_json_as_it_was() -> None:
    for found in FOUND:
        assert from_data(json.loads(json.dumps(as_data(found)))) == found


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_same_findings_give_the_same_bytes_and_none_are_no_error(form: str, language: str) -> None:
    write = FORMATS[form]

    assert write(report(language)) == write(report(language))
    assert write(report(language)).endswith("\n")
    write(report(language, []))


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("json", "jsonl", "turtle")])
def test_each_form_speaks_the_language_asked_for(form: str) -> None:
    assert "no key" in FORMATS[form](report("en"))
    assert "aucune clé" in FORMATS[form](report("fr"))
    assert "no key" not in FORMATS[form](report("fr"))


@pytest.mark.parametrize("form", FORMATS)
def test_each_form_tells_the_cause_inside(form: str) -> None:
    assert "It is a party. [IsParty" in FORMATS[form](report())


def test_text_shows_the_line_a_caret_what_was_found_why_and_what_helps(tmp_path: Path) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a, b: c.yaml").write_text("one\n时 : [moon, x]\n", "utf-8")

    lines = reports.text(report(root=tmp_path)).splitlines()

    assert lines[2:7] == [
        "     2 | 时 : [moon, x]",
        "       |     ^^^^^^",
        "       = found: https://example.org/moon",
        "       = because: not so of moon: It is a party. [IsParty: Or]",
        "       = help: mend it",
    ]


def test_the_summary_counts_by_severity_and_rule_and_says_what_was_left_out() -> None:
    assert reports.summary(report(more=2)) == (
        "1 violation, 1 warning, 1 info (Claim-claimant 1, unknown-key 1, note 1); 2 more not shown"
    )
    assert reports.summary(report("fr", [])) == "rien à signaler"


def test_json_has_every_finding_with_its_place_and_cause() -> None:
    rows = json.loads(reports.as_json(report()))

    assert [(row["file"], row["line"], row["column"], row["severity"]) for row in rows] == [
        (found.place.file, found.place.line, found.place.column, found.severity.name.lower()) for found in FOUND
    ]
    assert rows[0]["because"][0]["en"].startswith("not so of moon")


def test_json_lines_have_a_finding_a_line() -> None:
    assert [json.loads(line) for line in reports.as_json_lines(report()).splitlines()] == json.loads(
        reports.as_json(report())
    )
    assert reports.as_json_lines(report(findings=[])) == ""


def test_of_a_long_line_only_what_stands_around_the_fault_is_shown(tmp_path: Path) -> None:
    line = '{"a": "' + "x" * 5_000 + '", "wrong": 1, "b": "' + "y" * 5_000 + '"}'
    (tmp_path / "many.jsonl").write_text("\n".join(["{}\u2028"] * 100 + [line, ""]), "utf-8")
    (tmp_path / "rows.parquet").write_text("PAR1 line\n")
    message = {"en": "unknown"}
    found = [
        Finding(Place("many.jsonl", 101, line.index('"wrong"') + 1), Severity.VIOLATION, "x", message),
        Finding(Place("rows.parquet", 1, 1), Severity.VIOLATION, "x", message),
    ]

    said = reports.text(Report(found, "en", tmp_path)).splitlines()

    assert said[1].startswith("   101 | …xxx") and said[1].endswith("yyy…") and len(said[1]) < 260
    column = said[2].index("^")
    assert said[1][column : column + 7] == '"wrong"' and said[2].strip(" |") == "^^^^^^^"
    assert said[3:] == ["rows.parquet:1:1: violation: unknown [x]", "2 violations (x 2)"]


def test_sarif_has_a_result_a_finding_with_the_level_and_the_place() -> None:
    run = json.loads(reports.sarif(report()))["runs"][0]

    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "articles/a,%20b:%20c.yaml"},
        "region": {"startLine": 2, "startColumn": 4},
    }
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


@pytest.mark.extended
@pytest.mark.parametrize("findings", [FOUND, []], ids=["some", "none"])
def test_sarif_keeps_its_schema(findings: list[Finding]) -> None:
    path = SCHEMAS / "sarif-2.1.0.json"
    if not path.is_file():
        pytest.skip("the SARIF schema is not in .cache/schemas; `.ci/extended` fetches it")

    schema = json.loads(path.read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    assert not validator(schema).is_valid({"version": "2.1.0"})
    validator(schema).validate(json.loads(reports.sarif(report(findings=findings))))


def test_github_annotations_are_one_escaped_line_each() -> None:
    lines = reports.github(report()).splitlines()

    assert lines[0].startswith(
        '::error file=articles/a%2C b%3A c.yaml,line=2,col=4,title=Claim-claimant::100%25 of <it> & "that"%0Ais wrong'
    )
    assert [line.split()[0] for line in lines] == ["::error", "::warning", "::notice"]


def test_junit_is_well_formed_and_fails_only_the_files_with_violations() -> None:
    suite = ET.fromstring(reports.junit(report()))  # noqa: S314  (it is ours)
    cases = {case.get("name"): case for case in suite}

    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    failure = cases["articles/a, b: c.yaml"].find("failure")
    assert failure is not None
    assert "because: not so of moon" in (failure.text or "")
    assert cases["articles/b.yaml"].find("failure") is None
    assert "unknown-key" in (cases["articles/b.yaml"].findtext("system-out") or "")


@pytest.mark.parametrize("findings", [FOUND, FOUND[1:], []], ids=["violation", "warnings", "none"])
def test_turtle_is_a_validation_report_as_shacl_has_it(findings: list[Finding]) -> None:
    graph = Graph().parse(data=reports.turtle(report(findings=findings)), format="turtle")

    (root,) = graph.subjects(RDF.type, SH.ValidationReport)
    results = list(graph.objects(root, SH.result))
    conforms = graph.value(root, SH.conforms)
    # conforms as ours has it: warnings do not forbid publication
    assert (str(conforms) == "true") == all(found.severity is not Severity.VIOLATION for found in findings)
    assert len(results) == len(findings)
    for node in [*results, *graph.objects(None, SH.detail)]:
        assert (node, RDF.type, SH.ValidationResult) in graph
        for key in (SH.focusNode, SH.resultSeverity, SH.sourceConstraintComponent):
            assert len(list(graph.objects(node, key))) == 1
        assert isinstance(graph.value(node, SH.sourceConstraintComponent), URIRef)
        languages = [getattr(text, "language", None) for text in graph.objects(node, SH.resultMessage)]
        assert languages
        assert len(set(languages)) == len(languages)


def broken(small: Path) -> Path:
    article = small / "articles" / "example.yaml"
    source = article.read_text("utf-8").replace(", fr: Lancement d'ExampleSat", "")
    article.write_text(source, "utf-8")
    return small


@pytest.mark.parametrize(("severity", "code"), [("violation", 0), ("warning", 1), ("info", 1)])
def test_the_severity_asked_for_decides_what_fails(severity: str, code: int, small: Path, run: Run) -> None:
    done = run("-C", broken(small), "validate", "--severity", severity)

    assert "[Label-fr]" in done.stdout
    assert done.returncode == code


def test_at_most_so_many_findings_are_shown_and_all_of_them_count(small: Path, run: Run) -> None:
    done = run("-C", broken(small), "validate", "--severity", "warning", "--max", "0")

    assert done.stdout == "no findings\n" or "1 more not shown" in done.stdout
    assert done.returncode == 1


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_can_be_asked_for(form: str, small: Path, run: Run) -> None:
    done = run("-C", broken(small), "validate", "--format", form)

    assert "Label-fr" in done.stdout
    assert done.stderr == ""


def test_of_a_long_line_what_is_around_the_place_is_shown(tmp_path: Path) -> None:
    (tmp_path / "one.ttl").write_text(
        f"# \u2028 a sign that ends no line here\n{'x' * 5000} wrong {'y' * 5000}\n", "utf-8"
    )
    found = Finding(Place("one.ttl", 2, 5002), Severity.VIOLATION, "rule", {"en": "no"})
    _, source, caret, _ = reports.text(Report([found], "en", tmp_path)).splitlines()
    assert len(source) < 260
    assert source[caret.index("^") :].startswith("wrong y")
    assert caret.count("^") <= 260
