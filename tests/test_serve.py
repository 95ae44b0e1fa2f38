"""What `spacecoop serve` answers, asked over HTTP as clients do."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from conftest import REPOSITORY, Run
from spacecoop import publish, settings, workspace
from spacecoop.commands.serve import DEFAULTS
from test_negotiation import MATRIX

JSON = "application/sparql-results+json"
COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
PRODUCT = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
SORTED = f"{PRODUCT} ORDER BY ?l ?a ?d"


SEEN = """#+ summary: {en: The flocks of a species}
#+ parameters:
#+   species: {type: entity, example: stork, summary: {en: the species}}
#+   least: {type: integer, default: 1, summary: {en: the smallest number}}
PREFIX bird: <https://example.org/birds/vocabulary#>
SELECT ?species ?count
WHERE {
  VALUES ?species { UNDEF }
  VALUES ?least { 1 }
  ?sighting a bird:Flock ; bird:count ?count ; bird:species ?species
  FILTER (?count >= ?least)
}
"""


@contextmanager
def serving(
    root: Path, *words: str, silent: bool = True, before: Sequence[str] = ()
) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    command = [*before, sys.executable, "-m", "spacecoop", "-C", str(root), "serve", "--port", "0", *words]
    environment = {**os.environ, "XDG_CACHE_HOME": str(root / ".xdg")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)/", said)
    assert found, said + process.stderr.read()
    if silent:
        threading.Thread(target=process.stderr.read, daemon=True).start()
    try:
        yield int(found[1]), process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


@pytest.fixture(scope="module")
def birds_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(REPOSITORY / "tests" / "birds", tmp_path_factory.mktemp("serve") / "birds"))
    (root / "queries" / "seen.rq").write_text(SEEN, "utf-8")
    publish.publish(workspace.read(root))
    return root


@pytest.fixture(scope="module")
def port(birds_site: Path) -> Iterator[int]:
    with serving(birds_site, "--timeout", "2", "--workers", "2") as (number, _):
        yield number


def ask(
    port: int, target: str, method: str = "GET", body: str | bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, body, {key.replace("_", "-"): value for key, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def query(port: int, text: str, **more: str) -> tuple[int, dict[str, str], bytes]:
    return ask(port, f"/sparql?{urlencode({'query': text, **more})}", Accept=JSON)


# ---------------------------------------------------------------------------------------------------- the files


def test_the_matrix_of_the_web_servers_holds_here_too(port: int) -> None:
    wrong = []
    for path, accept, status, kind in MATRIX:
        got, headers, _ = ask(port, path, **({"Accept": accept} if accept else {}))
        seen = headers.get("location", "") if got == 303 else headers["content-type"].partition(";")[0]
        if (got, seen) != (status, kind) and not (got == status and got in (404, 406)):
            wrong.append((path, accept, got, seen))

    assert len(MATRIX) > 20
    assert wrong == []


def test_a_file_has_its_digest_as_tag_and_is_not_sent_twice(port: int, birds_site: Path) -> None:
    listed = json.loads((birds_site / "out" / "manifest.json").read_text("utf-8"))["files"]
    digest = next(row["sha256"] for row in listed if row["path"] == "article/cranes.ttl")

    status, headers, body = ask(port, "/article/cranes.ttl")

    assert (status, headers["etag"], body) == (
        200,
        f'"{digest}"',
        (birds_site / "out" / "article" / "cranes.ttl").read_bytes(),
    )
    assert headers["access-control-allow-origin"] == "*"
    assert ask(port, "/article/cranes.ttl", If_None_Match=headers["etag"])[0] == 304
    assert ask(port, "/article/cranes.ttl", "HEAD")[2] == b""
    part = ask(port, "/article/cranes.ttl", Range="bytes=0-9")
    assert (part[0], part[2]) == (206, body[:10])


def test_a_packed_file_goes_to_those_who_unpack(port: int, birds_site: Path) -> None:
    _, headers, body = ask(port, "/dataset.ttl", Accept_Encoding="gzip, br")

    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == (birds_site / "out" / "dataset.ttl").read_bytes()


def test_a_page_is_packed_while_it_is_served_with_a_tag_of_its_own(port: int, birds_site: Path) -> None:
    page = (birds_site / "out" / "index.html").read_bytes()
    _, packed, body = ask(port, "/index.html", Accept_Encoding="gzip")
    _, plain, whole = ask(port, "/index.html")

    assert packed["content-encoding"] == "gzip"
    assert (gzip.decompress(body), whole) == (page, page)
    assert len(body) < len(page) / 2
    assert packed["etag"] != plain["etag"]
    assert ask(port, "/index.html", Accept_Encoding="gzip", If_None_Match=packed["etag"])[0] == 304
    assert ask(port, "/index.html", Accept_Encoding="gzip", Range="bytes=0-9")[2] == page[:10]


@pytest.mark.parametrize(
    "path",
    [
        "/../spacecoop.toml",
        "/%2e%2e/spacecoop.toml",
        "/..%2fspacecoop.toml",
        "/article/..%2f..%2fspacecoop.toml",
        "/%00",
        "/%c0%ae%c0%ae/spacecoop.toml",
        "//etc/passwd",
        "/id/nobody",
        "/article/nothing.ttl",
        "/" + "a" * 5_000,
    ],
)
def test_nothing_outside_of_the_build_is_served(port: int, path: str) -> None:
    assert ask(port, path)[0] == 404


# ------------------------------------------------------------------------------------------------- the protocol


def test_a_question_may_come_in_three_ways(port: int) -> None:
    form, direct = "application/x-www-form-urlencoded", "application/sparql-query"
    answers = [
        query(port, COUNT),
        ask(port, "/sparql", "POST", urlencode({"query": COUNT}), Content_Type=form, Accept=JSON),
        ask(port, "/sparql", "POST", COUNT, Content_Type=direct, Accept=JSON),
    ]

    assert [status for status, _, _ in answers] == [200, 200, 200]
    assert len({body for _, _, body in answers}) == 1
    assert int(json.loads(answers[0][2])["results"]["bindings"][0]["n"]["value"]) > 50


FORMATS = [
    ("SELECT * { ?s ?p ?o } LIMIT 1", "*/*", JSON),
    (
        "SELECT * { ?s ?p ?o } LIMIT 1",
        "text/csv;q=0.5, application/sparql-results+xml",
        "application/sparql-results+xml",
    ),
    ("SELECT * { ?s ?p ?o } LIMIT 1", "text/csv", "text/csv"),
    ("SELECT * { ?s ?p ?o } LIMIT 1", "text/tab-separated-values", "text/tab-separated-values"),
    ("SELECT * { ?s ?p ?o } LIMIT 1", "application/json", JSON),
    ("ASK {}", "*/*", JSON),
    ("CONSTRUCT WHERE { ?s ?p ?o }", "*/*", "text/turtle"),
    ("CONSTRUCT WHERE { ?s ?p ?o }", "application/n-triples", "application/n-triples"),
    ("CONSTRUCT WHERE { ?s ?p ?o }", "application/rdf+xml", "application/rdf+xml"),
    ("CONSTRUCT WHERE { ?s ?p ?o }", "application/json", "application/ld+json"),
    ("DESCRIBE <http://a.example/nothing>", "text/turtle", "text/turtle"),
]


@pytest.mark.parametrize(("text", "accept", "kind"), FORMATS)
def test_an_answer_has_the_syntax_that_is_wanted(port: int, text: str, accept: str, kind: str) -> None:
    status, headers, _ = ask(port, f"/sparql?query={quote(text)}", Accept=accept)

    assert (status, headers["content-type"].partition(";")[0]) == (200, kind)


def test_the_format_may_be_named_in_the_address(port: int) -> None:
    assert query(port, COUNT, format="csv")[1]["content-type"].startswith("text/csv")
    assert query(port, COUNT, format="tsv")[2].startswith(b"?n")
    assert query(port, COUNT, format="docx")[0] == 406


def test_the_dataset_may_be_named_by_its_graphs(port: int) -> None:
    rows = json.loads(query(port, "SELECT DISTINCT ?g { GRAPH ?g { ?s ?p ?o } }")[2])["results"]["bindings"]
    graph = sorted(row["g"]["value"] for row in rows)[0]
    one = json.loads(query(port, COUNT, **{"default-graph-uri": graph})[2])
    all_ = json.loads(query(port, COUNT)[2])

    assert 0 < int(one["results"]["bindings"][0]["n"]["value"]) < int(all_["results"]["bindings"][0]["n"]["value"])
    assert query(port, COUNT, **{"default-graph-uri": "http://a.example/none"})[0] == 400


BAD = [
    ("/sparql?query=SELEKT", "GET", None, "", 400),
    ("/sparql?query=", "GET", None, "", 400),
    ("/sparql?query=ASK%7B%7D&query=ASK%7B%7D", "GET", None, "", 400),
    ("/sparql?query=%ff", "GET", None, "", 400),
    ("/sparql?query=ASK%7B%7D%c0%ae", "GET", None, "", 400),
    ("/sparql?query=ASK%7B%7D%00", "GET", None, "", 400),
    ("/sparql?query=ASK%7B%7D&default-graph-uri=%00", "GET", None, "", 400),
    ("/sparql?update=CLEAR%20ALL", "GET", None, "", 400),
    ("/sparql?x=1", "GET", None, "", 400),
    ("/sparql", "POST", "update=CLEAR+ALL", "application/x-www-form-urlencoded", 403),
    ("/sparql", "POST", "CLEAR ALL", "application/sparql-update", 403),
    ("/sparql", "POST", "ASK {}", "text/plain", 415),
    ("/sparql", "POST", "", "application/x-www-form-urlencoded", 400),
    ("/sparql", "POST", "INSERT DATA { <a:a> <a:b> <a:c> }", "application/sparql-query", 400),
    ("/sparql", "POST", "#" * 2_000_000, "application/sparql-query", 413),
    ("/sparql", "PUT", "ASK {}", "application/sparql-query", 405),
    ("/sparql", "POST", "SELECT * {" + "{" * 20_000, "application/sparql-query", 400),
]


@pytest.mark.parametrize(("target", "method", "body", "kind", "status"), BAD)
def test_what_is_no_question_is_refused_in_words(
    port: int, target: str, method: str, body: str | None, kind: str, status: int
) -> None:
    got, _, said = ask(port, target, method, body, **({"Content_Type": kind} if kind else {}))

    assert got in (status, 503) if "{{" in (body or "") else got == status
    assert 5 < len(said) < 2_000
    assert b"Traceback" not in said


def test_a_query_that_is_not_sparql_is_told_with_its_place(port: int) -> None:
    status, _, said = query(port, "SELECT *\n{ ?s ?p }")

    assert status == 400
    assert re.search(rb"2:\d+", said), said


def test_a_service_is_not_reached(port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        for text in (
            f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}",
            f"SELECT * {{ SERVICESILENT <{address}> {{}} }}",
        ):
            query(port, text)
        with pytest.raises(TimeoutError):
            trap.accept()


def test_the_endpoint_describes_itself(port: int) -> None:
    from pyoxigraph import RdfFormat, parse

    status, headers, body = ask(port, "/sparql", Accept="text/turtle")
    statements = list(parse(body, format=RdfFormat.TURTLE))

    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/turtle")
    assert any("UnionDefaultGraph" in str(quad.object) for quad in statements)
    assert any("seconds: 2" in str(quad.object) for quad in statements)


# -------------------------------------------------------------------------------------------------- the bounds


@pytest.mark.parametrize("text", [SORTED, f"SELECT (COUNT(*) AS ?n) {{ {PRODUCT[9:]} }}"])
def test_a_question_ends_at_its_time_and_slows_no_neighbour(port: int, text: str) -> None:
    answers: list[tuple[int, bytes]] = []
    slow = threading.Thread(target=lambda: answers.append(query(port, text)[::2]))
    begun = time.monotonic()
    slow.start()
    time.sleep(0.2)
    neighbour = time.monotonic()
    assert query(port, COUNT)[0] == 200
    assert time.monotonic() - neighbour < 1.8
    slow.join(15)

    assert answers[0][0] == 503
    assert b"more than 2 seconds" in answers[0][1] or b"memory" in answers[0][1]
    assert time.monotonic() - begun < 8
    assert query(port, COUNT)[0] == 200


def test_an_answer_that_breaks_off_does_not_look_whole(port: int) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        query(port, PRODUCT)
    assert query(port, COUNT)[0] == 200


def test_readers_who_stop_reading_do_not_keep_the_workers(port: int) -> None:
    stopped = []
    for _ in range(3):
        reader = socket.create_connection(("127.0.0.1", port))
        reader.sendall(f"GET /sparql?query={quote(PRODUCT)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        stopped.append(reader)
    time.sleep(4.5)

    assert query(port, COUNT)[0] == 200
    for reader in stopped:
        reader.close()


def test_headers_of_a_megabyte_are_refused(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        try:
            client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000)
            said = client.recv(1024)
        except ConnectionError:
            said = b""

    assert said == b"" or said.startswith(b"HTTP/1.1 400")
    assert ask(port, "/healthz")[0] == 200


def test_it_tells_how_it_is(port: int) -> None:
    query(port, COUNT)
    assert (ask(port, "/healthz")[2], ask(port, "/readyz")[2]) == (b"ok\n", b"ready\n")
    assert b'spacecoop_requests_total{kind="sparql",outcome="200"}' in ask(port, "/metrics")[2]


# --------------------------------------------------------------------------------------------------- operation


def test_a_new_build_is_taken_up_between_two_requests(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    with serving(birds) as (port, _):
        before = query(port, COUNT)[2]
        (birds / "articles" / "cranes.yaml").unlink()
        publish.publish(workspace.read(birds))
        after = query(port, COUNT)[2]
        gone = ask(port, "/article/cranes.ttl")[0]

    assert before != after
    assert gone == 404


def test_killed_workers_are_replaced_and_none_outlives_the_server(birds_site: Path) -> None:
    with serving(birds_site, "--timeout", "60") as (port, process):
        assert query(port, COUNT)[0] == 200
        for worker in children(process.pid):
            os.kill(worker, signal.SIGKILL)
        statuses = [query(port, COUNT)[0] for _ in range(3)]
        assert statuses[-1] == 200
        threading.Thread(target=cut_off, args=(port,), daemon=True).start()
        time.sleep(0.5)
        workers = children(process.pid)
        process.kill()
        process.wait()
        time.sleep(0.5)

    assert workers
    assert [worker for worker in workers if is_alive(worker)] == []


def cut_off(port: int) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        query(port, SORTED)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


def test_what_cannot_be_served_is_told_in_a_line(run: Run, birds: Path) -> None:
    nothing = run("-C", birds, "serve")
    publish.publish(workspace.read(birds))
    (birds / "out" / "dataset.nq").unlink()
    half = run("-C", birds, "serve")
    public = run("-C", birds, "serve", "--host", "0.0.0.0")  # noqa: S104
    publish.publish(workspace.read(birds))
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = run("-C", birds, "serve", "--port", str(other.getsockname()[1]))

    assert [done.returncode for done in (nothing, half, public, taken)] == [1, 1, 1, 1]
    assert "run `spacecoop build`" in nothing.stderr
    assert "lacks dataset.nq" in half.stderr
    assert "--public" in public.stderr
    assert "another --port" in taken.stderr


def test_python_users_get_an_asgi_application(birds_site: Path) -> None:
    import anyio
    import httpx

    from spacecoop import serve

    async def asked() -> httpx.Response:
        application = serve.app(birds_site, log=False)
        transport = httpx.ASGITransport(app=application)
        async with (
            application.router.lifespan_context(application),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            return await client.get("/sparql", params={"query": "ASK {}"})

    assert anyio.run(asked).json()["boolean"] is True


# ---------------------------------------------------------------------------------------------- the named queries


def test_a_named_query_is_answered_with_its_parameters_bound(port: int) -> None:
    everything = ask(port, "/query/seen?format=csv")
    storks = ask(port, "/query/seen?format=csv&species=stork")
    many = ask(port, "/query/seen?format=csv&least=1000000")

    assert everything[0] == storks[0] == many[0] == 200
    assert everything[1]["content-type"] == "text/csv; charset=utf-8"
    assert everything[2].count(b"\r\n") > storks[2].count(b"\r\n") >= 1
    assert many[2] == b"species,count\r\n"


def test_an_answer_has_a_tag_and_is_not_sent_twice(port: int) -> None:
    first = ask(port, "/query/seen?format=json")
    second = ask(port, "/query/seen?format=json")
    third = ask(port, "/query/seen?format=json", If_None_Match=first[1]["etag"])

    assert first[2] == second[2]
    assert (third[0], third[2]) == (304, b"")


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/query/seen?nothing=1", 400, b"has no parameter 'nothing'; it takes species, least"),
        ("/query/seen?least=many", 400, b"is not of the type integer"),
        ("/query/seen?species=storck", 400, b"did you mean 'stork'?"),
        ("/query/seen?species=%22%20%7D%20DROP%20ALL", 400, b"nothing is called"),
        ("/query/seen?least=%FF", 400, b""),
        ("/query/seen?format=pdf", 406, b"no format 'pdf'"),
        ("/query/seen?format=turtle", 406, b"Not Acceptable. There is: application/sparql-results+json"),
        ("/query/no-such-query", 404, b"no such document"),
    ],
)
def test_what_a_named_query_does_not_take_is_told(port: int, target: str, status: int, words: bytes) -> None:
    answered = ask(port, target)

    assert answered[0] == status
    assert words in answered[2]


def test_what_a_named_query_says_of_its_values_reaches_nobody(birds: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        among = f"SERVICE SILENT <http://127.0.0.1:{trap.getsockname()[1]}/> {{ ?value ?p ?o }}"
        text = f'#+ parameters:\n#+   who: {{type: string, among: "{among}"}}\nSELECT * {{ VALUES ?who {{ UNDEF }} }}'
        (birds / "queries" / "who.rq").write_text(text, "utf-8")
        publish.publish(workspace.read(birds))
        with serving(birds) as (port, _):
            status, _, body = ask(port, "/query/who?who=me")
        with pytest.raises(TimeoutError):
            trap.accept()

    assert status == 400
    assert b"would reach the network" in body


def test_the_named_queries_are_described_as_openapi_has_it(port: int) -> None:
    status, _, body = ask(port, "/openapi.json")
    said = json.loads(body)

    assert status == 200
    assert said["openapi"] == "3.1.0"
    for path, operations in said["paths"].items():  # what is described is answered
        kind = next(iter(operations["get"]["responses"]["200"]["content"]))
        answered = ask(port, path, Accept=kind)
        assert (answered[0], answered[1]["content-type"].partition(";")[0]) == (200, kind), path


def test_settings_come_from_options_then_the_environment_then_the_workspace(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish.publish(workspace.read(birds))
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + "\n[serve]\ntimeout = 7\nmemory = 1000\n", "utf-8")
    monkeypatch.setenv("SPACECOOP_SERVE_MEMORY", "900")
    with serving(birds) as (port, _):
        said = ask(port, "/sparql", Accept="text/turtle")[2].decode()

    assert "seconds: 7; megabytes of memory: 900" in said


@pytest.mark.parametrize(
    ("command", "table", "words"),
    [
        (
            "serve",
            "[serve]\nport = 99999\n",
            "spacecoop.toml:28:1: violation: serve.port is 99999, and is to be a port",
        ),
        ("validate", "[serve]\nport = [1]\n", "serve.port is [1], and is to be a port"),
        ("build", "[serve]\nworkers = true\n", "serve.workers is True, and is to be a whole number"),
        ("validate", "[serve]\nprt = 1\n", "serve.port"),
        ("serve", "[[serve]]\nport = 1\n", "serve is [{'port': 1}], and is to be a table"),
    ],
)
def test_settings_of_the_wrong_kind_are_told(run: Run, birds: Path, command: str, table: str, words: str) -> None:
    settings = birds / "spacecoop.toml"
    settings.write_text(settings.read_text("utf-8") + f"\n{table}", "utf-8")

    done = run(command, cwd=birds)

    assert done.returncode == 1
    assert words in done.stderr + done.stdout


def test_the_environment_is_judged_as_options_are(run: Run, birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACECOOP_SERVE_PORT", "99999")

    done = run("serve", cwd=birds)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "SPACECOOP_SERVE_PORT: a port is a number from 0 to 65535" in done.stderr


def test_every_setting_of_the_server_is_judged_with_the_others() -> None:
    assert {name for name in settings.RULES if name.startswith("serve.")} == {f"serve.{name}" for name in DEFAULTS}


def test_a_change_of_the_workspace_is_built_and_taken_up(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    article = sorted((birds / "articles").glob("*.yaml"))[0]
    with serving(birds, "--reload") as (port, _):
        before = query(port, COUNT)[2]
        article.unlink()
        for _ in range(100):
            time.sleep(0.2)
            if (after := query(port, COUNT)[2]) != before:
                break

    assert after != before
