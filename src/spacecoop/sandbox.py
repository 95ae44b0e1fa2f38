"""Work in, its result out, or the reason why it was stopped: work in a process of its own, with bounds."""

from __future__ import annotations

import contextlib
import errno
import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacecoop import findings, messages

Work = Callable[["Signals"], Any]
_MEGABYTE = 1024 * 1024
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What is the matter where an answer cannot be written: no room, or a broken device."""


class StoppedError(Exception):
    """The work did not end by itself; the message says which bound it met."""

    step = ""
    """The last step that the work had named."""


@dataclass(frozen=True)
class Limits:
    """What work may take: from its first byte on for all that it loads, and again once it is ready to begin."""

    seconds: float = 60
    megabytes: int = 2048
    """Memory beyond that which is held when the process, and then the work, begins."""
    loading: float = 0
    """Seconds more that may pass before the work is ready, where there is much to load."""


EACH = Limits(seconds=60, megabytes=4096)
"""What one rule or query of a workspace may take."""


class Signals:
    """How work tells what it has come to."""

    def __init__(self, pipe: Any, limits: Limits) -> None:
        self._pipe = pipe
        self.limits = limits

    def ready(self, network: bool = False, step: str = "") -> None:
        """Tell that all is loaded: from now on the bounds hold, and without *network* no door opens.

        Work of several steps tells each: the bounds begin anew.
        """
        findings.rules()  # read before the doors are shut, so that what is found can be said
        messages.load()
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            _bound_memory(self.limits)
            if not network:  # a socket needs a file descriptor, and there are none to be had
                resource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self._pipe.send(("ready", step))

    def loading(self) -> None:
        """Tell that all is loaded anew; the time for it begins again."""
        self._pipe.send(("loading", None))

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Open no door while this lasts, even where there is need of the network."""
        try:
            import resource
        except ImportError:
            yield
            return
        now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))

    def printing(self) -> None:
        """Tell that the result is there and is only written out: a reader may take as long as they like."""
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._pipe.send(("printing", None))
        self._pipe.recv()  # by now the terminal is clear of what was told


def can_fork() -> bool:
    """Tell whether a child has what its parent has loaded."""
    import multiprocessing

    return "fork" in multiprocessing.get_all_start_methods() and sys.platform != "darwin"


def run(work: Work, limits: Limits, tell: Callable[[float], None] = lambda _: None) -> Any:
    """Return what the work returns; raise StoppedError where it met a bound or broke down, OSError for want of room.

    The work inherits standard output and may write to it. Seconds that pass are told to *tell*, of loading
    and then of work; 0 at the end takes it back.
    """
    import multiprocessing

    context = multiprocessing.get_context("fork" if can_fork() else "spawn")
    ours, theirs = context.Pipe()
    sys.stdout.flush()
    listened, held = context.Pipe(duplex=False)
    arguments = (work, theirs, limits, os.getpid(), listened, (ours, held))
    process = context.Process(target=_work, args=arguments, daemon=True)  # type: ignore[attr-defined]
    process.start()
    theirs.close()
    listened.close()
    told, steps = _Told(tell), [""]
    try:
        return _watch(process, ours, limits, told, steps)
    except StoppedError as error:
        error.step = steps[-1]
        raise
    finally:
        told.clear()
        process.kill()
        process.join()
        held.close()
        ours.close()


Begin = Callable[[str], None]
"""Told the name of each step, such as the file of a query, before it begins."""


def each(work: Callable[[Begin], Any], *expected: type[Exception], limits: Limits | None = None) -> Any:
    """Return what work of several steps returns, each of which has the bounds for itself, and reaches nothing.

    Raises what the work raises, where it is *expected*, and StoppedError, whose ``step`` says in which it was. Where a
    process cannot be forked, there is no bound.
    """
    if not can_fork():
        return work(lambda _: None)

    def bounded(signals: Signals) -> tuple[Any, Exception | None]:
        try:
            return work(lambda step: signals.ready(step=step)), None
        except expected as error:
            return None, error

    result, error = run(bounded, limits or EACH)
    if error is not None:
        raise error
    return result


class _Told:
    """What a user was told of the time that passes, which is taken away again."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        self._tell = tell
        self._shown = False

    def __call__(self, seconds: float) -> None:
        self._shown = True
        self._tell(seconds)

    def clear(self) -> None:
        """Take it away, where there is something."""
        if self._shown:
            self._tell(0)
        self._shown = False


def _watch(process: Any, pipe: Any, limits: Limits, told: _Told, steps: list[str]) -> Any:
    loading = time.monotonic()
    began: float | None = None
    printing = False
    while True:
        left = 1.0 if printing else _count_seconds_left(loading, began, limits)
        if not pipe.poll(left):
            if not printing:
                told(time.monotonic() - (loading if began is None else began))
            continue
        try:
            word, value = pipe.recv()
        except EOFError:
            process.join()
            raise StoppedError(_reason(process.exitcode, limits)) from None
        if word == "ready":
            began = time.monotonic()
            steps[:] = [value]
        elif word == "loading":
            loading, began, printing = time.monotonic(), None, False
        elif word == "stopped":
            raise StoppedError(value)
        elif word == "printing":
            told.clear()
            began, printing = None, True
            pipe.send("go on")
        elif word == "result":
            return value
        elif word == "full":
            raise OSError(*value)
        elif word == "memory":
            raise StoppedError(_reason(-signal.SIGABRT, limits))
        else:
            raise RuntimeError(value)


def _count_seconds_left(loading: float, began: float | None, limits: Limits) -> float:
    """Return the seconds to wait for a word, at most one; raise StoppedError where the time is over."""
    most = limits.seconds + (limits.loading if began is None else 0)
    left = most - (time.monotonic() - (loading if began is None else began))
    if left <= 0 and began is None:
        raise StoppedError(f"stopped: not read within {most:g} s; ask for less, or allow more with --timeout")
    if left <= 0:
        raise StoppedError(f"stopped after {limits.seconds:g} s; ask for less, or allow more with --timeout")
    return min(1.0, left + 0.001)


def _reason(code: int | None, limits: Limits) -> str:
    if code is not None and code < 0 and -code in (signal.SIGABRT, signal.SIGKILL):
        return f"stopped: it took more than {limits.megabytes:,} MB; ask for less, or allow more with --memory"
    if code is not None and code < 0:
        return f"stopped: the engine broke down ({signal.Signals(-code).name}); the query may be nested too deep"
    return f"stopped: the engine ended without a result (code {code})"


def _work(work: Work, pipe: Any, limits: Limits, parent: int, listened: Any, ends: Sequence[Any]) -> None:
    """Do the work, in the child, in bounds from its first byte; whatever happens is sent to the parent.

    *ends* are the parent's ends of the pipes, of which a fork has copies.
    """
    for end in ends:
        end.close()
    _die_with(parent, listened)
    faulthandler.disable()  # an engine that breaks down is told in one line
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(ImportError, OSError, ValueError):
        _bound_memory(limits)
    with Path(os.devnull).open("wb") as nothing:  # the engine says on standard error that memory is short, and dies
        os.dup2(nothing.fileno(), 2)
    try:
        message = ("result", work(Signals(pipe, limits)))
        sys.stdout.flush()
    except MemoryError:
        message = ("memory", None)
    except BrokenPipeError:  # the reader, such as `head`, has enough
        message = ("result", None)
    except StoppedError as error:
        message = ("stopped", str(error))
    except OSError as error:
        message = ("broken", traceback.format_exc())
        if error.errno in FULL:
            message = ("full", (error.errno, error.strerror))
            _forget_output()
    except Exception:  # sent on whole, and raised there
        message = ("broken", traceback.format_exc())
    pipe.send(message)
    pipe.close()
    os._exit(0)


def _forget_output() -> None:
    """Have what cannot be written go nowhere."""
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 1)


def _die_with(parent: int, listened: Any) -> None:
    """Have this process end when its parent does, however that ends.

    On Linux the kernel sees to it (prctl(2), PR_SET_PDEATHSIG); elsewhere a thread notices that a pipe is closed.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    else:
        import threading

        threading.Thread(target=_end_with, args=(listened,), daemon=True).start()
    if os.getppid() != parent:  # it ended before
        os._exit(1)


def _end_with(listened: Any) -> None:
    """Wait until nobody holds the other end of a pipe, and end this process."""
    with contextlib.suppress(EOFError, OSError):
        listened.recv()
    os._exit(1)


def _bound_memory(limits: Limits) -> None:
    """Let this process take so much memory beyond what it holds, and leave no core dump."""
    import resource

    most = min(_count_bytes_held() + limits.megabytes * _MEGABYTE, sys.maxsize)
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _count_bytes_held() -> int:
    """Return the bytes of address space in use."""
    with Path("/proc/self/statm").open("rb") as stream:
        return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
