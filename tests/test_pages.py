"""The pages that people read: whole, linked, in each language, and safe whatever the data say."""

from __future__ import annotations

import gzip
import html
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
import rdflib
from jinja2.exceptions import SecurityError

from conftest import REPOSITORY
from spacecoop import publish, workspace
from spacecoop.pages import answers, articles, questions, rendering, sandboxed, whole
from spacecoop.sandbox import Limits

Run = Callable[..., subprocess.CompletedProcess[str]]


class Reader(HTMLParser):
    """Collects what a page links to, the ids that it has, and whatever would run."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.running: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.ids += [said["id"] or ""] if "id" in said else []
        self.links += [said[name] or "" for name in ("href", "src") if name in said]
        inline = tag == "script" and said.get("type") != "application/ld+json" and "src" not in said
        if inline or tag == "style" or "style" in said or any(name.startswith("on") for name in said):
            self.running.append(tag)


def pages(out: Path) -> dict[str, Reader]:
    found = {}
    for path in sorted(set(out.rglob("*.html")) - set(out.glob("ask*.html"))):  # whose scripts have a test of their own
        found[path.relative_to(out).as_posix()] = reader = Reader()
        reader.feed(path.read_text("utf-8"))
    return found


def dead(out: Path) -> Iterator[str]:
    """Yield every link within the site that leads to no file, or to no element of one."""
    found = pages(out)
    for page, reader in found.items():
        for link in reader.links:
            if re.match(r"[a-z]+:", link):
                continue
            path, _, fragment = urljoin(f"http://site/{page}", link).removeprefix("http://site/").partition("#")
            there = unquote(path).partition("?")[0]
            if not (out / there).is_file() or (fragment and unquote(fragment) not in found[there].ids):
                yield f"{page}: {link}"


@pytest.fixture
def built(birds: Path) -> Path:
    publish.publish(workspace.read(birds))
    return birds / "out"


def add_crane(birds: Path, label: str) -> None:
    (birds / "entities" / "more.ttl").write_text(
        f"<https://example.org/birds/id/odd> a <https://example.org/birds/vocabulary#Species> ;\n"
        f" <http://www.w3.org/2000/01/rdf-schema#label> {json.dumps(label, ensure_ascii=False)}@en ;\n"
        " <http://schema.org/url> <javascript:alert(1)> .\n",
        "utf-8",
    )


def test_no_link_is_dead_and_no_id_is_there_twice(frozen: Path) -> None:
    found = pages(frozen / "out")

    assert len(found) > 100
    assert list(dead(frozen / "out")) == []
    assert [page for page, reader in found.items() if len(set(reader.ids)) != len(reader.ids)] == []


def test_a_second_workspace_has_its_site_without_any_template(built: Path) -> None:
    found = pages(built)

    assert {"index.html", "article/cranes.html", "id/crane.html", "query/flocks.html", "things.html"} <= set(found)
    assert list(dead(built)) == []
    assert "https://example.org/birds/id/crane" in (built / "id" / "crane.html").read_text("utf-8")


def test_the_data_page_and_the_docs_have_one_line_for_each_client(frozen: Path) -> None:
    page = html.unescape((frozen / "out" / "data.html").read_text("utf-8"))
    docs = (REPOSITORY / "docs" / "publishing.md").read_text("utf-8")

    for line in ('/dataset.ttl "SELECT * { ?s ?p ?o } LIMIT 5"', "default_union=True", "--union-default-graph"):
        assert line in page
        assert line in docs
    found = {}
    for union in (True, False):
        dataset = rdflib.Dataset(default_union=union)
        dataset.parse(frozen / "out" / "dataset.nq", format="nquads")
        found[union] = len(list(dataset.query("SELECT * { ?s ?p ?o } LIMIT 5")))
    assert found == {True: 5, False: 0}


def test_nothing_runs_in_a_page_and_nobody_else_is_asked(frozen: Path) -> None:
    for page, reader in pages(frozen / "out").items():
        text = (frozen / "out" / page).read_text("utf-8")
        assert reader.running == [], page
        assert "default-src 'none'" in text
        assert not re.search(r'<(?:script|img|iframe)[^>]*src="?http|<link rel="stylesheet" href="http', text)


def test_each_language_has_its_address_and_says_where_the_others_are(frozen: Path) -> None:
    french = (frozen / "out" / "article" / "a001.fr.html").read_text("utf-8")
    chinese = (frozen / "out" / "id" / "china.zh.html").read_text("utf-8")

    assert '<html lang="fr">' in french
    assert "La Chine va cesser" in french
    assert re.findall(r'hreflang="([a-z-]+)" href="[^"]*/article/a001', french) == ["en", "fr", "zh", "x-default"]
    assert re.search(r'rel="canonical" href="[^"]*/article/a001\.fr\.html"', french)
    assert "<h1><bdi>中国</bdi></h1>" in chinese


def test_what_has_no_text_in_a_language_is_shown_in_another_and_marked(frozen: Path) -> None:
    chinese = (frozen / "out" / "article" / "a001.zh.html").read_text("utf-8")

    assert '<bdi lang="en">China will no longer explore the Moon on its own.</bdi>' in chinese


def test_terms_are_grouped_by_type_and_parts_without_a_name_stand_apart(frozen: Path) -> None:
    vocabulary = (frozen / "out" / "ns.fr.html").read_text("utf-8")
    shapes = (frozen / "out" / "shapes.html").read_text("utf-8")

    assert re.findall(r'<p class="kind"><bdi[^>]*>([^<]+)</bdi>', vocabulary) == [
        "classe",
        "propriété qui mène à une chose",
        "propriété qui mène à une valeur",
    ]
    listed, _, parts = shapes.partition("<h2>Inner parts</h2>")
    assert 'id="IsClaimed-by-path' not in listed
    assert 'id="IsClaimed-by-path' in parts


def test_claims_stand_in_reading_order_with_who_says_them_and_where(frozen: Path) -> None:
    text = (frozen / "out" / "article" / "a001.html").read_text("utf-8")
    first = text.partition('id="A-01"')[2].partition("</li>")[0]

    assert re.findall(r'<li id="(A-0\d)"', text) == [f"A-0{number}" for number in range(1, 10)]
    assert ["Numerama" in first, "announced" in first, "sentence 1" in " ".join(first.split())] == [True] * 3


def test_a_page_says_its_own_statements_as_data(frozen: Path) -> None:
    text = (frozen / "out" / "id" / "china.html").read_text("utf-8")
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', text, re.DOTALL)

    assert found is not None
    assert json.loads(found[1]) == json.loads((frozen / "out" / "id" / "china.jsonld").read_text("utf-8"))
    assert '<link rel="alternate" type="text/turtle" href="china.ttl">' in text


def embedded(path: Path) -> Any:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_a_list_says_as_data_what_it_lists_in_the_readers_language(frozen: Path) -> None:
    out = frozen / "out"
    listed = {name: embedded(out / f"{name}.html") for name in ("articles", "things", "queries")}
    things = {one["item"]["@id"]: one["item"]["name"] for one in listed["things"]["mainEntity"]["itemListElement"]}
    french = embedded(out / "things.fr.html")["mainEntity"]["itemListElement"]

    assert {one["@type"] for one in listed.values()} == {"CollectionPage"}
    assert things["https://w3id.org/spacecoop/id/china"] == "China"
    assert "Chine" in {one["item"]["name"] for one in french}
    assert embedded(out / "data.html")["@type"] == "WebPage"


def test_no_page_is_over_60_kb_packed_with_its_styles(frozen: Path) -> None:
    out = frozen / "out"
    styles = len(gzip.compress((out / "styles" / "style.css").read_bytes()))
    sizes = {path.name: len(gzip.compress(path.read_bytes())) + styles for path in out.rglob("*.html")}

    assert {name: size for name, size in sizes.items() if size > 60_000} == {}
    assert {node["@id"] for node in embedded(out / "shapes.html")["@graph"]} == {"https://w3id.org/spacecoop/shapes"}


def test_what_a_template_calls_view_is_in_the_sandbox_where_it_is_none(birds: Path) -> None:
    class Other:
        def link(self, node: str) -> str:
            return f"<{node}>"

    template = sandboxed.open_templates(workspace.read(birds)).from_string("{{ view.link('a') }}")
    told = template.render(view=Other())
    Other.link.unsafe_callable = True  # type: ignore[attr-defined]

    assert told == "&lt;a&gt;"
    with pytest.raises(SecurityError):
        template.render(view=Other())


@pytest.mark.parametrize(
    "label", ["</script><script>alert(1)</script>", '" onload="x', "\u202eevil\u2066", "x" * 10_000, "🦩 <b>", " "]
)
def test_whatever_a_label_holds_it_is_text_and_bounded(birds: Path, label: str) -> None:
    add_crane(birds, label)
    publish.publish(workspace.read(birds))
    found, text = pages(birds / "out"), (birds / "out" / "id" / "odd.html").read_text("utf-8")

    assert [page for page, reader in found.items() if reader.running] == []
    assert text.count("</script>") == 1
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", text.partition("</script>")[2])
    assert "javascript:" not in " ".join(found["id/odd.html"].links)
    assert len((birds / "out" / "things.html").read_text("utf-8")) < 10_000


def test_a_thing_without_a_label_is_called_by_the_end_of_its_iri(birds: Path) -> None:
    (birds / "entities" / "more.ttl").write_text(
        "<https://example.org/birds/id/nameless> a <https://example.org/birds/vocabulary#Species> .\n", "utf-8"
    )
    publish.publish(workspace.read(birds))

    assert "<h1><bdi>nameless</bdi></h1>" in (birds / "out" / "id" / "nameless.html").read_text("utf-8")


def test_things_that_differ_in_case_only_have_a_page_each(birds: Path) -> None:
    (birds / "entities" / "more.ttl").write_text(
        "<https://example.org/birds/id/Crane> a <https://example.org/birds/vocabulary#Species> .\n", "utf-8"
    )
    publish.publish(workspace.read(birds))

    for name in ("Crane", "crane"):
        assert f"birds/id/{name}</code>" in (birds / "out" / "id" / f"{name}.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("<p>\n{% if %}\n", 2, "Expected an expression"),
        ("<p>\n\n{{ view.word('no such') }}", 3, "no such"),
        ("{{ nothing }}", 1, "'nothing' is undefined"),
        ("{{ 1 / 0 }}", 1, "division by zero"),
        ('{% extends "none.html" %}', 1, "none.html"),
    ],
)
def test_a_template_that_is_wrong_is_told_with_its_line_and_out_is_as_it_was(
    birds: Path, text: str, line: int, reason: str
) -> None:
    publish.publish(workspace.read(birds))
    before = {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()}
    (birds / "pages").mkdir()
    (birds / "pages" / "document.html").write_text(text, "utf-8")

    with pytest.raises(publish.Rejected) as caught:
        publish.publish(workspace.read(birds))
    told = caught.value.findings[0]
    assert (told.rule, told.place.file, told.place.line) == ("page-template", "pages/document.html", line)
    assert reason in told.message["en"]
    assert {path: path.read_bytes() for path in (birds / "out").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("text", ["SELECT ?x WHERE {", "SELECT ?x WHERE { SERVICE SILENT <ADDRESS> { ?x ?y ?z } }"])
def test_a_query_of_the_site_that_is_wrong_or_reaches_out_is_told_with_its_file(birds: Path, text: str) -> None:
    (birds / "pages" / "queries").mkdir(parents=True)

    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        said = text.replace("ADDRESS", f"http://127.0.0.1:{trap.getsockname()[1]}/")
        (birds / "pages" / "queries" / "bad.rq").write_text(f"#+ part: bad\n{said}", "utf-8")
        with pytest.raises(publish.Rejected) as caught:
            publish.publish(workspace.read(birds))
        with pytest.raises(TimeoutError):
            trap.accept()
    assert (caught.value.findings[0].rule, caught.value.findings[0].place.file) == (
        "page-query",
        "pages/queries/bad.rq",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is forked")
@pytest.mark.parametrize("stored", ["in memory", "on the disk"])
@pytest.mark.parametrize("front", ["part: slow", "at: slow\n#+ page: list.html", "page: document.html"])
def test_a_query_of_the_site_that_does_not_end_is_ended_and_told_with_its_file(
    birds: Path, monkeypatch: pytest.MonkeyPatch, front: str, stored: str
) -> None:
    monkeypatch.setattr(answers, "LIMITS", Limits(seconds=1))
    monkeypatch.setattr(whole, "_IN_MEMORY", 0 if stored == "on the disk" else 100_000)
    (birds / "pages" / "queries").mkdir(parents=True)
    (birds / "pages" / "queries" / "slow.rq").write_text(
        f"#+ {front}\nSELECT (COUNT(*) AS ?n) WHERE {{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }}",
        "utf-8",
    )
    with pytest.raises(publish.Rejected) as caught:
        publish.publish(workspace.read(birds))

    told = caught.value.findings[0]
    assert (told.rule, told.place.file) == ("page-query", "pages/queries/slow.rq")
    assert "stopped after 1 s" in told.message["en"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is forked")
def test_a_named_query_that_does_not_end_is_ended_and_told_with_its_file(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "LIMITS", Limits(seconds=1))
    (birds / "queries" / "slow.rq").write_text(
        "#+ summary: {en: Far too much}\n"
        "SELECT (COUNT(*) AS ?n) WHERE { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }",
        "utf-8",
    )
    with pytest.raises(publish.Rejected) as caught:
        publish.publish(workspace.read(birds))

    told = caught.value.findings[0]
    assert (told.rule, told.place.file) == ("page-query", "queries/slow.rq")
    assert "stopped after 1 s" in told.message["en"]


def test_a_store_on_the_disk_gives_the_same_pages(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish.publish(workspace.read(birds))
    before = {path: path.read_bytes() for path in (birds / "out").rglob("*.html")}
    monkeypatch.setattr(whole, "_IN_MEMORY", 0)
    publish.publish(workspace.read(birds), cached=False)

    assert {path: path.read_bytes() for path in (birds / "out").rglob("*.html")} == before


def test_a_workspace_adds_a_kind_of_page_with_a_template_and_a_query(birds: Path) -> None:
    (birds / "pages" / "queries").mkdir(parents=True)
    (birds / "pages" / "style.css").write_text("p { color: red }\n", "utf-8")
    (birds / "pages" / "queries" / "counts.rq").write_text(
        "#+ page: counts.html\n#+ at: counts\n#+ summary: {en: Counts}\n"
        "SELECT ?species (SUM(?n) AS ?sum) WHERE { ?x bird:species ?species ; bird:count ?n } "
        "GROUP BY ?species ORDER BY ?species",
        "utf-8",
    )
    (birds / "pages" / "counts.html").write_text(
        '{% extends "layout.html" %}{% block main %}{% for row in page.rows %}'
        "[{{ view.label(row.species).text }} {{ row.sum.value }}]{% endfor %}{% endblock %}",
        "utf-8",
    )
    publish.publish(workspace.read(birds))

    assert "[white stork 14]" in (birds / "out" / "counts.html").read_text("utf-8")
    assert 'href="counts.html"' in (birds / "out" / "index.html").read_text("utf-8")
    assert (birds / "out" / "styles" / "style.css").read_text("utf-8") == "p { color: red }\n"


def test_what_each_article_says_alone_is_put_together_in_order_and_as_if_all_were_asked(birds: Path) -> None:
    add_crane(birds, "odd one")
    (birds / "pages" / "queries").mkdir(parents=True)
    (birds / "pages" / "document.html").write_text(
        '{% for row in view.part("seen") %}[{{ row.n.value }} {{ view.short(row.x.value) }}]{% endfor %}', "utf-8"
    )
    query = "SELECT DISTINCT ?page ?n ?x WHERE {{ ?x ?p ?page ; bird:count ?n . FILTER (isIRI(?page)) }}{}"
    path = birds / "pages" / "queries" / "seen.rq"
    path.write_text("#+ part: seen\n" + query.format("ORDER BY DESC(STR(?n)) ?x"), "utf-8")
    publish.publish(workspace.read(birds))
    wanted = {name: text for name, text in everything(birds / "out").items() if name.endswith(".html")}
    assert sum(text.count(b"[") > 1 for text in wanted.values()) > 1
    path.write_text("#+ part: seen\n#+ each: article\n#+ order: [-n, x]\n" + query.format(""), "utf-8")
    publish.publish(workspace.read(birds))

    assert {name: text for name, text in everything(birds / "out").items() if name.endswith(".html")} == wanted


@pytest.mark.parametrize(
    "front", ["part: bad\n#+ each: claim", "page: list.html\n#+ at: bad\n#+ each: article", "part: bad\n#+ order: [n]"]
)
def test_a_query_that_cannot_be_asked_of_each_article_is_told_with_its_file(birds: Path, front: str) -> None:
    (birds / "pages" / "queries").mkdir(parents=True)
    (birds / "pages" / "queries" / "bad.rq").write_text(f"#+ {front}\nSELECT ?n WHERE {{ ?x ?y ?n }}", "utf-8")

    with pytest.raises(publish.Rejected) as caught:
        publish.publish(workspace.read(birds))
    told = caught.value.findings[0]
    assert (told.rule, told.place.file) == ("page-query", "pages/queries/bad.rq")
    assert "each" in told.message["en"]


def test_without_a_site_the_data_are_the_same_and_no_page_is_there(birds: Path, run: Run) -> None:
    publish.publish(workspace.read(birds))
    whole = {path.name: path.read_bytes() for path in (birds / "out").glob("dataset.*")}
    done = run("build", "--no-site", cwd=birds)

    assert done.returncode == 0, done.stderr
    assert list((birds / "out").rglob("*.html")) == []
    assert {path.name: path.read_bytes() for path in (birds / "out").glob("dataset.*")} == whole
    assert "html" not in (birds / "out" / ".htaccess").read_text("utf-8").partition("RewriteEngine")[2]


def everything(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("file", ["articles/cranes.yaml", "entities/more.ttl"])
def test_after_an_edit_the_pages_that_show_it_are_made_again_and_all_are_as_if_made_anew(
    birds: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    add_crane(birds, "odd one")
    publish.publish(workspace.read(birds))
    made: list[str] = []
    render: Any = rendering._render

    def noted(environment: Any, frame: Any, view: Any, page: Any, *rest: Any) -> str:
        made.append(page.path)
        return str(render(environment, frame, view, page, *rest))

    monkeypatch.setattr(rendering, "_render", noted)
    text = (birds / file).read_text("utf-8")
    edited = text.replace("odd one", "even one").replace("count: 40", "count: 41")
    assert edited != text
    (birds / file).write_text(edited, "utf-8")
    publish.publish(workspace.read(birds))
    again, kept = everything(birds / "out"), set(made)
    publish.publish(workspace.read(birds), cached=False)

    shown, other = ("article/cranes", "article/storks") if file.startswith("articles") else ("id/odd", "id/crane")
    assert shown in kept
    assert other in set(made) - kept
    assert everything(birds / "out") == again


def test_the_pages_are_the_same_whether_statements_lie_in_memory_or_on_the_disk(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(workspace.read(birds))
    before = everything(birds / "out")
    monkeypatch.setattr(whole, "_IN_MEMORY", 0)
    monkeypatch.setattr(articles, "_FEW", 0)
    publish.publish(workspace.read(birds), cached=False)

    assert everything(birds / "out") == before


def test_a_query_has_what_it_takes_and_its_answer_as_of_this_build(frozen: Path, birds: Path) -> None:
    publish.publish(workspace.read(birds))
    flocks = (birds / "out" / "query" / "flocks.html").read_text("utf-8")
    claims = (frozen / "out" / "query" / "claims.fr.html").read_text("utf-8")

    assert 'href="../ask.html?named=flocks"' in flocks
    assert 'id="parameters"' not in flocks
    assert "langue des libellés" in claims.partition('id="parameters"')[2]
    answer = flocks.partition('id="answer"')[2].partition("</table>")[0]
    assert "white stork" in answer
    rows = claims.partition("<tbody>")[2].partition("</tbody>")[0].count("<tr>")
    assert rows == questions.MOST
    assert re.search(r"et \d+ de plus", claims)


def test_over_many_statements_the_named_queries_are_not_asked_by_the_build(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "ASKED", 10)
    publish.publish(workspace.read(birds))

    assert 'id="answer"' not in (birds / "out" / "query" / "flocks.html").read_text("utf-8")
