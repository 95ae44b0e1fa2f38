"""Synthetic articles in, a table of CPU milliseconds per article by phase out: what the work on one article costs.

make bench-article             100 articles, the best of 5 rounds
python benchmarks/article.py 300 --rounds 3
python benchmarks/article.py 100 --rounds 1 --profile   and what takes long inside of the phases

One process does all of it, article by article, as each process of a build does; what a build does once (reading the
shared files, compiling shapes) is done before, with an article that is not counted. A phase is told in milliseconds of
this process's processor, without the phases inside of it: for each article the least of all rounds, so that what else
the machine does counts little. Pages are told apart: other processes make them.
"""

from __future__ import annotations

import argparse
import cProfile
import datetime
import os
import pstats
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import synthetic

REST = "everything else"
READING, CHECKING, PARSING = "reading YAML", "checking keys, naming nodes", "JSON-LD to quads"
DERIVING, ARRANGING = "deriving", "sorting"
JUDGING, ENGINE = "SHACL: its data, findings", "SHACL: the engine"
WRITING = tuple(f"writing {name}" for name in ("Turtle", "TriG", "N-Quads", "JSON-LD"))
SUMMARY, PIECES, PACKING, CACHE = "summary", "pieces of dumps", "pieces of dumps: gzip", "cache"
PHASES = (
    *(READING, CHECKING, PARSING, DERIVING, ARRANGING, JUDGING, ENGINE, *WRITING),
    *(SUMMARY, PIECES, PACKING, CACHE, REST),
)
"""In the order in which they come."""


class Clock:
    """Tells how much of the processor's time each phase takes with each article."""

    def __init__(self) -> None:
        self.taken: Counter[tuple[int, str]] = Counter()
        self.article = 0
        self._running = [REST]
        self._since = time.process_time()

    def begin(self) -> None:
        """Forget what was counted."""
        self.taken = Counter()
        self._since = time.process_time()

    def count(self) -> None:
        """Count the time since the last call as the running phase's."""
        now = time.process_time()
        self.taken[self.article, self._running[-1]] += now - self._since
        self._since = now

    def wrap(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function whose time is counted as a phase's."""

        def run(*words: Any, **settings: Any) -> Any:
            self.count()
            self._running.append(phase)
            try:
                found = function(*words, **settings)
                return list(found) if isinstance(found, Iterator) else found
            finally:
                self.count()
                self._running.pop()

        return run


def main(number: int, rounds: int, profile: bool) -> None:
    """Print the table in Markdown."""
    clock = Clock()
    best: dict[tuple[int, str], float] = {}
    profiler = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "workspace"
        synthetic.workspace(place, number + 1)
        watch(clock)
        for _ in range(rounds):
            quads = work_on(place, clock, profiler if profile else None)
            for key, seconds in clock.taken.items():
                best[key] = min(best.get(key, seconds), seconds)
    by_phase: Counter[str] = Counter()
    for (_, phase), seconds in best.items():
        by_phase[phase] += 1000 * seconds / number
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(60)
    print(f"{datetime.date.today()}, Python {sys.version.split()[0]}, {number} articles of {quads / number:.0f} quads,")
    print(f"the best of {rounds} rounds, a load of {os.getloadavg()[0]:.1f}\n")
    print("| phase | CPU ms per article |\n|---|---|")
    for phase in PHASES:
        print(f"| {phase} | {by_phase[phase]:.2f} |")
    print(f"| **all** | **{by_phase.total():.1f}** |")


def work_on(place: Path, clock: Clock, profiler: cProfile.Profile | None) -> int:
    """Do the work on each article, as a build does, in this process; return how many quads they have together."""
    from spacecoop import progress, shared, work, workspace

    def run(todo: work.Work, sources: Sequence[work.Source]) -> Generator[work.Done]:
        for clock.article, source in enumerate(sources):
            yield work._do(todo, source)
            clock.count()

    home = workspace.read(place)
    folder = place / "out.new"
    for old in (folder, place / ".cache"):
        shutil.rmtree(old, ignore_errors=True)
    folder.joinpath("article").mkdir(parents=True)
    todo = work.Work(shared.load(home), work.FAST, folder)
    first, *sources = work.paths(home)
    work._do(todo, first)
    clock.begin()
    if profiler:
        profiler.enable()
    done = list(work.each(todo, sources, progress.silent, cached=True, run=run))
    if profiler:
        profiler.disable()
    clock.count()
    assert not any(one.findings for one in done)
    return sum(one.written[0].statements for one in done)


def watch(clock: Clock) -> None:
    """Put the clock around each function that is a phase."""
    from spacecoop import articles, cache, documents, output, quads, shapes, work
    from spacecoop.facts import factfiles, yamlld
    from spacecoop.harvest import dumps, summaries

    rows: Mapping[str, Sequence[tuple[Any, str]]] = {
        READING: [(documents, "load"), (documents, "read")],
        CHECKING: [(factfiles, "read")],
        PARSING: [(yamlld, "parse")],
        DERIVING: [(quads, "derive")],
        ARRANGING: [(quads, "arrange")],
        JUDGING: [(articles, "examine")],
        ENGINE: [(shapes, "fast")],
        SUMMARY: [(summaries, "summarise")],
        PIECES: [(dumps, "cut")],
        PACKING: [(output, "pack")],
        CACHE: [(cache.Cache, "add"), (cache.Cache, "keep"), (work, "_pack"), (work, "_keys")],
    }
    for phase, functions in rows.items():
        for module, name in functions:
            setattr(module, name, clock.wrap(phase, getattr(module, name)))
    work.ENGINES = {**work.ENGINES, work.FAST: shapes.fast}
    save = output.save
    by_syntax = {one.name: clock.wrap(f"writing {one.name}", save) for one in work.ARTICLE_SYNTAXES}
    output.save = lambda quads, folder, name, syntax, prefixes: by_syntax[syntax.name](
        quads, folder, name, syntax, prefixes
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("number", type=int, nargs="?", default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    main(asked.number, asked.rounds, asked.profile)
