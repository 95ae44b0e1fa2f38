"""Pictures: from a query and a kind, whole without a script, with their numbers, whatever the data say."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode

from spacecoop import publish, workspace
from spacecoop.pages import drawing
from spacecoop.pages.values import Value
from test_pages import pages

COUNTS = (
    "#+ picture: KIND\n#+ summary: {en: Birds that were counted}\n#+ columns:\n#+   item: {en: Species}\n"
    "#+   count: {en: Birds}\n"
    "SELECT ?item (SUM(?n) AS ?count) WHERE { ?x bird:species ?item ; bird:count ?n } GROUP BY ?item ORDER BY ?item"
)
SVG = "{http://www.w3.org/2000/svg}"


def add(birds: Path, text: str) -> None:
    (birds / "pages" / "queries").mkdir(parents=True, exist_ok=True)
    (birds / "pages" / "queries" / "counted.rq").write_text(text, "utf-8")


def read(path: Path) -> ET.Element:
    return ET.parse(path).getroot()  # noqa: S314  (our own build wrote it)


def name(term: object) -> Value:
    return Value(str(getattr(term, "value", term)))


def row(**terms: object) -> dict[str, object]:
    return {key: term if isinstance(term, NamedNode) else Literal(str(term)) for key, term in terms.items()}


@pytest.mark.parametrize("kind", ["tiles", "bars"])
def test_another_workspace_has_a_picture_by_a_query_alone(birds: Path, kind: str) -> None:
    add(birds, COUNTS.replace("KIND", kind))
    publish.publish(workspace.read(birds))
    page = (birds / "out" / "picture" / "counted.html").read_text("utf-8")
    svg = read(birds / "out" / "picture" / "counted.svg")

    assert "white stork" in [text.text for text in svg.iter(f"{SVG}text")]
    assert svg.find(f"{SVG}title").text == "Birds that were counted"  # type: ignore[union-attr]
    assert "white stork, 14" in svg.find(f"{SVG}desc").text  # type: ignore[operator,union-attr]
    assert re.search(r'<a href="../id/stork.html">.*?white stork.*?</a></td><td class="number">.*?14', page)
    assert '<th scope="col"><bdi>Birds</bdi></th>' in page
    for where in ("index.html", "pictures.html"):
        assert 'href="picture/counted.html"' in (birds / "out" / where).read_text("utf-8")
        assert '<svg xmlns="http://www.w3.org/2000/svg"' in (birds / "out" / where).read_text("utf-8")
    assert [where for where, reader in pages(birds / "out").items() if reader.running] == []


def test_without_a_picture_there_is_no_page_of_pictures(birds: Path) -> None:
    publish.publish(workspace.read(birds))

    assert not (birds / "out" / "pictures.html").exists()
    assert "pictures" not in (birds / "out" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            COUNTS.replace("KIND", "pie"),
            "no picture of the kind 'pie'; there are bars, moves, network, tiles, timeline",
        ),
        (COUNTS.replace("KIND", "network"), "a picture of the kind network needs ?one, ?other, ?count in each row"),
        (COUNTS.replace("KIND", "bars").replace("SUM(?n)", "SAMPLE(?item)"), "?count is to be a number"),
        (COUNTS.replace("KIND", "timeline").replace("?item", "?group"), "needs ?group, ?when, ?count in each row"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_told_with_its_query(birds: Path, text: str, reason: str) -> None:
    add(birds, text)

    with pytest.raises(publish.Rejected) as caught:
        publish.publish(workspace.read(birds))
    told = caught.value.findings[0]
    assert (told.rule, told.place.file) == ("page-query", "pages/queries/counted.rq")
    assert reason in told.message["en"]


def test_the_pictures_of_this_workspace_have_each_language_and_numbers(frozen: Path) -> None:
    for language, word in (("", "France"), (".zh", "法国")):
        svg = read(frozen / "out" / "picture" / f"partners{language}.svg")
        assert word in [text.text for text in svg.iter(f"{SVG}text")]
        assert len(list(svg.iter(f"{SVG}path"))) > 0
    assert "法国" in (frozen / "out" / "picture" / "partners.zh.html").read_text("utf-8").partition("<table>")[2]


def test_a_label_with_markup_is_text_in_a_picture(birds: Path) -> None:
    add(birds, COUNTS.replace("KIND", "bars"))
    species = birds / "entities" / "species.yaml"
    species.write_text(species.read_text("utf-8").replace("white stork", "<script>x</script> & \u202e co"), "utf-8")
    publish.publish(workspace.read(birds))
    svg = read(birds / "out" / "picture" / "counted.svg")

    assert any((text.text or "").startswith("<script>x") for text in svg.iter(f"{SVG}text"))
    assert "\u202e" not in (birds / "out" / "picture" / "counted.svg").read_text("utf-8")


def test_what_is_too_much_for_a_picture_is_left_to_its_table() -> None:
    rows = [row(item=NamedNode(f"x:{number}"), count=number) for number in range(100, 0, -1)]
    edges = [row(one=NamedNode(f"x:{number}"), other=NamedNode("x:0"), count=number) for number in range(1, 100)]

    assert drawing.draw("bars", rows, name).shown == drawing.MOST["bars"]
    assert drawing.draw("network", edges, name).shown == drawing.MOST["network"] - 1


@pytest.mark.parametrize("count", ["0", "1e300", "0.5"])
@pytest.mark.parametrize("kind", ["bars", "tiles", "network", "timeline"])
def test_every_mark_stands_within_the_picture(kind: str, count: str) -> None:
    long = NamedNode("x:" + "中" * 200)
    rows = [
        row(item=long, one=long, other=NamedNode(f"x:{number}"), group=long, when=when, count=count)
        for number, when in enumerate(["2024", "-0500-01-01", "2024-12-31", "120000", "soon"])
    ]
    made = drawing.draw(kind, rows, name)

    assert made.shown == (4 if kind == "timeline" else 5)
    for mark in made.marks:
        for key, most in (("x", drawing.WIDTH), ("cx", drawing.WIDTH), ("y", made.height), ("cy", made.height)):
            assert 0 <= float(mark.at.get(key, 0)) <= most, mark


def test_a_plan_that_moved_either_way_has_an_arrow_and_one_that_stayed_has_none() -> None:
    def moved(*times: str) -> list[str]:
        keys = ("begin", "end", "later_begin", "later_end")
        rows = [row(item="a", **dict(zip(keys, times, strict=True)))]
        return [str(mark.at["d"]) for mark in drawing.draw("moves", rows, name).marks if mark.role == "way"]

    later = moved("2021", "2021-12-31", "2024-06-01", "2024-06-30")
    sooner = moved("2024", "2024-12-31", "2021-06-01", "2021-06-30")
    within = moved("2021", "2021-12-31", "2021-06-01", "2021-06-30")

    def ends(path: str) -> list[float]:
        return [float(one) for one in re.findall(r"M([\d.]+) .*H([\d.]+)", path)[0]]

    assert ends(later[0])[0] < ends(later[0])[1]
    assert ends(sooner[0])[0] > ends(sooner[0])[1]
    assert within == []
