"""What is published in, its named graphs out: each with its size and digest, read again when it is sent."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from spacecoop import jsontext
from spacecoop.stores import dialects, digests
from spacecoop.stores.digests import digest, value_line
from spacecoop.syntaxes import NQUADS

if TYPE_CHECKING:
    from spacecoop.workspace import Workspace

DATASET = f"dataset{NQUADS.ending}"
_PLAIN = re.compile(r'(?:<[^>]*> <[^>]*> (?:<[^>]*>|"[^"]*"\S*)\n)++')
"""Triples that are valid, and whose lines have one space between terms: without escapes, they are taken as they stand,
which is ten times as fast as parsing them."""
_ODD_BYTES = bytes(each for each in range(128) if (each < 32 and each != 10) or each in b"\\\x7f")
_END = re.compile(rb" <([^<>\\\s]*)> \.\n")
_ROW = re.compile(rb'"path": "([^"\\]*\.nq)",\s*"bytes": ([0-9]{1,18}),\s*"sha256": "([0-9a-f]{64})"')
_NAMED = f'{NQUADS.ending}"'.encode()
_TOGETHER = 1_000
"""How many lines of one graph are looked at together."""
_SMALL = 1_000_000
"""A part of fewer bytes is read once; of a larger one the digest is made first, and then it is read again."""
_STRING = b'"^^<http://www.w3.org/2001/XMLSchema#string>'


class GraphsError(Exception):
    """What is published cannot be read, or is not what the manifest says."""


class Part(NamedTuple):
    """A file of quads, from a byte on, with the SHA-256 of what is read of it."""

    file: str
    start: int
    sha256: str

    def lines(self) -> Iterator[tuple[str, list[str]]]:
        """Yield graphs with triples, as N-Triples without the final dot; a graph comes again for each of its pieces.

        Raises GraphsError where they are no longer those of the digest.
        """
        for piece, end in self._pieces():
            yield from _cut(piece, end)

    def quads(self) -> Iterator[tuple[str, bytes]]:
        """Yield graphs with their quads as they stand in the file; raises as `lines`."""
        for piece, end in self._pieces():
            if named := _END.fullmatch(end):
                yield named[1].decode(), b"".join(piece)
            else:
                for graph, lines in _parse(b"".join(piece)):
                    yield graph, "".join(f"{line} <{graph}> .\n" for line in lines).encode()

    def _pieces(self) -> Iterator[tuple[list[bytes], bytes]]:
        """Yield neighbouring lines that end alike, in their graph's name, with that end."""
        piece: list[bytes] = []
        end = b""
        for raw in self._raw():
            if piece and (len(piece) == _TOGETHER or not raw.endswith(end)):
                yield piece, end
                piece = []
            if not piece:
                end = raw[raw.rfind(b" <") :]
            piece.append(raw)
        if piece:
            yield piece, end

    def _raw(self) -> Iterator[bytes]:
        """Yield the lines as they stand, after their digest was seen to be right."""
        with Path(self.file).open("rb") as stream:
            stream.seek(self.start)
            data = stream.read(_SMALL)
            sum_ = hashlib.sha256(data)
            while more := stream.read(_SMALL):
                sum_.update(more)
            if sum_.hexdigest() != self.sha256:
                raise GraphsError(f"{self.file} is not what the manifest says; `spacecoop build` writes both")
            if len(data) < _SMALL:
                yield from io.BytesIO(data)
                return
            stream.seek(self.start)
            yield from stream


def _cut(piece: list[bytes], end: bytes) -> Iterator[tuple[str, list[str]]]:
    """Cut the graph's name off lines that end alike."""
    named = _END.fullmatch(end)
    if named is None:
        yield from _parse(b"".join(piece))
        return
    graph = named[1].decode()
    text = b"".join(piece).replace(end, b"\n")
    if _is_plain(text):
        yield graph, text[:-1].decode().split("\n")
        return
    for raw in piece:
        line = raw[: -len(end)]
        if _is_plain(line + b"\n"):
            yield graph, [line.decode()]
        else:
            yield from _parse(raw)


def _is_plain(text: bytes) -> bool:
    bare = _STRING not in text and len(text.translate(None, _ODD_BYTES)) == len(text)
    return bare and _PLAIN.fullmatch(text.decode()) is not None


def _parse(lines: bytes) -> Iterator[tuple[str, list[str]]]:
    from pyoxigraph import parse

    for quad in parse(lines, format=NQUADS.format):
        yield str(quad.graph_name)[1:-1], [str(quad.triple)]


@dataclass(frozen=True)
class Loss:
    """Something in a graph that some store is known to change, with the first triple that has it."""

    words: str
    line: str


class Graph(NamedTuple):
    """One named graph: its IRI, its number of triples, its digests, what stores may change in it, and where it is."""

    iri: str
    statements: int
    digest: str
    """Of its values: the same in every store."""
    exact: str
    """Of its lines as they are spelled here."""
    losses: tuple[Loss, ...]
    part: Part


def read(workspace: Workspace) -> dict[str, Graph]:
    """Return the graphs in ``out/`` by IRI; raises GraphsError.

    Digests are kept in ``.cache/`` by the digest of the file that they were made from, so that what did not
    change is not read.
    """
    kept = workspace.root / ".cache" / "graphs.json"
    known = _load(kept)
    rows: dict[str, Any] = {}
    graphs: dict[str, Graph] = {}
    for part in parts(workspace):
        rows[part.sha256] = known.get(part.sha256) or _measure(part)
        _take(graphs, part, rows[part.sha256])
    if not graphs:
        raise GraphsError("out/ is empty")
    _check_base(graphs, workspace)
    if rows != known:
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(".new")
        new.write_text(json.dumps({"form": form(), "parts": rows}), "utf-8")
        new.replace(kept)
    return graphs


def measure(workspace: Workspace, some: Iterable[Part]) -> dict[str, Graph]:
    """Return the graphs in some parts by IRI; raises GraphsError."""
    graphs: dict[str, Graph] = {}
    for part in some:
        _take(graphs, part, _measure(part))
    _check_base(graphs, workspace)
    return graphs


def _take(graphs: dict[str, Graph], part: Part, rows: Mapping[str, Any]) -> None:
    for iri, (statements, values, exact, losses) in rows.items():
        if iri in graphs:
            raise GraphsError(f"the graph <{iri}> is in {graphs[iri].part.file} and in {part.file}")
        graphs[iri] = Graph(iri, statements, values, exact, tuple(Loss(*loss) for loss in losses), part)


def _check_base(graphs: Iterable[str], workspace: Workspace) -> None:
    foreign = [iri for iri in graphs if not iri.startswith(workspace.base)]
    if foreign:
        raise GraphsError(f"out/ has graphs that do not begin with {workspace.base}: {foreign[:3]}")


def lines(graphs: Iterable[Graph]) -> Iterator[tuple[Graph, list[str]]]:
    """Yield each graph with its triples' lines, in the order of *graphs*; a part is read once for neighbours."""
    for part, group in itertools.groupby(graphs, key=lambda graph: graph.part):
        members = list(group)
        found = _lines(part, {graph.iri for graph in members})
        for graph in members:
            yield graph, found[graph.iri]


def quads(graphs: Iterable[Graph]) -> bytes:
    """Return the N-Quads of graphs, as they stand in our files."""
    pieces: list[bytes] = []
    for part, group in itertools.groupby(graphs, key=lambda graph: graph.part):
        wanted = {graph.iri for graph in group}
        pieces += [some for graph, some in part.quads() if graph in wanted]
    return b"".join(pieces)


def _lines(part: Part, wanted: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {iri: [] for iri in wanted}
    for iri, some in part.lines():
        if iri in found:
            found[iri] += some
    return found


def form() -> str:
    """Return what the cache holds good for: what makes digests and finds losses."""
    return digest(Path(str(module.__file__)).read_text("utf-8") for module in (digests, dialects))


def _load(kept: Path) -> Mapping[str, Any]:
    try:
        data = jsontext.parse(kept.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(data["parts"]) if isinstance(data, dict) and data.get("form") == form() else {}


def _measure(part: Part) -> dict[str, list[Any]]:
    """Return the size, the digests and the losses of each graph of a part; one graph is held at a time."""
    done: dict[str, list[Any]] = {}
    for iri, pairs in itertools.groupby(part.lines(), key=lambda pair: pair[0]):
        if iri in done:
            raise GraphsError(f"{part.file} is not in the order of its graphs; `spacecoop build` writes it so")
        exact = {line for _, some in pairs for line in some}
        values = exact if digests.are_values("\n".join(exact)) else {value_line(line) for line in exact}
        losses: dict[str, str] = {}
        for line in sorted(dialects.may_be_lost(exact)):
            for change in dialects.find_changes(line):
                losses.setdefault(change.words, line[:300])
        sums = [digest(exact)] * 2 if values == exact else [digest(values), digest(exact)]
        done[iri] = [len(values), *sums, sorted(losses.items())]
    return done


def parts(workspace: Workspace, known: Collection[str] = frozenset()) -> list[Part]:
    """Return the articles' files, and what follows them in the file of the whole: the graphs that they share.

    Files whose SHA-256 is *known* are not looked at. Raises GraphsError where another is not what the manifest says.
    """
    try:
        articles, whole = _read_manifest((workspace.out / "manifest.json").read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GraphsError("out/ has no manifest of a dataset; `spacecoop build` writes it") from error
    out = workspace.out
    dataset, folder = out / DATASET, str(out)
    sizes = [size for _, size, _ in articles]
    stale = [path for path, size, sum_ in articles if sum_ not in known and _size(f"{folder}/{path}") != size]
    if stale or not dataset.is_file():
        raise GraphsError(
            f"{out / stale[0] if stale else dataset} is not what the manifest says; `spacecoop build` writes both"
        )
    found = [Part(f"{folder}/{path}", 0, sum_) for path, _, sum_ in articles]
    start = _find_shared(dataset, found, sum(sizes))
    if start is None:
        return [Part(str(dataset), 0, whole)]
    with dataset.open("rb") as stream:
        stream.seek(start)
        return [*found, Part(str(dataset), start, hashlib.file_digest(stream, "sha256").hexdigest())]


def _read_manifest(data: bytes) -> tuple[list[tuple[str, int, str]], str]:
    """Return the path, size and SHA-256 of each article's file, by path, and the SHA-256 of the whole's.

    Rows as `spacecoop build` writes them are cut out, which costs a third of reading tens of thousands as JSON.
    """
    rows = [(path.decode(), int(size), sum_.decode()) for path, size, sum_ in _ROW.findall(data)]
    if rows and len(rows) == data.count(_NAMED) and data.rstrip().endswith((b"]}", b"]\n}")):
        sums = {path: sum_ for path, _, sum_ in rows if path == DATASET}
    else:
        files = [(row["path"], row["bytes"], row["sha256"]) for row in jsontext.parse(data)["files"]]
        rows = [row for row in files if row[0].endswith(NQUADS.ending)]
        sums = {path: sum_ for path, _, sum_ in rows}
    return sorted(row for row in rows if _is_article(row[0])), sums[DATASET]


def _size(path: str) -> int:
    """Return the size of a file, -1 where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 (ten thousand are looked at, and a Path takes three times as long)
    except OSError:
        return -1
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def _is_article(path: str) -> bool:
    return path.startswith("article/") and path.endswith(NQUADS.ending)


def _find_shared(dataset: Path, parts: list[Part], start: int) -> int | None:
    """Return where the shared graphs begin, if the file of the whole begins with the articles, one after the other.

    That is looked up at the end of the last article; where it is not so, the whole is read as one.
    """
    if not parts:
        return 0
    with Path(parts[-1].file).open("rb") as last, dataset.open("rb") as whole:
        end = last.read()[-4096:]
        whole.seek(start - len(end))
        return start if whole.read(len(end)) == end else None
