"""The dataset is described once; DCAT, VoID and schema.org say the same, and the numbers are those of the dumps."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import NamedNode, Store, parse

from conftest import REPOSITORY
from spacecoop import output, publish, workspace
from spacecoop.harvest.counting import Counting, Scope
from spacecoop.syntaxes import BY_ENDING, NQUADS, TURTLE

OUT = REPOSITORY / "out"
PREFIXES = """
PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX spdx: <http://spdx.org/rdf/terms#> PREFIX void: <http://rdfs.org/ns/void#>
"""


def loaded(path: Path) -> Store:
    store = Store()
    store.extend(parse(path=str(path), format=BY_ENDING[path.suffix].format))
    return store


def ask(store: Store, query: str) -> list[tuple[str, ...]]:
    rows: Any = store.query(PREFIXES + query, use_default_graph_as_union=True)
    return sorted(tuple("" if term is None else term.value for term in row) for row in rows)


@pytest.fixture(scope="module")
def dump() -> Store:
    return loaded(OUT / "dataset.ttl")


@pytest.fixture(scope="module")
def void() -> Store:
    return loaded(OUT / "void.ttl")


@pytest.fixture(scope="module")
def dcat() -> Store:
    return loaded(OUT / "catalog.ttl")


def own(void: Store, term: str) -> str:
    [(number,)] = ask(void, f"SELECT ?n {{ ?x void:uriSpace 'https://w3id.org/spacecoop/' ; void:{term} ?n }}")
    return number


@pytest.mark.parametrize(
    ("term", "recount"),
    [
        ("triples", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"),
        ("distinctSubjects", "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o }"),
        ("distinctObjects", "SELECT (COUNT(DISTINCT ?o) AS ?n) { ?s ?p ?o }"),
        ("properties", "SELECT (COUNT(DISTINCT ?p) AS ?n) { ?s ?p ?o }"),
        ("classes", "SELECT (COUNT(DISTINCT ?c) AS ?n) { ?s a ?c }"),
        (
            "entities",
            "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s ?p ?o FILTER STRSTARTS(STR(?s), 'https://w3id.org/spacecoop/') }",
        ),
    ],
)
def test_a_number_of_void_is_what_a_recount_of_the_dump_gives(
    dump: Store, void: Store, term: str, recount: str
) -> None:
    assert [(own(void, term),)] == ask(dump, recount)


def test_the_partitions_are_what_a_recount_of_the_dump_gives(dump: Store, void: Store) -> None:
    classes = ask(void, "SELECT ?c ?n { ?d void:classPartition ?p . ?p void:class ?c ; void:entities ?n }")
    properties = ask(void, "SELECT ?q ?n { ?d void:propertyPartition ?p . ?p void:property ?q ; void:triples ?n }")

    assert classes == ask(dump, "SELECT ?c (COUNT(?s) AS ?n) { ?s a ?c } GROUP BY ?c")
    assert properties == ask(dump, "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p")


NO_REMARK = """MINUS { ?s a <http://www.w3.org/2002/07/owl#Axiom> } MINUS { ?s a <http://rdfs.org/ns/void#Linkset> }
  MINUS { ?s a <https://w3id.org/sssom/MappingSet> }"""


def test_a_rejected_mapping_is_counted_as_no_link(dump: Store, void: Store) -> None:
    rejected = ask(dump, "SELECT (COUNT(?m) AS ?n) { ?m <https://w3id.org/sssom/predicate_modifier> ?not }")
    counted = {predicate for predicate, _ in ask(void, "SELECT ?p ?n { ?l void:linkPredicate ?p ; void:triples ?n }")}

    assert int(rejected[0][0]) > 5
    assert not {one for one in counted if "arget" in one or "object_source" in one}


def test_a_linkset_has_two_targets_and_counts_the_links_to_wikidata(dump: Store, void: Store) -> None:
    links = ask(void, "SELECT ?p ?n { ?l a void:Linkset ; void:linkPredicate ?p ; void:triples ?n }")
    targets = ask(void, "SELECT ?l (COUNT(?t) AS ?n) { ?l a void:Linkset ; void:target ?t } GROUP BY ?l")

    entities = "'http://www.wikidata.org/entity/'"
    to_wikidata = f"FILTER (STRSTARTS(STR(?o), {entities}) && !STRSTARTS(STR(?s), {entities})) {NO_REMARK}"
    assert links == ask(dump, f"SELECT ?p (COUNT(*) AS ?n) {{ ?s ?p ?o {to_wikidata} }} GROUP BY ?p")
    assert links
    assert {count for _, count in targets} == {"2"}


def test_each_distribution_tells_the_size_and_digest_of_the_file_that_it_names(dcat: Store) -> None:
    rows = ask(
        dcat,
        """SELECT ?url ?size ?sha ?type { ?d a dcat:Distribution ; dcat:downloadURL ?url ; dcat:byteSize ?size ;
           dcat:mediaType ?type ; spdx:checksum/spdx:checksumValue ?sha }""",
    )

    assert {url.rpartition("/")[2] for url, *_ in rows} == {path.name for path in OUT.glob("dataset.*")}
    for url, size, sha, _ in rows:
        data = (OUT / url.rpartition("/")[2]).read_bytes()
        assert (int(size), sha) == (len(data), hashlib.sha256(data).hexdigest())


def test_the_three_descriptions_agree(dcat: Store, void: Store) -> None:
    said = json.loads((OUT / "schema-org.jsonld").read_text("utf-8"))
    query = """SELECT ?title ?licence ?version ?modified {
               ?x a dcat:Dataset ; dcterms:title ?title ; dcterms:license ?licence ;
               dcat:version ?version ; dcterms:modified ?modified FILTER (LANG(?title) = "en") }"""

    assert (
        ask(dcat, query) == ask(void, query) == [(said["name"], said["license"], said["version"], said["dateModified"])]
    )
    assert {one["sha256"] for one in said["distribution"]} == {
        sha for (sha,) in ask(dcat, "SELECT ?sha { ?c spdx:checksumValue ?sha }")
    }


def test_the_time_is_what_the_claims_say_and_no_blank_node_is_published(dump: Store, dcat: Store) -> None:
    bounds = ask(
        dcat, "SELECT ?s ?e { ?d a dcat:Dataset ; dcterms:temporal ?t . ?t dcat:startDate ?s ; dcat:endDate ?e }"
    )
    days = "PREFIX spc: <https://w3id.org/spacecoop/ns#> SELECT ?day { ?x spc:%s ?day }"

    assert bounds == [(min(ask(dump, days % "earliest"))[0], max(ask(dump, days % "latest"))[0])]
    for path in OUT.rglob("*.ttl"):
        assert not [
            quad for quad in parse(path=str(path), format=TURTLE.format) if not isinstance(quad.subject, NamedNode)
        ]


def test_what_is_not_known_is_said_nowhere(birds: Path) -> None:
    publish.publish(workspace.read(birds))

    described = (birds / "out" / "catalog.ttl").read_text("utf-8") + (birds / "out" / "index.html").read_text("utf-8")
    for word in (
        "contactPoint",
        "temporal",
        "spatial",
        "DataService",
        "sparqlEndpoint",
        "previousVersion",
        "foaf:name",
    ):
        assert word not in described
    assert "creator" not in json.loads((birds / "out" / "schema-org.jsonld").read_text("utf-8"))


def test_a_configured_endpoint_contact_and_version_are_published(birds: Path) -> None:
    settings = birds / "spacecoop.toml"
    added = """
[catalog]
version = "2.0"
previous = "https://example.org/birds/catalog#dataset-1"
endpoint = "https://example.org/sparql"
contact = {name = "The bird setup", email = "birds@example.org"}
"""
    settings.write_text(settings.read_text("utf-8") + added, "utf-8")

    publish.publish(workspace.read(birds))

    store = loaded(birds / "out" / "catalog.ttl")
    assert ask(store, "SELECT ?e { ?s a dcat:DataService ; dcat:endpointURL ?e ; dcat:servesDataset ?d }") == [
        ("https://example.org/sparql",)
    ]
    assert ask(store, "SELECT ?v ?p { ?d dcat:version ?v ; dcat:previousVersion ?p }") == [
        ("2.0", "https://example.org/birds/catalog#dataset-1")
    ]
    assert "mailto:birds@example.org" in (birds / "out" / "catalog.ttl").read_text("utf-8")


def test_a_setting_that_is_no_iri_is_refused_by_name(birds: Path) -> None:
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + '\n[catalog]\nendpoint = "not an iri"\n', "utf-8")

    with pytest.raises(workspace.WorkspaceError, match=r"toml:\d+:1: .*catalog\.endpoint is 'not an iri'"):
        publish.publish(workspace.read(birds))


def test_source_date_epoch_is_the_date_of_the_build(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    publish.publish(workspace.read(birds))

    assert '"2023-11-14T22:13:20Z"^^xsd:dateTime' in (birds / "out" / "catalog.ttl").read_text("utf-8")


def test_each_dump_is_there_compressed_too_and_holds_the_same() -> None:
    for path in OUT.glob("dataset.*.gz"):
        assert gzip.decompress(path.read_bytes()) == path.with_suffix("").read_bytes()
    assert len(list(OUT.glob("dataset.*.gz"))) == 5


def test_a_file_that_another_zlib_compressed_is_kept_as_long_as_it_holds_the_same(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    path = next(path for path in sorted((birds / "out").glob("*.gz")) if not path.name.startswith("dataset."))
    plain = path.with_suffix("")
    other = gzip.compress(plain.read_bytes(), compresslevel=1, mtime=0)
    path.write_bytes(other)

    publish.publish(workspace.read(birds))

    assert path.read_bytes() == other
    path.write_bytes(other[:-9])
    publish.publish(workspace.read(birds))
    assert gzip.decompress(path.read_bytes()) == plain.read_bytes()


def test_checksums_prove_every_file(birds: Path) -> None:
    publish.publish(workspace.read(birds))

    done = subprocess.run(["sha256sum", "--check", "--quiet", "checksums.sha256"], cwd=birds / "out", check=False)
    listed = {line[66:] for line in (birds / "out" / "checksums.sha256").read_text("utf-8").splitlines()}

    assert done.returncode == 0
    files = {path.relative_to(birds / "out").as_posix() for path in (birds / "out").rglob("*") if path.is_file()}
    assert listed == files - {"checksums.sha256", "manifest.json"}


def test_every_iri_of_ours_has_a_document_under_its_path(dump: Store) -> None:
    subjects = ask(dump, "SELECT DISTINCT ?s { ?s ?p ?o FILTER STRSTARTS(STR(?s), 'https://w3id.org/spacecoop/') }")
    paths = {subject.partition("#")[0].removeprefix("https://w3id.org/spacecoop/") for (subject,) in subjects}

    assert len(paths) > 30
    assert [path for path in sorted(paths) if not (OUT / f"{path}.ttl").is_file()] == []
    assert [path for path in sorted(paths) if not (OUT / f"{path}.jsonld").is_file()] == []


def test_a_document_is_the_same_in_each_syntax_and_names_its_dataset() -> None:
    for path in [*OUT.glob("id/*.ttl"), *OUT.glob("ns.ttl"), *OUT.glob("alignment/*.ttl")]:
        triples = {str(quad.triple) for quad in parse(path=str(path), format=TURTLE.format)}
        for ending in (".jsonld", ".rdf"):
            twin = path.with_suffix(ending)
            if twin.exists():
                assert {str(quad.triple) for quad in parse(path=str(twin), format=BY_ENDING[ending].format)} == triples
        assert "void:inDataset <https://w3id.org/spacecoop/catalog#dataset>" in path.read_text("utf-8")


def test_the_sitemap_dates_a_page_by_its_own_source_or_not_at_all() -> None:
    text = (OUT / "sitemap.xml").read_text("utf-8")
    dated = dict(re.findall(r"<loc>([^<]+)</loc>\s*<lastmod>([^<]+)</lastmod>", text))
    base = "https://w3id.org/spacecoop/"

    assert f"<loc>{base}id/china</loc>" in text
    assert f"{base}id/china" not in dated  # nothing says when it changed
    created = re.search(r'dcterms:created "([^"]+)"', (OUT / "article" / "a001.ttl").read_text("utf-8"))
    assert created is not None
    assert dated[f"{base}article/a001"] == created.group(1)
    assert f"Sitemap: {base}sitemap.xml" in (OUT / "robots.txt").read_text("utf-8")
    assert (OUT / ".well-known" / "void").read_bytes() == (OUT / "void.ttl").read_bytes()


def test_the_sitemap_says_where_each_page_is_in_each_language() -> None:
    def links(name: str, place: str) -> dict[str, str]:
        found = re.search(rf"<loc>{re.escape(place)}</loc>(.*?)</url>", (OUT / name).read_text("utf-8"), re.DOTALL)
        assert found is not None
        return dict(re.findall(r'<xhtml:link rel="alternate" hreflang="([^"]+)" href="([^"]+)" />', found[1]))

    base = "https://w3id.org/spacecoop/"
    for path, html in (("id/china", "id/china"), ("article/a001", "article/a001"), ("", "index")):
        assert links("sitemap.xml", base + path) == {
            "en": f"{base}{html}.html",
            "fr": f"{base}{html}.fr.html",
            "zh": f"{base}{html}.zh.html",
            "x-default": base + path,
        }
    assert links("sitemap.xml", f"{base}catalog") == {}
    assert links("sitemap-pages.xml", f"{base}things.fr.html")["zh"] == f"{base}things.zh.html"
    for name in ("sitemap.xml", "sitemap-pages.xml"):
        assert f"Sitemap: {base}{name}\n" in (OUT / "robots.txt").read_text("utf-8")
        for there in re.findall(rf'href="{base}([^"]+\.html)"', (OUT / name).read_text("utf-8")):
            assert (OUT / there).is_file()


def test_the_page_for_people_holds_what_search_engines_read() -> None:
    page = (OUT / "index.html").read_text("utf-8")
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)

    assert found is not None
    assert json.loads(found.group(1)) == json.loads((OUT / "schema-org.jsonld").read_text("utf-8"))
    assert [heading in page for heading in ("<main", 'lang="fr"', "<h1>")] == [True, True, True]


class Reader(HTMLParser):
    """Collects the links of a page, and sees that each element that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name == "href" and value]
        self.open += [tag] if tag not in ("meta", "link", "input") else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("dated", [True, False])
def test_every_link_of_the_page_leads_to_a_file_or_to_the_web(birds: Path, dated: bool) -> None:
    settings = birds / "spacecoop.toml"
    contact = '\n[catalog]\ncontact = {name = "Birds & <b>", email = "birds@example.org"}\n'
    settings.write_text(settings.read_text("utf-8") + contact, "utf-8")
    if not dated:
        (birds / "articles" / "storks.ttl").unlink()
        context = birds / "ontology" / "context.jsonld"
        context.write_text(context.read_text("utf-8").replace("dcterms:created", "dcterms:available"), "utf-8")
    publish.publish(workspace.read(birds))
    reader = Reader()
    reader.feed((birds / "out" / "data.html").read_text("utf-8"))

    assert reader.open == []
    assert "mailto:birds@example.org" in reader.links
    files = {link for link in reader.links if ":" not in link and not link.startswith("#")}
    assert {"dataset.ttl", "void.ttl", "checksums.sha256"} <= files
    assert [link for link in files if not (birds / "out" / link).is_file()] == []
    assert ("feed.trig" in files) == dated


def test_text_of_the_settings_cannot_end_the_script_or_become_markup(birds: Path) -> None:
    settings = birds / "spacecoop.toml"
    title = "Birds </script><b>in</b> the papers"
    settings.write_text(settings.read_text("utf-8").replace("Birds in the papers", title), "utf-8")
    publish.publish(workspace.read(birds))

    page = (birds / "out" / "index.html").read_text("utf-8")
    assert page.count("</script>") == 1
    assert "<b>" not in page


def test_a_triple_that_two_articles_say_is_counted_once() -> None:
    counting = Counting(Scope("https://w3id.org/spacecoop/"))
    counting.add_common(f"{quad.triple} ." for quad in output.read(OUT / "article" / "a001.nq"))
    once = counting.counts()
    counting.add_common(f"{quad.triple} ." for quad in output.read(OUT / "article" / "a001.nq"))

    assert counting.counts() == once
    assert once.triples == (OUT / "article" / "a001.nq").read_bytes().count(b"\n")


def test_dumps_say_the_same_in_every_syntax() -> None:
    quads = {str(quad) for quad in output.read(OUT / "dataset.nq")}

    assert {str(quad) for quad in parse(path=str(OUT / "dataset.trig"), format=BY_ENDING[".trig"].format)} == quads
    triples = {str(quad.triple) for quad in parse(path=str(OUT / "dataset.nq"), format=NQUADS.format)}
    assert {str(quad.triple) for quad in parse(path=str(OUT / "dataset.nt"), format=BY_ENDING[".nt"].format)} == triples
