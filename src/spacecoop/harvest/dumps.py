"""Articles' quads in; the whole dataset in one file a syntax, each also compressed, out.

A dump is a head, a piece of each article in the order of their names, and what they share. A piece does not depend on
the others, so it is made where its article is, and what did not change is taken over from the dump that was there
before, by its digest. Compressed pieces joined are one valid file (RFC 1952, section 2.2).

The setting ``blocks`` of ``[dumps]`` has compressed N-Quads written once more, in so many files for loaders that take
several at once: an article's is told by a digest of its name, and what all share has one of its own.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pyoxigraph import Quad

from spacecoop import jsontext, output
from spacecoop.cache import Cache
from spacecoop.output import Written
from spacecoop.quads import Arranged
from spacecoop.syntaxes import JSONLD, NQUADS, NTRIPLES, TRIG, TURTLE, Syntax
from spacecoop.workspace import Workspace

SYNTAXES = (TURTLE, TRIG, NQUADS, NTRIPLES, JSONLD)
NAMES = tuple(f"dataset{syntax.ending}" for syntax in SYNTAXES)
FILES = tuple(name for plain in NAMES for name in (plain, f"{plain}.gz"))
"""The dumps in the order in which they are written."""
ASIDE = ".pieces"
"""Where in a folder the pieces lie that were made for it, until they are joined."""
_LAYOUT = "layout"
_BLOCKS = "blocks"
_BLOCK = NAMES.index(f"dataset{NQUADS.ending}") * 2 + 1
"""Which of the dumps blocks are parts of."""

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
    quads = quads if isinstance(quads, Arranged) else Arranged(quads)
    made = []
    for syntax in SYNTAXES:
        if syntax is NQUADS:
            plain = lines
        elif syntax is NTRIPLES:
            plain = output.write_triples(quads)
        else:
            plain = output.body(quads, syntax, workspace.prefixes) + _between(syntax)
        made += [plain, output.pack(plain)]
    path = folder / ASIDE / slug
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(made))
    return tuple(Piece(len(one), hashlib.sha256(one).hexdigest()) for one in made)


_ROW = struct.Struct(">Q32s")
"""A piece's length and digest."""


def pack(pieces: Iterable[Piece]) -> bytes:
    """Return the pieces of one article in little room: there are as many of them as articles times dumps."""
    return b"".join(_ROW.pack(one.bytes, bytes.fromhex(one.sha256)) for one in pieces)


def unpack(kept: str) -> bytes:
    """Return packed pieces that were kept in hexadecimal; raises ValueError where they are none."""
    pieces = bytes.fromhex(kept)
    if len(pieces) not in (0, _ROW.size * len(FILES)):
        raise ValueError(kept)
    return pieces


def _between(syntax: Syntax) -> bytes:
    """Return what stands after each article; what they share comes last, and there always is some."""
    return b",\n" if syntax is JSONLD else b""


@dataclass
class _Source:
    """Where pieces come from: made aside for this folder, else the dumps of the last build, else cut now."""

    pieces: dict[str, bytes]
    """What each article adds, as ``pack`` packs it, by slug."""
    folder: Path
    workspace: Workspace
    before: Layout
    made: set[str]
    """The slugs whose pieces lie aside."""

    def each(self, number: int, slugs: Iterable[str] | None = None) -> Iterator[tuple[str, bytes]]:
        """Yield each article's piece of one dump, by slug; or those of some articles."""
        with ExitStack() as stack:
            old: BinaryIO | None = None
            with suppress(OSError):
                old = stack.enter_context((self.workspace.out / FILES[number]).open("rb"))
            for slug in sorted(self.pieces if slugs is None else slugs):
                data = None if slug in self.made or old is None else self._take_over(slug, number, old)
                yield slug, self._make(slug, number) if data is None else data

    def _make(self, slug: str, number: int) -> bytes:
        if slug not in self.made:
            quads = list(output.read(self.folder / "article" / f"{slug}{NQUADS.ending}"))
            self.pieces[slug] = pack(cut(quads, slug, self.folder, self.workspace))
            self.made.add(slug)
        with (self.folder / ASIDE / slug).open("rb") as stream:
            lengths = [length for length, _ in _ROW.iter_unpack(self.pieces[slug])]
            stream.seek(sum(lengths[:number]))
            return stream.read(lengths[number])

    def _take_over(self, slug: str, number: int, old: BinaryIO) -> bytes | None:
        """Return a piece from the dump that was there before, where it is what it was."""
        length, digest = _ROW.unpack_from(self.pieces[slug], number * _ROW.size)
        try:
            old.seek(self.before[slug][number])
            data = old.read(length)
        except (OSError, LookupError, TypeError, ValueError, OverflowError):
            return None
        return data if hashlib.sha256(data).digest() == digest else None


def write(
    pieces: Mapping[str, bytes],
    shared: Sequence[Quad],
    statements: Mapping[str, int],
    folder: Path,
    workspace: Workspace,
    cached: bool = False,
) -> tuple[list[Written], list[Written], Layout]:
    """Write the dumps and blocks into a folder that has the articles' files; return them, and where articles begin.

    *pieces* are packed, by slug; *statements* are those of each article. Where *cached*, pieces may come from the dumps
    of the last build.
    """
    aside = folder / ASIDE
    made = {path.name for path in aside.iterdir()} if aside.exists() else set()
    source = _Source(dict(pieces), folder, workspace, _read_layout(workspace) if cached else {}, made)
    layout: dict[str, array[int]] = {slug: array("Q") for slug in pieces}
    written = []
    for place, syntax in enumerate(SYNTAXES):
        head, last = output.head(syntax, workspace.prefixes), _last(shared, syntax, workspace)
        for number, pack in ((2 * place, bytes), (2 * place + 1, output.pack)):
            path = folder / FILES[number]
            with path.open("wb") as stream:
                stream.write(pack(head) if head else b"")
                for slug, data in source.each(number):
                    layout[slug].append(stream.tell())
                    stream.write(data)
                stream.write(pack(last))
            if pack is output.pack:
                output.keep_packing(path, workspace.out / path.name)
            written.append(output.measure(folder, path, sum(statements.values()) + len(shared)))
    blocks = list(_write_blocks(source, shared, statements))
    if aside.exists():
        shutil.rmtree(aside)
    return written, blocks, layout


def block_names(workspace: Workspace) -> list[str]:
    """Return the blocks that are wanted, the one of what all articles share last; none where the settings say nothing.

    There are as many of them whatever the articles are, so that each is found under its name from edition to edition.
    """
    count = _count(workspace)
    width = len(str(count - 1))
    numbers = [f"{_BLOCKS}/{number:0{width}}{NQUADS.ending}.gz" for number in range(count)]
    return [*numbers, f"{_BLOCKS}/shared{NQUADS.ending}.gz"] if count else []


def _count(workspace: Workspace) -> int:
    return int(workspace.settings.get("dumps", {}).get("blocks", 0))


def block_of(slug: str, count: int) -> int:
    """Return which of so many blocks an article is in, the same wherever and whenever it is asked.

    >>> block_of("moon-2019", 16), block_of("moon-2019", 1)
    (7, 0)
    """
    return int.from_bytes(hashlib.sha256(slug.encode()).digest()[:8]) % count


def _write_blocks(source: _Source, shared: Sequence[Quad], statements: Mapping[str, int]) -> Iterator[Written]:
    folder, workspace, count = source.folder, source.workspace, _count(source.workspace)
    members: list[list[str]] = [[] for _ in range(count)]
    for slug in source.pieces if count else ():
        members[block_of(slug, count)].append(slug)
    *numbered, last = block_names(workspace) or [""]
    for name, slugs in zip(numbered, members, strict=True):
        parts = (data for _, data in source.each(_BLOCK, slugs)) if slugs else [output.pack(b"")]
        yield _write_block(folder / name, parts, sum(statements[slug] for slug in slugs), folder, workspace)
    if last:
        parts = [output.pack(_last(shared, NQUADS, workspace))]
        yield _write_block(folder / last, parts, len(shared), folder, workspace)


def _write_block(path: Path, parts: Iterable[bytes], statements: int, folder: Path, workspace: Workspace) -> Written:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as stream:
        stream.writelines(parts)
    output.keep_packing(path, workspace.out / path.relative_to(folder))
    return output.measure(folder, path, statements)


def _last(shared: Sequence[Quad], syntax: Syntax, workspace: Workspace) -> bytes:
    """Return what the articles share, with the end of the file."""
    return output.body(shared, syntax, workspace.prefixes) + (b"\n]}\n" if syntax is JSONLD else b"")


def keep_layout(layout: Layout, workspace: Workspace) -> None:
    """Keep where each article begins in the dumps that stand in out/ now."""
    text = json.dumps({slug: list(starts) for slug, starts in layout.items()})
    _cache(workspace).keep({_LAYOUT: text.encode()}, ())


def _read_layout(workspace: Workspace) -> Layout:
    """Return where pieces are to be looked for; each is compared with its digest."""
    try:
        found = jsontext.parse(_cache(workspace).load().get(_LAYOUT, b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _cache(workspace: Workspace) -> Cache:
    return Cache(workspace.root / ".cache" / "dumps")
