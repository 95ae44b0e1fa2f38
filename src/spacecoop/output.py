"""Arranged quads in, files out: the same quads give the same bytes."""

from __future__ import annotations

import filecmp
import gzip
import hashlib
import io
import itertools
import json
import os
import shutil
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from pyoxigraph import NamedNode, Quad, Triple, parse, serialize

from spacecoop.iris import TYPE_ROW, Prefixes
from spacecoop.quads import Arranged, Row, name_article, plain, read_literal, rows
from spacecoop.syntaxes import JSONLD, NQUADS, Syntax

_PART = 1 << 20
_LEVEL = 7
"""How much is tried to compress a piece: 9 takes twice the time, and saves one byte in fifty at most."""
_EFFORT = 8
"""Which byte of a gzip file tells how hard it was tried to compress it."""
_TOGETHER = 4096
"""How many quads are held at a time."""


def write(quads: Iterable[Quad], path: Path, syntax: Syntax, prefixes: Mapping[str, str]) -> None:
    """Write arranged quads to a file; a syntax without named graphs gets each triple once, by subject."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if syntax is JSONLD:
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(_jsonld(quads, prefixes))
        return
    statements: Iterable[Quad] | Iterable[Triple] = quads if syntax.named_graphs else flat(quads)
    serialize(statements, path, syntax.format, prefixes=dict(prefixes))
    if syntax.prefixes:
        _sort_prefixes(path, len(prefixes))


def save(quads: Sequence[Quad], folder: Path, name: str, syntax: Syntax, prefixes: Mapping[str, str]) -> Written:
    """Write arranged quads that are held as ``write`` does, into a folder; return what was written."""
    if syntax is JSONLD:
        data = "".join(_jsonld(quads, prefixes)).encode()
    else:
        data = (head(syntax, prefixes) if quads else b"") + body(quads, syntax, prefixes)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return Written(name, len(data), hashlib.sha256(data).hexdigest(), len(quads))


def _sort_prefixes(path: Path, count: int) -> None:
    """Sort the declarations that the first *count* lines of a file hold; its length stays the same."""
    with path.open("r+b") as stream:
        declarations = [stream.readline() for _ in range(count)]
        stream.seek(0)
        stream.writelines(sorted(declarations))


def flat(quads: Iterable[Quad]) -> Iterator[Triple]:
    """Yield the triples of arranged quads without their graphs, those of one article sorted together.

    The shared graphs, whose IRIs have no fragment, count as one. Only one article's quads are held at a time.
    """
    groups = [quads] if isinstance(quads, Arranged) else map(Arranged, _each_article(quads))
    for group in groups:
        yield from group.flat


def _each_article(quads: Iterable[Quad]) -> Iterator[Iterable[Quad]]:
    for _, group in itertools.groupby(quads, key=lambda quad: name_article(str(quad.graph_name))):
        yield group


def read(path: Path) -> Iterator[Quad]:
    """Yield the quads of an N-Quads file in its order, without holding them."""
    yield from parse(path=str(path), format=NQUADS.format)


def head(syntax: Syntax, prefixes: Mapping[str, str]) -> bytes:
    """Return how a file in a syntax begins: ``head``, the bodies of its parts and their end are what ``write`` writes.

    In JSON-LD, bodies are joined by a comma and a new line, and the end is a new line and ``]}``.
    """
    if syntax is JSONLD:
        return f"{_jsonld_head(prefixes)}\n".encode()
    if not syntax.prefixes:
        return b""
    any_ = NamedNode("urn:x-spacecoop:any")  # a file that says nothing gets no declarations
    said = serialize((Triple(any_, any_, any_),), format=syntax.format, prefixes=dict(prefixes))
    assert said is not None
    return b"".join(sorted(said.splitlines(keepends=True)[: len(prefixes)]))


def body(quads: Iterable[Quad], syntax: Syntax, prefixes: Mapping[str, str]) -> bytes:
    """Return arranged quads in a syntax, without how a file begins and ends."""
    if syntax is JSONLD:
        return ",\n".join(_jsonld_items(quads, prefixes)).encode()
    statements: Iterable[Quad] | Iterable[Triple] = quads if syntax.named_graphs else flat(quads)
    said = serialize(statements, format=syntax.format, prefixes=dict(prefixes) if syntax.prefixes else None)
    assert said is not None
    start = 0
    for _ in prefixes if syntax.prefixes and said else ():  # what says nothing gets no declarations
        start = said.index(b"\n", start) + 1
    return said[start:]


def write_triples(quads: Arranged) -> bytes:
    """Return the triples of arranged quads as N-Triples, in the order of ``flat``."""
    return "".join([f"{subject} {predicate} {value} .\n" for _, subject, predicate, value in quads.flat_rows]).encode()


def _jsonld_head(prefixes: Mapping[str, str]) -> str:
    return f'{{"@context": {json.dumps(dict(prefixes), ensure_ascii=False)},\n"@graph": ['


def _jsonld(quads: Iterable[Quad], prefixes: Mapping[str, str]) -> Iterator[str]:
    """Yield a JSON-LD 1.1 document, one node a line, with the prefixes as its context."""
    yield _jsonld_head(prefixes)
    between = "\n"
    for item in _jsonld_items(quads, prefixes):
        yield between + item
        between = ",\n"
    yield "\n]}\n"


def _jsonld_items(quads: Iterable[Quad], prefixes: Mapping[str, str]) -> Iterator[str]:
    """Yield what stands at the top of a JSON-LD document: each named graph, each node of the default graph."""
    compact = _Compact(prefixes)
    values = _Values(compact)
    for graph, members in itertools.groupby(_rows(quads), key=itemgetter(0)):
        nodes = (
            _node(subject, said, compact, values) for subject, said in itertools.groupby(members, key=itemgetter(1))
        )
        if not graph:
            yield from nodes
        else:
            yield f'{{"@id": {json.dumps(compact.shorten(graph))}, "@graph": [\n' + ",\n".join(nodes) + "\n]}"


def _rows(quads: Iterable[Quad]) -> Iterator[Row]:
    """Yield quads as rows of text, of which few are held at a time where they are read from a file."""
    if isinstance(quads, Arranged):
        yield from quads.rows
        return
    quads = iter(quads)
    while part := list(itertools.islice(quads, _TOGETHER)):
        yield from rows(part)


class _Compact(dict[str, str]):
    """IRIs as N-Quads write them in, the same shortened by prefixes out, as JSON; each is shortened once."""

    def __init__(self, prefixes: Mapping[str, str]) -> None:
        super().__init__()
        self._prefixes = Prefixes(prefixes)

    def shorten(self, term: str) -> str:
        return self._prefixes.shorten(plain(term)).removeprefix("<").removesuffix(">")

    def __missing__(self, term: str) -> str:
        self[term] = written = _quoted(self.shorten(term))
        return written


class _Values(dict[str, str]):
    """Terms as N-Quads write them in, the same as JSON-LD's values out; each is written once."""

    def __init__(self, compact: _Compact) -> None:
        super().__init__()
        self._compact = compact

    def __missing__(self, term: str) -> str:
        self[term] = written = _value(term, self._compact)
        return written


_quoted = json.JSONEncoder(ensure_ascii=False).encode
"""Writes a text as JSON."""


def _node(subject: str, said: Iterable[Row], compact: _Compact, values: _Values) -> str:
    """Return a node as JSON, written at once: an object for each node and value would take most of the time."""
    parts = [f'"@id": {compact[subject]}']
    last = ""
    for _, _, predicate, value in said:
        written = compact[value] if predicate == TYPE_ROW else values[value]
        if predicate == last:
            parts[-1] += f", {written}"
            continue
        if last:
            parts[-1] += "]"
        key = '"@type"' if predicate == TYPE_ROW else compact[predicate]
        parts.append(f"{key}: [{written}")
        last = predicate
    parts[-1] += "]"
    return f"{{{', '.join(parts)}}}"


def _value(term: str, compact: _Compact) -> str:
    if term[0] != '"':
        return f'{{"@id": {compact[term]}}}'
    words, quote, rest = term.rpartition('"')  # as N-Triples write it: mostly as JSON does
    words = _quoted(read_literal(term).value) if "\\u" in words or "\\U" in words else words + quote
    if not rest:
        return words
    if rest[0] == "@":
        return f'{{"@value": {words}, "@language": {_quoted(rest[1:].partition("--")[0])}}}'
    return f'{{"@value": {words}, "@type": {compact[rest[2:]]}}}'


@dataclass(frozen=True, slots=True)
class Written:
    """One file that was written: its path in the folder, its size, digest and number of statements."""

    path: str
    bytes: int
    sha256: str
    statements: int


def as_row(one: Written) -> dict[str, Any]:
    """Return what ``restore`` makes the same of."""
    return {"path": one.path, "bytes": one.bytes, "sha256": one.sha256, "statements": one.statements}


def restore(row: Mapping[str, Any]) -> Written:
    """Return what ``as_row`` made a row of; raises TypeError or ValueError for a row that was made by hand."""
    one = Written(**row)
    kinds = [type(part) for part in (one.path, one.bytes, one.sha256, one.statements)]
    if kinds != [str, int, str, int] or one.path.startswith("/") or ".." in one.path.split("/") or "\0" in one.path:
        raise ValueError(row)
    return one


def measure(folder: Path, path: Path, statements: int) -> Written:
    """Measure a file for the manifest."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Written(path.relative_to(folder).as_posix(), path.stat().st_size, digest, statements)


def take_over(written: Written, old: Path, new: Path) -> bool:
    """Take a regular file over from one folder into another, where it still has the size and digest that it had."""
    path, target = f"{old}/{written.path}", f"{new}/{written.path}"
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size != written.bytes:
            return False
        with open(path, "rb") as stream:  # noqa: PTH123  (as a text: there may be a million files)
            if hashlib.file_digest(stream, "sha256").hexdigest() != written.sha256:
                return False
    except OSError:
        return False
    _link(path, target)
    return True


def _link(path: str, target: str) -> None:
    try:
        os.link(path, target)
        return
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
    except OSError:
        pass
    try:
        os.link(path, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, target)


def pack(data: bytes) -> bytes:
    """Return data as one member of a gzip file (RFC 1952), without name or time stamp."""
    held = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=_LEVEL, fileobj=held, mtime=0) as stream:
        stream.write(data)
    return held.getvalue()


def keep_packing(path: Path, previous: Path) -> None:
    """Let the bytes of a gzip file be those of an earlier one whose members hold the same, if there is one.

    Other builds of zlib compress to other bytes. What was packed with the greatest or the least effort, which is told
    there (RFC 1952, section 2.3.1), is packed anew: a build elsewhere, which has no earlier file, would pack it so too.
    """
    whole, before = path.with_suffix(""), previous.with_suffix("")
    if not previous.is_file() or (
        whole.is_file() and before.is_file() and not filecmp.cmp(whole, before, shallow=False)
    ):
        return
    mine, theirs = path.read_bytes(), previous.read_bytes()
    if (
        mine != theirs
        and len(theirs) > _EFFORT
        and mine[_EFFORT] == theirs[_EFFORT]
        and _have_same_members(path, previous)
    ):
        shutil.copyfile(previous, path)


def _have_same_members(one: Path, other: Path) -> bool:
    try:
        return all(mine == theirs for mine, theirs in itertools.zip_longest(_members(one), _members(other)))
    except zlib.error:
        return False


def _members(path: Path) -> Iterator[bytes]:
    """Yield what each member of a gzip file holds."""
    rest = path.read_bytes()
    while rest:
        member = zlib.decompressobj(31)
        yield member.decompress(rest)
        rest = member.unused_data


def compress(folder: Path, whole: Written, previous: Path) -> Written:
    """Write a file of *folder* once more, compressed with gzip (RFC 1952), without name or time stamp.

    Other builds of zlib compress to other bytes: where *previous*, an earlier folder, has a file that holds the same,
    it is taken as it is.
    """
    name = f"{whole.path}.gz"
    path, earlier = folder / name, previous / name
    if _holds(earlier, folder / whole.path):
        shutil.copyfile(earlier, path)
    else:
        with (
            (folder / whole.path).open("rb") as source,
            path.open("wb") as target,
            gzip.GzipFile("", "wb", compresslevel=9, fileobj=target, mtime=0) as stream,
        ):
            shutil.copyfileobj(source, stream)
    return measure(folder, path, whole.statements)


def _holds(archive: Path, path: Path) -> bool:
    """Tell whether a gzip file holds the same bytes as a file."""
    if not archive.is_file():
        return False
    try:
        with gzip.open(archive) as one, path.open("rb") as other:
            while part := other.read(_PART):
                if one.read(len(part)) != part:
                    return False
            return not one.read(1)
    except (OSError, EOFError, zlib.error):
        return False
