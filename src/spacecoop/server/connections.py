"""Connections in, requests out: uvicorn's HTTP, with bounds on who keeps one open and neither asks nor reads."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD = 64 * 1024
"""Bytes that may come before a request is whole."""
PATIENCE = 10.0
"""Seconds in which the head of a request has to come."""
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
        super().connection_made(transport)
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
