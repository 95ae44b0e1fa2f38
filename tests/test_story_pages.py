"""The pages of shared matters: what differs by aspect, whose voices there are, and the accounts in order."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from pyoxigraph import NamedNode, QuerySolutions, RdfFormat, Store, parse

from conftest import REPOSITORY

OUT = REPOSITORY / "out"
NS, DCTERMS = "https://w3id.org/spacecoop/ns#", "http://purl.org/dc/terms/"


def compared() -> dict[str, list[tuple[str, list[str]]]]:
    """Return by shared matter the outcome of each comparison, with the two accounts."""
    said: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for quad in parse(path=OUT / "comparisons.ttl", format=RdfFormat.TURTLE):
        if isinstance(quad.object, NamedNode) and isinstance(quad.subject, NamedNode):
            said[quad.subject.value][quad.predicate.value].append(quad.object.value)
    found: defaultdict[str, list[tuple[str, list[str]]]] = defaultdict(list)
    for one in said.values():
        for matter in one[f"{DCTERMS}subject"]:
            found[matter].append((one[f"{NS}outcome"][0].partition("#")[2], sorted(one[f"{NS}compares"])))
    return found


@pytest.mark.parametrize(("language", "word"), [("", "moved"), (".fr", "déplacé")])
def test_each_comparison_is_told_and_what_differs_stands_open(language: str, word: str) -> None:
    every = compared()
    assert len(every) > 10
    for matter, outcomes in every.items():
        text = (OUT / "id" / f"{matter.rpartition('/')[2]}{language}.html").read_text("utf-8")
        counted = [int(one) for one in re.findall(r"<summary>.*?\((\d+)\)</summary>", text)]
        apart = [one for one, _ in outcomes if one in ("moved", "differs")]

        assert sum(counted) == len(outcomes), matter
        assert bool(apart) <= ("<details open>" in text), matter
        assert ("moved" in apart) <= (f"<b><bdi>{word}</bdi></b>" in text), matter
        for _, accounts in outcomes:
            for account in accounts:
                document, _, fragment = account.rpartition("/")[2].partition("#")
                assert f'href="../article/{document}{language}.html#{fragment}"' in text, (matter, account)


def test_accounts_stand_in_the_order_of_their_articles_and_those_without_a_day_last() -> None:
    for matter in compared():
        text = (OUT / "id" / f"{matter.rpartition('/')[2]}.html").read_text("utf-8")
        table = text.partition('aria-labelledby="side"')[2].partition("</table>")[0]
        days = [re.findall(r"<time>(.*?)</time>", row)[:1] for row in re.findall(r"<th scope=\"row\">.*?</th>", table)]

        assert len(days) >= 2
        assert days == sorted(days, key=lambda day: day or ["9999"]), matter


def test_a_voice_that_several_articles_pass_on_is_one() -> None:
    text = (OUT / "stories.html").read_text("utf-8")
    rows = re.findall(r'<th scope="row"><a href="(.*?)">.*?</th>((?:<td class="number">.*?</td>)+)', text)

    assert len(rows) > 10
    for href, cells in rows:
        articles, voices = re.findall(r">(\d+|–)<", cells)[:2]
        page = (OUT / href).read_text("utf-8")
        assert f"Told by {articles} articles, from {voices.replace('–', '0')} independent voices." in page, href
        listed = page.partition('<h2 id="voices">')[2].partition("<h2 ")[0]
        assert len(re.findall("<dt>", listed)) == int(voices.replace("–", "0"))


def test_a_page_counts_the_voices_that_the_named_query_counts() -> None:
    answer = answer_named("corroborated")

    assert len(answer) > 10
    for matter, articles, voices in answer:
        page = (OUT / "id" / f"{matter.rpartition('/')[2]}.html").read_text("utf-8")
        assert f"Told by {articles} articles, from {voices} independent voices." in page, matter


def answer_named(name: str) -> list[tuple[str, str, str]]:
    """Return matter, articles and voices as a named query has them."""
    store = Store()
    store.bulk_load(path=OUT / "dataset.nq", format=RdfFormat.N_QUADS)
    found = store.query((REPOSITORY / "queries" / f"{name}.rq").read_text("utf-8"), use_default_graph_as_union=True)
    assert isinstance(found, QuerySolutions)
    return [(row["matter"].value, row["articles"].value, row["voices"].value) for row in found]
