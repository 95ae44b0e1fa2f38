"""A real Virtuoso 7 (Debian: virtuoso-opensource-7-bin), started here on ports and in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import storetest
from conftest import Run
from spacecoop import publish, pushing, workspace
from spacecoop.stores import exports, graphs, targets
from spacecoop.stores.exports import FORMATS, Form
from storetest import BASE, article, dataset, free_port, published

pytestmark = [
    pytest.mark.extended,
    pytest.mark.skipif(
        not shutil.which("virtuoso-t") or not shutil.which("isql-vt"),
        reason="no virtuoso-t; `apt-get install --no-install-recommends virtuoso-opensource-7-bin`",
    ),
    pytest.mark.xdist_group("virtuoso"),
]
OWL = f"{BASE}article/owl#assertion"
SECRETS = {"LIB_USER": "dba", "LIB_PASSWORD": "dba"}
INI = """
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
[TempDatabase]
DatabaseFile = {folder}/temp.db
TransactionFile = {folder}/temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
DirsAllowed = {folder}/load, {folder}/load/blocks
NumberOfBuffers = 10000
MaxDirtyBuffers = 7500
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = {folder}/load
[SPARQL]
ResultSetMaxRows = 10000
MaxQueryExecutionTime = 60
"""


class Virtuoso:
    def __init__(self, folder: Path) -> None:
        self.folder, self.sql, self.http = folder, free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http}/"
        (folder / "load").mkdir()
        (folder / "virtuoso.ini").write_text(INI.format(folder=folder, sql=self.sql, http=self.http), "utf-8")

    def isql(self, text: str) -> str:
        words = ["isql-vt", f"127.0.0.1:{self.sql}", "dba", "dba"]
        return subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=60).stdout

    def settings(self) -> str:
        return (
            f'[stores.library]\nurl = "{self.url}"\ndialect = "virtuoso"\nauth = "digest"\n'
            'user_variable = "LIB_USER"\npassword_variable = "LIB_PASSWORD"\n'
        )


@pytest.fixture(scope="module")
def virtuoso(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Virtuoso]:
    server = Virtuoso(tmp_path_factory.mktemp("virtuoso"))
    command = ["virtuoso-t", "-c", str(server.folder / "virtuoso.ini"), "+foreground"]
    process = subprocess.Popen(command, cwd=server.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with storetest.ended(process, lambda: server.isql("shutdown;")):
        storetest.ready(f"{server.url}sparql?query=ASK%7B%7D", process, 120)
        yield server


@pytest.fixture
def clean(virtuoso: Virtuoso, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Virtuoso]:
    """The server, with none of our graphs in it afterwards."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    yield virtuoso
    place = workspace.read(published(tmp_path / "clean", dataset("owl"), virtuoso.settings()))
    store = targets.connect(targets.find(place, "library"), BASE)
    for graph in store.counts():
        store.remove(graph)


def push(run: Run, root: Path, *words: str) -> str:
    done = run("-C", root, "push", "library", *words, **SECRETS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_dataset_is_added_edited_pruned_and_proven(run: Run, clean: Virtuoso, tmp_path: Path) -> None:
    root = published(tmp_path / "w", dataset("owl", "tit"), clean.settings())
    first = push(run, root)
    second = push(run, root)
    published(root, dataset("owl", "tit") | article("owl", word="<html> # heard 😀"), clean.settings())
    third = push(run, root)
    published(root, dataset("owl"), clean.settings())
    fourth = push(run, root, "--prune")

    assert "written: 5 graphs of 10 triples" in first
    assert "5 graphs unchanged" in second and "written" not in second
    assert "1 graph to replace (+3 -3 triples)" in third
    assert "deleted: 2 graphs" in fourth
    assert "proven: 3 of 3 graphs (6 triples): 3 read whole and compared" in fourth


def test_a_graph_of_more_rows_than_it_gives_is_read_whole(run: Run, clean: Virtuoso, tmp_path: Path) -> None:
    root = published(tmp_path / "w", dataset("tit") | article("owl", count=12_000), clean.settings())

    assert ": 5 read whole and compared, 0 only counted" in push(run, root)
    published(root, dataset("tit") | article("owl", count=12_001), clean.settings())
    again = push(run, root, "--quick")

    assert "(+1 -0 triples)" in again
    assert ": 1 read whole and compared, 4 only counted" in again


def test_terms_that_every_store_keeps_come_back_and_the_case_of_its_languages_is_said(
    run: Run, clean: Virtuoso, tmp_path: Path
) -> None:
    xsd = "http://www.w3.org/2001/XMLSchema#"
    typed = {
        "boolean": ("true", "false"), "integer": ("0", "-7", "2147483647"), "decimal": ("1.5", "0.1"),
        "date": ("2019-03-25",), "gYear": ("2019",), "gYearMonth": ("2019-03",), "dateTime": ("2019-03-25T10:00:00Z",),
    }  # fmt: skip
    literals = [f'"{text}"^^<{xsd}{kind}>' for kind, texts in typed.items() for text in texts]
    literals += ['"é中😀 <html>"@fr', '"a\\nb\\t\\"c\\\\"', '""', '"x"@zh-Hans', f"<{BASE}é/{'x' * 1800}>"]
    made = dataset("tit") | {OWL: [f"<{BASE}a> <{BASE}b{n}> {term}" for n, term in enumerate(literals)]}
    root = published(tmp_path / "w", made, clean.settings())

    said = push(run, root)
    flipped = {OWL: [line.replace('"true"', '"false"') for line in made[OWL]]}
    published(root, made | flipped, clean.settings())

    assert said.count("note: ") == 1 and '"@zh-hans for "@zh-Hans' in said
    assert "error" not in said
    assert "(+1 -1 triples)" in push(run, root)


def test_its_own_loader_is_asked_through_sparql_and_keeps_every_sign(clean: Virtuoso, tmp_path: Path) -> None:
    place = workspace.read(published(tmp_path / "w", dataset("tit"), clean.settings()))
    store = targets.connect(targets.find(place, "library"), BASE)
    texts = [
        r"it's",
        r"\\",
        r"\"",
        r"\n \t",
        r"a\rb",
        r"\u0007",
        "<html>&amp;",
        "é中😀",
        " . } <a> { ",
        "$x ?:y %s",
        "",
    ]
    lines = [f'<{BASE}é> <{BASE}b{n}> "{text}"@en' for n, text in enumerate(texts)]
    long = f'<{BASE}a> <{BASE}b> "{"é" * 200_000}"'

    assert store.loads
    store.add({OWL: lines, f"{OWL}2": [long]})

    assert sorted(store.contents({OWL: len(lines), f"{OWL}2": 1})[OWL]) == sorted(lines)
    assert store.contents({f"{OWL}2": 1})[f"{OWL}2"] == [long]
    assert store.counts() == {OWL: len(lines), f"{OWL}2": 1}


def test_values_that_it_would_change_are_refused_before_anything_is_sent(
    run: Run, clean: Virtuoso, tmp_path: Path
) -> None:
    double = f'<{BASE}a> <{BASE}b> "0.12345678"^^<http://www.w3.org/2001/XMLSchema#double>'
    long = f"<{BASE}a> <{BASE}b> <{BASE}{'x' * 1900}>"
    root = published(tmp_path / "w", dataset("tit") | {OWL: [double, long]}, clean.settings())

    done = run("-C", root, "push", "library", **SECRETS)
    after = run("-C", root, "push", "library", "--dry-run", **SECRETS)

    assert done.returncode == 1
    assert "nothing is sent" in done.stderr
    assert "more than 6 digits" in done.stderr and "more than 1,879 characters" in done.stderr
    assert "4 graphs to add" in after.stdout


def test_a_wrong_password_is_said_without_it(run: Run, clean: Virtuoso, tmp_path: Path) -> None:
    root = published(tmp_path / "w", dataset("owl"), clean.settings())

    done = run("-C", root, "push", "library", LIB_USER="dba", LIB_PASSWORD="s3cret")  # noqa: S106

    assert done.returncode == 1
    assert "401: the store does not accept these credentials" in done.stderr
    assert "s3cret" not in done.stderr


def test_readers_never_find_a_graph_empty_while_it_is_replaced(run: Run, clean: Virtuoso, tmp_path: Path) -> None:
    root = published(tmp_path / "w", dataset("tit") | article("owl", count=1_500), clean.settings())
    push(run, root)
    published(root, dataset("tit") | article("owl", count=1_500, word="heard"), clean.settings())
    place = workspace.read(root)
    reader = targets.connect(targets.find(place, "library"), BASE)
    words = ["-C", str(root), "push", "library"]
    import sys

    process = subprocess.Popen([sys.executable, "-m", "spacecoop", *words], env=storetest.environment(**SECRETS))
    seen = []
    while process.poll() is None:
        seen.append(reader.counts([OWL]).get(OWL, 0))

    assert process.returncode == 0
    assert len(seen) > 5
    assert min(seen) >= 1_500


def test_its_own_loader_takes_our_parts_and_a_push_then_sends_nothing(
    run: Run, clean: Virtuoso, tmp_path: Path
) -> None:
    root = published(tmp_path / "w", dataset("owl", "tit"), clean.settings())
    place = workspace.read(root)
    exports.write(place, Form(FORMATS["nquads"], packed=True, split=4), clean.folder / "load")

    said = clean.isql(
        f"ld_dir('{clean.folder}/load', '*.nq.gz', '{BASE}graph/none');\nrdf_loader_run();\ncheckpoint;\n"
        "select ll_file, ll_state, ll_error from DB.DBA.load_list;\n"
    )
    found = push(run, root)

    assert said.count(".nq.gz") >= 3
    assert "5 graphs right, but the store's own list does not say so" in found
    assert "written" not in found
    report = pushing.Report()
    pushing.verify(targets.connect(targets.find(place, "library"), BASE), graphs.read(place), report)
    assert report.differences == []


def test_its_own_loader_takes_the_blocks_of_a_build(clean: Virtuoso, birds: Path) -> None:
    settings = birds / "spacecoop.toml"
    settings.write_text(f"{settings.read_text('utf-8')}\n[dumps]\nblocks = 3\n\n{clean.settings()}", "utf-8")
    place = workspace.read(birds)
    publish.publish(place, pages=False)
    blocks = Path(shutil.copytree(birds / "out" / "blocks", clean.folder / "load" / "blocks"))

    clean.isql(f"ld_dir('{blocks}', '*.nq.gz', 'http://none.example/');\nrdf_loader_run();\ncheckpoint;\n")

    store, report = targets.connect(targets.find(place, "library"), place.base), pushing.Report()
    pushing.verify(store, graphs.read(place), report)
    assert report.differences == []
    assert len(store.counts()) > 5
    for graph in store.counts():
        store.remove(graph)


def test_a_push_that_is_killed_is_finished_by_the_same_command(run: Run, clean: Virtuoso, tmp_path: Path) -> None:
    made = dataset(*(f"bird-{number}" for number in range(100)))
    root = published(tmp_path / "w", made, clean.settings())
    storetest.killed_in_the_middle(root, "library", secrets=SECRETS)

    waiting = run("-C", root, "push", "library", **SECRETS)
    finished = push(run, root, "--take-over")

    assert waiting.returncode == 1
    assert "wait for that, or say --take-over" in waiting.stderr
    assert "graphs to add" in finished
    assert "graphs right, but the store's own list does not say so" in finished
    assert f"proven: {len(made)} of {len(made)} graphs" in finished
