"""Ten typical queries over synthetic articles: this program beside other engines, in one run.

    python benchmarks/query.py [--quads 1000000] [--few 20000] [--times 3]

Prints Markdown, as docs/benchmarks.md has it: seconds of pyoxigraph alone, and how many times as long the others take,
their peak memory, and whether their answers are the same by value. Virtuoso (Debian: virtuoso-opensource-7-bin) and
Jena (Debian: libapache-jena-java) are measured where they are installed, Comunica where npm is (it is installed into
.cache/). rdflib and Comunica are asked over a smaller dataset.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import hashlib
import json
import multiprocessing
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pyoxigraph import QueryResultsFormat, Store

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

import jena  # noqa: E402
from spacecoop import asking, sandbox  # noqa: E402  (tests/ has been put on the path)
from spacecoop.queries import indexes, library, sources  # noqa: E402

LONGEST = 240
"""Seconds that one query may take."""
ENOUGH = 5.0
"""A query that took so many seconds in all is not asked again."""
LEAST = 70_000
"""Quads of which there is an index: smaller files are read into memory at each question."""
COMUNICA = "4"
"""The newest that runs on Node 20."""
V = "https://vocabulary.example/"
PREFIX = f"PREFIX v: <{V}> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> "
QUERIES = {
    "two hops": "SELECT ?claim ?label { ?claim v:claimant ?who . ?who rdfs:label ?label . ?claim v:modality v:m3 }",
    "group, top 10": "SELECT ?w (COUNT(*) AS ?n) { ?c v:claimant ?w } GROUP BY ?w ORDER BY DESC(?n) ?w LIMIT 10",
    "per property": "SELECT ?p (COUNT(*) AS ?n) { ?c v:modality v:m3 ; ?p ?o } GROUP BY ?p ORDER BY ?p",
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
        if number:
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


@dataclass
class Measured:
    """What one engine did."""

    engine: str
    load: float = 0.0
    taken: dict[str, float] = field(default_factory=dict)
    """Seconds by query, the best."""
    answers: dict[str, str] = field(default_factory=dict)
    """The digest of the rows, by query."""
    failed: dict[str, str] = field(default_factory=dict)
    memory: int = 0
    """Bytes, at the peak."""


@dataclass(frozen=True)
class Missing:
    """An engine that is not measured, and why."""

    engine: str
    why: str


def digest(body: bytes) -> str:
    """Return a digest of rows by their values: engines differ in order, and in how they mark a plain string."""
    rows = sorted(
        json.dumps({name: (one["value"], one.get("xml:lang", "").lower()) for name, one in row.items()}, sort_keys=True)
        for row in json.loads(body)["results"]["bindings"]
    )
    return f"{len(rows)} {hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}"


def best(work: Callable[[], object], times: int) -> float:
    """Return the shortest of several times, or of as many as fit into a bound."""
    taken: list[float] = []
    while len(taken) < times and sum(taken) < ENOUGH:
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


# --- pyoxigraph alone, and this program --------------------------------------------------------------------------


def alone(store: Store, text: str, target: Path) -> None:
    """Ask pyoxigraph: evaluate, and write the answer as TSV."""
    store.query(text, use_default_graph_as_union=True).serialize(str(target), format=QueryResultsFormat.TSV)


def in_a_new_process(index: Path, text: str, target: Path) -> None:
    """Do the same as a program would that is started for it, but for the start of Python: open, ask, write, end."""
    process = os.fork()
    if process == 0:
        alone(Store.read_only(str(index)), text, target)
        os._exit(0)
    os.waitpid(process, 0)


def asked(path: Path, text: str, target: Path, form: str = "tsv") -> None:
    """Ask as `spacecoop query FILE.rq --data PATH --output TARGET` does."""
    question = asking.Question(library.parse(text, "it", "it"), data=(path,))
    asking.ask(question, asking.Output(form, target), sandbox.Limits(LONGEST), lambda _: None)


def index_of() -> Path:
    """Return the folder of the index that was built."""
    return next(entry for entry in indexes.home().iterdir() if entry.name != "digests")


def measure_ours(path: Path, texts: Mapping[str, str], times: int, folder: Path) -> list[Measured]:
    """Measure pyoxigraph on an open store, the same in a new process, and this program, in turn."""
    raw, fresh, ours = Measured("pyoxigraph"), Measured("in a new process"), Measured("spacecoop")
    started = time.perf_counter()
    sources.files({path: ""}, "it", {}, cache=indexes.home())
    ours.load = raw.load = fresh.load = time.perf_counter() - started
    index, target = index_of(), folder / "answer"
    store = Store.read_only(str(index))
    for name, text in texts.items():
        works: dict[str, Callable[[], None]] = {
            raw.engine: lambda: alone(store, text, target),  # noqa: B023
            fresh.engine: lambda: in_a_new_process(index, text, target),  # noqa: B023
            ours.engine: lambda: asked(path, text, target),  # noqa: B023
        }
        for _ in range(times):
            for one in (raw, fresh, ours):
                one.taken[name] = min(one.taken.get(name, LONGEST), best(works[one.engine], 1))
        body = store.query(text, use_default_graph_as_union=True).serialize(format=QueryResultsFormat.JSON)
        raw.answers[name] = fresh.answers[name] = digest(body or b"")
        asked(path, text, target, "json")
        ours.answers[name] = digest(target.read_bytes())
    return [raw, fresh, ours]


def memory_of(engine: str, path: Path, texts: Mapping[str, str], folder: Path) -> int:
    """Return the peak memory of one of these three, in this process and the largest that it starts."""
    index, target = index_of(), folder / "answer"
    store = Store.read_only(str(index)) if engine == "pyoxigraph" else None
    for text in texts.values():
        if store is not None:
            alone(store, text, target)
        elif engine == "spacecoop":
            asked(path, text, target)
        else:
            in_a_new_process(index, text, target)
    return 1024 * sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


# --- other engines -----------------------------------------------------------------------------------------------


def measure_rdflib(path: Path, texts: Mapping[str, str], times: int, _: Path) -> Measured:
    """Measure rdflib, in memory."""
    import rdflib

    said = Measured(f"rdflib {version('rdflib')}")
    dataset = rdflib.Dataset(default_union=True)
    said.load = best(lambda: dataset.parse(path, format="nquads"), 1)
    for name, text in texts.items():
        body: list[bytes] = []
        said.taken[name] = best(lambda: body.append(dataset.query(text).serialize(format="json") or b""), times)  # noqa: B023
        said.answers[name] = digest(body[-1])
    said.memory = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return said


def measure_comunica(path: Path, texts: Mapping[str, str], times: int, folder: Path) -> Measured | Missing:
    """Measure Comunica over N3's store in memory; install it where npm is there."""
    home = HERE.parent / ".cache" / "comunica"
    if not shutil.which("node") or not shutil.which("npm"):
        return Missing("Comunica", "node and npm are not here")
    if not (home / "node_modules" / "@comunica").is_dir():
        home.mkdir(parents=True, exist_ok=True)
        words = ["npm", "install", "-s", "--no-audit", "--no-fund", f"@comunica/query-sparql-file@{COMUNICA}"]
        done = subprocess.run(words, cwd=home, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return Missing("Comunica", f"npm could not install it: {done.stderr.strip()[:200]}")
    package = json.loads((home / "node_modules" / "@comunica" / "query-sparql-file" / "package.json").read_text())
    (folder / "queries.json").write_text(json.dumps(texts))
    words = ["node", "--max-old-space-size=8192", str(HERE / "comunica.mjs"), str(home / "node_modules"), str(path)]
    words += [str(folder / "queries.json"), str(times), str(ENOUGH), str(folder)]
    said = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    answers = {name: digest((folder / f"{name}.srj").read_bytes()) for name in said["taken"]}
    name = f"Comunica {package['version']}"
    return Measured(name, said["load"], said["taken"], answers, said["failed"], said["memory"])


def measure_virtuoso(path: Path, texts: Mapping[str, str], times: int, folder: Path) -> Measured | Missing:
    """Measure a Virtuoso of our own, over HTTP, on ports of the loopback that are free."""
    if not shutil.which("virtuoso-t") or not shutil.which("isql-vt"):
        return Missing("Virtuoso", "virtuoso-t is not here; `apt-get install virtuoso-opensource-7-bin`")
    import test_virtuoso

    said = Measured("Virtuoso")
    sql, http = test_virtuoso.free(), test_virtuoso.free()
    settings = test_virtuoso.SETTINGS.format(folder=folder, sql=sql, http=http)
    for few, many in (("=10000\n", "=170000\n"), ("=6000\n", "=130000\n"), ("Rows=100000\n", "Rows=10000000\n")):
        settings = settings.replace(few, many)
    (folder / "v.ini").write_text(settings.replace("ExecutionTime=60", f"ExecutionTime={LONGEST}"))
    words = ["virtuoso-t", "-c", str(folder / "v.ini"), "+foreground"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            while "up" not in isql(sql, "select 'up';"):
                time.sleep(0.2)
            shutil.copy(path, folder / "loaded.nq")
            load = f"ld_dir('{folder}', 'loaded.nq', 'http://e/');\nrdf_loader_run();\ncheckpoint;\n"
            said.load = best(lambda: isql(sql, load), 1)
            for name, text in texts.items():
                body: list[bytes] = []
                work = functools.partial(fetched, f"http://127.0.0.1:{http}/sparql", text, body)
                try:
                    said.taken[name] = best(work, times)
                    said.answers[name] = digest(body[-1])
                except OSError as error:
                    told = error.read().decode("utf-8", "replace") if hasattr(error, "read") else str(error)
                    said.failed[name] = " ".join(told.split())[:150]
            status = Path(f"/proc/{process.pid}/status").read_text()
            said.memory = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
            if found := re.search(r"Version (\d[\d.]*\d)", isql(sql, "status();")):
                said.engine = f"Virtuoso {found.group(1)}"
        finally:
            process.kill()
    return said


def isql(port: int, text: str) -> str:
    """Run SQL there."""
    words = ["isql-vt", f"127.0.0.1:{port}", "dba", "dba"]
    return subprocess.run(words, input=text, text=True, capture_output=True, check=False).stdout


def fetched(url: str, text: str, bodies: list[bytes]) -> None:
    """Add an endpoint's answer, as JSON, to others."""
    form = urllib.parse.urlencode({"query": text, "format": "application/sparql-results+json"}).encode()
    with urllib.request.urlopen(url, form, timeout=LONGEST) as response:  # noqa: S310  (the loopback)
        bodies.append(response.read())


def measure_jena(path: Path, texts: Mapping[str, str], times: int, folder: Path) -> Measured | Missing:
    """Measure Jena's TDB2 in a process of Java that asks all queries."""
    if not jena.is_here():
        return Missing("Jena", "it is not here; `apt-get install libapache-jena-java` and a JDK")
    (folder / "fix").mkdir()
    classes = jena.class_path(folder / "fix")
    said = Measured("Jena TDB2 " + "".join(jar.stem.rpartition("-")[2] for jar in jena.JARS.glob("jena-tdb2-*.jar")))
    (folder / "queries").mkdir()
    for name, text in texts.items():
        (folder / "queries" / f"{name}.rq").write_text(text)
    quiet = ["java", "-Xmx4g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", classes]
    words = [*quiet, "tdb2.tdbloader", "--loader=phased", "--loc", str(folder / "tdb"), str(path)]
    said.load = best(lambda: subprocess.run(words, capture_output=True, check=True), 1)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    ask = [
        *quiet,
        str(HERE / "Tdb.java"),
        str(folder / "tdb"),
        str(folder / "queries"),
        str(times),
        str(ENOUGH),
        str(folder),
    ]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return Missing("Jena", f"it did not run: {done.stderr.strip()[:200]}")
    for line in done.stdout.splitlines():
        name, _, told = line.partition("\t")
        try:
            said.taken[name] = float(told)
            said.answers[name] = digest((folder / f"{name}.srj").read_bytes())
        except ValueError:
            said.failed[name] = told
    said.memory = 1024 * max(before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
    return said


# --- the run -----------------------------------------------------------------------------------------------------


def run(work: Callable[..., Any], *words: Any) -> Any:
    """Do work in a process of its own, so that its memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *words).result()


def compared(title: str, quads: int, engines: Sequence[Callable[..., Measured | Missing]], times: int) -> None:
    """Measure engines on one dataset, and print the table."""
    texts = {name: PREFIX + text for name, text in QUERIES.items()}
    with tempfile.TemporaryDirectory(prefix="bench-query-") as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch
        path = Path(scratch) / "synthetic.nq"
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(synthetic(quads))
        three: list[Measured] = run(measure_ours, path, texts, times, Path(scratch))
        for one in three:
            one.memory = run(memory_of, one.engine, path, texts, Path(scratch))
        others: list[Measured | Missing] = []
        for measure in engines:
            folder = Path(scratch) / measure.__name__
            folder.mkdir()
            try:
                others.append(run(measure, path, texts, times, folder))
            except Exception as error:  # whatever ails another engine, the rest is measured
                others.append(Missing(measure.__name__.removeprefix("measure_"), f"it failed: {error}"))
            shutil.rmtree(folder)
    raw, *rest = [*three, *(one for one in others if isinstance(one, Measured))]
    print(f"\n{title.format(quads=quads)}\n")
    print(f"| query | rows | {raw.engine}, s | {' | '.join(one.engine for one in rest)} |")
    print(f"|---|---|---|{'---|' * len(rest)}")
    for name in QUERIES:
        cells = " | ".join(cell(one, raw, name) for one in rest)
        print(f"| {name} | {int(raw.answers[name].split()[0]):,} | {raw.taken[name]:.4f} | {cells} |")
    print(f"| all that it answered | | {sum(raw.taken.values()):.3f} | {' | '.join(total(one, raw) for one in rest)} |")
    print(f"| peak memory, MB | | {raw.memory // 10**6:,} | {' | '.join(f'{one.memory // 10**6:,}' for one in rest)} |")
    print(f"| loading, s | | {raw.load:.1f} | {' | '.join(f'{one.load:.1f}' for one in rest)} |\n")
    for one in others:
        if isinstance(one, Missing):
            print(f"- {one.engine} is not measured: {one.why}")
        else:
            for name, why in one.failed.items():
                print(f"- {one.engine} gave no answer to “{name}”: {why}")


def cell(one: Measured, raw: Measured, name: str) -> str:
    """Return how many times as long an engine took; said where its answer is another, or none."""
    if name not in one.taken:
        return "no answer"
    ratio = one.taken[name] / raw.taken[name]
    shown = "< 0.01" if ratio < 0.005 else f"{ratio:.{2 if ratio < 100 else 0}f}"
    return shown + ("" if one.answers[name] == raw.answers[name] else " (DIFFERS)")


def total(one: Measured, raw: Measured) -> str:
    """Return how many times as long an engine took for all that it answered."""
    return f"{sum(one.taken.values()) / sum(raw.taken[name] for name in one.taken):.2f}"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quads", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=100_000, help="quads for rdflib and Comunica")
    parser.add_argument("--times", type=int, default=3, help="the best of so many is taken")
    arguments = parser.parse_args()
    if min(arguments.quads, arguments.few) < LEAST:
        parser.error(f"it takes {LEAST:,} quads at least")
    known = f"pyoxigraph {version('pyoxigraph')}, Python {platform.python_version()}, {os.cpu_count()} processors"
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}, {known}")
    compared("{quads:,} quads:", arguments.quads, [measure_virtuoso, measure_jena], arguments.times)
    compared(
        "{quads:,} quads, which rdflib and Comunica hold in memory:",
        arguments.few,
        [measure_rdflib, measure_comunica],
        arguments.times,
    )


if __name__ == "__main__":
    main()
