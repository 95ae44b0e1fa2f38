"""Connections in, requests out: uvicorn's HTTP, with bounds on who keeps one open and neither asks nor reads."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 64 * 1024
"""Bytes that may come before a request is whole."""
PATIENCE = 10.0
"""Seconds in which the head of a request has to come."""
WRITTEN = 64 * 1024
"""Bytes that are held until a turn is over."""
STALLED = 60.0
"""Seconds after which a reader who takes nothing is hung up on."""


class Connections:
    """All connections of a server; above the bound, the one that has been silent the longest goes."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open = 0
        self.silent: dict[Connection, None] = {}

    def __call__(self, **given: Any) -> Connection:
        """Return what takes one connection, as uvicorn asks for it."""
        return Connection(self, **given)


class Together:
    """A transport that sends in one piece what is written in one turn: a head with its body, not each by itself."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        """Do all else as the transport does it."""
        return getattr(self._transport, name)

    def write(self, part: bytes) -> None:
        """Take bytes; they leave when the turn is over, or when they are many."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(part)
        self._size += len(part)
        if self._size > WRITTEN:
            self.flush()

    def flush(self) -> None:
        """Send what is held."""
        if self._held:
            whole = b"".join(self._held)
            self._held.clear()
            self._size = 0
            if not self._transport.is_closing():
                self._transport.write(whole)

    def is_closing(self) -> bool:
        """Tell whether nothing leaves any more."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Send what is held, and close."""
        self.flush()
        self._transport.close()


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, all_: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._all = all_
        self._head = 0
        self._silence: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, at the cost of a silent one where there are too many."""
        super().connection_made(cast("asyncio.Transport", Together(transport, self.loop)))
        self._all.open += 1
        if self._all.open > self._all.most:
            oldest = next(iter(self._all.silent), self)
            oldest.transport.abort()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._all.open -= 1
        self._ask()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head has to come in its time and size."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self._ask()
            return
        self._head += len(data)
        if self._head > HEAD:
            self.send_400_response(f"The head of a request may have {HEAD} bytes")
        else:
            self._wait()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._all.silent[self] = None

    def pause_writing(self) -> None:
        """Wait for the reader, for a time."""
        super().pause_writing()
        self._stall = self._stall or self.loop.call_later(STALLED, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _wait(self) -> None:
        self._all.silent.setdefault(self)
        self._silence = self._silence or self.loop.call_later(PATIENCE, self.transport.close)

    def _ask(self) -> None:
        self._head = 0
        self._all.silent.pop(self, None)
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
