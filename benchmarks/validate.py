"""Synthetic articles in, a table of times and memory out: this program beside pySHACL and other SHACL engines.

make bench-validate            1, 100, 1,000 and 10,000 articles
python benchmarks/validate.py 1 100

Engines are compared on the same N-Triples, interleaved, each in a process of its own; those that are not installed are
left out and named. What pySHACL would take for all articles is its median for one, times their number; it is marked ≈.
"""

from __future__ import annotations

import datetime
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import synthetic

ROUNDS = 5


def main(numbers: list[int]) -> None:
    """Print the tables in Markdown."""
    print(f"{datetime.date.today()}, Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        synthetic.workspace(folder / "some", ROUNDS)
        slow = engines(folder / "some")
        print("\n| articles | first run | again, after one edit | ratio | peak memory | pySHACL's loop | times |")
        print("|---|---|---|---|---|---|---|")
        for number in numbers:
            synthetic.workspace(folder / str(number), number)
            first, memory = whole(folder / str(number))
            edited = folder / str(number) / "articles" / "s000000.yaml"
            edited.write_text(edited.read_text("utf-8").replace("joint mission", "shared mission"), "utf-8")
            again, _ = whole(folder / str(number))
            loop = slow * number
            print(
                f"| {number:,} | {first:.2f} s | {again:.2f} s | {again / first:.1%} | {memory:.0f} MB"
                f" | ≈ {loop:,.0f} s | {loop / first:,.0f} |",
                flush=True,
            )


def whole(workspace: Path) -> tuple[float, float]:
    """Return the seconds that `spacecoop validate` takes as a whole, and its peak memory in MB, all processes."""
    command = [sys.executable, "-m", "spacecoop", "-C", str(workspace), "validate"]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory_of(process.pid))
        time.sleep(0.02)
    assert process.returncode == 0
    return time.perf_counter() - start, peak


def memory_of(pid: int) -> float:
    """Return the resident memory in MB of a process and its children, what they share counted once (Linux)."""
    total = 0.0
    for one in [pid, *children(pid)]:
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text("utf-8")
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
        except (OSError, StopIteration, PermissionError):
            continue
    return total


def children(pid: int) -> list[int]:
    """Return the processes below a process."""
    try:
        below = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()]
    except OSError:
        return []
    return [*below, *(further for one in below for further in children(one))]


def engines(workspace: Path) -> float:
    """Print a table of engines, each on the same articles; return pySHACL's median seconds for one."""
    inputs = workspace / "inputs.json"
    subprocess.run([sys.executable, __file__, "--inputs", str(workspace), str(inputs)], check=True)
    times: dict[str, list[float]] = {name: [] for name in ENGINES}
    peaks: dict[str, float] = {}
    for turn in range(ROUNDS):
        for name in ENGINES:
            done = subprocess.run(
                [sys.executable, __file__, "--engine", name, str(inputs), str(turn)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                seconds, memory = json.loads(done.stdout.splitlines()[-1])
                times[name].append(seconds)
                peaks[name] = max(peaks.get(name, 0), memory)
    base = statistics.median(times["pyshacl"])
    print("\n| engine | ms an article, median | times pySHACL | peak memory |\n|---|---|---|---|")
    for name, seconds in times.items():
        if seconds:
            median = statistics.median(seconds)
            print(f"| {name} {release(name)} | {median * 1000:.1f} | {base / median:.1f} | {peaks[name]:.0f} MB |")
        else:
            print(f"| {name} | not installed | | |")
    return base


def release(name: str) -> str:
    """Return the version of an engine's package."""
    try:
        return version(name.split("+", maxsplit=1)[0])
    except PackageNotFoundError:
        return ""


def inputs_of(workspace: Path, target: Path) -> None:
    """Write what each engine is given: the shapes, and each article's data, as N-Triples."""
    from spacecoop import articles, shapes, shared
    from spacecoop import workspace as workspaces

    common = shared.load(workspaces.read(workspace))
    data: list[str] = []

    def keep(_: shapes.Shapes, text: str) -> list[shapes.ValidationResult]:
        data.append(text)
        return []

    for path in sorted((workspace / "articles").iterdir()):
        articles.describe(path.read_bytes(), path.stem, path.name, common, keep)
    target.write_text(json.dumps({"shapes": common.shapes.ntriples, "data": data}), "utf-8")


def shacl(shapes: str) -> Callable[[str], bool]:
    """Return the check of the engine that decides here."""
    import shacl as engine

    compiled = engine.Shapes.from_text(shapes, format="ntriples")
    return lambda data: bool(compiled.validate_text(data, format="ntriples").conforms)


def pyshacl(shapes: str) -> Callable[[str], bool]:
    """Return the check of the reference, with the shapes parsed once."""
    import rdflib
    from pyshacl import validate

    rdflib.NORMALIZE_LITERALS = False
    graph = rdflib.Graph().parse(data=shapes, format="nt")

    def check(data: str) -> bool:
        return bool(validate(rdflib.Graph().parse(data=data, format="nt"), shacl_graph=graph, allow_warnings=True)[0])

    return check


def pyshacl_oxigraph(shapes: str) -> Callable[[str], bool]:
    """Return the check of the reference on graphs that Oxigraph holds."""
    import rdflib
    from pyshacl import validate

    graph = rdflib.Graph().parse(data=shapes, format="nt")

    def check(data: str) -> bool:
        held = rdflib.Graph(store="Oxigraph")
        held.parse(data=data, format="ox-nt")
        return bool(validate(held, shacl_graph=graph, allow_warnings=True)[0])

    return check


def turbo(shapes: str) -> Callable[[str], bool]:
    """Return the check of pyshacl-turbo, a port of pySHACL to Rust."""
    import pyshacl_turbo

    return lambda data: bool(
        pyshacl_turbo.validate(data, shacl_graph=shapes, data_graph_format="nt", shacl_graph_format="nt")[0]
    )


def rudof(shapes: str) -> Callable[[str], bool]:
    """Return the check of rudof."""
    import pyrudof

    def check(data: str) -> bool:
        engine = pyrudof.Rudof(pyrudof.RudofConfig())
        engine.read_data(data, format=pyrudof.RDFFormat.NTriples)
        engine.read_shacl(shapes, format=pyrudof.ShaclFormat.NTriples)
        engine.validate_shacl()
        return True

    return check


ENGINES = {
    "shacl": shacl,
    "pyshacl": pyshacl,
    "pyshacl+oxigraph": pyshacl_oxigraph,
    "pyshacl-turbo": turbo,
    "pyrudof": rudof,
}


def one_engine(name: str, inputs: Path, turn: int) -> None:
    """Print how many seconds an engine takes for one article once it is warm, and its peak memory in MB."""
    given = json.loads(inputs.read_text("utf-8"))
    check = ENGINES[name](given["shapes"])
    check(given["data"][turn - 1])
    start = time.perf_counter()
    check(given["data"][turn])
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--inputs", workspace, target]:
            inputs_of(Path(workspace), Path(target))
        case ["--engine", name, inputs, turn]:
            one_engine(name, Path(inputs), int(turn))
        case numbers:
            main([int(number) for number in numbers] or [1, 100, 1000, 10000])
