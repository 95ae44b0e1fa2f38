"""Synthetic articles in, what one of them costs out: seconds of processors, bytes, files, memory of the main process.

make bench-scale                       300 and 1,000 articles, the data alone
python benchmarks/scale.py --pages 300
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import synthetic

COLUMNS = ("statements", "all, s", "main process, s", "peak of the main process, MB", "files", "out/, kB", "of it")


def main(words: list[str]) -> None:
    """Print a table in Markdown, a row a number; each is measured in a process of its own."""
    pages = "--pages" in words
    print(f"| articles | {' | '.join(COLUMNS)} |\n{'|---' * (len(COLUMNS) + 1)}|")
    with tempfile.TemporaryDirectory() as name:
        for number in [int(word) for word in words if word.isdigit()] or [300, 1_000]:
            place = Path(name) / str(number)
            synthetic.workspace(place, number)
            shutil.copytree(synthetic.REPOSITORY / "pages", place / "pages", dirs_exist_ok=True)
            command = [sys.executable, __file__, "measure", str(place), *(["--pages"] if pages else [])]
            row = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            print(f"| {number:,} | {row} |", flush=True)


def measure(place: Path, pages: bool) -> str:
    """Build from nothing; return the cells of a row."""
    from spacecoop import publish, workspace

    files = publish.publish(workspace.read(place), pages=pages).files
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = [one.ru_utime + one.ru_stime for one in (own, others)]
    sizes: Counter[str] = Counter()
    for one in files:
        dump = "dumps, packed" if one.path.endswith(".gz") else "dumps"
        sizes[dump if one.path.startswith("dataset.") else one.path.partition("/")[0]] += one.bytes
    largest = ", ".join(f"{name} {size // 1000:,}" for name, size in sizes.most_common(4))
    statements = next(one.statements for one in files if one.path == "dataset.nq")
    cells = [f"{statements:,}", f"{sum(seconds):.1f}", f"{seconds[0]:.1f}", f"{own.ru_maxrss / 1024:.0f}"]
    return " | ".join([*cells, f"{len(files):,}", f"{sizes.total() // 1000:,}", largest])


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(measure(Path(sys.argv[2]), "--pages" in sys.argv))
    else:
        main(sys.argv[1:])
