"""What pages show of named queries' answers: in the reader's language, or in the first one that there is."""

from __future__ import annotations

import re
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, Store

from conftest import REPOSITORY
from spacecoop import workspace
from spacecoop.pages import fallbacks
from spacecoop.queries import library

EX = "http://example.org/"


def cells(page: Path) -> list[list[str]]:
    body = page.read_text("utf-8").partition("<tbody>")[2].partition("</tbody>")[0]
    return [re.findall(r"<td>(.*?)</td>", row) for row in body.split("<tr>")[1:]]


def test_an_answer_speaks_the_language_of_its_page_and_no_row_is_lost_where_a_text_is_missing(frozen: Path) -> None:
    folder = frozen / "out" / "query"
    english, french, chinese = (cells(folder / f"partners{ending}.html") for ending in ("", ".fr", ".zh"))

    assert ["<bdi>Russia</bdi>" in row for row in english] == ["<bdi>Russie</bdi>" in row for row in french]
    assert len(english) == len(french) == len(chinese) > 1
    assert "<bdi>法国</bdi>" in [row[0] for row in chinese]
    lent = [row[0] for row in chinese if "lang=" in row[0]]
    assert lent
    assert {re.sub(' lang="en"', "", one) for one in lent} <= {row[0] for row in english}
    heads = (folder / "partners.fr.html").read_text("utf-8").partition("<thead>")[2].partition("</thead>")[0]
    assert "<bdi>avec qui</bdi>" in heads


def test_a_query_that_takes_no_language_has_the_same_rows_on_every_page(frozen: Path) -> None:
    folder = frozen / "out" / "query"

    english, french = ([row[1:] for row in cells(folder / f"graphs{ending}.html")] for ending in ("", ".fr"))

    assert english == french != []


def test_a_text_is_lent_in_the_first_language_that_there_is_and_the_store_is_as_it_was_afterwards() -> None:
    one, two, name = NamedNode(f"{EX}one"), NamedNode(f"{EX}two"), NamedNode(f"{EX}name")
    store = Store()
    store.extend(
        [
            Quad(one, name, Literal("crane", language="en")),
            Quad(one, name, Literal("Kranich", language="de")),
            Quad(one, name, Literal("grue", language="fr"), NamedNode(f"{EX}graph")),
            Quad(two, name, Literal("鹳", language="zh")),
            Quad(two, name, Literal("stork", language="en")),
            Quad(two, name, Literal("no language")),
        ]
    )
    before = set(store)
    with fallbacks.lend(store, fallbacks.read(store), "zh", ["fr", "zh", "en", "fr"]) as lent:
        added = set(store) - before
    with fallbacks.lend(store, fallbacks.read(store), "en", ["en"]) as none:
        assert set(store) == before

    assert added == {Quad(one, name, Literal("grue", language="zh"), NamedNode(f"{EX}graph"))}
    assert lent == {"grue": "fr"}
    assert none == {}
    assert set(store) == before


def test_every_named_query_says_what_it_answers_in_each_language_of_the_site() -> None:
    place = workspace.read(REPOSITORY)
    lacking = [
        f"{name}: {what} in {language}"
        for name, query in library.every(place.root / "queries").items()
        for what, said in {"summary": query.summary, **query.columns}.items()
        for language in place.languages
        if not said.get(language)
    ]

    assert lacking == []
