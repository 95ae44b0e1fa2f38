"""Warm worker processes that answer queries: each within a time, a memory and a size, and killed beyond them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from spacecoop.server.refusals import Refused

HELD = 512 * 1024
"""How many bytes of an answer are held back, so that a query that breaks off soon is an error and no half answer."""
AHEAD = 256 * 1024
"""How many bytes a worker may be ahead of the reader."""

BRIEF = 0.03
"""Seconds after which a question no longer holds up those that wait, while there are workers."""
LONG = 1.0
"""Seconds after which a question leaves the processor to shorter ones, if it has used it for half as long.

One that only waits, for a reader or on a machine that others keep busy, is no burden, and its worker stays.
"""
GRACE = 0.5
"""Seconds in which a worker may end an answer that nobody reads any more."""


@dataclass(frozen=True)
class Limits:
    """What one question may take."""

    seconds: float = 30
    megabytes: int = 2048
    """Address space of a worker."""
    answer: int = 256 * 1024**2
    """Bytes of an answer."""
    rows: int = 10_000_000
    """Rows of an answer: solutions, or triples."""
    workers: int = 2
    waiting: int = 32
    """Questions that may wait for a worker, as many seconds as a question may take."""


def count_processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


class BrokenOff(Exception):
    """An answer ends in its middle, after its beginning was sent."""


_TASKS: set[asyncio.Task[None]] = set()


def _keep_until_done(work: Coroutine[Any, Any, None]) -> None:
    """Do something beside; the loop itself would forget it."""
    task = asyncio.ensure_future(work)
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)


class Pool:
    """Workers for one index; at most *workers* are at work, and so many questions wait.

    More short questions at once than there are processors would only get in each other's way. So a worker that has
    just been asked holds one of so many places; it keeps it until its answer is there, or has become a longer one.
    """

    def __init__(self, index: Path, limits: Limits) -> None:
        self.index = index
        self.limits = limits
        self.killed = 0
        self.working = 0
        self.waiting = 0
        self._closed = False
        self._idle: list[Worker] = []
        self._places = count_processors()
        self._turns: deque[asyncio.Future[None]] = deque()

    async def ask(self, question: Mapping[str, Any]) -> Answer:
        """Return an answer that has begun; raises Refused. Who asks reads its parts, or ends it."""
        if self._has_room():
            self._enter()
        else:
            await self._wait()
        try:
            worker = self._take() or await self._start()
        except BaseException:
            self._leave(is_brief=True)
            raise
        answer = Answer(self, worker)
        try:
            await answer.begin(json.dumps(question).encode())
        except asyncio.CancelledError:
            answer.abandon()
            raise
        except BaseException:
            answer.end(whole=False)
            raise
        return answer

    def _has_room(self) -> bool:
        return self._places > 0 and self.working < self.limits.workers

    def _enter(self) -> None:
        self.working += 1
        self._places -= 1

    def _leave(self, is_brief: bool) -> None:
        self.working -= 1
        if is_brief:
            self._places += 1
        self._call_next()

    def make_way(self) -> None:
        """Give the place of an answer that has become a longer one to the next question."""
        self._places += 1
        self._call_next()

    def _call_next(self) -> None:
        while self._turns and self._has_room():
            if not (turn := self._turns.popleft()).done():
                self._enter()
                turn.set_result(None)

    async def _wait(self) -> None:
        """Wait for one's turn; raises Refused."""
        if self.waiting >= self.limits.waiting:
            raise Refused(503, "too many questions at once; come back in a second")
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        late = loop.call_later(self.limits.seconds, self._refuse, turn)
        self._turns.append(turn)
        self.waiting += 1
        try:
            await turn
        except BaseException:
            with contextlib.suppress(ValueError):
                self._turns.remove(turn)
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # it was called, and has gone
                self._leave(is_brief=True)
            raise
        finally:
            self.waiting -= 1
            late.cancel()

    def _refuse(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            seconds = f"{self.limits.seconds:g}"
            turn.set_exception(Refused(503, "no worker was free for {} seconds; come back soon", seconds))

    def close(self) -> None:
        """End the workers that are idle; others end when they are given back."""
        self._closed = True
        while self._idle:
            self._idle.pop().kill()

    def give_back(self, worker: Worker, whole: bool, is_brief: bool) -> None:
        """Take a worker back: for the next question if its answer came to an end, otherwise it is killed."""
        if whole and not self._closed and not worker.ended and not worker.stands_back:
            self._idle.append(worker)
        else:
            self.killed += not whole
            worker.kill()
        self._leave(is_brief)

    def _take(self) -> Worker | None:
        while self._idle:
            if not (worker := self._idle.pop()).ended:
                return worker
        return None

    async def _start(self) -> Worker:
        """Start a worker, at the other end of a socket."""
        ours, theirs = socket.socketpair()
        words = map(str, (self.index, self.limits.megabytes, self.limits.rows, os.getpid()))
        command = [sys.executable, "-m", "spacecoop.server.worker", *words]
        with theirs:
            end, nothing = theirs.fileno(), subprocess.DEVNULL
            process = subprocess.Popen(command, stdin=end, stdout=end, stderr=nothing)  # noqa: S603
        worker = Worker(process)
        await asyncio.get_running_loop().create_unix_connection(lambda: worker, sock=ours)
        try:
            letter, _ = await worker.frame()
        except BaseException:
            worker.kill()
            raise
        if letter != b"R":
            worker.kill()
            raise Refused(503, "the index cannot be opened now; come back soon")
        return worker


class Worker(asyncio.Protocol):
    """A worker process: questions in, frames out."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.ended = False
        self.stands_back = False
        self._process = process
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._frames: deque[tuple[bytes, bytes]] = deque()
        self._bytes = 0
        self._paused = False
        self._reader: asyncio.Future[None] | None = None

    def ask(self, question: bytes) -> None:
        """Send a question."""
        self._transport.write(b"Q" + len(question).to_bytes(4, "big") + question)

    def take(self) -> tuple[bytes, bytes] | None:
        """Return the next frame if it is there."""
        if not self._frames:
            return None
        frame = self._frames.popleft()
        self._bytes -= len(frame[1])
        if self._paused and self._bytes < AHEAD:
            self._paused = False
            self._transport.resume_reading()
        return frame

    async def frame(self) -> tuple[bytes, bytes]:
        """Return the next frame; one without a letter where the process has ended."""
        while (frame := self.take()) is None:
            if self.ended:
                return b"", b""
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return frame

    def count_seconds(self) -> float | None:
        """Return the seconds of a processor that the process has spent; None where the system does not say."""
        try:
            words = Path(f"/proc/{self._process.pid}/stat").read_bytes().rpartition(b")")[2].split()
            return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError, ValueError):
            return None

    def step_back(self) -> None:
        """Leave the processor to others who want it; there is no way back."""
        self.stands_back = True
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, 10)

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.ended = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._transport.abort()

    async def find_signal(self) -> int:
        """Return the signal that ended the process; 0 for none."""
        for _ in range(100):
            if (code := self._process.poll()) is not None:
                return -code if code < 0 else 0
            await asyncio.sleep(0.01)
        return 0

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes apart into frames."""
        buffer = self._buffer
        buffer += data
        at = 0
        while len(buffer) - at >= 5:
            end = at + 5 + int.from_bytes(buffer[at + 1 : at + 5], "big")
            if len(buffer) < end:
                break
            self._frames.append((bytes(buffer[at : at + 1]), bytes(buffer[at + 5 : end])))
            self._bytes += end - at - 5
            at = end
        del buffer[:at]
        if self._bytes >= AHEAD and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Note that the process has ended, and let the system forget it."""
        self.ended = True
        self._wake()
        self._reap()

    def _reap(self) -> None:
        if self._process.poll() is None:
            asyncio.get_running_loop().call_later(0.1, self._reap)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Answer:
    """One worker's answer to one question. When its time is over the worker is killed, whether anybody reads or not."""

    def __init__(self, pool: Pool, worker: Worker) -> None:
        self.kind = ""
        self.rows = 0
        self.is_whole = False
        self._pool = pool
        self._worker = worker
        self._held: list[bytes] = []
        self._size = 0
        self._over = self._late = False
        self._is_brief = True
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + pool.limits.seconds
        self._spent = 0.0
        self._watch = self._loop.call_later(BRIEF, self._take_longer)

    def _take_longer(self) -> None:
        self._is_brief = False
        self._spent = self._worker.count_seconds() or 0.0
        self._go_on()
        self._pool.make_way()

    def _go_on(self) -> None:
        left = self._ends - self._loop.time()
        if self._worker.stands_back or left <= LONG:
            self._watch = self._loop.call_later(left, self._run_out)
        else:
            self._watch = self._loop.call_later(LONG, self._take_long)

    def _take_long(self) -> None:
        spent = self._worker.count_seconds()
        if spent is None or spent - self._spent >= LONG / 2:
            self._worker.step_back()
        self._go_on()

    def _run_out(self) -> None:
        self._late = True
        self.end(whole=False)

    def end(self, whole: bool) -> None:
        """Give the worker back, if that was not done."""
        if not self._over:
            self._over = True
            self._watch.cancel()
            self._pool.give_back(self._worker, whole, self._is_brief)

    def abandon(self) -> None:
        """Nobody reads it any more: a worker that is done soon is given back, since another costs more than that."""
        if not self._over:
            _keep_until_done(self._finish())

    async def _finish(self) -> None:
        with contextlib.suppress(TimeoutError, Refused):
            async with asyncio.timeout(GRACE):
                while await self._next() is not None:
                    pass
        self.end(whole=self.is_whole)

    async def begin(self, question: bytes) -> None:
        """Send the question and wait for the beginning of the answer, or all of a short one; raises Refused."""
        self._worker.ask(question)
        self.kind = (await self._next() or b"").decode()
        while self._size < HELD and (part := await self._next()) is not None:
            self._held.append(part)

    @property
    def held(self) -> bytes:
        """What is there already: all of the body where the answer is whole."""
        return b"".join(self._held)

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body; raises BrokenOff where it does not come to its end."""
        try:
            while self._held:
                yield self._held.pop(0)
            while (part := await self._next()) is not None:
                yield part
        except Refused as refused:  # the status is sent already: only an end that is no end can tell the reader
            self.end(whole=self.is_whole)
            raise BrokenOff(str(refused)) from None
        finally:
            self.abandon()

    async def _next(self) -> bytes | None:
        """Return the next part, None at the end; raises Refused with the bound that was met."""
        if self.is_whole:
            return None
        letter, content = self._worker.take() or await self._worker.frame()
        if letter in (b"H", b"D"):
            self._size += len(content)
            if self._size > (most := self._pool.limits.answer):
                raise Refused(507, "the answer is larger than {} bytes; ask for less, or use LIMIT", f"{most:,}")
            return content
        if letter == b"E":
            self.rows, self.is_whole = int(content), True
            self.end(whole=True)
            return None
        if letter == b"X":
            self.end(whole=True)
            status, reason, *values = json.loads(content)
            raise Refused(status, reason, *values)
        raise await self._find_reason()

    async def _find_reason(self) -> Refused:
        """Return why a worker ended before its answer did."""
        limits = self._pool.limits
        if self._late:
            return Refused(503, "the query took more than {} seconds; ask for less", f"{limits.seconds:g}")
        ended_by = await self._worker.find_signal()
        if ended_by == signal.SIGKILL:
            return Refused(503, "the process that answered was killed from outside; ask again")
        if ended_by == signal.SIGSEGV:  # its stack is full
            return Refused(400, "the query is nested too deep")
        return Refused(503, "the query needs more than {} MB of memory; ask for less", f"{limits.megabytes:,}")
