"""Synthetic articles in; whether Spark gives the same bytes as two processes, and in what time, out.

make bench-spark                                          300 articles, local[2] under 1, 2 and 4 partitions
python benchmarks/spark.py 300 'local-cluster[2,1,1024]'

The last row is a build in whose middle a worker of Spark is killed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import synthetic

from spacecoop import publish, spark, work, workspace

PARTITIONS = (1, 2, 4)


def main(number: int, master: str) -> None:
    """Print a table in Markdown."""
    print(f"{number} articles, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    print("| how | s by the clock | every file the same |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "workspace"
        synthetic.workspace(place, number)
        seconds = build(place)
        wanted = digests(place)
        print(f"| processes of this machine | {seconds:.0f} | |", flush=True)
        with spark.session(master):
            for partitions in PARTITIONS:
                seconds = build(place, spark.runs_on(master, partitions))
                print(f"| {master}, {partitions} | {seconds:.0f} | {digests(place) == wanted} |", flush=True)
            killer = threading.Thread(target=kill, args=[place])
            killer.start()
            seconds = build(place, spark.runs_on(master, PARTITIONS[-1]))
            killer.join()
            print(f"| the same, a worker killed | {seconds:.0f} | {digests(place) == wanted} |")


def build(place: Path, run: work.Run | None = None) -> float:
    """Build from nothing, the data alone; return the seconds by the clock."""
    shutil.rmtree(place / "out", ignore_errors=True)
    (place / "history.tsv").unlink(missing_ok=True)
    start = time.perf_counter()
    publish.publish(workspace.read(place), cached=False, pages=False, run=run)
    return time.perf_counter() - start


def digests(place: Path) -> dict[str, str]:
    """Return the digest of each file of out/."""
    files = (path for path in (place / "out").rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def kill(place: Path) -> None:
    """Kill a worker of Spark, a process that has processes of its own, once it has made twenty articles."""
    for _ in range(1_200):
        time.sleep(0.25)
        made = [path for folder in place.glob(".out.new-*/.tasks") for path in folder.rglob("*.nq")]
        if len(made) > 20:
            os.kill(max(workers()), signal.SIGKILL)
            return
    raise SystemExit("no worker was found to be killed")


def workers() -> list[int]:
    """Return the workers beneath this process: those of Spark's daemon that have begun processes themselves."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found = []
    for process in set(parents.values()):
        if "pyspark" in words(process) and parents.get(process) in parents and "pyspark" in words(parents[process]):
            above = process
            while above in parents and above != os.getpid():
                above = parents[above]
            found += [process] * (above == os.getpid())
    return found


def words(process: int) -> str:
    """Return how a process was called."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 300, sys.argv[2] if sys.argv[2:] else "local[2]")
