"""Synthetic articles in; whether Spark gives the same bytes as two processes, and in what time, out.

make bench-spark                     300 articles: the bars of local[2] and of two executors, and what is killed
python benchmarks/spark.py 1000 bars
python benchmarks/spark.py 300 kills 'local-cluster[2,1,1024]'

*bars*: builds by processes and by Spark take turns, start-up left out; *kills*: a task's process, an executor, and an
executor whose work was done already are killed in the middle, so that tasks and whole stages run twice.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import synthetic

from spacecoop import publish, spark, work, workspace

PARTITIONS = (1, 2, 4)
TURNS = 3
LOCAL = "local[2]"
EXECUTORS = ("local-cluster[1,1,1024]", "local-cluster[2,1,1024]")
Found = dict[str, str]


def main(number: int, what: str, master: str) -> None:
    """Print tables in Markdown."""
    print(f"{number} articles, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "workspace"
        synthetic.workspace(place, number)
        if what in ("all", "bars"):
            bars(place)
        if what in ("all", "kills"):
            kills(place, master)


def bars(place: Path) -> None:
    """Let builds take turns, and print the ratios."""
    build(place)
    wanted = digests(place)
    print("| how | s by the clock, each turn | every file the same |\n|---|---|---|")
    with spark.session(LOCAL):
        build(place, spark.runs_on(LOCAL))  # the workers start, and read what all share
        pairs = [(timed(place, None, wanted), timed(place, LOCAL, wanted)) for _ in range(TURNS)]
    own, theirs = zip(*pairs, strict=True)
    tell("processes of this machine", own)
    tell(LOCAL, theirs)
    times = []
    for master in EXECUTORS:
        with spark.session(master):
            build(place, spark.runs_on(master))
            times.append([timed(place, master, wanted) for _ in range(TURNS)])
        tell(master, times[-1])
    ratios = [spark_s / own_s for (own_s, _), (spark_s, _) in pairs]
    print(f"\n{LOCAL} takes {statistics.median(ratios):.2f} times as long as processes (bar: 1.3)")
    one, two = (statistics.median(seconds for seconds, _ in column) for column in times)
    print(f"two executors are {one / two:.2f} times as fast as one (bar: 1.6)\n", flush=True)


def timed(place: Path, master: str | None, wanted: Found) -> tuple[float, bool]:
    """Return the seconds that a build takes, and whether its bytes are the wanted ones."""
    return build(place, spark.runs_on(master) if master else None), digests(place) == wanted


def tell(how: str, turns: list[tuple[float, bool]] | tuple[tuple[float, bool], ...]) -> None:
    """Print a row."""
    seconds = " ".join(f"{one:.0f}" for one, _ in turns)
    print(f"| {how} | {seconds} | {all(same for _, same in turns)} |", flush=True)


def kills(place: Path, master: str) -> None:
    """Build in several partitions, then with this and that killed, and print whether the bytes are the same."""
    build(place)
    wanted = digests(place)
    print("| how | s by the clock | every file the same |\n|---|---|---|")
    for one in (LOCAL, master):
        with spark.session(one):
            for partitions in PARTITIONS:
                seconds = build(place, spark.runs_on(one, partitions))
                print(f"| {one}, {partitions} | {seconds:.0f} | {digests(place) == wanted} |", flush=True)
            victims = {"a worker": workers} if one == LOCAL else {"a worker": workers, "an executor": executors}
            for victim, find in victims.items():
                killer = threading.Thread(target=kill, args=[place, find])
                killer.start()
                seconds = build(place, spark.runs_on(one, PARTITIONS[-1]))
                killer.join()
                print(f"| {one}, {victim} killed | {seconds:.0f} | {digests(place) == wanted} |", flush=True)
    with spark.session(master):
        seconds = build(place, spark.runs_on(master, PARTITIONS[-1]), after_work=lambda: end(max(executors())))
        print(f"| {master}, an executor killed whose work was done | {seconds:.0f} | {digests(place) == wanted} |")


def build(place: Path, run: work.Run | None = None, after_work: Callable[[], None] | None = None) -> float:
    """Build from nothing, the data alone; return the seconds by the clock."""
    shutil.rmtree(place / "out", ignore_errors=True)
    (place / "history.tsv").unlink(missing_ok=True)
    if after_work is not None:
        interrupt(after_work)
    start = time.perf_counter()
    publish.publish(workspace.read(place), cached=False, pages=False, run=run)
    return time.perf_counter() - start


def interrupt(after_work: Callable[[], None]) -> None:
    """Do something once, when Spark has done the work and its results are still with the workers."""
    do_all = spark._do_all

    def done(made: object) -> None:
        spark._do_all = do_all
        do_all(made)
        after_work()

    spark._do_all = done


def digests(place: Path) -> Found:
    """Return the digest of each file of out/."""
    files = (path for path in (place / "out").rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def kill(place: Path, find: Callable[[], list[int]]) -> None:
    """Kill a process of Spark, once twenty articles are made."""
    for _ in range(1_200):
        time.sleep(0.25)
        made = [path for folder in place.glob(".out.new-*/.tasks") for path in folder.rglob("*.nq")]
        if len(made) > 20:
            end(max(find()))
            return
    raise SystemExit("nothing was found to be killed")


def end(process: int) -> None:
    """Kill a process."""
    os.kill(process, signal.SIGKILL)


def workers() -> list[int]:
    """Return the workers beneath this process: those of Spark's daemon that have begun processes themselves."""
    parents = processes()
    found = []
    for process in set(parents.values()):
        if "pyspark" in words(process) and parents.get(process) in parents and "pyspark" in words(parents[process]):
            found += [process] * is_ours(process, parents)
    return found


def executors() -> list[int]:
    """Return the executors of a local cluster beneath this process."""
    parents = processes()
    name = "CoarseGrainedExecutorBackend"
    return [process for process in parents if name in words(process) and is_ours(process, parents)]


def processes() -> dict[int, int]:
    """Return the parent of each process."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    return parents


def is_ours(process: int, parents: dict[int, int]) -> bool:
    """Tell whether a process stands beneath this one."""
    while process in parents and process != os.getpid():
        process = parents[process]
    return process == os.getpid()


def words(process: int) -> str:
    """Return how a process was called."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    defaults = ["300", "all", EXECUTORS[1]]
    number, what, master = [*sys.argv[1:], *defaults[len(sys.argv) - 1 :]]
    main(int(number), what, master)
