"""The feed of changes goes on from what was published before, and what is closed is never written again."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from pyoxigraph import NamedNode, parse

from conftest import REPOSITORY
from spacecoop import publish, workspace
from spacecoop.documents import Unreadable
from spacecoop.harvest import feeds, history
from spacecoop.harvest.editions import Edition
from spacecoop.shapes import Engine, Shapes, fast, reference
from spacecoop.syntaxes import NQUADS, TRIG

TEXT = """id: https://example.org/leaflets/{number}
a: Leaflet
printed: {{on: 2026-03-{day:02}T08:00:00Z}}
sightings:
  - {{id: this:morning, species: crane, count: {count}}}
"""


@pytest.fixture
def dated(birds: Path) -> Path:
    """A workspace of three dated articles, whose feed has two members a page."""
    for path in (birds / "articles").iterdir():
        path.unlink()
    for number in (1, 2, 3):
        write(birds, number, day=number, count=40)
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[feed]\npage = 2\n", "utf-8")
    return birds


def write(folder: Path, number: int, day: int, count: int) -> None:
    path = folder / "articles" / f"leaflet-{number}.yaml"
    path.write_text(TEXT.format(number=number, day=day, count=count), "utf-8")


def build(folder: Path) -> None:
    publish.publish(workspace.read(folder))


def versions(folder: Path) -> list[str]:
    """Each version as number, page, day, kind and article."""
    rows = history.read(workspace.read(folder))
    return [f"{row.number} {row.page} {row.date[:10]} {row.kind} {row.slug}" for row in rows]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


FIRST = [
    "1 1 2026-03-01 Create leaflet-1",
    "2 1 2026-03-02 Create leaflet-2",
    "3 2 2026-03-03 Create leaflet-3",
]


def test_an_empty_out_starts_the_feed_with_each_article_in_the_order_of_its_date(dated: Path) -> None:
    build(dated)

    assert versions(dated) == FIRST


def test_a_rebuild_without_changes_changes_no_byte_and_check_agrees(dated: Path) -> None:
    build(dated)
    before = {path: digest(path) for path in (dated / "out").rglob("*") if path.is_file()}
    build(dated)

    assert {path: digest(path) for path in (dated / "out").rglob("*") if path.is_file()} == before
    assert publish.check(workspace.read(dated)) == []


def test_a_changed_article_is_one_more_version_and_closed_pages_get_no_more_members(dated: Path) -> None:
    build(dated)
    closed = dated / "out" / "feed" / "1.trig"
    held = events(closed)
    assert closed.read_text("utf-8").count("count 40") == 2

    write(dated, 1, day=9, count=41)
    build(dated)

    assert versions(dated) == [*FIRST, "4 2 2026-03-09 Update leaflet-1"]
    assert events(closed) == held
    assert closed.read_text("utf-8").count("count 40") == 1  # what leaflet 1 says stands with its latest version
    assert "count 41" in (dated / "out" / "feed" / "2.trig").read_text("utf-8")
    assert publish.check(workspace.read(dated)) == []


def test_an_open_page_keeps_its_members_when_more_come(dated: Path) -> None:
    build(dated)
    page = dated / "out" / "feed" / "2.trig"
    assert "ldes:immutable" not in page.read_text("utf-8")
    held = members(page)

    write(dated, 4, day=4, count=7)
    build(dated)

    assert held < members(page)
    assert "ldes:immutable true" in page.read_text("utf-8")


def events(page: Path) -> set[str]:
    """What a page says of itself and of its members, beside what their articles say."""
    quads = parse(path=str(page), format=TRIG.format, base_iri="http://x.example/")
    return {str(quad) for quad in quads if not isinstance(quad.graph_name, NamedNode)}


def members(page: Path) -> set[str]:
    """What a page says in its members' graphs."""
    quads = parse(path=str(page), format=TRIG.format, base_iri="http://x.example/")
    return {str(quad) for quad in quads if isinstance(quad.graph_name, NamedNode)}


def test_an_article_that_goes_is_said_to_be_gone_and_may_come_back(dated: Path) -> None:
    build(dated)
    path = dated / "articles" / "leaflet-2.yaml"
    text = path.read_text("utf-8")
    path.unlink()
    build(dated)
    path.write_text(text, "utf-8")
    build(dated)

    assert versions(dated)[3:] == ["4 2 2026-03-03 Delete leaflet-2", "5 3 2026-03-03 Create leaflet-2"]


def test_the_stream_never_goes_back_in_time(dated: Path) -> None:
    build(dated)
    write(dated, 4, day=1, count=1)  # described late, dated early
    build(dated)

    assert versions(dated)[3:] == ["4 2 2026-03-03 Create leaflet-4"]


def test_an_article_without_a_date_is_not_placed_in_time(dated: Path) -> None:
    path = dated / "articles" / "leaflet-3.yaml"
    path.write_text(path.read_text("utf-8").replace("on: 2026-03-03T08:00:00Z", "by: nobody"), "utf-8")
    edition = Edition("a", "https://example.org/a", "0", None)

    assert list(feeds.write(dated / "new", [edition], workspace.read(dated), "x", {})) == []


def test_a_damaged_history_is_refused_at_its_line_and_out_stays(dated: Path) -> None:
    build(dated)
    table = dated / history.HISTORY
    good = table.read_text("utf-8")
    for bad in ("\n<<<<<<< ours", "\ntwo\t2026-03-02T08:00:00Z\tx\tCreate\t0", "\n4\tsoon\tx\tCreate\t0"):
        table.write_text(good.replace("\n2\t", f"{bad}\n2\t"), "utf-8")
        with pytest.raises(Unreadable) as broken:
            build(dated)
        assert str(broken.value.finding).startswith("history.tsv:4:1: violation: the feed of what was published")
    table.write_bytes(b"\xff")

    with pytest.raises(Unreadable) as caught:
        build(dated)

    assert str(caught.value.finding).startswith("history.tsv:1:1: violation: the feed of what was published")
    assert (dated / "out" / history.VERSIONS).read_text("utf-8") == good


def test_out_is_made_again_from_the_sources_after_changes_and_after_it_is_deleted(dated: Path) -> None:
    build(dated)
    write(dated, 1, day=9, count=41)
    (dated / "articles" / "leaflet-2.yaml").unlink()
    build(dated)
    before = {path: digest(path) for path in (dated / "out").rglob("*") if path.is_file()}

    shutil.rmtree(dated / "out")
    shutil.rmtree(dated / ".cache")
    build(dated)

    assert {path: digest(path) for path in (dated / "out").rglob("*") if path.is_file()} == before
    assert versions(dated)[3:] == ["4 2 2026-03-09 Update leaflet-1", "5 3 2026-03-09 Delete leaflet-2"]


def test_an_article_that_was_edited_and_gives_no_later_date_is_a_warning_at_build(dated: Path) -> None:
    def remarks() -> list[str]:
        return [str(found) for found in publish.publish(workspace.read(dated)).findings]

    assert remarks() == []
    write(dated, 1, day=1, count=41)  # edited, the date as it was
    write(dated, 3, day=4, count=41)  # edited, and dated
    write(dated, 4, day=1, count=41)  # new

    (said,) = remarks()
    assert said.startswith("articles/leaflet-1.yaml:1:1: warning: what this article says has changed since it was publ")
    assert "[not-revised]" in said
    (dated / "articles" / "leaflet-4.yaml").unlink()
    assert remarks() == []


def test_check_says_when_the_history_lacks_a_version_and_writes_nothing(dated: Path) -> None:
    build(dated)
    before = (dated / history.HISTORY).read_bytes()
    write(dated, 1, day=9, count=41)

    assert "../history.tsv" in publish.check(workspace.read(dated))
    assert (dated / history.HISTORY).read_bytes() == before


def test_two_branches_histories_are_merged_by_keeping_the_lines_of_both(dated: Path) -> None:
    build(dated)
    common = (dated / history.HISTORY).read_text("utf-8")
    write(dated, 4, day=9, count=41)
    build(dated)
    ours = (dated / history.HISTORY).read_text("utf-8").removeprefix(common)
    write(dated, 5, day=7, count=42)
    (dated / history.HISTORY).write_text(common, "utf-8")
    (dated / "articles" / "leaflet-4.yaml").rename(dated / "aside")
    build(dated)
    theirs = (dated / history.HISTORY).read_text("utf-8").removeprefix(common)
    (dated / "aside").rename(dated / "articles" / "leaflet-4.yaml")

    found = []
    for merged in (ours + theirs, theirs + ours, theirs + ours + theirs):
        (dated / history.HISTORY).write_text(common + merged, "utf-8")
        build(dated)
        found.append((dated / history.HISTORY).read_text("utf-8"))

    assert (ours.count("\n"), theirs.count("\n")) == (1, 1)
    assert len(set(found)) == 1
    assert versions(dated) == [*FIRST, "4 2 2026-03-07 Create leaflet-5", "5 3 2026-03-09 Create leaflet-4"]


def test_pages_name_one_another_by_relative_iris_and_members_by_absolute_ones(dated: Path) -> None:
    build(dated)
    root = (dated / "out" / "feed.trig").read_text("utf-8")

    assert "tree:node <feed/1.trig>" in root
    assert "x-spacecoop" not in root
    assert "<https://example.org/birds/feed/1#leaflet-1-1>" in (dated / "out" / "feed" / "1.trig").read_text("utf-8")
    assert re.findall(r"a tree:(\w+)Relation", root).count("LessThanOrEqualTo") == 1  # the open page has no end


def test_the_atom_feed_has_what_rfc_4287_wants(dated: Path) -> None:
    build(dated)
    feed = Xml.parse(dated / "out" / "feed.atom").getroot()  # noqa: S314  (our own file)
    name = {"a": "http://www.w3.org/2005/Atom"}

    assert [feed.find(f"a:{tag}", name) is not None for tag in ("id", "title", "updated", "author")] == [True] * 4
    entries = feed.findall("a:entry", name)
    assert [entry.findtext("a:title", "", name) for entry in entries] == [
        "leaflet-3: 0 claims (new)",
        "leaflet-2: 0 claims (new)",
        "leaflet-1: 0 claims (new)",
    ]
    assert len({entry.findtext("a:id", "", name) for entry in entries}) == 3


def judged(folder: Path, engine: Engine, change: str = "", to: str = "") -> list[str]:
    """What the feed's own shape finds in the members of all pages: the paths."""
    out = folder / "out"
    pages = [out / feeds.ROOT, *(out / "feed").glob("*.trig")]
    lines = {
        f"{quad.triple} ."
        for path in pages
        for quad in parse(path.read_bytes(), format=TRIG.format, base_iri=f"http://x.example/{path.name}")
        if not isinstance(quad.graph_name, NamedNode)
    }
    target = "<https://example.org/birds/feed#member> <http://www.w3.org/ns/shacl#targetObjectsOf> <{}member> ."
    data = "\n".join(sorted(lines))
    shape = Shapes((("feed", data + "\n" + target.format(feeds.PREFIXES["tree"])),))
    return [result.path for result in engine(shape, data.replace(change, to) if change else data)]


@pytest.mark.parametrize("engine", [fast, reference])
def test_each_member_meets_the_shape_that_the_stream_names(dated: Path, engine: Engine) -> None:
    build(dated)
    (dated / "articles" / "leaflet-2.yaml").unlink()  # one that says that its article went
    write(dated, 1, day=9, count=41)
    build(dated)
    kinds = [line.split()[3] for line in versions(dated)]

    assert "tree:shape <https://example.org/birds/feed#member>" in (dated / "out" / "feed.trig").read_text("utf-8")
    assert kinds == ["Create", "Create", "Create", "Update", "Delete"]
    assert judged(dated, engine) == []
    assert judged(dated, engine, "T08:00:00Z", "T08:00:00") != []
    assert judged(dated, engine, "activitystreams#Delete", "activitystreams#Gone") == [f"{feeds.PREFIXES['rdf']}type"]
    assert len(judged(dated, engine, "isVersionOf>", "isPartOf>")) == 5


def test_every_page_says_how_its_members_are_read_and_the_first_what_becomes_of_them(dated: Path) -> None:
    build(dated)
    root, *pages = [dated / "out" / name for name in ("feed.trig", "feed/1.trig", "feed/2.trig")]
    said = root.read_text("utf-8")

    for word in ("a ldes:EventStream", "ldes:timestampPath", "ldes:versionOfPath", "ldes:sequencePath", "tree:shape"):
        assert [path.read_text("utf-8").count(word) for path in (root, *pages)] == [1, 1, 1]
    for kind in ("Create", "Update", "Delete"):
        assert f"ldes:version{kind}Object as:{kind}" in said
    assert re.findall(r"ldes:(startingFrom|pointInTime) \"([^\"]+)", said) == [
        ("pointInTime", "2026-03-01T08:00:00Z"),
        ("startingFrom", "2026-03-01T08:00:00Z"),
    ]
    assert feeds.pages(dated / "out", workspace.read(dated)) == {1: True, 2: False}


# ------------------------------------------------------------------------------- what others' programs make of it


class Quiet(http.server.SimpleHTTPRequestHandler):
    extensions_map = {".trig": "application/trig", "": "application/octet-stream"}  # noqa: RUF012

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def served(dated: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(dated / "out")))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/feed.trig"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def ldes_client(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that runs ldes-client, from $LDES_CLIENT (a folder it is installed in) or npm."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node.js and npm are not installed")
    folder = Path(os.environ.get("LDES_CLIENT") or tmp_path_factory.mktemp("ldes-client"))
    script = folder / "node_modules" / "ldes-client" / "dist" / "bin" / "cli.js"
    if not script.is_file():
        done = subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--prefix", folder, "ldes-client@0.3.0"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode or not script.is_file():
            pytest.skip(f"ldes-client cannot be installed from npm: {done.stderr.strip()[-200:]}")
    return ["node", str(script)]


def replicated(command: list[str], address: str, *more: str) -> set[str]:
    """The members that ldes-client emits: what each says, without the graph."""
    done = subprocess.run([*command, address, *more], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"<(\S+)> <http://purl.org/dc/terms/isVersionOf>", done.stdout))


@pytest.mark.extended
def test_ldes_client_replicates_all_and_then_only_what_is_new(
    dated: Path, served: str, ldes_client: list[str], tmp_path: Path
) -> None:
    build(dated)
    state = ("--save", str(tmp_path / "state"))
    stream = "https://example.org/birds/feed"

    first = replicated(ldes_client, served, *state)
    write(dated, 1, day=9, count=41)
    build(dated)
    again = replicated(ldes_client, served, *state)

    assert first == {f"{stream}/1#leaflet-1-1", f"{stream}/1#leaflet-2-2", f"{stream}/2#leaflet-3-3"}
    assert again == {f"{stream}/2#leaflet-1-4"}


@pytest.mark.extended
def test_ldes_client_gives_each_member_whole_and_in_order(dated: Path, served: str, ldes_client: list[str]) -> None:
    build(dated)
    done = subprocess.run(
        [*ldes_client, served, "--ordered", "ascending"], capture_output=True, text=True, timeout=120, check=True
    )
    days = re.findall(r'<http://purl.org/dc/terms/issued> "(2026-03-\d\d)', done.stdout)
    integer = "http://www.w3.org/2001/XMLSchema#integer"
    wanted = {
        str(quad.triple).replace(f'"40"^^<{integer}>', "40")  # the client writes numbers as Turtle does
        for path in (dated / "out" / "article").glob("*.nq")
        for quad in parse(path=str(path), format=NQUADS.format)
    }

    assert days == sorted(days)
    assert len(days) == 3
    assert {triple for triple in wanted if triple not in done.stdout} == set()


def test_the_history_is_a_plain_table(dated: Path) -> None:
    build(dated)
    lines = (dated / history.HISTORY).read_text("utf-8").splitlines()
    assert (dated / history.HISTORY).read_bytes() == (dated / "out" / history.VERSIONS).read_bytes()

    assert lines[:2] == ["# https://example.org/birds/", "position\tdate\tslug\tkind\tsha256"]
    manifest = json.loads((dated / "out" / "manifest.json").read_text("utf-8"))
    assert "feed/versions.tsv" in {row["path"] for row in manifest["files"]}


@pytest.mark.parametrize(
    ("name", "language", "title", "about", "claim"),
    [
        ("feed.atom", "en", "claims (new)", "On ", "China will no longer explore the Moon on its own."),
        (
            "feed.fr.atom",
            "fr",
            "assertions (nouveau)",
            "Sujets : ",
            "La Chine va cesser d'explorer la Lune en solitaire.",
        ),
    ],
)
def test_an_atom_entry_tells_people_what_came_in_their_language(
    name: str, language: str, title: str, about: str, claim: str
) -> None:
    feed = Xml.parse(REPOSITORY / "out" / name).getroot()  # noqa: S314  (our own file)
    atom = {"a": "http://www.w3.org/2005/Atom"}
    entry = next(
        one for one in feed.findall("a:entry", atom) if one.findtext("a:id", "", atom).rpartition("#")[2] == "a001-1"
    )

    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == language
    assert entry.findtext("a:title", "", atom).startswith("Numerama, 2019-03, fr")
    assert entry.findtext("a:title", "", atom).endswith(title)
    assert entry.findtext("a:summary", "", atom).startswith(about)
    assert claim in entry.findtext("a:summary", "", atom)
    assert 1 <= len(entry.findall("a:category", atom)) <= 5


@pytest.mark.parametrize("first", ["<<<<<<< HEAD", "position\tdate\tslug\tkind\tsha256", "1\t2026-01-01", "garbage"])
def test_a_history_that_does_not_begin_as_one_is_told_and_stays(birds: Path, first: str) -> None:
    (birds / "history.tsv").write_text(f"{first}\nmore\n", "utf-8")

    with pytest.raises(Unreadable, match="first line"):
        publish.publish(workspace.read(birds))

    assert (birds / "history.tsv").read_text("utf-8") == f"{first}\nmore\n"
