"""`spacecoop query`, as people run it: over what was built, files, stores and endpoints."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from pyoxigraph import RdfFormat, Store

from conftest import REPOSITORY, Run, heed_interrupts
from test_endpoint import JSON, Answer, always, serving

WIKIDATA = REPOSITORY / "tests" / "data" / "wikidata.nt"
SERVICE = "SELECT ?item ?launch { SERVICE <%s> { ?item wdt:P619 ?launch } }"
NAMES = sorted(path.stem for path in (REPOSITORY / "queries").glob("*.rq"))


@pytest.fixture(scope="module")
def workspace(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What queries need of the frozen workspace, with an extract of Wikidata beside it."""
    folder = tmp_path_factory.mktemp("workspace")
    for name in ("out", "queries"):
        shutil.copytree(frozen / name, folder / name)
    shutil.copy(frozen / "spacecoop.toml", folder)
    (folder / "links").mkdir()
    shutil.copy(WIKIDATA, folder / "links")
    return folder


@pytest.fixture(scope="module")
def server(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Oxigraph server that holds the same."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = tmp_path_factory.mktemp("server") / "store"
    filled = Store(store)
    filled.bulk_load(path=workspace / "out" / "dataset.nq", format=RdfFormat.N_QUADS)
    filled.bulk_load(path=WIKIDATA, format=RdfFormat.N_TRIPLES)
    filled.flush()
    del filled
    program = Path(sys.prefix) / "bin" / "oxigraph"
    words: list[str | Path] = [
        program,
        "serve-read-only",
        "--location",
        store,
        "--bind",
        f"127.0.0.1:{port}",
        "--union-default-graph",
    ]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}/query"
        finally:
            process.terminate()


def test_a_named_query_prints_a_table(workspace: Path, run: Run) -> None:
    done = run("query", "agreements", cwd=workspace)

    assert done.returncode == 0
    assert done.stdout.splitlines()[3].split("│")[2:4] == [" 2019-03-25 ", " China, France "]
    assert done.stderr == ""


def test_the_labels_follow_the_language_that_is_asked_for(workspace: Path, run: Run) -> None:
    done = run("--lang", "fr", "query", "speakers", "--format", "csv", cwd=workspace)
    said = run("query", "principles", "--param", "lang=fr", "--format", "csv", cwd=workspace)

    assert done.stdout.startswith("claimant,claims,quoted\n")
    assert "utilisation pacifique" in said.stdout


def test_the_list_has_every_query_with_what_it_is_for(workspace: Path, run: Run) -> None:
    english, french = run("query", "--list", cwd=workspace), run("--lang", "fr", "query", "--list", cwd=workspace)

    assert [line.split()[0] for line in english.stdout.splitlines()] == NAMES
    assert len(NAMES) >= 20
    assert "Which agreements are reported as signed" in english.stdout
    assert "Quels accords" in french.stdout


def test_help_after_a_name_tells_what_the_query_takes_and_gives(workspace: Path, run: Run) -> None:
    done = run("query", "cooperation", "--help", cwd=workspace)
    french = run("--lang", "fr", "query", "cooperation", "--help", cwd=workspace)

    assert done.returncode == 0
    assert "country (entity): a party to it; such as --param country=france" in done.stdout
    assert "modality: how far along" in done.stdout
    assert "paramètres :\n  country (entity): une partie; par exemple --param country=france" in french.stdout


def test_a_default_of_the_dataset_is_told_and_a_short_name_serves_for_an_iri(workspace: Path, run: Run) -> None:
    chosen = run("query", "partners", "--format", "csv", cwd=workspace)
    said = run("query", "partners", "--param", "party=china", "--format", "csv", cwd=workspace)
    short = run("query", "terms", "--param", "scheme=topic", "--format", "csv", cwd=workspace)

    assert chosen.stderr == "note: party: china, by default\n"
    assert said.stderr == ""
    assert chosen.stdout == said.stdout
    assert short.stdout.count("\n") > 5


def test_every_named_query_runs_in_a_new_workspace(tmp_path: Path, run: Run) -> None:
    assert run("init", tmp_path / "new").returncode == 0
    assert run("-C", tmp_path / "new", "build").returncode == 0

    for name in NAMES:
        done = run("-C", tmp_path / "new", "query", name)
        assert done.returncode == 0, name
        assert all(line.startswith("note: ") for line in done.stderr.splitlines()), name


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["agreemnts"], "no query 'agreemnts' in queries/, nor a file of that name; did you mean 'agreements'?"),
        (["cooperation", "--param", "cuntry=france"], "has no parameter 'cuntry'; did you mean 'country'?"),
        (["cooperation", "--param", "country=frence"], "country: nothing is called 'frence'; did you mean 'france'?"),
        (["cooperation", "--param", "from=soon"], "from: 'soon' is not of the type gYear; such as 2019"),
        (["cooperation", "--param", "from=20190"], "from: '20190' is not of the type gYear; such as 2019"),
        (["claims", "--param", "article=a00l"], "article: nothing is called 'a00l'; did you mean 'a00"),
        (["claims", "--param", "lang=de"], "lang: 'de' is not a language of the dataset; there are en, fr, zh"),
        (["claims", "--param", "lang=d e"], "lang: 'd e' is not a language"),
        (["evidence", "--param", "claim=Z-99"], "claim: nothing is called 'Z-99'"),
        (["terms", "--param", "scheme=topik"], "scheme: nothing is called 'topik'; did you mean 'https://"),
        (["cooperation", "--param", "from"], "write it as NAME=VALUE"),
        (["claims", "--param", "how=xyzzy"], "there are agreed, announced"),
        (["evidence", "--format", "turtle"], "cannot be written as turtle; it can as table, csv"),
        (["missing/file.rq"], "missing/file.rq: "),
        (["../queries/x"], "../queries/x: "),
        (["evidence", "--data", "gone.ttl"], "gone.ttl: No such file"),
        (["evidence", "--store", "out"], "not the folder of an Oxigraph store"),
        (["evidence", "--endpoint", "nowhere"], "not the address of an endpoint"),
        (["evidence", "--output", "no/such/folder.csv"], "No such file"),
        (["evidence", "--output", "out"], "out is a folder; name a file in it"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: list[str], says: str, workspace: Path, run: Run) -> None:
    done = run("query", *words, cwd=workspace)

    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--limit", "0"], "argument --limit: '0' is not a whole number from 1 on"),
        (["--page", "2"], "--page says which part of --limit N rows; give both"),
        (["--timeout", "nan"], "argument --timeout: 'nan' is not a number of seconds"),
        (["--timeout", "-1"], "'-1' is not a number of seconds"),
    ],
)
def test_wrong_usage_is_said_so(words: list[str], says: str, workspace: Path, run: Run) -> None:
    done = run("query", "evidence", *words, cwd=workspace)

    assert done.returncode == 2
    assert says in done.stderr


def asked(text: str, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "spacecoop", "query", "-", *map(str, words)]
    return subprocess.run(command, cwd=cwd, input=text, text=True, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("INSERT DATA { <e:a> <e:b> <e:c> }", "this is an update, and a query changes nothing"),
        ("LOAD <http://127.0.0.1:9/>", "this is an update"),
        ("# SELECT\nDELETE WHERE { ?s ?p ?o }", "this is an update"),
        ("SELECT * FROM <http://127.0.0.1:9/> { ?s ?p ?o }", "is not a graph of out/dataset.nq"),
        ("SELECT * FROM <file:///etc/passwd> { ?s ?p ?o }", "is not a graph of"),
        (SERVICE % "http://127.0.0.1:9/", "--allow-service http://127.0.0.1:9/ allows it"),
        (SERVICE % "https://query.wikidata.org/sparql", "--allow-service wikidata allows it"),
        ("SELECT * { ?x ?y ?e . SERVICE ?e { ?s ?p ?o } }", "SERVICE ?e may reach any host"),
        ("SELECT *\n{ ?s ?p ?o ]", "line 2, column 13"),
        ("SELECT * { ?s nope:p ?o }", "the prefix nope: is not declared"),
        ("", "-: there is no query in it"),
        ("# nothing\n", "-: there is no query in it"),
        ("SELECT * { ?s ?p ?o FILTER (<http://e/f>(?o)) }", "-: there is no function <http://e/f>"),
    ],
)
def test_a_query_that_may_not_be_asked_is_refused(text: str, says: str, workspace: Path) -> None:
    done = asked(text, cwd=workspace)

    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_byte_order_mark_before_a_query_is_passed_over(workspace: Path) -> None:
    assert asked("\ufeffSELECT (1 AS ?x) {}", "--format", "csv", cwd=workspace).stdout == "x\n1\n"


def test_a_row_without_columns_is_said_to_be_one(workspace: Path) -> None:
    assert asked("SELECT * {}", cwd=workspace).stdout == "1 row without columns\n"


def test_a_graph_of_the_dataset_may_be_asked_alone(workspace: Path) -> None:
    text = "SELECT (COUNT(*) AS ?n) FROM <https://w3id.org/spacecoop/graph/wikidata> { ?s ?p ?o }"

    assert asked(text, "--format", "csv", cwd=workspace).stdout == "n\n93\n"  # 87 that are built, and 6 beside them


def test_a_cross_product_is_stopped_and_says_so(workspace: Path) -> None:
    text = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"

    done = asked(text, "--timeout", "1", cwd=workspace)

    assert done.returncode == 1
    assert done.stderr == "spacecoop query: stopped after 1 s; ask for less, or allow more with --timeout\n"


def test_an_interruption_ends_at_once_and_leaves_nothing(workspace: Path) -> None:
    text = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
    command = [sys.executable, "-m", "spacecoop", "query", "-", "--output", "rows.csv", "--format", "csv"]
    with subprocess.Popen(
        command,
        cwd=workspace,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    ) as process:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        started = time.monotonic()
        process.wait(20)

    assert process.returncode == 130
    assert time.monotonic() - started < 10
    assert not list(workspace.glob("*rows.csv*"))


def test_a_reader_that_has_enough_ends_it_quietly(workspace: Path) -> None:
    command = f"{sys.executable} -m spacecoop query - --format tsv --data out/dataset.nq | head -2"
    done = subprocess.run(
        command,
        shell=True,
        cwd=workspace,
        input="SELECT * { ?s ?p ?o . ?x ?y ?s }",
        text=True,
        capture_output=True,
        check=False,
    )

    assert len(done.stdout.splitlines()) == 2
    assert "Traceback" not in done.stderr


def test_a_file_is_written_whole(workspace: Path, run: Run, tmp_path: Path) -> None:
    done = run("query", "speakers", "--format", "csv", "--output", tmp_path / "rows.csv", "-v", cwd=workspace)

    assert done.stdout == ""
    assert (tmp_path / "rows.csv").read_text() == (
        "claimant,claims,quoted\nJi Qiming,11,6\nNumerama,27,0\nPeople's Daily Online,10,0\n"
    )
    assert "3 rows in 0." in done.stderr
    assert "from out/dataset.nq with the frozen links/wikidata.nt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_a_failure_leaves_the_old_file(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("old")

    done = asked("SELECT * { ?s ?p", "--output", tmp_path / "rows.csv", cwd=workspace)

    assert done.returncode == 1
    assert (tmp_path / "rows.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_pages_and_labels(workspace: Path, run: Run) -> None:
    page = run("query", "modalities", "--limit", "2", "--page", "2", "--format", "csv", cwd=workspace)
    labels = run("query", "links", "--limit", "1", "--labels", cwd=workspace)

    assert page.stdout == "article,modality,claims\na001,assessed,2\na001,discussed,1\n"
    assert "id:belgium (Belgium)" in labels.stdout


def test_a_file_may_be_asked_outside_of_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "a.ttl").write_text("<http://e/a> <http://e/b> 1 .")

    done = asked("SELECT ?o { ?s ?p ?o }", "--data", "a.ttl", "--format", "csv", cwd=tmp_path)

    assert done.stdout == "o\n1\n"


def test_a_workspace_that_was_not_built_says_what_to_do(tmp_path: Path, run: Run) -> None:
    shutil.copy(REPOSITORY / "spacecoop.toml", tmp_path)
    shutil.copytree(REPOSITORY / "queries", tmp_path / "queries")

    done = run("query", "agreements", cwd=tmp_path)

    assert done.stderr == "spacecoop query: out/dataset.nq is not there; run `spacecoop build` first\n"


def test_the_same_query_has_the_same_bytes_each_time(workspace: Path, run: Run) -> None:
    text = "SELECT * { ?s a spc:Claim ; ?p ?o }"
    (workspace / "unordered.rq").write_text(text)

    ways = {
        run("query", "unordered.rq", "--format", "json", cwd=workspace, PYTHONHASHSEED=seed).stdout for seed in "0123"
    }

    assert len(ways) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_named_query_has_the_same_rows_on_a_server_as_at_home(
    name: str, workspace: Path, server: str, run: Run
) -> None:
    form = "ntriples" if "CONSTRUCT" in (REPOSITORY / "queries" / f"{name}.rq").read_text() else "json"

    here = run("query", name, "--format", form, cwd=workspace)
    there = run("query", name, "--format", form, "--endpoint", server, cwd=workspace)

    assert there.returncode == 0, there.stderr
    if name == "graphs":  # on the server, what is frozen of Wikidata has no graph of its own
        assert here.stdout != ""
    else:
        assert there.stdout == here.stdout


def test_values_are_bound_on_a_server_too(workspace: Path, server: str, run: Run) -> None:
    attack = 'A-10" } UNION { ?c ?p ?o } #'
    words = ["query", "evidence", "--format", "csv", "--endpoint", server, "--param"]

    assert run(*words, "claim=B-07", cwd=workspace).stdout.count("\n") == 2
    assert run(*words, f"claim={attack}", cwd=workspace).stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("SELECT * { ?s spc:participnt ?x }", "note: spc:participnt occurs in no statement of out/dataset.nq"),
        ("SELECT * { ?s spc:participnt ?x }", "; near it: spc:participant"),
        ("ASK { ?s a <https://w3id.org/spacecoop/ns#Claims> }", "near it: spc:Claim"),
        ("SELECT * { ?s spc:field topic:lunar-exploratio }", "near it: topic:"),
        ("SELECT * { ?s ?p id:frence }", "near it: id:france"),
        ("SELECT * { ?s schema:participant ?x }", "near it: spc:participant"),
    ],
)
def test_a_term_that_occurs_nowhere_is_told_beneath_the_answer(text: str, says: str, workspace: Path) -> None:
    done = asked(text, "--format", "csv" if "SELECT" in text else "json", cwd=workspace)

    assert done.returncode == 0
    assert says in done.stderr
    assert "note" not in done.stdout


def test_terms_that_occur_are_not_told(workspace: Path) -> None:
    text = "SELECT (xsd:date('2019-01-01') AS ?d) { ?s a spc:Claim FILTER (DATATYPE(1) != '1'^^xsd:byte) } LIMIT 1"

    assert asked(text, "--format", "csv", cwd=workspace).stderr == ""


def test_a_value_that_occurs_nowhere_and_a_lack_are_told_in_french_too(workspace: Path, run: Run) -> None:
    value = run("--lang", "fr", "query", "about", "--param", "thing=id:frence", cwd=workspace)
    lack = run("query", "launch-dates", "--data", workspace / "out" / "dataset.nq", cwd=workspace)

    assert "remarque : id:frence n'apparaît dans aucun énoncé" in value.stderr
    assert "note: there is no launch (P619) of Wikidata" in lack.stderr
    assert run("query", "launch-dates", cwd=workspace).stderr == ""


def test_a_declared_language_that_few_texts_have_is_counted(workspace: Path, run: Run) -> None:
    few = run("query", "partners", "--param", "party=china", "--param", "lang=zh", "--format", "csv", cwd=workspace)
    none = run("query", "quotations", "--param", "lang=zh", "--format", "csv", cwd=workspace)

    assert "rows have all of their texts in 'zh'" in few.stderr
    assert "nothing is said in 'zh'; the answer is in 'en'" in none.stderr
    assert none.stdout.count("\n") > 1


def test_terms_are_asked_of_an_endpoint_only_when_wanted(workspace: Path, server: str) -> None:
    text = "SELECT * { ?s spc:participnt ?x }"

    assert asked(text, "--endpoint", server, cwd=workspace).stderr == ""
    assert "near it: spc:participant" in asked(text, "--endpoint", server, "--check-terms", cwd=workspace).stderr


def test_an_empty_default_graph_beside_named_ones_is_told(workspace: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: int) -> Answer:
        text = urllib.parse.unquote_plus(handler.path)
        rows = {"head": {"vars": ["s"]}, "results": {"bindings": []}}
        body = {"head": {}, "boolean": "GRAPH" in text} if "ASK" in text else rows
        return 200, {"Content-Type": JSON}, json.dumps(body).encode()

    with serving(answer) as (url, _):
        done = asked("SELECT ?s { ?s ?p ?o }", "--endpoint", url, cwd=workspace)

    assert done.returncode == 0
    assert "is empty and its named graphs are not" in done.stderr


def test_a_prefix_that_is_known_here_need_not_be_known_there(workspace: Path, server: str) -> None:
    done = asked("ASK { ?s a spc:Agreement }", "--format", "csv", "--endpoint", server, cwd=workspace)

    assert done.stdout == "true\n"


def test_an_endpoint_that_fails_is_never_an_empty_answer(workspace: Path) -> None:
    with serving(always(200, {"Content-Type": "text/html"}, b"<h1>\nhello")) as (url, _):
        done = asked("SELECT * { ?s ?p ?o }", "--endpoint", url, cwd=workspace)

    assert done.returncode == 1
    assert "what came is text/html, not an answer to a query: hello" in done.stderr


def test_a_service_that_is_allowed_is_asked_politely(workspace: Path, server: str) -> None:
    done = asked(SERVICE % server + " ORDER BY ?item", "--allow-service", server, "--format", "csv", cwd=workspace)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wikidata.org/entity/") == 3


def test_a_service_is_told_who_asks(workspace: Path) -> None:
    body = b'{"head":{"vars":["item","launch"]},"boolean":true,"results":{"bindings":[]}}'

    def answer(_request: object, number: int) -> tuple[int, dict[str, str], bytes]:
        asks = b'{"head":{},"boolean":true}'
        return 200, {"Content-Type": JSON}, asks if number == 1 else body.replace(b'"boolean":true,', b"")

    with serving(answer) as (url, seen):
        done = asked(SERVICE % url, "--allow-service", url, "--format", "csv", cwd=workspace)

    assert done.returncode == 0, done.stderr
    assert len(seen) == 2
    assert all(request.headers["User-Agent"].startswith("spacecoop/") for request in seen)


def test_a_service_that_is_not_there_is_replaced_by_what_is_frozen_of_it_and_it_is_said(workspace: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/sparql"
    text = (workspace / "spacecoop.toml").read_text()
    moved = workspace.parent / "moved"
    shutil.copytree(workspace, moved)
    (moved / "spacecoop.toml").write_text(text.replace("https://query.wikidata.org/sparql", gone))

    done = asked(SERVICE % gone, "--allow-service", "wikidata", "--format", "csv", cwd=moved)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("wikidata.org/entity/") == 3
    assert "what is frozen of it in links/wikidata.nt was used" in done.stderr


def test_a_service_without_anything_frozen_that_is_not_there_is_an_error(workspace: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{free.getsockname()[1]}/sparql"

    done = asked(SERVICE % gone, "--allow-service", gone, cwd=workspace)

    assert done.returncode == 1
    assert "cannot be reached" in done.stderr


def test_a_service_that_fails_is_never_an_empty_answer(workspace: Path) -> None:
    def answer(_request: object, number: int) -> tuple[int, dict[str, str], bytes]:
        return (200, {"Content-Type": JSON}, b'{"head":{},"boolean":true}') if number == 1 else (403, {}, b"go away")

    with serving(answer) as (url, _):
        plain = asked(SERVICE % url, "--allow-service", url, cwd=workspace)
    with serving(answer) as (url, _):
        silent = asked(SERVICE.replace("SERVICE", "SERVICE SILENT") % url, "--allow-service", url, cwd=workspace)

    assert plain.returncode == 1
    assert "refuses this program" in plain.stderr
    assert silent.returncode == 0, silent.stderr
    assert "note: SERVICE SILENT left out what failed" in silent.stderr
