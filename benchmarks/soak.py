"""Load `spacecoop serve` for as long as is said, with questions good and bad, and see that its memory stays flat.

    python benchmarks/soak.py [--seconds 43200] [--clients 6]

Small questions, named queries, files, answers of many rows, questions that meet each bound, what is no SPARQL, clients
that go away or read slowly, workers that are killed, and new builds. Prints the memory of the server each tenth of the
time; exits with 1 where the memory of the server at the end is more than a quarter, and 20 MB, above that after the
first tenth, or where a small question was ever answered wrongly.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from spacecoop import publish, workspace

BIRDS = Path(__file__).parent.parent / "tests" / "birds"
BOUND = 2
"""Seconds that a question may take."""
PRODUCT = "{ ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
QUESTIONS = {
    "small": ("SELECT (COUNT(*) AS ?n) { ?s a ?o }", 40),
    "triples": ("CONSTRUCT WHERE { ?s ?p ?o }", 5),
    "many rows": ("SELECT * { ?a ?b ?c . ?d ?e ?f }", 4),
    "too many rows": ("SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }", 1),
    "sorted": (f"SELECT * {PRODUCT} ORDER BY ?l ?a", 1),
    "endless": (f"SELECT (COUNT(?a) AS ?n) {PRODUCT}", 1),
    "no SPARQL": ("SELEKT", 5),
    "nested": ("SELECT * {" + "{" * 20_000 + "}" * 20_000 + "}", 1),
}
FILES = ("/", "/article/cranes", "/id/crane", "/dataset.nq", "/nothing", "/query/flocks", "/metrics", "/openapi.json")


class Load:
    """Clients that ask until they are told to stop, and what they saw."""

    def __init__(self, port: int, root: Path, pid: int) -> None:
        self.port, self.root, self.pid = port, root, pid
        self.seen: Counter[str] = Counter()
        self.slowest = 0.0
        self.wrong: list[str] = []
        self.over = threading.Event()
        self._expected = self.ask("small")[1]

    def run(self, seed: int) -> None:
        """Ask, one thing after another."""
        chance = random.Random(seed)  # noqa: S311
        doings: list[tuple[Callable[[random.Random], None], int]] = [
            (self._question, 60),
            (self._file, 30),
            (self._leave, 4),
            (self._read_slowly, 1),
        ]
        while not self.over.is_set():
            (doing,) = chance.choices([one for one, _ in doings], [weight for _, weight in doings])
            with contextlib.suppress(OSError, http.client.HTTPException):
                doing(chance)

    def disturb(self) -> None:
        """Kill workers, and build anew."""
        while not self.over.wait(7):
            for worker in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(worker), signal.SIGKILL)
            (self.root / "out" / "manifest.json").touch()
            self.seen["new build, worker killed"] += 1

    def ask(self, name: str) -> tuple[int, bytes]:
        """Ask one of the questions; return the status and the body."""
        text = quote(QUESTIONS[name][0])
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            kind = {
                "Accept": "application/sparql-results+json, text/turtle",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            connection.request("POST", "/sparql", f"query={text}", kind)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def _question(self, chance: random.Random) -> None:
        (name,) = chance.choices(list(QUESTIONS), [weight for _, weight in QUESTIONS.values()])
        begun = time.monotonic()
        try:
            status, body = self.ask(name)
        except (OSError, http.client.HTTPException):
            self.seen[f"{name}: cut off"] += 1
            return
        self.seen[f"{name}: {status}"] += 1
        if name == "small":
            self.slowest = max(self.slowest, time.monotonic() - begun)
            if status == 200 and body != self._expected:
                self.wrong.append(repr(body[:200]))

    def _file(self, chance: random.Random) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(
                "GET", chance.choice(FILES), headers={"Accept": chance.choice(["*/*", "text/html", "a/b"])}
            )
            answer = connection.getresponse()
            answer.read()
            self.seen[f"file: {answer.status}"] += 1

    def _leave(self, chance: random.Random) -> None:
        with self._begin(QUESTIONS[chance.choice(list(QUESTIONS)[:6])][0]):
            time.sleep(chance.random())
        self.seen["left"] += 1

    def _read_slowly(self, chance: random.Random) -> None:
        with self._begin(QUESTIONS["many rows"][0]) as client:
            for _ in range(chance.randrange(30)):
                client.recv(100)
                time.sleep(0.1)
        self.seen["read slowly"] += 1

    def _begin(self, text: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        client.sendall(f"GET /sparql?query={quote(text)} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return client


def memory(pid: int) -> tuple[float, float, int]:
    """Return the megabytes of the server, those of its workers, and how many files it has open."""

    def resident(one: int) -> float:
        with contextlib.suppress(OSError):
            if found := re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text("ascii")):
                return int(found[1]) / 1024
        return 0.0

    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return resident(pid), sum(resident(int(one)) for one in workers), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def soak(load: Load, seconds: float, clients: int) -> list[float]:
    """Load the server; return what memory it had, each tenth of the time."""
    threads = [threading.Thread(target=load.run, args=(seed,), daemon=True) for seed in range(clients)]
    threads.append(threading.Thread(target=load.disturb, daemon=True))
    for thread in threads:
        thread.start()
    had = []
    print("| seconds | MB of the server | MB of its workers | open files | requests |\n|---|---|---|---|---|")
    begun = time.monotonic()
    for tenth in range(1, 11):
        time.sleep(max(0.0, begun + seconds * tenth / 10 - time.monotonic()))
        server, workers, files = memory(load.pid)
        had.append(server)
        print(
            f"| {time.monotonic() - begun:.0f} | {server:.0f} | {workers:.0f} | {files} | {load.seen.total():,} |",
            flush=True,
        )
    load.over.set()
    for thread in threads:
        thread.join(70)
    return had


def main() -> None:
    """Build, serve, load, and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12 * 3600)
    parser.add_argument("--clients", type=int, default=6)
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(BIRDS, Path(folder, "birds")))
        publish.publish(workspace.read(root))
        words = ["--timeout", str(BOUND), "--memory", "600", "--rows", "100000", "--answer", "16", "--port", "0"]
        command = [sys.executable, "-m", "spacecoop", "-C", str(root), "serve", *words]
        environment = {**os.environ, "XDG_CACHE_HOME": folder}
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stderr is not None
            port = int(re.search(r":(\d+)/", process.stderr.readline())[1])  # type: ignore[index]
            threading.Thread(target=lambda: [None for _ in process.stderr or ()], daemon=True).start()
            load = Load(port, root, process.pid)
            try:
                had = soak(load, said.seconds, said.clients)
                final = load.ask("small")
            finally:
                process.send_signal(signal.SIGTERM)
    print()
    print(json.dumps(dict(sorted(load.seen.items())), indent=1))
    print(f"the slowest small question took {load.slowest:.2f} s; wrong answers: {len(load.wrong)}")
    grown = had[-1] > had[0] * 1.25 + 20
    print(f"memory: {had[0]:.0f} MB after a tenth, {had[-1]:.0f} MB at the end")
    sys.exit(1 if grown or load.wrong or final[0] != 200 or load.seen["small: 200"] == 0 else 0)


if __name__ == "__main__":
    main()
