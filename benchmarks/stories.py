"""Synthetic articles with shared matters in, a table of what comparing their accounts takes out.

make bench-stories              1,000 articles that tell of 100 shared matters, each article of two
python benchmarks/stories.py 100

Seconds are those of the processor, of this process and those that it starts. The articles are read without being
judged: only what comes after them is measured, and how many groups of accounts the rules are asked about.
"""

from __future__ import annotations

import datetime
import os
import resource
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import synthetic

from spacecoop import publish, shared, work, workspace
from spacecoop.stories import accounts
from spacecoop.work import Done


def main(number: int) -> None:
    """Print the table in Markdown."""
    print(f"{datetime.date.today()}, Python {sys.version.split()[0]}, {os.cpu_count()} processors\n")
    print("| build | groups asked | comparisons, s | likely twins, s |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "workspace"
        synthetic.workspace(place, number, stories=number // 10)
        home = workspace.read(place)
        common = shared.load(home)
        done = [read(common, source) for source in work.find(common)[0]]
        row("first", done, common)
        row("nothing changed", done, common)
        told = tuple((matter, near.replace("Launch 1 of", "Start 1 of")) for matter, near in done[0].accounts)
        row("after one edit", [replace(done[0], accounts=told), *done[1:]], common)


def read(common: shared.Shared, source: work.Source) -> Done:
    """Return what an article leaves of its accounts."""
    article = work.describe(common, source, work.UNJUDGED)
    told = accounts.find(article.quads, common.workspace.settings["stories"]["account"])
    return Done(article.slug, work.name(common.workspace, source), 1, article.about, (), (), accounts=tuple(told))


def row(build: str, done: list[Done], common: shared.Shared) -> None:
    """Compare, and print how long it took."""
    really, asked = accounts._make, 0

    def make(groups: Mapping[str, bytes], rules: Mapping[str, str]) -> dict[str, bytes]:
        nonlocal asked
        asked += len(groups)
        return really(groups, rules)

    accounts._make = make
    told = [pair for one in done for pair in one.accounts]
    start = spent()
    publish._compare(told, common.workspace)
    between = spent()
    publish._twins(told, common)
    print(f"| {build} | {asked} | {between - start:.1f} | {spent() - between:.1f} |", flush=True)
    accounts._make = really


def spent() -> float:
    """Return the seconds of the processor that this process has spent, and those that it started."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
