"""Work in, its result out, or the reason why it was stopped: work in a process of its own, with bounds."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Work = Callable[["Signals"], Any]
_MEGABYTE = 1024 * 1024


class StoppedError(Exception):
    """The work did not end by itself; the message says which bound it met."""


@dataclass(frozen=True)
class Limits:
    """What work may take, once it is ready to begin."""

    seconds: float = 60
    megabytes: int = 2048
    """Memory beyond that which is held when the work begins."""


class Signals:
    """How work tells what it has come to."""

    def __init__(self, pipe: Any, limits: Limits) -> None:
        self._pipe = pipe
        self.limits = limits

    def ready(self, network: bool = False) -> None:
        """Tell that all is loaded: from now on the bounds hold, and without *network* no door opens."""
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            held = _held() + self.limits.megabytes * _MEGABYTE
            resource.setrlimit(resource.RLIMIT_AS, (held, resource.getrlimit(resource.RLIMIT_AS)[1]))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if not network:  # a socket needs a file descriptor, and there are none to be had
                resource.setrlimit(resource.RLIMIT_NOFILE, (0, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        self._pipe.send(("ready", None))

    def printing(self) -> None:
        """Tell that the result is there and is only written out: a reader may take as long as they like."""
        with contextlib.suppress(ImportError, OSError, ValueError):
            import resource

            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._pipe.send(("printing", None))
        self._pipe.recv()  # by now the terminal is clear of what was told


def run(work: Work, limits: Limits, tell: Callable[[float], None] = lambda _: None) -> Any:
    """Return what the work returns; raise StoppedError where it met a bound or broke down.

    The work inherits standard output and may write to it. Seconds that pass are told to *tell*, of loading
    and then of work; 0 at the end takes it back.
    """
    import multiprocessing

    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods and sys.platform != "darwin" else "spawn")
    ours, theirs = context.Pipe()
    sys.stdout.flush()
    process = context.Process(target=_work, args=(work, theirs, limits), daemon=True)  # type: ignore[attr-defined]
    process.start()
    theirs.close()
    told = _Told(tell)
    try:
        return _watch(process, ours, limits, told)
    finally:
        told.clear()
        process.kill()
        process.join()


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


def _watch(process: Any, pipe: Any, limits: Limits, told: _Told) -> Any:
    loading = time.monotonic()
    began: float | None = None
    printing = False
    while True:
        passed = 0.0 if began is None else time.monotonic() - began
        if began is not None and passed > limits.seconds:
            raise StoppedError(f"stopped after {limits.seconds:g} s; ask for less, or allow more with --timeout")
        left = 1.0 if began is None else min(1.0, limits.seconds - passed + 0.001)
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
        elif word == "printing":
            told.clear()
            began, printing = None, True
            pipe.send("go on")
        elif word == "result":
            return value
        elif word == "memory":
            raise StoppedError(_reason(-signal.SIGABRT, limits))
        else:
            raise RuntimeError(value)


def _reason(code: int | None, limits: Limits) -> str:
    if code is not None and code < 0 and -code in (signal.SIGABRT, signal.SIGKILL):
        return f"stopped: it took more than {limits.megabytes:,} MB; ask for less, or allow more with --memory"
    if code is not None and code < 0:
        return f"stopped: the engine broke down ({signal.Signals(-code).name}); the query may be nested too deep"
    return f"stopped: the engine ended without a result (code {code})"


def _work(work: Work, pipe: Any, limits: Limits) -> None:
    """Do the work, in the child; whatever happens is sent to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with Path(os.devnull).open("wb") as nothing:  # the engine says on standard error that memory is short, and dies
        os.dup2(nothing.fileno(), 2)
    try:
        message = ("result", work(Signals(pipe, limits)))
        sys.stdout.flush()
    except MemoryError:
        message = ("memory", None)
    except BrokenPipeError:  # the reader, such as `head`, has enough
        message = ("result", None)
    except Exception:  # sent on whole, and raised there
        message = ("broken", traceback.format_exc())
    pipe.send(message)
    pipe.close()
    os._exit(0)


def _held() -> int:
    """Return the bytes of address space in use."""
    with Path("/proc/self/statm").open("rb") as stream:
        return int(stream.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
