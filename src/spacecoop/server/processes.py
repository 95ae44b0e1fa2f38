"""A worker process of the server: started, asked, slowed, halted and killed; questions in, frames out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import cast

AHEAD = 256 * 1024
"""How many bytes a worker may be ahead of the reader."""
BACK = 10
"""How much nicer a process is that leaves the processor to others (setpriority(2))."""


class CannotStart(Exception):
    """A worker did not come to be ready."""


async def start(index: Path, megabytes: int, rows: int) -> Worker:
    """Start a worker, at the other end of a socket; raises CannotStart."""
    ours, theirs = socket.socketpair()
    words = map(str, (index, megabytes, rows, os.getpid()))
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
        raise CannotStart
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
        """Leave the processor to others who want it."""
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + BACK)
            self.stands_back = True

    def come_back(self) -> bool:
        """Share the processor as all do; False where the system does not let it (Linux: RLIMIT_NICE)."""
        if self.stands_back:
            try:
                os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0))
            except OSError:
                return False
            self.stands_back = False
        return True

    def halt(self) -> bool:
        """Have the process stop where it is, until it is told to go on; False where the system cannot do that."""
        return self._signal("SIGSTOP")

    def go_on(self) -> None:
        """Have the process go on."""
        self._signal("SIGCONT")

    def _signal(self, name: str) -> bool:
        number = getattr(signal, name, None)  # Windows has none
        if number is not None:
            self._process.send_signal(number)
        return number is not None

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
