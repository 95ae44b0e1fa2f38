"""Warm worker processes that answer queries: each within a time, a memory and a size, and killed beyond them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HELD = 512 * 1024
"""How many bytes of an answer are held back, so that a query that breaks off soon is an error and no half answer."""


@dataclass(frozen=True)
class Limits:
    """What one question may take."""

    seconds: float = 30
    megabytes: int = 2048
    """Address space of a worker."""
    answer: int = 256 * 1024**2
    """Bytes of an answer."""
    workers: int = 2
    waiting: int = 32
    """Questions that may wait for a worker."""


class Refused(Exception):
    """A question is not answered; *status* is that of HTTP (RFC 9110, section 15)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class BrokenOff(Exception):
    """An answer ends in its middle, after its beginning was sent."""


class Pool:
    """Workers for one index; at most *workers* are at work, and so many questions wait."""

    def __init__(self, index: Path, limits: Limits) -> None:
        self.index = index
        self.limits = limits
        self.killed = 0
        self._closed = False
        self._idle: list[asyncio.subprocess.Process] = []
        self._free = asyncio.Semaphore(limits.workers)
        self._inside = 0

    async def ask(self, question: Mapping[str, Any]) -> tuple[str, AsyncIterator[bytes]]:
        """Return the media type and the body of an answer; raises Refused."""
        if self._inside >= self.limits.workers + self.limits.waiting:
            raise Refused(503, "too many questions at once; come back in a second")
        self._inside += 1
        try:
            await self._free.acquire()
            try:
                worker = self._idle.pop() if self._idle else await self._start()
            except BaseException:
                self._free.release()
                raise
        finally:
            self._inside -= 1
        self._inside += 1
        answer = _Answer(self, worker)
        try:
            await answer.begin(json.dumps(question).encode())
        except BaseException:
            await answer.end(whole=False)
            raise
        return answer.kind, answer.parts()

    async def close(self) -> None:
        """End the workers that are idle; others end when they are given back."""
        self._closed = True
        while self._idle:
            await _kill(self._idle.pop())

    def give_back(self, worker: asyncio.subprocess.Process, whole: bool) -> None:
        """Take a worker back: for the next question if its answer came to an end, otherwise it is killed."""
        self._inside -= 1
        self._free.release()
        if whole and not self._closed and worker.returncode is None:
            self._idle.append(worker)
            return
        self.killed += not whole
        with contextlib.suppress(ProcessLookupError):
            worker.kill()

    async def _start(self) -> asyncio.subprocess.Process:
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        words = map(str, (self.index, self.limits.megabytes, os.getpid()))
        command = [sys.executable, "-m", "spacecoop.server.worker", *words]
        worker = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=nothing)
        letter, _ = await _frame(worker)
        if letter != b"R":
            await _kill(worker)
            raise Refused(503, "the index cannot be opened now; come back soon")
        return worker


class _Answer:
    """One worker's answer to one question. When its time is over the worker is killed, whether anybody reads or not."""

    def __init__(self, pool: Pool, worker: asyncio.subprocess.Process) -> None:
        self.kind = ""
        self._pool = pool
        self._worker = worker
        self._held: list[bytes] = []
        self._size = 0
        self._over = self._complete = self._late = False
        self._watch = asyncio.get_running_loop().call_later(pool.limits.seconds, self._run_out)

    def _run_out(self) -> None:
        self._late = True
        self._give_back(whole=False)

    def _give_back(self, whole: bool) -> None:
        if not self._over:
            self._over = True
            self._watch.cancel()
            self._pool.give_back(self._worker, whole)

    async def end(self, whole: bool) -> None:
        """Give the worker back, if that was not done."""
        self._give_back(whole)

    async def begin(self, question: bytes) -> None:
        """Send the question and wait for the beginning of the answer, or all of a short one; raises Refused."""
        assert self._worker.stdin is not None
        with contextlib.suppress(ConnectionError):  # what is wrong with the worker shows in what it answers
            self._worker.stdin.write(b"Q" + len(question).to_bytes(4, "big") + question)
            await self._worker.stdin.drain()
        self.kind = (await self._next() or b"").decode()
        while self._size < HELD and (part := await self._next()) is not None:
            self._held.append(part)

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body; raises BrokenOff where it does not come to its end."""
        try:
            for held in self._held:
                yield held
            while (part := await self._next()) is not None:
                yield part
        except Refused as refused:  # the status is sent already: only an end that is no end can tell the reader
            raise BrokenOff(str(refused)) from None
        finally:
            self._give_back(whole=self._complete)

    async def _next(self) -> bytes | None:
        """Return the next part, None at the end; raises Refused with the bound that was met."""
        if self._complete:
            return None
        limits = self._pool.limits
        letter, content = await _frame(self._worker)
        if letter in (b"H", b"D"):
            self._size += len(content)
            if self._size > limits.answer:
                raise Refused(507, f"the answer is larger than {limits.answer:,} bytes; ask for less, or use LIMIT")
            return content
        if letter == b"E":
            self._complete = True
            self._give_back(whole=True)
            return None
        if letter == b"X":
            self._give_back(whole=True)
            status, reason = json.loads(content)
            raise Refused(int(status), str(reason))
        if self._late:
            raise Refused(503, f"the query took more than {limits.seconds:g} seconds; ask for less")
        raise Refused(503, f"the query needs more than {limits.megabytes:,} MB of memory, or is nested too deep")


async def _frame(worker: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    assert worker.stdout is not None
    try:
        head = await worker.stdout.readexactly(5)
        return head[:1], await worker.stdout.readexactly(int.from_bytes(head[1:], "big"))
    except asyncio.IncompleteReadError:
        return b"", b""


async def _kill(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()
