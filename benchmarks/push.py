"""How fast a push is, beside curl and the native loader; and after one edit. Prints ratios.

  python benchmarks/push.py [QUADS] [ARTICLES ...]      default: 1000000 quads; 100 1000 10000 articles

Oxigraph's server (on disk) always; Virtuoso where virtuoso-t is installed. Each store is fresh for each way.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import storetest
from spacecoop import credentials, graphs, leases, plans, stores, targets, workspace
from storetest import BASE, article, free_port, published
from test_push_virtuoso import INI

A_GRAPH = 100
"""Triples in an article of the bulk measurement, its head included."""


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds work takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def pushed(root: Path, target: stores.Target) -> stores.Report:
    """Push the dataset and prove it."""
    place = workspace.read(root)
    store = stores.connect(target, place.base)
    ours = graphs.read(place)
    with stores.leased(store) as lease:
        report = stores.apply(store, ours, stores.plan(store, ours), lease)
        stores.recount(store, ours, report)
    if report.differences:
        sys.exit(f"not proven: {report.differences[0]}")
    return report


def oxigraph_target(root: Path, url: str) -> stores.Target:
    """Return the Oxigraph at a URL."""
    return stores.target(workspace.read(root), url, "oxigraph")


@contextlib.contextmanager
def virtuoso(folder: Path) -> Iterator[tuple[str, int]]:
    """Start a Virtuoso in a folder."""
    folder.mkdir()
    (folder / "load").mkdir()
    sql, http = free_port(), free_port()
    ini = INI.format(folder=folder, sql=sql, http=http).replace("= 10000\nMaxDirty", "= 85000\nMaxDirty")
    (folder / "virtuoso.ini").write_text(ini.replace("= 7500", "= 65000"), "utf-8")
    command = ["virtuoso-t", "-c", str(folder / "virtuoso.ini"), "+foreground"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with storetest.ended(process, lambda: isql(sql, "shutdown;")):
        storetest.ready(f"http://127.0.0.1:{http}/sparql?query=ASK%7B%7D", process, 120)
        yield f"http://127.0.0.1:{http}/", sql


def isql(sql: int, text: str) -> str:
    """Run SQL there."""
    words = ["isql-vt", f"127.0.0.1:{sql}", "dba", "dba"]
    return subprocess.run(words, input=text, capture_output=True, text=True, check=False).stdout


def virtuoso_target(root: Path, url: str) -> stores.Target:
    """Return the Virtuoso at a URL."""
    known = stores.target(workspace.read(root), url, "virtuoso")
    addresses = replace(known.addresses, query=f"{url}sparql-auth")
    return replace(known, addresses=addresses, credentials=credentials.Credentials("digest", "dba", "dba"))


def bulk(scratch: Path, quads: int) -> None:
    """Load many quads in each way."""
    number = max(1, quads // A_GRAPH)
    made: dict[str, list[str]] = {}
    for index in range(number):
        made |= article(f"a{index:06}", A_GRAPH - 1)
    root = published(scratch / "bulk", made)
    made.clear()
    dump = root / "out" / "dataset.nq"
    print(f"{number * A_GRAPH:,} quads in {2 * number:,} graphs, {dump.stat().st_size / 1e6:.0f} MB")
    digests = timed(lambda: graphs.read(workspace.read(root)))
    print(f"  digests of all graphs, once (then kept): {digests:.1f} s")
    program = str(Path(sys.prefix) / "bin" / "oxigraph")
    curl = ["curl", "-sf", "-X", "POST", "-H", "Content-Type: application/n-quads", "-T", str(dump)]

    native = timed(
        lambda: subprocess.run(
            [program, "load", "--location", scratch / "ox1", "--file", dump], check=True, capture_output=True
        )
    )
    with storetest.oxigraph(scratch / "ox2") as url:
        whole = timed(lambda: subprocess.run([*curl, f"{url}store"], check=True, capture_output=True))
    with storetest.oxigraph(scratch / "ox3") as url:
        ours = timed(lambda: pushed(root, oxigraph_target(root, url)))
        again = timed(lambda: pushed(root, oxigraph_target(root, url)))
    shown("Oxigraph", native, whole, ours, again)
    for old in ("ox1", "ox2", "ox3"):
        shutil.rmtree(scratch / old)

    if not shutil.which("virtuoso-t"):
        print("Virtuoso: not installed, not measured")
        return
    with virtuoso(scratch / "v1") as (_, sql):
        shutil.copy(dump, scratch / "v1" / "load")
        load = f"ld_dir('{scratch}/v1/load', '*.nq', '{BASE}none');\nrdf_loader_run();\ncheckpoint;\n"
        native = timed(lambda: isql(sql, load))
    with virtuoso(scratch / "v2") as (url, _):
        ours = timed(lambda: pushed(root, virtuoso_target(root, url)))
        again = timed(lambda: pushed(root, virtuoso_target(root, url)))
    shown("Virtuoso (curl cannot send it N-Quads)", native, None, ours, again)


def shown(name: str, native: float, whole: float | None, ours: float, again: float) -> None:
    """Print seconds and ratios."""
    curl = f"curl of one file {whole:.1f} s ({whole / native:.2f}); " if whole else ""
    print(f"{name}: native loader {native:.1f} s (1); {curl}push, proven, {ours:.1f} s ({ours / native:.2f})")
    print(f"  a second push {again:.2f} s")


def incremental(scratch: Path, numbers: list[int]) -> None:
    """Push, edit one article, push again."""
    for number in numbers:
        made: dict[str, list[str]] = {}
        for index in range(number):
            made |= article(f"a{index:06}", 19)
        root = published(scratch / f"i{number}", made)
        with storetest.oxigraph(scratch / f"ox-i{number}") as url:
            target = oxigraph_target(root, url)
            full = timed(lambda: pushed(root, target))  # noqa: B023
            published(root, made | article("a000000", 19, "heard"))
            edit = timed(lambda: pushed(root, target))  # noqa: B023
        print(
            f"{number:,} articles of 20 quads: first push {full:.2f} s; after one edit {edit:.2f} s ({edit / full:.3f})"
        )


def main() -> None:
    """Measure all."""
    words = [int(word.replace("_", "")) for word in sys.argv[1:]]
    with tempfile.TemporaryDirectory(prefix="push-") as folder:
        incremental(Path(folder), words[1:] or [100, 1_000, 10_000])
        bulk(Path(folder), words[0] if words else 1_000_000)


if __name__ == "__main__":
    main()
