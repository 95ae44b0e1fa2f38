from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from conftest import Run
from spacecoop.queries import plots, results
from spacecoop.queries.spool import Spool

pytest.importorskip("matplotlib", reason="pictures need the extra `plot`")


def drawn(kind: str, names: list[str], rows: list[list[str]]) -> str:
    stream = io.BytesIO()
    plots.draw(kind, names, rows, stream)
    return stream.getvalue().decode()


@pytest.mark.parametrize(
    ("kind", "names", "rows", "seen"),
    [
        ("bar", "who claims", [["Numerama", "27"], ["<Ji> & $x$", "11"]], "Numerama|&lt;Ji&gt; &amp; $x$|claims"),
        ("timeline", "a b what", [["2019-03-25", "2019-03-25", "Signing"], ["", "2022-12-31", "Station"]], "Signing"),
        ("network", "Source Target Weight", [["China", "France", "6"], ["China", "Italy", "3"]], "China|Italy"),
    ],
)
def test_a_picture_names_what_it_shows_and_is_the_same_each_time(
    kind: str, names: str, rows: list[list[str]], seen: str
) -> None:
    picture = drawn(kind, names.split(), rows)

    assert picture == drawn(kind, names.split(), rows)
    assert picture.startswith("<?xml")
    for text in seen.split("|"):
        assert text in picture


@pytest.mark.parametrize(
    ("kind", "rows", "says"),
    [
        ("bar", [["a", "b"]], "bars need a column of numbers"),
        ("timeline", [["a", "b"]], "needs a column of dates"),
        ("timeline", [["2019-01-01", "2020-01-01"]], "needs a column of words"),
        ("network", [["a"]], "needs two columns"),
        ("network", [["2019-01-01", "a"], ["2020-01-01", "b"]], "the column x has numbers or dates only"),
        ("network", [["a", "3"]], "the column y has numbers or dates only"),
        ("timeline", [["2019-01-01", "a"], ["", "b"]], "1 of 2 rows have no date"),
        ("bar", [], "and there are 0"),
        ("bar", [["a", "1"]] * 201, "and there are 201; choose some with --limit"),
    ],
)
def test_rows_that_do_not_suit_a_picture_say_what_it_needs(kind: str, rows: list[list[str]], says: str) -> None:
    with pytest.raises(plots.PlotError, match=says):
        drawn(kind, ["x", "y"][: len(rows[0]) if rows else 2], rows)


def test_an_answer_is_drawn_into_a_file(run: Run, tmp_path: Path) -> None:
    done = run("query", "speakers", "--plot", "bar", "--output", tmp_path / "speakers.svg")
    wrong = run("query", "schema-org", "--plot", "bar")

    assert done.returncode == 0, done.stderr
    assert "Numerama" in (tmp_path / "speakers.svg").read_text()
    assert wrong.returncode == 1
    assert "only the rows of a SELECT can be drawn" in wrong.stderr


def test_triples_are_drawn_as_a_network_and_into_png(run: Run, tmp_path: Path) -> None:
    svg = run("query", "network", "--limit", "60", "--plot", "network", "--output", tmp_path / "it.svg")
    png = run("query", "speakers", "--limit", "5", "--plot", "bar", "--output", tmp_path / "it.png")

    assert (svg.returncode, png.returncode) == (0, 0), svg.stderr + png.stderr
    assert "China" in (tmp_path / "it.svg").read_text("utf-8")
    assert (tmp_path / "it.png").read_bytes().startswith(b"\x89PNG")


def test_a_timeline_tells_how_firmly_by_colour_and_fades_open_ends() -> None:
    rows = [
        ["2019-03-25", "2019-03-25", "A", "done"],
        ["", "2022-12-31", "B", "planned"],
        ["2020-01-01", "", "C", "done"],
    ]

    picture = drawn("timeline", ["earliest", "latest", "event", "modality"], rows)

    for text in ("modality", "done", "planned", "opacity: 0.35"):
        assert text in picture


def test_two_things_of_one_name_are_two_points() -> None:
    view = results.View({"e": "http://e.example/"}, lambda iris: dict.fromkeys(iris, "Station"), instead=True)
    spool = Spool(sort=True)
    spool.write(b"<http://e.example/a>\t<http://e.example/b>\n")

    assert list(results.texts(results.Result("rows", ("x", "y"), spool.close()), view)) == [
        ["Station (e:a)", "Station (e:b)"]
    ]


def test_a_picture_shows_things_by_their_names_and_long_names_whole(run: Run, tmp_path: Path) -> None:
    picture = tmp_path / "network.svg"

    done = run("query", "network-edges", "--plot", "network", "--output", picture)

    assert done.returncode == 0, done.stderr
    text = picture.read_text("utf-8")
    assert "United Nations Office for Outer Space Affairs" in text
    assert "id:" not in re.sub(r'\b[\w:]*id="', "", text)
    assert width(picture) > width(drawn_alone(tmp_path))  # the figure grows with its longest name


def drawn_alone(folder: Path) -> Path:
    path = folder / "short.svg"
    with path.open("wb") as stream:
        plots.draw("network", ["a", "b"], [["x", "y"], ["y", "z"], ["x", "z"]], stream)
    return path


def width(path: Path) -> float:
    found = re.search(r'width="([\d.]+)pt"', path.read_text("utf-8"))
    assert found is not None
    return float(found[1])
