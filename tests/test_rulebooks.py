"""Official rules come from the network whole and as they are known, or not at all; what was there stays."""

from __future__ import annotations

import hashlib
import http.server
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY, Run, heed_interrupts
from spacecoop import workspace
from spacecoop.preflight import rulebooks
from spacecoop.preflight.rulebooks import AGGREGATORS, NotFetched, Official
from spacecoop.workspace import Workspace

ONE = b"@prefix sh: <http://www.w3.org/ns/shacl#> .\n"
TWO = ONE + b"<x:shape> a sh:NodeShape .\n"
Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def file(name: str, data: bytes) -> Official:
    return Official(f"owner/name/0123/{name}", hashlib.sha256(data).hexdigest(), ("catalog.ttl",))


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[Official]:
    """What the rulebook of every aggregator names: two small files."""
    files = [file("one.ttl", ONE), file("two.ttl", TWO)]
    monkeypatch.setattr(rulebooks, "official", lambda aggregator: iter(files))  # noqa: ARG005
    return files


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    (tmp_path / "spacecoop.toml").write_bytes((REPOSITORY / "tests" / "birds" / "spacecoop.toml").read_bytes())
    return workspace.read(tmp_path)


class Server:
    """A web server on the loopback; *answers* say what each path gets, a list which paths were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Answer] = {}
        mine = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mine.asked.append(self.path)
                mine.answers.get(self.path.rpartition("/")[2], refuse(404))(self)

            def log_message(self, *words: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    one = Server()
    one.answers |= {"one.ttl": give(ONE), "two.ttl": give(TWO)}
    yield one
    one.server.shutdown()
    one.server.server_close()


def give(data: bytes, promised: int | None = None) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data) if promised is None else promised))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def refuse(status: int) -> Answer:
    return lambda handler: handler.send_error(status)


def lead(to: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(301)
        handler.send_header("Location", to)
        handler.end_headers()

    return answer


def cut_chunk(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Promise a part of 100 bytes, send four, and go."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"64\r\n@pre")


def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, for longer than anybody waits."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(40):
        try:
            handler.wfile.write(b"#")
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def babble(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0\r\n\r\n")


def held(place: Workspace) -> dict[str, bytes]:
    folder = rulebooks.cache(place)
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_rules_are_fetched_from_an_address_and_not_asked_for_again(
    known: list[Official], place: Workspace, server: Server
) -> None:
    first = rulebooks.update(place, ["dcat-ap"], server.address)
    again = rulebooks.update(place, ["dcat-ap"], server.address)

    assert first == [one.name for one in known]
    assert held(place) == {"one.ttl": ONE, "two.ttl": TWO}
    assert server.asked == ["/owner/name/0123/one.ttl", "/owner/name/0123/two.ttl"]
    assert again == []


def test_a_redirection_is_followed_since_the_digest_decides(
    known: list[Official], place: Workspace, server: Server
) -> None:
    server.answers["two.ttl"] = lead(f"{server.address}/moved.ttl")
    server.answers["moved.ttl"] = give(TWO)

    assert rulebooks.update(place, ["dcat-ap"], server.address) == [one.name for one in known]
    assert held(place)["two.ttl"] == TWO


def test_rules_that_were_changed_in_the_cache_do_not_count_and_are_fetched_again(
    known: list[Official], place: Workspace, server: Server
) -> None:
    rulebooks.update(place, ["dcat-ap"], server.address)
    path = rulebooks.find_kept(place, known[1])
    assert path is not None
    path.write_bytes(ONE)

    assert rulebooks.find_kept(place, known[1]) is None
    assert rulebooks.update(place, ["dcat-ap"], server.address) == [known[1].name]
    assert held(place) == {"one.ttl": ONE, "two.ttl": TWO}


FAULTS: list[tuple[str, Answer, str]] = [
    ("404", refuse(404), r"two\.ttl answers 404 Not Found"),
    ("500", refuse(500), r"two\.ttl answers 500"),
    (
        "another file",
        give(b"# something else\n"),
        r"is not the file that spacecoop knows: its SHA-256 is [0-9a-f]{12}…",
    ),
    ("a cut body", give(TWO[:20], len(TWO)), r"two\.ttl broke off, with 51 bytes to come"),
    ("a cut part", cut_chunk, r"two\.ttl broke off"),
    ("silence", lambda handler: time.sleep(0.6), r"has not come within 0\.3 s; try again, or with --timeout"),  # noqa: ARG005
    ("a drip", drip, r"has not come within 0\.3 s"),
    ("a circle", lead("two.ttl"), r"two\.ttl answers 301"),
    ("no HTTP", babble, r"two\.ttl broke off"),
]


@pytest.mark.parametrize(("answer", "reason"), [row[1:] for row in FAULTS], ids=[name for name, *_ in FAULTS])
def test_what_goes_wrong_is_told_and_nothing_is_written(
    known: list[Official], place: Workspace, server: Server, answer: Answer, reason: str
) -> None:
    server.answers["two.ttl"] = answer

    with pytest.raises(NotFetched, match=reason):
        rulebooks.update(place, ["dcat-ap"], server.address, patience=0.3)

    assert len(known) == 2
    assert held(place) == {}


def test_without_a_network_the_reader_is_told_what_to_do(place: Workspace, run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = run("-C", place.root, "preflight", "--for", "archivo", "--update-rules", "--from", address)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"cannot be fetched: {address.removeprefix('http://')} cannot be reached" in done.stderr
    assert "take them from a copy with --from" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_rules_are_fetched_leaves_the_old_ones_whole(place: Workspace, server: Server) -> None:
    old = rulebooks.cache(place) / "dbpedia" / "archivo" / "older" / "archivo.ttl"
    old.parent.mkdir(parents=True)
    old.write_bytes(ONE)
    server.answers["archivo.ttl"] = lambda handler: time.sleep(10)  # noqa: ARG005
    command = [sys.executable, "-m", "spacecoop", "-C", str(place.root), "preflight", "--for", "archivo"]
    with subprocess.Popen(
        [*command, "--update-rules", "--from", server.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    ) as process:
        while not server.asked:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)

    assert process.returncode == 130
    assert "interrupted; nothing was left half-written" in told
    assert held(place) == {"archivo.ttl": ONE}


def test_a_folder_that_lacks_a_file_is_named(known: list[Official], place: Workspace, tmp_path: Path) -> None:
    with pytest.raises(NotFetched, match=r"shelf/owner/name/0123/one\.ttl: No such file"):
        rulebooks.update(place, ["dcat-ap"], str(tmp_path / "shelf"))

    assert len(known) == 2


def test_every_official_file_is_pinned_to_a_commit_and_a_digest() -> None:
    files = [one for name in AGGREGATORS for one in rulebooks.official(name)]

    assert len(files) > 30
    for one in files:
        owner, name, commit, *path = one.name.split("/")
        assert owner
        assert name
        assert path
        assert len(bytes.fromhex(commit)) == 20
        assert len(bytes.fromhex(one.sha256)) == 32
