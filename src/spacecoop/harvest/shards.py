"""Bytes put into shards, in any order, in; each shard's bytes together out: on the disk, once they are many."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

NUMBER = 64
"""How many shards there are: the first six bits of a digest tell which."""
HELD = 4_000_000
"""How many bytes are held in memory before they go to the disk."""


class Shards:
    """Shards that grow; all of them lie in one file, which has no name and goes with the process."""

    def __init__(self, held: int = HELD) -> None:
        self._most = held
        self._held = [bytearray() for _ in range(NUMBER)]
        self._size = 0
        self._extents: list[list[tuple[int, int]]] = [[] for _ in range(NUMBER)]
        self._file: IO[bytes] | None = None

    def add(self, number: int, data: bytes) -> None:
        """Add bytes to a shard. Raises OSError where the disk is full."""
        self._held[number] += data
        self._size += len(data)
        if self._size > self._most:
            self._spill()

    def each(self) -> Iterator[bytes]:
        """Yield each shard's bytes, in the order in which they came."""
        for number in range(NUMBER):
            parts = []
            for start, length in self._extents[number]:
                assert self._file is not None
                self._file.seek(start)
                parts.append(self._file.read(length))
            yield b"".join([*parts, self._held[number]])

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  (it is open as long as there are shards)
        self._file.seek(0, 2)
        for number, data in enumerate(self._held):
            if data:
                self._extents[number].append((self._file.tell(), len(data)))
                self._file.write(data)
                self._held[number] = bytearray()
        self._size = 0
