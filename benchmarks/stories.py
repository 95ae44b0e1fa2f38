"""Synthetic articles with shared matters in, a table of what comparing their accounts takes out.

make bench-stories              1,000 articles that tell of 100 shared matters, each article of two
python benchmarks/stories.py 100

Seconds are those of this process's processor. The articles are read without being judged: only what comes after them
is measured, and how many groups of accounts the rules are asked about.
"""

from __future__ import annotations

import datetime
import os
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
    really, asked = accounts._apply, 0

    def apply(group: bytes, rules: Mapping[str, str]) -> bytes:
        nonlocal asked
        asked += 1
        return really(group, rules)

    accounts._apply = apply
    start = time.process_time()
    publish._compare(done, common.workspace)
    between = time.process_time()
    publish._twins(done, common)
    print(f"| {build} | {asked} | {between - start:.1f} | {time.process_time() - between:.1f} |", flush=True)
    accounts._apply = really


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
