"""Apache Jena's TDB2 (Debian: libapache-jena-java): its parser takes what we export, and its bulk loader keeps it."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, parse

from conftest import REPOSITORY
from spacecoop import workspace
from spacecoop.stores import exports, graphs
from spacecoop.stores.digests import digest, value_line
from spacecoop.stores.exports import FORMATS, Form

JARS = Path("/usr/share/java")
NAMES = """
jena-arq jena-base jena-cmds jena-core jena-dboe-base jena-dboe-index jena-dboe-storage jena-dboe-trans-data
jena-dboe-transaction jena-iri jena-rdfconnection jena-shacl jena-shex jena-tdb jena-tdb2 commons-cli commons-codec
commons-compress commons-csv commons-io commons-lang3 dexx.collection gson guava jackson-annotations jackson-core
jackson-databind jakarta.json-api jsonld-java protobuf slf4j-api slf4j-simple thrift titanium-json-ld httpclient
httpcore commons-logging
"""
RESOURCES = "org/apache/jena/ext/"
PLACE = workspace.read(REPOSITORY)

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(
        not shutil.which("java") or not (JARS / "jena-tdb2.jar").is_file(),
        reason="no Jena; `apt-get install --no-install-recommends libapache-jena-java`",
    ),
    pytest.mark.xdist_group("jena"),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The class path. Debian moved Jena's copy of Xerces, but not what it reads; that is laid beside it."""
    folder = tmp_path_factory.mktemp("jena")
    with zipfile.ZipFile(JARS / "jena-core.jar") as jar:
        for name in jar.namelist():
            if name.startswith(f"{RESOURCES}xerces/") and not name.endswith("/"):
                target = folder / name.removeprefix(RESOURCES)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(jar.read(name))
    return ":".join([str(folder), *(str(JARS / f"{name}.jar") for name in NAMES.split())])


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
