"""Lines in, the same lines out, as they came or sorted, as often as wanted: in bounded memory."""

from __future__ import annotations

import heapq
import itertools
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator

RUN = 16 * 1024**2
"""Bytes of lines that are sorted at once in memory; more are sorted in several runs, and merged."""
BLOCK = 1024**2
"""Bytes that are read at once."""
_BATCH = 5_000
"""Merged lines that are handed on at once."""


class SpoolError(Exception):
    """There is no room for the lines; the message says where there is none."""


class Spool:
    """Lines in one temporary file, written to as to a file; each ends with a line feed."""

    def __init__(self, sort: bool) -> None:
        self._sort = sort
        self._head = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the spool)
        self._held: list[bytes] = []
        self._size = 0
        self._runs: list[tuple[int, int]] = []
        self.count = 0

    def leave_out(self, lines: int) -> None:
        """Leave out so many lines at the beginning."""
        self._head = lines

    def write(self, data: bytes) -> int:
        """Take some bytes, wherever they end."""
        self._held.append(data)
        self._size += len(data)
        if self._size >= RUN:
            self._store()
        return len(data)

    def flush(self) -> None:
        """Do nothing: what is written is there when the spool is closed."""

    def _store(self) -> None:
        """Bring the whole lines that are held into the file, as one run."""
        text = b"".join(self._held)
        end = text.rfind(b"\n") + 1
        self._held, self._size = [text[end:]], len(text) - end
        start = 0
        while self._head and start < end:
            start = text.index(b"\n", start) + 1
            self._head -= 1
        lines = text[start:end]
        del text
        if not lines:
            return
        if self._sort:
            parts = lines[:-1].split(b"\n")
            self.count += len(parts)
            parts.sort()
            parts.append(b"")
            lines = b"\n".join(parts)
        else:
            self.count += lines.count(b"\n")
        place = self._runs[-1][1] if self._runs else 0
        try:
            self._file.write(lines)
            self._file.flush()
        except OSError as error:
            raise SpoolError(f"no room for the answer in {tempfile.gettempdir()}: {error.strerror}") from error
        self._runs.append((place, place + len(lines)))

    def close(self) -> Spool:
        """Finish; only then it may be read, as often as wanted."""
        self._store()
        return self

    def blocks(self) -> Iterator[bytes]:
        """Yield all bytes, in large parts that may end within a line."""
        if self._sort and len(self._runs) > 1:
            merged = heapq.merge(*(self._lines(start, end) for start, end in self._runs))
            yield from _join(merged)
        elif self._runs:
            yield from self._read(self._runs[0][0], self._runs[-1][1])

    def lines(self, first: int = 0, limit: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of some of the lines, in large parts that may end within a line."""
        if first == 0 and (limit is None or limit >= self.count):
            return self.blocks()
        start, end = min(first, sys.maxsize), None if limit is None else min(first + limit, sys.maxsize)
        some = itertools.islice(_split(self.blocks()), start, end)
        return _join(some)

    def _lines(self, start: int, end: int) -> Iterator[bytes]:
        return _split(self._read(start, end))

    def _read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield a part of the file, read by places of its own."""
        while start < end:
            block = os.pread(self._file.fileno(), min(BLOCK, end - start), start)
            start += len(block)
            yield block


def _split(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends."""
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _join(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield lines with their ends, many at once."""
    while batch := list(itertools.islice(lines, _BATCH)):
        batch.append(b"")
        yield b"\n".join(batch)


class Reader:
    """Blocks of bytes that are read as a file."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._block = b""
        self._place = 0

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes, none only at the end; all that are left where *size* is negative."""
        if size < 0:
            rest = self._block[self._place :] + b"".join(self._blocks)
            self._block, self._place = b"", 0
            return rest
        if self._place >= len(self._block):
            self._block, self._place = next(self._blocks, b""), 0
        part = self._block[self._place : self._place + size]
        self._place += len(part)
        return part
