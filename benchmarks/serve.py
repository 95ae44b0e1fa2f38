"""`spacecoop serve` beside Oxigraph's own server (`oxigraph serve-read-only`), over one index, in one interleaved run.

    python benchmarks/serve.py [--quads 200000] [--seconds 3] [--rounds 3] [--connections 8]

Prints Markdown, as docs/benchmarks.md has it: requests a second and the 99th percentile of their time, as wrk (Debian:
wrk) measures them on the same machine; processor time a request; and what memory answers of a thousand and of a million
rows need.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from query import V, synthetic

from spacecoop import publish, workspace

BIRDS = Path(__file__).parent.parent / "tests" / "birds"
DIFFERENT = 5_000
"""How many small questions there are: no server can remember the answers of all."""
QUESTIONS = {
    "small": f"SELECT ?p ?o {{ <{V}c%d> ?p ?o }}",
    "middle": f"SELECT (COUNT(*) AS ?n) (%d AS ?not) {{ ?c <{V}claimant> <{V}w7> ; ?p ?o ; <{V}topic> ?t }}",
    "large": f"SELECT ?w (COUNT(*) AS ?n) (%d AS ?not) {{ ?c <{V}claimant> ?w ; <{V}topic> ?t }} GROUP BY ?w LIMIT 10",
}
LONGER = {"large": 3}
"""How much longer a question is asked, so that the few that are at work at the end do not decide."""
LUA = """
local number = 0
request = function()
  number = number + 1
  local path = string.gsub(os.getenv("TARGET"), "NUMBER", tostring((number * 7919) %% %d))
  return wrk.format("GET", path, {["Accept"] = "application/sparql-results+json"})
end
"""
ROWS = "SELECT ?a ?b { GRAPH ?g { ?a ?p ?x } GRAPH ?h { ?b ?q ?y } } LIMIT "


@dataclass
class Server:
    """A server that runs, and what was measured of it."""

    name: str
    process: subprocess.Popen[bytes]
    address: str
    path: str
    rates: dict[str, list[float]] = field(default_factory=dict)
    slowest: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)

    def processes(self) -> list[int]:
        """Return the server's process and those of its workers."""
        pid = self.process.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())]

    def spent(self) -> float:
        """Return how many seconds of a processor were spent."""
        ticks = 0
        for pid in self.processes():
            words = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
            ticks += sum(map(int, words[11:15]))  # its own, and those of children that ended
        return ticks / os.sysconf("SC_CLK_TCK")

    def peaks(self) -> float:
        """Return the megabytes of memory that its processes had at most, in all."""
        kilobytes = 0
        for pid in self.processes():
            found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text("ascii"))
            kilobytes += int(found[1]) if found else 0
        return kilobytes / 1024


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def started(
    name: str, command: Sequence[str], port: int, path: str, environment: Mapping[str, str]
) -> Iterator[Server]:
    """Run a server until the block ends."""
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, **environment})
    try:
        server = Server(name, process, f"http://127.0.0.1:{port}", path)
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{server.address}{path}?query=ASK%7B%7D"):  # noqa: S310
                break
            time.sleep(0.1)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def measure(server: Server, what: str, target: str, script: Path, seconds: int, connections: int) -> None:
    """Ask for so many seconds; note how many answers came, when the slowest in a hundred did, and what they cost."""
    before = server.spent()
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(script), server.address],
        env={**os.environ, "TARGET": target},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in done:
        sys.exit(f"{server.name}, {what}: {done}")
    number = int(re.search(r"(\d+) requests in", done)[1])  # type: ignore[index]
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done).groups()  # type: ignore[union-attr]
    server.rates.setdefault(what, []).append(number / seconds)
    server.slowest.setdefault(what, []).append(float(value) * {"us": 0.001, "ms": 1, "s": 1_000}[unit])
    server.costs.setdefault(what, []).append((server.spent() - before) / max(number, 1) * 1_000)
    rest(server)


def rest(server: Server) -> None:
    """Wait until a server does nothing: what clients that left have asked, Oxigraph's answers to its end."""
    seen = -1.0
    while (now := server.spent()) != seen:
        seen = now
        time.sleep(0.3)


def stream(server: Server, rows: int) -> tuple[float, int]:
    """Read an answer of so many rows; return its seconds and bytes."""
    target = f"{server.address}{server.path}?query={urllib.parse.quote(f'{ROWS}{rows}')}"
    asked = urllib.request.Request(target, headers={"Accept": "text/tab-separated-values"})  # noqa: S310
    begun, size, lines = time.perf_counter(), 0, 0
    with urllib.request.urlopen(asked, timeout=300) as answer:  # noqa: S310
        while part := answer.read(1 << 16):
            size += len(part)
            lines += part.count(b"\n")
    if lines != rows + 1:
        sys.exit(f"{server.name}: {lines - 1} rows, not {rows}")
    return time.perf_counter() - begun, size


def median(values: Sequence[float]) -> float:
    """Return the value in the middle."""
    return sorted(values)[len(values) // 2]


def report(ours: Server, theirs: Server) -> None:
    """Print what was measured."""
    print("| questions | server | requests/s | of Oxigraph's | p99 ms | processor ms/request |")
    print("|---|---|---|---|---|---|")
    for what in ours.rates:
        for server in (theirs, ours):
            if what not in server.rates:
                continue
            rate = median(server.rates[what])
            share = f"{rate / median(theirs.rates[what]):.2f}" if what in theirs.rates else ""
            slowest, cost = median(server.slowest[what]), median(server.costs[what])
            print(f"| {what} | {server.name} | {rate:,.0f} | {share} | {slowest:.1f} | {cost:.2f} |")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quads", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rows", type=int, default=1_000_000)
    said = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("no wrk (Debian: apt-get install wrk)")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(shutil.copytree(BIRDS, Path(folder, "birds")))
        publish.publish(workspace.read(root))
        with (root / "out" / "dataset.nq").open("w", encoding="utf-8") as stream_:
            stream_.writelines(synthetic(said.quads))
        script = Path(folder, "ask.lua")
        script.write_text(LUA % DIFFERENT, "utf-8")
        ours_port, their_port = free_port(), free_port()
        serve = [
            sys.executable,
            "-m",
            "spacecoop",
            "-C",
            str(root),
            "serve",
            "--port",
            str(ours_port),
            "--timeout",
            "120",
        ]
        cache = {"XDG_CACHE_HOME": folder}
        with started("spacecoop serve", [*serve, "--port", str(ours_port)], ours_port, "/sparql", cache) as ours:
            index = next(path.parent for path in Path(folder, "spacecoop", "index").glob("*/CURRENT"))
            oxigraph = str(Path(sys.executable).with_name("oxigraph"))
            command = [oxigraph, "serve-read-only", "-l", str(index), "-b", f"127.0.0.1:{their_port}"]
            with started("oxigraph", [*command, "--union-default-graph"], their_port, "/query", {}) as theirs:
                compare(ours, theirs, script, said)


def compare(ours: Server, theirs: Server, script: Path, said: argparse.Namespace) -> None:
    """Ask both, turn by turn."""
    print(
        f"{said.quads:,} quads, {said.connections} connections, {os.cpu_count()} cores,",
        f"Python {platform.python_version()}",
    )
    print(f"oxigraph {version('oxigraph')}, uvicorn {version('uvicorn')}; load average {os.getloadavg()[0]:.1f}\n")
    for round_ in range(said.rounds + 1):
        for what, text in QUESTIONS.items():
            asked = urllib.parse.quote(text).replace("%25d", "NUMBER")
            for server in (theirs, ours):
                target = f"{server.path}?query={asked}"
                seconds = said.seconds * LONGER.get(what, 1) if round_ else 1
                measure(server, what, target, script, seconds, said.connections)
        measure(ours, "named, remembered", "/query/flocks", script, said.seconds if round_ else 1, said.connections)
        if round_ == 0:  # that warmed them up
            for server in (theirs, ours):
                server.rates, server.slowest, server.costs = {}, {}, {}
    report(ours, theirs)
    print("\n| rows | server | seconds | MB of answer | MB of memory at most, all processes |\n|---|---|---|---|---|")
    for rows in (1_000, said.rows):
        for server in (theirs, ours):
            seconds, size = stream(server, rows)
            print(f"| {rows:,} | {server.name} | {seconds:.2f} | {size / 1e6:.1f} | {server.peaks():.0f} |")
    print(f"\nload average at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
