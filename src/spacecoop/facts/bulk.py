"""A file with an article a line or a row, as programs write them, in; where each article stands in it, out.

JSON Lines: a line is a JSON object, the same JSON-LD as a fact file; the file may be packed with gzip. Lines are read
one by one, each within a bound: neither a long line nor a small file that unpacks to much fills the memory. A row of
Parquet holds what a line does.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import re
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from spacecoop import documents
from spacecoop.documents import MOST_BYTES, Document, Unreadable
from spacecoop.facts import parquet
from spacecoop.facts.context import Reader
from spacecoop.findings import Finding, Place, finding
from spacecoop.messages import Words

ROWS = ".parquet"
ENDINGS = (".jsonl", ".jsonl.gz", ROWS)
SLUG = "slug"
"""The member of a line that names its article, where the context gives it no other meaning."""
MOST_TIMES = 200
"""How many times its size a packed file may hold; text takes a tenth of that."""
_ANYWAY = 64_000_000
"""Bytes that a packed file may hold, however small it is."""
_LINE = Words("line"), Words("a line")
_ROW = Words("row"), Words("a row")
_BREAKS = str.maketrans("\r\n", "  ")
_ENDS = {character: f"\\u{ord(character):04x}" for character in "\x7f\u2028\u2029\ufeff"}
_ENDS |= {chr(code): f"\\u{code:04x}" for code in range(0x80, 0xA0)}
_ODD = re.compile(f"[{''.join(_ENDS)}]")
_ESCAPE = re.compile(r"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|.)")


@dataclass(frozen=True)
class Line:
    """Where one article stands in a file of many."""

    origin: Path
    """The file as the curator has it."""
    number: int
    slug: str
    path: Path
    """The file that holds its bytes: the same, or what was unpacked of it."""
    start: int
    size: int

    def load(self) -> bytes:
        """Return the line's bytes; raises OSError where it cannot be read."""
        with self.path.open("rb") as stream:
            stream.seek(self.start)
            return stream.read(self.size)


def read(path: Path, file: str, reader: Reader, aside: Path) -> tuple[list[Line], list[Finding]]:
    """Return the lines or rows that hold an article, and what is wrong with the others; *aside* takes unpacked files.

    A line whose member ``slug`` is a text names its article by it; any other is named by a digest of its id.
    Raises OSError where the disk has no place for what is unpacked.
    """
    scan = _Scan(path, file, reader)
    try:
        if file.endswith(ROWS):
            lines = scan.rows(aside)
        elif not file.endswith(".gz"):
            with path.open("rb") as stream:
                lines = list(scan.lines(stream, path, None))
        else:
            lines = scan.unpack(aside)
    except OSError as error:
        if error.filename is None or Path(error.filename) == aside:
            raise
        return [], [finding("unreadable", Place(file), reason=error.strerror or error)]
    return lines, scan.findings


class _Scan:
    """One pass over a file: its articles, and what is wrong with lines that are none."""

    def __init__(self, path: Path, file: str, reader: Reader) -> None:
        self.path = path
        self.file = file
        self.ids = ["@id", *sorted(key for key in reader.scope.names() if reader.scope.keyword(key) == "@id")]
        self.named = names_articles(reader)
        self.unit, self.kind = _ROW if file.endswith(ROWS) else _LINE
        self.most = max(_ANYWAY, MOST_TIMES * path.stat().st_size)
        self.findings: list[Finding] = []

    def unpack(self, aside: Path) -> list[Line]:
        """Return the lines of a packed file, which is unpacked on the way."""
        lines: list[Line] = []
        with (
            self.copied(aside, ".jsonl") as (whole, beside),
            gzip.open(self.path) as stream,
            beside.open("wb") as copy,
            self.tell_where_it_ends(),
        ):
            for line in self.lines(stream, whole, copy):
                lines.append(line)  # those before a fault count
        return lines

    def rows(self, aside: Path) -> list[Line]:
        """Return the rows of a Parquet file, whose articles are copied on the way."""
        with self.copied(aside, ".rows") as (whole, beside):
            beside.touch()
            read = parquet.copy(self.path, beside, MOST_BYTES, self.most)
            if read.rule:
                place = Place(self.file, len(read.sizes) + 1) if read.sizes else Place(self.file)
                self.findings.append(finding(read.rule, place, None, times=MOST_TIMES, **read.values))
            with beside.open("rb") as stream:
                return list(self.numbered(read.sizes, stream, whole))

    def numbered(self, sizes: Iterable[int], stream: IO[bytes], path: Path) -> Iterator[Line]:
        """Yield each row that holds an article, by the sizes of all; what is copied of them stands in a stream."""
        start, empty = 0, list[int]()
        for number, size in enumerate(sizes, 1):
            if size == parquet.ABSENT:
                empty.append(number)
            elif size == parquet.LONG:
                self.findings.append(finding("line-size", Place(self.file, number), unit=self.unit, limit=MOST_BYTES))
            else:
                slug = self.slug(stream.read(size), number)
                if slug is not None:
                    yield Line(origin=self.path, number=number, slug=slug, path=path, start=start, size=size)
                start += size
        if empty:
            place, more = Place(self.file, empty[0]), len(empty) - 1
            self.findings.append(finding("row-empty", place, column=parquet.COLUMN, more=more))

    @contextlib.contextmanager
    def copied(self, aside: Path, ending: str) -> Iterator[tuple[Path, Path]]:
        """Give the path of a copy that is named by the file's digest, and one beside it, which takes its place."""
        with self.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        aside.mkdir(parents=True, exist_ok=True)
        whole, beside = aside / f"{digest}{ending}", aside / f"{digest}.{os.getpid()}"
        try:
            yield whole, beside
            beside.replace(whole)
        finally:
            beside.unlink(missing_ok=True)

    @contextlib.contextmanager
    def tell_where_it_ends(self) -> Iterator[None]:
        """Have a packed file that is not whole be a finding."""
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self.findings.append(finding("gzip", Place(self.file), reason=error))

    def lines(self, stream: IO[bytes] | gzip.GzipFile, path: Path, copy: IO[bytes] | None) -> Iterator[Line]:
        """Yield each line that holds an article; copy all that is read."""
        start, number = 0, 0
        whole = True
        while data := stream.readline(MOST_BYTES + 1):
            number += whole
            too_long = not whole or len(data) > MOST_BYTES
            if whole and too_long:
                self.findings.append(finding("line-size", Place(self.file, number), unit=self.unit, limit=MOST_BYTES))
            if copy is not None:
                copy.write(data)
                if start + len(data) > self.most:
                    self.findings.append(finding("packed-size", Place(self.file, number), times=MOST_TIMES))
                    return
            slug = None if too_long or not data.strip() else self.slug(data, number)
            if slug is not None:
                yield Line(origin=self.path, number=number, slug=slug, path=path, start=start, size=len(data))
            start += len(data)
            whole = data.endswith(b"\n")

    def slug(self, data: bytes, number: int) -> str | None:
        """Return what names the article of a line; of a line without one, nothing, with a finding."""
        found = self.object(data, number)
        if found is None:
            return None
        if self.named and isinstance(found.get(SLUG), str):
            return str(found[SLUG])
        iri = next((found[key] for key in self.ids if isinstance(found.get(key), str) and found[key]), None)
        if iri is None:
            keys = " / ".join([*([SLUG] if self.named else []), *reversed(self.ids)])
            self.findings.append(finding("line-nameless", Place(self.file, number), unit=self.unit, keys=keys))
        return iri and name(iri)

    def no_json(self, number: int, reason: str, error: json.JSONDecodeError | None = None) -> Finding:
        """Return that a line or row is no JSON, at its column where it can be said; a row may have lines of its own."""
        place = Place(self.file, number, 1 if error is None else error.pos + 1)
        return finding("json", place, unit=self.unit, reason=reason)

    def object(self, data: bytes, number: int) -> dict[str, Any] | None:
        """Return the JSON object that a line is; of a line that is none, nothing, with a finding."""
        try:
            found = json.loads(documents.decode(data, self.file))
        except Unreadable as error:
            self.findings.append(replace(error.finding, place=Place(self.file, number, error.finding.place.column)))
        except json.JSONDecodeError as error:
            self.findings.append(self.no_json(number, error.msg, error))
        except (ValueError, RecursionError) as error:
            self.findings.append(self.no_json(number, str(error)))
        else:
            if isinstance(found, dict):
                return found
            self.findings.append(finding("not-a-mapping", Place(self.file, number), what=self.kind))
        return None


def name(iri: str) -> str:
    """Return what names the article with this id, the same wherever it stands.

    >>> name("https://news.example/1")
    'a-f1372b7cd058c104'
    """
    return f"a-{hashlib.sha256(iri.encode('utf-8', 'replace')).hexdigest()[:16]}"


def names_articles(reader: Reader) -> bool:
    """Tell whether the member ``slug`` of a line names its article: the context does not know it."""
    return reader.scope.term(SLUG) is None


def document(data: bytes, file: str, reader: Reader, number: int) -> Document:
    """Read one line as the fact file that it is; raises Unreadable where it is none."""
    text = documents.decode(data, file).translate(_BREAKS)  # a row may have several
    read = documents.read(as_yaml(text).encode("utf-8", "surrogatepass"), file, number)
    if names_articles(reader) and isinstance(read.data, dict):
        read.data.pop(SLUG, None)
    return read


def as_yaml(text: str) -> str:
    r"""Return a line of JSON as YAML 1.2 that readers of YAML 1.1 understand, each sign at its place where it can be.

    >>> as_yaml('{"a": "\\/ \\ud83d\\ude80 \\\\/"}')
    '{"a": "/ \\U0001f680 \\\\/"}'
    """
    text = _ESCAPE.sub(_escape, text.replace("\t", " "))
    return "".join(_ENDS.get(sign, sign) for sign in text) if _ODD.search(text) else text


def _escape(found: re.Match[str]) -> str:
    said = found[1]
    if said == "/":
        return "/"
    if len(said) > 1:
        high, low = int(said[1:5], 16), int(said[7:11], 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
    return found[0]


def place_findings(findings: Collection[Finding], file: str, number: int) -> tuple[Finding, ...]:
    """Return findings about the whole of an article at its line."""
    return tuple(
        replace(one, place=Place(file, number, one.place.column))
        if one.place.file == file and one.place.line < number
        else one
        for one in findings
    )


def ends(file: str) -> bool:
    """Tell whether a file is named like one with an article a line or a row."""
    return file.endswith(ENDINGS)


def tidy(aside: Path, used: Collection[Path]) -> None:
    """Delete unpacked files that nothing uses any longer."""
    for path in aside.glob("*") if aside.is_dir() else ():
        if path not in used:
            with contextlib.suppress(OSError):
                path.unlink()
