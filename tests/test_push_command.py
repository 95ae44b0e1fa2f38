"""`spacecoop push` as a user runs it: in a process of its own, to a real Oxigraph where no fault is played."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import storetest
from conftest import REPOSITORY, Run, heed_interrupts
from spacecoop.commands import push
from spacecoop.stores import graphstore
from spacecoop.stores.dialects import DIALECTS
from storetest import BASE, article, dataset, published

HERE = f"{BASE}article/owl#assertion"
COMMAND = [sys.executable, "-m", "spacecoop"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with storetest.oxigraph() as url:
        yield url


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[str]:
    with storetest.oxigraph(tmp_path / "db") as url:
        yield url


def test_the_dataset_of_this_repository_goes_to_a_real_store_and_comes_back(run: Run, server: str) -> None:
    first = run("push", server, "--dialect", "oxigraph")
    second = run("push", server, "--dialect", "oxigraph")
    quick = run("push", server, "--dialect", "oxigraph", "--quick")
    third = run("push", server, "--dialect", "oxigraph", "--verify-only")

    quads = len((REPOSITORY / "out" / "dataset.nq").read_text("utf-8").splitlines())
    assert first.returncode == second.returncode == third.returncode == 0, first.stderr
    assert f"graphs of {quads:,} triples; deleted: 0 graphs" in first.stdout
    number = re.search(r"proven: (\d+) of (\d+) graphs", first.stdout)
    assert number and number[1] == number[2]
    whole = (
        f"proven: {number[1]} of {number[1]} graphs ({quads:,} triples): {number[1]} read whole and compared, 0 only"
    )
    assert all(whole in done.stdout for done in (first, second, third))
    assert f"believed: {number[1]} graphs ({quads:,} triples), as the last push left them" in quick.stdout
    assert "unchanged" in second.stdout
    assert "written" not in second.stdout


def test_an_edited_article_travels_alone_to_a_store_on_disk_also_after_a_restart(run: Run, tmp_path: Path) -> None:
    root = published(tmp_path / "w", dataset("owl", "tit"))
    with storetest.oxigraph(tmp_path / "db") as url:
        assert run("-C", root, "push", url, "--dialect", "oxigraph").returncode == 0
    published(root, dataset("owl", "tit") | article("owl", word="heard"))
    with storetest.oxigraph(tmp_path / "db") as url:
        done = run("-C", root, "push", url, "--dialect", "oxigraph", "--plan", "plan.json")

    assert done.returncode == 0, done.stderr
    assert "1 graph to replace (+3 -3 triples)" in done.stdout
    assert "written: 1 graph of 3 triples" in done.stdout
    plan = json.loads((root / "plan.json").read_text("utf-8"))
    assert {step["graph"]: step["action"] for step in plan["steps"] if step["action"] != "keep"} == {HERE: "replace"}


def test_a_dry_run_changes_nothing_and_verify_only_says_what_differs(run: Run, tmp_path: Path, disk: str) -> None:
    root = published(tmp_path / "w", dataset("owl"))

    dry = run("-C", root, "push", disk, "--dialect", "oxigraph", "--dry-run")
    checked = run("-C", root, "push", disk, "--dialect", "oxigraph", "--verify-only")

    assert (dry.returncode, checked.returncode) == (0, 1)
    assert "3 graphs to add (+6 -0 triples)" in dry.stdout
    assert f"error: <{HERE}>: 3 missing, 0 too many" in checked.stdout
    assert '- <https://birds.example/article/owl#c0> <https://birds.example/says> "seen 0 é中"@en .' in checked.stdout


def test_stale_graphs_are_shown_and_go_with_prune(run: Run, tmp_path: Path, disk: str) -> None:
    root = published(tmp_path / "w", dataset("owl", "tit"))
    words = ("-C", root, "push", disk, "--dialect", "oxigraph")
    assert run(*words).returncode == 0
    published(root, dataset("owl"))

    kept, gone, last = run(*words), run(*words, "--prune"), run(*words)

    assert "2 graphs ours, no longer published; --prune deletes them" in kept.stdout
    assert "deleted: 2 graphs" in gone.stdout
    assert "no longer published" not in last.stdout


def secret_settings(url: str) -> str:
    return (
        f'[stores.library]\nurl = "{url}"\ndialect = "fuseki"\nauth = "basic"\ntries = 2\n'
        'user_variable = "LIB_USER"\npassword_variable = "LIB_PASSWORD"\n'
    )


SECRETS = {"LIB_USER": "dba-name", "LIB_PASSWORD": "s3cret/pässword"}
SPOKEN = ("s3cret", "dba-name", "ZGJhLW5hbWU6")


@pytest.mark.parametrize("play", [storetest.status(401), storetest.hang_up, storetest.status(500)])
def test_no_secret_is_said_when_things_go_wrong(run: Run, tmp_path: Path, play: storetest.Play) -> None:
    with storetest.stub() as stub:
        root = published(tmp_path, dataset("owl"), secret_settings(stub.url))
        stub.fault(lambda _: True, play, 99)
        done = run("-C", root, "push", "library", **SECRETS)

    assert done.returncode == 1
    assert "spacecoop push: POST " in done.stderr
    assert "Traceback" not in done.stderr
    assert [word for word in SPOKEN if word in done.stdout + done.stderr] == []
    assert stub.requests[0].headers["Authorization"].startswith("Basic ZGJhLW5hbWU6")


def test_no_secret_is_in_the_traceback_of_a_bug_or_in_a_log_of_everything(tmp_path: Path) -> None:
    program = (
        "import logging, sys; logging.basicConfig(level=0)\n"
        "from spacecoop import cli; from spacecoop.stores import graphstore\n"
        "def broken(*_): raise ZeroDivisionError\n"
        "graphstore.Store.contents = broken\n"
        "cli.main(sys.argv[1:])"
    )
    with storetest.stub() as stub:
        root = published(tmp_path, dataset("owl"), secret_settings(stub.url))
        command = [sys.executable, "-c", program, "-C", str(root), "push", "library"]
        settings = storetest.environment(**SECRETS)
        done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=60)

    assert "ZeroDivisionError" in done.stderr
    assert "DEBUG" in done.stderr
    assert [word for word in SPOKEN if word in done.stdout + done.stderr] == []


def test_a_store_that_echoes_the_password_does_not_make_us_say_it(run: Run, tmp_path: Path) -> None:
    with storetest.stub() as stub:
        root = published(tmp_path, dataset("owl"), secret_settings(stub.url))
        echo = "no user dba-name with s3cret/pässword".encode()
        stub.fault(lambda _: True, lambda *_: (403, {}, echo), 99)
        done = run("-C", root, "push", "library", **SECRETS)

    assert "403" in done.stderr
    assert "s3cret" not in done.stderr


def test_ctrl_c_says_what_the_store_holds_and_a_repeat_finishes(run: Run, tmp_path: Path) -> None:
    with storetest.stub() as stub:
        root = published(tmp_path, dataset("owl", "tit"))

        def slow(*_: object) -> storetest.Answer:
            time.sleep(20)
            return 204, {}, b""

        stub.fault(storetest.wrong, slow, 1)
        command = [*COMMAND, "-C", str(root), "push", stub.url, "--dialect", "oxigraph"]
        process = subprocess.Popen(
            command,
            env=storetest.environment(),
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,  # noqa: PLW1509
        )
        end = time.monotonic() + 30
        while not stub.changes and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        done = run("-C", root, "push", stub.url, "--dialect", "oxigraph")

    assert process.returncode == 130
    assert "interrupted; the store now: 0 of 5 graphs to send are written and proven; 5 are not proven" in said
    assert "Traceback" not in said
    assert done.returncode == 0, done.stderr
    assert stub.lines() == storetest.lines_of(dataset("owl", "tit"))


def test_of_two_pushes_at_once_to_a_disk_the_store_is_right_and_one_may_be_told_to_wait(
    run: Run, tmp_path: Path, disk: str
) -> None:
    made = dataset(*(f"bird-{number}" for number in range(40)))
    roots = [published(tmp_path / name, made) for name in ("a", "b")]
    both = [
        subprocess.Popen(
            [*COMMAND, "-C", str(root), "push", disk, "--dialect", "oxigraph"],
            env=storetest.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for root in roots
    ]
    said = [process.communicate(timeout=60)[1] for process in both]
    last = run("-C", roots[0], "push", disk, "--dialect", "oxigraph")

    for process, error in zip(both, said, strict=True):
        assert process.returncode == 0 or "another push is at work" in error, error
    assert last.returncode == 0, last.stdout + last.stderr
    assert f": {len(made)} read whole and compared" in last.stdout


def test_a_server_that_is_not_there_is_said_in_one_line(run: Run, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{storetest.free_port()}/"
    root = published(tmp_path, dataset("owl"), f'[stores.here]\nurl = "{url}"\ndialect = "oxigraph"\ntries = 1\n')

    done = run("-C", root, "push", "here")

    assert done.returncode == 1
    assert re.fullmatch(rf"spacecoop push: POST {url}query: cannot be reached: .*refused.*\n", done.stderr)


def test_a_certificate_that_nobody_signed_is_refused(run: Run, tmp_path: Path) -> None:
    import ssl
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made = subprocess.run(
        [*words, "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl is not there to make a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f'url = "https://localhost:{server.server_address[1]}/"\ndialect = "oxigraph"\ntries = 1\n'
    try:
        root = published(
            tmp_path / "w", dataset("owl"), f"[stores.a]\n{url}[stores.b]\n{url}authorities = '../cert.pem'\n"
        )
        refused, trusted = run("-C", root, "push", "a", "--dry-run"), run("-C", root, "push", "b", "--dry-run")
    finally:
        server.shutdown()
        server.server_close()

    assert "self-signed certificate" in refused.stderr or "self signed certificate" in refused.stderr
    assert "501" in trusted.stderr


def test_help_starts_at_once_without_the_http_library() -> None:
    program = "import sys\nfrom spacecoop import cli\ntry: cli.main(['push', '--help'])\nexcept SystemExit: pass\n"
    check = f"{program}assert not {{'requests', 'pyoxigraph'}} & {{*sys.modules}}, 'heavy'"

    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, env={**os.environ})


def test_readers_of_a_real_store_find_each_graph_old_or_new_and_never_half(tmp_path: Path, disk: str) -> None:
    words = [f"word{number}" for number in range(3)]
    root = published(tmp_path / "w", dataset("tit") | article("owl", 2_000, words[0]))
    command = [*COMMAND, "-C", str(root), "push", disk, "--dialect", "oxigraph"]
    seen: list[dict[str, int]] = []
    reader = requests.Session()
    query = (
        f"SELECT ?word (COUNT(*) AS ?n) WHERE {{ GRAPH <{HERE}> {{ ?s ?p ?o }}"
        " BIND(STRBEFORE(STR(?o), ' ') AS ?word) } GROUP BY ?word"
    )
    for word in words:
        published(root, dataset("tit") | article("owl", 2_000, word))
        process = subprocess.Popen(command, env=storetest.environment(), stdout=subprocess.DEVNULL)
        while process.poll() is None:
            said = reader.post(f"{disk}query", data={"query": query}, headers={"Accept": "text/csv"}, timeout=30).text
            rows = [line.split(",") for line in said.splitlines()[1:]]
            seen.append({word: int(number) for word, number in rows if word})
        assert process.returncode == 0

    assert all(found in ({}, *({word: 2_000} for word in words)) for found in seen)
    assert len({*map(str, seen)}) >= 3


def test_an_addition_of_many_quads_is_one_step_for_readers_too(tmp_path: Path, disk: str) -> None:
    made = dataset(*(f"bird-{number}" for number in range(4_000)))
    root = published(tmp_path / "w", made)
    total = sum(map(len, made.values()))
    assert total > graphstore.LARGE
    command = [*COMMAND, "-C", str(root), "push", disk, "--dialect", "oxigraph"]
    query = f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH ?g {{ ?s ?p ?o }} FILTER(?g != <{BASE}graph/push>) }}"
    seen: set[int] = set()

    process = subprocess.Popen(command, env=storetest.environment(), stdout=subprocess.DEVNULL)
    with requests.Session() as reader:
        while process.poll() is None:
            said = reader.post(f"{disk}query", data={"query": query}, headers={"Accept": "text/csv"}, timeout=30).text
            seen.add(int(said.splitlines()[1]))

    assert process.returncode == 0
    assert seen <= {0, total}
    assert total in seen


def test_a_request_of_many_quads_that_is_cut_off_leaves_nothing_in_a_store_on_disk(tmp_path: Path, disk: str) -> None:
    body = (published(tmp_path / "w", article("owl", 30_000)) / "out" / "dataset.nq").read_bytes()
    place = urlsplit(disk)
    head = f"POST /store?{DIALECTS['oxigraph'].bulk} HTTP/1.1\r\nHost: {place.netloc}\r\n"
    head += f"Content-Type: application/n-quads\r\nContent-Length: {len(body)}\r\n\r\n"
    end = (
        body.index(b"\n", len(body) // 2) + 1
    )  # whole lines, so that nothing but the length tells that some are missing

    for sent in (body[:end], body[: end + 20]):
        with socket.create_connection((place.hostname or "", place.port or 80)) as client:
            client.sendall(head.encode() + sent)
    query = {"query": "SELECT (COUNT(*) AS ?n) WHERE { GRAPH ?g { ?s ?p ?o } }"}
    time.sleep(1)

    assert requests.post(f"{disk}query", data=query, headers={"Accept": "text/csv"}, timeout=30).text.split() == [
        "n",
        "0",
    ]


@pytest.mark.parametrize("bulk", [False, True], ids=["in transactions", "in bulk"])
def test_a_push_that_is_killed_says_nothing_and_the_same_command_finishes_its_job(
    run: Run, tmp_path: Path, disk: str, bulk: bool
) -> None:
    made = dataset(*(f"bird-{number}" for number in range(100)))
    root = published(tmp_path / "w", made)
    storetest.killed_in_the_middle(root, disk, "--dialect", "oxigraph", bulk=bulk)

    again = run("-C", root, "push", disk, "--dialect", "oxigraph")
    finished = run("-C", root, "push", disk, "--dialect", "oxigraph", "--take-over")
    last = run("-C", root, "push", disk, "--dialect", "oxigraph")

    assert again.returncode == 1
    assert re.search(r"it ends at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ; wait for that, or say --take-over", again.stderr)
    assert finished.returncode == 0, finished.stderr
    assert re.search(r"\d+ graphs to add", finished.stdout)
    assert "graphs right, but the store's own list does not say so" in finished.stdout
    assert re.search(r"\d+ graphs unchanged", finished.stdout)
    assert f"proven: {len(made)} of {len(made)} graphs" in finished.stdout
    assert "written" not in last.stdout


def test_a_plan_that_cannot_be_written_stops_the_push_before_anything_is_sent(
    run: Run, tmp_path: Path, disk: str
) -> None:
    root = published(tmp_path / "w", dataset("owl"))

    done = run("-C", root, "push", disk, "--dialect", "oxigraph", "--plan", "nowhere/plan.json")
    after = run("-C", root, "push", disk, "--dialect", "oxigraph", "--dry-run")

    assert done.returncode == 1
    assert done.stderr == ("spacecoop push: --plan nowhere/plan.json: No such file or directory; nothing was sent\n")
    assert "3 graphs to add" in after.stdout


def test_progress_has_a_rate_and_the_time_left_now_and_then_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    now, stream = [0.0], io.StringIO()
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", stream)
    clock = push.Clock("read")
    for now[0], done in ((10.0, 1_000), (40.0, 4_000), (50.0, 5_000)):
        clock(done, 8_000)

    assert stream.getvalue() == "4,000 of 8,000 triples read, 100 a second, 40 s left\n"
