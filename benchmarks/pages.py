"""Synthetic articles in, a table of processor seconds out: what their pages cost beside their validation.

make bench-pages               300 articles
python benchmarks/pages.py 100
python benchmarks/pages.py profile 100     where an article's page, and all other pages, spend their time

Seconds are those of all processes together, what the kernel did for them included. Validation, and the pages with what
stands before them, are each in a process of its own.
"""

from __future__ import annotations

import cProfile
import datetime
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import synthetic


def main(numbers: list[int]) -> None:
    """Print a table in Markdown for each number."""
    print(f"{datetime.date.today()}, Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            place = Path(name) / "workspace"
            synthetic.workspace(place, number)
            print(f"\n| {number:,} articles | processor, s | of validation |\n|---|---|---|")
            validation = float(measured("validation", place))
            print(f"| validation alone | {validation:.1f} | 100 % |", flush=True)
            for line in measured("pages", place).splitlines():
                what, seconds = line.split("\t")
                share = f"{float(seconds) / validation:.0%}" if what[0] != "(" else ""
                print(f"| {what} | {float(seconds):.1f} | {share.replace('%', ' %')} |")


def measured(way: str, place: Path) -> str:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, way, str(place)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def spent() -> float:
    """Return the seconds of processors that this process, and those that it has waited for, have taken."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def validation(place: Path) -> str:
    """Validate all articles; return the seconds."""
    from spacecoop import progress, shared, work, workspace

    common = shared.load(workspace.read(place))
    sources, _ = work.find(common)
    start = spent()
    done = list(work.each(work.Work(common, work.FAST), sources, progress.silent, cached=False))
    assert len(done) == len(sources)
    return str(spent() - start)


def pages(place: Path) -> str:
    """Build with pages; return what is measured, with its seconds, a line each."""
    from spacecoop import publish, workspace
    from spacecoop.pages import articles, questions, searching, whole, writing

    taken: Counter[str] = Counter()

    def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*words: Any, **settings: Any) -> Any:
            start = spent()
            found = function(*words, **settings)
            found = iter(list(found)) if isinstance(found, Iterator) else found
            taken[what] += spent() - start
            return found

        return run

    for owner, name, what in (
        (articles, "write", "the articles' pages"),
        (whole.Whole, "load", "the whole dataset, loaded to be asked"),
        (whole.Whole, "ask", "queries over everything"),
        (questions, "tell", "the named queries' answers"),
        (searching, "write", "the index that is searched"),
        (writing, "_write_others", "pages of things, lists, queries, vocabularies"),
        (writing, "write", "all pages"),
    ):
        setattr(owner, name, timed(what, getattr(owner, name)))
    written = publish.publish(workspace.read(place)).files
    rest = taken["all pages"] - sum(seconds for what, seconds in taken.items() if what != "all pages")
    lines = [f"{what}\t{seconds}" for what, seconds in taken.items() if what != "all pages"]
    lines += [f"the rest\t{rest}", f"all pages\t{taken['all pages']}"]
    lines.append(f"(pages written)\t{sum(one.path.endswith('.html') for one in written)}")
    lines.append(f"(peak of the main process, MB)\t{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}")
    return "\n".join(lines)


def profile(number: int) -> None:
    """Print where the articles' pages, made in this process, and where all others spend their time."""
    from spacecoop import publish, workspace
    from spacecoop.pages import articles, writing

    articles._FEW = sys.maxsize  # no other process
    seen = {name: cProfile.Profile(time.process_time) for name in ("articles", "others")}

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *words: iter(seen[name].runcall(lambda: list(function(*words))))

    articles.write = watched("articles", articles.write)
    writing._write_others = watched("others", writing._write_others)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "workspace"
        synthetic.workspace(place, number)
        publish.publish(workspace.read(place))
    for name, found in seen.items():
        print(f"\n{name}")
        for order in ("tottime", "cumtime"):
            pstats.Stats(found).strip_dirs().sort_stats(order).print_stats(40)


if __name__ == "__main__":
    if sys.argv[1:2] == ["profile"]:
        profile(int(sys.argv[2]))
    elif sys.argv[1:2] and sys.argv[1] in ("validation", "pages"):
        print({"validation": validation, "pages": pages}[sys.argv[1]](Path(sys.argv[2])))
    else:
        main([int(word) for word in sys.argv[1:]] or [300])
