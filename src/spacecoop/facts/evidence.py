"""A private text in, the places and digests of its passages out; never its words."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import Quad, QuerySolutions, Store

from spacecoop import documents
from spacecoop.documents import Document, Steps
from spacecoop.findings import Finding, Place, finding
from spacecoop.places import Places

QUOTE = "quote"
"""The key under which a claim carries the passage until it is anchored."""

_END = re.compile(r"(?<!\bM\.)(?<!\bMM\.)(?<!\bMme\.)(?<!\bDr\.)(?<=[.!?…])\s+(?=[«“\"(A-ZÀ-ÖØ-Þ])|\n+")


@dataclass(frozen=True)
class Anchor:
    """Where a passage stands: code points from 0, its end exclusive (Web Annotation, section 4.2.4)."""

    start: int
    end: int
    sha256: str
    sentence: int
    """The number, from 1, of the sentence that it begins in."""


@dataclass(frozen=True)
class Text:
    """A text in the form in which positions are counted: NFC, lines ended by LF."""

    words: str
    sha256: str
    """The digest of the file as it was delivered."""

    def digest(self, start: int, end: int) -> str:
        """Return the SHA-256 of a passage's UTF-8 bytes, in hexadecimal."""
        return hashlib.sha256(self.words[start:end].encode()).hexdigest()

    def sentence(self, position: int) -> int:
        """Return the number of the sentence around a position; a line break ends a sentence too."""
        return 1 + sum(1 for end in _END.finditer(self.words) if end.end() <= position)

    def find(self, quote: str) -> list[Anchor]:
        """Return every place where a quote stands, its white space taken as any white space."""
        words = unicodedata.normalize("NFC", quote).split()
        pattern = re.compile(r"\s+".join(map(re.escape, words)))
        return [self.anchor(found.start(), found.end()) for found in pattern.finditer(self.words)]

    def find_digest(self, length: int, sha256: str) -> str | None:
        """Return where a passage of this length and digest begins a sentence, as ``start to end``."""
        starts = [0, *(end.end() for end in _END.finditer(self.words))]
        found = (start for start in starts if self.digest(start, start + length) == sha256)
        return next((f"{start} to {start + length}" for start in found), None)

    def anchor(self, start: int, end: int) -> Anchor:
        """Return the anchor of a passage."""
        return Anchor(start, end, self.digest(start, end), self.sentence(start))


@dataclass(frozen=True)
class Anchored:
    """A fact file whose quotes are replaced, how many were, and what stood against it."""

    source: str
    replaced: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Checked:
    """How many anchors were recomputed, how many were skipped for want of their text, and which differ."""

    checked: int
    skipped: int
    findings: tuple[Finding, ...]


def read(path: Path) -> Text:
    """Read a private text; raises Unreadable where it is none."""
    data = documents.load(path, str(path))
    words = unicodedata.normalize("NFC", documents.decode(data, str(path))).replace("\r\n", "\n").replace("\r", "\n")
    return Text(words, hashlib.sha256(data).hexdigest())


def anchored(source: str, document: Document, text: Text, key: str, fields: Sequence[str]) -> Anchored:
    """Replace each quote in a fact file by its anchor; leave everything else as it is written.

    *key* is the key of a claim under which its anchors stand, and *fields* is how one is written in YAML, with
    ``%(start)s`` and the other fields of an Anchor. Where a quote does not stand in the text exactly once, nothing
    is replaced.
    """
    edits: list[tuple[int, int, str]] = []
    findings: list[Finding] = []
    lines = source.splitlines(keepends=True)
    for steps, quote in quotes(document):
        place = document.place(steps)
        places = text.find(quote)
        if len(places) != 1:
            found = finding("quote-twice", place, times=len(places)) if places else finding("quote-missing", place)
            findings.append(found)
            continue
        node, at = document.place(steps[:-1]), document.key_place(steps)
        flow = source[_offset(lines, node)] == "{"
        written = [field % vars(places[0]) for field in fields]
        if key not in steps:
            new = f"{key}: [{{{', '.join(written)}}}]"
        else:
            new = (", " if flow else f"\n{' ' * (at.column - 1)}").join(written)
        start = _offset(lines, at)
        old = source[start : _offset(lines, document.end(steps))].rstrip()  # a block scalar ends with a line end
        edits.append((start, start + len(old), new))
    if findings:
        return Anchored(source, 0, tuple(findings))
    for start, end, new in sorted(edits, reverse=True):
        source = source[:start] + new + source[end:]
    return Anchored(source, len(edits), ())


def _offset(lines: Sequence[str], place: Place) -> int:
    return sum(map(len, lines[: place.line - 1])) + place.column - 1


def quotes(document: Document) -> Iterator[tuple[Steps, str]]:
    """Yield the way to each quote of a fact file, and the quote."""

    def walk(value: object, steps: Steps) -> Iterator[tuple[Steps, str]]:
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, inner in pairs:
            if step == QUOTE and isinstance(inner, str):
                yield (*steps, step), inner
            else:
                yield from walk(inner, (*steps, step))

    return walk(document.data, ())


def check(quads: Sequence[Quad], places: Places, query: str, texts: Mapping[str, Text]) -> Checked:
    """Recompute the anchors of one article's quads against the text that they are of, where it is at hand.

    *query* selects each anchor as ``?evidence ?text ?start ?end ?sha256``, ``?text`` being the digest of the whole
    text, by which *texts* are known.
    """
    store = Store()
    store.extend(quads)
    checked = skipped = 0
    findings: list[Finding] = []
    rows = store.query(query, use_default_graph_as_union=True)
    assert isinstance(rows, QuerySolutions), "anchors are selected"
    for row in rows:
        evidence, digest, start, end, sha256 = (
            row[name].value for name in ("evidence", "text", "start", "end", "sha256")
        )
        text = texts.get(digest)
        if text is None:
            skipped += 1
            continue
        checked += 1
        if text.digest(int(start), int(end)) != sha256:
            moved = text.find_digest(int(end) - int(start), sha256)
            place = places.find(evidence)
            findings.append(finding("anchor-differs", place, moved, start=start, end=end))
    return Checked(checked, skipped, tuple(findings))
