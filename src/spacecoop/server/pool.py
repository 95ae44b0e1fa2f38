"""Warm worker processes that answer queries: each within a time, a memory and a size, and killed beyond them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacecoop.server import processes
from spacecoop.server.processes import Worker
from spacecoop.server.refusals import Refused

HELD = 512 * 1024
"""How many bytes of an answer are held back, so that a query that breaks off soon is an error and no half answer."""
BRIEF = 0.03
"""Seconds after which a question no longer holds up those that wait, while there are workers."""
LONG = 1.0
"""Seconds after which a question is a long one, and leaves the processor to shorter ones if it has used half of them.

One that only waits, for a reader or on a machine that others keep busy, is no burden. Where the system lets nobody come
back from that (Linux: RLIMIT_NICE), its worker is replaced.
"""
GRACE = 0.3
"""Seconds of a processor that a worker may spend on an answer that nobody reads any more: another one costs as much."""
LOOK = 0.1
"""Seconds from one look at what it has spent to the next, at most so many times."""
LOOKS = 20


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
    Some workers are never at work on long questions, whatever is asked: a question that becomes one too many halts.
    """

    def __init__(self, index: Path, limits: Limits) -> None:
        self.index = index
        self.limits = limits
        self.killed = 0
        self.working = 0
        self.waiting = 0
        self._closed = False
        self._idle: list[Worker] = []
        self._long: set[Answer] = set()
        self._most_long = max(1, limits.workers - max(1, limits.workers // 4))
        self._halted: dict[Answer, None] = {}
        """Answers that have become long ones while there were enough of these; the first goes on first."""
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
            self._places += 1
            self._leave()
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

    def _leave(self) -> None:
        self.working -= 1
        self._call_next()

    def make_way(self) -> None:
        """Give the place of an answer that has become a longer one to the next question."""
        self._places += 1
        self._call_next()

    def _call_next(self) -> None:
        while self._halted and len(self._long) < self._most_long:
            answer = next(iter(self._halted))
            self._unhalt(answer)
            self.working += 1
            self._long.add(answer)
            answer.go_on()
        while self._turns and self._has_room():
            if not (turn := self._turns.popleft()).done():
                self._enter()
                turn.set_result(None)

    def take_long(self, answer: Answer) -> None:
        """Let an answer that has become a long one go on, halt it until another ends, or refuse it."""
        if len(self._long) < self._most_long:
            self._long.add(answer)
        elif self._may_halt() and answer.halt():
            self._halted[answer] = None
            self.waiting += 1
            self._leave()
        else:
            answer.refuse(Refused(503, "too many long questions at once; come back soon"))

    def _may_halt(self) -> bool:
        """Tell whether one more may wait: where somebody waits for a turn, that one gets it."""
        return len(self._halted) < self.limits.workers and self.waiting - bool(self._turns) < self.limits.waiting

    def _unhalt(self, answer: Answer) -> None:
        del self._halted[answer]
        self.waiting -= 1

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
                self._places += 1
                self._leave()
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

    def give_back(self, answer: Answer, worker: Worker, whole: bool) -> None:
        """Take a worker back: for the next question if its answer came to an end, otherwise it is killed."""
        is_halted = answer in self._halted
        if is_halted:
            self._unhalt(answer)
            worker.go_on()
        if whole and not self._closed and not worker.ended and worker.come_back():
            self._idle.append(worker)
        else:
            self.killed += not whole
            worker.kill()
        self._places += answer.is_brief
        self._long.discard(answer)
        if not is_halted:
            self._leave()

    def _take(self) -> Worker | None:
        while self._idle:
            if not (worker := self._idle.pop()).ended:
                return worker
        return None

    async def _start(self) -> Worker:
        try:
            return await processes.start(self.index, self.limits.megabytes, self.limits.rows)
        except processes.CannotStart:
            raise Refused(503, "the index cannot be opened now; come back soon") from None


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
        self._over = self._is_halted = False
        self._refused: Refused | None = None
        self.is_brief = True
        self._is_long = False
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + pool.limits.seconds
        self._spent = 0.0
        self._watch = self._loop.call_later(BRIEF, self._take_longer)

    def _take_longer(self) -> None:
        self.is_brief = False
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
        if not self._is_long:
            self._is_long = True
            self._pool.take_long(self)
        if not self._over:
            self._go_on()

    def halt(self) -> bool:
        """Stop where it is; False where the system cannot do that."""
        self._is_halted = self._worker.halt()
        return self._is_halted

    def go_on(self) -> None:
        """Go on after a halt; the time goes on in any case."""
        self._is_halted = False
        self._worker.go_on()

    def refuse(self, reason: Refused) -> None:
        """End it, for a reason."""
        self._refused = reason
        self.end(whole=False)

    def _run_out(self) -> None:
        seconds = f"{self._pool.limits.seconds:g}"
        self.refuse(Refused(503, "the query took more than {} seconds; ask for less", seconds))

    def end(self, whole: bool) -> None:
        """Give the worker back, if that was not done."""
        if not self._over:
            self._over = True
            self._watch.cancel()
            self._pool.give_back(self, self._worker, whole)

    def abandon(self) -> None:
        """Nobody reads it any more: a worker that is done soon is given back, since another costs more than that."""
        if self._is_halted:
            self.end(whole=False)
        elif not self._over:
            _keep_until_done(self._finish())

    async def _finish(self) -> None:
        before = self._worker.count_seconds() or 0.0
        with contextlib.suppress(Refused):
            for _ in range(LOOKS):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK):
                        while await self._next() is not None:
                            pass
                        break
                spent = self._worker.count_seconds()
                if spent is None or spent - before >= GRACE:
                    break
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
        if self._refused is not None:
            return self._refused
        ended_by = await self._worker.find_signal()
        if ended_by == signal.SIGKILL:
            return Refused(503, "the process that answered was killed from outside; ask again")
        if ended_by == signal.SIGSEGV:  # its stack is full
            return Refused(400, "the query is nested too deep")
        return Refused(503, "the query needs more than {} MB of memory; ask for less", f"{limits.megabytes:,}")
