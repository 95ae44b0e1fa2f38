"""Ten typical queries over synthetic articles: this program beside others, as ratios of time, same answers checked.

    python benchmarks/query.py [--quads 1000000] [--rdflib] [--endpoint NAME=URL …]

Raw pyoxigraph on the same index is 1. rdflib is slow beyond 100,000 quads, so it is asked for by name. An endpoint,
such as a Virtuoso or a Jena that holds the same file (it is kept, and its path printed), is measured over HTTP.
Comunica is measured where `comunica-sparql-file` is on the PATH, with its start and its reading of the file.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pyoxigraph import QueryResultsFormat, Store

from spacecoop import results, sandbox, sources, sparql
from spacecoop.endpoint import Endpoint

V = "https://vocabulary.example/"
PREFIX = f"PREFIX v: <{V}> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> "
QUERIES = {
    "two hops": "SELECT ?claim ?label { ?claim v:claimant ?who . ?who rdfs:label ?label . ?claim v:modality v:m3 }",
    "group, top 10": "SELECT ?w (COUNT(*) AS ?n) { ?c v:claimant ?w } GROUP BY ?w ORDER BY DESC(?n) ?w LIMIT 10",
    "per property": "SELECT ?p (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?p ORDER BY ?p",
    "per graph": "SELECT (COUNT(DISTINCT ?g) AS ?n) { GRAPH ?g { ?s v:modality ?o } }",
    "path": "SELECT (COUNT(*) AS ?n) { ?c v:topic/v:broader* v:t0 }",
    "regex": "SELECT (COUNT(*) AS ?n) { ?c v:gloss ?g FILTER (REGEX(?g, 'claim [0-9]*77 ')) }",
    "optional": "SELECT (COUNT(*) AS ?n) { ?c v:claimant v:w7 OPTIONAL { ?c v:date ?d } }",
    "not exists": "SELECT (COUNT(*) AS ?n) { ?c v:claimant v:w7 FILTER NOT EXISTS { ?c v:date ?d } }",
    "one thing": "SELECT ?p ?o { v:c42 ?p ?o }",
    "pairs": "SELECT ?a ?b (COUNT(*) AS ?n) { ?c v:party ?a , ?b FILTER (STR(?a) < STR(?b)) } GROUP BY ?a ?b",
}


def synthetic(quads: int) -> Iterator[str]:
    """Yield lines of N-Quads: claims of ten statements each in graphs of ten claims, and what they lead to."""
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    for number in range(200):
        yield f'<{V}w{number}> {label} "Who {number}"@en <{V}shared> .\n'
        yield f"<{V}t{number}> <{V}broader> <{V}t{number // 3}> <{V}shared> .\n"
    for claim in range(quads // 10):
        seed = int.from_bytes(hashlib.blake2b(str(claim).encode(), digest_size=8).digest(), "big")
        graph = f"<{V}g{claim // 10}>"
        said = {
            "claimant": [f"<{V}w{seed % 200}>"],
            "modality": [f"<{V}m{seed % 9}>"],
            "topic": [f"<{V}t{seed // 7 % 200}>"],
            "party": [f"<{V}w{seed // 11 % 40}>", f"<{V}w{seed // 13 % 40}>"],
            "gloss": [f'"claim {claim} is told in our own words"@en', f'"assertion {claim}, dans nos mots à nous"@fr'],
            "date": [f'"20{seed % 30:02}-01-01"^^<http://www.w3.org/2001/XMLSchema#date>'] if seed % 3 else [],
            "start": [f'"{seed % 5000}"^^<http://www.w3.org/2001/XMLSchema#integer>'],
            "digest": [f'"{seed:016x}"'],
        }
        for name, values in said.items():
            for value in dict.fromkeys(values):
                yield f"<{V}c{claim}> <{V}{name}> {value} {graph} .\n"


Ask = Callable[[str], list[str]]


def raw(store: Store, text: str) -> list[str]:
    """Ask pyoxigraph alone."""
    answer = store.query(text, use_default_graph_as_union=True).serialize(format=QueryResultsFormat.TSV)
    return (answer or b"").decode().splitlines()[1:]


def ours(source: sources.Local, text: str) -> list[str]:
    """Ask as the command does, in its process of its own, into memory."""

    def work(signals: sandbox.Signals) -> bytes:
        spool = results.Spool(sort=not sparql.is_ordered(text))
        signals.ready()
        result = results.spooled(source.answer(text), spool)
        signals.printing()
        stream = io.BytesIO()
        results.write(result, "tsv", stream, results.View({}))
        return stream.getvalue()

    return sandbox.run(work, sandbox.Limits(600)).decode().splitlines()[1:]  # type: ignore[no-any-return]


def of_rdflib(path: Path) -> Ask:
    """Return what asks rdflib, in memory."""
    import rdflib

    dataset = rdflib.Dataset(default_union=True)
    dataset.parse(path, format="nquads")

    def ask(text: str) -> list[str]:
        answer = dataset.query(text).serialize(format="csv")
        return (answer or b"").decode().splitlines()[1:]

    return ask


def of_endpoint(url: str) -> Ask:
    """Return what asks an endpoint."""
    endpoint = Endpoint(url, timeout=600)
    return lambda text: [str(row) for row in endpoint.select(text).rows]


def of_comunica(path: Path, text: str) -> list[str]:
    """Ask Comunica, with its start and its reading."""
    words = ["comunica-sparql-file", str(path), text, "-t", "text/tab-separated-values"]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=600).stdout.splitlines()[1:]


def best(ask: Ask, text: str, times: int) -> tuple[float, list[str]]:
    """Return the shortest of several times, and the answer."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        rows = ask(text)
        taken.append(time.perf_counter() - started)
    return min(taken), rows


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quads", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=3, help="the best of so many is taken")
    parser.add_argument("--rdflib", action="store_true")
    parser.add_argument("--endpoint", action="append", default=[], metavar="NAME=URL")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "synthetic.nq"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(synthetic(arguments.quads))
        print(f"{path}: {path.stat().st_size / 1e6:.0f} MB")
        cache = Path(folder) / "cache"
        started = time.perf_counter()
        sources.files({path: ""}, "synthetic", {}, cache=cache)
        built = time.perf_counter()
        source = sources.files({path: ""}, "synthetic", {}, cache=cache)
        print(f"index built in {built - started:.1f} s, opened in {time.perf_counter() - built:.3f} s")
        engines: dict[str, Ask] = {
            "raw pyoxigraph": functools.partial(raw, source.store),
            "spacecoop": functools.partial(ours, source),
        }
        if arguments.rdflib:
            engines["rdflib"] = of_rdflib(path)
        engines |= {name: of_endpoint(url) for name, _, url in (one.partition("=") for one in arguments.endpoint)}
        if shutil.which("comunica-sparql-file"):
            engines["Comunica"] = functools.partial(of_comunica, path)
        print(f"{'':16}{'rows':>9}{'raw s':>9}" + "".join(f"{name:>14}" for name in list(engines)[1:]))
        totals = dict.fromkeys(engines, 0.0)
        for name, text in QUERIES.items():
            taken = {engine: best(ask, PREFIX + text, arguments.times) for engine, ask in engines.items()}
            counts = {engine: len(rows) for engine, (_, rows) in taken.items()}
            same = (
                sorted(taken["raw pyoxigraph"][1]) == sorted(taken["spacecoop"][1]) and len(set(counts.values())) == 1
            )
            for engine, (seconds, _) in taken.items():
                totals[engine] += seconds
            base = taken["raw pyoxigraph"][0]
            ratios = "".join(f"{seconds / base:>14.2f}" for engine, (seconds, _) in list(taken.items())[1:])
            print(f"{name:16}{counts['spacecoop']:>9}{base:>9.3f}{ratios}" + ("" if same else "  ANSWERS DIFFER"))
        base = totals["raw pyoxigraph"]
        print(f"{'all':16}{'':>9}{base:>9.3f}" + "".join(f"{totals[one] / base:>14.2f}" for one in list(engines)[1:]))


if __name__ == "__main__":
    main()
