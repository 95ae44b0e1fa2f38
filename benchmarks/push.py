"""How fast a push is, proven, beside curl and the native loader; and after one edit. Prints Markdown tables.

  python benchmarks/push.py [QUADS] [ARTICLES ...]      default: 1000000 quads; 100 1000 10000 articles

Oxigraph's server (on disk) always; Virtuoso where virtuoso-t is installed. Each store is fresh for each way, and
holds the same number of quads afterwards, which is checked. A push is a process of its own, as users run it; its
first one reads and digests out/, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import storetest
from storetest import BASE, article, free_port, published
from test_push_virtuoso import INI

A_GRAPH = 100
"""Triples in an article of the bulk measurement, its head included."""
OXIGRAPH = str(Path(sys.prefix) / "bin" / "oxigraph")
PUSH = """
import pathlib, sys
from spacecoop import cli
code = cli.main(sys.argv[1:])
status = pathlib.Path("/proc/self/status")
print(status.read_text() if status.exists() else "")
sys.exit(code)
"""
"""A push that says at its end how much memory it had, where the system tells that."""
SECRETS = {"LIB_USER": "dba", "LIB_PASSWORD": "dba"}


@dataclass(frozen=True)
class Run:
    """How long something took, and how much memory it had at most."""

    seconds: float
    megabytes: float = 0.0


@dataclass(frozen=True)
class Server:
    """A store that was started to be measured."""

    url: str
    settings: str
    sql: int = 0


def timed(work: Callable[[], object]) -> Run:
    """Return how long work takes."""
    begun = time.monotonic()
    work()
    return Run(time.monotonic() - begun)


def push(root: Path, server: Server, *words: str) -> Run:
    """Push in a process of its own, and see that all is proven."""
    (root / "spacecoop.toml").write_text(f"{storetest.SETTINGS}\n[stores.it]\n{server.settings}", "utf-8")
    command = [sys.executable, "-c", PUSH, "-C", str(root), "push", "it", *words]
    begun = time.monotonic()
    done = subprocess.run(command, env=storetest.environment(**SECRETS), capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    found = re.search(r"proven: ([\d,]+) of ([\d,]+) graphs", done.stdout)
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    if done.returncode or not found or found[1] != found[2]:
        sys.exit(f"not proven: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Run(seconds, int(peak[1]) / 1024 if peak else 0.0)


@contextlib.contextmanager
def oxigraph(folder: Path) -> Iterator[Server]:
    """Start an Oxigraph in a folder."""
    with storetest.oxigraph(folder) as url:
        yield Server(url, f'url = "{url}"\ndialect = "oxigraph"\n')
    shutil.rmtree(folder)


@contextlib.contextmanager
def virtuoso(folder: Path) -> Iterator[Server]:
    """Start a Virtuoso in a folder."""
    (folder / "load").mkdir(parents=True)
    sql, http = free_port(), free_port()
    ini = INI.format(folder=folder, sql=sql, http=http).replace("= 10000\nMaxDirty", "= 85000\nMaxDirty")
    (folder / "virtuoso.ini").write_text(ini.replace("= 7500", "= 65000"), "utf-8")
    command = ["virtuoso-t", "-c", str(folder / "virtuoso.ini"), "+foreground"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with storetest.ended(process, lambda: isql(sql, "shutdown;")):
        url = f"http://127.0.0.1:{http}/"
        storetest.ready(f"{url}sparql?query=ASK%7B%7D", process, 120)
        variables = 'user_variable = "LIB_USER"\npassword_variable = "LIB_PASSWORD"\n'
        yield Server(url, f'url = "{url}"\ndialect = "virtuoso"\nauth = "digest"\n{variables}', sql)
    shutil.rmtree(folder)


def isql(sql: int, text: str) -> str:
    """Run SQL there."""
    words = ["isql-vt", f"127.0.0.1:{sql}", "dba", "dba"]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False).stdout


def expect(address: str, quads: int) -> None:
    """See that a store holds as many quads of ours as there are."""
    ours = f'FILTER(STRSTARTS(STR(?g), "{BASE}article/"))'
    query = f"SELECT (COUNT(*) AS ?n) WHERE {{ GRAPH ?g {{ ?s ?p ?o }} {ours} }}"
    form = urlencode({"query": query, "format": "application/sparql-results+json"}).encode()
    with urlopen(address, form) as answer:  # noqa: S310 (loopback)
        found = int(json.load(answer)["results"]["bindings"][0]["n"]["value"])
    if found != quads:
        sys.exit(f"{address} holds {found:,} quads, not {quads:,}")


def load(folder: Path, dump: Path) -> Run:
    """Load a file with Oxigraph's own loader."""
    words = [OXIGRAPH, "load", "--location", str(folder), "--file", str(dump)]
    return timed(lambda: subprocess.run(words, check=True, capture_output=True))


def curl(url: str, dump: Path) -> Run:
    """Send a file to Oxigraph's server."""
    words = ["curl", "-sf", "-X", "POST", "-H", "Content-Type: application/n-quads", "-T", str(dump), url]
    return timed(lambda: subprocess.run(words, check=True, capture_output=True))


def load_directory(server: Server, folder: Path) -> Run:
    """Load what is in a folder with Virtuoso's own loader."""
    words = f"ld_dir('{folder}', '*.nq', '{BASE}none');\nrdf_loader_run();\ncheckpoint;\n"
    return timed(lambda: isql(server.sql, words))


def bulk(scratch: Path, quads: int) -> None:
    """Load many quads in each way."""
    number = max(1, quads // A_GRAPH)
    quads = number * A_GRAPH
    made: dict[str, list[str]] = {}
    for index in range(number):
        made |= article(f"a{index:06}", A_GRAPH - 1)
    root = published(scratch / "bulk", made)
    made.clear()
    dump = root / "out" / "dataset.nq"
    print(f"{quads:,} quads in {2 * number:,} graphs, {dump.stat().st_size / 1e6:.0f} MB of N-Quads:\n")
    print("| store | way | seconds | times its bulk loader | peak memory of the client |\n|---|---|---|---|---|")

    native = load(scratch / "o1", dump)
    with oxigraph(scratch / "o1") as server:
        expect(f"{server.url}query", quads)
    row("Oxigraph", "`oxigraph load`, server stopped", native, native)
    with oxigraph(scratch / "o2") as server:
        row("Oxigraph", "curl, one file", curl(f"{server.url}store", dump), native)
        expect(f"{server.url}query", quads)
    with oxigraph(scratch / "o3") as server:
        row("Oxigraph", "curl, one file, `?no_transaction`", curl(f"{server.url}store?no_transaction", dump), native)
        expect(f"{server.url}query", quads)
    with oxigraph(scratch / "o4") as server:
        pushes("Oxigraph", root, server, native)
        expect(f"{server.url}query", quads)

    if not shutil.which("virtuoso-t"):
        print("| Virtuoso | not installed, not measured | | | |")
        return
    with virtuoso(scratch / "v1") as server:
        shutil.copy(dump, scratch / "v1" / "load")
        native = load_directory(server, scratch / "v1" / "load")
        expect(f"{server.url}sparql", quads)
    row("Virtuoso", "`ld_dir`, `rdf_loader_run`, `checkpoint`", native, native)
    print("| Virtuoso | curl, one file | takes no N-Quads | | |")
    with virtuoso(scratch / "v2") as server:
        pushes("Virtuoso", root, server, native)
        expect(f"{server.url}sparql", quads)


def pushes(store: str, root: Path, server: Server, native: Run) -> None:
    """Push to an empty store, and twice to one in step."""
    shutil.rmtree(root / ".cache", ignore_errors=True)
    row(store, "`spacecoop push`, proven", push(root, server), native)
    row(store, "again, all read whole", push(root, server), native)
    row(store, "again, `--quick`", push(root, server, "--quick"), native)


def row(store: str, way: str, run: Run, native: Run) -> None:
    """Print one line."""
    memory = f"{run.megabytes:.0f} MB" if run.megabytes else ""
    print(f"| {store} | {way} | {run.seconds:.1f} | {run.seconds / native.seconds:.2f} | {memory} |", flush=True)


def incremental(scratch: Path, numbers: list[int]) -> None:
    """Push, edit one article, push again; and so with --quick."""
    print("\nAfter one edit, Oxigraph on disk, 20 quads an article, seconds:\n")
    print("| articles | first push | after one edit | ratio | after one edit, `--quick` | ratio |")
    print("|---|---|---|---|---|---|")
    for number in numbers:
        made: dict[str, list[str]] = {}
        for index in range(number):
            made |= article(f"a{index:06}", 19)
        root = published(scratch / f"i{number}", made)
        with oxigraph(scratch / "o") as server:
            first = push(root, server).seconds
            published(root, made | article("a000000", 19, "heard"))
            edit = push(root, server).seconds
            published(root, made | article("a000000", 19, "told"))
            quick = push(root, server, "--quick").seconds
        print(f"| {number:,} | {first:.2f} | {edit:.2f} | {edit / first:.2f} | {quick:.2f} | {quick / first:.2f} |")


def main() -> None:
    """Measure all."""
    words = [int(word.replace("_", "")) for word in sys.argv[1:]]
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {os.cpu_count()} processors\n")
    with tempfile.TemporaryDirectory(prefix="push-") as folder:
        bulk(Path(folder), words[0] if words else 1_000_000)
        incremental(Path(folder), words[1:] or [100, 1_000, 10_000])


if __name__ == "__main__":
    main()
