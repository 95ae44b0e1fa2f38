"""The published dataset in, files of one syntax for other tools out: whole or in parts, packed or not."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from pyoxigraph import Quad

from spacecoop import documents, output
from spacecoop.stores import jelly
from spacecoop.syntaxes import JSONLD, NQUADS, NTRIPLES, TRIG, TURTLE, Syntax
from spacecoop.workspace import Workspace

JELLY = Syntax("Jelly", "application/x-jelly-rdf", ".jelly", named_graphs=True)
"""Binary, and written by an optional library only."""

FORMATS: Mapping[str, Syntax] = {
    "nquads": NQUADS,
    "trig": TRIG,
    "turtle": TURTLE,
    "jsonld": JSONLD,
    "ntriples": NTRIPLES,
    "jelly": JELLY,
}
"""The syntaxes by the names that the command line has for them; Turtle and N-Triples are without the graphs."""
STEM = "dataset"


class ExportError(Exception):
    """There is nothing to export, or no place for it."""


@dataclass(frozen=True)
class Form:
    """How the dataset is written: in which syntax, packed or not, with how many statements a file at most."""

    syntax: Syntax
    packed: bool = False
    split: int | None = None

    @property
    def ending(self) -> str:
        """What its files' names end in."""
        return f"{self.syntax.ending}.gz" if self.packed else self.syntax.ending


def write(workspace: Workspace, form: Form, place: Path) -> list[Path]:
    """Write the dataset to a file, or in parts into a folder; return the files.

    Every file is written beside its place and moved there when all are done. Parts of an earlier export in the
    same folder go, so that a loader finds one dataset there. Raises ExportError.
    """
    quads = _quads(workspace)
    place = documents.follow(place)
    special = not form.split and documents.is_special(place)
    folder = place if form.split else place.parent
    names = (f"{STEM}-{number:05}{form.ending}" for number in itertools.count(1)) if form.split else iter([place.name])
    moves: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in _parts(quads, form.split):
            name = next(names)
            new = place if special else folder / f".{name}.new"
            moves |= {} if special else {new: folder / name}
            with _file(new, form.packed) as stream:
                _write(part, stream, folder / f".{name}.plain", form.syntax, workspace.prefixes)
        for new, path in moves.items():
            new.replace(path)
    except OSError as error:
        raise ExportError(f"{folder}: {error.strerror or error}") from error
    except jelly.NotInstalled as error:
        raise ExportError(str(error)) from error
    except SyntaxError as error:
        raise ExportError(f"{workspace.out} cannot be read: {error}; `spacecoop build` writes it") from error
    finally:
        for new in moves:
            new.unlink(missing_ok=True)
    if form.split:
        ours = re.compile(rf"{STEM}-\d{{5}}{re.escape(form.ending)}")
        for old in folder.iterdir():
            if ours.fullmatch(old.name) and old not in moves.values():
                old.unlink()
    return [place] if special else list(moves.values())


def send(workspace: Workspace, form: Form, stream: IO[bytes], scratch: Path) -> None:
    """Write the dataset to a stream, by way of a file in the folder *scratch*; raises ExportError."""
    for path in write(workspace, form, scratch / f"{STEM}{form.ending}"):
        with path.open("rb") as written:
            shutil.copyfileobj(written, stream)


def _quads(workspace: Workspace) -> Iterator[Quad]:
    path = workspace.out / f"{STEM}{NQUADS.ending}"
    if not path.is_file():
        raise ExportError(f"there is no {path}; `spacecoop build` writes it")
    return output.read(path)


def _parts(quads: Iterator[Quad], split: int | None) -> Iterator[Iterator[Quad]]:
    if split is None:
        yield quads
        return
    for first in quads:
        rest = itertools.islice(quads, split - 1)
        yield itertools.chain([first], rest)
        for _ in rest:  # what a writer left
            pass


def _write(part: Iterator[Quad], stream: IO[bytes], plain: Path, syntax: Syntax, prefixes: Mapping[str, str]) -> None:
    try:
        if syntax is JELLY:
            jelly.write(part, plain)
        else:
            output.write(part, plain, syntax, prefixes)
        with plain.open("rb") as written:
            shutil.copyfileobj(written, stream)
    finally:
        plain.unlink(missing_ok=True)


@contextlib.contextmanager
def _file(path: Path, packed: bool) -> Iterator[IO[bytes]]:
    """Open a file to write; a packed one has no name and no time in it (RFC 1952, section 2.3)."""
    with path.open("wb") as stream:
        if not packed:
            yield stream
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packing:
            yield cast(IO[bytes], packing)
