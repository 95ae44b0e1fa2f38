"""Synthetic articles in, tables of times and memory out: what `spacecoop build` takes, phase by phase.

make bench-build               1,000 and 10,000 articles
python benchmarks/build.py 100

Each phase is told in seconds of this process's processor; the articles themselves are worked on by other processes, so
theirs is the wall's time. "user" is the processor's time of all processes together. The dumps are compared with rdflib, which reads the N-Quads once and writes the same five
syntaxes; both must hold the same triples.
"""

from __future__ import annotations

import datetime
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import synthetic

PEER = 100
"""How many articles rdflib is given: it holds them all."""
PHASES = ("articles", "dumps", "description", "feed", "all", "user")


def main(numbers: list[int]) -> None:
    """Print the tables in Markdown."""
    print(f"{datetime.date.today()}, Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    print(f"\n| articles | build | {' | '.join(f'{phase}, s' for phase in PHASES)} | peak memory |")
    print("|---" * (len(PHASES) + 3) + "|")
    with tempfile.TemporaryDirectory() as name:
        for number in numbers:
            place = Path(name) / str(number)
            synthetic.workspace(place, number)
            for build in ("first", "nothing changed", "after one edit"):
                if build == "after one edit":
                    edited = place / "articles" / "s000000.yaml"
                    text = edited.read_text("utf-8").replace("joint mission", "shared mission")
                    edited.write_text(text.replace("created: 2026-01-01", "created: 2026-01-02"), "utf-8")
                print(f"| {number:,} | {build} | {measured('phases', place)} |", flush=True)
        place = Path(name) / "peer"
        synthetic.workspace(place, PEER)
        measured("phases", place)
        ours, theirs = (float(measured(way, place)) for way in ("dumps", "rdflib"))
        print(f"\nDumps of {PEER} articles: {ours:.2f} s, rdflib {theirs:.2f} s ({theirs / ours:.1f} times as long)")


def measured(way: str, place: Path) -> str:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, way, str(place)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def phases(place: Path) -> str:
    """Build; return the cells of a row."""
    from spacecoop import publish, workspace
    from spacecoop.harvest import dumps, feeds, site

    taken: dict[str, float] = dict.fromkeys(PHASES, 0.0)

    def timed(phase: str, clock: Callable[[], float], function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*words: Any, **settings: Any) -> Any:
            start = clock()
            found = function(*words, **settings)
            found = list(found) if isinstance(found, Iterator) else found
            taken[phase] += clock() - start
            return found

        return run

    publish.each = timed("articles", time.perf_counter, publish.each)
    dumps.write = timed("dumps", time.process_time, dumps.write)
    feeds.write = timed("feed", time.process_time, feeds.write)
    site.write = timed("description", time.process_time, site.write)
    start = time.perf_counter()
    publish.publish(workspace.read(place))
    taken["all"] = time.perf_counter() - start
    taken["description"] -= taken["feed"]
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    taken["user"] = sum(one.ru_utime for one in used)
    peak = used[0].ru_maxrss / 1024
    return " | ".join([*(f"{taken[phase]:.1f}" for phase in PHASES), f"{peak:.0f} MB"])


def ours(place: Path) -> str:
    """Write the dumps once more, uncompressed, and return the seconds of the processor."""
    from spacecoop import output, workspace
    from spacecoop.harvest import dumps

    home = workspace.read(place)
    slugs = sorted(path.stem for path in (place / "out" / "article").glob("*.nq"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "article").symlink_to(place / "out" / "article")
        shared = [quad for quad in output.read(place / "out" / "dataset.nq") if "/article/" not in str(quad.graph_name)]
        output.pack = lambda data: data
        output.keep_packing = lambda *given: None
        start = time.process_time()
        pieces = {
            slug: dumps.pack(dumps.cut(list(output.read(folder / "article" / f"{slug}.nq")), slug, folder, home))
            for slug in slugs
        }
        dumps.write(pieces, shared, {}, folder, home)
        seconds = time.process_time() - start
        for dump in dumps.NAMES:
            assert (folder / dump).read_bytes() == (place / "out" / dump).read_bytes()
    return str(seconds)


def rdflib_s(place: Path) -> str:
    """Write the same five syntaxes with rdflib; return the seconds of the processor."""
    import logging
    import warnings

    import rdflib

    warnings.simplefilter("ignore")
    logging.disable(logging.ERROR)
    start = time.process_time()
    data = rdflib.Dataset(default_union=True).parse(place / "out" / "dataset.nq", format="nquads")
    texts = [data.serialize(format=one) for one in ("trig", "nquads", "json-ld")]
    flat = rdflib.Graph()
    for triple in data.triples((None, None, None)):
        flat.add(triple)
    texts += [flat.serialize(format=one) for one in ("turtle", "nt")]
    seconds = time.process_time() - start
    assert all(texts)
    assert len(flat) == len(rdflib.Graph().parse(place / "out" / "dataset.nt"))
    return str(seconds)


WAYS = {"phases": phases, "dumps": ours, "rdflib": rdflib_s}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        print(WAYS[sys.argv[1]](Path(sys.argv[2])))
    else:
        main([int(word) for word in sys.argv[1:]] or [1_000, 10_000])
