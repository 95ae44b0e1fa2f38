"""Apache Jena's TDB2 (Debian: libapache-jena-java): its parser takes what we export, and its bulk loader keeps it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse

import jena
from conftest import REPOSITORY
from spacecoop import workspace
from spacecoop.stores import exports, graphs
from spacecoop.stores.digests import digest, value_line
from spacecoop.stores.exports import FORMATS, Form

PLACE = workspace.read(REPOSITORY)

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(
        not jena.is_here(),
        reason="no Jena; `apt-get install --no-install-recommends libapache-jena-java`",
    ),
    pytest.mark.xdist_group("jena"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    return jena.class_path(tmp_path_factory.mktemp("jena"))


def java(path: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["java", "-cp", path, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)


@pytest.mark.parametrize("name", ["nquads", "ntriples", "turtle", "trig"])
def test_jena_s_parser_has_nothing_to_say_of_what_is_exported(path: str, name: str, tmp_path: Path) -> None:
    (file,) = exports.write(PLACE, Form(FORMATS[name]), tmp_path / f"dataset{FORMATS[name].ending}")

    done = java(path, "riotcmd.riot", "--validate", file)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_jena_s_parser_does_speak_of_what_is_wrong(path: str, tmp_path: Path) -> None:
    (tmp_path / "bad.nt").write_text("<http://a.example/ b> <http://a.example/> 5 .\n", "utf-8")

    done = java(path, "riotcmd.riot", "--validate", tmp_path / "bad.nt")

    assert done.returncode != 0 or "ERROR" in done.stderr


def test_what_tdb2_s_loader_brings_in_comes_out_with_the_digests_of_ours(path: str, tmp_path: Path) -> None:
    paths = exports.write(PLACE, Form(FORMATS["nquads"], packed=True, split=2000), tmp_path / "load")

    loaded = java(path, "tdb2.tdbloader", "--loc", tmp_path / "db", *paths)
    dumped = java(path, "tdb2.tdbdump", "--loc", tmp_path / "db")

    assert loaded.returncode == 0, loaded.stderr
    lines: dict[str, set[str]] = {}
    for quad in parse(dumped.stdout, format=RdfFormat.N_QUADS):
        lines.setdefault(str(quad.graph_name)[1:-1], set()).add(value_line(str(quad.triple)))
    ours = graphs.read(PLACE)
    assert {iri: (len(found), digest(found)) for iri, found in lines.items()} == {
        iri: (graph.statements, graph.digest) for iri, graph in ours.items()
    }
