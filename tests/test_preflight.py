"""What each aggregator would say: every rule can fail, and what only the web can tell is never passed."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from pyoxigraph import Store

from conftest import REPOSITORY, Run
from spacecoop import preflight, publish, workspace
from spacecoop.preflight import AGGREGATORS, CHECKS, Outcome, Verdict

RULES = [(name, rule["id"]) for name in AGGREGATORS for rule in preflight.rulebook(name)["rule"]]


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A copy of the repository's settings and of what it publishes."""
    shutil.copy(REPOSITORY / "spacecoop.toml", tmp_path)
    shutil.copytree(REPOSITORY / "out", tmp_path / "out")
    return tmp_path


def verdicts(folder: Path, *aggregators: str) -> dict[str, Verdict]:
    return {one.rule: one for one in preflight.judge(workspace.read(folder), aggregators or AGGREGATORS)}


def change(folder: Path, path: str, pattern: str, new: str) -> None:
    """Change what is published; the pattern must be there."""
    file = folder / "out" / path
    text, count = re.subn(pattern, new, file.read_text("utf-8"), flags=re.DOTALL)
    assert count, f"{pattern} is not in {path}"
    file.write_text(text, "utf-8")


def test_our_own_dataset_gets_what_is_known_of_it(ours: Path) -> None:
    found = {rule: one.outcome for rule, one in verdicts(ours).items()}

    failed = {rule for rule, outcome in found.items() if outcome is Outcome.FAIL}
    assert failed == {"lod-cloud-links", "lod-cloud-contact"}  # too few links yet, and no contact is settled
    assert found["dcat-ap-dataset-contact"] is Outcome.WARN
    assert found["lod-cloud-triples"] is Outcome.PASS


def test_what_only_the_web_can_tell_is_not_checked_here(ours: Path) -> None:
    networked = {rule["id"] for name in AGGREGATORS for rule in preflight.rulebook(name)["rule"] if rule.get("network")}
    found = verdicts(ours)

    assert len(networked) >= len(AGGREGATORS) - 1
    assert {found[rule].outcome for rule in networked} == {Outcome.UNCHECKED}


def test_official_rules_that_were_not_fetched_are_not_checked_here(ours: Path) -> None:
    found = verdicts(ours, "dcat-ap", "archivo", "ldes")

    shacl = {rule: one.outcome for rule, one in found.items() if rule.endswith("-shacl")}
    assert shacl == dict.fromkeys(("dcat-ap-shacl", "archivo-shacl", "ldes-shacl"), Outcome.UNCHECKED)
    assert "--update-rules" in found["dcat-ap-shacl"].fix["en"]


DEFECTS = [
    ("lod-cloud-triples", "void.ttl", r"void:triples \d{4}", "void:triples 999"),
    ("lod-cloud-http", "void.ttl", r'void:uriSpace "https://w3id', 'void:uriSpace "urn:w3id'),
    ("lod-cloud-whole", "void.ttl", r"void:dataDump", "void:noDump"),
    ("lod-cloud-example", "void.ttl", r"void:exampleResource", "void:noExample"),
    ("lod-cloud-title", "void.ttl", r'"@en', '"@de'),
    ("lod-cloud-licence", "void.ttl", r"creativecommons.org/licenses/by/", "creativecommons.org/licenses/by-nd/"),
    (
        "lov-namespace",
        "ns.ttl",
        r"vann:preferredNamespaceUri|<http://purl.org/vocab/vann/preferredNamespaceUri>",
        "rdfs:x",
    ),
    ("lov-prefix", "ns.ttl", r'"spc"', '"a prefix"'),
    ("lov-title", "ns.ttl", r"dcterms:title", "rdfs:x"),
    ("lov-description", "ns.ttl", r"dcterms:description|rdfs:comment", "rdfs:x"),
    ("lov-dates", "ns.ttl", r"dcterms:(issued|created)", "rdfs:x"),
    ("lov-creator", "ns.ttl", r"dcterms:creator <[^>]+>", 'dcterms:creator "somebody"'),
    ("lov-publisher", "ns.ttl", r"dcterms:publisher", "rdfs:x"),
    ("lov-version", "ns.ttl", r"owl:versionInfo", "rdfs:x"),
    ("lov-licence", "ns.ttl", r"dcterms:license", "rdfs:x"),
    ("lov-labels", "ns.ttl", r"rdfs:label", "rdfs:x"),
    ("google-dataset", "schema-org.jsonld", r'"Dataset"', '"Thing"'),
    ("google-name", "schema-org.jsonld", r'"name"', '"nom"'),
    ("google-description", "schema-org.jsonld", r'"description": "[^"]{40}[^"]*"', '"description": "short"'),
    ("google-content-url", "schema-org.jsonld", r'"contentUrl"', '"at"'),
    ("google-page", "sitemap.xml", r"<loc>https://w3id.org/spacecoop/</loc>", "<loc>https://example.org</loc>"),
    ("google-licence", "schema-org.jsonld", r'"license"', '"licence"'),
    ("dcat-ap-catalog-title", "catalog.ttl", r"dcterms:title", "rdfs:x"),
    ("dcat-ap-catalog-publisher", "catalog.ttl", r"dcterms:publisher", "rdfs:x"),
    ("dcat-ap-dataset-description", "catalog.ttl", r"dcterms:description", "rdfs:x"),
    ("dcat-ap-distribution-access", "catalog.ttl", r"dcat:accessURL", "rdfs:x"),
    ("dcat-ap-distribution-format", "catalog.ttl", r"dcterms:format", "rdfs:x"),
    ("dcat-ap-checksum-value", "catalog.ttl", r"spdx:checksumValue", "rdfs:x"),
    ("dcat-ap-agent-name", "catalog.ttl", r"foaf:name", "rdfs:x"),
    ("dcat-ap-concept-label", "catalog.ttl", r"skos:prefLabel", "rdfs:x"),
    ("dcat-ap-one-publisher", "catalog.ttl", r"dcterms:publisher ", "dcterms:publisher <https://example.org/>, "),
    ("dcat-ap-language-code", "catalog.ttl", r"dcterms:language <", "dcterms:language <https://example.org/fr>, <"),
    ("dcat-ap-media-type", "catalog.ttl", r"https://www.iana.org/assignments/media-types/", "https://example.org/"),
    ("data-europa-temporal", "catalog.ttl", r"dcterms:temporal", "rdfs:x"),
    ("data-europa-byte-size", "catalog.ttl", r"dcat:byteSize", "rdfs:x"),
    ("data-europa-vocabulary", "catalog.ttl", r"dcterms:format ", "dcterms:format <https://example.org/ttl>, "),
    ("data-europa-dates", "catalog.ttl", r'dcterms:issued "[^"]+"\^\^xsd:dateTime', 'dcterms:issued "23.11.2026"'),
    ("archivo-title", "kind.ttl", r"dcterms:title|rdfs:label|skos:prefLabel", "rdfs:x"),
    ("archivo-description", "kind.ttl", r"dcterms:(description|abstract)|skos:definition|rdfs:comment", "rdfs:x"),
    ("archivo-licence-1", "kind.ttl", r"dcterms:license", "rdfs:x"),
    ("archivo-licence-2", "kind.ttl", r"dcterms:license <[^>]+>", 'dcterms:license "CC BY"'),
    (
        "foops-FIND1",
        "ns.ttl",
        r"vann:preferredNamespacePrefix|<http://purl.org/vocab/vann/preferredNamespacePrefix>",
        "rdfs:x",
    ),
    ("foops-OM1-version-iri", "ns.ttl", r"owl:versionIRI", "rdfs:x"),
    ("foops-PURL1", "ns.ttl", r"https://w3id.org/", "https://example.org/"),
    ("foops-VER1", "ns.ttl", r"owl:versionIRI <[^>]+>", "owl:versionIRI <https://w3id.org/spacecoop/ns>"),
    ("foops-VOC3", "ns.ttl", r"rdfs:label", "rdfs:x"),
    ("foops-VOC4", "ns.ttl", r"skos:definition|rdfs:comment", "rdfs:x"),
    ("nanopub-form", "article/a001.nq", r"<[^>]+#pubinfo> \.\n$", "<https://example.org/other> .\n"),
    ("nanopub-literals", "article/a001.nq", r'"2026-11-23T00:00:00Z"', '"yesterday"'),
    ("nanopub-created", "article/a001.nq", r"terms/created>", "terms/date>"),
    ("ldes-stream", "feed.trig", r"ldes:EventStream", "ldes:Stream"),
    ("ldes-paths", "feed.trig", r"ldes:timestampPath", "rdfs:x"),
    ("ldes-version-path", "feed.trig", r"ldes:versionOfPath", "rdfs:x"),
    ("ldes-retention", "feed.trig", r"ldes:retentionPolicy", "rdfs:x"),
    ("ldes-relations", "feed.trig", r"tree:value", "rdfs:x"),
    ("ldes-members", "feed/1.trig", r'dcterms:issued "([^"]+)Z"', r'dcterms:issued "\1"'),
    ("ldes-dated", "feed/versions.tsv", r"\ta001\n", "\ta003\n"),
]


@pytest.mark.parametrize(("rule", "path", "pattern", "new"), DEFECTS, ids=[rule for rule, *_ in DEFECTS])
def test_a_defect_is_found_by_its_rule(ours: Path, rule: str, path: str, pattern: str, new: str) -> None:
    aggregator = next(name for name, one in RULES if one == rule)
    assert verdicts(ours, aggregator)[rule].outcome is Outcome.PASS or rule == "ldes-dated"
    change(ours, path, pattern, new)

    verdict = verdicts(ours, aggregator)[rule]
    assert verdict.outcome in (Outcome.FAIL, Outcome.WARN)
    assert verdict.found


def test_an_article_that_is_too_large_for_the_nanopublication_network_is_named(ours: Path) -> None:
    change(ours, "manifest.json", r'("path": "article/a001.trig",.*?"statements": )\d+', r"\g<1>1201")

    assert verdicts(ours, "nanopub")["nanopub-size"].found[0].startswith("article/a001.trig: 1201 triples")


def test_an_iri_without_a_document_is_named(ours: Path) -> None:
    change(ours, "manifest.json", r'"id/china\.', '"id/chine.')

    assert verdicts(ours, "lod-cloud")["lod-cloud-documents"].found == ("https://w3id.org/spacecoop/id/china",)


def test_many_things_that_are_wrong_are_not_all_told(ours: Path) -> None:
    change(ours, "ns.ttl", "rdfs:label", "rdfs:x")

    found = verdicts(ours, "lov")["lov-labels"].found
    assert len(found) == 6
    assert re.fullmatch(r"and \d+ more", found[-1])


def test_every_rule_says_what_it_wants_and_what_would_help_in_both_languages() -> None:
    for name in AGGREGATORS:
        book = preflight.rulebook(name)
        assert book["source"]
        for rule in book["rule"]:
            assert set(rule["says"]) == set(rule["fix"]) == {"en", "fr"}, rule["id"]
            assert sum(key in rule for key in ("needs", "select", "check", "network")) == 1, rule["id"]
            assert rule.get("check", "documents") in CHECKS
            assert rule["id"].startswith(name)
    assert len({rule for _, rule in RULES}) == len(RULES)


def test_every_question_of_a_rule_is_sparql() -> None:
    declared = "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in preflight.PREFIXES.items())
    for name in AGGREGATORS:
        for rule in preflight.rulebook(name)["rule"]:
            if "select" in rule:
                Store().query(declared + rule["select"])


def test_the_command_exits_with_1_where_a_rule_fails_and_0_where_none_does(ours: Path, run: Run) -> None:
    failing, fine = run("-C", ours, "preflight", "--for", "lod-cloud"), run("-C", ours, "preflight", "--for", "google")

    assert failing.returncode == 1
    assert "fail: at least 50 links" in failing.stdout
    assert fine.returncode == 0, fine.stdout
    assert "1 not checked here" in fine.stdout


def test_the_command_speaks_french_json_and_markdown(ours: Path, run: Run) -> None:
    rows = json.loads(run("-C", ours, "preflight", "--for", "nanopub", "--format", "json").stdout)
    table = run("-C", ours, "--lang", "fr", "preflight", "--for", "nanopub", "--format", "markdown").stdout

    assert {row["rule"]: row["outcome"] for row in rows}["nanopub-form"] == "pass"
    assert {row["rule"] for row in rows} == {rule for name, rule in RULES if name == "nanopub"}
    assert "| nanopub-size | pass | chacune a au plus 1 200 triplets" in table


def test_without_a_build_the_command_says_what_to_do(birds: Path, run: Run) -> None:
    done = run("-C", birds, "preflight")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("run `spacecoop build` first\n")
    assert "Traceback" not in done.stderr


def test_another_workspace_is_judged_by_the_same_rules(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    found = verdicts(birds)

    assert found["lod-cloud-triples"].outcome is Outcome.FAIL
    assert found["dcat-ap-dataset-description"].outcome is Outcome.FAIL
    assert found["google-description"].found == ("no description",)


# ------------------------------------------------------------------------------------------ the aggregators' own rules

SHAPE = """@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dcterms: <http://purl.org/dc/terms/> .
[] a sh:NodeShape ; sh:targetClass dcat:Dataset ; sh:property
  [ sh:path dcterms:title ; sh:minCount 1 ] , [ sh:path dcat:nothing ; sh:minCount 1 ] ,
  [ sh:path dcat:little ; sh:minCount 1 ; sh:severity sh:Warning ] .
"""


@pytest.fixture
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of official rules, all alike, as `--from` reads them."""
    folder = tmp_path_factory.mktemp("rules")
    for name, _, _ in preflight.official("dcat-ap"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SHAPE, "utf-8")
    return folder


def test_official_rules_decide_once_they_are_in_the_cache(ours: Path, shelf: Path) -> None:
    preflight.update(workspace.read(ours), ["dcat-ap"], shelf)

    found = {rule: one.outcome for rule, one in verdicts(ours, "dcat-ap").items() if "shacl" in rule}
    assert found == {
        "dcat-ap-shacl nothing MinCountConstraintComponent": Outcome.FAIL,
        "dcat-ap-shacl little MinCountConstraintComponent": Outcome.WARN,
    }


def test_rules_that_cannot_be_fetched_leave_the_cache_as_it_was(ours: Path, run: Run, tmp_path: Path) -> None:
    done = run("-C", ours, "preflight", "--for", "dcat-ap", "--update-rules", "--from", tmp_path / "nowhere")

    assert done.returncode == 1
    assert "the rules cannot be fetched" in done.stderr
    assert not (ours / ".cache").exists()


@pytest.fixture
def official(ours: Path) -> Path:
    """Our dataset, with the aggregators' own rules: from $SPACECOOP_RULES, a folder as `--from` reads it."""
    shelf = os.environ.get("SPACECOOP_RULES")
    if not shelf:
        pytest.skip("SPACECOOP_RULES does not name a folder with the aggregators' rules (owner/name/commit/path)")
    preflight.update(workspace.read(ours), ["dcat-ap", "archivo", "ldes"], Path(shelf))
    return ours


@pytest.mark.extended
def test_the_aggregators_own_shapes_find_no_violation(official: Path) -> None:
    found = verdicts(official, "dcat-ap", "archivo", "ldes")

    shacl = {rule: one for rule, one in found.items() if "-shacl" in rule}
    assert {rule for rule, one in shacl.items() if one.outcome is Outcome.FAIL} == set()
    assert shacl["archivo-shacl"].outcome is Outcome.PASS
    assert shacl["dcat-ap-shacl algorithm NodeConstraintComponent"].outcome is Outcome.WARN  # theirs, see the rulebook


@pytest.mark.extended
@pytest.mark.parametrize(
    ("aggregator", "path", "pattern", "new"),
    [
        ("dcat-ap", "catalog.ttl", r"dcat:accessURL", "rdfs:x"),
        ("dcat-ap", "catalog.ttl", r"foaf:name", "rdfs:x"),
        ("archivo", "kind.ttl", r"dcterms:license", "rdfs:x"),
        ("ldes", "feed.trig", r"tree:node <[^>]+>", 'tree:node "text"'),
    ],
)
def test_the_aggregators_own_shapes_find_a_defect(
    official: Path, aggregator: str, path: str, pattern: str, new: str
) -> None:
    change(official, path, pattern, new)

    found = verdicts(official, aggregator)
    assert any(one.outcome is Outcome.FAIL for rule, one in found.items() if "-shacl" in rule)
