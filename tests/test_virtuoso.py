"""The named queries on a real Virtuoso: the same rows as at home."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(
        shutil.which("virtuoso-t") is None, reason="virtuoso-t is not here (Debian: virtuoso-opensource-7-bin)"
    ),
]
DIFFERS = {
    "classes": "Virtuoso's own graphs have things too",
    "graphs": "Virtuoso has graphs of its own",
}
TWICE = {"contributions"}
"""Of these Virtuoso gives some rows twice, though the query says DISTINCT."""
BOOLEAN = "http://www.w3.org/2001/XMLSchema#boolean"
WRITTEN = str.maketrans("≤≥", "??")
"""What Virtuoso makes of some signs in a concatenation."""
NAMES = sorted(path.stem for path in (REPOSITORY / "queries").glob("*.rq"))
SETTINGS = """
[Database]
DatabaseFile={folder}/v.db
ErrorLogFile={folder}/v.log
LockFile={folder}/v.lck
TransactionFile={folder}/v.trx
xa_persistent_file={folder}/v.pxa
[TempDatabase]
DatabaseFile={folder}/t.db
TransactionFile={folder}/t.trx
[Parameters]
ServerPort=127.0.0.1:{sql}
DisableUnixSocket=1
DirsAllowed={folder}
NumberOfBuffers=10000
MaxDirtyBuffers=6000
[HTTPServer]
ServerPort=127.0.0.1:{http}
ServerRoot={folder}
[SPARQL]
ResultSetMaxRows=100000
MaxQueryExecutionTime=60
"""
LOAD = """ld_dir('{folder}', 'dataset.nq', 'http://e/');
ld_dir('{folder}', 'wikidata.nt', 'http://w/');
rdf_loader_run();
checkpoint;
select ll_state, ll_error from DB.DBA.load_list;
"""


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Virtuoso with the dataset in it."""
    folder, sql, http = tmp_path_factory.mktemp("virtuoso"), free(), free()
    (folder / "v.ini").write_text(SETTINGS.format(folder=folder, sql=sql, http=http))
    shutil.copy(REPOSITORY / "out" / "dataset.nq", folder)
    shutil.copy(REPOSITORY / "tests" / "data" / "wikidata.nt", folder)
    words = ["virtuoso-t", "-c", str(folder / "v.ini"), "+foreground"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            said = ""
            for _ in range(120):
                done = isql(sql, "select 'up';")
                if "up" in done:
                    said = isql(sql, LOAD.format(folder=folder))
                    break
                time.sleep(0.5)
            assert "2 Rows" in said, said
            yield f"http://127.0.0.1:{http}/sparql"
        finally:
            process.kill()


def isql(port: int, text: str) -> str:
    words = ["isql-vt", f"127.0.0.1:{port}", "dba", "dba"]
    done = subprocess.run(words, input=text, text=True, capture_output=True, timeout=120, check=False)
    return done.stdout + done.stderr


def rows(text: str) -> list[str]:
    """Return rows as what they say: engines differ in how they mark a plain string, and write true and a number."""
    answer = json.loads(text)
    return sorted(
        json.dumps({name: value(term) for name, term in row.items()}, sort_keys=True, ensure_ascii=False)
        for row in answer["results"]["bindings"]
    )


def value(term: dict[str, str]) -> str:
    """Return a term's value; Virtuoso 7 writes true as 1."""
    found = term["value"].translate(WRITTEN)
    return {"true": "1", "false": "0"}.get(found, found) if term.get("datatype") == BOOLEAN else found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name in ("out", "queries"):
        shutil.copytree(REPOSITORY / name, folder / name)
    shutil.copy(REPOSITORY / "spacecoop.toml", folder)
    (folder / "links").mkdir()
    shutil.copy(REPOSITORY / "tests" / "data" / "wikidata.nt", folder / "links")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_named_query_has_the_same_rows_on_virtuoso(name: str, virtuoso: str, home: Path, run: Run) -> None:
    graph = "CONSTRUCT" in (REPOSITORY / "queries" / f"{name}.rq").read_text()
    form = "ntriples" if graph else "json"

    here = run("query", name, "--format", form, cwd=home)
    there = run("query", name, "--format", form, "--endpoint", virtuoso, cwd=home)

    assert there.returncode == 0, there.stderr
    if name in DIFFERS:
        assert len(rows(there.stdout)) >= len(rows(here.stdout)), DIFFERS[name]
    elif graph:
        assert there.stdout == here.stdout
    elif name in TWICE:
        assert set(rows(there.stdout)) == set(rows(here.stdout))
    else:
        assert rows(there.stdout) == rows(here.stdout)
