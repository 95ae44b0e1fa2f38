"""The query page: what it holds, and, in a real browser, that it answers SPARQL by itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browsing import BROWSING, served
from conftest import REPOSITORY, Run
from spacecoop import publish, workspace
from spacecoop.pages import libraries

ASSETS = REPOSITORY / ".cache" / libraries.FOLDER

browsing = [
    *BROWSING,
    pytest.mark.skipif(bool(libraries.missing(ASSETS)), reason="no libraries in .cache/assets; `spacecoop assets`"),
]


def test_there_is_a_page_in_each_language_with_the_menu_of_the_site(frozen: Path) -> None:
    page = (frozen / "out" / "ask.fr.html").read_text("utf-8")
    offered = json.loads((frozen / "out" / "ask.json").read_text("utf-8"))

    assert {path.name for path in (frozen / "out").glob("ask*.html")} == {"ask.html", "ask.fr.html", "ask.zh.html"}
    assert '<html lang="fr">' in page
    assert '<a href="articles.fr.html">' in page
    assert '<a href="ask.fr.html" aria-current="page">SPARQL</a>' in page
    assert [one["name"] for one in offered["queries"]] == re.findall(r'<dt id="([^"]+)">', page)


def test_what_others_wrote_is_text_and_no_script_stands_in_the_page(birds: Path) -> None:
    nasty = '</textarea><script>alert("1")</script>'
    for path in (birds / "queries").glob("*.rq"):
        path.unlink()
    text = f"#+ summary: {{en: {json.dumps(nasty)}}}\n# {nasty}\nASK {{ ?s ?p ?o }}\n"
    (birds / "queries" / "nasty.rq").write_text(text, "utf-8")
    publish.publish(workspace.read(birds))
    page = (birds / "out" / "ask.html").read_text("utf-8")

    assert page.count("alert(&#34;1&#34;)") == 2
    assert re.findall(r"<script(?![^>]* src=)(?![^>]*ld\+json)", page) == []
    assert "unsafe-inline" not in page


def fake_npm(folder: Path, script: str) -> str:
    """A program called npm, and the PATH on which it is the first."""
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo 'E404 no such package' >&2; exit 1", "oxigraph 0.5.11: E404 no such package"),
        ("exit 0", "oxigraph 0.5.11: npm gave no package"),
        ("echo other > oxigraph.tgz", "the package is not the one that is listed"),
    ],
)
def test_a_library_that_is_not_the_listed_one_is_refused(
    run: Run, birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    monkeypatch.setenv("PATH", fake_npm(tmp_path, script))

    done = run("assets", cwd=birds)

    assert done.returncode == 1
    assert words in done.stderr
    assert list((birds / ".cache" / "assets").iterdir()) == []


def test_without_npm_it_is_said_where_that_comes_from(
    run: Run, birds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    done = run("assets", cwd=birds)

    assert done.returncode == 1
    assert "npm is not there" in done.stderr


def test_the_libraries_are_no_part_of_the_build_and_stay_when_it_is_made_anew(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"// a library"
    one = libraries.Library("lib", "1", "", (("x.js", "x.js", hashlib.sha256(content).hexdigest()),))
    monkeypatch.setattr(libraries, "every", lambda: [one])
    place = workspace.read(birds)
    publish.publish(place)
    without = (birds / "out" / "manifest.json").read_bytes()
    (birds / ".cache" / "assets").mkdir(parents=True)
    (birds / ".cache" / "assets" / "x.js").write_bytes(content)
    published = publish.publish(place, cached=False)

    assert (birds / "out" / "assets" / "x.js").read_bytes() == content
    assert (birds / "out" / "manifest.json").read_bytes() == without
    assert published.findings == ()
    assert publish.check(place) == []


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A static host with a built dataset and nothing that answers SPARQL."""
    root = Path(shutil.copytree(REPOSITORY / "tests" / "birds", tmp_path_factory.mktemp("ask") / "birds"))
    (root / ".cache").mkdir(exist_ok=True)
    shutil.copytree(ASSETS, root / ".cache" / "assets")
    publish.publish(workspace.read(root))

    with served(root / "out") as address:
        yield address


ASK = """async ([query, accept]) => {
  const answer = await fetch('sparql', {method: 'POST', body: new URLSearchParams({query}), headers: {Accept: accept}});
  return [answer.status, answer.headers.get('content-type'), await answer.text()];
}"""


class TestInABrowser:
    pytestmark = browsing

    @pytest.fixture
    def page(self, browser: Any, address: str) -> Iterator[Any]:
        context = browser.new_context()
        page = context.new_page()
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda line: self.wrong.append(line.text) if "Content Security" in line.text else None)
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(f"{address}ask.html?named=flocks&seconds=3")
        page.wait_for_selector(".yasqe")
        page.wait_for_selector("#pick", state="visible")
        yield page
        context.close()

    def test_it_answers_by_itself_in_each_syntax(self, page: Any, address: str) -> None:
        count = page.evaluate(ASK, ["SELECT (COUNT(*) AS ?n) { ?s ?p ?o }", "text/csv"])
        said = page.evaluate(ASK, ["ASK {}", "application/sparql-results+json"])
        graph = page.evaluate(ASK, ["CONSTRUCT { ?s a ?o } WHERE { ?s a ?o }", "text/turtle"])
        wrong = page.evaluate(ASK, ["SELEC", "*/*"])

        assert count[:2] == [200, "text/csv"]
        assert int(count[2].split()[1]) > 50
        assert json.loads(said[2])["boolean"] is True
        assert graph[:2] == [200, "text/turtle"]
        assert wrong[0] == 400
        assert self.wrong == []
        assert [url for url in self.asked if not url.startswith((address, "data:", "blob:"))] == []

    def test_a_named_query_is_asked_with_the_button(self, page: Any) -> None:
        page.click(".yasqe_queryButton")
        page.wait_for_selector(".yasr tbody tr")

        assert self.wrong == []

    def test_a_question_without_end_is_ended_and_the_next_is_answered(self, page: Any) -> None:
        page.evaluate(ASK, ["ASK {}", "*/*"])  # the data are there
        endless = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l . ?m ?n1 ?o }"
        ended = page.evaluate(ASK, [endless, "text/csv"])
        after = page.evaluate(ASK, ["ASK {}", "application/sparql-results+json"])

        assert ended[0] == 503
        assert "too long" in ended[2]
        assert after[0] == 200

    def test_it_works_without_a_network_after_the_first_visit(self, page: Any) -> None:
        page.evaluate(ASK, ["ASK {}", "*/*"])
        page.reload()  # what the first visit read before the service worker was there is kept now
        page.wait_for_selector("#pick", state="visible")
        page.evaluate(ASK, ["ASK {}", "*/*"])
        page.context.set_offline(True)
        page.reload()
        page.wait_for_selector("#pick", state="visible")

        assert page.evaluate(ASK, ["ASK {}", "application/sparql-results+json"])[0] == 200

    def test_without_javascript_there_is_a_form(self, browser: Any, address: str) -> None:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{address}ask.html")

        assert page.is_visible("textarea#query")
        assert page.is_visible("text=spacecoop serve")
        assert page.locator("dl dt").count() >= 1
        context.close()
