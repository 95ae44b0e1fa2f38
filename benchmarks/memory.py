"""Numbers of articles in, the main process's peak of memory for each out; the work on articles is stood in for.

make bench-memory                      2,000 and 8,000 articles, the data alone
python benchmarks/memory.py 50000

One article is described; all others are told to be like it, with terms of their own, and files of a few lines. So what
the main process holds, counts, joins, lists and keeps is all there, in little time. What is small here, and is not in a
build, is the text of the articles: a page of the feed holds a hundred of them.
"""

from __future__ import annotations

import hashlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import synthetic

from spacecoop import publish, work, workspace
from spacecoop.harvest import dumps
from spacecoop.output import Written
from spacecoop.work import Done, Source, Work


def main(numbers: list[int]) -> None:
    """Print a table in Markdown, a row a number; each is measured in a process of its own."""
    print("| articles | peak of the main process, MB | main process, s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for number in numbers:
            place = Path(name) / str(number)
            synthetic.workspace(place, 1)
            for index in range(1, number):
                (place / "articles" / f"s{index:06}.yaml").write_text(f"url: https://news.example/{index}\n", "utf-8")
            command = [sys.executable, __file__, "measure", str(place)]
            row = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            print(f"| {number:,} | {row} |", flush=True)


def measure(place: Path) -> str:
    """Build from nothing; return the cells of a row."""
    publish.publish(workspace.read(place), pages=False, run=stand_in)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return f"{used.ru_maxrss / 1024:.0f} | {used.ru_utime + used.ru_stime:.0f}"


def stand_in(todo: Work, sources: Sequence[Source]) -> Generator[Done]:
    """Do the work on the first article; yield as many like it as there are articles."""
    assert todo.folder is not None
    first = work._do(todo, sources[0])
    assert first.summary is not None
    chance = random.Random(1)  # noqa: S311
    lines = (todo.folder / "article" / f"{first.slug}.nq").read_bytes().splitlines(keepends=True)
    few = b"".join([*lines[:5], *(line for line in lines if b"created" in line)])
    piece = dumps.pack([dumps.Piece(40, hashlib.sha256(b"x" * 40).hexdigest())] * len(dumps.FILES))
    shutil.rmtree(todo.folder / dumps.ASIDE)
    (todo.folder / dumps.ASIDE).mkdir()
    for source in sources:
        slug = work.slug(source)
        written = []
        for one in first.written:
            path = one.path.replace(first.slug, slug)
            (todo.folder / path).write_bytes(few)
            written.append(Written(path, len(few), hashlib.sha256(few).hexdigest(), one.statements))
        (todo.folder / dumps.ASIDE / slug).write_bytes(b"x" * 40 * len(dumps.FILES))
        tally, edition = first.summary.tally, first.summary.edition
        own = {name: terms(getattr(tally, name), chance) for name in ("entities", "objects")}
        common = tuple(line.replace("news.example/0", f"news.example/{slug}") for line in tally.common)
        digest = hashlib.sha256(slug.encode()).hexdigest()
        other = replace(edition, slug=slug, iri=edition.iri.replace(first.slug, slug), sha256=digest)
        summary = replace(first.summary, tally=replace(tally, **own, common=common), edition=other)
        yield replace(first, slug=slug, about=f"urn:{slug}", written=tuple(written), pieces=piece, summary=summary)


def terms(packed: str, chance: random.Random) -> str:
    """Return digests of as many other terms."""
    return b"".join(sorted(chance.randbytes(8) for _ in range(len(packed) // 16))).hex()


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(measure(Path(sys.argv[2])))
    else:
        main([int(word) for word in sys.argv[1:]] or [2_000, 8_000])
