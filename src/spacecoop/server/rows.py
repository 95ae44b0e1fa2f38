"""The bytes of a SPARQL results document in, while they are written; how many rows it has so far, out.

The engine writes whole documents, and a row of Python for each of theirs would cost more than the answer. So rows are
counted in what is written, by what stands outside of the document's strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping

_ESCAPED = re.compile(rb"\\.", re.DOTALL)


class _Outside:
    """What stands outside of strings in double quotes, part by part."""

    def __init__(self, escapes: bool) -> None:
        self._escapes = escapes
        self._inside = False
        self._held = b""

    def take(self, part: bytes) -> bytes:
        """Return what of the next part stands outside."""
        part = self._held + part
        self._held = b""
        if self._escapes and b"\\" in part:
            if (len(part) - len(part.rstrip(b"\\"))) % 2:  # what it escapes is yet to come
                self._held, part = part[-1:], part[:-1]
            part = _ESCAPED.sub(b"", part)
        pieces = part.split(b'"')
        outside = b"".join(pieces[self._inside :: 2])
        self._inside ^= len(pieces) % 2 == 0
        return outside


def _lines(outside: _Outside | None) -> Generator[int, bytes, None]:
    """Yield how many lines each part ends; the first line of all is the header."""
    part = yield 0
    header = 1
    while True:
        ended = (outside.take(part) if outside else part).count(b"\n")
        part = yield ended - min(header, ended)
        header -= min(header, ended)


def _elements() -> Generator[int, bytes, None]:
    """Yield how many elements ``result`` each part begins."""
    before, part = b"", (yield 0)
    while True:
        whole = before + part
        before = whole[1 - len(b"<result>") :]
        part = yield whole.count(b"<result>")


def _objects() -> Generator[int, bytes, None]:
    """Yield how many objects each part begins that are no value of a key; the first of all is the document."""
    outside, last, root = _Outside(escapes=True), b"", 1
    part = yield 0
    while True:
        text = outside.take(part)
        begun = text.count(b"{") - (last + text).count(b":{")
        last = text[-1:] or last
        part = yield begun - min(root, begun)
        root -= min(root, begun)


_COUNTERS: Mapping[str, Callable[[], Generator[int, bytes, None]]] = {
    "application/sparql-results+json": _objects,
    "application/sparql-results+xml": _elements,
    "text/csv": lambda: _lines(_Outside(escapes=False)),
    "text/tab-separated-values": lambda: _lines(None),
}


def counter(kind: str) -> Callable[[bytes], int]:
    """Return what takes a document of a media type, part by part, and returns how many rows begin in each."""
    counting = _COUNTERS[kind]()
    next(counting)
    return counting.send
