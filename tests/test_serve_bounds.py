"""Each bound of `spacecoop serve` ends a question with a message that names it, and no neighbour notices."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from conftest import Run
from spacecoop import publish, workspace
from test_serve import COUNT, PRODUCT, SORTED, ask, birds_site, children, query, serving

__all__ = ["birds_site"]
PAIRS = "SELECT ?a ?c { ?a ?b ?c . ?d ?e ?f }"


@pytest.fixture(scope="module")
def server(birds_site: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    words = ("--timeout", "3", "--memory", "600", "--answer", "1", "--rows", "2000", "--workers", "2", "--waiting", "2")
    with serving(birds_site, *words) as running:
        yield running


@pytest.fixture(scope="module")
def port(server: tuple[int, subprocess.Popen[str]]) -> int:
    return server[0]


def busy(port: int) -> tuple[int, int]:
    """How many workers are at work, and how many questions wait."""
    lines = dict(
        line.rsplit(" ", 1) for line in ask(port, "/metrics")[2].decode().splitlines() if not line.startswith("#")
    )
    return int(lines["spacecoop_workers_busy"]), int(lines["spacecoop_questions_waiting"])


def until(port: int, state: tuple[int, int], seconds: float = 3) -> None:
    ends = time.monotonic() + seconds
    while (now := busy(port)) != state:
        assert time.monotonic() < ends, now
        time.sleep(0.02)


BOUNDS = [
    (f"{PAIRS} LIMIT 2001", 507, "the answer has more than 2,000 rows"),
    ("CONSTRUCT { [] ?e ?f } { ?a ?b ?c . ?d ?e ?f }", 507, "the answer has more than 2,000 rows"),
    (SORTED, 503, "the query "),  # the machine decides which is met first: 3 seconds, or 600 MB of memory
    (f"SELECT (GROUP_CONCAT(?c) AS ?n) {PRODUCT[9:]}", 503, "the query "),
    ("SELECT (COUNT(?a) AS ?n) " + PRODUCT[9:], 503, "the query took more than 3 seconds"),
    ("SELECT * {" + "{" * 20_000 + "}" * 20_000 + "}", 400, "the query is nested too deep"),
    ("ASK { FILTER (" + "!" * 90_000 + "true) }", 400, "the query is nested too deep"),
    ("SELECT * { ?s " + "/".join(["<a:a>"] * 50_000) + " ?o }", 400, "the query is nested too deep"),
]


@pytest.mark.parametrize(("text", "status", "words"), BOUNDS, ids=[words for _, _, words in BOUNDS])
def test_a_bound_is_named_by_its_message(port: int, text: str, status: int, words: str) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    answers: list[tuple[int, dict[str, str], bytes]] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(port, "/sparql", "POST", urlencode({"query": text}), **form))
    )
    asking.start()
    while asking.is_alive():  # a neighbour is answered all the while
        begun = time.monotonic()
        assert query(port, COUNT)[0] == 200
        assert time.monotonic() - begun < 2
        time.sleep(0.1)
    got, headers, said = answers[0]

    assert (got, words in said.decode()) == (status, True), said[:200]
    assert ("retry-after" in headers) == (got == 503)


def test_an_answer_that_grows_too_large_is_cut_off_and_the_log_says_why(birds_site: Path) -> None:
    long = "x" * 2_000
    with serving(birds_site, "--answer", "1", silent=False) as (port, process):
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            query(port, f'SELECT ("{long}" AS ?long) {{ ?a ?b ?c . ?d ?e ?f }} LIMIT 1000')
        assert query(port, COUNT)[0] == 200
        process.terminate()
        assert process.stderr is not None
        first = json.loads(next(process.stderr))

    assert (first["outcome"], first["reason"]) == (
        "broken off",
        "the answer is larger than 1,048,576 bytes; ask for less, or use LIMIT",
    )


def test_an_answer_at_its_bounds_is_whole(port: int) -> None:
    status, _, body = query(port, f"{PAIRS} LIMIT 2000")

    assert (status, len(json.loads(body)["results"]["bindings"])) == (200, 2_000)


def test_the_bounds_are_described(port: int) -> None:
    said = ask(port, "/sparql", Accept="text/turtle")[2].decode()

    assert "seconds: 3; megabytes of memory: 600; rows of an answer: 2000; bytes of an answer: 1048576" in said


def test_too_many_questions_are_sent_away(port: int) -> None:
    slow = "SELECT (COUNT(?a) AS ?n) " + PRODUCT[9:]
    asking = [threading.Thread(target=query, args=(port, slow)) for _ in range(4)]
    for one in asking:
        one.start()
    until(port, (2, 2))
    begun = time.monotonic()
    status, headers, said = query(port, COUNT)

    assert (status, headers["retry-after"]) == (503, "1")
    assert b"too many questions at once" in said
    assert time.monotonic() - begun < 1
    for one in asking:
        one.join()
    until(port, (0, 0))


def test_a_client_that_goes_away_gives_its_worker_back(port: int) -> None:
    slow = quote("SELECT (COUNT(?a) AS ?n) " + PRODUCT[9:])
    begun = time.monotonic()
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
    for client in clients:
        client.sendall(f"GET /sparql?query={slow} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    until(port, (2, 1))
    for client in clients:
        client.close()
    until(port, (0, 0), 1.5)

    assert time.monotonic() - begun < 3


def test_a_body_that_never_ends_is_given_up(birds_site: Path) -> None:
    with serving(birds_site) as (port, _):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.settimeout(20)
            head = "POST /sparql HTTP/1.1\r\nHost: x\r\nContent-Type: application/sparql-query\r\n"
            client.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n4\r\nASK \r\n".encode())
            begun = time.monotonic()
            said = client.recv(1_000)

        assert said.startswith(b"HTTP/1.1 408")
        assert 8 < time.monotonic() - begun < 15


def connect(port: int, *begun: bytes) -> Iterator[socket.socket]:
    for sent in begun:
        client = socket.create_connection(("127.0.0.1", port), timeout=20)
        client.sendall(sent)
        yield client


def test_ten_thousand_open_connections_cost_little_memory_and_slow_nobody(birds_site: Path) -> None:
    resource = pytest.importorskip("resource", reason="the system does not bound open files so")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    number = 10_000 if hard == resource.RLIM_INFINITY else min(10_000, (hard - 500) // 4 * 4)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, number + 500), hard))
    silent = [b"", b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"POST /sparql HTTP/1.1\r\n"]
    answered = [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] * 40
    with serving(birds_site) as (port, process):
        assert query(port, COUNT)[0] == 200
        before = resident(process.pid)
        clients = list(connect(port, *answered, *(silent * (number // 4))[40:]))
        begun = time.monotonic()
        answers = [query(port, COUNT)[0] for _ in range(20)]
        took = time.monotonic() - begun
        after = resident(process.pid)
        held = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        for client in clients:
            client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert answers == [200] * 20
    assert took < 5
    assert held > number // 5  # a busy machine opens some when others are hung up on already
    assert after - before < held * 20_000  # bytes


def resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"))
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
        b"GET /" + b"x" * 1_000_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200_000,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
        b"\r\n" * 500_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_head_that_is_none_ends_the_connection(port: int, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        said = b""
        with contextlib.suppress(ConnectionError):
            client.sendall(head)
            while part := client.recv(65_536):
                said += part

    assert b"Traceback" not in said
    assert said == b"" or b"HTTP/1.1 400" in said
    assert query(port, COUNT)[0] == 200


@pytest.mark.parametrize("host", ["a> <b", 'a"b', "x/../y", "[::1", "a b", "é", "a" * 300, "x:y", ""])
@pytest.mark.parametrize("target", ["/sparql", "/openapi.json"])
def test_what_is_no_host_is_no_address_here(port: int, host: str, target: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: client.recv(65_536), b""))

    assert said.startswith(b"HTTP/1.1 400"), said
    assert host == "" or host.encode() not in said


@pytest.mark.parametrize("host", ["localhost:8000", "[::1]:8000", "data.example.org", "10.0.0.1"])
def test_the_endpoint_tells_the_address_at_which_it_was_asked(port: int, host: str) -> None:
    assert f"sd:endpoint <http://{host}/sparql>" in ask(port, "/sparql", Host=host)[2].decode()


def test_a_stop_ends_long_answers_and_those_that_halt(birds_site: Path) -> None:
    slow = quote("SELECT (COUNT(?a) AS ?n) " + PRODUCT[9:])
    with serving(birds_site, "--timeout", "60", "--workers", "2") as (port, process):
        clients = list(connect(port, *[f"GET /sparql?query={slow} HTTP/1.1\r\nHost: x\r\n\r\n".encode()] * 3))
        until(port, (2, 1))
        workers: list[int] = []
        while "T" not in [state(worker) for worker in workers]:
            time.sleep(0.05)
            workers = children(process.pid)
        process.terminate()
        code = process.wait(20)
        for client in clients:
            client.close()

    assert (code, len(workers)) == (0, 3)
    ends = time.monotonic() + 5
    while left := [worker for worker in workers if state(worker) not in ("", "Z")]:  # the kernel ends them
        assert time.monotonic() < ends, left
        time.sleep(0.05)


def state(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    return ""


@pytest.mark.parametrize("declared", [True, False])
def test_a_query_of_ten_megabytes_is_refused_before_it_is_read(port: int, declared: bool) -> None:
    body = b"#" * 10_000_000
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        content = body if declared else iter([body[at : at + 65536] for at in range(0, len(body), 65536)])
        try:
            connection.request(
                "POST", "/sparql", content, {"Content-Type": "application/sparql-query"}, encode_chunked=not declared
            )
        except ConnectionError:  # it was hung up on
            return
        assert connection.getresponse().status == 413


def test_workers_that_are_killed_at_work_are_told_of(server: tuple[int, subprocess.Popen[str]]) -> None:
    port, process = server
    answers: list[tuple[int, dict[str, str], bytes]] = []
    slow = "SELECT (COUNT(?a) AS ?n) " + PRODUCT[9:]
    asking = threading.Thread(target=lambda: answers.append(query(port, slow)))
    asking.start()
    until(port, (1, 0))
    for worker in children(process.pid):
        os.kill(worker, signal.SIGKILL)
    asking.join()

    assert answers[0][0] == 503
    assert b"killed from outside" in answers[0][2]
    assert query(port, COUNT)[0] == 200


def test_a_request_is_a_line_of_the_log_that_names_nobody(birds_site: Path) -> None:
    with serving(birds_site, silent=False) as (port, process):
        query(port, COUNT)
        query(port, "SELECT * { ?s ?p ?o } LIMIT 7")
        ask(port, "/query/seen?species=stork&format=csv")
        ask(port, "/article/cranes", Accept="text/turtle")
        query(port, "SELEKT")
        process.terminate()
        assert process.stderr is not None
        rows = [json.loads(line) for line in process.stderr]
        assert process.wait(20) == 0

    told = [(row["kind"], row["outcome"], row.get("rows"), row.get("file")) for row in rows]
    assert told[0] == ("sparql", "200", 1, None)
    assert told[1] == ("sparql", "200", 7, None)
    assert told[2][:2] == ("query", "200")
    assert told[3] == ("file", "200", None, "article/cranes.ttl")
    assert told[4] == ("sparql", "400", 0, None)
    assert all(row["bytes"] > 0 and 0 <= row["seconds"] < 20 for row in rows[:4])
    assert len({row["question"] for row in rows if "question" in row}) == 4
    assert "SELE" not in json.dumps(rows)
    assert "127.0.0.1" not in json.dumps(rows)


def test_a_damaged_index_is_built_anew(birds: Path) -> None:
    publish.publish(workspace.read(birds))
    with serving(birds) as (port, _):
        whole = query(port, COUNT)[2]
    damaged = [path for path in (birds / ".xdg").rglob("*") if path.is_file() and path.stat().st_size]
    for path in damaged:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with serving(birds) as (port, _):
        assert (query(port, COUNT)[2], len(damaged) > 0) == (whole, True)


def test_metrics_are_prometheus_text(port: int) -> None:
    query(port, COUNT)
    text = ask(port, "/metrics")[2].decode()
    typed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    told = {line.partition("{")[0].split()[0] for line in text.splitlines() if not line.startswith("#")}

    assert typed == told
    assert {"spacecoop_requests_total", "spacecoop_request_rows_total", "spacecoop_workers_killed_total"} <= told
    assert all(float(line.rsplit(" ", 1)[1]) >= 0 for line in text.splitlines() if not line.startswith("#"))


def test_nothing_listens_for_others_unasked(run: Run, birds: Path) -> None:
    publish.publish(workspace.read(birds))
    for host in ("0.0.0.0", "::", "192.0.2.1"):  # noqa: S104
        done = run("-C", birds, "serve", "--host", host)
        assert (done.returncode, "--public" in done.stderr) == (1, True), host


@pytest.mark.extended
def test_nothing_leaves_the_machine(birds_site: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    log = tmp_path / "calls"
    watch = (strace, "-D", "-f", "-qq", "-e", "trace=%network", "-o", str(log))
    with socket.create_server(("127.0.0.1", 0)) as trap, serving(birds_site, before=watch) as (port, _):
        trap.settimeout(0.2)
        there = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        for text in (
            COUNT,
            SORTED,
            f"SELECT * {{ SERVICE <{there}> {{ ?s ?p ?o }} }}",
            f"SELECT * {{ SERVICE SILENT <{there}> {{ ?s ?p ?o }} }}",
            f"SELECT * {{ VALUES ?there {{ <{there}> }} SERVICE ?there {{ ?s ?p ?o }} }}",
            f"SELECT * FROM <{there}> {{ ?s ?p ?o }}",  # noqa: S608
            f"SELECT * FROM NAMED <{there}> {{ GRAPH ?g {{ ?s ?p ?o }} }}",  # noqa: S608
            f"BASE <{there}> DESCRIBE <a>",
            f"LOAD <{there}>",
        ):
            query(port, text, **({"default-graph-uri": there} if "BASE" in text else {}))
        for target in (
            "/",
            "/article/cranes",
            "/query/seen?species=stork",
            f"/query/seen?species={there}",
            f"/{there}",
        ):
            ask(port, target, Accept="application/ld+json, */*;q=0.1")
        with pytest.raises(TimeoutError):
            trap.accept()
    calls = log.read_text("utf-8", "replace")

    assert calls.count("accept4(") > 10  # it was watched
    assert not re.search(r"(connect|sendto|sendmsg|sendmmsg)\(.*AF_INET", calls), calls[-2_000:]
