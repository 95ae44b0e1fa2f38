"""Articles' quads in; the whole dataset in one file a syntax, each also compressed, out.

A dump is a head, a piece of each article in the order of their names, and what they share. A piece does not depend on
the others, so it is made where its article is, and what did not change is taken over from the dump that was there
before, by its digest. Compressed pieces joined are one valid file (RFC 1952, section 2.2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pyoxigraph import Quad

from spacecoop import output
from spacecoop.cache import Cache
from spacecoop.output import Written
from spacecoop.syntaxes import JSONLD, NQUADS, NTRIPLES, TRIG, TURTLE, Syntax
from spacecoop.workspace import Workspace

SYNTAXES = (TURTLE, TRIG, NQUADS, NTRIPLES, JSONLD)
NAMES = tuple(f"dataset{syntax.ending}" for syntax in SYNTAXES)
FILES = tuple(name for plain in NAMES for name in (plain, f"{plain}.gz"))
"""The dumps in the order in which they are written."""
ASIDE = ".pieces"
"""Where in a folder the pieces lie that were made for it, until they are joined."""
_LAYOUT = "layout"

Layout = Mapping[str, Sequence[int]]
"""Where an article's piece begins in each of the dumps, by slug."""


@dataclass(frozen=True)
class Piece:
    """What one article adds to one dump."""

    bytes: int
    sha256: str


def cut(quads: Sequence[Quad], slug: str, folder: Path, workspace: Workspace) -> tuple[Piece, ...]:
    """Make the pieces of an article, lay them aside in the folder that has its files, and return what they are."""
    lines = (folder / "article" / f"{slug}{NQUADS.ending}").read_bytes()
    made = []
    for syntax in SYNTAXES:
        if syntax is NQUADS:
            plain = lines
        elif syntax is NTRIPLES:
            plain = _triples(lines)
        else:
            plain = output.body(quads, syntax, workspace.prefixes) + _between(syntax)
        made += [plain, output.packed(plain)]
    path = folder / ASIDE / slug
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(made))
    return tuple(Piece(len(one), hashlib.sha256(one).hexdigest()) for one in made)


def _between(syntax: Syntax) -> bytes:
    """Return what stands after each article; what they share comes last, and there always is some."""
    return b",\n" if syntax is JSONLD else b""


def _triples(lines: bytes) -> bytes:
    """Return an article's N-Quads as N-Triples, by subject, in the order that ``output.flat`` gives them."""
    sorted_ = sorted(lines.splitlines(keepends=True), key=lambda line: line[: line.index(b">")])  # stable, as there
    return b"".join(line[: line.rindex(b" <")] + b" .\n" for line in sorted_)


@dataclass
class _Source:
    """Where pieces come from: made aside for this folder, else the dumps of the last build, else cut now."""

    pieces: dict[str, tuple[Piece, ...]]
    folder: Path
    workspace: Workspace
    before: Layout = field(default_factory=dict)

    def take(self, slug: str, number: int) -> bytes:
        """Return an article's piece of one dump."""
        piece, aside = self.pieces[slug][number], self.folder / ASIDE / slug
        if not aside.is_file():
            data = self._taken_over(slug, number, piece)
            if data is not None:
                return data
            quads = list(output.read(self.folder / "article" / f"{slug}{NQUADS.ending}"))
            self.pieces[slug] = cut(quads, slug, self.folder, self.workspace)
            piece = self.pieces[slug][number]
        with aside.open("rb") as stream:
            stream.seek(sum(one.bytes for one in self.pieces[slug][:number]))
            return stream.read(piece.bytes)

    def _taken_over(self, slug: str, number: int, piece: Piece) -> bytes | None:
        """Return a piece from the dump that was there before, where it is what it was."""
        if slug not in self.before:
            return None
        try:
            with (self.workspace.out / FILES[number]).open("rb") as stream:
                stream.seek(self.before[slug][number])
                data = stream.read(piece.bytes)
        except (OSError, IndexError, TypeError, ValueError):
            return None
        return data if hashlib.sha256(data).hexdigest() == piece.sha256 else None


def write(
    pieces: Mapping[str, tuple[Piece, ...]],
    shared: Sequence[Quad],
    statements: int,
    folder: Path,
    workspace: Workspace,
    cached: bool = False,
) -> tuple[list[Written], Layout]:
    """Write the dumps into a folder that has the articles' files; return them, and where each article begins in them.

    *statements* are those of the articles. Where *cached*, pieces may come from the dumps of the last build.
    """
    source = _Source(dict(pieces), folder, workspace, _read_layout(workspace) if cached else {})
    layout: dict[str, list[int]] = {slug: [] for slug in sorted(pieces)}
    written = []
    for number, name in enumerate(FILES):
        syntax = SYNTAXES[number // 2]
        ends = [output.head(syntax, workspace.prefixes), _last(shared, syntax, workspace)]
        if number % 2:
            ends = [output.packed(one) if one else b"" for one in ends]
        with (folder / name).open("wb") as stream:
            stream.write(ends[0])
            for slug, begins in layout.items():
                begins.append(stream.tell())
                stream.write(source.take(slug, number))
            stream.write(ends[1])
        if number % 2:
            output.keep_packing(folder / name, workspace.out / name)
        written.append(output.measured(folder, folder / name, statements + len(shared)))
    for slug in layout:
        (folder / ASIDE / slug).unlink(missing_ok=True)
    if (folder / ASIDE).exists():
        (folder / ASIDE).rmdir()
    return written, layout


def _last(shared: Sequence[Quad], syntax: Syntax, workspace: Workspace) -> bytes:
    """Return what the articles share, with the end of the file."""
    return output.body(shared, syntax, workspace.prefixes) + (b"\n]}\n" if syntax is JSONLD else b"")


def keep_layout(layout: Layout, workspace: Workspace) -> None:
    """Keep where each article begins in the dumps that stand in out/ now."""
    _cache(workspace).keep({_LAYOUT: json.dumps(layout).encode()}, ())


def _read_layout(workspace: Workspace) -> Layout:
    """Return where pieces are to be looked for; each is compared with its digest."""
    try:
        found = json.loads(_cache(workspace).load().get(_LAYOUT, b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _cache(workspace: Workspace) -> Cache:
    return Cache(workspace.root / ".cache" / "dumps")
