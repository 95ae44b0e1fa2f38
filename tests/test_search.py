"""Search: an index that the build writes, and, in a real browser, what it finds and how it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyoxigraph import Literal

from browsing import BROWSING, served
from spacecoop import publish, workspace
from spacecoop.pages import searching
from spacecoop.pages.kinds import Page
from spacecoop.pages.values import Value


def places(out: Path, word: str) -> dict[str, int]:
    """Return, by the addresses of the entries that have a word, its weight there, as the script finds them."""
    about = json.loads((out / "search" / "index.json").read_text("utf-8"))
    there = json.loads((out / "search" / f"words-{searching.shard(word, about['shards'])}.json").read_text("utf-8"))
    found = {}
    for place in there.get(word, []):
        number, weight = divmod(place, about["weights"])
        block = out / "search" / f"entries-{number // about['block']}.json"
        path, fragment, _, _, _ = json.loads(block.read_text("utf-8"))[number % about["block"]]
        found[f"{path}#{fragment}".rstrip("#")] = weight // 8
    return found


def test_names_and_glosses_are_found_in_each_language(frozen: Path) -> None:
    out = frozen / "out"

    for word in ("china", "chine", "中国"):
        assert places(out, word)["id/china"] == 3
    assert places(out, "solitaire") == {"article/a001#A-01": 1}
    assert places(out, "explore")["article/a001#A-01"] == 1


def test_each_entry_leads_to_a_page_and_to_a_place_on_it(frozen: Path) -> None:
    out = frozen / "out"
    entries = [one for path in (out / "search").glob("entries-*.json") for one in json.loads(path.read_text("utf-8"))]

    assert len(entries) > 100
    for path, fragment, _, shown, _ in entries:
        for ending in (".html", ".fr.html", ".zh.html"):
            assert not fragment or f'id="{fragment}"' in (out / f"{path}{ending}").read_text("utf-8")
        assert shown


def test_another_workspace_is_searched_without_a_line(birds: Path) -> None:
    publish.publish(workspace.read(birds))

    assert places(birds / "out", "cendree") == {"id/crane": 3}
    assert 'action="../search.html"' in (birds / "out" / "id" / "crane.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("Éléphant ŒUVRE straße", ["elephant", "oeuvre", "strasse"]),
        ("ＣＮＥＳ ﬁn 2024", ["cnes", "fin", "2024"]),
        ("中国航天", ["中", "国", "航", "天", "中国", "国航", "航天"]),
        ("嫦娥6号", ["嫦", "娥", "嫦娥", "6", "号"]),
        ("<b>x</b> __proto__ \u202e", ["b", "x", "b", "proto"]),
        ("— … 🦩 \u0301", []),
    ],
)
def test_a_text_is_found_by_its_words_without_case_and_marks(text: str, there: list[str]) -> None:
    assert searching.words(text) == there


def test_many_words_are_in_many_files_by_their_first_two_letters() -> None:
    class Shown:
        def page(self, document: str) -> Page:
            return Page(document, document, "", {})

        def names(self, _: str) -> list[Value]:
            return []

    listed = [
        (f"x{n:04}", [{"text": Literal(f"w{n} v{n} common{n % 7} {'z' * (n % 50)}", language="en")}])
        for n in range(3000)
    ]
    known: Any = Shown()
    pieces = (searching.unpack(searching.pack(piece)) for _, piece in searching.list_pieces(listed, known))
    made = dict(searching.write(pieces, known, ["en"]))

    about = json.loads(made["search/index.json"])
    assert (about["shards"], about["entries"]) == (2, 3000)
    assert sum(name.startswith("search/entries-") for name in made) == 47
    for number in range(about["shards"]):
        for word in json.loads(made[f"search/words-{number}.json"]):
            assert searching.shard(word, 2) == number


def test_without_a_script_the_page_leads_to_the_lists(frozen: Path) -> None:
    text = (frozen / "out" / "search.fr.html").read_text("utf-8")
    without = text.partition("<noscript>")[2].partition("</noscript>")[0]

    assert re.findall(r'href="([a-z]+)\.fr\.html"', without)[:2] == ["articles", "things"]


@pytest.fixture(scope="module")
def address(frozen: Path) -> Iterator[str]:
    with served(frozen / "out") as address:
        yield address


class TestInABrowser:
    pytestmark = BROWSING

    @pytest.fixture
    def page(self, browser: Any, address: str) -> Iterator[Any]:
        page = browser.new_context().new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None)
        page.on("request", lambda request: None if request.url.startswith(address) else wrong.append(request.url))
        yield page
        assert wrong == []
        page.context.close()

    @pytest.mark.parametrize(
        ("start", "question", "name", "there"),
        [
            ("index.html", "CHINE", "China", "id/china.html"),
            ("id/china.fr.html", "chin", "Chine", "id/china.fr.html"),
            ("search.zh.html", "中国", "中国", "id/china.zh.html"),
            ("things.html", "cnes", "National Centre for Space Studies", "id/cnes.html"),
            ("index.fr.html", "solitaire explorer", "La Chine va cesser", "article/a001.fr.html#A-01"),
        ],
    )
    def test_it_is_asked_by_keyboard_from_any_page(
        self, page: Any, address: str, start: str, question: str, name: str, there: str
    ) -> None:
        page.goto(address + start)
        page.locator("input[name=q]").focus()
        page.keyboard.type(question)
        page.keyboard.press("Enter")
        page.wait_for_selector("#found li")
        first = page.locator("#found a").first

        assert name in first.inner_text()
        page.locator("#search button").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url(address + there)

    def test_the_address_holds_the_question_and_what_is_not_there_is_said(self, page: Any, address: str) -> None:
        page.goto(f"{address}search.fr.html?q=qqqq")
        page.locator("#state:not(:empty)").wait_for(state="attached")
        nothing = page.locator("#state").inner_text()
        page.fill("#q", "cnes")
        page.wait_for_selector("#found li")

        assert nothing == "Rien n'est trouvé."
        assert page.url == f"{address}search.fr.html?q=cnes"
        assert re.fullmatch(r"\d+ montrés sur \d+, les meilleurs d'abord\.", page.locator("#state").inner_text())

    @pytest.mark.parametrize("question", ["<img src=x onerror=alert(1)>", "constructor", "__proto__", "…", "a" * 300])
    def test_whatever_is_asked_is_text(self, page: Any, address: str, question: str) -> None:
        page.goto(f"{address}search.html")
        page.fill("#q", question)
        page.keyboard.press("Enter")
        page.wait_for_timeout(250)

        assert page.locator("#found img").count() == 0

    def test_the_script_parts_words_as_the_build_does(self, page: Any, address: str) -> None:
        page.goto(f"{address}search.html")
        texts = [
            "Éléphant ŒUVRE straße",
            "ＣＮＥＳ ﬁn 2024",
            "嫦娥6号 中国航天",
            "İstanbul ΟΔΟΣ Łódź",
            "도시 がく ไทย",
            "x 中 y",
        ]
        for text in texts:
            said = page.evaluate("async (text) => words(text, await read('index'))", text)

            assert set(said) <= set(searching.words(text)), text
            assert all(len(word) == 1 for word in set(searching.words(text)) - set(said)), (
                text
            )  # single letters beside their pairs
