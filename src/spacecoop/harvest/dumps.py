"""The articles' files and the shared quads in; the whole dataset in one file a syntax, each also compressed, out.

One article's quads are held at a time. N-Quads and N-Triples are joined from the bytes that are there already; other
syntaxes are written anew, since an article's own file has a prefix of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from pyoxigraph import Quad

from spacecoop import output
from spacecoop.output import Written
from spacecoop.syntaxes import JSONLD, NQUADS, NTRIPLES, TRIG, TURTLE
from spacecoop.workspace import Workspace

SYNTAXES = (TURTLE, TRIG, NQUADS, NTRIPLES, JSONLD)
NAMES = tuple(f"dataset{syntax.ending}" for syntax in SYNTAXES)


def write(slugs: Iterable[str], shared: Sequence[Quad], folder: Path, workspace: Workspace) -> Iterator[Written]:
    """Write the dataset into a folder that has the articles' files: these articles in order, then what they share."""
    parts = [folder / "article" / f"{slug}{NQUADS.ending}" for slug in slugs]
    count = sum(part.read_bytes().count(b"\n") for part in parts) + len(shared)
    for syntax, name in zip(SYNTAXES, NAMES, strict=True):
        path = folder / name
        if syntax in (NQUADS, NTRIPLES):
            output.write(shared, path, syntax, {})
            rest = path.read_bytes()
            join = _quads if syntax is NQUADS else _triples
            with path.open("wb") as target:
                target.writelines(map(join, parts))
                target.write(rest)
        else:
            quads = chain(chain.from_iterable(map(output.read, parts)), shared)
            output.write(quads, path, syntax, workspace.prefixes)
        whole = output.measured(folder, path, count)
        yield whole
        yield output.compressed(folder, whole, workspace.out)


def _quads(part: Path) -> bytes:
    return part.read_bytes()


def _triples(part: Path) -> bytes:
    """Return an article's quads as N-Triples, by subject, in the order that ``output.flat`` gives them."""
    lines = part.read_bytes().splitlines(keepends=True)
    lines.sort(key=lambda line: line[: line.index(b">")])  # stable, as there
    return b"".join(line[: line.rindex(b" <")] + b" .\n" for line in lines)
